//! The verdict of a script that is played here.

use crate::binding::flags;
use crate::state::{State, last_guest, state};

/// Has everybody in the script do what can be done. Whether the program is to end at once.
pub(crate) fn take_turn(state: &mut State) -> bool {
    state.network.turn();
    state.network.traps() && !state.report.is_over()
}

/// Ends the script, and tells of it what is to be told. Whether all was as it should be.
pub(crate) fn verdict(state: &mut State) -> bool {
    if let Some(report) = state.report.end(&mut state.network)
        && state.outside.flags & flags::REPORT != 0
        && last_guest().is_bound()
    {
        last_guest().report(report);
    }
    state.report.is_well()
}

/// Ends the program with its script, if the host lets programs end.
pub(crate) fn end(state: &mut State) {
    let is_well = verdict(state);
    if state.outside.flags & flags::EXIT != 0 && last_guest().is_bound() {
        last_guest().exit(is_well);
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
    state().report.text()
}
