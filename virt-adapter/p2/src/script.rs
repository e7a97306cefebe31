//! A script that is played: its clock, and where it ends.

use crate::binding::{Slot, flags};
use crate::guest::Guest;
use crate::handles::Handle;
use crate::memory::trap;
use crate::state::{State, came_by, last_guest, state};
use crate::time::Passed;
#[cfg(not(feature = "remote"))]
use crate::verdict::{end, take_turn, verdict};
use alloc::vec::Vec;
#[cfg(feature = "remote")]
use elsewhere::{end, take_turn, verdict};

/// The verdict of a script that is played in another component, which tells of it and ends the program.
#[cfg(feature = "remote")]
mod elsewhere {
    use super::State;

    pub(super) fn take_turn(state: &mut State) -> bool {
        state.network.take_turn()
    }

    pub(super) fn verdict(state: &mut State) -> bool {
        state.network.verdict()
    }

    pub(super) fn end(state: &mut State) {
        state.network.end();
    }
}

/// Has everybody in the script do what can be done, before each call.
pub(crate) fn turn(state: &mut State) {
    if state.outside.flags & flags::HOST_CLOCK != 0 && last_guest().is_bound() {
        state.network.set_now(last_guest().now());
    }
    if take_turn(state) {
        end(state);
        trap();
    }
}

/// Tells of a program that waits for what can never happen, and ends it.
pub(crate) fn stuck(state: &mut State, waits: &str) {
    state.network.note_deadlock(waits);
    if state.outside.flags & flags::HANG != 0 {
        verdict(state);
    } else {
        end(state);
    }
}

/// Has time pass for a program that waits until a moment of its own, if it has one, and for
/// pollables of the host's.
pub(crate) fn pass(
    state: &mut State,
    guest: Guest,
    until: Option<u64>,
    hosts: &[Handle],
) -> Passed {
    #[cfg(feature = "remote")]
    if state.network.catch_up() {
        return Passed::Time;
    }
    if hosts.iter().any(|it| guest.is_ready(*it)) {
        return Passed::Nothing;
    }
    if state.network.is_to_end(until) {
        end(state);
        trap();
    }
    let moments = [until, state.network.next_moment()];
    let Some(moment) = moments.into_iter().flatten().min() else {
        return Passed::Nothing;
    };
    let host_clock = state.network.has_host_clock();
    if host_clock || !hosts.is_empty() && state.outside.flags & flags::HOST_TIME != 0 {
        let timer = guest.timer(moment.saturating_sub(state.network.now()));
        let mut pollables: Vec<Handle> = hosts.to_vec();
        pollables.push(timer);
        let ready = guest.poll(&pollables);
        guest.drop_host(Slot::DropPollable, timer);
        match ready.contains(&(hosts.len() as u32)) {
            true if !host_clock => {
                state.network.pass_to(moment);
            }
            _ => turn(state),
        }
    } else if !state.network.pass_to(moment) {
        stuck(state, "time to pass, again and again");
        trap();
    }
    Passed::Time
}

/// What a program that exits with a status is to exit with.
#[unsafe(export_name = "wasi:cli/exit@0.2#exit")]
extern "C" fn exit(status: u32, binding: u32) -> u32 {
    status_of(status, binding)
}

/// The same for a number.
#[unsafe(export_name = "wasi:cli/exit@0.2#exit-with-code")]
extern "C" fn exit_with_code(code: u32, binding: u32) -> u32 {
    status_of(code, binding)
}

fn status_of(status: u32, binding: u32) -> u32 {
    // What is told elsewhere is told through nobody here, who may have nothing of the host's.
    if cfg!(not(feature = "remote")) {
        came_by(binding);
    }
    let state = state();
    state.network.note_status(status);
    match (verdict(state), status) {
        (false, 0) => 1,
        (_, status) => status,
    }
}
