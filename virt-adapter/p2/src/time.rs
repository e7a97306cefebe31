//! Time that passes for a program that waits.

use crate::deadlock::deadlock;
use crate::guest::Guest;
use crate::handles::Handle;
use crate::state::State;

/// Whether something can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It can, so that whoever waits looks again.
    Time,
    /// Nothing will happen here.
    Nothing,
}

/// Has time pass for a program that waits until a moment of its own, if it has one, and for
/// pollables of the host's. Without a script there is no time, and nothing happens by itself.
#[cfg(not(any(feature = "script", feature = "remote")))]
pub(crate) fn pass(_: &mut State, _: Guest, _: Option<u64>, _: &[Handle]) -> Passed {
    Passed::Nothing
}

/// The same where others may be on the network.
#[cfg(all(feature = "remote", not(feature = "script")))]
pub(crate) fn pass(state: &mut State, _: Guest, _: Option<u64>, _: &[Handle]) -> Passed {
    match state.network.catch_up() {
        true => Passed::Time,
        false => Passed::Nothing,
    }
}

#[cfg(feature = "script")]
pub(crate) use crate::script::pass;

/// Has time pass for a program that waits for a pollable or a stream that the network gave, and for
/// nothing of the host's. Where there is none, the program is told so, and ends.
pub(crate) fn pass_or_end(state: &mut State, guest: Guest, waiting: Handle, until: Option<u64>) {
    if pass(state, guest, until, &[]) == Passed::Nothing {
        deadlock(state, guest, &[waiting]);
    }
}
