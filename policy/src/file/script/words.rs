//! The words that stand for cases.

use sockvirt_netstack::script::{Accept, Close, Direction, FaultKind, ServiceKind};

/// Words, and what they stand for.
pub(crate) type Words<T, const N: usize> = [(&'static str, T); N];

/// Whether time is the host's.
pub(crate) const CLOCKS: Words<bool, 2> = [("virtual", false), ("host", true)];

/// Whether the program ends at the first mismatch.
pub(crate) const MISMATCHES: Words<bool, 2> = [("reset", false), ("trap", true)];

/// Whether the program ends with its last client.
pub(crate) const ENDS: Words<bool, 2> = [("exit", true), ("stay", false)];

pub(crate) const ACCEPTS: Words<Accept, 5> = [
    ("now", Accept::Now),
    ("refuse", Accept::Refuse),
    ("timeout", Accept::Timeout),
    ("unreachable", Accept::Unreachable),
    ("reset", Accept::Reset),
];

pub(crate) const SERVICES: Words<ServiceKind, 3> = [
    ("echo", ServiceKind::Echo),
    ("discard", ServiceKind::Discard),
    ("blackhole", ServiceKind::Blackhole),
];

pub(crate) const CLOSES: Words<Close, 4> = [
    ("send", Close::Send),
    ("both", Close::Both),
    ("reset", Close::Reset),
    ("any", Close::Any),
];

pub(crate) const DIRECTIONS: Words<Direction, 3> = [
    ("send", Direction::Send),
    ("receive", Direction::Receive),
    ("both", Direction::Both),
];

pub(crate) const FAULTS: Words<FaultKind, 4> = [
    ("drop", FaultKind::Drop),
    ("duplicate", FaultKind::Duplicate),
    ("reorder", FaultKind::Reorder),
    ("corrupt", FaultKind::Corrupt),
];

/// A number in front of bytes: in how many bytes it is, and whether the last one counts most.
pub(crate) const PREFIXES: Words<(u8, bool), 7> = [
    ("u8", (1, false)),
    ("u16be", (2, false)),
    ("u16le", (2, true)),
    ("u32be", (4, false)),
    ("u32le", (4, true)),
    ("u64be", (8, false)),
    ("u64le", (8, true)),
];

/// The words alone.
pub(crate) fn all<T, const N: usize>(words: &Words<T, N>) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}
