//! Has many connections at once to a server that says back what it hears, by tokio:
//! `ADDRESS CONNECTIONS BYTES`.

use std::io::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<_> = std::env::args().collect();
    let [_, address, connections, bytes] = &args[..] else {
        panic!("usage: ADDRESS CONNECTIONS BYTES");
    };
    let (connections, bytes): (usize, usize) =
        (connections.parse().unwrap(), bytes.parse().unwrap());
    let tasks: Vec<_> = (0..connections)
        .map(|i| tokio::spawn(echo(address.clone(), i as u8, bytes)))
        .collect();
    let mut echoed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => echoed += 1,
            Err(e) => println!("{:?}", e.kind()),
        }
    }
    println!("echoed {echoed}");
}

/// Says and hears at the same time: more than fits in any buffer gets through.
async fn echo(address: String, seed: u8, bytes: usize) -> Result<()> {
    let mut stream = TcpStream::connect(&address).await?;
    let said: Vec<u8> = (0..bytes)
        .map(|i| (i as u8).wrapping_mul(31) ^ seed)
        .collect();
    let (mut input, mut output) = stream.split();
    let mut heard = vec![0; bytes];
    let (written, read) = tokio::join!(output.write_all(&said), input.read_exact(&mut heard));
    written?;
    read?;
    match said == heard {
        true => Ok(()),
        false => Err(Error::other("it is not what was said")),
    }
}
