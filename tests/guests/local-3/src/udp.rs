//! UDP, and names.

use crate::Out;
use crate::net::{local, port};
use alloc::string::ToString;
use alloc::vec;
use futures_util::join;
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{IpAddressFamily, UdpSocket};

pub async fn datagrams(out: &Out) {
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        let server = UdpSocket::create(family).unwrap();
        server.bind(local(family, 0)).unwrap();
        let address = server.get_local_address().unwrap();
        let client = UdpSocket::create(family).unwrap();
        out.say("not bound", &client.receive().await);
        let answers = async {
            for _ in 0..3 {
                let (data, from) = server.receive().await.unwrap();
                server.send(data, Some(from)).await.unwrap();
            }
        };
        let asks = async {
            for size in [0, 1, 60_000] {
                client.send(vec![7; size], Some(address)).await.unwrap();
                let (data, from) = client.receive().await.unwrap();
                out.say("datagram", &(data.len(), port(from) == port(address)));
            }
        };
        join!(answers, asks);
        out.say("connect", &client.connect(address));
        out.say(
            "remote",
            &client
                .get_remote_address()
                .map(|it| port(it) == port(address)),
        );
        out.say(
            "elsewhere",
            &client.send(vec![1], Some(local(family, 9))).await,
        );
        out.say("too large", &client.send(vec![1; 70_000], None).await);
        out.say("disconnect", &client.disconnect());
        out.say("nowhere", &client.send(vec![1], None).await);
        out.say("bind again", &server.bind(local(family, 0)));
    }
}

pub async fn names(out: &Out) {
    for name in ["127.0.0.1", "::1", "127.1.2.3"] {
        out.say(name, &resolve_addresses(name.to_string()).await);
    }
    out.say("", &resolve_addresses("".to_string()).await);
}
