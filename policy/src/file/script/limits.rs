//! How much there may be of everything in a script.

/// The bytes of one run of bytes that is expected, and the largest `max`.
pub(crate) const FRAME: u64 = 64 << 20;

/// What `max` is where it is not said.
pub(crate) const USUAL_FRAME: u64 = 65_536;

/// The bytes that `fill` stands for.
pub(crate) const FILL: u64 = 1 << 30;

/// The bytes that `fill` repeats.
pub(super) const PATTERN: usize = 4096;

/// The bytes of all files together.
pub(super) const FILES: usize = 64 << 20;

/// Steps, once loops and faults are written out.
pub(super) const STEPS: usize = 100_000;

/// Loops inside of each other.
pub(super) const DEPTH: usize = 16;

/// How often a loop goes round.
pub(crate) const REPEAT: u64 = 1_000_000;

/// What all peers have of addresses and ranges of ports.
pub(super) const TARGETS: usize = 65_536;

/// Answers of a peer, each of which is compared with those before it.
pub(super) const ANSWERS: usize = 1024;

/// Clients, each of which has a port of its own.
pub(super) const CLIENTS: usize = 4096;

/// Gates, and captures.
pub(super) const SYMBOLS: usize = 1024;

/// Expressions.
pub(super) const EXPRESSIONS: usize = 256;

/// The bytes of an expression's table.
pub(super) const TABLE: usize = 256 << 10;

/// The pieces that bytes are cut into one by one.
pub(super) const PIECES: usize = 65_536;

/// The longest time.
pub(super) const TIME: u64 = 366 * 24 * 60 * 60 * 1_000_000_000;
