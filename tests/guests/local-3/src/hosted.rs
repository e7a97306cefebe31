//! Sockets that lead to the host, beside those that do not.

use crate::Out;
use crate::net::{Connection, local, port};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::Future;
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::pin::{Pin, pin};
use core::task::Poll;
use futures_util::future::{Either, poll_fn, select};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};

fn wit(text: &str) -> IpSocketAddress {
    let address: SocketAddrV4 = text.parse().unwrap();
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    })
}

fn shown(address: IpSocketAddress) -> String {
    match address {
        IpSocketAddress::Ipv4(it) => {
            let (a, b, c, d) = it.address;
            SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), it.port).to_string()
        }
        IpSocketAddress::Ipv6(_) => "of IPv6".to_string(),
    }
}

/// What was set before it was known that a socket would be the host's holds.
pub async fn outside(out: &Out, to: &str) {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.set_hop_limit(7).unwrap();
    socket.set_keep_alive_enabled(true).unwrap();
    socket.set_keep_alive_idle_time(5_000_000_000).unwrap();
    socket.set_keep_alive_count(3).unwrap();
    out.say("before", &options(&socket));
    out.say("family", &socket.get_address_family());
    out.say("connected", &socket.connect(wit(to)).await);
    out.say("after", &options(&socket));
    out.say("remote", &socket.get_remote_address().map(shown));
    out.say("again", &socket.connect(wit(to)).await);
    out.say("bound", &socket.bind(local(IpAddressFamily::Ipv4, 0)));
    out.say("listens", &socket.get_is_listening());
    out.say("listening", &socket.listen().map(drop));
    let mut connection = Connection::of(socket);
    let (_, twice) = connection.socket.receive();
    out.say("received twice", &twice.await);
    // What is on its way gets there without the socket.
    drop(connection.socket);
    let left = connection.writer.write_all(b"hello".to_vec()).await;
    drop(connection.writer);
    out.say("sent", &(left.len(), connection.sent.await));
    let heard = connection.reader.collect().await;
    out.say("heard", &String::from_utf8(heard).unwrap());
    out.say("received", &connection.received.await);
}

type Options = (u8, bool, u64, u32);

fn options(socket: &TcpSocket) -> Options {
    (
        socket.get_hop_limit().unwrap(),
        socket.get_keep_alive_enabled().unwrap(),
        socket.get_keep_alive_idle_time().unwrap(),
        socket.get_keep_alive_count().unwrap(),
    )
}

/// A datagram as text, and by whom.
type Heard = Result<(String, String), ErrorCode>;

async fn heard(socket: &UdpSocket) -> Heard {
    let (data, from) = socket.receive().await?;
    Ok((String::from_utf8(data).unwrap(), shown(from)))
}

async fn send(socket: &UdpSocket, text: &str, to: Option<&str>) -> Result<(), ErrorCode> {
    socket.send(text.as_bytes().to_vec(), to.map(wit)).await
}

/// Begins something, which is not done at once.
async fn begin(mut work: Pin<&mut impl Future<Output = Heard>>) {
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Pending => Poll::Ready(()),
        Poll::Ready(heard) => panic!("{heard:?}"),
    })
    .await;
}

const SERVER: &str = "127.0.0.1:90";
const OWN: &str = "127.0.0.1:9000";

fn bound(to: &str) -> UdpSocket {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.bind(wit(to)).unwrap();
    socket
}

/// A socket on a wildcard address reaches both. The first address says back what it hears, and the second
/// must not hear anything.
pub async fn beside(out: &Out, addresses: &str) {
    let (outside, denied) = addresses.split_once(' ').unwrap();
    let (server, socket) = (bound(SERVER), bound("0.0.0.0:9000"));
    socket.set_unicast_hop_limit(7).unwrap();
    both(out, &server, &socket, [outside, denied]).await;
    fairly(out, &server, &socket, outside).await;
    connected(out, &server, &socket, [outside, denied]).await;
    unbound(out, outside).await;
}

async fn both(out: &Out, server: &UdpSocket, socket: &UdpSocket, [outside, denied]: [&str; 2]) {
    // It waits since before there was anything of the host's.
    let mut waits = pin!(heard(socket));
    begin(waits.as_mut()).await;
    out.say("inside", &send(socket, "a", Some(SERVER)).await);
    out.say("outside", &send(socket, "b", Some(outside)).await);
    out.say("denied", &send(socket, "c", Some(denied)).await);
    let long = "d".repeat(70_000);
    out.say("too long", &send(socket, &long, Some(outside)).await);
    out.say("from outside", &waits.await);
    out.say("server", &heard(server).await);
    // It waits for both.
    let mut waits = pin!(heard(socket));
    begin(waits.as_mut()).await;
    send(server, "e", Some(OWN)).await.unwrap();
    out.say("from inside", &waits.await);
    let mut waits = pin!(heard(socket));
    begin(waits.as_mut()).await;
    send(socket, "f", Some(outside)).await.unwrap();
    out.say("from outside", &waits.await);
    // One that is taken back loses nothing.
    {
        let mut waits = pin!(heard(socket));
        begin(waits.as_mut()).await;
    }
    send(socket, "g", Some(outside)).await.unwrap();
    out.say("from outside", &heard(socket).await);
    // Two wait, and each gets one.
    let (mut first, mut second) = (pin!(heard(socket)), pin!(heard(socket)));
    begin(first.as_mut()).await;
    begin(second.as_mut()).await;
    send(server, "h", Some(OWN)).await.unwrap();
    send(socket, "i", Some(outside)).await.unwrap();
    let mut two = Vec::new();
    match select(first, second).await {
        Either::Left((one, other)) => two.extend([one, other.await]),
        Either::Right((one, other)) => two.extend([one, other.await]),
    }
    two.sort_by_key(|it| it.as_ref().ok().cloned());
    out.say("two", &two);
    out.say("local", &socket.get_local_address().map(port));
    out.say("remote", &socket.get_remote_address().map(shown));
    socket.set_unicast_hop_limit(8).unwrap();
    out.say("hops", &socket.get_unicast_hop_limit());
}

/// Neither keeps the other away, however much there is.
async fn fairly(out: &Out, server: &UdpSocket, socket: &UdpSocket, outside: &str) {
    send(socket, "far", Some(outside)).await.unwrap();
    let mut from = String::new();
    while from != outside {
        for _ in 0..2 {
            send(server, "near", Some(OWN)).await.unwrap();
        }
        (_, from) = heard(socket).await.unwrap();
        // The host takes its time.
        wait_for(100_000).await;
    }
    // And the other way round: what is in memory comes out.
    for _ in 0..20 {
        send(server, "near", Some(OWN)).await.unwrap();
    }
    send(server, "last", Some(OWN)).await.unwrap();
    let mut text = String::new();
    while text != "last" {
        send(socket, "far", Some(outside)).await.unwrap();
        (text, _) = heard(socket).await.unwrap();
    }
    out.say("fairly", &true);
}

/// What is connected to one of them hears that one alone.
async fn connected(
    out: &Out,
    server: &UdpSocket,
    before: &UdpSocket,
    [outside, denied]: [&str; 2],
) {
    let socket = bound("0.0.0.0:9001");
    out.say("denied", &socket.connect(wit(denied)));
    out.say("local", &socket.get_local_address().map(port));
    out.say("connected", &socket.connect(wit(outside)));
    out.say("remote", &socket.get_remote_address().map(shown));
    out.say("sent", &send(&socket, "j", None).await);
    out.say("elsewhere", &send(&socket, "k", Some(SERVER)).await);
    out.say("from outside", &heard(&socket).await);
    out.say("connected", &socket.connect(wit(SERVER)));
    out.say("remote", &socket.get_remote_address().map(shown));
    out.say("sent", &send(&socket, "l", None).await);
    let (text, from) = heard(server).await.unwrap();
    out.say("server", &text);
    send(server, "m", Some(&from)).await.unwrap();
    out.say("from inside", &heard(&socket).await);
    out.say("elsewhere", &send(&socket, "n", Some(outside)).await);
    out.say("connected", &socket.connect(wit(outside)));
    out.say("disconnected", &socket.disconnect());
    out.say("disconnected", &socket.disconnect());
    out.say("sent", &send(&socket, "o", Some(SERVER)).await);
    out.say("server", &heard(server).await.map(|(text, _)| text));
    out.say("sent", &send(&socket, "p", Some(outside)).await);
    out.say("from outside", &heard(&socket).await);
    out.say("bound", &socket.bind(wit("0.0.0.0:9002")));
    drop(socket);
    // One that has heard from both is connected.
    while before.connect(wit(outside)).is_err() {}
    send(before, "q", None).await.unwrap();
    while heard(before).await.unwrap().0 != "q" {}
    out.say("remote", &before.get_remote_address().map(shown));
}

/// One that is not bound is bound by what it sends.
async fn unbound(out: &Out, outside: &str) {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    out.say("received", &heard(&socket).await);
    out.say("sent", &send(&socket, "r", Some(outside)).await);
    out.say("from outside", &heard(&socket).await);
    out.say(
        "bound",
        &socket.get_local_address().is_ok_and(|it| port(it) != 0),
    );
    let here = bound(SERVER_TOO);
    out.say("sent", &send(&socket, "s", Some(SERVER_TOO)).await);
    out.say("server", &heard(&here).await.map(|(text, _)| text));
    let other = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    out.say("connected", &other.connect(wit(outside)));
    out.say("sent", &send(&other, "t", None).await);
    out.say("from outside", &heard(&other).await);
    let loopback = bound("127.0.0.1:9003");
    out.say("from loopback", &send(&loopback, "u", Some(outside)).await);
}

const SERVER_TOO: &str = "127.0.0.1:91";
