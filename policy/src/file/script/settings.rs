//! The clock, and what is a failure.

use super::draft::Draft;
use super::{keys, words};
use crate::file::Result;
use crate::file::table::Table;

/// Reads `[clock]` and `[report]`. What is left to be known is whether the program ends with its
/// last client, if that is said.
pub(super) fn read(file: &Table<'_>, draft: &mut Draft<'_>) -> Result<Option<bool>> {
    let script = &mut draft.script;
    if let Some(table) = file.table("clock", &keys::CLOCK)? {
        table.finish()?;
        let host = table.word("mode", &words::CLOCKS)?;
        script.host_clock = host.unwrap_or_default();
    }
    let Some(table) = file.table("report", &keys::REPORT)? else {
        return Ok(None);
    };
    table.finish()?;
    if table.has("strict") {
        script.strict = table.flag("strict")?;
    }
    let traps = table.word("on-mismatch", &words::MISMATCHES)?;
    script.traps = traps.unwrap_or_default();
    table.word("when-done", &words::ENDS)
}
