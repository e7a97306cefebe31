//! What names have to say about decisions.

use super::local::{decided, denied_by, grant};
use super::outgoing::redirect_to;
use super::table::NameTable;
use crate::decision::Ruling;
use crate::rules::names::{Answer, first_named, grants};
use crate::rules::{Ask, Kind, denied, granted, redirected};
use crate::{DnsMode, Place, RuleRef, Rules};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoNames {}
    impl Sealed for super::NameTable {}
}

/// Whether a [`Session`](crate::Session) knows names and redirects: [`NoNames`] or [`NameTable`].
#[allow(private_interfaces)]
pub trait Names: sealed::Sealed {
    /// Nothing learned.
    #[doc(hidden)]
    const EMPTY: Self;

    /// The decision on what goes out, with where it leads in the place.
    #[doc(hidden)]
    fn outgoing(&mut self, rules: &Rules<'_>, ask: &Ask, _: &mut Place) -> Ruling {
        decided(rules, ask)
    }
}

/// No names and no redirects: only addresses decide.
pub struct NoNames;

impl Names for NoNames {
    const EMPTY: Self = NoNames;
}

#[allow(private_interfaces)]
impl Names for NameTable {
    const EMPTY: Self = NameTable::new();

    fn outgoing(&mut self, rules: &Rules<'_>, ask: &Ask, to: &mut Place) -> Ruling {
        match self.synthetic(rules, ask, to) {
            Some(ruling) => ruling,
            None => self.by_address(rules, ask, to),
        }
    }
}

impl NameTable {
    fn by_address(&mut self, rules: &Rules<'_>, ask: &Ask, to: &mut Place) -> Ruling {
        let deny = denied(rules, ask).or_else(|| self.denied(rules, ask));
        if let Some(rule) = deny {
            return denied_by(rules, ask, rule);
        }
        if let Some(rule) = self.redirected(rules, ask) {
            return redirect_to(rules, ask, rule, to);
        }
        let ruling = grant(rules, ask);
        if ruling.is_allowed() {
            return ruling;
        }
        match self.granted(rules, ask) {
            Some(rule) => Ruling::allow(RuleRef::Rule(rule)),
            None => ruling,
        }
    }

    /// The decision on an address that stands for a name.
    fn synthetic(&mut self, rules: &Rules<'_>, ask: &Ask, to: &mut Place) -> Option<Ruling> {
        let number = super::synthetic::number(rules, ask.key)?;
        match self.by_number(number) {
            Some(name) => Some(self.by_name(rules, name, ask, to)),
            // Nothing else lives there.
            None if rules.dns_mode() == DnsMode::Virtual => {
                Some(Ruling::deny(rules.deny_as(ask.operation), RuleRef::NoRule))
            }
            None => None,
        }
    }

    /// The redirect of an address, or of a name that it was learned for.
    fn redirected(&self, rules: &Rules<'_>, ask: &Ask) -> Option<u32> {
        let by_address = redirected(rules, ask);
        if by_address.is_some() || rules.dns_mode() == DnsMode::Virtual {
            return by_address;
        }
        self.learned(ask.key)
            .find_map(|(_, name, _)| first_named(rules, name, Kind::Redirect, ask))
    }

    /// The deny rule that is about a name that the address was learned for.
    fn denied(&self, rules: &Rules<'_>, ask: &Ask) -> Option<u32> {
        self.learned(ask.key)
            .find_map(|(_, name, _)| first_named(rules, name, Kind::Deny, ask))
    }

    /// The allow rule that grants an address because of a name.
    fn granted(&mut self, rules: &Rules<'_>, ask: &Ask) -> Option<u32> {
        // What a synthetic address stands for is out of reach by itself.
        if rules.dns_mode() == DnsMode::Virtual {
            return None;
        }
        let (at, rule) = self.learned(ask.key).find_map(|(at, name, given)| {
            let key = ask.key;
            let rule = grants(rules, name, ask, Answer { key, given })?;
            Some((at, rule))
        })?;
        self.touch(at);
        Some(rule)
    }

    /// The decision on a synthetic address: that of the name, at the first of its addresses that
    /// the rules allow.
    fn by_name(&mut self, rules: &Rules<'_>, name: u16, ask: &Ask, to: &mut Place) -> Ruling {
        let text = self.text(name);
        let redirect = first_named(rules, text, Kind::Redirect, ask);
        if let Some(rule) = first_named(rules, text, Kind::Deny, ask) {
            return denied_by(rules, ask, rule);
        }
        if let Some(rule) = redirect {
            return redirect_to(rules, ask, rule, to);
        }
        let mut refusal = Ruling::deny(rules.deny_as(ask.operation), RuleRef::NoRule);
        let mut before = u64::MAX;
        while let Some((at, order, answer)) = self.next_best(name, ask.key.is_v4(), before) {
            before = order;
            let real = Ask {
                key: answer.key,
                ..*ask
            };
            if let Some(rule) = denied(rules, &real) {
                refusal = denied_by(rules, ask, rule);
                continue;
            }
            let by_name = grants(rules, self.text(name), &real, answer);
            if let Some(rule) = by_name.or_else(|| granted(rules, &real).ok()) {
                self.touch(at);
                to.key = answer.key;
                return Ruling::allow(RuleRef::Rule(rule));
            }
        }
        refusal
    }
}
