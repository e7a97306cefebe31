//! A script that is played: its clock, and its verdict.

use crate::binding::{Slot, flags};
use crate::guest::Guest;
use crate::handles::Handle;
use crate::loaded::place_of;
use crate::memory::trap;
use crate::state::{State, last_guest, state};
use crate::time::Passed;
use alloc::string::String;
use alloc::vec::Vec;

/// What is kept of a script between calls.
#[derive(Default)]
pub(crate) struct Script {
    /// What is to be told of the program, once it has ended.
    report: Option<String>,
    is_over: bool,
    /// Where the text of the report is, and how long: what `text` gives.
    text: [u32; 2],
}

/// Has everybody in the script do what can be done, before each call.
pub(crate) fn turn(state: &mut State) {
    if state.network.has_host_clock() && last_guest().is_bound() {
        state.network.set_now(last_guest().now());
    }
    state.network.turn();
    if state.network.traps() && !state.script.is_over {
        end(state);
        trap();
    }
}

/// Ends the script, and tells of it what is to be told. Whether all was as it should be.
fn verdict(state: &mut State) -> bool {
    if !state.script.is_over {
        state.script.is_over = true;
        state.script.report = state.network.end_script();
        if let Some(report) = &state.script.report
            && state.outside.flags & flags::REPORT != 0
            && last_guest().is_bound()
        {
            last_guest().report(report);
        }
    }
    state.script.report.is_none()
}

/// Ends the program with its script, if the host lets programs end.
fn end(state: &mut State) {
    let is_well = verdict(state);
    if state.outside.flags & flags::EXIT != 0 && last_guest().is_bound() {
        last_guest().exit(is_well);
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
    let _ = Guest::new(binding);
    state().network.note_status(status);
    match (verdict(state()), status) {
        (false, 0) => 1,
        (_, status) => status,
    }
}

/// Says with which status the program has ended.
#[unsafe(export_name = "sockvirt#ended")]
extern "C" fn ended(status: u32) {
    state().network.note_status(status);
}

/// Ends the script with its program, and says whether all was as it should be.
#[unsafe(export_name = "sockvirt#finish")]
extern "C" fn finish() -> u32 {
    verdict(state()).into()
}

/// What was not as it should be: where its text is, and how long.
#[unsafe(export_name = "sockvirt#text")]
extern "C" fn text() -> u32 {
    let Script { report, text, .. } = &mut state().script;
    place_of(report.as_deref(), text)
}
