//! A policy and what it remembers, inside a component.
//!
//! This is `sockvirt_policy::Session` behind functions of plain numbers, so that any component can
//! ask it. `sockvirt` adds the policy's wire form, and takes of this module the functions that a
//! composition needs. Functions have other forms for policies that have rules for names, `+names`,
//! and for those that want decisions logged, `+log`.
//!
//! Addresses are the core values of `ip-socket-address` and `ip-address`. A verdict is a word:
//! 0 allows, 1 allows with another address, which `word` gives, 2 says that the address is invalid,
//! and 16 and more deny, with the position in `Denial::ALL` on top.

#![cfg_attr(target_family = "wasm", no_std)]

mod address;
mod log;
mod lookup;
#[cfg(target_family = "wasm")]
mod panic;
mod state;

use address::{address_of, store_address};
use core::net::SocketAddr;
use log::Logs;
use sockvirt_policy::{
    Decision, Denial, NameTable, Names, NoNames, Operation, Protocol, Rules, Session, Verdict,
};
use state::{State, word_at};

const ALLOW: u32 = 0;
const REWRITE: u32 = 1;
const INVALID: u32 = 2;
const DENY: u32 = 16;

fn denial(denial: Denial) -> u32 {
    DENY + denial as u32
}

/// The word for a verdict on an address.
fn verdict<N: Names + 'static>(state: &mut State<N>, decision: Decision, asked: SocketAddr) -> u32 {
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

/// Defines an exported function that takes an address, in one form.
macro_rules! export_form {
    ($export:expr, $state:expr, $names:ty, $logs:ty, $body:ident($($before:ident),*) $result:ty) => {
        const _: () = {
            #[unsafe(export_name = $export)]
            #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
            extern "C" fn form(
                $($before: u32,)*
                a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
                a6: u32, a7: u32, a8: u32, a9: u32, a10: u32, a11: u32,
            ) -> $result {
                let words = [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11];
                $body::<$names, $logs>($state, $($before,)* words)
            }
        };
    };
}

/// Defines exported functions that take an address, in all forms.
macro_rules! export {
    ($($name:literal $body:ident($($before:ident),*) -> $result:ty;)*) => {$(
        export_form!($name, state::plain(), NoNames, log::Off, $body($($before),*) $result);
        export_form!(
            concat!($name, "+log"), state::plain(), NoNames, log::On, $body($($before),*) $result
        );
        export_form!(
            concat!($name, "+names"), state::named(), NameTable, log::Off,
            $body($($before),*) $result
        );
        export_form!(
            concat!($name, "+names+log"), state::named(), NameTable, log::On,
            $body($($before),*) $result
        );
    )*};
}

export! {
    "tcp-bind" tcp_bind() -> u32;
    "tcp-connect" tcp_connect() -> u32;
    "tcp-listen" tcp_listen() -> u32;
    "peer" peer() -> ();
    "tcp-accept" tcp_accept() -> u32;
    "udp-bind" udp_bind() -> u32;
    "udp-connect" udp_connect(udp) -> u32;
    "udp-send" udp_send(udp) -> u32;
    "udp-receive" udp_receive(udp) -> u32;
}

/// Decides one use of a socket. Inlined, so that each function has of the decision what its own
/// operation takes.
#[inline(always)]
fn decide<N: Names + 'static, L: Logs>(
    state: &mut State<N>,
    operation: Operation,
    protocol: Protocol,
    udp: u32,
    words: &[u32; 12],
) -> u32 {
    let asked = address_of(words);
    // The code for names is several times as long: there one copy serves all operations.
    let has_names = size_of::<N>() > 0;
    let decision = if has_names {
        decide_any(state.session, &state.rules, operation, protocol, udp, asked)
    } else {
        state
            .session
            .decide(&state.rules, operation, protocol, udp, asked)
    };
    if protocol == Protocol::Udp
        && let Verdict::Allow { to } = decision.verdict
    {
        state.last = (asked, to);
    }
    L::address(&state.rules, operation, protocol, asked, decision);
    verdict(state, decision, asked)
}

#[inline(never)]
fn decide_any<N: Names>(
    session: &mut Session<N>,
    rules: &Rules<'_>,
    operation: Operation,
    protocol: Protocol,
    udp: u32,
    asked: SocketAddr,
) -> Decision {
    session.decide(rules, operation, protocol, udp, asked)
}

/// Defines the functions for uses of sockets.
macro_rules! uses {
    ($($name:ident $operation:ident $protocol:ident ($($udp:ident)?);)*) => {$(
        fn $name<N: Names + 'static, L: Logs>(
            state: &mut State<N>,
            $($udp: u32,)?
            words: [u32; 12],
        ) -> u32 {
            let udp = 0 $(+ $udp)?;
            decide::<N, L>(state, Operation::$operation, Protocol::$protocol, udp, &words)
        }
    )*};
}

uses! {
    tcp_bind Bind Tcp ();
    tcp_connect Connect Tcp ();
    udp_bind Bind Udp ();
    udp_connect Connect Udp (udp);
    udp_send Send Udp (udp);
    udp_receive Receive Udp (udp);
}

fn tcp_listen<N: Names + 'static, L: Logs>(state: &mut State<N>, words: [u32; 12]) -> u32 {
    let local = address_of(&words);
    let decision = state.session.listen(&state.rules, local);
    L::address(
        &state.rules,
        Operation::Listen,
        Protocol::Tcp,
        local,
        decision,
    );
    verdict(state, decision, local)
}

/// Notes the peer that `tcp-accept` is about.
fn peer<N: Names + 'static, L: Logs>(state: &mut State<N>, words: [u32; 12]) {
    state.peer = address_of(&words);
}

fn tcp_accept<N: Names + 'static, L: Logs>(state: &mut State<N>, words: [u32; 12]) -> u32 {
    let (local, peer) = (address_of(&words), state.peer);
    let decision = state.session.accept(&state.rules, local, peer);
    L::address(
        &state.rules,
        Operation::Accept,
        Protocol::Tcp,
        peer,
        decision,
    );
    verdict(state, decision, peer)
}

/// Defines exported functions of numbers, for policies without names and with.
macro_rules! export_numbers {
    ($($name:literal |$state:ident $(, $param:ident)*| -> $result:ty $body:block)*) => {$(
        const _: () = {
            #[unsafe(export_name = $name)]
            extern "C" fn plain($($param: u32),*) -> $result {
                let $state = state::plain();
                $body
            }

            #[unsafe(export_name = concat!($name, "+names"))]
            extern "C" fn named($($param: u32),*) -> $result {
                let $state = state::named();
                $body
            }
        };
    )*};
}

export_numbers! {
    "word" |state, index| -> u32 { word_at(&state.words, index) }
    "open-udp" |state| -> u32 { state.session.open_udp() }
    "close-udp" |state, udp| -> () { state.session.close_udp(udp) }
    "connected" |state, udp, is| -> () {
        let remote = (is != 0).then_some(state.last);
        state.session.connected(udp, remote);
    }
}
