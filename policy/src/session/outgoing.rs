//! Decisions on what goes out: `connect` and `send`.

use super::local::{denied_by, grant};
use crate::decision::Ruling;
use crate::rules::{Ask, denied, redirected, target};
use crate::session::{Names, Place, Session};
use crate::{Denial, Operation, Protocol, RuleRef, Rules};

impl<N: Names> Session<N> {
    /// Decides, and notes in `to` where it leads.
    #[inline(always)]
    pub(super) fn outgoing(
        &mut self,
        rules: &Rules<'_>,
        protocol: Protocol,
        udp: u32,
        ask: &Ask,
        to: &mut Place,
    ) -> Ruling {
        let tcp = protocol == Protocol::Tcp;
        if ask.port == 0 || ask.key.is_unspecified() || (tcp && !ask.key.is_unicast()) {
            return Ruling::INVALID;
        }
        let ruling = match self.names.synthetic(rules, ask, to) {
            Some(ruling) => ruling,
            None => self.by_address(rules, ask, to),
        };
        if ask.operation == Operation::Send && ruling.is_allowed() {
            self.sockets.sent(udp, (ask.key, ask.port), *to);
        }
        ruling
    }

    fn by_address(&mut self, rules: &Rules<'_>, ask: &Ask, to: &mut Place) -> Ruling {
        let deny = denied(rules, ask).or_else(|| self.names.denied(rules, ask));
        if let Some(rule) = deny {
            return denied_by(rules, ask, rule);
        }
        let redirect = redirected(rules, ask).or_else(|| self.names.redirected(rules, ask));
        if let Some(rule) = redirect {
            return redirect_to(rules, ask, rule, to);
        }
        let ruling = grant(rules, ask);
        if ruling.is_allowed() {
            return ruling;
        }
        match self.names.granted(rules, ask) {
            Some(rule) => Ruling::allow(RuleRef::Rule(rule)),
            None => ruling,
        }
    }
}

/// Where a redirect leads, unless a deny rule is about that, or it is of the other family.
pub(super) fn redirect_to(rules: &Rules<'_>, ask: &Ask, rule: u32, to: &mut Place) -> Ruling {
    let Some((key, port)) = target(rules, rule) else {
        return Ruling::deny(rules.deny_as(ask.operation), RuleRef::Rule(rule));
    };
    if let Some(deny) = denied(rules, &Ask { key, port, ..*ask }) {
        return denied_by(rules, ask, deny);
    }
    if key.is_v4() != ask.key.is_v4() {
        return Ruling::deny(Denial::RemoteUnreachable, RuleRef::Rule(rule));
    }
    *to = (key, port);
    Ruling::allow(RuleRef::Rule(rule))
}
