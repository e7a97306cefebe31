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
#[cfg(feature = "file")]
pub(crate) use table::RESERVED;

use crate::rules::{Ask, denied, use_of, uses};
use crate::{Decision, Operation, Place, Protocol, RuleRef, Rules, Ruling};
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
    pub fn decide(
        &mut self,
        rules: &Rules<'_>,
        operation: Operation,
        protocol: Protocol,
        udp: u32,
        address: SocketAddr,
    ) -> Decision {
        let Some(mut to) = Place::of(address) else {
            return Decision::INVALID;
        };
        let ruling = self.rule(rules, operation, protocol, udp, &mut to);
        ruling.decision(address, to)
    }

    /// As [`decide`](Session::decide), for a place. What is allowed leads to where `at` is then.
    // Inlined, so that a caller that decides one operation has the code of that one alone.
    #[inline(always)]
    pub fn rule(
        &mut self,
        rules: &Rules<'_>,
        operation: Operation,
        protocol: Protocol,
        udp: u32,
        at: &mut Place,
    ) -> Ruling {
        let uses @ 1.. = use_of(operation, protocol) else {
            return Ruling::INVALID;
        };
        let mut ask = Ask::new(operation, uses, *at);
        match operation {
            Operation::Resolve => Ruling::INVALID,
            Operation::Bind => local::bind(rules, &mut ask, protocol),
            Operation::Listen => local::listen(rules, &mut ask),
            Operation::Accept => local::accept(rules, None, &ask),
            Operation::Receive => self.receive(rules, udp, &ask, at),
            Operation::Connect | Operation::Send => self.outgoing(rules, protocol, udp, &ask, at),
        }
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
        match (Place::of(local), Place::of(remote)) {
            (Some(at), Some(peer)) => self.rule_on_peer(rules, at, peer).decision(remote, peer),
            _ => Decision::INVALID,
        }
    }

    /// As [`accept`](Session::accept), for places.
    pub fn rule_on_peer(&mut self, rules: &Rules<'_>, local: Place, remote: Place) -> Ruling {
        let ask = Ask::new(Operation::Accept, uses::TCP_ACCEPT, remote);
        local::accept(rules, Some(local), &ask)
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

    /// Notes that a UDP socket was connected: to the place that was asked for, and to the one that
    /// this led to; or with `None` that it no longer is.
    pub fn connected(&mut self, udp: u32, remote: Option<(Place, Place)>) {
        self.sockets.connected(udp, remote);
    }

    fn receive(&mut self, rules: &Rules<'_>, udp: u32, ask: &Ask, to: &mut Place) -> Ruling {
        if let Some(rule) = denied(rules, ask) {
            return local::denied_by(rules, ask, rule);
        }
        match self.sockets.knows(udp, *to) {
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
