//! A client of servers that are components beside it. What it prints depends on no port.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

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
    if std::env::args().any(|it| it == "wait") {
        println!("nobody comes: {:?}", test::neighbours::service::accept());
    }
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
