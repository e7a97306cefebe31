//! What a decision says.

use crate::Denial;
use crate::rules::Place;
use core::net::SocketAddr;

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to the host.
    Allow {
        /// The address to use: the asked one, or where a redirect or a virtual name leads. For
        /// `receive` it is the address to show to the guest.
        to: SocketAddr,
    },
    /// The address cannot be used like this: `invalid-argument`.
    Invalid,
    /// It is denied, and ends like this. A denied `accept` or `receive` is dropped silently.
    Deny(Denial),
}

/// What made a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleRef {
    /// The rule of this number; [`Rules::id`](crate::Rules::id) has its id.
    Rule(u32),
    /// No rule is about it.
    NoRule,
    /// A rule is about it, but does not name these special ranges, a bit each in the order of
    /// the contract.
    Special(u16),
    /// The address is not valid, whatever the policy says.
    Invalid,
    /// The peer was sent to before.
    Reply,
    /// What lets traffic out grants the implicit bind.
    ImplicitBind,
    /// A name that is an address, which answers itself.
    Literal,
    /// There is no room for more.
    Full,
}

/// A verdict, and what made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens.
    pub verdict: Verdict,
    /// Which rule, or which other reason, makes it so.
    pub rule: RuleRef,
}

impl Decision {
    pub(crate) const INVALID: Decision = Decision {
        verdict: Verdict::Invalid,
        rule: RuleRef::Invalid,
    };

    /// Whether it is [`Verdict::Allow`].
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow { .. })
    }

    /// How it was decided.
    pub const fn outcome(&self) -> Outcome {
        match self.verdict {
            Verdict::Allow { .. } => Outcome::Allow,
            Verdict::Invalid => Outcome::Invalid,
            Verdict::Deny(denial) => Outcome::Deny(denial),
        }
    }
}

/// How something was decided, without where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `allow`
    Allow,
    /// `invalid`
    Invalid,
    /// `deny`, and how.
    Deny(Denial),
}

/// A decision without where it leads, which [`Session::rule`](crate::Session::rule) gives apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// How it is decided.
    pub outcome: Outcome,
    /// Which rule, or which other reason, makes it so.
    pub rule: RuleRef,
}

impl Ruling {
    /// The ruling on an address that sockets cannot have.
    pub const INVALID: Ruling = Ruling {
        outcome: Outcome::Invalid,
        rule: RuleRef::Invalid,
    };

    pub(crate) const fn allow(rule: RuleRef) -> Self {
        Ruling {
            outcome: Outcome::Allow,
            rule,
        }
    }

    pub(crate) const fn deny(denial: Denial, rule: RuleRef) -> Self {
        Ruling {
            outcome: Outcome::Deny(denial),
            rule,
        }
    }

    pub(crate) fn is_allowed(self) -> bool {
        self.outcome == Outcome::Allow
    }

    /// The decision on an address that leads there.
    pub(crate) fn decision(self, asked: SocketAddr, to: Place) -> Decision {
        let verdict = match self.outcome {
            Outcome::Allow => Verdict::Allow {
                to: to.address(asked),
            },
            Outcome::Invalid => Verdict::Invalid,
            Outcome::Deny(denial) => Verdict::Deny(denial),
        };
        Decision {
            verdict,
            rule: self.rule,
        }
    }
}
