//! The policy itself, and what it answers.

use crate::rules::uses;
use crate::{
    AllowRule, Denial, DenyAt, DenyRule, DnsMode, Host, Log, LoopbackMode, OnDeadlock, Operation,
    Protocol, Redirect, Target,
};
use ipnet::Ipv4Net;
use smallvec::smallvec;
use sockvirt_netstack::script::Script;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A policy that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidPolicy {
    /// An operation cannot end like this.
    Unfit {
        /// The denial that was asked for.
        deny_as: Denial,
        /// The operation that does not have it.
        operation: Operation,
    },
    /// A protocol does not have an operation.
    NoSuchUse {
        /// The operation.
        operation: Operation,
        /// The protocol that does not have it.
        protocol: Protocol,
    },
    /// Two rules about everything end the same operation differently.
    Conflict {
        /// The operation that both rules are about.
        operation: Operation,
        /// How the first ends it.
        first: Denial,
        /// How the second ends it.
        second: Denial,
    },
    /// A rule is about an operation of sockets, but no socket is ever created.
    NeverReached {
        /// The operation that cannot happen.
        operation: Operation,
    },
    /// A rule does not go with a loopback that is a network in memory.
    LoopbackInMemory {
        /// The rule's table.
        table: &'static str,
        /// Its position among those of the table.
        position: usize,
        /// What the rule does.
        does: &'static str,
    },
    /// Peers or clients of a script, and no network in memory for them.
    PeersAtHost,
    /// Two rules have the same id.
    SameId(String),
    /// Two redirects lead from the same place to different ones.
    Fork(String),
    /// A redirect leads to where another one begins.
    Chain {
        /// Where the first leads.
        to: String,
        /// Where the second begins.
        from: String,
    },
    /// There is more of something than there may be.
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidPolicy::Unfit { deny_as, operation } => {
                write!(f, "`{operation}` cannot end as `{deny_as}`; it can as ")?;
                for (i, denial) in Denial::fitting(*operation).enumerate() {
                    write!(f, "{}`{denial}`", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            InvalidPolicy::NoSuchUse {
                operation,
                protocol,
            } => write!(f, "`{operation}` does not exist over `{protocol}`"),
            InvalidPolicy::Conflict {
                operation,
                first,
                second,
            } => write!(
                f,
                "two rules deny `{operation}`, one as `{first}` and one as `{second}`"
            ),
            InvalidPolicy::NeverReached { operation } => write!(
                f,
                "`{operation}` is never reached, because sockets are denied at `create`"
            ),
            InvalidPolicy::LoopbackInMemory { table, does, .. } => {
                write!(
                    f,
                    "loopback is a network in memory, and a rule of `{table}` {does}"
                )
            }
            InvalidPolicy::PeersAtHost => {
                f.write_str("peers and clients of a script are on a network in memory")
            }
            InvalidPolicy::SameId(id) => write!(f, "two rules have the id `{id}`"),
            InvalidPolicy::Fork(from) => {
                write!(f, "two redirects lead from `{from}` to different places")
            }
            InvalidPolicy::Chain { to, from } => write!(
                f,
                "a redirect leads to `{to}`, which a redirect of `{from}` leads away from"
            ),
            InvalidPolicy::TooMany { what, limit } => {
                write!(f, "the policy has more than {limit} {what}")
            }
        }
    }
}

impl core::error::Error for InvalidPolicy {}

/// What a composed component answers to each network operation.
///
/// The default denies everything as hosts do: creating a socket is `access-denied`, a lookup is
/// `permanent-resolver-failure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) deny_at: DenyAt,
    pub(crate) deny_as: Denial,
    /// The operations of sockets that end otherwise than `deny_as` says.
    pub(crate) deny_as_for: BTreeMap<Operation, Denial>,
    pub(crate) log: Log,
    pub(crate) dns_mode: DnsMode,
    pub(crate) dns_deny_as: Denial,
    /// The range of synthetic IPv4 addresses.
    pub(crate) dns_range: Ipv4Net,
    pub(crate) hosts: Vec<Host>,
    pub(crate) loopback: LoopbackMode,
    pub(crate) on_deadlock: OnDeadlock,
    pub(crate) allow: Vec<AllowRule>,
    pub(crate) deny: Vec<DenyRule>,
    pub(crate) redirect: Vec<Redirect>,
    /// Who else is on the network in memory.
    pub(crate) script: Option<Arc<Script>>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            deny_at: DenyAt::default(),
            deny_as: Denial::AccessDenied,
            deny_as_for: BTreeMap::new(),
            log: Log::None,
            dns_mode: DnsMode::default(),
            dns_deny_as: Denial::PermanentResolverFailure,
            dns_range: Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
            hosts: Vec::new(),
            loopback: LoopbackMode::default(),
            on_deadlock: OnDeadlock::default(),
            allow: Vec::new(),
            deny: Vec::new(),
            redirect: Vec::new(),
            script: None,
        }
    }
}

impl Policy {
    /// The policy that denies everything, which is the default.
    pub fn deny_all() -> Self {
        Self::default()
    }

    /// Where sockets are denied.
    pub fn deny_at(&self) -> DenyAt {
        self.deny_at
    }

    /// Which decisions are logged.
    pub fn log(&self) -> Log {
        self.log
    }

    /// Where 127.0.0.0/8 and `::1` are.
    pub fn loopback(&self) -> LoopbackMode {
        self.loopback
    }

    /// What becomes of a program on the network in memory that waits for what can never happen.
    pub fn on_deadlock(&self) -> OnDeadlock {
        self.on_deadlock
    }

    /// The names that the policy itself answers.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Who else is on the network in memory, and what time it is there, if a file said that.
    pub fn script(&self) -> Option<&Script> {
        self.script.as_deref()
    }

    /// How creating a socket ends where sockets are denied at [`DenyAt::Create`].
    pub fn create_denial(&self) -> Denial {
        self.deny_as
    }

    /// How `operation` ends over `protocol`, as far as no rule allows it and no deny rule is about
    /// the destination in particular (see [`denies_alike`](Policy::denies_alike)).
    pub fn denial(&self, operation: Operation, protocol: Protocol) -> Denial {
        let rules = self.deny.iter();
        let mut whole = rules.filter(|rule| rule.covers(operation, protocol));
        match whole.find_map(|rule| rule.deny_as) {
            Some(denial) => denial,
            None => self.default_denial(operation),
        }
    }

    pub(crate) fn default_denial(&self, operation: Operation) -> Denial {
        match self.deny_as_for.get(&operation) {
            _ if operation == Operation::Resolve => self.dns_deny_as,
            Some(denial) => *denial,
            None => self.deny_as,
        }
    }

    /// How a name lookup ends. Lookups have no protocol.
    pub fn resolve_denial(&self) -> Denial {
        self.denial(Operation::Resolve, Protocol::Udp)
    }

    /// Says where sockets are denied.
    #[must_use]
    pub fn with_deny_at(mut self, deny_at: DenyAt) -> Self {
        self.deny_at = deny_at;
        self
    }

    /// Says which decisions are logged.
    #[must_use]
    pub fn with_log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Says where 127.0.0.0/8 and `::1` are.
    #[must_use]
    pub fn with_loopback(mut self, mode: LoopbackMode) -> Self {
        self.loopback = mode;
        self
    }

    /// Says what becomes of a program on the network in memory that waits for what can never
    /// happen.
    #[must_use]
    pub fn with_on_deadlock(mut self, on_deadlock: OnDeadlock) -> Self {
        self.on_deadlock = on_deadlock;
        self
    }

    /// Says who else is on the network in memory, and what time it is there.
    #[must_use]
    pub fn with_played(mut self, script: impl Into<Arc<Script>>) -> Self {
        self.script = Some(script.into());
        self
    }

    /// Says how names are looked up.
    #[must_use]
    pub fn with_dns_mode(mut self, mode: DnsMode) -> Self {
        self.dns_mode = mode;
        self
    }

    /// Says how what no rule allows is denied.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] for a denial that some operation does not have: only
    /// `access-denied` and `trap` fit them all.
    pub fn with_deny_as(mut self, deny_as: Denial) -> Result<Self, InvalidPolicy> {
        self.deny_as = fits_sockets(deny_as)?;
        Ok(self)
    }

    /// Says how name lookups are denied.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] for a denial that lookups do not have.
    pub fn with_dns_deny_as(mut self, deny_as: Denial) -> Result<Self, InvalidPolicy> {
        DenyRule::new([Operation::Resolve], None, deny_as)?;
        self.dns_deny_as = deny_as;
        Ok(self)
    }

    /// Adds a rule that denies.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Conflict`] where both it and another rule are about everything and deny an
    /// operation differently. The order in which rules are added never matters.
    pub fn with_rule(mut self, rule: DenyRule) -> Result<Self, InvalidPolicy> {
        let pairs = Operation::ALL
            .into_iter()
            .flat_map(|op| Protocol::ALL.map(|protocol| (op, protocol)));
        for (operation, protocol) in pairs.filter(|(op, protocol)| rule.covers(*op, *protocol)) {
            let others = self.deny.iter();
            let mut others = others.filter(|other| other.covers(operation, protocol));
            let first = others.find_map(|other| other.deny_as);
            if let (Some(first), Some(second)) = (first, rule.deny_as)
                && first != second
            {
                return Err(InvalidPolicy::Conflict {
                    operation,
                    first,
                    second,
                });
            }
        }
        self.deny.push(rule);
        Ok(self)
    }

    /// Says how `operation` is denied, for both protocols, in place of what the policy and its rules
    /// about everything say so far. What they deny stays denied.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] where `operation` cannot end as `deny_as` says.
    pub fn overriding(
        mut self,
        operation: Operation,
        deny_as: Denial,
    ) -> Result<Self, InvalidPolicy> {
        if operation == Operation::Resolve {
            self = self.with_dns_deny_as(deny_as)?;
        } else if deny_as.fits(operation) {
            self.deny_as_for.insert(operation, deny_as);
        } else {
            return Err(InvalidPolicy::Unfit { deny_as, operation });
        }
        let mut silent = Vec::new();
        for rule in &mut self.deny {
            let covers = Protocol::ALL.map(|protocol| rule.covers(operation, protocol));
            if rule.deny_as.is_some() && covers.contains(&true) {
                rule.operations.retain(|it| *it != operation);
                silent.push(DenyRule {
                    id: rule
                        .operations
                        .is_empty()
                        .then(|| rule.id.clone())
                        .flatten(),
                    operations: smallvec![operation],
                    deny_as: None,
                    ..rule.clone()
                });
            }
        }
        self.deny.retain(|rule| !rule.operations.is_empty());
        self.deny.extend(silent);
        Ok(self)
    }

    /// Whether some rule lets an operation of `protocol` through to the host's sockets.
    pub fn reaches_host(&self, protocol: Protocol) -> bool {
        let its = match protocol {
            Protocol::Tcp => {
                uses::TCP_CONNECT | uses::TCP_BIND | uses::TCP_LISTEN | uses::TCP_ACCEPT
            }
            Protocol::Udp => uses::UDP_OUT | uses::UDP_BIND | uses::UDP_RECEIVE,
        };
        self.allow.iter().any(|rule| rule.uses() & its != 0)
            || self.redirect.iter().any(|rule| rule.protocol == protocol)
    }

    /// Whether a program gets sockets of `protocol`, so that the policy has more than their creation
    /// to deny.
    pub fn creates(&self, protocol: Protocol) -> bool {
        self.deny_at == DenyAt::Operation
            || self.loopback == LoopbackMode::Virtual
            || self.reaches_host(protocol)
    }

    /// Whether what is denied of `protocol` is denied alike for every destination, so that
    /// [`denial`](Policy::denial) says it all. It does not where something is allowed.
    pub fn denies_alike(&self, protocol: Protocol) -> bool {
        let alike = |rule: &DenyRule, operation: Operation| {
            rule.covers(operation, protocol)
                || operation == Operation::Resolve
                || rule.deny_as.unwrap_or(self.default_denial(operation))
                    == self.denial(operation, protocol)
        };
        let mut rules = self.deny.iter();
        !self.reaches_host(protocol)
            && rules.all(|rule| {
                rule.protocol.is_some_and(|it| it != protocol)
                    || rule.operations.iter().all(|op| alike(rule, *op))
            })
    }

    /// Whether a lookup may ask the host's resolver.
    pub fn asks_resolver(&self) -> bool {
        let names = |rule: &AllowRule| {
            rule.to
                .iter()
                .any(|to| matches!(to, Target::Any | Target::Name(_)))
                && rule.uses() & (uses::OUT | uses::RESOLVE) != 0
        };
        matches!(self.dns_mode, DnsMode::Learn | DnsMode::Virtual)
            && !self.denies_lookups()
            && self.allow.iter().any(names)
    }

    /// Whether a lookup can end otherwise than [`resolve_denial`](Policy::resolve_denial) says:
    /// it may ask the host, or be answered inside, as addresses in place of names are wherever
    /// anything is allowed. Such lookups take a session with a [`NameTable`](crate::NameTable).
    pub fn answers_lookups(&self) -> bool {
        let something = !self.allow.is_empty() || !self.redirect.is_empty();
        let lookups = |rule: &DenyRule| rule.operations.contains(&Operation::Resolve);
        let denied_apart = self
            .deny
            .iter()
            .any(|rule| lookups(rule) && rule.deny_as.is_some());
        let listed = !self.hosts.is_empty();
        self.dns_mode != DnsMode::Off
            && !self.denies_lookups()
            && (something || listed || denied_apart)
    }

    /// Whether every lookup is denied by a rule.
    fn denies_lookups(&self) -> bool {
        let mut rules = self.deny.iter();
        rules.any(|rule| rule.covers(Operation::Resolve, Protocol::Udp))
    }

    /// Whether names have a part in anything: rules that need them, lookups that the host is asked
    /// for, and those that the policy answers or denies by name.
    pub fn looks_up_names(&self) -> bool {
        let resolve = |rule: &DenyRule| rule.operations.contains(&Operation::Resolve);
        self.has_names()
            || self.asks_resolver()
            || !self.hosts.is_empty()
            || self.deny.iter().any(resolve)
    }

    /// Whether decisions on addresses need a session with a [`NameTable`](crate::NameTable): rules
    /// for names, and redirects.
    pub fn has_names(&self) -> bool {
        let is_name = |to: &Target| matches!(to, Target::Name(_));
        let special = self.dns_mode == DnsMode::Virtual || !self.hosts.is_empty();
        let allow = |rule: &AllowRule| {
            let any = rule.to.contains(&Target::Any);
            let named = rule.to.iter().chain(&rule.except).any(is_name);
            (named || any && (special || !rule.resolves_to.is_empty()))
                && rule.uses() & uses::OUT != 0
        };
        let deny = |rule: &DenyRule| rule.to.iter().any(is_name);
        !self.redirect.is_empty()
            || self.allow.iter().any(allow)
            || (self.deny.iter().any(deny) && self.reaches_out())
    }

    fn reaches_out(&self) -> bool {
        self.allow.iter().any(|rule| rule.uses() & uses::OUT != 0)
    }

    /// Whether a connection to an allowed listener may be refused because of who the peer is.
    pub fn filters_accept(&self) -> bool {
        let accepts = |operations: &[Operation]| operations.contains(&Operation::Accept);
        let allow = |rule: &AllowRule| {
            !rule.from.is_empty()
                || accepts(&rule.operations) && rule.uses() & uses::TCP_ACCEPT != 0
        };
        self.allow.iter().any(allow)
            || self
                .deny
                .iter()
                .any(|rule| rule.uses() & uses::TCP_ACCEPT != 0)
    }
}

/// The default denial stands for every operation of sockets at once. Lookups have their own.
fn fits_sockets(deny_as: Denial) -> Result<Denial, InvalidPolicy> {
    let mut operations = Operation::ALL.into_iter();
    match operations.find(|op| *op != Operation::Resolve && !deny_as.fits(*op)) {
        Some(operation) => Err(InvalidPolicy::Unfit { deny_as, operation }),
        None => Ok(deny_as),
    }
}
