//! Uses sockets of two versions of WASI 0.2: the standard library's, and those of wstd.

use std::net::{TcpStream, UdpSocket};

#[wstd::main]
async fn main() {
    println!(
        "std connect: {:?}",
        TcpStream::connect("127.0.0.1:9").map_err(|e| e.kind())
    );
    println!(
        "std udp: {:?}",
        UdpSocket::bind("127.0.0.1:0").map_err(|e| e.kind())
    );
    let connected = wstd::net::TcpStream::connect("127.0.0.1:9").await;
    println!(
        "wstd connect: {:?}",
        connected.map(drop).map_err(|e| e.kind())
    );
    let listened = wstd::net::TcpListener::bind("127.0.0.1:0").await;
    println!(
        "wstd listen: {:?}",
        listened.map(drop).map_err(|e| e.kind())
    );
}
