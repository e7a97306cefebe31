//! A client of servers that are components beside it. What it prints depends on no port.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

wit_bindgen::generate!({ path: "../service/wit", world: "client" });

/// Talks to a server by way of its interface's functions.
macro_rules! talk {
    ($server:ident) => {{
        use test::neighbours::$server as server;
        println!("{}", stringify!($server));
        let port = server::listen(0).expect("a port");
        let again = TcpListener::bind(("127.0.0.1", port)).map(drop);
        println!("  its port is taken: {:?}", again.map_err(|e| e.kind()));
        let mut client = TcpStream::connect(("127.0.0.1", port))?;
        let peer = server::accept().expect("a connection");
        assert_eq!(peer, client.local_addr()?.to_string());
        for count in [1, 7, 8, 9, 63, 64, 65, 127, 1000, 20_000, 65_536] {
            let said: Vec<u8> = (0..count).map(|i| (i * 31 / 7) as u8).collect();
            client.write_all(&said)?;
            server::echo(count).expect("it has a connection");
            let mut heard = vec![0; said.len()];
            client.read_exact(&mut heard)?;
            assert!(heard == said, "{count} bytes");
        }
        println!("  what was said came back");
        client.write_all(b"a question")?;
        client.shutdown(Shutdown::Write)?;
        println!("  it heard: {:?}", server::finish());
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        println!("  it said: {answer}");
        datagrams(port, server::reply)?;
        println!("  nobody to talk to: {:?}", server::echo(1));
        println!("  it finds {:?}", server::look_up("db.test"));
        println!("  not twice: {:?}", server::listen(port));
        port
    }};
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let argument = args.next();
    if argument.as_deref() == Some("outside") {
        let [stream, datagram, denied] = [(); 3].map(|()| args.next().expect("an address"));
        return outside(&stream, &datagram, &denied);
    }
    let one = talk!(service);
    let two = talk!(another);
    println!("each has its own: {}", one != two);
    let found = ("db.test", 80).to_socket_addrs();
    let found: Vec<_> = found
        .into_iter()
        .flatten()
        .map(|it| it.ip().to_string())
        .collect();
    println!("here: {found:?}");
    test::neighbours::another::close();
    let refused = TcpStream::connect(("127.0.0.1", two)).map(drop);
    println!("nobody listens: {:?}", refused.map_err(|e| e.kind()));
    let taken = TcpListener::bind(("127.0.0.1", two)).map(drop);
    println!("its port is free: {:?}", taken.map_err(|e| e.kind()));
    if argument.as_deref() == Some("wait") {
        println!("nobody comes: {:?}", test::neighbours::service::accept());
    }
    Ok(())
}

/// Each of them talks to who is outside, and to each other meanwhile.
fn outside(stream: &str, datagram: &str, denied: &str) -> Result<()> {
    use test::neighbours::{another, service};
    let port = service::listen(0).expect("a port");
    let mut here = TcpStream::connect(("127.0.0.1", port))?;
    println!("it hears: {:?}", service::accept().map(drop));
    println!("one: {:?}", service::ask(stream));
    println!("two: {:?}", another::ask(stream));
    println!("denied: {:?}", another::ask(denied));
    let mut there = TcpStream::connect(stream)?;
    let refused = TcpStream::connect(denied).map(drop);
    println!("denied: {:?}", refused.map_err(|e| e.kind()));
    there.write_all(b"the client")?;
    here.write_all(b"a question")?;
    here.shutdown(Shutdown::Write)?;
    there.shutdown(Shutdown::Write)?;
    println!("inside: {:?}", service::finish());
    for mut end in [here, there] {
        let mut answer = String::new();
        end.read_to_string(&mut answer)?;
        println!("answered: {answer}");
    }
    // One socket for both.
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(b"inside", ("127.0.0.1", port))?;
    println!("replied: {:?}", service::reply().map(drop));
    socket.send_to(b"outside", datagram)?;
    let mut heard = Vec::new();
    for _ in 0..2 {
        let mut bytes = [0; 10];
        let (count, from) = socket.recv_from(&mut bytes)?;
        let is_here = from == SocketAddr::from(([127, 0, 0, 1], port));
        heard.push((
            is_here,
            String::from_utf8_lossy(&bytes[..count]).into_owned(),
        ));
    }
    heard.sort();
    println!("heard: {heard:?}");
    Ok(())
}

fn datagrams(port: u16, reply: fn() -> std::result::Result<String, String>) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    for count in [0, 1, 63, 64, 65, 1500, 60_000] {
        let said: Vec<u8> = (0..count).map(|i| i as u8).collect();
        socket.send_to(&said, ("127.0.0.1", port))?;
        assert_eq!(
            reply().expect("a datagram"),
            socket.local_addr()?.to_string()
        );
        let mut heard = vec![0; 65_536];
        let (length, from) = socket.recv_from(&mut heard)?;
        assert_eq!(from.port(), port);
        assert!(heard[..length] == said, "{count} bytes");
    }
    println!("  datagrams came back");
    Ok(())
}
