//! The policy's functions, which are another component's.

use crate::address::{Address, Ip, import_with_address, pass_address};
use crate::codes::Code;
use crate::memory::trap;

import_with_address! { "policy"
    "tcp-bind" tcp_bind_words(; address;) -> u32;
    "tcp-connect" tcp_connect_words(; address;) -> u32;
    "tcp-listen" tcp_listen_words(; address;) -> u32;
    "peer" peer_words(; address;);
    "tcp-accept" tcp_accept_words(; address;) -> u32;
    "udp-bind" udp_bind_words(; address;) -> u32;
    "udp-connect" udp_connect_words(udp; address;) -> u32;
    "udp-send" udp_send_words(udp; address;) -> u32;
    "udp-receive" udp_receive_words(udp; address;) -> u32;
}

#[link(wasm_import_module = "policy")]
#[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
unsafe extern "C" {
    safe fn word(index: u32) -> u32;
    #[link_name = "open-udp"]
    safe fn open_udp() -> u32;
    #[link_name = "close-udp"]
    safe fn close_udp(udp: u32);
    safe fn connected(udp: u32, is: u32);
    #[link_name = "resolve"]
    safe fn resolve_name(at: u32, length: u32) -> u32;
    #[link_name = "answered"]
    safe fn answered_words(
        query: u32,
        w0: u32,
        w1: u32,
        w2: u32,
        w3: u32,
        w4: u32,
        w5: u32,
        w6: u32,
        w7: u32,
        w8: u32,
    ) -> u32;
    #[link_name = "next-inside"]
    safe fn next_inside_of(query: u32) -> u32;
    #[link_name = "end-lookup"]
    safe fn end_lookup_of(query: u32);
}

/// What the policy says.
pub(crate) enum Verdict {
    /// It may be, with this address.
    Allow(Address),
    /// The address is invalid for this use, whatever the policy.
    Invalid,
    /// It may not be.
    Deny(Denial),
}

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

/// Verdicts in a word: these, or a denial on top of [`DENY`].
const ALLOW: u32 = 0;
const REWRITE: u32 = 1;
const INVALID: u32 = 2;
const DENY: u32 = 16;

fn words<const N: usize>() -> [u32; N] {
    core::array::from_fn(|i| word(i as u32))
}

fn verdict(word: u32, asked: Address) -> Verdict {
    match word {
        ALLOW => Verdict::Allow(asked),
        REWRITE => Verdict::Allow(Address(words())),
        INVALID => Verdict::Invalid,
        denial => Verdict::Deny(Denial(denial.wrapping_sub(DENY))),
    }
}

pub(crate) fn tcp_bind(local: Address) -> Verdict {
    verdict(pass_address!(tcp_bind_words(; local;)), local)
}

pub(crate) fn tcp_connect(remote: Address) -> Verdict {
    verdict(pass_address!(tcp_connect_words(; remote;)), remote)
}

/// Whether a socket that is bound to this address may listen.
pub(crate) fn tcp_listen(local: Address) -> Verdict {
    verdict(pass_address!(tcp_listen_words(; local;)), local)
}

/// Whether a listener may have this peer.
pub(crate) fn tcp_accepts(local: Address, remote: Address) -> bool {
    pass_address!(peer_words(; remote;));
    pass_address!(tcp_accept_words(; local;)) == ALLOW
}

pub(crate) fn udp_bind(local: Address) -> Verdict {
    verdict(pass_address!(udp_bind_words(; local;)), local)
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

    pub(crate) fn connect(self, remote: Address) -> Verdict {
        verdict(pass_address!(udp_connect_words(self.0; remote;)), remote)
    }

    pub(crate) fn send(self, remote: Address) -> Verdict {
        verdict(pass_address!(udp_send_words(self.0; remote;)), remote)
    }

    /// The address by which the guest knows a sender, or nothing if it is not let in.
    pub(crate) fn receive(self, remote: Address) -> Option<Address> {
        match verdict(pass_address!(udp_receive_words(self.0; remote;)), remote) {
            Verdict::Allow(remote) => Some(remote),
            _ => None,
        }
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
    // No name is longer. What is, is invalid, and is not copied to find that out.
    if length > 255 {
        return Lookup::Invalid;
    }
    match resolve_name(name, length) {
        0 => Lookup::Ask(word(0)),
        1 => Lookup::Inside(word(0)),
        INVALID => Lookup::Invalid,
        denial => Lookup::Deny(Denial(denial.wrapping_sub(DENY))),
    }
}

/// Takes down an answer of the host, and says what of it the guest may see.
pub(crate) fn answered(query: u32, ip: Ip) -> bool {
    let [w0, w1, w2, w3, w4, w5, w6, w7, w8] = ip.0;
    answered_words(query, w0, w1, w2, w3, w4, w5, w6, w7, w8) != 0
}

/// The next answer that the policy has itself.
pub(crate) fn next_inside(query: u32) -> Option<Ip> {
    (next_inside_of(query) != 0).then(|| Ip(words()))
}

pub(crate) fn end_lookup(query: u32) {
    end_lookup_of(query);
}
