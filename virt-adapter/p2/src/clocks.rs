//! `wasi:clocks/monotonic-clock@0.2` and `wasi:clocks/wall-clock@0.2`, on a script's clock.

use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::layout::wall_clock::datetime;
use crate::state::{came_by, state};

/// The date on which a script begins: the first day of 2026, in seconds since that of 1970. Certificates
/// and cookies of these years are valid then, and it is the same in every run.
const BEGIN: u64 = 1_767_225_600;

/// What the clock can tell apart, in nanoseconds.
const RESOLUTION: u64 = 1;

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.2#now")]
extern "C" fn now(binding: u32) -> u64 {
    came_by(binding);
    state().network.now()
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.2#resolution")]
extern "C" fn resolution(binding: u32) -> u64 {
    came_by(binding);
    RESOLUTION
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.2#subscribe-instant")]
extern "C" fn subscribe_instant(when: u64, binding: u32) -> Handle {
    came_by(binding);
    let pollable = Resource::Pollable(Subject::Moment(when));
    state().handles.give(pollable)
}

#[unsafe(export_name = "wasi:clocks/monotonic-clock@0.2#subscribe-duration")]
extern "C" fn subscribe_duration(duration: u64, binding: u32) -> Handle {
    came_by(binding);
    let state = state();
    let when = state.network.now().saturating_add(duration);
    state
        .handles
        .give(Resource::Pollable(Subject::Moment(when)))
}

fn write_time(to: u32, binding: u32, seconds: u64, nanoseconds: u32) {
    let mut bytes = [0; datetime::SIZE];
    let words = [
        (datetime::SECONDS, &seconds.to_le_bytes()[..]),
        (datetime::NANOSECONDS, &nanoseconds.to_le_bytes()[..]),
    ];
    for (at, word) in words {
        for (to, byte) in bytes.iter_mut().skip(at).zip(word) {
            *to = *byte;
        }
    }
    Guest::new(binding).write(to, &bytes);
}

#[unsafe(export_name = "wasi:clocks/wall-clock@0.2#now")]
extern "C" fn wall_now(to: u32, binding: u32) {
    let now = state().network.now();
    let seconds = BEGIN + now / 1_000_000_000;
    write_time(to, binding, seconds, (now % 1_000_000_000) as u32);
}

#[unsafe(export_name = "wasi:clocks/wall-clock@0.2#resolution")]
extern "C" fn wall_resolution(to: u32, binding: u32) {
    write_time(to, binding, 0, RESOLUTION as u32);
}
