//! `wasi:sockets/ip-name-lookup@0.2`

use crate::config::denied;
use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::lower::{Aligned, answer, layout};
use crate::memory::trap;
use crate::state::state;
use core::net::IpAddr;
use sockvirt_netstack::ErrorCode;

/// No name is longer: that of RFC 1035, and a dot at its end.
const LONGEST: usize = 254;

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#resolve-addresses")]
extern "C" fn resolve_addresses(network: Handle, at: u32, length: u32, to: u32, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    state.check_network(network);
    let mut name = [0; LONGEST];
    let found = match name.get_mut(..length as usize) {
        None => Err(ErrorCode::InvalidArgument),
        Some(name) => {
            guest.read(at, name);
            state.network.lookup(name).map_err(denied)
        }
    };
    let found = found.map(|id| state.handles.give(Resource::Lookup(id)));
    answer(guest, to, layout!(ip_name_lookup resolve_addresses), found);
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.resolve-next-address")]
extern "C" fn resolve_next_address(this: Handle, to: u32, binding: u32) {
    let state = state();
    let lookup = state.lookup(this);
    let next = state.network.next_address(lookup);
    // An `ip-address` is aligned to 2, as its segments are.
    let next = next.map(Aligned::<2, IpAddr>);
    let layout = layout!(ip_name_lookup resolve_address_stream_resolve_next_address);
    answer(Guest::new(binding), to, layout, next);
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.subscribe")]
extern "C" fn subscribe(this: Handle, _: u32) -> Handle {
    let state = state();
    state.lookup(this);
    let pollable = Resource::Pollable(Subject::Nothing);
    state.handles.give_child(pollable, this)
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[resource-drop]resolve-address-stream")]
extern "C" fn drop_lookup(this: Handle, _: u32) {
    let state = state();
    match state.handles.take(this) {
        Resource::Lookup(id) => state.network.drop_lookup(id),
        _ => trap(),
    }
}
