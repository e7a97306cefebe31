//! The settings that policies and compiled rules share.

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

/// Where 127.0.0.0/8 and `::1` are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoopbackMode {
    /// At the host. Rules decide, as for any special range.
    #[default]
    Host,
    /// On a network in memory, inside of the component.
    Virtual,
}

impl LoopbackMode {
    /// Both modes.
    pub const ALL: [LoopbackMode; 2] = [LoopbackMode::Host, LoopbackMode::Virtual];

    /// The name that policy files use.
    pub const fn name(self) -> &'static str {
        match self {
            LoopbackMode::Host => "host",
            LoopbackMode::Virtual => "virtual",
        }
    }
}

/// What becomes of a program on the network in memory that waits for what can never happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnDeadlock {
    /// It ends with a trap.
    #[default]
    Trap,
    /// It waits, as it would on a host, for ever.
    Hang,
}

impl OnDeadlock {
    /// Both.
    pub const ALL: [OnDeadlock; 2] = [OnDeadlock::Trap, OnDeadlock::Hang];

    /// The name that policy files use.
    pub const fn name(self) -> &'static str {
        match self {
            OnDeadlock::Trap => "trap",
            OnDeadlock::Hang => "hang",
        }
    }
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Log {
    /// None.
    #[default]
    None,
    /// What is denied.
    Denied,
    /// Every decision.
    All,
}

impl Log {
    /// Every setting.
    pub const ALL: [Log; 3] = [Log::None, Log::Denied, Log::All];

    /// The name that policy files and flags use.
    pub const fn name(self) -> &'static str {
        match self {
            Log::None => "none",
            Log::Denied => "denied",
            Log::All => "all",
        }
    }
}
