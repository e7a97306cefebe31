//! Uses the sockets of WASI 0.2, through the standard library, and of 0.3 in one program.

use std::net::TcpStream;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket, UdpSocket};

fn main() {
    println!(
        "0.2 connect: {:?}",
        TcpStream::connect("127.0.0.1:9").map_err(|e| e.kind())
    );
    println!(
        "0.3 tcp: {:?}",
        TcpSocket::create(IpAddressFamily::Ipv4).map(drop)
    );
    println!(
        "0.3 udp: {:?}",
        UdpSocket::create(IpAddressFamily::Ipv6).map(drop)
    );
}
