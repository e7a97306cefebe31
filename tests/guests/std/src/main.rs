//! Uses every kind of socket that Rust's standard library has, and prints what it gets.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

fn show<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => println!("{what}: ok"),
        Err(e) => println!("{what}: {:?} ({e})", e.kind()),
    }
}

fn main() {
    println!("hello from a program with sockets");
    show("connect v4", TcpStream::connect("127.0.0.1:9"));
    show("connect v6", TcpStream::connect("[::1]:9"));
    let remote = "127.0.0.1:9".parse().unwrap();
    show(
        "connect timeout",
        TcpStream::connect_timeout(&remote, Duration::from_secs(1)),
    );
    show("listen v4", TcpListener::bind("127.0.0.1:0"));
    show("listen v6", TcpListener::bind("[::1]:0"));
    show("udp v4", UdpSocket::bind("127.0.0.1:0"));
    show("udp v6", UdpSocket::bind("[::1]:0"));
    show("lookup", ("example.com", 80).to_socket_addrs());
    show("lookup and connect", TcpStream::connect("example.com:80"));
    show("a file", std::fs::read("/no/such/file"));
    if let Ok(mut stream) = TcpStream::connect("127.0.0.1:9") {
        let _ = stream.write_all(b"never");
        let _ = stream.read(&mut [0]);
    }
    let denied = TcpStream::connect("127.0.0.1:9").unwrap_err().kind();
    std::process::exit(if denied == ErrorKind::PermissionDenied {
        7
    } else {
        8
    });
}
