//! What tells of a script, and ends the program with it, where the network is in a component of its own:
//! with functions of the host's that the component around has, as the flags say.
//!
//! Whoever of those that share the network is the last to do something need not have them.

use crate::binding::flags;

/// The functions, as they are lowered. What the component around does not have is never called.
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

/// Writes a report to standard error.
pub(crate) fn tell(report: &str, known: u8) {
    if known & flags::REPORT == 0 {
        return;
    }
    let stderr = host::stderr();
    for bytes in report.as_bytes().chunks(MOST_AT_ONCE) {
        host::write(stderr, bytes.as_ptr(), bytes.len(), &mut [0; 3]);
    }
}

/// Ends the program.
pub(crate) fn exit(is_well: bool, known: u8) {
    if known & flags::EXIT != 0 {
        host::exit((!is_well).into());
    }
}
