//! The tables, and how they are searched.

use super::Key;
use super::record::{
    self, Bytes, Entry, NameEntry, Range, RuleRecord, Span, SpecialNet, half, word,
};
use crate::{Denial, DnsMode, Log, Operation};
use core::cmp::Ordering;

pub(crate) const MAGIC: [u8; 4] = *b"skvr";
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header: magic, settings, then the offset and the count of each section.
pub(crate) const HEADER: usize = 24 + SECTIONS.len() * 8;
/// The size of a record of each section.
pub(crate) const SECTIONS: [usize; 8] = [
    RuleRecord::SIZE,
    4,
    Range::SIZE,
    Entry::SIZE,
    4,
    NameEntry::SIZE,
    1,
    SpecialNet::SIZE,
];

/// The places of the sections in the header.
mod section {
    pub(super) const RULES: usize = 0;
    pub(super) const PORTS: usize = 1;
    pub(super) const RANGES: usize = 2;
    pub(super) const ENTRIES: usize = 3;
    pub(super) const ITEMS: usize = 4;
    pub(super) const NAMES: usize = 5;
    pub(super) const TEXT: usize = 6;
    pub(super) const SPECIAL: usize = 7;
}

/// Bits of the header.
pub(crate) mod flag {
    /// Something lets TCP, or UDP, out. It is what grants the implicit bind.
    pub(crate) const TCP_OUT: u8 = 1;
    pub(crate) const UDP_OUT: u8 = 1 << 1;
}

/// Bytes that are no rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// They do not begin as rules do.
    NotRules,
    /// They are of a version of the format that this code does not read.
    UnknownVersion,
    /// A table does not lie within them, or a setting has a value that it cannot have.
    Damaged,
}

impl core::fmt::Display for WireError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            WireError::NotRules => "these bytes are no rules",
            WireError::UnknownVersion => "these rules are of an unknown version",
            WireError::Damaged => "these rules are damaged",
        })
    }
}

impl core::error::Error for WireError {}

/// Compiled rules, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'w> {
    bytes: &'w [u8],
}

impl<'w> Rules<'w> {
    /// Reads what `Policy::wire` wrote. Only the header is looked at; whatever the tables hold,
    /// reading them later never panics, and what is damaged in them allows nothing by itself.
    ///
    /// # Errors
    ///
    /// [`WireError`] for other bytes.
    pub fn read(bytes: &'w [u8]) -> Result<Self, WireError> {
        if bytes.len() < HEADER || !bytes.starts_with(&MAGIC) {
            return Err(WireError::NotRules);
        }
        let rules = Rules::trusted(bytes);
        if rules.byte(4) != VERSION {
            return Err(WireError::UnknownVersion);
        }
        let codes = || (0..7).all(|i| record::denial(rules.byte(17 + i)).is_some());
        let sections = || (0..).zip(SECTIONS).all(|(i, size)| rules.has(i, size));
        let is_whole = rules.byte(5) < DnsMode::ALL.len() as u8
            && rules.byte(6) < Log::ALL.len() as u8
            && (8..=20).contains(&rules.byte(16))
            && codes()
            && sections();
        if is_whole {
            Ok(rules)
        } else {
            Err(WireError::Damaged)
        }
    }

    /// As [`read`](Rules::read), for bytes that are known to be what `Policy::wire` wrote: those that
    /// were built in. Other bytes allow nothing by themselves either.
    pub const fn trusted(bytes: &'w [u8]) -> Self {
        Rules { bytes }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Where a section begins, and how many records it has.
    fn section(&self, number: usize) -> Span {
        let at = 24 + number * 8;
        Span {
            first: word(self.bytes, at),
            count: word(self.bytes, at + 4),
        }
    }

    /// Whether a section lies within the bytes.
    fn has(&self, number: usize, size: usize) -> bool {
        let Span { first, count } = self.section(number);
        u64::from(first) + u64::from(count) * size as u64 <= self.bytes.len() as u64
    }

    /// The bytes from a record on, if there is one.
    // Inside components one copy, for there are many who call it.
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn record(&self, number: usize, index: u32, size: usize) -> Option<&'w Bytes> {
        let Span { first, count } = self.section(number);
        // No overflow where the section lies within the bytes, and no harm elsewhere.
        let at = first.wrapping_add(index.wrapping_mul(size as u32));
        let rest = self.bytes.get(at as usize..)?;
        rest.first_chunk().filter(|_| index < count)
    }

    /// How an operation ends that no rule allows.
    pub(crate) fn deny_as(&self, operation: Operation) -> Denial {
        record::denial(self.byte(17 + operation as usize)).unwrap_or(Denial::AccessDenied)
    }

    /// The first synthetic IPv4 address, and how long the prefix is.
    pub(crate) fn synthetic(&self) -> (u32, u8) {
        (word(self.bytes, 12), self.byte(16).clamp(8, 20))
    }

    /// The special ranges that an address lies in.
    pub(crate) fn special(&self, key: Key) -> u16 {
        let mut ranges = 0;
        let nets = (0..).map_while(|i| {
            self.record(section::SPECIAL, i, SpecialNet::SIZE)
                .map(SpecialNet)
        });
        for net in nets {
            // Those of IPv4 come first.
            let is_in = match (key.is_v4(), net.is_v4()) {
                (true, true) => net.contains_v4(key.0 as u32),
                (true, false) => break,
                (false, true) => false,
                (false, false) => net.contains_v6(key.0),
            };
            if is_in {
                ranges |= net.bit();
            }
        }
        ranges
    }

    /// How names are looked up.
    pub(crate) fn dns_mode(&self) -> DnsMode {
        let mode = DnsMode::ALL.get(usize::from(self.byte(5)));
        mode.copied().unwrap_or(DnsMode::Off)
    }

    /// Which decisions are logged.
    pub fn log(&self) -> Log {
        let log = Log::ALL.get(usize::from(self.byte(6)));
        log.copied().unwrap_or_default()
    }

    pub(crate) fn flags(&self) -> u8 {
        self.byte(7)
    }

    pub(crate) fn rule(&self, index: u32) -> Option<RuleRecord<'w>> {
        self.record(section::RULES, index, RuleRecord::SIZE)
            .map(RuleRecord)
    }

    /// The id that the policy gives a rule; empty for a rule without one.
    pub fn id(&self, rule: u32) -> &'w [u8] {
        self.rule(rule).map_or(&[], |rule| self.text(rule.id()))
    }

    pub(crate) fn text(&self, span: Span) -> &'w [u8] {
        let text = self.section(section::TEXT);
        let first = text.first.saturating_add(span.first);
        let end = first.saturating_add(span.count);
        let end = end.min(text.first.saturating_add(text.count));
        let text = self.bytes.get(first as usize..end as usize);
        text.unwrap_or_default()
    }

    pub(crate) fn item(&self, index: u32) -> Option<u32> {
        self.record(section::ITEMS, index, 4)
            .map(|item| word(item, 0))
    }

    pub(crate) fn range(&self, index: u32) -> Option<Range<'w>> {
        self.record(section::RANGES, index, Range::SIZE).map(Range)
    }

    pub(crate) fn ports(&self, index: u32) -> Option<(u16, u16)> {
        self.record(section::PORTS, index, 4)
            .map(|range| (half(range, 0), half(range, 2)))
    }

    pub(crate) fn entry(&self, index: u32) -> Option<Entry<'w>> {
        self.record(section::ENTRIES, index, Entry::SIZE).map(Entry)
    }

    /// The innermost prefix that has `key` in it, plus one; 0 for none.
    ///
    /// Prefixes never overlap without one holding the other, so all that hold the key are the
    /// nearest one before it and what is around that.
    pub(crate) fn innermost(&self, key: Key) -> u32 {
        let Span { count, .. } = self.section(section::ENTRIES);
        let mut at = partition(0, count, |i| {
            self.entry(i).is_some_and(|entry| entry.precedes(key))
        });
        while let Some(entry) = at.checked_sub(1).and_then(|i| self.entry(i)) {
            if entry.contains(key) {
                break;
            }
            at = around(entry, at);
        }
        at
    }

    /// Whether a list of prefixes, sorted and apart from each other, has `key` in it.
    pub(crate) fn list_contains(&self, list: Span, key: Key) -> bool {
        let end = list.first.saturating_add(list.count);
        let after = partition(list.first, end, |i| {
            self.range(i).is_some_and(|range| range.precedes(key))
        });
        let nearest = after.checked_sub(1).filter(|i| *i >= list.first);
        nearest
            .and_then(|i| self.range(i))
            .is_some_and(|range| range.contains(key))
    }

    /// Whether one range of ports in a list, sorted and apart, has all of `low..=high` in it.
    pub(crate) fn ports_contain(&self, list: Span, low: u16, high: u16) -> bool {
        let end = list.first.saturating_add(list.count);
        let after = partition(list.first, end, |i| {
            self.ports(i).is_some_and(|range| range.0 <= low)
        });
        let nearest = after.checked_sub(1).filter(|i| *i >= list.first);
        nearest
            .and_then(|i| self.ports(i))
            .is_some_and(|range| high <= range.1)
    }

    /// The items of one pattern: a kind, and the text that it has.
    pub(crate) fn pattern(&self, kind: u8, text: &[u8]) -> Span {
        let Span { count, .. } = self.section(section::NAMES);
        let name = |i: u32| {
            self.record(section::NAMES, i, NameEntry::SIZE)
                .map(NameEntry)
        };
        let order = |i: u32| {
            let entry = name(i)?;
            match self.text(entry.text()).split_first() {
                Some((its, rest)) => Some(its.cmp(&kind).then_with(|| rest.cmp(text))),
                None => Some(Ordering::Less),
            }
        };
        let at = partition(0, count, |i| order(i) == Some(Ordering::Less));
        match order(at) {
            Some(Ordering::Equal) => name(at).map_or(Span::default(), NameEntry::items),
            _ => Span::default(),
        }
    }
}

/// The prefix around an entry; nothing where damage makes it point onwards, so that every walk
/// ends.
pub(crate) fn around(entry: Entry<'_>, at: u32) -> u32 {
    let parent = entry.parent();
    if parent < at { parent } else { 0 }
}

/// The first index that `before` does not hold for, given that it holds up to some index.
fn partition(mut low: u32, mut high: u32, before: impl Fn(u32) -> bool) -> u32 {
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
