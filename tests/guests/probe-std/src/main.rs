//! Carries out what its arguments say with the sockets of Rust's standard library, and prints what
//! it gets: `connect HOST:PORT`, `resolve HOST:PORT`, `get HOST:PORT PATH`, `ask LOCAL REMOTE TEXT`
//! by UDP, `both LOCAL REMOTE` with a socket that sends to each, `serve ADDRESS COUNT` by TCP and
//! `serve-udp ADDRESS COUNT`.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

fn main() {
    for arg in std::env::args().skip(1) {
        match run(&arg) {
            Ok(said) => println!("{arg} -> {said}"),
            Err(e) => println!("{arg} -> {:?}", e.kind()),
        }
    }
}

fn run(arg: &str) -> Result<String> {
    let words: Vec<_> = arg.split(' ').collect();
    match words[..] {
        ["connect", to] => TcpStream::connect(to)?.peer_addr().map(shown),
        ["resolve", name] => Ok(format!("{:?}", name.to_socket_addrs()?.collect::<Vec<_>>())),
        ["get", host, path] => get(host, path),
        ["ask", local, remote, text] => ask(local, remote, text),
        ["both", local, remote] => both(local, remote),
        ["serve", address, count] => serve(address, number(count)?),
        ["serve-udp", address, count] => serve_udp(address, number(count)?),
        _ => panic!("cannot read `{arg}`"),
    }
}

fn shown(address: SocketAddr) -> String {
    address.to_string()
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(Error::other)
}

/// One request of HTTP/1.1, and the body of its answer, by its length.
fn get(host: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = number(value)?;
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    String::from_utf8(body).map_err(Error::other)
}

/// A datagram there, and the next one that comes.
fn ask(local: &str, remote: &str, text: &str) -> Result<String> {
    let socket = UdpSocket::bind(local)?;
    socket.send_to(text.as_bytes(), remote)?;
    let mut answer = [0; 1_500];
    let (length, from) = socket.recv_from(&mut answer)?;
    Ok(format!(
        "{} from {from}",
        String::from_utf8_lossy(&answer[..length])
    ))
}

/// A socket on a wildcard address sends to one of the program's own, and to another that says back
/// what it hears. In the end it looks for what does not come.
fn both(local: &str, remote: &str) -> Result<String> {
    let server = UdpSocket::bind(local)?;
    let socket = UdpSocket::bind(match local.starts_with('[') {
        true => "[::]:0",
        false => "0.0.0.0:0",
    })?;
    let mut buffer = [0; 100];
    let mut heard = Vec::new();
    for (to, text) in [(remote, "there"), (local, "here"), (remote, "there")] {
        socket.send_to(text.as_bytes(), to)?;
        if to == local {
            let (length, from) = server.recv_from(&mut buffer)?;
            server.send_to(&buffer[..length], from)?;
        }
        let (length, from) = socket.recv_from(&mut buffer)?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        heard.push(format!("{text} from {from}"));
    }
    // The C library of Rust 1.95 knows no timeouts of sockets.
    socket.set_nonblocking(true)?;
    std::thread::sleep(Duration::from_millis(5));
    let nothing = socket.recv_from(&mut buffer).map_err(|e| e.kind());
    Ok(format!("{}, {nothing:?}", heard.join(", ")))
}

/// Says back to so many clients, one after the other, what each says until it says no more.
fn serve(address: &str, count: usize) -> Result<String> {
    let listener = TcpListener::bind(address)?;
    let mut bytes = 0;
    for _ in 0..count {
        let (mut stream, _) = listener.accept()?;
        let mut said = Vec::new();
        stream.read_to_end(&mut said)?;
        stream.write_all(&said)?;
        bytes += said.len();
    }
    Ok(format!("{bytes} bytes"))
}

/// Says so many datagrams back.
fn serve_udp(address: &str, count: usize) -> Result<String> {
    let socket = UdpSocket::bind(address)?;
    let mut datagram = [0; 1_500];
    let mut bytes = 0;
    for _ in 0..count {
        let (length, from) = socket.recv_from(&mut datagram)?;
        socket.send_to(&datagram[..length], from)?;
        bytes += length;
    }
    Ok(format!("{bytes} bytes"))
}
