//! `wasi:sockets/network@0.2`
//!
//! `network-error-code`, where it is imported, is asked about errors of streams.

use crate::guest::Guest;
use crate::handles::{Handle, Resource};
use crate::memory::trap;
use crate::state::state;

#[unsafe(export_name = "wasi:sockets/network@0.2#[resource-drop]network")]
extern "C" fn drop_network(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Network => {}
        _ => trap(),
    }
}

/// The code of an error of the network's. An error of the host's is none of sockets.
#[unsafe(export_name = "wasi:sockets/network@0.2#network-error-code")]
extern "C" fn network_error_code(error: Handle, to: u32, binding: u32) {
    let guest = Guest::new(binding);
    let code = match error & crate::binding::VIRTUAL {
        0 => None,
        _ => match state().handles.get(error) {
            Resource::Error(code) => Some(code as u8),
            _ => trap(),
        },
    };
    guest.write(to, &[code.is_some().into(), code.unwrap_or_default()]);
}
