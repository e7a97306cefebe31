//! What a rule is about: addresses and names.

use crate::Special;
use ipnet::IpNet;
use std::fmt;

/// One entry of `to`, `except`, `from` or `resolves-to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// `*`: every address and every name.
    Any,
    /// A range by its name.
    Range(Special),
    /// An address or a prefix.
    Net(IpNet),
    /// Names.
    Name(NamePattern),
}

/// A pattern of names, in lower-case ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamePattern {
    /// The name itself.
    Exact(String),
    /// `*.x`: one label before it.
    One(String),
    /// `**.x`: one label or more before it.
    Many(String),
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamePattern::Exact(name) => f.write_str(name),
            NamePattern::One(name) => write!(f, "*.{name}"),
            NamePattern::Many(name) => write!(f, "**.{name}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Any => f.write_str("*"),
            Target::Range(range) => write!(f, "{range}"),
            Target::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Target::Net(net) => write!(f, "{net}"),
            Target::Name(name) => write!(f, "{name}"),
        }
    }
}

impl Target {
    /// The addresses that it means; none for names.
    pub fn nets(&self) -> Vec<IpNet> {
        match self {
            Target::Any => vec![IpNet::default(), IpNet::V6(ipnet::Ipv6Net::default())],
            Target::Range(range) => range.nets().collect(),
            Target::Net(net) => vec![*net],
            Target::Name(_) => Vec::new(),
        }
    }
}
