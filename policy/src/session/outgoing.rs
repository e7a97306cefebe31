//! Decisions on what goes out: `connect` and `send`.

use super::local::denied_by;
use crate::decision::Ruling;
use crate::rules::{Ask, denied, target};
use crate::session::{Names, Session};
use crate::{Denial, Operation, Place, Protocol, RuleRef, Rules};

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
        let ruling = self.names.outgoing(rules, ask, to);
        if ask.operation == Operation::Send && ruling.is_allowed() {
            let (key, port) = (ask.key, ask.port);
            self.sockets.sent(udp, Place { key, port }, *to);
        }
        ruling
    }
}

/// Where a redirect leads, unless a deny rule is about that, or it is of the other family.
pub(super) fn redirect_to(rules: &Rules<'_>, ask: &Ask, rule: u32, to: &mut Place) -> Ruling {
    let Some(target) = target(rules, rule) else {
        return Ruling::deny(rules.deny_as(ask.operation), RuleRef::Rule(rule));
    };
    let Place { key, port } = target;
    if let Some(deny) = denied(rules, &Ask { key, port, ..*ask }) {
        return denied_by(rules, ask, deny);
    }
    if key.is_v4() != ask.key.is_v4() {
        return Ruling::deny(Denial::RemoteUnreachable, RuleRef::Rule(rule));
    }
    *to = target;
    Ruling::allow(RuleRef::Rule(rule))
}
