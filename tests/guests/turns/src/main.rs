//! Both ends of its connections, by turns, over loopback. Prints how many nanoseconds it took.

use std::io::{Read, Write};
use wasip2::clocks::monotonic_clock::now;
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Network,
};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = args[1..].iter().filter_map(|it| it.parse().ok()).collect();
    let start = now();
    let took = match (args[0].as_str(), &numbers[..]) {
        ("tcp", &[chunk, total]) => tcp(chunk, total),
        ("udp", &[size, count]) => udp(size, count),
        ("connects", &[count]) => connects(count),
        ("idle", &[others, count]) => idle(others, count),
        ("print", &[count]) => print(count),
        ("write", &[chunk, count]) => write(chunk, count),
        ("read", &[chunk, count]) => read(chunk, count),
        ("nothing", []) => now() - start,
        _ => panic!("{args:?} is nothing to do"),
    };
    eprintln!("{took}");
}

fn local(port: u16) -> IpSocketAddress {
    let address = (127, 0, 0, 1);
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

/// Waits as often as the socket asks for it.
fn finish<T>(act: impl Fn() -> Result<T, ErrorCode>, wait: impl Fn() -> Pollable) -> T {
    loop {
        match act() {
            Err(ErrorCode::WouldBlock) => wait().block(),
            result => return result.expect("it goes"),
        }
    }
}

fn listener(network: &Network) -> TcpSocket {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    socket.start_bind(network, local(0)).expect("bind");
    finish(|| socket.finish_bind(), || socket.subscribe());
    socket.set_listen_backlog_size(4096).expect("an option");
    socket.start_listen().expect("listen");
    finish(|| socket.finish_listen(), || socket.subscribe());
    socket
}

/// Fields are dropped in their order: streams before the socket that they are children of.
struct End {
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

fn connection(network: &Network, listener: &TcpSocket) -> [End; 2] {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    let address = listener.local_address().expect("an address");
    socket.start_connect(network, address).expect("connect");
    let (input, output) = finish(|| socket.finish_connect(), || socket.subscribe());
    let client = End {
        input,
        output,
        _socket: socket,
    };
    let (socket, input, output) = finish(|| listener.accept(), || listener.subscribe());
    let server = End {
        input,
        output,
        _socket: socket,
    };
    [client, server]
}

/// Moves so many bytes from one end to the other, in writes of a size.
fn tcp(chunk: usize, total: usize) -> u64 {
    let network = instance_network();
    let listener = listener(&network);
    let [client, server] = connection(&network, &listener);
    let (readable, writable) = (server.input.subscribe(), client.output.subscribe());
    let bytes = vec![7; chunk];
    let (mut sent, mut received) = (0, 0);
    let start = now();
    while received < total {
        let mut moved = false;
        if sent < total {
            let room = client.output.check_write().expect("room") as usize;
            let length = room.min(chunk).min(total - sent);
            if length > 0 {
                client
                    .output
                    .write(&bytes[..length])
                    .expect("it is written");
                sent += length;
                moved = true;
            }
        }
        let got = server.input.read(1 << 16).expect("it is open").len();
        received += got;
        if !moved && got == 0 {
            match sent < total {
                true => drop(poll(&[&readable, &writable])),
                false => readable.block(),
            }
        }
    }
    now() - start
}

struct Datagrams {
    incoming: IncomingDatagramStream,
    outgoing: OutgoingDatagramStream,
    address: IpSocketAddress,
    _socket: UdpSocket,
}

fn datagrams(network: &Network) -> Datagrams {
    let socket = create_udp_socket(IpAddressFamily::Ipv4).expect("a socket");
    socket.start_bind(network, local(0)).expect("bind");
    finish(|| socket.finish_bind(), || socket.subscribe());
    let (incoming, outgoing) = socket.stream(None).expect("streams");
    Datagrams {
        incoming,
        outgoing,
        address: socket.local_address().expect("an address"),
        _socket: socket,
    }
}

/// A datagram there and back, so often.
fn udp(size: usize, count: usize) -> u64 {
    let network = instance_network();
    let ends = [datagrams(&network), datagrams(&network)];
    let pollables = [0, 1].map(|i: usize| ends[i].incoming.subscribe());
    let to = |i: usize| {
        [OutgoingDatagram {
            data: vec![7; size],
            remote_address: Some(ends[i].address),
        }]
    };
    let datagrams = [to(0), to(1)];
    let start = now();
    for i in 0..2 * count {
        let (from, to) = (&ends[i % 2], (i + 1) % 2);
        while from.outgoing.check_send().expect("room") == 0 {
            from.outgoing.subscribe().block();
        }
        from.outgoing.send(&datagrams[to]).expect("it is sent");
        while ends[to].incoming.receive(1).expect("it is open").is_empty() {
            pollables[to].block();
        }
    }
    now() - start
}

fn connects(count: usize) -> u64 {
    let network = instance_network();
    let listener = listener(&network);
    let start = now();
    for _ in 0..count {
        drop(connection(&network, &listener));
    }
    now() - start
}

/// Round trips on one connection, and new connections, while so many others are idle.
fn idle(others: usize, count: usize) -> u64 {
    let network = instance_network();
    let listener = listener(&network);
    let _others: Vec<_> = (0..others)
        .map(|_| connection(&network, &listener))
        .collect();
    let [client, server] = connection(&network, &listener);
    let pollables = [client.input.subscribe(), server.input.subscribe()];
    let pass = |from: &End, to: &End, pollable: &Pollable| {
        from.output.check_write().expect("room");
        from.output.write(&[7; 100]).expect("it is written");
        while to.input.read(100).expect("it is open").is_empty() {
            pollable.block();
        }
    };
    let start = now();
    for _ in 0..count {
        pass(&client, &server, &pollables[1]);
        pass(&server, &client, &pollables[0]);
        drop(connection(&network, &listener));
    }
    now() - start
}

fn print(count: usize) -> u64 {
    let mut stdout = std::io::stdout().lock();
    let start = now();
    for i in 0..count {
        writeln!(stdout, "line {i}").expect("it is printed");
    }
    now() - start
}

fn write(chunk: usize, count: usize) -> u64 {
    let mut file = std::fs::File::create("file").expect("a file");
    let bytes = vec![7; chunk];
    let start = now();
    for _ in 0..count {
        file.write_all(&bytes).expect("it is written");
    }
    now() - start
}

fn read(chunk: usize, count: usize) -> u64 {
    write(chunk, count);
    let mut file = std::fs::File::open("file").expect("a file");
    let mut bytes = vec![0; chunk];
    let start = now();
    for _ in 0..count {
        file.read_exact(&mut bytes).expect("it is read");
    }
    now() - start
}
