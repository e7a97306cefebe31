//! Uses the sockets of WASI 0.2, through the standard library, and of 0.3 in one program, which is one of
//! 0.2.

extern crate alloc;

#[allow(dead_code, reason = "each program has its part")]
#[path = "../../local-3/src/net.rs"]
mod net;

use net::{Connection, connect};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::pin::pin;
use std::time::Duration;
use wasip3::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};
use wasip3::wit_bindgen::block_on;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["asks", peer] => asks(peer.parse().unwrap()),
        ["waits", peer] => waits(peer.parse().unwrap()),
        _ => creates(),
    }
}

/// Asks a peer with sockets of both.
fn asks(peer: SocketAddrV4) {
    let mut old = TcpStream::connect(peer).unwrap();
    old.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    let read = old.read_exact(&mut answer).map_err(|e| e.kind());
    println!("0.2: {read:?} {:?}", str::from_utf8(&answer));
    println!("0.3: {:?}", block_on(patiently(ask(peer))));
}

/// Waits for something of 0.3, which no program of 0.2 can.
fn waits(peer: SocketAddrV4) {
    println!("0.3: {:?}", block_on(ask(peer)));
}

async fn ask(peer: SocketAddrV4) -> (usize, String) {
    let mut client = Connection::of(connect(new(peer)).await.unwrap());
    let left = client.write(b"PING\r\n".to_vec()).await;
    let answer = client.read_exactly(7).await;
    (left, String::from_utf8(answer).unwrap())
}

/// What a program of 0.2 does instead of waiting for something of 0.3: it looks again and again.
async fn patiently<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let state = future.as_mut().poll(context);
        if state.is_pending() {
            std::thread::sleep(Duration::from_millis(10));
            context.waker().wake_by_ref();
        }
        state
    })
    .await
}

fn new(peer: SocketAddrV4) -> IpSocketAddress {
    let [a, b, c, d] = peer.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: peer.port(),
        address: (a, b, c, d),
    })
}

fn creates() {
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
