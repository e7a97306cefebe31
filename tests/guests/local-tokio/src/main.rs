//! Servers and their clients in one program, by tokio, over loopback. What it prints depends on no
//! port and no speed.

use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Barrier;
use tokio::time::{interval, sleep, timeout};

const CONNECTIONS: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    if let Some(outside) = std::env::args().nth(1) {
        return beside(outside.parse().map_err(Error::other)?).await;
    }
    for ip in ["127.0.0.1", "[::1]"] {
        println!("over {ip}");
        many_connections(ip).await?;
        half_closed(ip).await?;
        lines_and_ticks(ip).await?;
        deadlines(ip).await?;
        datagrams(ip).await?;
        failures(ip).await?;
    }
    Ok(())
}

/// One socket on a wildcard address talks to a task of this program and to `outside`, which says
/// back what it hears. Timers go on meanwhile.
async fn beside(outside: SocketAddr) -> Result<()> {
    let server = UdpSocket::bind("127.0.0.1:0").await?;
    let here = server.local_addr()?;
    let serving = tokio::spawn(async move {
        let mut buffer = [0; 100];
        loop {
            let (length, from) = server.recv_from(&mut buffer).await?;
            sleep(Duration::from_millis(1)).await;
            server.send_to(&buffer[..length], from).await?;
            if length == 0 {
                return Result::Ok(());
            }
        }
    });
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    let (mut inside, mut from_outside) = (Vec::new(), Vec::new());
    let mut buffer = [0; 100];
    for number in 1..=3 {
        let text = [number];
        socket.send_to(&text, outside).await?;
        socket.send_to(&text, here).await?;
        for _ in 0..2 {
            let next = timeout(Duration::from_secs(60), socket.recv_from(&mut buffer));
            match next.await?? {
                (1, from) if from == outside => from_outside.push(buffer[0]),
                (1, from) if from == here => inside.push(buffer[0]),
                other => return Err(Error::other(format!("{other:?} has come"))),
            }
        }
    }
    let nothing = timeout(Duration::from_millis(5), socket.recv_from(&mut buffer)).await;
    println!("outside {from_outside:?}, inside {inside:?}");
    println!("nothing more: {}", nothing.is_err());
    socket.send_to(&[], here).await?;
    serving.await.expect("the server does not panic")
}

fn is(holds: bool, what: &str) -> Result<()> {
    holds.then_some(()).ok_or_else(|| Error::other(what))
}

fn listen(ip: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(format!("{ip}:0"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Accepts a connection in the way of std: what tokio calls for it, `fcntl`, knows no sockets in
/// the C library of Rust 1.95.
async fn accept(listener: &TcpListener) -> Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)).await,
            Err(e) => return Err(e),
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                return Ok((TcpStream::from_std(stream)?, peer));
            }
        }
    }
}

/// A connection from both sides, and its listener.
async fn connection(ip: &str) -> Result<(TcpListener, TcpStream, TcpStream)> {
    let listener = listen(ip)?;
    let connect = TcpStream::connect(listener.local_addr()?);
    let (client, accepted) = tokio::join!(connect, accept(&listener));
    let (client, (server, peer)) = (client?, accepted?);
    is(peer == client.local_addr()?, "another has connected")?;
    Ok((listener, client, server))
}

/// All are open at once, and each moves more than its buffers hold in both directions.
async fn many_connections(ip: &str) -> Result<()> {
    let listener = listen(ip)?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        for _ in 0..CONNECTIONS {
            let (mut stream, _) = accept(&listener).await?;
            tokio::spawn(async move {
                let (mut input, mut output) = stream.split();
                copy(&mut input, &mut output).await
            });
        }
        Result::Ok(())
    });
    let all = Arc::new(Barrier::new(CONNECTIONS));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|i| tokio::spawn(echo(address, i as u8, all.clone())))
        .collect();
    let mut echoed = 0;
    for client in clients {
        echoed += client.await.expect("no client panics")?;
    }
    server.await.expect("the server does not panic")?;
    println!("  {echoed} bytes came back over {CONNECTIONS} connections");
    Ok(())
}

async fn echo(address: SocketAddr, seed: u8, all: Arc<Barrier>) -> Result<usize> {
    let length = match seed {
        0 => 3_000_000,
        _ => 10_000 + usize::from(seed),
    };
    let mut stream = TcpStream::connect(address).await?;
    all.wait().await;
    let said: Vec<u8> = (0..length).map(|i| (i / 3) as u8 ^ seed).collect();
    let (mut input, mut output) = stream.split();
    let mut heard = Vec::new();
    let say = async {
        output.write_all(&said).await?;
        output.shutdown().await
    };
    let (written, read) = tokio::join!(say, input.read_to_end(&mut heard));
    written?;
    read?;
    is(heard == said, "it is not what was said")?;
    Ok(heard.len())
}

async fn half_closed(ip: &str) -> Result<()> {
    let (_listener, mut client, mut server) = connection(ip).await?;
    client.write_all(b"a question").await?;
    client.shutdown().await?;
    let (mut question, mut answer) = (String::new(), String::new());
    server.read_to_string(&mut question).await?;
    server.write_all(question.to_uppercase().as_bytes()).await?;
    drop(server);
    client.read_to_string(&mut answer).await?;
    println!("  {question}: {answer}");
    Ok(())
}

/// A server that says a line at each tick of its clock: timers and sockets wait in one poll.
async fn lines_and_ticks(ip: &str) -> Result<()> {
    let (_listener, client, mut server) = connection(ip).await?;
    let saying = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(2));
        for i in 0..5 {
            ticks.tick().await;
            server.write_all(format!("tick {i}\n").as_bytes()).await?;
        }
        Result::Ok(())
    });
    let mut lines = BufReader::new(client).lines();
    let mut heard = Vec::new();
    while let Some(line) = timeout(Duration::from_secs(60), lines.next_line()).await?? {
        heard.push(line);
    }
    saying.await.expect("the server does not panic")?;
    println!("  {}", heard.join(", "));
    Ok(())
}

/// What never comes ends with the time; what is there in time wins.
async fn deadlines(ip: &str) -> Result<()> {
    let (listener, mut client, mut server) = connection(ip).await?;
    let short = Duration::from_millis(5);
    let mut byte = [0];
    let read = timeout(short, client.read(&mut byte)).await;
    let accept = timeout(short, accept(&listener)).await;
    println!("  in time: {} {}", read.is_ok(), accept.is_ok());
    let would_block = client.try_read(&mut byte).map_err(|e| e.kind());
    println!("  without waiting: {would_block:?}");
    let later = tokio::spawn(async move {
        sleep(short).await;
        server.write_all(b"!").await
    });
    tokio::select! {
        _ = sleep(Duration::from_secs(60)) => println!("  too late"),
        read = client.read_exact(&mut byte) => println!("  {} bytes in time", read?),
    }
    later.await.expect("it does not panic")
}

async fn datagrams(ip: &str) -> Result<()> {
    let server = UdpSocket::bind(format!("{ip}:0")).await?;
    let address = server.local_addr()?;
    let serving = tokio::spawn(async move {
        let mut buffer = [0; 2000];
        for _ in 0..20 {
            let (count, from) = server.recv_from(&mut buffer).await?;
            buffer[..count].reverse();
            server.send_to(&buffer[..count], from).await?;
        }
        Result::Ok(())
    });
    let clients: Vec<_> = (0..10)
        .map(|i| {
            let ip = ip.to_owned();
            tokio::spawn(async move {
                let socket = UdpSocket::bind(format!("{ip}:0")).await?;
                socket.connect(address).await?;
                let said: Vec<u8> = (0..1 + i * 150).map(|at| (at + i) as u8).collect();
                let mut heard = [0; 2000];
                for _ in 0..2 {
                    socket.send(&said).await?;
                    let count = socket.recv(&mut heard).await?;
                    heard[..count].reverse();
                    is(heard[..count] == said, "it is not what was sent")?;
                }
                Result::Ok(said.len())
            })
        })
        .collect();
    let mut lengths = Vec::new();
    for client in clients {
        lengths.push(client.await.expect("no client panics")?);
    }
    serving.await.expect("the server does not panic")?;
    println!("  datagrams of {lengths:?} bytes");
    Ok(())
}

async fn failures(ip: &str) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(format!("{ip}:0")).await?;
    let address = listener.local_addr()?;
    let again = tokio::net::TcpListener::bind(address).await.map(drop);
    println!("  bound twice: {:?}", again.map_err(|e| e.kind()));
    drop(listener);
    let nobody = TcpStream::connect(address).await.map(drop);
    println!("  nobody listens: {:?}", nobody.map_err(|e| e.kind()));
    let (_listener, mut client, server) = connection(ip).await?;
    drop(server);
    println!("  at the end: {} bytes", client.read(&mut [0; 9]).await?);
    let broken = loop {
        match client.write_all(&[0; 1000]).await {
            Ok(()) => sleep(Duration::from_millis(1)).await,
            Err(e) => break e.kind(),
        }
    };
    let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    println!("  nobody reads: {}", kinds.contains(&broken));
    Ok(())
}
