//! UDP between the two.

use crate::net::local;
use crate::{Out, new, old};
use std::net::UdpSocket as Old;
use wasip3::sockets::types::{IpAddressFamily, UdpSocket};

/// Datagrams both ways, to sockets that are connected and to others.
pub async fn datagrams(out: &mut Out) {
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        let there = UdpSocket::create(family).unwrap();
        there.bind(local(family, 0)).unwrap();
        let address = there.get_local_address().unwrap();
        let here = Old::bind((old(address).ip(), 0)).unwrap();
        let at = here.local_addr().unwrap();
        out.say("sent", &here.send_to(b"to 0.3", old(address)));
        let (data, from) = there.receive().await.unwrap();
        out.say("came", &(String::from_utf8(data), old(from) == at));
        out.say("sent", &there.send(vec![7; 60_000], Some(new(at))).await);
        let mut data = vec![0; 70_000];
        let (count, from) = here.recv_from(&mut data).unwrap();
        out.say("came", &(count, data[count - 1], from == old(address)));
        here.connect(old(address)).unwrap();
        there.connect(new(at)).unwrap();
        out.say("sent", &here.send(b"again"));
        out.say("came", &there.receive().await.map(|it| it.0));
        out.say("sent", &there.send(Vec::new(), None).await);
        out.say("came", &here.recv(&mut data));
    }
}
