//! The state of one instance, and the decisions that it takes.

mod local;
mod lookup;
mod names;
mod outgoing;
mod synthetic;
mod table;
mod udp;

pub use lookup::{Lookup, Resolved};
pub use names::{Names, NoNames};
pub use table::NameTable;

use crate::decision::Ruling;
use crate::rules::{Ask, Key, denied, use_of, uses, valid};
use crate::{Decision, Operation, Protocol, RuleRef, Rules};
use core::net::SocketAddr;
use udp::Sockets;

/// What one instance has done so far, as far as later decisions depend on it.
///
/// It has a fixed size and is all zeros at first, so that a static of it costs nothing until it is
/// used. `N` is [`NoNames`] where the policy has no rule that needs names
/// (`Policy::has_names`), and [`NameTable`] where it has; the code for names is only linked
/// with the latter.
///
/// Bounds: 1,024 UDP sockets, which remember 64 peers each and 4,096 in all; 1,024 names, 64
/// addresses for each and 1,024 in all; 1,024 lookups in flight. Peers, names and addresses make
/// room by giving up what was longest unused.
pub struct Session<N = NoNames> {
    sockets: Sockets,
    names: N,
}

impl<N: Names> Session<N> {
    /// A session that has seen nothing.
    pub const fn new() -> Self {
        Session {
            sockets: Sockets::new(),
            names: N::EMPTY,
        }
    }

    /// A new session on the heap: it is too large for small stacks.
    #[cfg(feature = "file")]
    #[inline(never)]
    pub fn boxed() -> Box<Self> {
        Box::new(const { Session::new() })
    }

    /// Decides one use of a socket.
    ///
    /// `udp` is the number that [`open_udp`](Session::open_udp) gave the socket, for
    /// `connect`, `send` and `receive` over UDP; otherwise it is not looked at. An allowed `send`
    /// lets replies in. `accept` without a local address is decided by the rules on peers alone:
    /// ask [`accept`](Session::accept).
    ///
    /// That the address is of the socket's family is for the caller to check, before.
    // Inlined, so that a caller that decides one operation has the code of that one alone.
    #[inline(always)]
    pub fn decide(
        &mut self,
        rules: &Rules<'_>,
        operation: Operation,
        protocol: Protocol,
        udp: u32,
        address: SocketAddr,
    ) -> Decision {
        let (Some(key), uses @ 1..) = (valid(address.ip()), use_of(operation, protocol)) else {
            return Ruling::INVALID.decision(address, (Key(0), 0));
        };
        let ask = Ask {
            operation,
            uses,
            key,
            port: address.port(),
        };
        let mut to = (key, ask.port);
        let ruling = match operation {
            Operation::Resolve => Ruling::INVALID,
            Operation::Bind => local::bind(rules, &ask, protocol),
            Operation::Listen => local::listen(rules, &ask),
            Operation::Accept => local::accept(rules, None, &ask),
            Operation::Receive => self.receive(rules, udp, &ask, &mut to),
            Operation::Connect | Operation::Send => {
                self.outgoing(rules, protocol, udp, &ask, &mut to)
            }
        };
        ruling.decision(address, to)
    }

    /// Decides whether a bound socket may listen, `local` being the address that it really has.
    ///
    /// A rule for port 0 is about ports that the host chooses: it grants a port that no rule lets
    /// the guest bind by number, because such a port can only have come from the host.
    pub fn listen(&mut self, rules: &Rules<'_>, local: SocketAddr) -> Decision {
        self.decide(rules, Operation::Listen, Protocol::Tcp, 0, local)
    }

    /// Decides whether a listener takes a connection: `local` is the listener's address, `remote`
    /// the peer's.
    pub fn accept(&mut self, rules: &Rules<'_>, local: SocketAddr, remote: SocketAddr) -> Decision {
        let (Some(local_key), Some(key)) = (valid(local.ip()), valid(remote.ip())) else {
            return Ruling::INVALID.decision(remote, (Key(0), 0));
        };
        let ask = Ask {
            operation: Operation::Accept,
            uses: uses::TCP_ACCEPT,
            key,
            port: remote.port(),
        };
        let ruling = local::accept(rules, Some((local_key, local.port())), &ask);
        ruling.decision(remote, (key, ask.port))
    }

    /// The number of a new UDP socket, from 1; 0 where there are 1,024 already, which is
    /// `new-socket-limit`.
    pub fn open_udp(&mut self) -> u32 {
        self.sockets.open()
    }

    /// Forgets a UDP socket. Its number is given out again.
    pub fn close_udp(&mut self, udp: u32) {
        self.sockets.close(udp);
    }

    /// Notes that a UDP socket was connected: to the address that was asked for, which is at the
    /// one that [`Verdict::Allow`](crate::Verdict::Allow) said; or with `None` that it no longer
    /// is.
    pub fn connected(&mut self, udp: u32, remote: Option<(SocketAddr, SocketAddr)>) {
        self.sockets.connected(udp, remote);
    }

    fn receive(&mut self, rules: &Rules<'_>, udp: u32, ask: &Ask, to: &mut Place) -> Ruling {
        if let Some(rule) = denied(rules, ask) {
            return local::denied_by(rules, ask, rule);
        }
        match self.sockets.knows(udp, ask.key, ask.port) {
            Some(asked) => {
                *to = asked;
                Ruling::allow(RuleRef::Reply)
            }
            None => local::grant(rules, ask),
        }
    }
}

impl<N: Names> Default for Session<N> {
    fn default() -> Self {
        Session::new()
    }
}

pub(crate) type Place = (Key, u16);
