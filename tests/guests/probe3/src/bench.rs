//! Operations that are done often, for benches. Each gives how many nanoseconds it took.

use crate::address::wit;
use alloc::string::{String, ToString};
use alloc::vec;
use core::net::SocketAddr;
use guest_script::{Outcome, code};
use wasip3::clocks::monotonic_clock::now;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket, UdpSocket};

async fn connect(to: SocketAddr) -> Result<TcpSocket, String> {
    let socket = TcpSocket::create(family(to)).map_err(|e| code(&e))?;
    socket.connect(wit(to)).await.map_err(|e| code(&e))?;
    Ok(socket)
}

fn family(address: SocketAddr) -> IpAddressFamily {
    match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

fn since(start: u64) -> Outcome {
    Ok((now() - start).to_string())
}

pub async fn flood(to: SocketAddr, chunk: usize, count: usize) -> Outcome {
    let socket = connect(to).await?;
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = socket.send(reader);
    let (input, _) = socket.receive();
    let mut bytes = vec![7; chunk];
    let start = now();
    for _ in 0..count {
        if !writer.write_all(bytes).await.is_empty() {
            return Err("it is not read".into());
        }
        bytes = vec![7; chunk];
    }
    drop(writer);
    sent.await.map_err(|e| code(&e))?;
    // The other end hangs up when it has read all.
    match input.collect().await.is_empty() {
        true => since(start),
        false => Err("it answers".into()),
    }
}

pub async fn connects(to: SocketAddr, count: usize) -> Outcome {
    let start = now();
    for _ in 0..count {
        connect(to).await?;
    }
    since(start)
}

pub async fn pings(to: SocketAddr, size: usize, count: usize) -> Outcome {
    let socket = UdpSocket::create(family(to)).map_err(|e| code(&e))?;
    let unbound = SocketAddr::from(([0, 0, 0, 0], 0));
    socket.bind(wit(unbound)).map_err(|e| code(&e))?;
    let start = now();
    for _ in 0..count {
        let sent = socket.send(vec![7; size], Some(wit(to))).await;
        sent.map_err(|e| code(&e))?;
        socket.receive().await.map_err(|e| code(&e))?;
    }
    since(start)
}
