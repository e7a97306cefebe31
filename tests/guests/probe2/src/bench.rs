//! Operations that are done often, for benches. Each gives how many nanoseconds it took.

use crate::address::wit;
use crate::{code, finish, stream_code};
use guest_script::Outcome;
use std::net::SocketAddr;
use wasip2::clocks::monotonic_clock::now;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::network::{IpAddressFamily, Network};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// The streams stand before the socket that they are children of: fields are dropped in their
/// order.
struct Connection {
    input: InputStream,
    output: OutputStream,
    socket: TcpSocket,
}

fn connect(network: &Network, to: SocketAddr) -> Result<Connection, String> {
    let socket = create_tcp_socket(family(to)).map_err(code)?;
    socket.start_connect(network, wit(to)).map_err(code)?;
    let (input, output) = finish(|| socket.finish_connect(), || socket.subscribe().block())?;
    Ok(Connection {
        input,
        output,
        socket,
    })
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

pub fn flood(network: &Network, to: SocketAddr, chunk: usize, count: usize) -> Outcome {
    let Connection {
        socket,
        input,
        output,
    } = connect(network, to)?;
    let bytes = vec![7; chunk];
    let writable = output.subscribe();
    let start = now();
    for _ in 0..count {
        let mut left = &bytes[..];
        while !left.is_empty() {
            let room = output.check_write().map_err(stream_code)? as usize;
            if room == 0 {
                writable.block();
                continue;
            }
            let (now, later) = left.split_at(room.min(left.len()));
            output.write(now).map_err(stream_code)?;
            left = later;
        }
    }
    output.blocking_flush().map_err(stream_code)?;
    socket.shutdown(ShutdownType::Send).map_err(code)?;
    // The other end hangs up when it has read all.
    match input.blocking_read(1) {
        Err(StreamError::Closed) => since(start),
        _ => Err("it answers".to_owned()),
    }
}

pub fn connects(network: &Network, to: SocketAddr, count: usize) -> Outcome {
    let start = now();
    for _ in 0..count {
        connect(network, to)?;
    }
    since(start)
}

pub fn pings(network: &Network, to: SocketAddr, size: usize, count: usize) -> Outcome {
    let socket = create_udp_socket(family(to)).map_err(code)?;
    let unbound = SocketAddr::from(([0, 0, 0, 0], 0));
    socket.start_bind(network, wit(unbound)).map_err(code)?;
    finish(|| socket.finish_bind(), || socket.subscribe().block())?;
    let (incoming, outgoing) = socket.stream(None).map_err(code)?;
    let (readable, writable) = (incoming.subscribe(), outgoing.subscribe());
    let datagram = OutgoingDatagram {
        data: vec![7; size],
        remote_address: Some(wit(to)),
    };
    let datagram = [datagram];
    let start = now();
    for _ in 0..count {
        while outgoing.check_send().map_err(code)? == 0 {
            writable.block();
        }
        outgoing.send(&datagram).map_err(code)?;
        while incoming.receive(1).map_err(code)?.is_empty() {
            readable.block();
        }
    }
    since(start)
}
