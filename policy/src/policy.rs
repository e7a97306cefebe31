//! The policy itself, and what it answers.

use crate::{AllowRule, Denial, DenyAt, DenyRule, DnsMode, Log, Operation, Protocol};
use ipnet::Ipv4Net;
use std::fmt;
use std::net::Ipv4Addr;

/// A policy that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPolicy {
    /// An operation cannot end like this.
    Unfit {
        /// The denial that was asked for.
        deny_as: Denial,
        /// The operation that does not have it.
        operation: Operation,
    },
    /// Two rules end the same operation differently.
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
    pub(crate) dns_mode: DnsMode,
    pub(crate) dns_deny_as: Denial,
    /// The range of synthetic IPv4 addresses.
    pub(crate) dns_range: Ipv4Net,
    pub(crate) log: Log,
    pub(crate) allow: Vec<AllowRule>,
    pub(crate) deny: Vec<DenyRule>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            deny_at: DenyAt::default(),
            deny_as: Denial::AccessDenied,
            dns_mode: DnsMode::default(),
            dns_deny_as: Denial::PermanentResolverFailure,
            dns_range: Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
            log: Log::None,
            allow: Vec::new(),
            deny: Vec::new(),
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

    /// How creating a socket ends where sockets are denied at [`DenyAt::Create`].
    pub fn create_denial(&self) -> Denial {
        self.deny_as
    }

    /// How `operation` ends over `protocol`.
    pub fn denial(&self, operation: Operation, protocol: Protocol) -> Denial {
        match self.deny.iter().find(|r| r.covers(operation, protocol)) {
            Some(rule) => rule.deny_as,
            None if operation == Operation::Resolve => self.dns_deny_as,
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
        self.dns_deny_as = DenyRule::new([Operation::Resolve], None, deny_as)?.deny_as;
        Ok(self)
    }

    /// Adds a rule that says how some operations are denied.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Conflict`] where another rule denies one of its operations differently.
    /// The order in which rules are added never matters.
    pub fn with_rule(mut self, rule: DenyRule) -> Result<Self, InvalidPolicy> {
        let pairs = Operation::ALL
            .into_iter()
            .flat_map(|op| Protocol::ALL.map(|protocol| (op, protocol)));
        for (operation, protocol) in pairs.filter(|(op, protocol)| rule.covers(*op, *protocol)) {
            let other = self.deny.iter().find(|r| r.covers(operation, protocol));
            if let Some(other) = other.filter(|other| other.deny_as != rule.deny_as) {
                return Err(InvalidPolicy::Conflict {
                    operation,
                    first: other.deny_as,
                    second: rule.deny_as,
                });
            }
        }
        self.deny.push(rule);
        Ok(self)
    }

    /// Replaces what the rules so far say of `operation`, for both protocols.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] where `operation` cannot end as `deny_as` says.
    pub fn overriding(
        mut self,
        operation: Operation,
        deny_as: Denial,
    ) -> Result<Self, InvalidPolicy> {
        let rule = DenyRule::new([operation], None, deny_as)?;
        for other in &mut self.deny {
            other.operations.retain(|it| *it != operation);
        }
        self.deny.retain(|other| !other.operations.is_empty());
        self.with_rule(rule)
    }

    /// Adds a rule that grants.
    #[must_use]
    pub fn with_allow(mut self, rule: AllowRule) -> Self {
        self.allow.push(rule);
        self
    }

    /// The same policy with its rules in the order of the canonical text.
    pub(crate) fn sorted(&self) -> Policy {
        self.clone()
    }

    /// Whether some rule lets an operation of `protocol` through to the host's sockets.
    pub fn reaches_host(&self, protocol: Protocol) -> bool {
        let allow = self.allow.iter();
        allow
            .map(|rule| crate::compile::uses_of(&rule.operations, rule.protocol))
            .any(|uses| match protocol {
                Protocol::Tcp => uses & 0b0011_0101 != 0,
                Protocol::Udp => uses & 0b0100_1010 != 0,
            })
    }

    /// Whether a lookup may ask the host's resolver.
    pub fn asks_resolver(&self) -> bool {
        false
    }

    /// Whether a lookup can end otherwise than [`resolve_denial`](Policy::resolve_denial) says:
    /// it may ask the host, or be answered inside.
    pub fn answers_lookups(&self) -> bool {
        false
    }

    /// Whether decisions need a session with names: [`NameTable`](crate::NameTable).
    pub fn has_names(&self) -> bool {
        false
    }

    /// Whether an accepted connection may be refused because of who the peer is.
    pub fn filters_accept(&self) -> bool {
        true
    }

    /// Which decisions are logged.
    pub fn log(&self) -> Log {
        self.log
    }

    /// Checks what only the whole policy can show.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::NeverReached`] for a rule on sockets where none can be created.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let mut operations = self.deny.iter().flat_map(|rule| &rule.operations);
        match operations.find(|op| **op != Operation::Resolve) {
            Some(&operation) if self.deny_at == DenyAt::Create => {
                Err(InvalidPolicy::NeverReached { operation })
            }
            _ => Ok(()),
        }
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
