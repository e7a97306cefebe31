//! Things by address.

use crate::ports::Space;
use crate::slab::Slab;
use alloc::vec;
use alloc::vec::Vec;
use core::iter;
use core::net::{IpAddr, SocketAddr};

/// The end of a chain.
const NONE: u32 = u32::MAX;
/// How many chains there are at first.
const FIRST: usize = 16;

/// An address, or both addresses of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    space: Space,
    port: u16,
    ip: u128,
    remote: Option<(u16, u128)>,
}

impl Key {
    pub(crate) fn new(space: Space, address: SocketAddr) -> Self {
        Key {
            space,
            port: address.port(),
            ip: bits(address.ip()),
            remote: None,
        }
    }

    /// This address as one that is connected.
    pub(crate) fn toward(self, remote: SocketAddr) -> Self {
        Key {
            remote: Some((remote.port(), bits(remote.ip()))),
            ..self
        }
    }

    /// The wildcard address with the same port.
    pub(crate) fn wildcard(self) -> Self {
        Key { ip: 0, ..self }
    }

    fn is_wildcard(self) -> bool {
        self.ip == 0
    }

    /// Whether two keys are of the same port, which neither connects from.
    fn shares_port(self, other: Key) -> bool {
        let free = self.remote.is_none() && other.remote.is_none();
        free && self.space == other.space && self.port == other.port
    }

    /// Whether two addresses are the same, or one is the wildcard of the other's port.
    pub(crate) fn overlaps(self, other: Key) -> bool {
        let same = self.ip == other.ip || self.is_wildcard() || other.is_wildcard();
        same && self.shares_port(other)
    }

    /// A number in which keys of different ports differ.
    fn hash(self) -> u32 {
        let (remote, _) = self.remote.unwrap_or_default();
        let ports = u32::from(self.port) << 16 | u32::from(remote);
        ports.wrapping_mul(0x9e37_79b1)
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// One thing, and what comes behind it in its chain.
#[derive(Debug)]
struct Entry<T> {
    key: Key,
    thing: T,
    next: u32,
}

/// Things by address, where those of one port are found together. It does in a kilobyte of wasm what
/// takes `BTreeMap` eight.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// The first entries of chains, a power of two of them, or none at all.
    heads: Vec<u32>,
    entries: Slab<Entry<T>>,
}

impl<T: Default> Table<T> {
    pub(crate) const fn new() -> Self {
        Table {
            heads: Vec::new(),
            entries: Slab::new(NONE),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the chain of a key begins.
    fn head(&self, key: Key) -> usize {
        let bits = self.heads.len().checked_ilog2().unwrap_or(0);
        // The upper bits of a product are the ones that all of the factor has a say in.
        key.hash().checked_shr(32 - bits).unwrap_or(0) as usize
    }

    /// The chain of a key, and of others.
    fn chain(&self, key: Key) -> impl Iterator<Item = (u32, &Entry<T>)> {
        let entry = |number: u32| Some((number, self.entries.get(number)?));
        let head = self.heads.get(self.head(key)).copied();
        iter::successors(head.and_then(entry), move |(_, it)| entry(it.next))
    }

    fn find(&self, key: Key) -> Option<u32> {
        let mut chain = self.chain(key);
        chain
            .find(|(_, it)| it.key == key)
            .map(|(number, _)| number)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        Some(&self.entries.get(self.find(key)?)?.thing)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let number = self.find(key)?;
        Some(&mut self.entries.get_mut(number)?.thing)
    }

    /// All whose address overlaps with one.
    pub(crate) fn overlapping(&self, key: Key) -> impl Iterator<Item = &T> {
        let overlapping = self.chain(key).filter(move |(_, it)| it.key.overlaps(key));
        overlapping.map(|(_, it)| &it.thing)
    }

    /// What a key has, which is a new thing if there was none.
    pub(crate) fn entry(&mut self, key: Key) -> Option<&mut T> {
        if let Some(number) = self.find(key) {
            return Some(&mut self.entries.get_mut(number)?.thing);
        }
        if self.entries.len() >= self.heads.len() {
            self.grow();
        }
        let number = self.entries.insert(Entry {
            key,
            thing: T::default(),
            next: NONE,
        })?;
        self.link(number);
        Some(&mut self.entries.get_mut(number)?.thing)
    }

    pub(crate) fn remove(&mut self, key: Key) {
        let Some(number) = self.find(key) else {
            return;
        };
        let before = self.chain(key).find(|(_, it)| it.next == number);
        let before = before.map(|(number, _)| number);
        let head = self.head(key);
        let Some(Entry { next, .. }) = self.entries.remove(number) else {
            return;
        };
        match before {
            Some(before) => {
                if let Some(before) = self.entries.get_mut(before) {
                    before.next = next;
                }
            }
            None => {
                if let Some(head) = self.heads.get_mut(head) {
                    *head = next;
                }
            }
        }
    }

    /// Puts an entry at the front of its chain.
    fn link(&mut self, number: u32) {
        let Some(key) = self.entries.get(number).map(|it| it.key) else {
            return;
        };
        let head = self.head(key);
        if let (Some(head), Some(entry)) = (self.heads.get_mut(head), self.entries.get_mut(number))
        {
            entry.next = core::mem::replace(head, number);
        }
    }

    /// Doubles the number of chains.
    fn grow(&mut self) {
        let count = (2 * self.heads.len()).max(FIRST);
        self.heads = vec![NONE; count];
        for number in 0..self.entries.numbers() {
            self.link(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn key((space, port, ip, remote): (bool, u16, u8, Option<u16>)) -> Key {
        let space = match space {
            true => Space::Tcp4,
            false => Space::Udp4,
        };
        let key = Key {
            space,
            port: port % 40,
            ip: u128::from(ip % 3),
            remote: None,
        };
        Key {
            remote: remote.map(|port| (port % 40, 1)),
            ..key
        }
    }

    proptest! {
        /// The map of the standard library is the model.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec(any::<(bool, (bool, u16, u8, Option<u16>))>(), 0..400)) {
            let mut table = Table::<usize>::new();
            let mut model = HashMap::new();
            for (i, (insert, step)) in steps.into_iter().enumerate() {
                let key = key(step);
                let name = alloc::format!("{key:?}");
                prop_assert_eq!(table.get(key).copied(), model.get(&name).map(|(_, it)| *it));
                if insert {
                    *table.entry(key).unwrap() = i;
                    model.insert(name, (key, i));
                } else {
                    table.remove(key);
                    model.remove(&name);
                }
                prop_assert_eq!(table.len(), model.len());
                let mut found: Vec<usize> = table.overlapping(key).copied().collect();
                let mut expected: Vec<usize> = model
                    .values()
                    .filter(|(other, _)| other.overlaps(key))
                    .map(|(_, it)| *it)
                    .collect();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn chains_stay_short() {
        let mut table = Table::<()>::new();
        for port in 0..20_000_u16 {
            let local = SocketAddr::from(([127, 0, 0, 1], 32_768 + port));
            let server = SocketAddr::from(([127, 0, 0, 1], 80));
            for key in [
                Key::new(Space::Tcp4, local),
                Key::new(Space::Tcp4, local).toward(server),
                Key::new(Space::Tcp4, server).toward(local),
            ] {
                table.entry(key).unwrap();
            }
        }
        let longest = table.entries.numbers();
        let longest = (0..longest).filter_map(|it| table.entries.get(it));
        let longest = longest.map(|it| table.chain(it.key).count()).max();
        assert!(longest.unwrap() <= 12, "{longest:?}");
    }
}
