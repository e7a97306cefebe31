//! Names, as the policy compares them.

use crate::memory::{load8, store8};

/// Writes a name in lower case and gives its length without a dot at its end. The host is asked
/// for the very name that the policy was asked about.
pub(crate) fn canonical(name: u32, length: u32) -> u32 {
    for at in name..name + length {
        let byte = load8(at) as u8;
        store8(at, byte.to_ascii_lowercase().into());
    }
    match length.checked_sub(1) {
        Some(last) if load8(name + last) == b'.'.into() => last,
        _ => length,
    }
}
