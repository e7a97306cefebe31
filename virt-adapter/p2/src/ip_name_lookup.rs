//! `wasi:sockets/ip-name-lookup@0.2`

use crate::config::{LOST, denied};
use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::lower::{Aligned, answer, layout};
use crate::memory::trap;
use crate::route;
use crate::state::{State, state};
use core::net::IpAddr;
use sockvirt_netstack::{ErrorCode, LookupId};

/// No name is longer: that of RFC 1035, and a dot at its end.
const LONGEST: usize = 254;

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#resolve-addresses")]
extern "C" fn resolve_addresses(network: Handle, at: u32, length: u32, to: u32, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    let found = look_up(state, guest, network, at, length).map_err(denied);
    give(state, guest, found, to);
}

/// The network of the host's that must be asked instead; 0 for none.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[route]resolve-addresses")]
extern "C" fn route_resolve_addresses(
    network: Handle,
    at: u32,
    length: u32,
    to: u32,
    binding: u32,
) -> u32 {
    let (state, guest) = (state(), Guest::new(binding));
    match look_up(state, guest, network, at, length) {
        Err(LOST) => route::network_of(state, binding),
        found => {
            give(state, guest, found.map_err(denied), to);
            0
        }
    }
}

fn look_up(
    state: &mut State,
    guest: Guest,
    network: Handle,
    at: u32,
    length: u32,
) -> Result<LookupId, ErrorCode> {
    state.check_network(network);
    let mut name = [0; LONGEST];
    match name.get_mut(..length as usize) {
        None => Err(ErrorCode::InvalidArgument),
        Some(name) => {
            guest.read(at, name);
            state.network.lookup(name)
        }
    }
}

fn give(state: &mut State, guest: Guest, found: Result<LookupId, ErrorCode>, to: u32) {
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
    let lookup = state.lookup(this);
    #[cfg(feature = "script")]
    let subject = Subject::Lookup(lookup);
    #[cfg(not(feature = "script"))]
    let (LookupId { .. }, subject) = (lookup, Subject::Nothing);
    let pollable = Resource::Pollable(subject);
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
