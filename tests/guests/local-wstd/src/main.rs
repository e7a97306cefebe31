//! Servers and their clients in one program, by wstd, over loopback. What it prints depends on no
//! port and no speed.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use wstd::future::FutureExt;
use wstd::io::{AsyncRead, AsyncWrite, copy};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};
use wstd::runtime::{Task, spawn};
use wstd::task::sleep;
use wstd::time::Duration;

const CONNECTIONS: usize = 30;

#[wstd::main]
async fn main() -> Result<()> {
    let (address, server) = serve().await?;
    many_connections(address).await?;
    ticks(address).await?;
    deadlines(address).await?;
    // wstd goes on for as long as a task waits for something.
    server.cancel().await;
    failures().await
}

/// A server that says back what it hears.
async fn serve() -> Result<(SocketAddr, Task<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = spawn(async move {
        let mut incoming = listener.incoming();
        while let Some(stream) = incoming.next().await {
            let Ok(stream) = stream else { break };
            spawn(async move {
                let (input, output) = stream.split();
                copy(input, output).await
            })
            .detach();
        }
    });
    Ok((address, server))
}

/// All are open at once, and each hears while it speaks.
async fn many_connections(address: SocketAddr) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(TcpStream::connect(address).await?);
    }
    let talks: Vec<Task<Result<usize>>> = streams
        .into_iter()
        .enumerate()
        .map(|(i, stream)| spawn(talk(stream, i)))
        .collect();
    let mut echoed = 0;
    for talk in talks {
        echoed += talk.await?;
    }
    println!("{echoed} bytes came back over {CONNECTIONS} connections");
    Ok(())
}

async fn talk(stream: TcpStream, seed: usize) -> Result<usize> {
    let length = if seed == 0 { 500_000 } else { 10_000 + seed };
    let said: Vec<u8> = (0..length).map(|i| (i / 3 + seed) as u8).collect();
    let mut heard = vec![0; length];
    let (mut input, mut output) = stream.split();
    // Each piece fits into the buffers, however little the peer has read.
    for (said, heard) in said.chunks(4096).zip(heard.chunks_mut(4096)) {
        output.write_all(said).await?;
        output.flush().await?;
        let mut at = 0;
        while at < heard.len() {
            match input.read(&mut heard[at..]).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => at += count,
            }
        }
    }
    match heard == said {
        true => Ok(length),
        false => Err(Error::other("it is not what was said")),
    }
}

/// Timers of several tasks and sockets wait in one poll.
async fn ticks(address: SocketAddr) -> Result<()> {
    let tasks: Vec<Task<Result<u8>>> = (1..=5)
        .map(|i| {
            spawn(async move {
                sleep(Duration::from_millis(u64::from(i))).await;
                let stream = TcpStream::connect(address).await?;
                let (mut input, mut output) = stream.split();
                output.write_all(&[i]).await?;
                let mut heard = [0];
                input.read(&mut heard).await?;
                Ok(heard[0])
            })
        })
        .collect();
    for task in tasks {
        println!("after {} ms", task.await?);
    }
    Ok(())
}

/// What never comes ends with the time; what is there in time wins.
async fn deadlines(address: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut input, mut output) = stream.split();
    let mut byte = [0];
    let silent = input.read(&mut byte).timeout(Duration::from_millis(5));
    println!("nothing in time: {:?}", silent.await.map_err(|e| e.kind()));
    output.write_all(b"!").await?;
    let heard = input.read(&mut byte).timeout(Duration::from_secs(60));
    println!("in time: {:?}", heard.await);
    Ok(())
}

async fn failures() -> Result<()> {
    let listener = TcpListener::bind("[::1]:0").await?;
    let again = TcpListener::bind(&listener.local_addr()?.to_string()).await;
    println!("bound twice: {:?}", again.map(drop).map_err(|e| e.kind()));
    let nobody = TcpStream::connect("127.0.0.1:9").await.map(drop);
    println!("nobody listens: {:?}", nobody.map_err(|e| e.kind()));
    Ok(())
}
