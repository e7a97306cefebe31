//! A script that is played on a network that is shared: its verdict.
//!
//! Whoever of those that share the network is the last to do something, the script is ended here, told
//! of here, and so is the program ended, with what the component around has of the host.

use crate::Hub;
use crate::config::Configured;
use crate::loaded::Report;
use crate::told;

/// What is kept of a script.
pub(crate) struct Script {
    report: Report,
    flags: u8,
}

impl Script {
    pub(crate) fn new(configured: &Configured) -> Self {
        Script {
            report: Report::default(),
            flags: configured.outside.flags,
        }
    }
}

impl Hub {
    /// Has everybody in the script do what can be done. Whether the program is to end at once.
    pub(crate) fn turn(&mut self) -> bool {
        self.network.turn();
        self.network.traps() && !self.script.report.is_over()
    }

    /// Ends the script, and tells of it what is to be told. Whether all was as it should be.
    pub(crate) fn judge(&mut self) -> bool {
        let Script { report, flags } = &mut self.script;
        if let Some(text) = report.end(&mut self.network) {
            told::tell(text, *flags);
        }
        report.is_well()
    }

    /// Ends the program with its script, if the host lets programs end.
    pub(crate) fn end_program(&mut self) {
        let is_well = self.judge();
        told::exit(is_well, self.script.flags);
    }
}

/// Says with which status the program has ended.
#[unsafe(export_name = "sockvirt#ended")]
extern "C" fn ended(status: u32) {
    crate::hub().network.note_status(status);
}

/// Ends the script with its program, and says whether all was as it should be.
#[unsafe(export_name = "sockvirt#finish")]
extern "C" fn finish() -> u32 {
    crate::hub().judge().into()
}

/// What was not as it should be: where its text is, and how long.
#[unsafe(export_name = "sockvirt#text")]
extern "C" fn text() -> u32 {
    crate::hub().script.report.text()
}
