//! Lookups where no rule is about names.

use crate::rules::names::{Asked, LONGEST, read};
use crate::{Lookup, Operation, Resolved, RuleRef, Rules};
use core::net::IpAddr;

/// The address that a guest asked for in place of a name, which is the answer; or what happens to
/// anything else where the policy has no rules for names ([`Session`](crate::Session) decides where
/// it has).
///
/// # Errors
///
/// [`Lookup::Invalid`] for what is no name, and [`Lookup::Deny`] for what is one.
pub fn literal(rules: &Rules<'_>, asked: &[u8]) -> Result<IpAddr, Resolved> {
    match read(asked, &mut [0; LONGEST]) {
        Asked::Literal(key) => Ok(key.ip()),
        Asked::Name(_) => Err(Resolved {
            lookup: Lookup::Deny(rules.deny_as(Operation::Resolve)),
            rule: RuleRef::NoRule,
        }),
        Asked::Invalid => Err(Resolved {
            lookup: Lookup::Invalid,
            rule: RuleRef::Invalid,
        }),
    }
}
