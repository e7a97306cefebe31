//! The rules of a policy.

use crate::{Denial, InvalidPolicy, Operation, Ports, Protocol, Target};

/// A `[[deny]]` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyRule {
    /// The operations it is about, sorted, none twice.
    pub(crate) operations: Vec<Operation>,
    /// The name that the policy gives it.
    pub(crate) id: Option<String>,
    /// The protocol it is about; both where it is `None`.
    pub(crate) protocol: Option<Protocol>,
    /// The destinations, or local addresses for `bind` and `listen`.
    pub(crate) to: Vec<Target>,
    /// The ports of these.
    pub(crate) ports: Ports,
    /// Whether a pattern may be as wide as a public suffix.
    pub(crate) wide: bool,
    /// How they end.
    pub(crate) deny_as: Denial,
}

impl DenyRule {
    /// A rule for `operations` of `protocol` (both protocols where it is `None`), about all
    /// addresses, names and ports.
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
                id: None,
                operations,
                protocol,
                to: vec![Target::Any],
                ports: Ports::all(),
                wide: false,
                deny_as,
            }),
        }
    }

    pub(crate) fn covers(&self, operation: Operation, protocol: Protocol) -> bool {
        // A lookup has no protocol that a rule could be about.
        let fits = operation == Operation::Resolve || self.protocol.is_none_or(|it| it == protocol);
        fits && self.operations.contains(&operation)
    }
}

/// An `[[allow]]` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowRule {
    /// The name that the policy gives it.
    pub(crate) id: Option<String>,
    /// The operations it grants, sorted, none twice.
    pub(crate) operations: Vec<Operation>,
    /// The protocol it is about; both where it is `None`.
    pub(crate) protocol: Option<Protocol>,
    /// The destinations, or local addresses for `bind` and `listen`.
    pub(crate) to: Vec<Target>,
    /// The ports of these.
    pub(crate) ports: Ports,
    /// What it does not grant.
    pub(crate) except: Vec<Target>,
    /// Who may be accepted; anybody where it is empty.
    pub(crate) from: Vec<Target>,
    /// Where answers must lie; outside the special ranges where it is empty.
    pub(crate) resolves_to: Vec<Target>,
    /// Whether a pattern may be as wide as a public suffix.
    pub(crate) wide: bool,
}
