//! What programs talk to: native servers and clients on loopback.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a peer waits for a program to come up, or to say something. None needs a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port of this address that nobody had a moment ago, and that nobody gets who does not ask for it:
/// none of those that Linux gives to sockets by itself, 32768 and up.
pub fn free_port(ip: &str) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    let ip: IpAddr = ip.parse().expect("an address");
    // Processes begin apart from each other.
    let start = std::process::id().wrapping_mul(97);
    let free = (0..COUNT).find_map(|_| {
        let next = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = (FIRST + next % COUNT) as u16;
        let is_free = TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok();
        is_free.then_some(port)
    });
    free.expect("loopback has free ports")
}

/// An address of the machine's own that is not loopback: that of the interface which leads away.
/// Nothing is sent to find it.
pub fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let away = "198.51.100.1:9";
    socket.connect(away).expect("the machine has a network");
    socket.local_addr().expect("an address").ip()
}

/// An address of IPv6 that is the machine's own, if it has one.
pub fn own_address_of_6() -> Option<IpAddr> {
    let socket = UdpSocket::bind("[::]:0").ok()?;
    socket.connect("[2001:db8::1]:9").ok()?;
    let own = socket.local_addr().ok()?.ip();
    Some(own).filter(|it| !it.is_loopback() && !it.is_unspecified())
}

/// A TCP server on this address that says back what it hears, to everybody, as long as the
/// process runs.
pub fn echo_server(ip: &str) -> SocketAddr {
    tcp_server(ip, |mut stream| {
        let mut bytes = [0; 65_536];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            if stream.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
    })
}

/// A TCP server that hears somebody out, and says it back in upper case.
pub fn upper_case_server(ip: &str) -> SocketAddr {
    tcp_server(ip, |mut stream| {
        let mut heard = String::new();
        let _ = stream.read_to_string(&mut heard);
        let _ = stream.write_all(heard.to_uppercase().as_bytes());
    })
}

/// A TCP server that greets everybody with a word and hangs up.
pub fn greeter(ip: &str, word: &'static str) -> SocketAddr {
    tcp_server(ip, move |mut stream| {
        let _ = stream.write_all(word.as_bytes());
        // Hanging up on bytes that were not read would cut the greeting.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut [0; 1_024]);
    })
}

/// A greeter who says `welcome`, and the port.
pub fn welcome() -> (SocketAddr, u16) {
    let greeter = greeter("127.0.0.1", "welcome");
    (greeter, greeter.port())
}

/// A TCP server that reads all and says nothing.
pub fn sink(ip: &str) -> SocketAddr {
    tcp_server(ip, |mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

/// An HTTP server that answers each request with its first line.
pub fn http_server(ip: &str) -> SocketAddr {
    tcp_server(ip, |mut stream| {
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => heard.push(byte[0]),
                _ => return,
            }
        }
        let heard = String::from_utf8_lossy(&heard);
        let body = heard.lines().next().unwrap_or_default();
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn tcp_server(ip: &str, serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let ip: IpAddr = ip.parse().expect("an address");
    let listener = TcpListener::bind((ip, 0)).expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A UDP server that says each datagram back.
pub fn udp_echo_server(ip: &str) -> SocketAddr {
    let socket = udp_socket(ip);
    // However long the program takes to come up.
    socket.set_read_timeout(None).expect("it is none");
    let address = socket.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..length], from);
        }
    });
    address
}

/// A UDP socket that waits no longer than a test should.
pub fn udp_socket(ip: &str) -> UdpSocket {
    let ip: IpAddr = ip.parse().expect("an address");
    let socket = UdpSocket::bind((ip, 0)).expect("loopback has free ports");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("it is a duration");
    socket
}

/// A peer that the program sends to, and a stranger that sends to the program before it.
pub fn peer_and_stranger() -> (SocketAddr, thread::JoinHandle<std::io::Result<SocketAddr>>) {
    peer_and_late_stranger(0)
}

/// As [`peer_and_stranger`]; so many datagrams have been answered by the peer alone before.
pub fn peer_and_late_stranger(
    answers: usize,
) -> (SocketAddr, thread::JoinHandle<std::io::Result<SocketAddr>>) {
    let (peer, stranger) = (
        udp_socket("127.0.0.1"),
        UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports"),
    );
    let address = peer.local_addr().expect("it is bound");
    let talk = thread::spawn(move || {
        for _ in 0..answers {
            let (_, program) = peer.recv_from(&mut [0; 64])?;
            peer.send_to(b"from a peer", program)?;
        }
        let (_, program) = peer.recv_from(&mut [0; 64])?;
        stranger.send_to(b"from a stranger", program)?;
        peer.send_to(b"from a peer", program)?;
        stranger.local_addr()
    });
    (address, talk)
}

/// Connects to a program that is about to listen, from this address, says a text and gives what
/// comes back until the program hangs up.
pub fn ask(from: &str, server: SocketAddr, text: &str) -> Result<String> {
    let mut stream = connect_from(from, server)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Connects from this address to a program that is about to listen.
pub fn connect_from(from: &str, server: SocketAddr) -> Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let started = Instant::now();
    loop {
        let connected = runtime.block_on(async {
            let socket = match server {
                SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
                SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
            };
            let from: IpAddr = from.parse().expect("an address");
            socket.bind((from, 0).into())?;
            socket.connect(server).await?.into_std()
        });
        match connected {
            Ok(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(e) if started.elapsed() > PATIENCE => {
                return Err(e).with_context(|| format!("nobody listens at {server}"));
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// A Redis server, with nothing in it. It ends with this value.
pub struct Redis {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Result<Redis> {
        let folder = tempfile::tempdir()?;
        let port = free_port("127.0.0.1");
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .context("`redis-server` does not start: install the package of this name")?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let redis = Redis {
            process,
            address,
            _folder: folder,
        };
        // It is up once it answers.
        let mut stream = connect_from("127.0.0.1", address)?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        ensure!(&answer == b"+PONG\r\n", "what answers is no Redis");
        Ok(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
