//! A server and its client in one program, over loopback. What it prints depends on no port.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

fn main() -> Result<()> {
    for ip in ["127.0.0.1", "[::1]"] {
        println!("over {ip}");
        conversation(ip)?;
        a_lot(ip)?;
        half_closed(ip)?;
        datagrams(ip)?;
    }
    lookups();
    failures();
    Ok(())
}

/// A listener, and a connection to it from both sides.
fn connection(ip: &str) -> Result<(TcpListener, TcpStream, TcpStream)> {
    let listener = TcpListener::bind(format!("{ip}:0"))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, peer) = listener.accept()?;
    assert_eq!(peer, client.local_addr()?);
    assert_eq!(server.local_addr()?, client.peer_addr()?);
    Ok((listener, client, server))
}

fn conversation(ip: &str) -> Result<()> {
    let (_listener, mut client, mut server) = connection(ip)?;
    for length in [1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1000] {
        let said: Vec<u8> = (0..length).map(|i| i as u8).collect();
        client.write_all(&said)?;
        let mut heard = vec![0; length];
        server.read_exact(&mut heard)?;
        assert_eq!(heard, said, "{length} bytes");
        server.write_all(&heard)?;
        let mut echo = vec![0; length];
        client.read_exact(&mut echo)?;
        assert_eq!(echo, said, "{length} bytes back");
    }
    println!("  what was said was heard");
    Ok(())
}

/// More than any buffer holds, written and read by turns in pieces that one holds.
fn a_lot(ip: &str) -> Result<()> {
    const ALL: usize = 5_000_000;
    let (_listener, mut client, mut server) = connection(ip)?;
    let byte = |i: usize| (i * 31 / 7) as u8;
    let mut moved = 0;
    for length in (1..).map(|i| i * 977 % 20_000 + 1) {
        let piece: Vec<u8> = (moved..ALL.min(moved + length)).map(byte).collect();
        client.write_all(&piece)?;
        let mut heard = vec![0; piece.len()];
        server.read_exact(&mut heard)?;
        assert_eq!(heard, piece, "from byte {moved}");
        moved += piece.len();
        if moved == ALL {
            break;
        }
    }
    println!("  {moved} bytes arrived");
    Ok(())
}

fn half_closed(ip: &str) -> Result<()> {
    let (_listener, mut client, mut server) = connection(ip)?;
    client.write_all(b"a question")?;
    client.shutdown(Shutdown::Write)?;
    let mut question = String::new();
    server.read_to_string(&mut question)?;
    server.write_all(question.to_uppercase().as_bytes())?;
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    println!("  {question}: {answer}");
    Ok(())
}

fn datagrams(ip: &str) -> Result<()> {
    let one = UdpSocket::bind(format!("{ip}:0"))?;
    let two = UdpSocket::bind(format!("{ip}:0"))?;
    one.send_to(b"a datagram", two.local_addr()?)?;
    let mut buffer = [0; 100];
    let (count, from) = two.recv_from(&mut buffer)?;
    assert_eq!(from, one.local_addr()?);
    two.connect(from)?;
    two.send(&buffer[..count])?;
    let count = one.recv(&mut buffer)?;
    println!("  {}", String::from_utf8_lossy(&buffer[..count]));
    Ok(())
}

fn lookups() {
    for name in ["127.0.0.1", "::1", "db.test", "gone.test", "example.com"] {
        let found = (name, 80).to_socket_addrs();
        let found = found.map(|found| found.map(|it| it.ip().to_string()).collect::<Vec<_>>());
        match found {
            Ok(found) => println!("{name}: {}", found.join(", ")),
            Err(_) => println!("{name}: nothing"),
        }
    }
}

fn failures() {
    let nobody: SocketAddr = ([127, 0, 0, 1], 9).into();
    let refused = TcpStream::connect(nobody).map(drop);
    println!("nobody listens: {:?}", refused.map_err(|e| e.kind()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let again = TcpListener::bind(listener.local_addr().expect("an address"));
    println!("bound twice: {:?}", again.map(drop).map_err(|e| e.kind()));
}
