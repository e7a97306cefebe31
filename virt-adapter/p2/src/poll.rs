//! `wasi:io/poll@0.2`
//!
//! A network that only its own guest uses changes only when the guest calls. So whoever waits for it
//! alone and is not ready waits for ever (`deadlock.rs`); with pollables of the host in the list,
//! those are waited for.

use crate::binding::VIRTUAL;
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
    Inside(Subject),
    /// A pollable of the host's.
    Host(Handle),
}

fn waiting(state: &mut State, guest: Guest, pollable: Handle) -> Waiting {
    let Resource::Pollable(subject) = state.handles.get(pollable) else {
        trap();
    };
    let became = match subject {
        Subject::Tcp(_) => state.handles.parent(pollable),
        _ => None,
    };
    let became = became.and_then(|socket| route::pollable_of(state, guest, socket));
    became.map_or(Waiting::Inside(subject), Waiting::Host)
}

#[unsafe(export_name = "wasi:io/poll@0.2#[method]pollable.ready")]
extern "C" fn ready(this: Handle, binding: u32) -> u32 {
    let (state, guest) = (state(), Guest::new(binding));
    let is_ready = match waiting(state, guest, this) {
        Waiting::Inside(subject) => is_ready(state, subject),
        Waiting::Host(pollable) => guest.is_ready(pollable),
    };
    is_ready.into()
}

#[unsafe(export_name = "wasi:io/poll@0.2#[method]pollable.block")]
extern "C" fn block(this: Handle, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    match waiting(state, guest, this) {
        Waiting::Inside(subject) => {
            let until = moment(subject);
            time::wait(state, guest, this, until, |state| is_ready(state, subject));
        }
        Waiting::Host(pollable) => guest.block(pollable),
    }
}

#[unsafe(export_name = "wasi:io/poll@0.2#[resource-drop]pollable")]
extern "C" fn drop_pollable(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Pollable(_) => {}
        _ => trap(),
    }
}

#[unsafe(export_name = "wasi:io/poll@0.2#poll")]
extern "C" fn poll(list: u32, count: u32, to: u32, binding: u32) {
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
    let ready = ready_of(state(), guest, &pollables);
    let bytes: Vec<u8> = ready.iter().flat_map(|it| it.to_le_bytes()).collect();
    let at = guest.allocate(4, bytes.len() as u32);
    guest.write(at, &bytes);
    write_list(guest, to, at, ready.len() as u32);
}

/// No list of pollables is longer.
const MOST: usize = 1 << 24;

/// The positions of those that are ready, in order. Where one of the network's is, the host's are
/// asked too: a timer must not starve because a socket is always ready.
fn ready_of(state: &mut State, guest: Guest, pollables: &[Handle]) -> Vec<u32> {
    loop {
        if let Some(ready) = ready_now(state, guest, pollables) {
            return ready;
        }
    }
}

/// The same; `None` where time has passed instead.
fn ready_now(state: &mut State, guest: Guest, pollables: &[Handle]) -> Option<Vec<u32>> {
    // Those that are ready here, and those of the host, which have not been asked.
    let mut candidates: Vec<(u32, Option<Handle>)> = Vec::new();
    let mut until = None;
    for (position, &pollable) in (0..).zip(pollables) {
        if pollable & VIRTUAL == 0 {
            candidates.push((position, Some(pollable)));
            continue;
        }
        match waiting(state, guest, pollable) {
            Waiting::Inside(subject) if is_ready(state, subject) => {
                candidates.push((position, None))
            }
            Waiting::Inside(subject) => {
                let moment = moment(subject);
                until = until.into_iter().chain(moment).min();
            }
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
