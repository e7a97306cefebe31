//! Steps of a conversation, one after the other, with the sockets of Rust's standard library. `\r`, `\n`
//! and `\xNN` in texts are bytes.

use std::io::{Error, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

/// The sockets that steps are about, and when it began.
pub struct Has {
    begin: Instant,
    stream: Option<TcpStream>,
    listener: Option<TcpListener>,
    socket: Option<UdpSocket>,
}

impl Default for Has {
    fn default() -> Self {
        Has {
            begin: Instant::now(),
            stream: None,
            listener: None,
            socket: None,
        }
    }
}

impl Has {
    /// Does a step, and says what came of it.
    pub fn act(&mut self, step: &str) -> String {
        if step == "time" {
            return format!("{} ms have passed", self.begin.elapsed().as_millis());
        }
        match self.run(step) {
            Ok(said) => format!("{step}: {said}"),
            Err(e) => format!("{step}: {:?}", e.kind()),
        }
    }

    fn stream(&mut self) -> Result<&mut TcpStream> {
        self.stream.as_mut().ok_or(Error::other("no stream"))
    }

    fn socket(&mut self) -> Result<&mut UdpSocket> {
        self.socket.as_mut().ok_or(Error::other("no socket"))
    }

    fn run(&mut self, arg: &str) -> Result<String> {
        let (word, rest) = arg.split_once(' ').unwrap_or((arg, ""));
        let mut said = "done".to_owned();
        match word {
            "connect" => self.stream = Some(TcpStream::connect(rest)?),
            "listen" => self.listener = Some(TcpListener::bind(rest)?),
            "accept" => {
                let listener = self.listener.as_ref().ok_or(Error::other("no listener"))?;
                let (stream, from) = listener.accept()?;
                self.stream = Some(stream);
                said = from.to_string();
            }
            "write" => self.stream()?.write_all(&unescaped(rest))?,
            "read" => {
                let mut bytes = vec![0; number(rest)?];
                let count = self.stream()?.read(&mut bytes)?;
                said = shown(&bytes[..count]);
            }
            "read-all" => {
                let mut bytes = Vec::new();
                let read = self.stream()?.read_to_end(&mut bytes);
                said = shown(&bytes);
                if let Err(e) = read {
                    said.push_str(&format!(" then {:?}", e.kind()));
                }
            }
            "copy" => {
                let stream = &*self.stream()?;
                let (mut from, mut to) = (stream, stream);
                said = format!("{} bytes", std::io::copy(&mut from, &mut to)?);
            }
            "timeout" => {
                let time = Duration::from_millis(number(rest)? as u64);
                self.stream()?.set_read_timeout(Some(time))?;
            }
            "shutdown" => self.stream()?.shutdown(Shutdown::Write)?,
            "close" => drop(self.stream.take()),
            "bind" => self.socket = Some(UdpSocket::bind(rest)?),
            "send" => {
                let (to, text) = rest.split_once(' ').ok_or(Error::other("no text"))?;
                self.socket()?.send_to(&unescaped(text), to)?;
            }
            "receive" => {
                let mut bytes = [0; 2000];
                let (count, from) = self.socket()?.recv_from(&mut bytes)?;
                said = format!("{} from {from}", shown(&bytes[..count]));
            }
            "wait-for-datagrams" => {
                let time = Duration::from_millis(number(rest)? as u64);
                self.socket()?.set_read_timeout(Some(time))?;
            }
            "resolve" => {
                let addresses = (rest, 1).to_socket_addrs()?.map(|it| it.ip().to_string());
                said = addresses.collect::<Vec<_>>().join(" ");
            }
            "sleep" => std::thread::sleep(Duration::from_millis(number(rest)? as u64)),
            "date" => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                said = format!("{} days", since.map_err(Error::other)?.as_secs() / 86_400);
            }
            "exit" => std::process::exit(number(rest)? as i32),
            _ => panic!("cannot read `{arg}`"),
        }
        Ok(said)
    }
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(Error::other)
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, true) => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'x') => {
                    let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                    u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).expect("a byte")
                }
                other => other.unwrap_or(b'\\'),
            },
            (byte, false) => byte,
        });
    }
    bytes
}

fn shown(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=100 => format!("\"{}\"", bytes.escape_ascii()),
        count => format!("{count} bytes"),
    }
}
