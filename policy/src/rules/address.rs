//! Addresses as the tables have them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address that sockets can have, as a number: IPv6 as it is, IPv4 where IPv6 has a place for it
/// (`::ffff:0:0/96`), which no socket of IPv6 can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub(crate) u128);

const V4: u128 = 0xffff << 32;

impl Key {
    /// The bits in front of an IPv4 address.
    pub(crate) const V4_PREFIX: u8 = 96;

    /// The key of an IPv4 address, given its bits.
    pub const fn v4(address: u32) -> Self {
        Key(V4 | address as u128)
    }

    /// The key of an IPv6 address, given its bits; `None` for those that `wasi:sockets` does not
    /// take: the IPv4-mapped ones, and the deprecated IPv4-compatible ones.
    pub const fn v6(address: u128) -> Option<Self> {
        let key = Key(address);
        if !key.is_v4() && (address >> 32 != 0 || address <= 1) {
            Some(key)
        } else {
            None
        }
    }

    /// The key of an address that sockets can have.
    pub const fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(ip) => Some(Key::v4(ip.to_bits())),
            IpAddr::V6(ip) => Key::v6(ip.to_bits()),
        }
    }

    /// Whether it is an IPv4 address.
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// The number. An IPv4 address is in the lower 32 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The address.
    pub const fn ip(self) -> IpAddr {
        if self.is_v4() {
            IpAddr::V4(Ipv4Addr::from_bits(self.0 as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(self.0))
        }
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

/// Where a socket is, or leads: what of a socket address decides. The scope and the flow of an IPv6
/// address do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub key: Key,
    /// The port.
    pub port: u16,
}

impl Place {
    /// The place of a socket address that sockets can have.
    pub fn of(address: SocketAddr) -> Option<Self> {
        let key = Key::of(address.ip())?;
        let port = address.port();
        Some(Place { key, port })
    }

    /// As a socket address, which is `asked` if that means this place.
    pub(crate) fn address(self, asked: SocketAddr) -> SocketAddr {
        if Place::of(asked) == Some(self) {
            return asked;
        }
        SocketAddr::new(self.key.ip(), self.port)
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

/// An address in all its forms: as it is, then the IPv4 addresses that an IPv6 address has in it. A
/// host may well deliver to them: 6to4 (RFC 3056), Teredo (RFC 4380, the server and the client),
/// NAT64 (RFC 6052 for the well-known prefix, RFC 8215 for the local one, where both layouts are
/// looked at) and v4-compatible ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forms {
    keys: [Key; 3],
    count: usize,
}

impl Forms {
    pub(crate) fn of(key: Key) -> Self {
        let mut forms = Forms {
            keys: [key; 3],
            count: 1,
        };
        if key.is_v4() {
            return forms;
        }
        let word = |shift: u32| (key.0 >> shift) as u32;
        let (a, b, c, d) = (word(96), word(64), word(32), word(0));
        match (a, b, c) {
            (0x2002_0000..=0x2002_ffff, ..) => forms.add(a << 16 | b >> 16),
            (0x2001_0000, ..) => {
                forms.add(b);
                forms.add(!d);
            }
            (0x0064_ff9b, 0, 0) => forms.add(d),
            (0x0064_ff9b, 0x0001_0000..=0x0001_ffff, _) => {
                // The last four octets; or octets 6 and 7, one octet of zeros, octets 9 and 10. A
                // layout that finds 0.0.0.0 is not the one in use.
                for address in [d, b << 16 | c >> 8 & 0xffff] {
                    if address != 0 {
                        forms.add(address);
                    }
                }
            }
            (0, 0, 0) if d > 1 => forms.add(d),
            _ => {}
        }
        forms
    }

    fn add(&mut self, address: u32) {
        if let Some(place) = self.keys.get_mut(self.count) {
            *place = Key::v4(address);
            self.count += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Key> {
        self.keys.iter().copied().take(self.count)
    }
}
