//! Waiting for a kernel that works in its own time.

use crate::world::{Outcome, show};
use wasip2::clocks::monotonic_clock::subscribe_duration;

const MILLISECOND: u64 = 1_000_000;
/// How often a call is tried again, a millisecond apart, until what is expected of it is there.
const TRIES: u32 = 2_000;

/// Lets the host do what it can do now.
pub fn settle() {
    for _ in 0..3 {
        // The clock's pollable of no time lets the host look at its sockets.
        subscribe_duration(0).block();
    }
}

/// Waits until everything that was sent is acknowledged, which takes Linux 40 milliseconds where
/// nobody reads. What is small is not sent before that.
pub fn wait_for_acknowledgements() {
    subscribe_duration(100 * MILLISECOND).block();
}

/// Makes a call again as long as what it gives is not what is expected, and not final.
pub fn retry(
    expected: Option<&str>,
    is_pending: impl Fn(&Outcome) -> bool,
    mut call: impl FnMut() -> Outcome,
) -> Outcome {
    let mut result = call();
    for _ in 0..TRIES {
        if expected.is_none_or(|it| it == show(&result)) || !is_pending(&result) {
            break;
        }
        subscribe_duration(MILLISECOND).block();
        result = call();
    }
    result
}
