//! A script that is played on a network that is shared: its verdict.
//!
//! Whoever of those that share the network is the last to do something, the script is ended here, told
//! of here, and so is the program ended, with what the component around has of the host.

use crate::Hub;
use crate::binding::flags;
use crate::config::Configured;
use crate::loaded::Report;

/// Functions of the host's, as they are lowered. What the component around does not have is never
/// called: the flags say so.
mod host {
    #[link(wasm_import_module = "host")]
    unsafe extern "C" {
        /// `get-stderr`.
        pub(super) safe fn stderr() -> u32;
        /// `blocking-write-and-flush`: the stream, the bytes, and where its result is written.
        pub(super) safe fn write(stream: u32, at: *const u8, count: usize, result: &mut [u32; 3]);
        /// `exit`.
        pub(super) safe fn exit(status: u32);
    }
}

/// As much is written at once, as the WIT has it.
const MOST_AT_ONCE: usize = 4096;

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
        if let Some(text) = report.end(&mut self.network)
            && *flags & flags::REPORT != 0
        {
            let stderr = host::stderr();
            for bytes in text.as_bytes().chunks(MOST_AT_ONCE) {
                host::write(stderr, bytes.as_ptr(), bytes.len(), &mut [0; 3]);
            }
        }
        report.is_well()
    }

    /// Ends the program with its script, if the host lets programs end.
    pub(crate) fn end_program(&mut self) {
        let is_well = self.judge();
        if self.script.flags & flags::EXIT != 0 {
            host::exit((!is_well).into());
        }
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
