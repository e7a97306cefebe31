//! The rules of a policy.

use crate::compile::uses_of;
use crate::flag::Place;
use crate::rules::uses;
use crate::{Denial, InvalidPolicy, Mistake, NamePattern, Operation, Ports, Protocol, Target};
use smallvec::{SmallVec, smallvec};
use std::net::{IpAddr, SocketAddr};

/// The operations of a rule, sorted, none twice. A policy may have many rules, and most of them are
/// about one operation, one target and one port: such lists are in the rule itself.
pub(crate) type Operations = SmallVec<[Operation; Operation::ALL.len()]>;

/// What a rule is about, sorted, none twice.
pub(crate) type Targets = SmallVec<[Target; 1]>;

/// A `[[deny]]` rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DenyRule {
    /// The name that the policy gives it.
    pub(crate) id: Option<String>,
    /// The operations it is about.
    pub(crate) operations: Operations,
    /// The protocol it is about; both where it is `None`.
    pub(crate) protocol: Option<Protocol>,
    /// The destinations, or local addresses for `bind` and `listen`.
    pub(crate) to: Targets,
    /// The ports of these.
    pub(crate) ports: Ports,
    /// How they end; as the policy says for all where it is `None`.
    pub(crate) deny_as: Option<Denial>,
}

impl DenyRule {
    /// A rule for `operations` of `protocol` (both protocols where it is `None`), about all
    /// addresses, names and ports.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Unfit`] where one of the operations cannot end as `deny_as` says, and
    /// [`InvalidPolicy::NoSuchUse`] where the protocol does not have it.
    pub fn new(
        operations: impl IntoIterator<Item = Operation>,
        protocol: Option<Protocol>,
        deny_as: Denial,
    ) -> Result<Self, InvalidPolicy> {
        let mut operations: Operations = operations.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        if let Some((operation, protocol)) = useless(&operations, protocol) {
            return Err(InvalidPolicy::NoSuchUse {
                operation,
                protocol,
            });
        }
        match operations.iter().find(|op| !deny_as.fits(**op)) {
            Some(&operation) => Err(InvalidPolicy::Unfit { deny_as, operation }),
            None => Ok(DenyRule {
                id: None,
                operations,
                protocol,
                to: smallvec![Target::Any],
                ports: Ports::all(),
                deny_as: Some(deny_as),
            }),
        }
    }

    /// Whether it is about an operation whatever the destination is.
    pub(crate) fn covers(&self, operation: Operation, protocol: Protocol) -> bool {
        // A lookup has no protocol that a rule could be about, and no port.
        let lookup = operation == Operation::Resolve;
        let fits = lookup || self.protocol.is_none_or(|it| it == protocol);
        let whole = self.to.contains(&Target::Any) && (lookup || self.ports.is_all());
        fits && whole && self.operations.contains(&operation)
    }

    pub(crate) fn uses(&self) -> u8 {
        uses_of(&self.operations, self.protocol)
    }
}

/// An `[[allow]]` rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowRule {
    /// The name that the policy gives it.
    pub(crate) id: Option<String>,
    /// The operations it grants.
    pub(crate) operations: Operations,
    /// The protocol it is about; both where it is `None`.
    pub(crate) protocol: Option<Protocol>,
    /// The destinations, or local addresses for `bind` and `listen`.
    pub(crate) to: Targets,
    /// The ports of these.
    pub(crate) ports: Ports,
    /// What it does not grant; sorted, none twice, as the other lists are.
    pub(crate) except: Box<[Target]>,
    /// Who may be accepted; anybody where it is empty.
    pub(crate) from: Box<[Target]>,
    /// Where answers must lie; outside the special ranges where it is empty.
    pub(crate) resolves_to: Box<[Target]>,
    /// Whether a pattern may be as wide as a public suffix.
    pub(crate) wide: bool,
}

impl AllowRule {
    pub(crate) fn uses(&self) -> u8 {
        uses_of(&self.operations, self.protocol)
    }

    /// Checks what only the whole rule can show.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        check_uses(&self.operations, self.protocol)?;
        check_targets(&self.operations, &self.to)?;
        let listens = self.operations.contains(&Operation::Listen);
        if !self.from.is_empty() && !listens {
            return Err(Mistake::new(
                "`from` says who may be accepted, and the rule does not listen",
            )
            .hint("write `op = [\"listen\"]`, or leave `from` out"));
        }
        if !self.from.iter().all(is_addresses) || !self.resolves_to.iter().all(is_addresses) {
            return Err(Mistake::new("`from` and `resolves-to` are about addresses")
                .hint("write addresses, prefixes or names of ranges"));
        }
        let names = |list: &[Target]| {
            list.iter()
                .any(|it| !is_addresses(it) || *it == Target::Any)
        };
        if !self.except.iter().all(is_addresses) && !names(&self.to) {
            return Err(Mistake::new("`except` has a name in it, and `to` has none"));
        }
        check_width(&self.to, self.wide)
    }
}

/// A `[[redirect]]` rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Redirect {
    /// The name that the policy gives it.
    pub(crate) id: Option<String>,
    /// The protocol it is about.
    pub(crate) protocol: Protocol,
    /// What is asked for.
    pub(crate) from: Target,
    /// The ports of it.
    pub(crate) ports: Ports,
    /// Where that leads.
    pub(crate) to: SocketAddr,
    /// Whether `from` may be as wide as a public suffix.
    pub(crate) wide: bool,
}

impl Redirect {
    /// The redirect of a place.
    pub(crate) fn new(place: Place, to: SocketAddr) -> Result<Self, Mistake> {
        let Some(ports) = place.ports else {
            return Err(Mistake::new(format!("`{}` has no port", place.host))
                .hint("write `:443`, or `:*` for every port"));
        };
        Ok(Redirect {
            id: None,
            protocol: place.protocol,
            from: place.host,
            ports,
            to,
            wide: false,
        })
    }

    /// The operations that it grants.
    pub(crate) fn operations(&self) -> &'static [Operation] {
        match self.protocol {
            Protocol::Tcp => &[Operation::Connect],
            Protocol::Udp => &[Operation::Connect, Operation::Send],
        }
    }

    /// Checks what only the whole rule can show.
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        let ip = self.to.ip();
        let unusable = match ip {
            IpAddr::V4(ip) => ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast(),
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
        };
        if unusable || self.to.port() == 0 {
            return Err(
                Mistake::new(format!("nothing can be reached at `{}`", self.to))
                    .hint("a redirect leads to one host and one port"),
            );
        }
        check_width(std::slice::from_ref(&self.from), self.wide)
    }
}

/// An entry of `[dns.hosts]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name, in its one spelling.
    pub(crate) name: String,
    /// What is answered.
    pub(crate) answer: HostAnswer,
}

/// What a name of `[dns.hosts]` answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostAnswer {
    /// These addresses, in this order.
    Addresses(Vec<IpAddr>),
    /// The lookup ends like this.
    Fail(Denial),
}

impl Host {
    /// The name, in lower-case ASCII.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is answered.
    pub fn answer(&self) -> &HostAnswer {
        &self.answer
    }
}

impl HostAnswer {
    /// Answers of a name, as many as an instance keeps.
    pub(crate) fn addresses(addresses: Vec<IpAddr>) -> Result<Self, Mistake> {
        match addresses.len() {
            0 => Err(Mistake::new("the list of answers is empty")
                .hint("a name that does not exist is `{ fail = \"name-unresolvable\" }`")),
            1..=64 => Ok(HostAnswer::Addresses(addresses)),
            many => {
                Err(Mistake::new(format!("these are {many} addresses"))
                    .hint("a name has at most 64"))
            }
        }
    }

    /// A way in which lookups end.
    pub(crate) fn fail(denial: Denial) -> Result<Self, Mistake> {
        if denial.fits(Operation::Resolve) {
            return Ok(HostAnswer::Fail(denial));
        }
        let operation = Operation::Resolve;
        let deny_as = denial;
        Err(Mistake::new(InvalidPolicy::Unfit { deny_as, operation }))
    }
}

fn is_addresses(target: &Target) -> bool {
    !matches!(target, Target::Name(_))
}

/// Checks that a protocol has the operations of a rule.
pub(crate) fn check_uses(
    operations: &[Operation],
    protocol: Option<Protocol>,
) -> Result<(), Mistake> {
    let Some((operation, protocol)) = useless(operations, protocol) else {
        return Ok(());
    };
    let wrong = Mistake::new(InvalidPolicy::NoSuchUse {
        operation,
        protocol,
    });
    Err(wrong.hint(match operation {
        Operation::Listen | Operation::Accept => "UDP servers `bind` and `receive`",
        Operation::Send | Operation::Receive => {
            "what was connected or accepted over TCP may send and receive: leave it out"
        }
        _ => "leave `proto` out",
    }))
}

/// The operation that makes no sense over the protocol of a rule: one about listeners over UDP, or
/// any where the protocol has none of the rule's.
fn useless(operations: &[Operation], protocol: Option<Protocol>) -> Option<(Operation, Protocol)> {
    let protocol = protocol?;
    let mut without = operations
        .iter()
        .filter(|op| uses_of(&[**op], Some(protocol)) == 0);
    let all = uses_of(operations, Some(protocol)) == 0;
    let listener = |op: &&Operation| matches!(op, Operation::Listen | Operation::Accept);
    let found = without.find(|op| all || listener(op));
    found.map(|operation| (*operation, protocol))
}

/// Checks that what a rule is about can have its operations.
pub(crate) fn check_targets(operations: &[Operation], to: &[Target]) -> Result<(), Mistake> {
    let names = uses::OUT | uses::RESOLVE;
    let other = operations
        .iter()
        .find(|op| uses_of(&[**op], None) & names == 0);
    let name = to.iter().find(|it| !is_addresses(it));
    if let (Some(operation), Some(name)) = (other, name) {
        return Err(Mistake::new(format!(
            "`{operation}` is about addresses, and `{name}` is a name"
        ))
        .hint("names are for `connect`, `send` and `resolve`"));
    }
    let addresses = to.iter().all(|it| is_addresses(it) && *it != Target::Any);
    if addresses && operations == [Operation::Resolve] {
        return Err(
            Mistake::new("`resolve` is about names, and `to` has only addresses")
                .hint("`resolves-to` says which addresses a name may have"),
        );
    }
    Ok(())
}

fn check_width(to: &[Target], wide: bool) -> Result<(), Mistake> {
    let too_wide = to.iter().find_map(|target| match target {
        Target::Name(name) if !wide && name.is_wide() => Some(name),
        _ => None,
    });
    match too_wide {
        None => Ok(()),
        Some(name) => {
            let (NamePattern::Exact(suffix) | NamePattern::One(suffix) | NamePattern::Many(suffix)) =
                name;
            Err(Mistake::new(format!(
                "`{name}` has every name below the public suffix `{suffix}`"
            ))
            .hint("anybody can get a name there: write `wide = true` if you mean it"))
        }
    }
}
