//! A policy and what it remembers, inside a component.
//!
//! This is `sockvirt_policy::Session` behind functions of plain numbers, so that any component can
//! ask it. `sockvirt` adds the policy's wire form, and takes of this module the functions that a
//! composition needs. A function has a second form, `NAME+names`, where it has another meaning or
//! another cost for policies that have rules for names.
//!
//! Addresses are the core values of `ip-socket-address` and `ip-address`. A verdict is a word:
//! 0 allows, 1 allows with another address, which `word` gives, 2 says that the address is invalid,
//! and 16 and more deny, with the position in `Denial::ALL` on top.

#![cfg_attr(target_family = "wasm", no_std)]

mod address;
mod lookup;
#[cfg(target_family = "wasm")]
mod panic;
mod state;

use address::{address_of, store_address};
use sockvirt_policy::{Decision, Denial, NameTable, Names, NoNames, Operation, Protocol, Verdict};
use state::{State, word_at};

/// The uses of sockets, in the order of `Use` in the interposer.
const USES: [(Operation, Protocol); 6] = [
    (Operation::Bind, Protocol::Tcp),
    (Operation::Connect, Protocol::Tcp),
    (Operation::Bind, Protocol::Udp),
    (Operation::Connect, Protocol::Udp),
    (Operation::Send, Protocol::Udp),
    (Operation::Receive, Protocol::Udp),
];

const ALLOW: u32 = 0;
const REWRITE: u32 = 1;
const INVALID: u32 = 2;
const DENY: u32 = 16;

fn denial(denial: Denial) -> u32 {
    DENY + denial as u32
}

/// The word for a verdict on an address.
fn verdict<N: Names + 'static>(
    state: &mut State<N>,
    decision: Decision,
    asked: core::net::SocketAddr,
) -> u32 {
    match decision.verdict {
        Verdict::Allow { to } if to == asked => ALLOW,
        Verdict::Allow { to } => {
            store_address(&mut state.words, to);
            REWRITE
        }
        Verdict::Invalid => INVALID,
        Verdict::Deny(how) => denial(how),
    }
}

/// Defines exported functions that take an address, for policies without names and with.
macro_rules! export {
    ($($plain:literal $named:literal $body:ident($($before:ident),*) -> $result:ty;)*) => {$(
        const _: () = {
            #[unsafe(export_name = $plain)]
            #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
            extern "C" fn plain(
                $($before: u32,)*
                a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
                a6: u32, a7: u32, a8: u32, a9: u32, a10: u32, a11: u32,
            ) -> $result {
                let words = [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11];
                $body::<NoNames>(state::plain(), $($before,)* words)
            }

            #[unsafe(export_name = $named)]
            #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
            extern "C" fn named(
                $($before: u32,)*
                a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
                a6: u32, a7: u32, a8: u32, a9: u32, a10: u32, a11: u32,
            ) -> $result {
                let words = [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11];
                $body::<NameTable>(state::named(), $($before,)* words)
            }
        };
    )*};
}

export! {
    "decide" "decide+names" decide(operation, udp) -> u32;
    "listen" "listen+names" listen() -> u32;
    "peer" "peer+names" peer() -> ();
    "accept" "accept+names" accept() -> u32;
}

fn decide<N: Names + 'static>(
    state: &mut State<N>,
    number: u32,
    udp: u32,
    words: [u32; 12],
) -> u32 {
    let Some((operation, protocol)) = USES.get(number as usize).copied() else {
        return INVALID;
    };
    let asked = address_of(&words);
    let decision = state
        .session
        .decide(&state.rules, operation, protocol, udp, asked);
    if let Verdict::Allow { to } = decision.verdict {
        state.last = (asked, to);
    }
    verdict(state, decision, asked)
}

fn listen<N: Names + 'static>(state: &mut State<N>, words: [u32; 12]) -> u32 {
    let local = address_of(&words);
    let decision = state.session.listen(&state.rules, local);
    verdict(state, decision, local)
}

/// Notes the peer that `accept` is about.
fn peer<N: Names + 'static>(state: &mut State<N>, words: [u32; 12]) {
    state.peer = address_of(&words);
}

fn accept<N: Names + 'static>(state: &mut State<N>, words: [u32; 12]) -> u32 {
    let (local, peer) = (address_of(&words), state.peer);
    let decision = state.session.accept(&state.rules, local, peer);
    verdict(state, decision, peer)
}

/// Defines exported functions of numbers, for policies without names and with.
macro_rules! export_numbers {
    ($($plain:literal $named:literal |$state:ident $(, $param:ident)*| -> $result:ty $body:block)*) => {$(
        const _: () = {
            #[unsafe(export_name = $plain)]
            extern "C" fn plain($($param: u32),*) -> $result {
                let $state = state::plain();
                $body
            }

            #[unsafe(export_name = $named)]
            extern "C" fn named($($param: u32),*) -> $result {
                let $state = state::named();
                $body
            }
        };
    )*};
}

export_numbers! {
    "word" "word+names" |state, index| -> u32 { word_at(&state.words, index) }
    "open-udp" "open-udp+names" |state| -> u32 { state.session.open_udp() }
    "close-udp" "close-udp+names" |state, udp| -> () { state.session.close_udp(udp) }
    "connected" "connected+names" |state, udp, is| -> () {
        let remote = (is != 0).then_some(state.last);
        state.session.connected(udp, remote);
    }
}
