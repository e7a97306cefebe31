//! Addresses as core values.

use crate::state::Words;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

fn v4(words: &[u32]) -> Ipv4Addr {
    let mut octets = [0; 4];
    for (octet, word) in octets.iter_mut().zip(words) {
        *octet = *word as u8;
    }
    Ipv4Addr::from(octets)
}

fn v6(words: &[u32]) -> Ipv6Addr {
    let mut segments = [0; 8];
    for (segment, word) in segments.iter_mut().zip(words) {
        *segment = *word as u16;
    }
    Ipv6Addr::from(segments)
}

/// An `ip-socket-address`: the case, the port, then four octets, or the flow info, eight segments
/// and the scope id.
pub(crate) fn address_of(words: &[u32; 12]) -> SocketAddr {
    let [case, port, rest @ ..] = words;
    let port = *port as u16;
    match (case, rest) {
        (0, rest) => SocketAddrV4::new(v4(rest), port).into(),
        (_, [flow, segments @ .., scope]) => {
            SocketAddrV6::new(v6(segments), port, *flow, *scope).into()
        }
    }
}

pub(crate) fn store_address(words: &mut Words, address: SocketAddr) {
    *words = [0; 12];
    let [case, port, rest @ ..] = words;
    *port = address.port().into();
    match address {
        SocketAddr::V4(address) => store_v4(rest, *address.ip()),
        SocketAddr::V6(address) => {
            let [flow, segments @ .., scope] = rest;
            *case = 1;
            *flow = address.flowinfo();
            *scope = address.scope_id();
            store_v6(segments, *address.ip());
        }
    }
}

fn store_v4(words: &mut [u32], ip: Ipv4Addr) {
    for (word, octet) in words.iter_mut().zip(ip.octets()) {
        *word = octet.into();
    }
}

fn store_v6(words: &mut [u32], ip: Ipv6Addr) {
    for (word, segment) in words.iter_mut().zip(ip.segments()) {
        *word = segment.into();
    }
}

/// An `ip-address`: the case, then four octets or eight segments.
pub(crate) fn ip_of(words: &[u32; 9]) -> IpAddr {
    let [case, rest @ ..] = words;
    match case {
        0 => v4(rest).into(),
        _ => v6(rest).into(),
    }
}

pub(crate) fn store_ip(words: &mut Words, ip: IpAddr) {
    let [case, rest @ ..] = words;
    match ip {
        IpAddr::V4(ip) => {
            *case = 0;
            store_v4(rest, ip);
        }
        IpAddr::V6(ip) => {
            *case = 1;
            store_v6(rest, ip);
        }
    }
}
