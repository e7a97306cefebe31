//! Addresses and names, which both have.

use crate::{Out, new, old};
use std::net::{Ipv4Addr, TcpListener, ToSocketAddrs, UdpSocket as Old};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{IpAddress, IpAddressFamily, TcpSocket, UdpSocket};

/// What one has taken is not free for the other.
pub async fn in_use(out: &mut Out) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = new(listener.local_addr().unwrap());
    let another = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    out.say(
        "tcp of 0.2",
        &another
            .bind(address)
            .and_then(|()| another.listen().map(drop)),
    );
    drop(listener);
    out.say(
        "is free",
        &TcpSocket::create(IpAddressFamily::Ipv4)
            .unwrap()
            .bind(address),
    );

    let listener = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    listener
        .bind(crate::net::local(IpAddressFamily::Ipv4, 0))
        .unwrap();
    let accepted = listener.listen().unwrap();
    let address = listener.get_local_address().unwrap();
    let taken = TcpListener::bind(old(address)).map(drop);
    out.say("tcp of 0.3", &taken.map_err(|e| e.kind()));
    drop((accepted, listener));

    let socket = Old::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = new(socket.local_addr().unwrap());
    let another = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    out.say("udp of 0.2", &another.bind(address));
    drop(socket);
    out.say("is free", &another.bind(address));
    let taken = Old::bind(old(address)).map(drop);
    out.say("udp of 0.3", &taken.map_err(|e| e.kind()));
}

/// The same names lead to the same addresses.
pub async fn names(out: &mut Out) {
    for name in ["127.0.0.1", "cache.test", "gone.test"] {
        let by_old = (name, 80).to_socket_addrs();
        let by_old = by_old.map(|it| it.map(|it| it.ip().to_string()).collect::<Vec<_>>());
        out.say(name, &by_old.map_err(|e| e.to_string()));
        let by_new = resolve_addresses(name.to_owned()).await;
        let text = |it: &IpAddress| match it {
            IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(*a, *b, *c, *d).to_string(),
            IpAddress::Ipv6(it) => format!("{it:?}"),
        };
        let by_new = by_new.map(|it| it.iter().map(text).collect::<Vec<_>>());
        out.say(name, &by_new);
    }
}
