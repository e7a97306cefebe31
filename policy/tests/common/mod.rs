//! A policy and a session of it.

use sockvirt_policy::{
    Decision, Key, Lookup, NameTable, Operation, Policy, Protocol, Rules, Session, Verdict,
};
use std::net::{IpAddr, SocketAddr};

pub(crate) struct Instance {
    wire: Vec<u8>,
    pub(crate) session: Box<Session<NameTable>>,
}

impl Instance {
    pub(crate) fn new(policy: &str) -> Self {
        let policy = Policy::from_toml(&format!("schema = 1\n{policy}"));
        Instance {
            wire: policy.expect("a policy").wire(),
            session: Session::boxed(),
        }
    }

    pub(crate) fn decide(
        &mut self,
        operation: Operation,
        protocol: Protocol,
        to: &str,
    ) -> Decision {
        self.decide_on(operation, protocol, 0, to)
    }

    pub(crate) fn decide_on(
        &mut self,
        operation: Operation,
        protocol: Protocol,
        udp: u32,
        to: &str,
    ) -> Decision {
        let to: SocketAddr = to.parse().expect("an address");
        let rules = Rules::read(&self.wire).expect("rules");
        self.session.decide(&rules, operation, protocol, udp, to)
    }

    /// What a TCP connect to an address comes to.
    pub(crate) fn connect(&mut self, to: &str) -> Verdict {
        self.decide(Operation::Connect, Protocol::Tcp, to).verdict
    }

    pub(crate) fn connects(&mut self, to: &str) -> bool {
        matches!(self.connect(to), Verdict::Allow { .. })
    }

    pub(crate) fn sends(&mut self, udp: u32, to: &str) -> bool {
        self.decide_on(Operation::Send, Protocol::Udp, udp, to)
            .is_allowed()
    }

    pub(crate) fn receives(&mut self, udp: u32, from: &str) -> bool {
        self.decide_on(Operation::Receive, Protocol::Udp, udp, from)
            .is_allowed()
    }

    pub(crate) fn binds(&mut self, protocol: Protocol, at: &str) -> bool {
        self.decide(Operation::Bind, protocol, at).is_allowed()
    }

    pub(crate) fn listens(&mut self, at: &str) -> bool {
        let rules = Rules::read(&self.wire).expect("rules");
        let at = at.parse().expect("an address");
        self.session.listen(&rules, at).is_allowed()
    }

    pub(crate) fn accepts(&mut self, local: &str, peer: &str) -> bool {
        let rules = Rules::read(&self.wire).expect("rules");
        let local = local.parse().expect("an address");
        let peer = peer.parse().expect("an address");
        self.session.accept(&rules, local, peer).is_allowed()
    }

    /// Begins a lookup, which stays in flight.
    pub(crate) fn begin(&mut self, name: &str) -> Lookup {
        let rules = Rules::read(&self.wire).expect("rules");
        self.session.resolve(&rules, name.as_bytes()).lookup
    }

    pub(crate) fn lookup(&mut self, name: &str) -> Lookup {
        let rules = Rules::read(&self.wire).expect("rules");
        let lookup = self.session.resolve(&rules, name.as_bytes()).lookup;
        if let Lookup::Ask(query) | Lookup::Inside(query) = lookup {
            self.session.end_lookup(query);
        }
        lookup
    }

    pub(crate) fn may_ask(&mut self, name: &str) -> bool {
        matches!(self.lookup(name), Lookup::Ask(_))
    }

    /// Looks a name up, with a host that answers like this. What the guest sees.
    pub(crate) fn resolve(&mut self, name: &str, answers: &[&str]) -> Vec<String> {
        let rules = Rules::read(&self.wire).expect("rules");
        let mut seen = Vec::new();
        match self.session.resolve(&rules, name.as_bytes()).lookup {
            Lookup::Ask(query) => {
                for answer in answers {
                    let ip: IpAddr = answer.parse().expect("an address");
                    let shown = Key::of(ip);
                    seen.extend(shown.and_then(|it| self.session.answered(&rules, query, it)));
                }
                self.session.end_lookup(query);
            }
            Lookup::Inside(query) => {
                while let Some(key) = self.session.next_inside(&rules, query) {
                    seen.push(key);
                }
                self.session.end_lookup(query);
            }
            Lookup::Invalid | Lookup::Deny(_) => {}
        }
        seen.iter().map(|key| key.ip().to_string()).collect()
    }
}

/// The error of a policy that cannot be read.
pub(crate) fn refused(policy: &str) -> String {
    let policy = Policy::from_toml(&format!("schema = 1\n{policy}"));
    policy.expect_err("it cannot be read").to_string()
}

pub(crate) fn allowed_to(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow { to } => to.to_string(),
        other => format!("{other:?}"),
    }
}
