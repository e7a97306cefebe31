//! The records of the tables, and what their bytes mean.

use super::Key;
use crate::{Denial, Operation};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Allow,
    Deny,
    Redirect,
    /// An entry of `[dns.hosts]`.
    Host,
}

/// The value of a denial that a rule leaves to the default.
#[cfg(feature = "file")]
pub(crate) const DEFAULT_DENIAL: u8 = 0xff;

/// A span of records of another table: the first, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// What is read of a record: as much as the longest has, so that one function serves all. Rules are
/// the longest, and the last table.
pub(crate) type Bytes = [u8; RuleRecord::SIZE];

/// One rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleRecord<'w>(pub(crate) &'w Bytes);

impl RuleRecord<'_> {
    pub(crate) const SIZE: usize = 48;

    pub(crate) fn kind(self) -> Kind {
        match self.0[0] {
            0 => Kind::Allow,
            2 => Kind::Redirect,
            3 => Kind::Host,
            // What is damaged denies.
            _ => Kind::Deny,
        }
    }

    pub(crate) fn uses(self) -> u8 {
        self.0[1]
    }

    /// Whether the rule names an operation. It may be about others that are the same use.
    pub(crate) fn names(self, operation: Operation) -> bool {
        self.0[2] & (1 << operation as u8) != 0
    }

    pub(crate) fn deny_as(self) -> Option<Denial> {
        denial(self.0[3])
    }

    pub(crate) fn ports(self) -> Span {
        Span {
            first: word(self.0, 4),
            count: half(self.0, 8).into(),
        }
    }

    /// Whether an answer must lie in `resolves_to`.
    pub(crate) fn has_resolves_to(self) -> bool {
        self.0[10] & RESOLVES_TO != 0
    }

    /// Whether a peer must lie in `from`.
    pub(crate) fn has_from(self) -> bool {
        self.0[10] & FROM != 0
    }

    /// Whether some of its exceptions are names.
    pub(crate) fn excepts_names(self) -> bool {
        self.0[10] & EXCEPTS_NAMES != 0
    }

    pub(crate) fn id(self) -> Span {
        Span {
            first: word(self.0, 12),
            count: self.0[11].into(),
        }
    }

    /// The addresses that an allow leaves out, that a host entry answers, or the one that a
    /// redirect leads to.
    pub(crate) fn addresses(self) -> Span {
        span(self.0, 16)
    }

    pub(crate) fn from(self) -> Span {
        span(self.0, 24)
    }

    pub(crate) fn resolves_to(self) -> Span {
        span(self.0, 32)
    }

    /// Which one it is of its kind, in the order of the canonical text.
    pub(crate) fn position(self) -> u32 {
        word(self.0, 40)
    }

    /// The port that a redirect leads to.
    pub(crate) fn target_port(self) -> u16 {
        half(self.0, 44)
    }
}

pub(crate) const RESOLVES_TO: u8 = 1;
pub(crate) const FROM: u8 = 1 << 1;
pub(crate) const EXCEPTS_NAMES: u8 = 1 << 2;

/// An address prefix that rules name, or that is a special range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'w>(pub(crate) &'w Bytes);

impl Entry<'_> {
    pub(crate) const SIZE: usize = 32;

    pub(crate) fn start(self) -> u128 {
        key(self.0)
    }

    /// The innermost prefix around this one, plus one; 0 for none.
    pub(crate) fn parent(self) -> u32 {
        word(self.0, 16)
    }

    pub(crate) fn items(self) -> Span {
        span(self.0, 20)
    }

    /// The special ranges that this prefix lies in wholly.
    pub(crate) fn special(self) -> u16 {
        half(self.0, 28)
    }

    pub(crate) fn length(self) -> u8 {
        self.0[30]
    }

    pub(crate) fn contains(self, key: Key) -> bool {
        key.is_in(self.start(), self.length())
    }

    /// Whether it sorts before what only `key` is in, or has `key` in it.
    pub(crate) fn precedes(self, key: Key) -> bool {
        key.follows(self.start(), self.length())
    }
}

/// A prefix in a list of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range<'w>(pub(crate) &'w Bytes);

impl Range<'_> {
    pub(crate) const SIZE: usize = 20;

    pub(crate) fn start(self) -> u128 {
        key(self.0)
    }

    pub(crate) fn length(self) -> u8 {
        self.0[16]
    }

    pub(crate) fn contains(self, key: Key) -> bool {
        key.is_in(self.start(), self.length())
    }

    /// Whether it sorts before what only `key` is in, or has `key` in it.
    pub(crate) fn precedes(self, key: Key) -> bool {
        key.follows(self.start(), self.length())
    }
}

/// A prefix of a special range. Each is made of 8 octets from the start and, for single addresses of
/// IPv6, the last two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpecialNet<'w>(pub(crate) &'w Bytes);

impl SpecialNet<'_> {
    pub(crate) const SIZE: usize = 12;
    /// Of the number of a range: the prefix is one of IPv4, whose four octets come first.
    pub(crate) const V4: u8 = 1 << 7;

    pub(crate) fn is_v4(self) -> bool {
        self.0[11] & SpecialNet::V4 != 0
    }

    /// The bit of the range.
    pub(crate) fn bit(self) -> u16 {
        1 << (self.0[11] & 0xf)
    }

    pub(crate) fn contains_v4(self, address: u32) -> bool {
        (word(self.0, 0) ^ address).leading_zeros() >= self.0[10].into()
    }

    pub(crate) fn contains_v6(self, address: u128) -> bool {
        let high = u64::from(word(self.0, 4)) << 32 | u64::from(word(self.0, 0));
        let start = u128::from(high) << 64 | u128::from(half(self.0, 8));
        (start ^ address).leading_zeros() >= self.0[10].into()
    }
}

/// A name pattern. The text has one byte in front that says which kind of pattern it is, so that
/// one order sorts them all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameEntry<'w>(pub(crate) &'w Bytes);

impl NameEntry<'_> {
    pub(crate) const SIZE: usize = 16;
    /// The whole name.
    pub(crate) const EXACT: u8 = 0;
    /// What follows the first label.
    pub(crate) const ONE: u8 = 1;
    /// What follows one label or more. The empty text follows every name.
    pub(crate) const MANY: u8 = 2;

    pub(crate) fn text(self) -> Span {
        Span {
            first: word(self.0, 0),
            count: half(self.0, 4).into(),
        }
    }

    pub(crate) fn items(self) -> Span {
        span(self.0, 8)
    }
}

/// The bit of an item of a name that takes the name out of the rule.
pub(crate) const EXCEPT: u32 = 1 << 31;

pub(crate) fn denial(code: u8) -> Option<Denial> {
    Denial::ALL.get(usize::from(code)).copied()
}

fn key(bytes: &Bytes) -> u128 {
    bytes
        .first_chunk()
        .map_or(0, |key| u128::from_le_bytes(*key))
}

fn span(bytes: &Bytes, at: usize) -> Span {
    Span {
        first: word(bytes, at),
        count: word(bytes, at + 4),
    }
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
    chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

pub(crate) fn half(bytes: &[u8], at: usize) -> u16 {
    let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
    chunk.map_or(0, |chunk| u16::from_le_bytes(*chunk))
}
