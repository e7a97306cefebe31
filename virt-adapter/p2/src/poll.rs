//! `wasi:io/poll@0.2`
//!
//! A network that only its own guest uses changes only when the guest calls. So whoever waits for it
//! alone and is not ready waits for ever (`deadlock.rs`); with pollables of the host in the list,
//! those are waited for. Where sockets may be the host's, or have one of the host's beside them, what
//! waits for one is a pollable of the host's as well; functions for that are apart, and named
//! `[beside]`.

use crate::beside;
use crate::binding::{Slot, VIRTUAL};
use crate::deadlock::deadlock;
use crate::error::write_list;
use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::memory::trap;
use crate::route;
use crate::state::{State, state};
use crate::time::{self, Passed};
use alloc::vec;
use alloc::vec::Vec;

/// Whether what a pollable waits for is there.
pub(crate) fn is_ready(state: &mut State, subject: Subject) -> bool {
    let network = &mut state.network;
    match subject {
        Subject::Nothing => true,
        Subject::Tcp(id) => network.tcp_ready(id),
        Subject::Input(end) => network.input_ready(end),
        Subject::Output(end) => network.output_ready(end),
        Subject::Incoming(id) => network.udp_input_ready(id),
        #[cfg(feature = "script")]
        Subject::Lookup(id) => network.lookup_ready(id),
        #[cfg(feature = "script")]
        Subject::Moment(when) => network.now() >= when,
    }
}

/// The moment that a pollable is ready at, where it stands for one.
fn moment(subject: Subject) -> Option<u64> {
    match subject {
        #[cfg(feature = "script")]
        Subject::Moment(when) => Some(when),
        _ => None,
    }
}

/// What a pollable that the network gave stands for.
enum Waiting {
    Ready,
    /// Not ready, and nothing but the program can change that, or time: it is ready at this moment.
    Later(Option<u64>),
    /// As ready as a pollable of the host's.
    Host(Handle),
}

/// How it is found out.
type Look = fn(&mut State, Guest, Handle) -> Waiting;

fn subject(state: &State, pollable: Handle) -> Subject {
    match state.handles.get(pollable) {
        Resource::Pollable(subject) => subject,
        _ => trap(),
    }
}

fn inside(state: &mut State, _: Guest, pollable: Handle) -> Waiting {
    let subject = subject(state, pollable);
    match is_ready(state, subject) {
        true => Waiting::Ready,
        false => Waiting::Later(moment(subject)),
    }
}

/// The same where the host has a part in it. What is ready inside need not be asked of the host,
/// unless the socket is not inside any more, or one of the host's is to have room too.
fn beside(state: &mut State, guest: Guest, pollable: Handle) -> Waiting {
    let of_host = match (subject(state, pollable), state.handles.parent(pollable)) {
        (Subject::Tcp(_), Some(socket)) => route::pollable_of(state, guest, socket),
        (Subject::Nothing, Some(on)) => beside::pollable_of(state, guest, pollable, on),
        (subject @ Subject::Incoming(_), Some(on)) if !is_ready(state, subject) => {
            beside::pollable_of(state, guest, pollable, on)
        }
        _ => None,
    };
    match of_host {
        Some(of_host) => Waiting::Host(of_host),
        None => inside(state, guest, pollable),
    }
}

#[unsafe(export_name = "wasi:io/poll@0.2#[method]pollable.ready")]
extern "C" fn ready(this: Handle, binding: u32) -> u32 {
    ready_by(this, binding, inside)
}

#[unsafe(export_name = "wasi:io/poll@0.2#[beside][method]pollable.ready")]
extern "C" fn ready_beside(this: Handle, binding: u32) -> u32 {
    ready_by(this, binding, beside)
}

#[inline(always)]
fn ready_by(this: Handle, binding: u32, look: Look) -> u32 {
    let (state, guest) = (state(), Guest::new(binding));
    let is_ready = match look(state, guest, this) {
        Waiting::Ready => true,
        Waiting::Later(_) => false,
        Waiting::Host(pollable) => guest.is_ready(pollable),
    };
    is_ready.into()
}

#[unsafe(export_name = "wasi:io/poll@0.2#[method]pollable.block")]
extern "C" fn block(this: Handle, binding: u32) {
    block_by(this, binding, inside);
}

#[unsafe(export_name = "wasi:io/poll@0.2#[beside][method]pollable.block")]
extern "C" fn block_beside(this: Handle, binding: u32) {
    block_by(this, binding, beside);
}

#[inline(always)]
fn block_by(this: Handle, binding: u32, look: Look) {
    let (state, guest) = (state(), Guest::new(binding));
    loop {
        match look(state, guest, this) {
            Waiting::Ready => return,
            Waiting::Later(until) => time::pass_or_end(state, guest, this, until),
            Waiting::Host(pollable) => match time::pass(state, guest, None, &[pollable]) {
                Passed::Time => {}
                Passed::Nothing => return guest.block(pollable),
            },
        }
    }
}

#[unsafe(export_name = "wasi:io/poll@0.2#[resource-drop]pollable")]
extern "C" fn drop_pollable(this: Handle, _: u32) {
    take_pollable(state(), this);
}

#[unsafe(export_name = "wasi:io/poll@0.2#[beside][resource-drop]pollable")]
extern "C" fn drop_pollable_beside(this: Handle, binding: u32) {
    let state = state();
    if let Some(of_host) = state.handles.take_beside(this) {
        Guest::new(binding).drop_host(Slot::DropPollable, of_host);
    }
    take_pollable(state, this);
}

fn take_pollable(state: &mut State, this: Handle) {
    match state.handles.take(this) {
        Resource::Pollable(_) => {}
        _ => trap(),
    }
}

#[unsafe(export_name = "wasi:io/poll@0.2#poll")]
extern "C" fn poll(list: u32, count: u32, to: u32, binding: u32) {
    poll_by(list, count, to, binding, inside);
}

#[unsafe(export_name = "wasi:io/poll@0.2#[beside]poll")]
extern "C" fn poll_beside(list: u32, count: u32, to: u32, binding: u32) {
    poll_by(list, count, to, binding, beside);
}

#[inline(always)]
fn poll_by(list: u32, count: u32, to: u32, binding: u32, look: Look) {
    let guest = Guest::new(binding);
    if count == 0 || count as usize > MOST {
        trap();
    }
    let mut bytes = vec![0; count as usize * 4];
    guest.read(list, &mut bytes);
    let words = bytes
        .chunks_exact(4)
        .map(|it| it.try_into().map(u32::from_le_bytes));
    let pollables: Vec<u32> = words.map(Result::unwrap_or_default).collect();
    let ready = ready_of(state(), guest, &pollables, look);
    let bytes: Vec<u8> = ready.iter().flat_map(|it| it.to_le_bytes()).collect();
    let at = guest.allocate(4, bytes.len() as u32);
    guest.write(at, &bytes);
    write_list(guest, to, at, ready.len() as u32);
}

/// No list of pollables is longer.
const MOST: usize = 1 << 24;

/// The positions of those that are ready, in order. Where one of the network's is, the host's are
/// asked too: a timer must not starve because a socket is always ready.
#[inline(always)]
fn ready_of(state: &mut State, guest: Guest, pollables: &[Handle], look: Look) -> Vec<u32> {
    loop {
        if let Some(ready) = ready_now(state, guest, pollables, look) {
            return ready;
        }
    }
}

/// The same; `None` where time has passed instead.
#[inline(always)]
fn ready_now(
    state: &mut State,
    guest: Guest,
    pollables: &[Handle],
    look: Look,
) -> Option<Vec<u32>> {
    // Those that are ready here, and those of the host, which have not been asked.
    let mut candidates: Vec<(u32, Option<Handle>)> = Vec::new();
    let mut until = None;
    for (position, &pollable) in (0..).zip(pollables) {
        if pollable & VIRTUAL == 0 {
            candidates.push((position, Some(pollable)));
            continue;
        }
        match look(state, guest, pollable) {
            Waiting::Ready => candidates.push((position, None)),
            Waiting::Later(moment) => until = until.into_iter().chain(moment).min(),
            Waiting::Host(pollable) => candidates.push((position, Some(pollable))),
        }
    }
    if candidates.iter().any(|(_, of_host)| of_host.is_none()) {
        let is_ready = |of_host: &Option<Handle>| of_host.is_none_or(|it| guest.is_ready(it));
        candidates.retain(|(_, of_host)| is_ready(of_host));
        let positions = candidates.into_iter().map(|(position, _)| position);
        return Some(positions.collect());
    }
    let handles: Vec<Handle> = candidates.iter().filter_map(|(_, it)| *it).collect();
    if time::pass(state, guest, until, &handles) == Passed::Time {
        return None;
    }
    if handles.is_empty() {
        deadlock(state, guest, pollables);
    }
    let ready = guest.poll(&handles);
    let positions = ready.into_iter().map(|i| candidates.get(i as usize));
    Some(positions.flatten().map(|(position, _)| *position).collect())
}
