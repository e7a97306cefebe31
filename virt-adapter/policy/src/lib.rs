//! A policy and what it remembers, inside a component.
//!
//! This is `sockvirt_policy::Session` behind functions of plain numbers, so that any component can
//! ask it. `sockvirt` adds the policy's wire form, and takes of this module the functions that a
//! composition needs. The feature `names` is for policies that have something to do with names, or
//! redirects, and `log` for those that want decisions logged.
//!
//! Addresses are three numbers, see [`Packed`], and a verdict is one, see `contract`: where an
//! address leads to another one, `part` gives that.

#![cfg_attr(target_family = "wasm", no_std)]

mod address;
#[path = "../../contract.rs"]
mod contract;
#[cfg_attr(not(feature = "log"), path = "no_log.rs")]
mod log;
#[cfg_attr(not(feature = "names"), path = "literal.rs")]
mod lookup;
#[cfg(target_family = "wasm")]
mod panic;
mod state;

use contract::{ALLOW, DENY, INVALID, Packed, REWRITE};
use sockvirt_policy::{Denial, Operation, Outcome, Protocol, Ruling};
use state::{State, rules, state};

#[cfg(not(feature = "names"))]
use sockvirt_policy::NoNames as Known;

#[cfg(feature = "names")]
use sockvirt_policy::NameTable as Known;

fn denial(denial: Denial) -> u32 {
    DENY + denial as u32
}

/// The number for a ruling.
fn verdict(ruling: Ruling) -> u32 {
    match ruling.outcome {
        Outcome::Allow => ALLOW,
        Outcome::Invalid => INVALID,
        Outcome::Deny(how) => denial(how),
    }
}

/// Decides one use of a socket.
// Inlined, so that each protocol has of the decision what its own operations take.
#[inline(always)]
fn decide(operation: Operation, protocol: Protocol, udp: u32, address: Packed) -> u32 {
    let State {
        session,
        said,
        last,
    } = state();
    let rules = &rules();
    let Some(asked) = address.to_place() else {
        log::address(rules, operation, protocol, address, Ruling::INVALID);
        return INVALID;
    };
    let mut to = asked;
    let ruling = session.rule(rules, operation, protocol, udp, &mut to);
    log::address(rules, operation, protocol, address, ruling);
    let is_allowed = ruling.outcome == Outcome::Allow;
    if protocol == Protocol::Udp && is_allowed {
        *last = Some((asked, to));
    }
    if is_allowed && to != asked {
        *said = Packed::place(to);
        return REWRITE;
    }
    verdict(ruling)
}

/// Decides one use of a socket of TCP: to bind it, to connect it, or to have it listen.
#[unsafe(export_name = "tcp")]
extern "C" fn tcp(operation: u32, tag: u32, high: u64, low: u64) -> u32 {
    let operation = match operation {
        0 => Operation::Bind,
        1 => Operation::Connect,
        _ => Operation::Listen,
    };
    decide(operation, Protocol::Tcp, 0, Packed { tag, high, low })
}

/// Decides one use of a socket of UDP: to bind it, to connect it, to send or to receive.
#[unsafe(export_name = "udp")]
extern "C" fn udp(operation: u32, udp: u32, tag: u32, high: u64, low: u64) -> u32 {
    let operation = match operation {
        0 => Operation::Bind,
        1 => Operation::Connect,
        2 => Operation::Send,
        _ => Operation::Receive,
    };
    decide(operation, Protocol::Udp, udp, Packed { tag, high, low })
}

/// Decides whether a listener takes a connection: its own address, then the peer's.
#[unsafe(export_name = "tcp-accept")]
extern "C" fn tcp_accept(t0: u32, h0: u64, l0: u64, t1: u32, h1: u64, l1: u64) -> u32 {
    let [local, peer] =
        [(t0, h0, l0), (t1, h1, l1)].map(|(tag, high, low)| Packed { tag, high, low });
    let (rules, session) = (&rules(), &mut state().session);
    let ruling = match (local.to_place(), peer.to_place()) {
        (Some(local), Some(peer)) => session.rule_on_peer(rules, local, peer),
        _ => Ruling::INVALID,
    };
    log::address(rules, Operation::Accept, Protocol::Tcp, peer, ruling);
    verdict(ruling)
}

/// A part of the address that was said last.
#[unsafe(export_name = "part")]
extern "C" fn part(index: u32) -> u64 {
    state().said.part(index)
}

#[unsafe(export_name = "open-udp")]
extern "C" fn open_udp() -> u32 {
    state().session.open_udp()
}

#[unsafe(export_name = "close-udp")]
extern "C" fn close_udp(udp: u32) {
    state().session.close_udp(udp);
}

/// The socket is connected to what was decided on last, or to nothing any more.
#[unsafe(export_name = "connected")]
extern "C" fn connected(udp: u32, is: u32) {
    let State { session, last, .. } = state();
    session.connected(udp, last.filter(|_| is != 0));
}
