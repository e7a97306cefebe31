//! Streams of sockets beside those of the host, through the bare bindings: what its argument says.

#[path = "../../probe2/src/address.rs"]
mod address;
mod beside;

use std::net::SocketAddr;
use wasip2::cli::{stdin::get_stdin, stdout::get_stdout};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("splice") => splice(false),
        Some("blocking-splice") => splice(true),
        Some("together") => together(),
        Some("accept") => drop(listener(4000).accept().expect_err("nobody is there")),
        Some("outside") => outside(&argument(2)),
        Some("beside") => {
            let [outside, denied] = [2, 3].map(|it| argument(it).parse().expect("an address"));
            beside::run(outside, denied);
        }
        Some("beside-full") => beside::full(argument(2).parse().expect("an address")),
        Some("wait-accept") => listener(4000).subscribe().block(),
        Some("wait-all") => wait_for_all(),
        other => panic!("{other:?} is nothing to do"),
    }
}

fn argument(number: usize) -> String {
    std::env::args().nth(number).expect("another argument")
}

fn local(port: u16) -> IpSocketAddress {
    let address = (127, 0, 0, 1);
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

fn listener(port: u16) -> TcpSocket {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    socket
        .start_bind(&instance_network(), local(port))
        .expect("bind");
    socket.finish_bind().expect("bind");
    socket.start_listen().expect("listen");
    socket.finish_listen().expect("listen");
    socket
}

/// The streams stand before the socket that they are children of: fields are dropped in their
/// order.
struct Connection {
    input: InputStream,
    output: OutputStream,
    socket: TcpSocket,
}

/// A connection from both sides.
fn connection() -> [Connection; 2] {
    let listener = listener(0);
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    let address = listener.local_address().expect("an address");
    socket
        .start_connect(&instance_network(), address)
        .expect("connect");
    socket.subscribe().block();
    let (input, output) = socket.finish_connect().expect("connect");
    let client = Connection {
        input,
        output,
        socket,
    };
    listener.subscribe().block();
    let (socket, input, output) = listener.accept().expect("accept");
    [
        client,
        Connection {
            input,
            output,
            socket,
        },
    ]
}

/// Standard input through a connection to standard output.
fn splice(blocks: bool) {
    let [client, server] = connection();
    let (stdin, stdout) = (get_stdin(), get_stdout());
    copy(&stdin, &client.output, blocks);
    client.output.blocking_flush().expect("a flush");
    client
        .socket
        .shutdown(ShutdownType::Send)
        .expect("shutdown");
    // From one stream of a socket to another.
    copy(&server.input, &server.output, blocks);
    server
        .socket
        .shutdown(ShutdownType::Send)
        .expect("shutdown");
    copy(&client.input, &stdout, blocks);
    stdout.blocking_flush().expect("a flush");
}

/// Moves all there is.
fn copy(from: &InputStream, to: &OutputStream, blocks: bool) {
    let (readable, writable) = (from.subscribe(), to.subscribe());
    loop {
        let moved = match blocks {
            true => to.blocking_splice(from, 1000),
            false => {
                readable.block();
                writable.block();
                to.splice(from, 1000)
            }
        };
        match moved {
            Ok(_) => {}
            Err(StreamError::Closed) => return,
            Err(StreamError::LastOperationFailed(e)) => panic!("{}", e.to_debug_string()),
        }
    }
}

/// Pollables of the host and of sockets in one list.
fn together() {
    let [client, server] = connection();
    let never = subscribe_duration(u64::MAX);
    let soon = subscribe_duration(1_000_000);
    let stdin = get_stdin();
    let (typed, heard, room) = (
        stdin.subscribe(),
        server.input.subscribe(),
        client.output.subscribe(),
    );
    println!("room: {:?}", poll(&[&never, &heard, &room]));
    println!("a timer: {:?}", poll(&[&never, &heard, &soon]));
    println!("input: {:?}", poll(&[&never, &typed, &heard]));
    client.output.check_write().expect("room");
    client.output.write(b"hello").expect("room");
    println!("heard: {:?}", poll(&[&never, &heard]));
    println!(
        "all: {:?}",
        poll(&[&heard, &typed, &never, &soon, &room, &heard])
    );
}

/// A connection whose socket is set up, and waited for, before it is known where it leads.
fn outside(to: &str) {
    let SocketAddr::V4(to) = to.parse().expect("an address") else {
        panic!("it is of IPv4");
    };
    let [a, b, c, d] = to.ip().octets();
    let (port, address) = (to.port(), (a, b, c, d));
    let to = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    let pollable = socket.subscribe();
    socket.set_hop_limit(7).expect("an option");
    socket.set_keep_alive_enabled(true).expect("an option");
    socket
        .set_keep_alive_idle_time(5_000_000_000)
        .expect("an option");
    socket.set_keep_alive_count(3).expect("an option");
    println!("before: {:?}", options(&socket));
    socket
        .start_connect(&instance_network(), to)
        .expect("connect");
    let never = subscribe_duration(u64::MAX);
    println!("connected: {:?}", poll(&[&never, &pollable]));
    let (input, output) = socket.finish_connect().expect("connect");
    println!("after: {:?}", options(&socket));
    println!("remote: {}", socket.remote_address().is_ok());
    output.blocking_write_and_flush(b"hello").expect("a write");
    socket.shutdown(ShutdownType::Send).expect("shutdown");
    let mut heard = Vec::new();
    while let Ok(more) = input.blocking_read(100) {
        heard.extend(more);
    }
    println!("heard: {}", String::from_utf8_lossy(&heard));
    println!("ready: {}", pollable.ready());
    pollable.block();
}

type Options = (u8, bool, u64, u32);

fn options(socket: &TcpSocket) -> Options {
    (
        socket.hop_limit().expect("an option"),
        socket.keep_alive_enabled().expect("an option"),
        socket.keep_alive_idle_time().expect("an option"),
        socket.keep_alive_count().expect("an option"),
    )
}

fn wait_for_all() {
    let [client, server] = connection();
    let udp = create_udp_socket(IpAddressFamily::Ipv4).expect("a socket");
    udp.start_bind(&instance_network(), local(5000))
        .expect("bind");
    udp.finish_bind().expect("bind");
    let (incoming, _outgoing) = udp.stream(None).expect("streams");
    let pollables = [
        client.input.subscribe(),
        server.input.subscribe(),
        incoming.subscribe(),
    ];
    poll(&pollables.each_ref());
}
