//! Decisions on what goes out: `connect` and `send`.

pub(super) use super::local::denied_by as denied_by_rule;
use super::local::grant;
use crate::rules::{Ask, Key, denied, redirected, target};
use crate::session::{Names, Session};
use crate::{Decision, Denial, Operation, Protocol, RuleRef, Rules};
use core::net::SocketAddr;

impl<N: Names> Session<N> {
    pub(super) fn outgoing(
        &mut self,
        rules: Rules<'_>,
        protocol: Protocol,
        udp: u32,
        ask: &Ask,
        asked: SocketAddr,
    ) -> Decision {
        let tcp = protocol == Protocol::Tcp;
        if ask.port == 0 || ask.key.is_unspecified() || (tcp && !ask.key.is_unicast()) {
            return Decision::INVALID;
        }
        let decision = match self.names.synthetic(rules, ask) {
            Some(decision) => decision,
            None => self.by_address(rules, ask, asked),
        };
        if let crate::Verdict::Allow { to } = decision.verdict
            && ask.operation == Operation::Send
        {
            let real = (Key::of(to.ip()), to.port());
            self.sockets.sent(udp, (ask.key, ask.port), real);
        }
        decision
    }

    fn by_address(&mut self, rules: Rules<'_>, ask: &Ask, asked: SocketAddr) -> Decision {
        let redirect = redirected(rules, ask).or_else(|| self.names.redirected(rules, ask));
        let deny = denied(rules, ask).or_else(|| self.names.denied(rules, ask));
        if let Some(rule) = deny {
            return denied_by_rule(rules, ask, rule);
        }
        if let Some(rule) = redirect {
            return redirect_to(rules, ask, rule);
        }
        let decision = grant(rules, ask, asked);
        if decision.is_allowed() {
            return decision;
        }
        match self.names.granted(rules, ask) {
            Some(rule) => Decision::allow(asked, RuleRef::Rule(rule)),
            None => decision,
        }
    }
}

/// Where a redirect leads, unless a deny rule is about that, or it is of the other family.
pub(super) fn redirect_to(rules: Rules<'_>, ask: &Ask, rule: u32) -> Decision {
    let Some(to) = target(rules, rule) else {
        return Decision::deny(rules.deny_as(ask.operation), RuleRef::Rule(rule));
    };
    let key = Key::of(to.ip());
    let rewritten = Ask {
        key,
        port: to.port(),
        ..*ask
    };
    if let Some(deny) = denied(rules, &rewritten) {
        return denied_by_rule(rules, ask, deny);
    }
    if key.is_v4() != ask.key.is_v4() {
        return Decision::deny(Denial::RemoteUnreachable, RuleRef::Rule(rule));
    }
    Decision::allow(to, RuleRef::Rule(rule))
}
