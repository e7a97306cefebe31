//! A UDP socket that is bound to a wildcard address: it reaches what is in memory, and what a policy
//! lets through to the host.

use crate::address::{read, wit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily};
use wasip2::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

type Outcome<T> = Result<T, &'static str>;

fn code(error: ErrorCode) -> &'static str {
    error.name()
}

fn bound(to: SocketAddr) -> UdpSocket {
    let family = match to {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    };
    let socket = create_udp_socket(family).expect("a socket");
    let network = instance_network();
    socket.start_bind(&network, wit(to)).expect("bind");
    socket.finish_bind().expect("bind");
    socket
}

/// The streams of a socket, which must be dropped before it.
struct Streams(IncomingDatagramStream, OutgoingDatagramStream);

impl Streams {
    fn of(socket: &UdpSocket, remote: Option<SocketAddr>) -> Outcome<Self> {
        let (incoming, outgoing) = socket.stream(remote.map(wit)).map_err(code)?;
        Ok(Streams(incoming, outgoing))
    }

    fn send(&self, datagrams: &[(&str, Option<SocketAddr>)]) -> Outcome<u64> {
        let datagrams: Vec<_> = datagrams
            .iter()
            .map(|(text, to)| OutgoingDatagram {
                data: text.as_bytes().to_vec(),
                remote_address: to.map(wit),
            })
            .collect();
        while self.1.check_send().map_err(code)? < datagrams.len() as u64 {
            self.1.subscribe().block();
        }
        self.1.send(&datagrams).map_err(code)
    }

    /// What there is, each as text and by whom.
    fn receive(&self, most: u64) -> Vec<(String, SocketAddr)> {
        let received = self.0.receive(most).expect("datagrams");
        let shown = received.into_iter().map(|it| {
            let text = String::from_utf8(it.data).expect("text");
            (text, read(it.remote_address))
        });
        shown.collect()
    }

    /// Waits for what the host is to bring, while nothing is in memory.
    fn wait(&self) {
        self.0.subscribe().block();
    }
}

/// `outside` says back what it hears, and `denied` must not hear anything.
pub fn run(outside: SocketAddr, denied: SocketAddr) {
    let (here, any): (IpAddr, IpAddr) = match outside {
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into()),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let at = SocketAddr::new(here, 90);
    let server = bound(at);
    let server = (Streams::of(&server, None).expect("streams"), server);
    let socket = bound(SocketAddr::new(any, 9000));
    let own = SocketAddr::new(here, 9000);
    both(&socket, &server.0, [at, outside, denied]);
    fairly(&socket, &server.0, own, outside);
    together(&server.0, SocketAddr::new(any, 9001), own.ip(), outside);
    connected(&socket, &server.0, [at, outside, denied]);
    dropped(SocketAddr::new(any, 9002), outside);
}

fn both(socket: &UdpSocket, server: &Streams, [at, outside, denied]: [SocketAddr; 3]) {
    let [at, outside, denied] = [at, outside, denied].map(Some);
    socket.set_unicast_hop_limit(7).expect("an option");
    let streams = Streams::of(socket, None).expect("streams");
    let (heard, room) = (streams.0.subscribe(), streams.1.subscribe());
    println!("ready: {} {}", heard.ready(), room.ready());
    let sent = streams.send(&[("a", at), ("b", outside), ("c", denied), ("d", outside)]);
    println!("sent: {sent:?}");
    println!("denied: {:?}", streams.send(&[("e", denied)]));
    let long = "f".repeat(70_000);
    println!("too long: {:?}", streams.send(&[(&long, outside)]));
    // It was subscribed to before there was anything of the host's.
    heard.block();
    println!("ready: {} {}", heard.ready(), room.ready());
    println!("none: {:?}", streams.receive(0));
    println!("from outside: {:?}", streams.receive(16));
    println!("inside: {:?}", server.receive(16));
    println!(
        "local: {}",
        read(socket.local_address().expect("bound")).port()
    );
    socket.set_unicast_hop_limit(8).expect("an option");
    println!("hops: {}", socket.unicast_hop_limit().expect("an option"));
}

/// Neither keeps the other away, however much there is.
fn fairly(socket: &UdpSocket, server: &Streams, own: SocketAddr, outside: SocketAddr) {
    let streams = Streams::of(socket, None).expect("streams");
    let many = [("g", Some(own)); 16];
    let shown = |received: Vec<_>| -> Vec<String> {
        let mut texts: Vec<_> = received.into_iter().map(|(text, _)| text).collect();
        texts.sort();
        texts
    };
    for _ in 0..2 {
        streams.send(&[("h", Some(outside))]).expect("it is sent");
        streams.wait();
        server.send(&many).expect("it is sent");
        let received = [streams.receive(1), streams.receive(1)].concat();
        println!("one by one: {:?}", shown(received));
        println!("the rest: {}", shown(streams.receive(100)).concat());
    }
    streams.send(&[("i", Some(outside))]).expect("it is sent");
    streams.wait();
    server.send(&[("j", Some(own))]).expect("it is sent");
    println!("at once: {:?}", shown(streams.receive(2)));
}

/// One socket hears from memory and one from the host, and a timer is over, all in one list.
fn together(server: &Streams, any: SocketAddr, here: IpAddr, outside: SocketAddr) {
    let inside = SocketAddr::new(here, 9003);
    let [first, second] = [SocketAddr::new(any.ip(), 9003), any].map(bound);
    let [first, second] = [&first, &second].map(|it| Streams::of(it, None).expect("streams"));
    second.send(&[("k", Some(outside))]).expect("it is sent");
    let (soon, never) = (subscribe_duration(1), subscribe_duration(u64::MAX));
    let heard = [&first, &second].map(|it| it.0.subscribe());
    println!("host: {:?}", poll(&[&heard[0], &never, &heard[1]]));
    soon.block();
    server.send(&[("l", Some(inside))]).expect("it is sent");
    let all = [&heard[0], &never, &heard[1], &soon];
    println!("all: {:?}", poll(&all));
    println!("{:?} {:?}", first.receive(16), second.receive(16));
}

/// Connected, and not, in turn.
fn connected(socket: &UdpSocket, server: &Streams, [at, outside, denied]: [SocketAddr; 3]) {
    let streams = Streams::of(socket, Some(at)).expect("streams");
    println!("connected: {:?}", streams.send(&[("m", None)]));
    println!("elsewhere: {:?}", streams.send(&[("n", Some(outside))]));
    println!("inside: {:?}", server.receive(16));
    drop(streams);
    let streams = Streams::of(socket, None).expect("streams");
    println!("again: {:?}", streams.send(&[("o", Some(outside))]));
    streams.wait();
    println!("from outside: {:?}", streams.receive(16));
    drop(streams);
    println!("denied: {:?}", Streams::of(socket, Some(denied)).err());
    // What the host has for it hears on.
    let streams = Streams::of(socket, None).expect("streams");
    println!(
        "both: {:?}",
        streams.send(&[("p", Some(at)), ("q", Some(outside))])
    );
    streams.wait();
    println!("{:?} {:?}", server.receive(16), streams.receive(16));
    drop(streams);
    let streams = Streams::of(socket, Some(outside)).expect("streams");
    println!("connected: {:?}", streams.send(&[("r", None)]));
    streams.wait();
    println!("from outside: {:?}", streams.receive(16));
    let remote = socket.remote_address().expect("connected");
    println!("remote: {}", read(remote));
}

/// Nobody reads what came.
fn dropped(any: SocketAddr, outside: SocketAddr) {
    let socket = bound(any);
    let streams = Streams::of(&socket, None).expect("streams");
    let Streams(incoming, outgoing) = streams;
    drop(incoming);
    let streams = Streams::of(&bound(SocketAddr::new(any.ip(), 9004)), None).map(drop);
    println!("dropped: {streams:?}");
    let datagram = OutgoingDatagram {
        data: b"s".to_vec(),
        remote_address: Some(wit(outside)),
    };
    println!("permit: {:?}", outgoing.check_send());
    println!("nobody reads: {:?}", outgoing.send(&[datagram]));
    drop(outgoing);
    let streams = Streams::of(&socket, None).expect("streams");
    streams.send(&[("t", Some(outside)); 3]).expect("sent");
    streams.wait();
}

/// The host is slow to take what is sent to `outside`, and never does. What is in memory does not wait,
/// but there is one queue to send from.
pub fn full(outside: SocketAddr) {
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 90));
    let served = bound(at);
    let server = Streams::of(&served, None).expect("streams");
    let socket = bound(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)));
    let streams = Streams::of(&socket, None).expect("streams");
    let room = streams.1.subscribe();
    let datagrams = [("a", Some(outside)), ("b", Some(at)), ("c", Some(outside))];
    println!("sent: {:?}", streams.send(&datagrams));
    println!("permit: {:?}", streams.1.check_send().map_err(code));
    println!("ready: {}", room.ready());
    println!("soon: {:?}", poll(&[&room, &subscribe_duration(1_000_000)]));
    println!("inside: {:?}", server.receive(16));
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000));
    server.send(&[("d", Some(own))]).expect("it is sent");
    println!("heard: {:?}", streams.receive(16));
    // The host would wait for what is on its way.
    std::process::exit(0);
}
