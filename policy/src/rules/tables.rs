//! The tables, and how they are searched.

use super::Key;
use super::record::{self, Entry, NameEntry, Range, RuleRecord, Span, half, word};
use crate::{Denial, DnsMode, Log, Operation};
use core::cmp::Ordering;

pub(crate) const MAGIC: [u8; 4] = *b"skvr";
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header: magic, settings, then the offset and the count of each section.
pub(crate) const HEADER: usize = 24 + SECTIONS.len() * 8;
/// The size of a record of each section.
pub(crate) const SECTIONS: [usize; 7] = [
    RuleRecord::SIZE,
    4,
    Range::SIZE,
    Entry::SIZE,
    4,
    NameEntry::SIZE,
    1,
];

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
    rules: &'w [u8],
    ports: &'w [u8],
    ranges: &'w [u8],
    entries: &'w [u8],
    items: &'w [u8],
    names: &'w [u8],
    text: &'w [u8],
    /// How it ends what no rule allows, an operation each.
    deny_as: &'w [u8; 7],
    pub(crate) dns_mode: DnsMode,
    log: Log,
    flags: u8,
    /// The first synthetic IPv4 address, and how long the prefix is.
    pub(crate) synthetic: (u32, u8),
}

impl<'w> Rules<'w> {
    /// Reads what `Policy::wire` wrote. Only the header is looked at; whatever the tables hold,
    /// reading them later never panics, and what is damaged in them allows nothing by itself.
    ///
    /// # Errors
    ///
    /// [`WireError`] for other bytes.
    pub fn read(bytes: &'w [u8]) -> Result<Self, WireError> {
        let header = bytes.get(..HEADER).ok_or(WireError::NotRules)?;
        if !header.starts_with(&MAGIC) {
            return Err(WireError::NotRules);
        }
        if header.get(4) != Some(&VERSION) {
            return Err(WireError::UnknownVersion);
        }
        Rules::tables(bytes, header).ok_or(WireError::Damaged)
    }

    fn tables(bytes: &'w [u8], header: &'w [u8]) -> Option<Self> {
        let section = |number: usize| {
            let at = 24 + number * 8;
            let first = usize::try_from(word(header, at)).ok()?;
            let count = usize::try_from(word(header, at + 4)).ok()?;
            let size = count.checked_mul(*SECTIONS.get(number)?)?;
            bytes.get(first..first.checked_add(size)?)
        };
        let byte = |at: usize| header.get(at).copied().unwrap_or(0);
        let prefix = byte(16);
        let deny_as: &[u8; 7] = header.get(17..)?.first_chunk()?;
        let known = |code: &u8| record::denial(*code).is_some();
        if !deny_as.iter().all(known) {
            return None;
        }
        Some(Rules {
            rules: section(0)?,
            ports: section(1)?,
            ranges: section(2)?,
            entries: section(3)?,
            items: section(4)?,
            names: section(5)?,
            text: section(6)?,
            deny_as,
            dns_mode: *DnsMode::ALL.get(usize::from(byte(5)))?,
            log: *Log::ALL.get(usize::from(byte(6)))?,
            flags: byte(7),
            synthetic: ((8..=20).contains(&prefix)).then(|| (word(header, 12), prefix))?,
        })
    }

    /// How an operation ends that no rule allows.
    pub(crate) fn deny_as(&self, operation: Operation) -> Denial {
        let code = self.deny_as.get(operation as usize).copied();
        code.and_then(record::denial)
            .unwrap_or(Denial::AccessDenied)
    }

    /// Which decisions are logged.
    pub fn log(&self) -> Log {
        self.log
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    pub(crate) fn rule(&self, index: u32) -> Option<RuleRecord<'w>> {
        nth(self.rules, index).map(RuleRecord)
    }

    /// The id that the policy gives a rule; empty for a rule without one.
    pub fn id(&self, rule: u32) -> &'w [u8] {
        self.rule(rule).map_or(&[], |rule| self.text(rule.id()))
    }

    pub(crate) fn text(&self, span: Span) -> &'w [u8] {
        let first = span.first as usize;
        let end = first.saturating_add(span.count as usize);
        self.text.get(first..end).unwrap_or_default()
    }

    pub(crate) fn item(&self, index: u32) -> Option<u32> {
        nth(self.items, index).map(|item| u32::from_le_bytes(*item))
    }

    pub(crate) fn range(&self, index: u32) -> Option<Range<'w>> {
        nth(self.ranges, index).map(Range)
    }

    pub(crate) fn ports(&self, index: u32) -> Option<(u16, u16)> {
        nth::<4>(self.ports, index).map(|range| (half(range, 0), half(range, 2)))
    }

    pub(crate) fn entry(&self, index: u32) -> Option<Entry<'w>> {
        nth(self.entries, index).map(Entry)
    }

    /// The innermost prefix that has `key` in it, plus one; 0 for none.
    ///
    /// Prefixes never overlap without one holding the other, so all that hold the key are the
    /// nearest one before it and what is around that.
    pub(crate) fn innermost(&self, key: Key) -> u32 {
        let count = (self.entries.len() / Entry::SIZE) as u32;
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
        let count = (self.names.len() / NameEntry::SIZE) as u32;
        let order = |i: u32| {
            let entry = nth(self.names, i).map(NameEntry)?;
            match self.text(entry.text()).split_first() {
                Some((its, rest)) => Some(its.cmp(&kind).then_with(|| rest.cmp(text))),
                None => Some(Ordering::Less),
            }
        };
        let at = partition(0, count, |i| order(i) == Some(Ordering::Less));
        match order(at) {
            Some(Ordering::Equal) => nth(self.names, at)
                .map(NameEntry)
                .map_or(Span::default(), NameEntry::items),
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

fn nth<const N: usize>(table: &[u8], index: u32) -> Option<&[u8; N]> {
    let at = (index as usize).checked_mul(N)?;
    table.get(at..)?.first_chunk()
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
