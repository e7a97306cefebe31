//! Which addresses there are, and which are valid for what.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6, and nothing of IPv4: sockets have `IPV6_V6ONLY`.
    V6,
}

impl Family {
    /// The wildcard address.
    pub fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// The address that a socket without one of its own sends from, wherever it sends to.
    pub(crate) const fn source(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Family::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        }
    }

    /// Whether an address is one of this family. IPv4 in IPv6 clothing is of neither.
    pub(crate) fn has(self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Family::V4, IpAddr::V4(_)) => true,
            (Family::V6, IpAddr::V6(ip)) => !is_compatible(ip) && ip.to_ipv4_mapped().is_none(),
            _ => false,
        }
    }
}

/// Whether an IPv6 address is one that stands for an IPv4 address, in the form that was deprecated
/// in 2006.
fn is_compatible(ip: Ipv6Addr) -> bool {
    // `::` and `::1` have the same form, and are none.
    matches!(ip.to_bits(), 2..=0xffff_ffff)
}

/// Whether an address can belong to one socket: it is neither multicast nor broadcast.
pub(crate) fn is_unicast(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_multicast(),
    }
}

/// Whether something can be sent to an address.
pub(crate) fn is_remote(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_unspecified() && address.port() != 0
}

/// Whether an address is one of this network: 127.0.0.0/8, `::1`, or a wildcard.
pub(crate) fn is_inside(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// Whether an address is the broadcast address of the loopback interface, which Linux lets sockets
/// bind to and nothing be sent to.
pub(crate) fn is_broadcast(ip: IpAddr) -> bool {
    ip == IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255))
}

/// Whether a socket that has this address sends from another: one that names no host.
pub(crate) fn is_no_source(ip: IpAddr) -> bool {
    ip.is_unspecified() || is_broadcast(ip)
}

/// An address as the kernel gives it back: with no flow, and no scope where there is but one.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn check(what: impl Fn(IpAddr) -> bool, expected: &[&str]) {
        let all = [
            "0.0.0.0",
            "127.0.0.1",
            "127.1.2.3",
            "128.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::1.2.3.4",
            "::ffff:1.2.3.4",
            "::ffff:0.0.0.0",
            "ff02::1",
            "2001:db8::1",
        ];
        let found: Vec<&str> = all
            .into_iter()
            .filter(|ip| what(ip.parse().unwrap()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn addresses_are_told_apart_as_wasmtime_does() {
        check(
            |ip| Family::V4.has(ip),
            &[
                "0.0.0.0",
                "127.0.0.1",
                "127.1.2.3",
                "128.0.0.1",
                "224.0.0.1",
                "255.255.255.255",
            ],
        );
        check(
            |ip| Family::V6.has(ip),
            &["::", "::1", "ff02::1", "2001:db8::1"],
        );
        check(
            |ip| !is_unicast(ip),
            &["224.0.0.1", "255.255.255.255", "ff02::1"],
        );
        check(
            is_inside,
            &["0.0.0.0", "127.0.0.1", "127.1.2.3", "::", "::1"],
        );
        check(
            |ip| !is_remote(SocketAddr::new(ip, 1)),
            &["0.0.0.0", "::", "::ffff:0.0.0.0"],
        );
        assert!(!is_remote("127.0.0.1:0".parse().unwrap()));
    }

    #[test]
    fn flow_and_scope_are_forgotten() {
        let address = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 7, 9);
        let expected = String::from("[::1]:80");
        assert_eq!(alloc::format!("{}", plain(address.into())), expected);
    }
}
