//! The last stage: the output is read back, and refused if it is not what was promised.

use crate::error::Error;
use crate::reach::{Reach, reach};
use crate::read::{Bodies, read};
use crate::root::Root;
use std::collections::BTreeSet;

/// Checks that `bytes` are valid, import nothing of `wasi:sockets`, import and export otherwise
/// what the guest does, and have the guest in them as it was.
pub(crate) fn verify(bytes: &[u8], guest: &Root<'_>) -> Result<(), Error> {
    // The guest's function bodies were validated when it was read. What was generated was not.
    let output = read(bytes, Bodies::AllBut(guest.bytes)).map_err(|e| match e {
        Error::Dependency { .. } => e,
        // What the shell cannot give a name shows only here, where all types are known.
        Error::Invalid { message, .. } if message.contains("not valid to be used as export") => {
            Error::Unsupported {
                item: "an export of the input".to_owned(),
                reason: "it is made of types that have no name outside of the input".to_owned(),
            }
        }
        e => refused(format!("it is not valid: {e}")),
    })?;
    if let Some(import) = imports(&output)
        .into_iter()
        .find(|(_, is_sockets)| *is_sockets)
    {
        return Err(refused(format!("it still imports `{}`", import.0)));
    }
    let kept: BTreeSet<_> = imports(guest)
        .into_iter()
        .filter(|(_, is_sockets)| !is_sockets)
        .collect();
    if let Some((name, _)) = kept.symmetric_difference(&imports(&output)).next() {
        return Err(refused(format!("its import `{name}` is not the guest's")));
    }
    if exports(guest) != exports(&output) {
        return Err(refused("its exports are not the guest's".to_owned()));
    }
    if !output.has_component(guest.bytes) {
        return Err(refused("the guest in it is not as it was".to_owned()));
    }
    Ok(())
}

fn refused(reason: String) -> Error {
    Error::Refused { reason }
}

/// The imports by name, and whether they are of `wasi:sockets`.
fn imports<'r>(root: &'r Root<'_>) -> BTreeSet<(&'r str, bool)> {
    root.imports()
        .map(|(_, import)| {
            (
                import.name.name,
                reach(&import.name) == Some(Reach::Sockets),
            )
        })
        .collect()
}

fn exports<'r>(root: &'r Root<'_>) -> BTreeSet<&'r str> {
    root.exports().map(|(_, export)| export.name.name).collect()
}
