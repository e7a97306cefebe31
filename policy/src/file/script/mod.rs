//! What makes a [`Script`] of a file: peers, clients, names, time.
//!
//! The same file says what a program may reach. Beyond what the contract names, we chose:
//!
//! - `when` of an answer has `until`, `len`, `exactly` and `any`, each of which is what the step
//!   `expect-until`, `expect-len`, `expect` and `expect-any` is, and takes what that takes but
//!   `capture`;
//! - `then` of a host may be `{ fail = "CODE" }`; `times` is 1 unless set;
//! - a time may have a fraction, down to a nanosecond, and at most 366 days;
//! - over UDP `expect` and `send` may be empty, as datagrams may.

mod at;
mod bytes;
mod checks;
mod clients;
mod draft;
mod expression;
mod frame;
pub(crate) mod keys;
pub(crate) mod kinds;
pub(crate) mod limits;
mod names;
mod peers;
mod send;
mod settings;
mod steps;
mod symbols;
mod values;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use super::table::Table;
use super::{Fault, Result};
use crate::{LoopbackMode, Policy};
use draft::Draft;
use names::Names;
use std::sync::Arc;
use symbols::Symbols;

/// Reads a file that a script names.
pub(crate) type Files<'a> = dyn Fn(&str) -> core::result::Result<Vec<u8>, String> + 'a;

/// Where a script comes from.
pub(crate) struct Source<'a> {
    /// What reports call its file.
    pub(crate) name: &'a str,
    /// Reads the files that it names.
    pub(crate) files: &'a Files<'a>,
}

/// Whether somebody is on the network besides the program, which is in memory then.
pub(super) fn has_others(file: &Table<'_>) -> bool {
    file.has("peer") || file.has("client")
}

/// Reads the script of a file, if it has one.
pub(super) fn read(
    file: &Table<'_>,
    text: &str,
    policy: &mut Policy,
    source: &Source<'_>,
) -> Result<()> {
    let mut draft = Draft::new(text, source);
    let mut names = Names::read(file, policy, &draft)?;
    let ends = settings::read(file, &mut draft)?;
    peers::read(file, &mut names, &mut draft)?;
    clients::read(file, &mut draft)?;
    made(&draft.gates, "no step signals")?;
    made(&draft.captures, "no step captures")?;
    let mut keys = ["clock", "report"].into_iter();
    if !names.change && !has_others(file) && !keys.any(|key| file.has(key)) {
        return Ok(());
    }
    let mut script = draft.script;
    script.ends = ends.unwrap_or(!script.clients.is_empty());
    script.names = names.finish()?;
    script.gates = draft.gates.names;
    script.captures = draft.captures.names;
    policy.script = Some(Arc::new(script));
    Ok(())
}

/// Checks that peers and clients have a network in memory to be on.
pub(super) fn in_memory(file: &Table<'_>, policy: &Policy) -> Result<()> {
    if policy.loopback == LoopbackMode::Virtual || !has_others(file) {
        return Ok(());
    }
    let span = ["peer", "client"].into_iter().find_map(|key| file.get(key));
    let span = span.map_or(file.span.clone(), |value| value.span());
    Err(
        Fault::new(span, "peers and clients are on a network in memory")
            .hint("leave `mode = \"host\"` in `[loopback]` out"),
    )
}

/// Checks that what some step needs is made by another.
fn made(symbols: &Symbols, none: &str) -> Result<()> {
    let Some((name, span, made)) = symbols.missing() else {
        return Ok(());
    };
    let hint = match made.is_empty() {
        true => "a step of some script has to".to_owned(),
        false => crate::mistake::suggest(name, &made),
    };
    Err(Fault::new(span, format!("{none} `{name}`")).hint(hint))
}
