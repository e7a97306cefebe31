//! Lookups: what may be asked, and which answers count.

use super::synthetic;
use super::table::{NameTable, Query, QueryKind};
use crate::rules::names::{self, Answer, Asked, LONGEST, NameMatches, first_of_kind};
use crate::rules::{Key, Kind, Stored, target};
use crate::session::Session;
use crate::{Denial, DnsMode, Operation, RuleRef, Rules};

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

impl Resolved {
    const fn deny(denial: Denial, rule: RuleRef) -> Self {
        Resolved {
            lookup: Lookup::Deny(denial),
            rule,
        }
    }
}

/// The answers of one lookup that are shown. A name has no room for more.
const ANSWERS: u16 = 64;

impl Session<NameTable> {
    /// Decides a lookup. `name` is what the guest asked for, as it came.
    ///
    /// A lookup that is asked or answered inside stays in flight until
    /// [`end_lookup`](Session::end_lookup).
    pub fn resolve(&mut self, rules: &Rules<'_>, name: &[u8]) -> Resolved {
        let mut buffer = [0; LONGEST];
        let (name, literal) = match names::read(name) {
            Asked::Invalid => {
                return Resolved {
                    lookup: Lookup::Invalid,
                    rule: RuleRef::Invalid,
                };
            }
            Asked::Literal(key) => (&[][..], Some(key)),
            Asked::Name(length) => {
                let lower_case = name.iter().map(u8::to_ascii_lowercase);
                for (place, byte) in buffer.iter_mut().zip(lower_case) {
                    *place = byte;
                }
                (buffer.get(..length).unwrap_or_default(), None)
            }
        };
        if rules.dns_mode() == DnsMode::Off {
            return Resolved::deny(rules.deny_as(Operation::Resolve), RuleRef::NoRule);
        }
        if let Some(rule) = names::lookup_denied(rules, name) {
            return denied_by(rules, rule);
        }
        match literal {
            Some(key) => self.begin(QueryKind::Literal, name, RuleRef::Literal, key),
            None => self.resolve_name(rules, name),
        }
    }

    fn resolve_name(&mut self, rules: &Rules<'_>, name: &[u8]) -> Resolved {
        if let Some(rule) = first_of_kind(rules, name, Kind::Host) {
            return match rules.rule(rule).and_then(|host| host.deny_as()) {
                Some(denial) => Resolved::deny(denial, RuleRef::Rule(rule)),
                None => self.begin(QueryKind::Listed, name, RuleRef::Rule(rule), Key(0)),
            };
        }
        match names::live(rules, name) {
            Ok(rule) if rules.dns_mode() != DnsMode::Static => {
                self.begin(QueryKind::Host, name, RuleRef::Rule(rule), Key(0))
            }
            live => match (first_of_kind(rules, name, Kind::Redirect), live) {
                (Some(rule), _) => {
                    self.begin(QueryKind::Redirected, name, RuleRef::Rule(rule), Key(0))
                }
                (None, Err(Some(deny))) => denied_by(rules, deny),
                (None, _) => Resolved::deny(rules.deny_as(Operation::Resolve), RuleRef::NoRule),
            },
        }
    }

    /// Puts a lookup among those in flight.
    fn begin(&mut self, kind: QueryKind, name: &[u8], rule: RuleRef, literal: Key) -> Resolved {
        let full = Resolved::deny(Denial::TemporaryResolverFailure, RuleRef::Full);
        let table = &mut self.names;
        let free = table.lookups.iter();
        let Some(free) = free.zip(0..).find(|(it, _)| it.kind == QueryKind::Free) else {
            return full;
        };
        let number: u32 = free.1;
        let slot = match kind {
            QueryKind::Literal => 0,
            _ => match table.pin(name) {
                0 => return full,
                slot => slot,
            },
        };
        let started = table.tick();
        if let Some(query) = table.lookups.get_mut(number as usize) {
            *query = Query {
                kind,
                name: slot,
                rule: if let RuleRef::Rule(rule) = rule {
                    rule
                } else {
                    0
                },
                started,
                literal: Stored::new(literal),
                ..Query::FREE
            };
        }
        Resolved {
            lookup: match kind {
                QueryKind::Host => Lookup::Ask(number + 1),
                _ => Lookup::Inside(number + 1),
            },
            rule,
        }
    }

    /// The address that the guest sees for one that the host answered; nothing where it is left
    /// out of the answer. What the guest sees is usable from then on, as far as the rules go.
    pub fn answered(&mut self, rules: &Rules<'_>, query: u32, key: Key) -> Option<Key> {
        let it = *self.query(query)?;
        if it.kind != QueryKind::Host
            || it.answers >= ANSWERS
            || !names::keeps(rules, self.names.text(it.name), key)
        {
            return None;
        }
        let shows_synthetic = rules.dns_mode() == DnsMode::Virtual;
        self.answer(rules, query, Answer { key, given: false }, shows_synthetic)
    }

    /// The next address of a lookup that is answered inside; nothing after the last. For a lookup
    /// that the host answers these are the synthetic addresses that stand for its answers so far,
    /// for those who do not take them from [`answered`](Session::answered).
    pub fn next_inside(&mut self, rules: &Rules<'_>, query: u32) -> Option<Key> {
        let it = *self.query(query)?;
        match it.kind {
            QueryKind::Literal => {
                self.query(query)?.answers = 1;
                (it.answers == 0).then(|| it.literal.key())
            }
            QueryKind::Listed => self.next_listed(rules, query, it),
            QueryKind::Redirected => self.next_redirected(rules, query, it),
            QueryKind::Host => self.next_of_host(rules, query, it),
            QueryKind::Free => None,
        }
    }

    fn next_listed(&mut self, rules: &Rules<'_>, query: u32, mut it: Query) -> Option<Key> {
        let list = rules.rule(it.rule)?.addresses();
        let name = self.names.text(it.name);
        let shows_synthetic =
            rules.dns_mode() == DnsMode::Virtual && names::live(rules, name).is_ok();
        loop {
            if u32::from(it.answers) >= list.count {
                return None;
            }
            let key = Key(rules.range(list.first + u32::from(it.answers))?.start());
            let shown = self.answer(rules, query, Answer { key, given: true }, shows_synthetic);
            if shown.is_some() {
                return shown;
            }
            it = *self.query(query)?;
        }
    }

    /// The synthetic addresses that stand for what the host has answered so far.
    fn next_of_host(&mut self, rules: &Rules<'_>, query: u32, it: Query) -> Option<Key> {
        let mut families = it.synthetic.into_iter().zip(it.told);
        let family = families.position(|(shown, told)| shown && !told)?;
        *self.query(query)?.told.get_mut(family)? = true;
        Some(self.synthetic(rules, it.name, family == 0))
    }

    /// A synthetic address of each family that one of the name's redirects leads to.
    fn next_redirected(&mut self, rules: &Rules<'_>, query: u32, it: Query) -> Option<Key> {
        let mut families = [false; 2];
        for (index, rule) in NameMatches::new(rules, self.names.text(it.name)) {
            if rule.kind() == Kind::Redirect {
                let v6 = !target(rules, index)?.key.is_v4();
                *families.get_mut(usize::from(v6))? = true;
            }
        }
        let shown = it.synthetic;
        let next = [true, false].into_iter().find(|v4| {
            let family = usize::from(!v4);
            families.get(family) == Some(&true) && shown.get(family) == Some(&false)
        });
        self.show_synthetic(rules, query, next?)
    }

    /// Learns an answer, and tells what the guest sees of it.
    fn answer(
        &mut self,
        rules: &Rules<'_>,
        query: u32,
        answer: Answer,
        shows_synthetic: bool,
    ) -> Option<Key> {
        let it = self.query(query)?;
        let order = u64::from(it.started) << 16 | u64::from(u16::MAX - it.answers);
        it.answers += 1;
        let name = it.name;
        self.names.learn(name, answer, order);
        match shows_synthetic {
            true => self.show_synthetic(rules, query, answer.key.is_v4()),
            false => Some(answer.key),
        }
    }

    /// The synthetic address of a family, once for each lookup.
    fn show_synthetic(&mut self, rules: &Rules<'_>, query: u32, v4: bool) -> Option<Key> {
        let it = self.query(query)?;
        let name = it.name;
        if core::mem::replace(it.synthetic.get_mut(usize::from(!v4))?, true) {
            return None;
        }
        Some(self.synthetic(rules, name, v4))
    }

    fn synthetic(&mut self, rules: &Rules<'_>, name: u16, v4: bool) -> Key {
        let number = self.names.number(name, synthetic::numbers(rules));
        synthetic::address(rules, number, v4)
    }

    /// Ends a lookup. What it taught stays.
    pub fn end_lookup(&mut self, query: u32) {
        if let Some(it) = self.query(query) {
            let name = core::mem::replace(it, Query::FREE).name;
            self.names.unpin(name);
        }
    }

    fn query(&mut self, number: u32) -> Option<&mut Query> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let query = self.names.lookups.get_mut(index);
        query.filter(|it| it.kind != QueryKind::Free)
    }
}

/// The denial of a rule, if that is about lookups; of all lookups otherwise.
fn denied_by(rules: &Rules<'_>, index: u32) -> Resolved {
    let rule = rules.rule(index);
    let denial = rule
        .filter(|rule| rule.names(Operation::Resolve))
        .and_then(|rule| rule.deny_as());
    Resolved::deny(
        denial.unwrap_or(rules.deny_as(Operation::Resolve)),
        RuleRef::Rule(index),
    )
}
