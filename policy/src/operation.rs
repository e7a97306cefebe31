//! The operations that a policy decides on.

use core::fmt;
use core::str::FromStr;

/// One use of the network, as a policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A name lookup: `resolve-addresses` of `wasi:sockets/ip-name-lookup`.
    Resolve,
    /// An outgoing TCP connection, or fixing the remote address of a UDP socket.
    Connect,
    /// Taking a local address.
    Bind,
    /// Turning a TCP socket into a listener.
    Listen,
    /// Taking a connection from a listener's backlog.
    Accept,
    /// Sending a UDP datagram.
    Send,
    /// Receiving a UDP datagram.
    Receive,
}

impl Operation {
    /// Every operation, in the order in which a policy's canonical text lists them.
    pub const ALL: [Operation; 7] = [
        Operation::Resolve,
        Operation::Connect,
        Operation::Bind,
        Operation::Listen,
        Operation::Accept,
        Operation::Send,
        Operation::Receive,
    ];

    /// The name that policy files and flags use.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Resolve => "resolve",
            Operation::Connect => "connect",
            Operation::Bind => "bind",
            Operation::Listen => "listen",
            Operation::Accept => "accept",
            Operation::Send => "send",
            Operation::Receive => "receive",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownOperation;

impl fmt::Display for UnknownOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an operation; operations are ")?;
        for (i, operation) in Operation::ALL.into_iter().enumerate() {
            write!(f, "{}`{operation}`", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownOperation {}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        Operation::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
            .ok_or(UnknownOperation)
    }
}

/// The transport that an operation runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

impl Protocol {
    /// Both protocols, in the order of a policy's canonical text.
    pub const ALL: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

    /// The name that policy files and URLs use.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
