//! `wasi:io/error@0.2`

use crate::guest::Guest;
use crate::handles::{Handle, Resource};
use crate::layout::poll;
use crate::memory::trap;
use crate::state::state;
use sockvirt_netstack::ErrorCode;

/// The error's name and number, as wasmtime writes them.
#[unsafe(export_name = "wasi:io/error@0.2#[method]error.to-debug-string")]
extern "C" fn to_debug_string(this: Handle, to: u32, binding: u32) {
    let Resource::Error(code) = state().handles.get(this) else {
        trap();
    };
    let guest = Guest::new(binding);
    let text = match code {
        ErrorCode::ConnectionReset => "connection-reset (error 15)",
        ErrorCode::OutOfMemory => "out-of-memory (error 4)",
        _ => "unknown (error 0)",
    };
    let at = guest.allocate(1, text.len() as u32);
    guest.write(at, text.as_bytes());
    write_list(guest, to, at, text.len() as u32);
}

/// Writes where a list is, and how long.
pub(crate) fn write_list(guest: Guest, to: u32, at: u32, count: u32) {
    let mut list = [0; poll::poll::SIZE];
    let (first, second) = list.split_at_mut(4);
    first.copy_from_slice(&at.to_le_bytes());
    second.copy_from_slice(&count.to_le_bytes());
    guest.write(to, &list);
}

#[unsafe(export_name = "wasi:io/error@0.2#[resource-drop]error")]
extern "C" fn drop_error(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Error(_) => {}
        _ => trap(),
    }
}
