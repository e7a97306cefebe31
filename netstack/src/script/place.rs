//! Which peer is at an address.

use super::{Net, Protocol, Script, Target};
use core::net::{IpAddr, SocketAddr};

impl Script {
    /// The number of the peer at an address: the one that says most about where it is.
    pub fn peer_at(&self, protocol: Protocol, address: SocketAddr) -> Option<u32> {
        let mut best = None;
        for (number, peer) in (0..).zip(&self.peers) {
            if peer.protocol != protocol {
                continue;
            }
            let fit = peer.at.iter().filter_map(|target| target.fit(address));
            if let Some(fit) = fit.max()
                && best.is_none_or(|(other, _)| fit > other)
            {
                best = Some((fit, number));
            }
        }
        best.map(|(_, number)| number)
    }
}

impl Target {
    /// Whether an address is one of these, and how much is said about it: bits of the address first,
    /// then ports.
    fn fit(&self, address: SocketAddr) -> Option<(u8, u16)> {
        if !(self.first..=self.last).contains(&address.port()) {
            return None;
        }
        let bits = match self.net {
            None => 0,
            Some(net) => {
                if !net.has(address.ip()) {
                    return None;
                }
                1 + net.bits
            }
        };
        Some((bits, u16::MAX - (self.last - self.first)))
    }
}

impl Net {
    fn has(&self, ip: IpAddr) -> bool {
        let (own, other, all) = match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => (own.to_bits().into(), ip.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(ip)) => (own.to_bits(), ip.to_bits(), 128),
            _ => return false,
        };
        let differs: u128 = own ^ other;
        let rest = all - u32::from(self.bits).min(all);
        differs.checked_shr(rest).unwrap_or(0) == 0
    }
}
