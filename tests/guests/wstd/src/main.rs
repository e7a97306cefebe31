//! Uses wstd's sockets.

use wstd::net::{TcpListener, TcpStream};
use wstd::time::Duration;

fn show<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => println!("{what}: ok"),
        Err(e) => println!("{what}: {:?}", e.kind()),
    }
}

#[wstd::main]
async fn main() {
    show("listen", TcpListener::bind("127.0.0.1:0").await);
    show("connect", TcpStream::connect("127.0.0.1:9").await);
    wstd::task::sleep(Duration::from_millis(1)).await;
    println!("slept");
}
