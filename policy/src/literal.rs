//! Lookups where no rule is about names.

use crate::rules::names::{Asked, read};
use crate::{Key, Lookup, Operation, Resolved, RuleRef, Rules};

/// The address that a guest asked for in place of a name, which is the answer; or what happens to
/// anything else where the policy has no rules for names ([`Session`](crate::Session) decides where
/// it has).
///
/// # Errors
///
/// [`Lookup::Invalid`] for what is no name, and [`Lookup::Deny`] for what is one.
pub fn literal(rules: &Rules<'_>, asked: &[u8]) -> Result<Key, Resolved> {
    match read(asked) {
        Asked::Literal(key) => Ok(key),
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
