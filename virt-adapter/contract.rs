//! What the two sides of a question to the policy agree on: a module of both.

#![allow(dead_code, reason = "each side uses its part")]

/// Verdicts in a number: these, or the position of a denial in `Denial::ALL` on top of [`DENY`].
pub(crate) const ALLOW: u32 = 0;
/// Allowed, with another address.
pub(crate) const REWRITE: u32 = 1;
/// The address is invalid for the use, whatever the policy.
pub(crate) const INVALID: u32 = 2;
pub(crate) const DENY: u32 = 16;

/// The bit of a [`Packed`] address of IPv6.
pub(crate) const V6: u32 = 1 << 16;

/// A socket address in three numbers: the port, with the bit of [`V6`] where it is one of IPv6, and
/// the two halves of the IP address. Scope and flow, which decide nothing, are left out.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    pub(crate) tag: u32,
    pub(crate) high: u64,
    pub(crate) low: u64,
}
