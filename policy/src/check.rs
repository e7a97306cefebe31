//! What only the whole policy can show.

use crate::compile::uses_of;
use crate::rules::{Ask, Kind, Matches, applies, use_of};
use crate::{
    DenyAt, DenyRule, InvalidPolicy, LoopbackMode, Operation, Place, Policy, Protocol, Rules,
    Special, Target,
};
use std::collections::{HashMap, HashSet};

/// The most rules, and the most entries of their lists, together.
const MOST: usize = 65_536;

impl Policy {
    /// Checks what only the whole policy can show.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] for a rule on sockets that are never created, for ids that are there
    /// twice, for redirects that contradict each other or make a chain, and for too many rules.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        self.check_size()?;
        self.check_loopback()?;
        let rules = self.deny.iter();
        let mut never = rules.filter_map(|rule| self.never_reached(rule));
        let operation = never.next().or_else(|| self.never_ends());
        if let Some(operation) = operation {
            return Err(InvalidPolicy::NeverReached { operation });
        }
        let allow = self.allow.iter().map(|rule| &rule.id);
        let deny = self.deny.iter().map(|rule| &rule.id);
        let redirect = self.redirect.iter().map(|rule| &rule.id);
        let mut ids = HashSet::new();
        for id in allow.chain(deny).chain(redirect).flatten() {
            if !ids.insert(id) {
                return Err(InvalidPolicy::SameId(id.clone()));
            }
        }
        self.check_redirects()
    }

    /// Checks that no rule is about what is on the network in memory: an address means one thing.
    pub(crate) fn check_loopback(&self) -> Result<(), InvalidPolicy> {
        if self.loopback == LoopbackMode::Host {
            let script = self.script.as_deref();
            return match script {
                Some(it) if !it.peers.is_empty() || !it.clients.is_empty() => {
                    Err(InvalidPolicy::PeersAtHost)
                }
                _ => Ok(()),
            };
        }
        let refused = |table, position, does| {
            Err(InvalidPolicy::LoopbackInMemory {
                table,
                position,
                does,
            })
        };
        let mut denies = self.deny.iter().map(|rule| &rule.to);
        if let Some(position) = denies.position(|to| to.iter().any(is_loopback)) {
            return refused("deny", position, "denies some of it");
        }
        for (position, rule) in self.allow.iter().enumerate() {
            if rule.to.iter().any(is_loopback) {
                return refused("allow", position, "allows some of the host's");
            }
            let is_local = |op: &Operation| matches!(op, Operation::Bind | Operation::Listen);
            if rule.operations.iter().any(is_local) && rule.to.iter().any(is_wildcard) {
                let does = "is about a wildcard address, which is on it";
                return refused("allow", position, does);
            }
        }
        let mut leads = self.redirect.iter().map(|rule| rule.to.ip());
        match leads.position(|ip| ip.is_loopback()) {
            Some(position) => refused("redirect", position, "leads to the host's"),
            None => Ok(()),
        }
    }

    /// Checks that redirects lead to one place each, and to none where another one begins.
    pub(crate) fn check_redirects(&self) -> Result<(), InvalidPolicy> {
        self.check_forks()?;
        self.check_chains()
    }

    /// How many rules there are, and names that the policy itself answers.
    pub fn count(&self) -> usize {
        self.allow.len() + self.deny.len() + self.redirect.len() + self.hosts.len()
    }

    fn check_size(&self) -> Result<(), InvalidPolicy> {
        let allow = self.allow.iter().map(|rule| {
            let lists = rule.to.len() + rule.except.len() + rule.from.len();
            lists + rule.resolves_to.len() + rule.ports.ranges().len()
        });
        let deny = self
            .deny
            .iter()
            .map(|rule| rule.to.len() + rule.ports.ranges().len());
        let redirect = self
            .redirect
            .iter()
            .map(|rule| rule.ports.ranges().len() + 1);
        let patterns: usize = allow.chain(deny).chain(redirect).sum();
        // Most rules have one pattern and one port.
        if patterns + self.hosts.len() > 2 * MOST {
            return Err(InvalidPolicy::TooMany {
                what: "rules, patterns and ports",
                limit: 2 * MOST,
            });
        }
        if self.count() > MOST {
            return Err(InvalidPolicy::TooMany {
                what: "rules",
                limit: MOST,
            });
        }
        Ok(())
    }

    /// The operation of a rule on sockets that are never created.
    pub(crate) fn never_reached(&self, rule: &DenyRule) -> Option<Operation> {
        let mut protocols = Protocol::ALL.into_iter().filter(|protocol| {
            uses_of(&rule.operations, Some(*protocol)) != 0
                && rule.protocol.is_none_or(|it| it == *protocol)
        });
        if protocols.any(|it| self.creates(it)) {
            return None;
        }
        let mut operations = rule.operations.iter().copied();
        operations.find(|op| *op != Operation::Resolve)
    }

    /// An operation that the policy says an end for, and that never begins.
    fn never_ends(&self) -> Option<Operation> {
        let reached = |operation: Operation| {
            let mut protocols = Protocol::ALL.into_iter();
            protocols.any(|it| use_of(operation, it) != 0 && self.creates(it))
        };
        let mut operations = self.deny_as_for.keys().copied();
        operations.find(|op| self.deny_at == DenyAt::Create && !reached(*op))
    }

    fn check_forks(&self) -> Result<(), InvalidPolicy> {
        let mut seen: HashMap<(Protocol, &Target), Vec<usize>> = HashMap::new();
        for (index, rule) in self.redirect.iter().enumerate() {
            let same = seen.entry((rule.protocol, &rule.from)).or_default();
            let fork = same
                .iter()
                .filter_map(|i| self.redirect.get(*i))
                .any(|other| {
                    let mut ports = rule.ports.ranges();
                    other.to != rule.to && ports.any(|(low, high)| other.ports.overlaps(low, high))
                });
            if fork {
                return Err(InvalidPolicy::Fork(rule.from.to_string()));
            }
            same.push(index);
        }
        Ok(())
    }

    /// Checks that no redirect leads to where one begins, be it itself: found as decisions find it.
    fn check_chains(&self) -> Result<(), InvalidPolicy> {
        if self.redirect.is_empty() {
            return Ok(());
        }
        let redirects = Policy {
            redirect: self.redirect.clone(),
            ..Policy::deny_all()
        };
        let wire = redirects.wire();
        let sorted = redirects.sorted();
        let Ok(rules) = Rules::read(&wire) else {
            return Ok(());
        };
        for rule in &sorted.redirect {
            let Some(to) = Place::of(rule.to) else {
                continue;
            };
            let uses = use_of(Operation::Connect, rule.protocol);
            let ask = Ask::new(Operation::Connect, uses, to);
            let next = Matches::new(&rules, ask.key)
                .find(|(_, it)| it.kind() == Kind::Redirect && applies(&rules, *it, &ask));
            let next = next.and_then(|(_, it)| sorted.redirect.get(it.position() as usize));
            if let Some(next) = next {
                return Err(InvalidPolicy::Chain {
                    to: rule.to.to_string(),
                    from: next.from.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Whether an entry of a rule is a part of loopback.
fn is_loopback(target: &Target) -> bool {
    lies_in(target, Special::Loopback)
}

/// Whether an entry of a rule is one of the wildcard addresses.
fn is_wildcard(target: &Target) -> bool {
    lies_in(target, Special::Unspecified)
}

fn lies_in(target: &Target, all: Special) -> bool {
    match target {
        Target::Range(range) => *range == all,
        Target::Net(net) => all.nets().any(|all| all.contains(net)),
        Target::Any | Target::Name(_) => false,
    }
}
