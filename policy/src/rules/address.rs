//! Addresses as the tables have them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address as a number: IPv6 as it is, IPv4 where IPv6 has a place for it (`::ffff:0:0/96`).
/// No IPv6 address that is asked for lies there, because mapped ones are never valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u128);

const V4: u128 = 0xffff << 32;

impl Key {
    /// The bits in front of an IPv4 address.
    pub(crate) const V4_PREFIX: u8 = 96;

    pub(crate) const fn v4(address: u32) -> Self {
        Key(V4 | address as u128)
    }

    // One copy: turning bytes around is long in wasm.
    #[inline(never)]
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Key::v4(ip.to_bits()),
            IpAddr::V6(ip) => Key(ip.to_bits()),
        }
    }

    pub(crate) const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// Whether a prefix has it in it. Prefixes of IPv6 never mean IPv4.
    pub(crate) fn is_in(self, start: u128, length: u8) -> bool {
        (start ^ self.0).leading_zeros() >= length.into()
            && (length >= Key::V4_PREFIX || !self.is_v4())
    }

    /// Whether a prefix sorts before it, or begins with it: all of IPv6 is before IPv4.
    pub(crate) fn follows(self, start: u128, length: u8) -> bool {
        let v4 = length >= Key::V4_PREFIX && Key(start).is_v4();
        if v4 == self.is_v4() {
            start <= self.0
        } else {
            self.is_v4()
        }
    }

    #[inline(never)]
    pub(crate) fn ip(self) -> IpAddr {
        if self.is_v4() {
            IpAddr::V4(Ipv4Addr::from_bits(self.0 as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(self.0))
        }
    }

    pub(crate) fn is_unspecified(self) -> bool {
        self.0 == 0 || self.0 == V4
    }

    fn is_multicast(self) -> bool {
        if self.is_v4() {
            self.0 as u32 >> 28 == 0xe
        } else {
            self.0 >> 120 == 0xff
        }
    }

    /// Whether one host can have it, as wasmtime tells.
    pub(crate) fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Key::v4(u32::MAX)
    }
}

/// A key in a table: bytes, so that it takes no more room than it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored([u8; 16]);

impl Stored {
    pub(crate) const ZERO: Stored = Stored([0; 16]);

    pub(crate) const fn new(key: Key) -> Self {
        Stored(key.0.to_ne_bytes())
    }

    pub(crate) const fn key(self) -> Key {
        Key(u128::from_ne_bytes(self.0))
    }
}

/// The key of an address that sockets can have: not the IPv4-mapped ones, nor the deprecated
/// IPv4-compatible ones, which `wasi:sockets` does not take.
pub(crate) fn valid(ip: IpAddr) -> Option<Key> {
    let key = Key::of(ip);
    (ip.is_ipv4() || is_valid_v6(key)).then_some(key)
}

pub(crate) fn is_valid_v6(key: Key) -> bool {
    !key.is_v4() && (key.0 >> 32 != 0 || key.0 <= 1)
}

/// The IPv4 addresses that an IPv6 address has in it. A host may well deliver to them: 6to4
/// (RFC 3056), Teredo (RFC 4380, the server and the client), NAT64 (RFC 6052 for the well-known
/// prefix, RFC 8215 for the local one, where both layouts are looked at) and v4-compatible ones.
pub(crate) fn embedded(key: Key) -> [Option<Key>; 2] {
    let at = |shift: u32| Some(Key::v4((key.0 >> shift) as u32));
    let head = (key.0 >> 96) as u32;
    if key.is_v4() {
        return [None, None];
    }
    if head >> 16 == 0x2002 {
        return [at(80), None];
    }
    match head {
        0x2001_0000 => [at(64), Some(Key::v4(!(key.0 as u32)))],
        0x0064_ff9b if (key.0 >> 32) as u64 == 0 => [at(0), None],
        0x0064_ff9b if (key.0 >> 80) as u16 == 1 => {
            // Octets 6 and 7, one octet of zeros, octets 9 and 10; or the last four. A layout that
            // finds 0.0.0.0 is not the one in use.
            let found = |address: u32| (address != 0).then_some(Key::v4(address));
            let high = (key.0 >> 64) as u32 & 0xffff;
            let low = (key.0 >> 40) as u32 & 0xffff;
            [found(key.0 as u32), found(high << 16 | low)]
        }
        0 if key.0 >> 32 == 0 && key.0 > 1 => [at(0), None],
        _ => [None, None],
    }
}

/// A socket address with another address in it. The scope of an IPv6 address goes with it.
#[inline(never)]
pub(crate) fn with_ip(address: SocketAddr, key: Key, port: u16) -> SocketAddr {
    if Key::of(address.ip()) == key && address.port() == port {
        return address;
    }
    SocketAddr::new(key.ip(), port)
}
