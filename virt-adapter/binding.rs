//! What a fused component puts into the network's table: a module of both the network, which calls
//! it, and the tool, which puts it there.
//!
//! A binding is a run of [`Slot::COUNT`] places. It stands for the memory that a caller's arguments
//! lie in, and for the host's functions in the version that the caller imports. Every call to the
//! network says last which binding it came by. What a component does not import is not there, and
//! calling it traps.

#![allow(dead_code, reason = "each side uses its part")]

/// A place in a binding, counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// `(old, old size, align, size) -> address`: `realloc` of the caller.
    Allocate,
    /// `(to, from, length)`: copies from the caller's memory into the network's.
    CopyIn,
    /// `(to, from, length)`: copies from the network's memory into the caller's.
    CopyOut,
    /// `(list, count, result)`: `poll` of the host, with the network's memory.
    Poll,
    /// `(pollable) -> ready`: `[method]pollable.ready` of the host.
    Ready,
}

impl Slot {
    /// How many there are.
    pub(crate) const COUNT: u32 = 5;

    /// All of them, in order.
    pub(crate) const ALL: [Slot; Slot::COUNT as usize] = [
        Slot::Allocate,
        Slot::CopyIn,
        Slot::CopyOut,
        Slot::Poll,
        Slot::Ready,
    ];
}

/// The bit by which the handles that the network gives are told from the host's, which stay below
/// it. The bit above it would make a handle negative in C.
pub(crate) const VIRTUAL: u32 = 1 << 30;
