//! What instances learn about names.

use crate::rules::Ask;
use crate::session::Session;
use crate::{Decision, Denial, RuleRef, Rules};
use core::net::IpAddr;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoNames {}
    impl Sealed for super::NameTable {}
}

/// Whether a [`Session`] knows names: [`NoNames`] or [`NameTable`].
pub trait Names: sealed::Sealed {
    /// Nothing learned.
    #[doc(hidden)]
    const EMPTY: Self;

    /// The decision on an address that stands for a name.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn synthetic(&mut self, _: Rules<'_>, _: &Ask) -> Option<Decision> {
        None
    }

    /// The redirect of a name that the address was learned for.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn redirected(&mut self, _: Rules<'_>, _: &Ask) -> Option<u32> {
        None
    }

    /// The deny rule that is about a name that the address was learned for.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn denied(&mut self, _: Rules<'_>, _: &Ask) -> Option<u32> {
        None
    }

    /// The allow rule that grants an address because of a name.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn granted(&mut self, _: Rules<'_>, _: &Ask) -> Option<u32> {
        None
    }
}

/// No names: only addresses decide.
pub struct NoNames;

impl Names for NoNames {
    const EMPTY: Self = NoNames;
}

/// The names that were looked up, and what they answered.
pub struct NameTable {}

impl Names for NameTable {
    const EMPTY: Self = NameTable {};
}

/// What happens to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The host is asked, and each of its answers goes through
    /// [`answered`](Session::answered) with this number.
    Ask(u32),
    /// [`next_inside`](Session::next_inside) has the answers, for this number.
    Inside(u32),
    /// It is no name: `invalid-argument`.
    Invalid,
    /// It is denied, and ends like this. Where 1,024 lookups are in flight, or no room can be made
    /// for one more name, that is `temporary-resolver-failure`.
    Deny(Denial),
}

/// What happens to a lookup, and what made it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What happens.
    pub lookup: Lookup,
    /// Which rule, or which other reason, makes it so.
    pub rule: RuleRef,
}

impl Session<NameTable> {
    /// Decides a lookup. `name` is what the guest asked for, as it came.
    ///
    /// A lookup that is asked or answered inside stays in flight until
    /// [`end_lookup`](Session::end_lookup).
    pub fn resolve(&mut self, rules: &Rules<'_>, name: &[u8]) -> Resolved {
        let _ = name;
        Resolved {
            lookup: Lookup::Deny(rules.dns_deny_as),
            rule: RuleRef::NoRule,
        }
    }

    /// The address that the guest sees for one that the host answered; nothing where it is left
    /// out of the answer. What the guest sees is usable from then on, as far as the rules go.
    pub fn answered(&mut self, rules: &Rules<'_>, query: u32, ip: IpAddr) -> Option<IpAddr> {
        let _ = (rules, query, ip);
        None
    }

    /// The next address of a lookup that is answered inside; nothing after the last.
    pub fn next_inside(&mut self, rules: &Rules<'_>, query: u32) -> Option<IpAddr> {
        let _ = (rules, query);
        None
    }

    /// Ends a lookup. What it taught stays.
    pub fn end_lookup(&mut self, query: u32) {
        let _ = query;
    }
}
