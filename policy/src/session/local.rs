//! Decisions on local addresses and on peers.

use crate::decision::Ruling;
use crate::rules::{Ask, Key, Kind, Matches, applies, denied, flag, granted, uses};
use crate::session::Place;
use crate::{Operation, Protocol, RuleRef, Rules};

/// The decision of the allow rules alone.
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
        .filter(|denial| denial.fits(ask.operation))
        .unwrap_or(rules.deny_as(ask.operation));
    Ruling::deny(denial, RuleRef::Rule(index))
}

pub(super) fn bind(rules: &Rules<'_>, ask: &Ask, protocol: Protocol) -> Ruling {
    if protocol == Protocol::Tcp && !ask.key.is_unicast() {
        return Ruling::INVALID;
    }
    if let Some(rule) = denied(rules, ask) {
        return denied_by(rules, ask, rule);
    }
    let (listen, out) = match protocol {
        Protocol::Tcp => (uses::TCP_LISTEN, flag::TCP_OUT),
        Protocol::Udp => (0, flag::UDP_OUT),
    };
    let with_listen = Ask {
        uses: ask.uses | listen,
        ..*ask
    };
    let decision = grant(rules, &with_listen);
    let implicit = ask.key.is_unspecified() && ask.port == 0 && rules.flags() & out != 0;
    if implicit && !decision.is_allowed() {
        return Ruling::allow(RuleRef::ImplicitBind);
    }
    decision
}

pub(super) fn listen(rules: &Rules<'_>, ask: &Ask) -> Ruling {
    if !ask.key.is_unicast() {
        return Ruling::INVALID;
    }
    if let Some(rule) = denied(rules, ask) {
        return denied_by(rules, ask, rule);
    }
    let decision = grant(rules, ask);
    if !decision.is_allowed() && chosen_by_host(rules, (ask.key, ask.port)) {
        return grant(rules, &Ask { port: 0, ..*ask });
    }
    decision
}

/// Whether only the host can have chosen this port: no rule allows the guest to bind it by number.
/// Deny rules are not asked, so that none of them ever makes more allowed.
fn chosen_by_host(rules: &Rules<'_>, (key, port): Place) -> bool {
    let by_number = Ask {
        operation: Operation::Bind,
        uses: uses::TCP_BIND | uses::TCP_LISTEN,
        key,
        port,
    };
    granted(rules, &by_number).is_err()
}

pub(super) fn accept(rules: &Rules<'_>, local: Option<Place>, ask: &Ask) -> Ruling {
    if let Some(rule) = denied(rules, ask) {
        return denied_by(rules, ask, rule);
    }
    if let Some((key, port)) = local {
        let listener = Ask {
            operation: Operation::Listen,
            uses: uses::TCP_LISTEN,
            key,
            port,
        };
        let port_0 = Ask {
            port: 0,
            ..listener
        };
        let rule = serves(rules, &listener, ask.key).or_else(|| {
            chosen_by_host(rules, (key, port))
                .then(|| serves(rules, &port_0, ask.key))
                .flatten()
        });
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
