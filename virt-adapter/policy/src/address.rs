//! Addresses as core values.

use crate::contract::{Packed, V6};
use sockvirt_policy::{Key, Place};

impl Packed {
    pub(crate) const NONE: Packed = Packed {
        tag: 0,
        high: 0,
        low: 0,
    };

    /// An IP address; it has no port.
    pub(crate) fn ip(key: Key) -> Self {
        let bits = key.bits();
        match key.is_v4() {
            true => Packed {
                low: bits as u32 as u64,
                ..Packed::NONE
            },
            false => Packed {
                tag: V6,
                high: (bits >> 64) as u64,
                low: bits as u64,
            },
        }
    }

    pub(crate) fn place(Place { key, port }: Place) -> Self {
        let mut packed = Packed::ip(key);
        packed.tag |= u32::from(port);
        packed
    }

    /// `None` for an address that sockets cannot have.
    pub(crate) fn key(self) -> Option<Key> {
        match self.tag & V6 {
            0 => Some(Key::v4(self.low as u32)),
            _ => Key::v6(self.v6()),
        }
    }

    /// The bits of an IPv6 address, be it one that sockets can have or not.
    pub(crate) fn v6(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    pub(crate) fn port(self) -> u16 {
        self.tag as u16
    }

    /// As [`key`](Packed::key), with the port.
    pub(crate) fn to_place(self) -> Option<Place> {
        let (key, port) = (self.key()?, self.port());
        Some(Place { key, port })
    }

    /// The numbers, by their place.
    pub(crate) fn part(self, index: u32) -> u64 {
        match index {
            0 => self.tag.into(),
            1 => self.high,
            _ => self.low,
        }
    }
}
