//! Uses tokio's sockets.

use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

fn show<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => println!("{what}: ok"),
        Err(e) => println!("{what}: {:?} ({e})", e.kind()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    show("connect", TcpStream::connect("127.0.0.1:9").await);
    show("listen", TcpListener::bind("127.0.0.1:0").await);
    show("udp", UdpSocket::bind("127.0.0.1:0").await);
    let connects = [9, 10, 11].map(|port| tokio::spawn(TcpStream::connect(("127.0.0.1", port))));
    for connect in connects {
        show("spawned connect", connect.await.unwrap());
    }
    let slow = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>());
    println!("timeout: {}", slow.await.is_err());
}
