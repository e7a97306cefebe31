//! The names that an instance has looked up, and the addresses that these answered.

use crate::rules::names::{Answer, LONGEST};
use crate::rules::{Key, Stored};

pub(super) const NAMES: usize = 1024;
/// So many addresses at the start of their range stand for no name of a rule's. The first is that of the
/// network, and the others are for peers of a script.
pub(crate) const RESERVED: u32 = NAMES as u32;
const ADDRESSES: usize = 1024;
const ADDRESSES_A_NAME: u16 = 64;
pub(super) const LOOKUPS: usize = 1024;
const BUCKETS: usize = 512;

/// The names that were looked up, and what they answered. Numbers in it begin with 1, so that all
/// zeros is an empty one.
pub struct NameTable {
    names: [Name; NAMES],
    addresses: [Address; ADDRESSES],
    /// The first address of each chain of those with the same hash.
    buckets: [u16; BUCKETS],
    pub(super) lookups: [Query; LOOKUPS],
    pub(super) now: u32,
}

#[derive(Clone, Copy)]
struct Name {
    text: [u8; LONGEST],
    /// 0 where the slot is free.
    length: u8,
    /// How many lookups are in flight. It is not evicted while there is one.
    lookups: u16,
    /// How many addresses it has.
    addresses: u16,
    used: u32,
    /// What its synthetic addresses count from their range's start; 0 where it has none. It stays
    /// when the slot becomes another name's, which then gets another number.
    number: u32,
    numbered: bool,
}

#[derive(Clone, Copy)]
struct Address {
    key: Stored,
    /// 0 where it is free.
    name: u16,
    /// The next one in its chain.
    next: u16,
    used: u32,
    /// Later lookups have higher ones, and in a lookup earlier answers.
    order: u64,
    given: bool,
}

/// A lookup in flight.
#[derive(Clone, Copy)]
pub(super) struct Query {
    pub(super) kind: QueryKind,
    pub(super) name: u16,
    /// The rule that answers it.
    pub(super) rule: u32,
    /// How many answers it had.
    pub(super) answers: u16,
    /// Which families were answered with a synthetic address: IPv4, IPv6.
    pub(super) synthetic: [bool; 2],
    /// Which of these `next_inside` has told.
    pub(super) told: [bool; 2],
    pub(super) started: u32,
    pub(super) literal: Stored,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryKind {
    Free,
    /// The host answers.
    Host,
    /// `[dns.hosts]` answers.
    Listed,
    /// A synthetic address answers, because a redirect takes it.
    Redirected,
    /// The name is an address.
    Literal,
}

impl Query {
    pub(super) const FREE: Query = Query {
        kind: QueryKind::Free,
        name: 0,
        rule: 0,
        answers: 0,
        synthetic: [false; 2],
        told: [false; 2],
        started: 0,
        literal: Stored::ZERO,
    };
}

impl NameTable {
    pub(super) const fn new() -> Self {
        let name = Name {
            text: [0; LONGEST],
            length: 0,
            lookups: 0,
            addresses: 0,
            used: 0,
            number: 0,
            numbered: false,
        };
        let address = Address {
            key: Stored::ZERO,
            name: 0,
            next: 0,
            used: 0,
            order: 0,
            given: false,
        };
        NameTable {
            names: [name; NAMES],
            addresses: [address; ADDRESSES],
            buckets: [0; BUCKETS],
            lookups: [Query::FREE; LOOKUPS],
            now: 0,
        }
    }

    fn name(&mut self, number: u16) -> Option<&mut Name> {
        at(&mut self.names, number)
    }

    /// The name in a slot.
    pub(super) fn text(&self, number: u16) -> &[u8] {
        let name = usize::from(number).checked_sub(1);
        let name = name.and_then(|i| self.names.get(i));
        name.and_then(|it| it.text.get(..it.length.into()))
            .unwrap_or_default()
    }

    pub(super) fn tick(&mut self) -> u32 {
        self.now = self.now.wrapping_add(1);
        self.now
    }

    /// The slot of a name, for a lookup that begins; 0 where every slot has lookups in flight.
    pub(super) fn pin(&mut self, text: &[u8]) -> u16 {
        let mut found = (u64::MAX, 0);
        for (number, name) in (1..).zip(&self.names) {
            if name.text.get(..name.length.into()) == Some(text) {
                found = (0, number);
                break;
            }
            if name.lookups == 0 {
                let rank = if name.length == 0 {
                    1
                } else {
                    u64::from(name.used) + 2
                };
                found = found.min((rank, number));
            }
        }
        let number = found.1;
        if found.0 != 0 {
            self.rename(number, text);
        }
        let now = self.tick();
        if let Some(name) = self.name(number) {
            name.lookups += 1;
            name.used = now;
        }
        number
    }

    pub(super) fn unpin(&mut self, number: u16) {
        if let Some(name) = self.name(number) {
            name.lookups = name.lookups.saturating_sub(1);
        }
    }

    /// Gives a slot to another name.
    fn rename(&mut self, number: u16, text: &[u8]) {
        while let Some(address) = self.oldest_address(number) {
            self.forget(address);
        }
        let Some(name) = self.name(number) else {
            return;
        };
        if let Some(place) = name.text.get_mut(..text.len()) {
            place.copy_from_slice(text);
            name.length = text.len() as u8;
        }
        name.numbered = false;
    }

    /// The number that a name's synthetic addresses count, one that is new to the slot where the
    /// name has none yet.
    pub(super) fn number(&mut self, number: u16, numbers: u32) -> u32 {
        let slot = u32::from(number.wrapping_sub(1));
        let Some(name) = self.name(number) else {
            return 0;
        };
        if !name.numbered {
            let next = name.number.max(slot) + NAMES as u32;
            name.number = if next < numbers {
                next
            } else {
                slot + RESERVED
            };
            name.numbered = true;
        }
        name.number
    }

    /// The slot of the name that a number stands for.
    pub(super) fn by_number(&mut self, wanted: u32) -> Option<u16> {
        let number = (wanted % NAMES as u32) as u16 + 1;
        let name = self.name(number)?;
        (name.length != 0 && name.numbered && name.number == wanted).then_some(number)
    }

    /// The names that an address was learned for: where it is noted, the name, and whether the
    /// policy itself gives it.
    pub(super) fn learned(&self, key: Key) -> impl Iterator<Item = (u16, &[u8], bool)> {
        let mut next = self.buckets.get(bucket(key)).copied().unwrap_or(0);
        core::iter::from_fn(move || {
            loop {
                let number = next;
                let address = self.addresses.get(usize::from(number).checked_sub(1)?)?;
                next = address.next;
                if address.key.key() == key {
                    return Some((number, self.text(address.name), address.given));
                }
            }
        })
    }

    /// Of the addresses of a name and a family, the one with the highest order below `before`.
    pub(super) fn next_best(&self, name: u16, v4: bool, before: u64) -> Option<(u16, u64, Answer)> {
        let mut best: Option<(u16, u64, Answer)> = None;
        for (number, it) in (1..).zip(&self.addresses) {
            let better = best.is_none_or(|(_, order, _)| it.order > order);
            if it.name == name && it.key.key().is_v4() == v4 && it.order < before && better {
                let (key, given) = (it.key.key(), it.given);
                best = Some((number, it.order, Answer { key, given }));
            }
        }
        best
    }

    /// Notes that an address, and the name it is noted for, were of use.
    pub(super) fn touch(&mut self, number: u16) {
        let now = self.tick();
        let Some(address) = at(&mut self.addresses, number) else {
            return;
        };
        address.used = now;
        let name = address.name;
        if let Some(name) = self.name(name) {
            name.used = now;
        }
    }

    /// Notes an address for a name. The longest unused one makes room: of the name's where it has
    /// too many, of all where there are too many.
    pub(super) fn learn(&mut self, name: u16, answer: Answer, order: u64) {
        let number = self.place(name, answer.key);
        if let Some(address) = at(&mut self.addresses, number) {
            address.order = order;
            address.given = answer.given;
        }
        self.touch(number);
    }

    fn place(&mut self, name: u16, key: Key) -> u16 {
        let mut free = 0;
        let mut oldest = (u32::MAX, 0);
        for (number, it) in (1..).zip(&self.addresses) {
            if it.name == 0 {
                free = number;
            } else if it.name == name && it.key.key() == key {
                return number;
            } else {
                oldest = oldest.min((it.used, number));
            }
        }
        let full = self
            .name(name)
            .is_some_and(|it| it.addresses >= ADDRESSES_A_NAME);
        if let Some(own) = self.oldest_address(name).filter(|_| full) {
            free = own;
        } else if free == 0 {
            free = oldest.1;
        }
        self.forget(free);
        if let Some(first) = self.buckets.get_mut(bucket(key))
            && let Some(address) = at(&mut self.addresses, free)
        {
            address.key = Stored::new(key);
            address.name = name;
            address.next = core::mem::replace(first, free);
        }
        if let Some(name) = self.name(name) {
            name.addresses += 1;
        }
        free
    }

    fn oldest_address(&self, name: u16) -> Option<u16> {
        let mut oldest = (u32::MAX, 0);
        for (number, it) in (1..).zip(&self.addresses) {
            if it.name == name {
                oldest = oldest.min((it.used, number));
            }
        }
        (name != 0 && oldest.1 != 0).then_some(oldest.1)
    }

    fn forget(&mut self, number: u16) {
        let Some(address) = at(&mut self.addresses, number).filter(|it| it.name != 0) else {
            return;
        };
        let (name, key) = (core::mem::take(&mut address.name), address.key.key());
        let next = core::mem::take(&mut address.next);
        if let Some(name) = self.name(name) {
            name.addresses = name.addresses.saturating_sub(1);
        }
        let Some(first) = self.buckets.get_mut(bucket(key)) else {
            return;
        };
        if *first == number {
            *first = next;
            return;
        }
        let mut before = *first;
        while let Some(address) = at(&mut self.addresses, before) {
            if address.next == number {
                address.next = next;
                return;
            }
            before = address.next;
        }
    }
}

fn at<T>(table: &mut [T], number: u16) -> Option<&mut T> {
    table.get_mut(usize::from(number).checked_sub(1)?)
}

/// Any spread will do: a chain is never longer than the table.
fn bucket(key: Key) -> usize {
    let folded = (key.0 as u64) ^ (key.0 >> 64) as u64;
    let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 55) as usize
}
