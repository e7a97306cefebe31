//! Ranges that are denied unless a rule names them.
//!
//! The sources are IANA's registries of special-purpose addresses (RFC 6890 and what updates it)
//! and, for metadata, what the clouds document.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::str::FromStr;

/// A special range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Special {
    /// The host itself: 127.0.0.0/8 and ::1.
    Loopback,
    /// 0.0.0.0 and ::.
    Unspecified,
    /// 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// Where clouds answer who asks for credentials.
    Metadata,
    /// RFC 1918 and fc00::/7.
    Private,
    /// 100.64.0.0/10, behind a carrier's NAT.
    Cgnat,
    /// 224.0.0.0/4 and ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// Addresses for examples.
    Documentation,
    /// What IANA keeps for protocols, benchmarks and the future.
    Reserved,
}

impl Special {
    /// Every special range, in the order of the contract.
    pub const ALL: [Special; 10] = [
        Special::Loopback,
        Special::Unspecified,
        Special::LinkLocal,
        Special::Metadata,
        Special::Private,
        Special::Cgnat,
        Special::Multicast,
        Special::Broadcast,
        Special::Documentation,
        Special::Reserved,
    ];

    /// The name that policy files and flags use.
    pub const fn name(self) -> &'static str {
        match self {
            Special::Loopback => "loopback",
            Special::Unspecified => "unspecified",
            Special::LinkLocal => "link-local",
            Special::Metadata => "metadata",
            Special::Private => "private",
            Special::Cgnat => "cgnat",
            Special::Multicast => "multicast",
            Special::Broadcast => "broadcast",
            Special::Documentation => "documentation",
            Special::Reserved => "reserved",
        }
    }

    /// Its bit in [`RuleRef::Special`](crate::RuleRef::Special).
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// The ranges of a set of bits.
    pub fn of_bits(bits: u16) -> impl Iterator<Item = Special> {
        Special::ALL
            .into_iter()
            .filter(move |special| bits & special.bit() != 0)
    }

    /// Its addresses.
    pub fn nets(self) -> impl Iterator<Item = IpNet> {
        let texts = match self {
            Special::Loopback => LOOPBACK,
            Special::Unspecified => UNSPECIFIED,
            Special::LinkLocal => LINK_LOCAL,
            Special::Metadata => METADATA,
            Special::Private => PRIVATE,
            Special::Cgnat => CGNAT,
            Special::Multicast => MULTICAST,
            Special::Broadcast => BROADCAST,
            Special::Documentation => DOCUMENTATION,
            Special::Reserved => RESERVED,
        };
        texts.iter().copied()
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Special {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut all = Special::ALL.into_iter();
        all.find(|special| special.name() == name).ok_or(())
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(
        std::net::Ipv4Addr::new(a, b, c, d),
        length,
    ))
}

const fn v6(a: [u16; 8], length: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = a;
    let ip = std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h);
    IpNet::V6(Ipv6Net::new_assert(ip, length))
}

const LOOPBACK: &[IpNet] = &[v4(127, 0, 0, 0, 8), v6([0, 0, 0, 0, 0, 0, 0, 1], 128)];
const UNSPECIFIED: &[IpNet] = &[v4(0, 0, 0, 0, 32), v6([0; 8], 128)];
const LINK_LOCAL: &[IpNet] = &[
    v4(169, 254, 0, 0, 16),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
];
const PRIVATE: &[IpNet] = &[
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
];
const CGNAT: &[IpNet] = &[v4(100, 64, 0, 0, 10)];
const MULTICAST: &[IpNet] = &[v4(224, 0, 0, 0, 4), v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8)];
const BROADCAST: &[IpNet] = &[v4(255, 255, 255, 255, 32)];
const METADATA: &[IpNet] = &[
    // AWS, Google Cloud, Azure, DigitalOcean, Oracle and most others: the instance.
    v4(169, 254, 169, 254, 32),
    // AWS: credentials of ECS tasks, and of EKS pods.
    v4(169, 254, 170, 2, 32),
    v4(169, 254, 170, 23, 32),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128),
    // AWS over IPv6.
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    // AWS: its resolver and its clock, which answer from inside the account.
    v4(169, 254, 169, 253, 32),
    v4(169, 254, 169, 123, 32),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253], 128),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123], 128),
    // Google Cloud over IPv6.
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    // Azure: the wire server, which has the certificates of the instance.
    v4(168, 63, 129, 16, 32),
    // Alibaba Cloud.
    v4(100, 100, 100, 200, 32),
    // Oracle Cloud, beside the common address.
    v4(192, 0, 0, 192, 32),
    // Tencent Cloud.
    v4(169, 254, 0, 23, 32),
    // Scaleway.
    v4(169, 254, 42, 42, 32),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
];
const DOCUMENTATION: &[IpNet] = &[
    v4(192, 0, 2, 0, 24),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];
const RESERVED: &[IpNet] = &[
    // "This network" (RFC 791).
    v4(0, 0, 0, 0, 8),
    // IETF protocol assignments (RFC 6890), AMT and AS112 (RFC 7450, 7535, 7534), the deprecated
    // 6to4 relay (RFC 7526).
    v4(192, 0, 0, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 175, 48, 0, 24),
    // Benchmarks (RFC 2544).
    v4(198, 18, 0, 0, 15),
    // For the future (RFC 1112).
    v4(240, 0, 0, 0, 4),
    // Discard, and dummy (RFC 6666, 9780).
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 63),
    // The local NAT64 prefix (RFC 8215).
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    // IETF protocol assignments (RFC 2928): Teredo, benchmarks, AMT, AS112, ORCHID, drones.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // AS112 over IPv6 (RFC 7534).
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    // SIDs of segment routing (RFC 9602).
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    // Site-local, deprecated (RFC 3879).
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    // 6to4, whose relays are gone (RFC 7526).
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
];
