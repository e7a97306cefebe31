//! `wasi:clocks/monotonic-clock@0.3` and `wasi:clocks/system-clock@0.3`, on a script's clock.

use crate::canon::{self, return_for, return_until};
use crate::layout::system_clock::instant;
use crate::lower::{Value, give, put};
use crate::memory::trap;
use crate::state::{State, state};
use crate::wait::{self, For, Progress};

/// The date on which a script begins: the first day of 2026, in seconds since that of 1970. It is that
/// of 0.2.
const BEGIN: u64 = 1_767_225_600;

/// What the clock can tell apart, in nanoseconds.
const RESOLUTION: u64 = 1;

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#now")]
extern "C" fn now() -> u64 {
    state().network.now()
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#get-resolution")]
extern "C" fn resolution() -> u64 {
    RESOLUTION
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#[async-lift]wait-until")]
extern "C" fn wait_until(when: u64) -> u32 {
    state().begin(For::Until(when), until_on, trap_with_too_many)
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#[callback]wait-until")]
extern "C" fn wait_until_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, until_on)
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#[async-lift]wait-for")]
extern "C" fn wait_for(duration: u64) -> u32 {
    let state = state();
    let when = state.network.now().saturating_add(duration);
    state.begin(For::Until(when), for_on, trap_with_too_many)
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.3#[callback]wait-for")]
extern "C" fn wait_for_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, for_on)
}

/// The functions have no errors.
fn trap_with_too_many() {
    trap()
}

fn until_on(state: &mut State, waits: For) -> Progress {
    pass(state, waits, || return_until())
}

fn for_on(state: &mut State, waits: For) -> Progress {
    pass(state, waits, || return_for())
}

fn pass(state: &mut State, waits: For, done: fn()) -> Progress {
    match waits {
        For::Until(moment) if state.network.now() < moment => Progress::Waits,
        _ => {
            done();
            Progress::Returned
        }
    }
}

struct Instant(u64);

impl Value for Instant {
    fn put(self, to: &mut [u8]) {
        let seconds = BEGIN + self.0 / 1_000_000_000;
        put(to, instant::SECONDS, seconds.to_le_bytes());
        let nanoseconds = (self.0 % 1_000_000_000) as u32;
        put(to, instant::NANOSECONDS, nanoseconds.to_le_bytes());
    }
}

#[unsafe(export_name = "wasi:clocks/system-clock@0.3#now")]
extern "C" fn system_now() -> *const u8 {
    give(Instant(state().network.now()))
}

#[unsafe(export_name = "wasi:clocks/system-clock@0.3#get-resolution")]
extern "C" fn system_resolution() -> u64 {
    RESOLUTION
}

/// Waits for the end of the script.
#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift]sockvirt-ended")]
extern "C" fn ended() -> u32 {
    state().begin(For::End, ended_on, trap_with_too_many)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback]sockvirt-ended")]
extern "C" fn ended_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, ended_on)
}

fn ended_on(state: &mut State, _: For) -> Progress {
    match state.script.ends() {
        false => Progress::Waits,
        true => {
            canon::return_ended();
            Progress::Returned
        }
    }
}
