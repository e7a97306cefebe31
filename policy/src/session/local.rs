//! Decisions on local addresses and on peers.

use crate::decision::Ruling;
use crate::rules::{Ask, Key, Kind, Matches, applies, denied, flag, granted, uses};
use crate::{Operation, Place, Protocol, RuleRef, Rules};

/// The decision of the rules on addresses: a deny rule's, or that of the allow rules.
// One copy: every operation over every protocol ends here.
#[inline(never)]
pub(super) fn decided(rules: &Rules<'_>, ask: &Ask) -> Ruling {
    match denied(rules, ask) {
        Some(rule) => denied_by(rules, ask, rule),
        None => grant(rules, ask),
    }
}

/// The decision of the allow rules alone.
#[inline(never)]
pub(super) fn grant(rules: &Rules<'_>, ask: &Ask) -> Ruling {
    match granted(rules, ask) {
        Ok(rule) => Ruling::allow(RuleRef::Rule(rule)),
        Err(0) => Ruling::deny(rules.deny_as(ask.operation), RuleRef::NoRule),
        Err(special) => Ruling::deny(rules.deny_as(ask.operation), RuleRef::Special(special)),
    }
}

/// The denial of a rule. It counts for the operations that the rule names; what else the rule
/// denies ends as the default says.
pub(super) fn denied_by(rules: &Rules<'_>, ask: &Ask, index: u32) -> Ruling {
    let named = rules.rule(index).filter(|rule| rule.names(ask.operation));
    let denial = named
        .and_then(|rule| rule.deny_as())
        .unwrap_or(rules.deny_as(ask.operation));
    Ruling::deny(denial, RuleRef::Rule(index))
}

/// Whether no rule says anything, neither allow nor deny.
fn is_open(ruling: Ruling) -> bool {
    matches!(ruling.rule, RuleRef::NoRule | RuleRef::Special(_))
}

pub(super) fn bind(rules: &Rules<'_>, ask: &mut Ask, protocol: Protocol) -> Ruling {
    if protocol == Protocol::Tcp && !ask.key.is_unicast() {
        return Ruling::INVALID;
    }
    let (listen, out) = match protocol {
        Protocol::Tcp => (uses::TCP_LISTEN, flag::TCP_OUT),
        Protocol::Udp => (0, flag::UDP_OUT),
    };
    ask.grants |= listen;
    let ruling = decided(rules, ask);
    let implicit = ask.key.is_unspecified() && ask.port == 0 && rules.flags() & out != 0;
    if implicit && is_open(ruling) {
        return Ruling::allow(RuleRef::ImplicitBind);
    }
    ruling
}

pub(super) fn listen(rules: &Rules<'_>, ask: &mut Ask) -> Ruling {
    if !ask.key.is_unicast() {
        return Ruling::INVALID;
    }
    let ruling = decided(rules, ask);
    if is_open(ruling) && chosen_by_host(rules, ask) {
        ask.port = 0;
        return grant(rules, ask);
    }
    ruling
}

/// Whether only the host can have chosen this port: no rule allows the guest to bind it by number.
/// Deny rules are not asked, so that none of them ever makes more allowed.
fn chosen_by_host(rules: &Rules<'_>, listener: &mut Ask) -> bool {
    listener.grants |= uses::TCP_BIND;
    let by_number = granted(rules, listener).is_ok();
    listener.grants = uses::TCP_LISTEN;
    !by_number
}

pub(super) fn accept(rules: &Rules<'_>, local: Option<Place>, ask: &Ask) -> Ruling {
    if let Some(rule) = denied(rules, ask) {
        return denied_by(rules, ask, rule);
    }
    if let Some(place) = local {
        let mut listener = Ask::new(Operation::Listen, uses::TCP_LISTEN, place);
        let mut rule = serves(rules, &listener, ask.key);
        if rule.is_none() && chosen_by_host(rules, &mut listener) {
            listener.port = 0;
            rule = serves(rules, &listener, ask.key);
        }
        if let Some(rule) = rule {
            return Ruling::allow(RuleRef::Rule(rule));
        }
    }
    grant(rules, ask)
}

/// The rule that lets a listener take connections from a peer.
fn serves(rules: &Rules<'_>, listener: &Ask, peer: Key) -> Option<u32> {
    let special = crate::rules::special(rules, listener.key);
    let mut matches = Matches::new(rules, listener.key);
    while let Some((index, rule)) = matches.next() {
        if rule.kind() == Kind::Allow
            && applies(rules, rule, listener)
            && !rules.list_contains(rule.addresses(), listener.key)
            && special & !matches.inside == 0
            && (!rule.has_from() || rules.list_contains(rule.from(), peer))
        {
            return Some(index);
        }
    }
    None
}
