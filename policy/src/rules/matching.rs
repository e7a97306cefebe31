//! Which rules match an address.

use super::address::{Forms, Key, Place};
use super::record::{Kind, RuleRecord};
use super::tables::{Rules, around};
use crate::Operation;

/// One question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    /// What it is a use of.
    pub(crate) uses: u8,
    /// The uses that it is granted by, a bit each.
    pub(crate) grants: u8,
    pub(crate) key: Key,
    pub(crate) port: u16,
}

impl Ask {
    /// A question about a use that only itself grants.
    pub(crate) const fn new(operation: Operation, uses: u8, Place { key, port }: Place) -> Self {
        Ask {
            operation,
            uses,
            grants: uses,
            key,
            port,
        }
    }
}

/// The rules that name an address, the innermost prefix first.
pub(crate) struct Matches<'r, 'w> {
    rules: &'r Rules<'w>,
    /// The entry whose items come next, plus one.
    entry: u32,
    item: u32,
    end: u32,
    /// The special ranges that the entry of the last rule lies in wholly.
    pub(crate) inside: u16,
}

impl<'r, 'w> Matches<'r, 'w> {
    pub(crate) fn new(rules: &'r Rules<'w>, key: Key) -> Self {
        Matches {
            rules,
            entry: rules.innermost(key),
            item: 0,
            end: 0,
            inside: 0,
        }
    }
}

impl<'w> Iterator for Matches<'_, 'w> {
    type Item = (u32, RuleRecord<'w>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.item >= self.end {
            let entry = self.rules.entry(self.entry.checked_sub(1)?)?;
            let items = entry.items();
            self.item = items.first;
            self.end = items.first.saturating_add(items.count);
            self.inside = entry.special();
            self.entry = around(entry, self.entry);
        }
        let index = self.rules.item(self.item)?;
        self.item += 1;
        Some((index, self.rules.rule(index)?))
    }
}

/// The special ranges that an address lies in, those of IPv4 addresses in it included.
pub(crate) fn special(rules: &Rules<'_>, key: Key) -> u16 {
    let forms = Forms::of(key);
    forms
        .iter()
        .fold(0, |ranges, key| ranges | rules.special(key))
}

/// The deny rule that matches. Of several it is one that names the operation, so that its way to
/// deny counts, and the one with the innermost prefix.
pub(crate) fn denied(rules: &Rules<'_>, ask: &Ask) -> Option<u32> {
    let mut found = None;
    for key in Forms::of(ask.key).iter() {
        for (index, rule) in Matches::new(rules, key) {
            if rule.kind() != Kind::Deny || !applies(rules, rule, ask) {
                continue;
            }
            if rule.names(ask.operation) {
                return Some(index);
            }
            found = found.or(Some(index));
        }
    }
    found
}

/// Whether a rule is about this use and this port.
pub(crate) fn applies(rules: &Rules<'_>, rule: RuleRecord<'_>, ask: &Ask) -> bool {
    let uses = match rule.kind() {
        Kind::Allow => ask.grants,
        _ => ask.uses,
    };
    rule.uses() & uses != 0 && rules.ports_contain(rule.ports(), ask.port, ask.port)
}

/// The allow rule that grants, or the special ranges that kept one from granting.
pub(crate) fn granted(rules: &Rules<'_>, ask: &Ask) -> Result<u32, u16> {
    let mut special = None;
    let mut blocked = 0;
    let mut matches = Matches::new(rules, ask.key);
    while let Some((index, rule)) = matches.next() {
        if rule.kind() != Kind::Allow
            || !applies(rules, rule, ask)
            || rules.list_contains(rule.addresses(), ask.key)
        {
            continue;
        }
        let special = *special.get_or_insert_with(|| self::special(rules, ask.key));
        // The ranges that the rule's prefix does not lie in wholly.
        match special & !matches.inside {
            0 => return Ok(index),
            ranges => blocked |= ranges,
        }
    }
    Err(blocked)
}

/// The redirect of an address: the one with the innermost prefix.
pub(crate) fn redirected(rules: &Rules<'_>, ask: &Ask) -> Option<u32> {
    let mut matches = Matches::new(rules, ask.key);
    let redirect =
        matches.find(|(_, rule)| rule.kind() == Kind::Redirect && applies(rules, *rule, ask));
    redirect.map(|(index, _)| index)
}

/// Where a redirect leads.
pub(crate) fn target(rules: &Rules<'_>, rule: u32) -> Option<Place> {
    let rule = rules.rule(rule)?;
    let to = rules.range(rule.addresses().first)?;
    Some(Place {
        key: Key(to.start()),
        port: rule.target_port(),
    })
}

/// Whether a deny rule denies all that an allow rule grants, as far as some uses go; all of these
/// where the allow rule has none of them.
pub(crate) fn covers(
    rules: &Rules<'_>,
    deny: RuleRecord<'_>,
    allow: RuleRecord<'_>,
    uses: u8,
) -> bool {
    let granted = match allow.uses() & uses {
        0 => uses,
        some => some,
    };
    let ports = allow.ports();
    granted & !deny.uses() == 0
        && (ports.first..ports.first.saturating_add(ports.count)).all(|i| {
            rules
                .ports(i)
                .is_some_and(|(low, high)| rules.ports_contain(deny.ports(), low, high))
        })
}
