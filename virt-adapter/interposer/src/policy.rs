//! The policy's functions, which are another component's.

use crate::address::{Address, Ip};
use crate::codes::Code;
#[cfg(feature = "names")]
use crate::contract::REWRITE;
use crate::contract::{ALLOW, DENY, INVALID, Packed};
use crate::memory::trap;

#[link(wasm_import_module = "policy")]
unsafe extern "C" {
    #[link_name = "tcp"]
    safe fn decide_tcp(operation: u32, tag: u32, high: u64, low: u64) -> u32;
    #[link_name = "tcp-accept"]
    safe fn decide_tcp_accept(t0: u32, h0: u64, l0: u64, t1: u32, h1: u64, l1: u64) -> u32;
    #[link_name = "udp"]
    safe fn decide_udp(operation: u32, udp: u32, tag: u32, high: u64, low: u64) -> u32;
    /// A part of what was said last.
    safe fn part(index: u32) -> u64;
    #[link_name = "open-udp"]
    safe fn open_udp() -> u32;
    #[link_name = "close-udp"]
    safe fn close_udp(udp: u32);
    safe fn connected(udp: u32, is: u32);
    #[link_name = "resolve"]
    safe fn resolve_name(at: u32, length: u32) -> u32;
    #[link_name = "answered"]
    safe fn was_answered(query: u32, tag: u32, high: u64, low: u64) -> u32;
    #[link_name = "next-inside"]
    safe fn next_inside_of(query: u32) -> u32;
    #[link_name = "end-lookup"]
    safe fn end_lookup_of(query: u32);
}

/// Why an address is not used: how that is denied, or `None` where the address is invalid for the
/// use, whatever the policy.
pub(crate) type Refused = Option<Denial>;

/// How an operation is denied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denial(u32);

impl Denial {
    /// The number of `Denial::Trap` in the policy crate.
    const TRAP: Denial = Denial(1);
    /// The number of `Denial::Drop` in the policy crate.
    const DROP: Denial = Denial(11);

    pub(crate) const fn of_number(number: u32) -> Self {
        Denial(number)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// Whether a datagram is lost without a word.
    pub(crate) fn is_drop(self) -> bool {
        self == Denial::DROP
    }

    /// The error code. Traps where the denial is one.
    pub(crate) fn code(self) -> Code {
        if self == Denial::TRAP {
            trap();
        }
        Code::of_denial(self.0)
    }
}

/// Makes an address what the host is shown: itself, where it leads, or nowhere if it is refused.
fn settle(number: u32, address: &mut Address) -> Result<(), Refused> {
    match number {
        ALLOW => Ok(()),
        #[cfg(feature = "names")]
        REWRITE => {
            *address = said().address();
            Ok(())
        }
        number => {
            *address = Address::NOWHERE;
            Err(refused(number))
        }
    }
}

fn refused(number: u32) -> Refused {
    match number {
        INVALID => None,
        denial => Some(Denial(denial.wrapping_sub(DENY))),
    }
}

/// The address that was said last.
fn said() -> Packed {
    Packed {
        tag: part(0) as u32,
        high: part(1),
        low: part(2),
    }
}

/// What a socket of TCP is to do with an address, in the order of the policy's function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tcp {
    Bind,
    Connect,
    Listen,
}

/// Decides to bind or to connect, and makes the address the one that the host is shown.
pub(crate) fn tcp(operation: Tcp, address: &mut Address) -> Result<(), Refused> {
    let Packed { tag, high, low } = address.pack();
    settle(decide_tcp(operation as u32, tag, high, low), address)
}

/// Whether a socket that is bound to this address may listen.
pub(crate) fn tcp_listen(Packed { tag, high, low }: Packed) -> Result<(), Refused> {
    match decide_tcp(Tcp::Listen as u32, tag, high, low) {
        ALLOW => Ok(()),
        number => Err(refused(number)),
    }
}

/// Whether a listener may have this peer.
pub(crate) fn tcp_accepts(at: Packed, from: Packed) -> bool {
    decide_tcp_accept(at.tag, at.high, at.low, from.tag, from.high, from.low) == ALLOW
}

/// What a socket of UDP is to do with an address, in the order of the policy's function.
#[derive(Clone, Copy)]
enum UdpUse {
    Bind,
    Connect,
    Send,
    Receive,
}

fn udp(operation: UdpUse, udp: u32, address: &mut Address) -> Result<(), Refused> {
    let Packed { tag, high, low } = address.pack();
    settle(decide_udp(operation as u32, udp, tag, high, low), address)
}

pub(crate) fn udp_bind(local: &mut Address) -> Result<(), Refused> {
    udp(UdpUse::Bind, 0, local)
}

/// What the policy remembers of a UDP socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Udp(pub(crate) u32);

impl Udp {
    /// `None` where there are too many.
    pub(crate) fn open() -> Option<Udp> {
        match open_udp() {
            0 => None,
            number => Some(Udp(number)),
        }
    }

    pub(crate) fn close(self) {
        close_udp(self.0);
    }

    pub(crate) fn connect(self, remote: &mut Address) -> Result<(), Refused> {
        udp(UdpUse::Connect, self.0, remote)
    }

    pub(crate) fn send(self, remote: &mut Address) -> Result<(), Refused> {
        udp(UdpUse::Send, self.0, remote)
    }

    /// Whether a sender is let in. Its address becomes the one by which the guest knows it.
    pub(crate) fn receive(self, remote: &mut Address) -> bool {
        udp(UdpUse::Receive, self.0, remote).is_ok()
    }

    /// The socket is connected to what was decided on last, or to nothing any more.
    pub(crate) fn connected(self, is: bool) {
        connected(self.0, is.into());
    }
}

/// What becomes of a lookup.
pub(crate) enum Lookup {
    /// The host is asked, and each of its answers is shown to [`answered`].
    Ask(u32),
    /// The policy has the answers.
    Inside(u32),
    Invalid,
    Deny(Denial),
}

pub(crate) fn resolve(name: u32, length: u32) -> Lookup {
    match resolve_short(name, length) {
        0 => Lookup::Ask(part(0) as u32),
        1 => Lookup::Inside(part(0) as u32),
        INVALID => Lookup::Invalid,
        denial => Lookup::Deny(Denial(denial.wrapping_sub(DENY))),
    }
}

/// As [`resolve`], where the policy has no rule for names: a literal is its own answer.
pub(crate) fn resolve_literal(name: u32, length: u32) -> Result<Ip, Option<Denial>> {
    match resolve_short(name, length) {
        1 => Ok(said().ip()),
        0 | INVALID => Err(None),
        denial => Err(Some(Denial(denial.wrapping_sub(DENY)))),
    }
}

/// No name is longer than 255 bytes. What is, is invalid, and is not copied to find that out.
fn resolve_short(name: u32, length: u32) -> u32 {
    match length > 255 {
        true => INVALID,
        false => resolve_name(name, length),
    }
}

/// Takes down an answer of the host, and says what of it the guest may see.
pub(crate) fn answered(query: u32, ip: Ip) -> bool {
    let Packed { tag, high, low } = ip.pack();
    was_answered(query, tag, high, low) != 0
}

/// The next answer that the policy has itself.
pub(crate) fn next_inside(query: u32) -> Option<Ip> {
    (next_inside_of(query) != 0).then(|| said().ip())
}

pub(crate) fn end_lookup(query: u32) {
    end_lookup_of(query);
}
