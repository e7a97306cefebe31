//! The policy itself, and what it answers.

use crate::{Denial, Operation, Protocol};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// Where a denied protocol ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DenyAt {
    /// Creating a socket fails. No socket ever exists.
    #[default]
    Create,
    /// Creating a socket works; binding, connecting and the like fail.
    Operation,
}

impl DenyAt {
    /// Both places.
    pub const ALL: [DenyAt; 2] = [DenyAt::Create, DenyAt::Operation];

    /// The name that policy files and flags use.
    pub const fn name(self) -> &'static str {
        match self {
            DenyAt::Create => "create",
            DenyAt::Operation => "operation",
        }
    }
}

impl fmt::Display for DenyAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`DenyAt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDenyAt;

impl fmt::Display for UnknownDenyAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sockets are denied at `create` or at `operation`")
    }
}

impl core::error::Error for UnknownDenyAt {}

impl FromStr for DenyAt {
    type Err = UnknownDenyAt;

    fn from_str(name: &str) -> Result<Self, UnknownDenyAt> {
        DenyAt::ALL
            .into_iter()
            .find(|at| at.name() == name)
            .ok_or(UnknownDenyAt)
    }
}

/// How names are looked up where a rule allows it. While no rule does, every mode denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DnsMode {
    /// A lookup of an allowed name teaches the addresses that it answered.
    #[default]
    Learn,
    /// Names get private synthetic addresses.
    Virtual,
    /// Only what the policy itself lists is answered.
    Static,
    /// Nothing is looked up.
    Off,
}

impl DnsMode {
    /// Every mode.
    pub const ALL: [DnsMode; 4] = [
        DnsMode::Learn,
        DnsMode::Virtual,
        DnsMode::Static,
        DnsMode::Off,
    ];

    /// The name that policy files use.
    pub const fn name(self) -> &'static str {
        match self {
            DnsMode::Learn => "learn",
            DnsMode::Virtual => "virtual",
            DnsMode::Static => "static",
            DnsMode::Off => "off",
        }
    }
}

/// One rule that says how operations are denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyRule {
    /// The operations it is about, sorted, none twice.
    pub(crate) operations: Vec<Operation>,
    /// The protocol it is about; both where it is `None`.
    pub(crate) protocol: Option<Protocol>,
    /// How they end.
    pub(crate) deny_as: Denial,
}

impl DenyRule {
    /// A rule for `operations` of `protocol` (both protocols where it is `None`).
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] where one of the operations cannot end as `deny_as` says.
    pub fn new(
        operations: impl IntoIterator<Item = Operation>,
        protocol: Option<Protocol>,
        deny_as: Denial,
    ) -> Result<Self, InvalidPolicy> {
        let mut operations: Vec<_> = operations.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        match operations.iter().find(|op| !deny_as.fits(**op)) {
            Some(&operation) => Err(InvalidPolicy::Unfit { deny_as, operation }),
            None => Ok(DenyRule {
                operations,
                protocol,
                deny_as,
            }),
        }
    }

    fn covers(&self, operation: Operation, protocol: Protocol) -> bool {
        // A lookup has no protocol that a rule could be about.
        let fits = operation == Operation::Resolve || self.protocol.is_none_or(|it| it == protocol);
        fits && self.operations.contains(&operation)
    }
}

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
    pub(crate) rules: Vec<DenyRule>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            deny_at: DenyAt::default(),
            deny_as: Denial::AccessDenied,
            dns_mode: DnsMode::default(),
            dns_deny_as: Denial::PermanentResolverFailure,
            rules: Vec::new(),
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
        match self.rules.iter().find(|r| r.covers(operation, protocol)) {
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
            let other = self.rules.iter().find(|r| r.covers(operation, protocol));
            if let Some(other) = other.filter(|other| other.deny_as != rule.deny_as) {
                return Err(InvalidPolicy::Conflict {
                    operation,
                    first: other.deny_as,
                    second: rule.deny_as,
                });
            }
        }
        self.rules.push(rule);
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
        for other in &mut self.rules {
            other.operations.retain(|it| *it != operation);
        }
        self.rules.retain(|other| !other.operations.is_empty());
        self.with_rule(rule)
    }

    /// Checks what only the whole policy can show.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::NeverReached`] for a rule on sockets where none can be created.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let mut operations = self.rules.iter().flat_map(|rule| &rule.operations);
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
