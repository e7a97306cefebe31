//! `wasi:sockets/udp-create-socket@0.2`

use crate::guest::Guest;
use crate::handles::Resource;
use crate::lower::{answer, layout, lift_family};
use crate::state::state;

#[unsafe(export_name = "wasi:sockets/udp-create-socket@0.2#create-udp-socket")]
extern "C" fn create_udp_socket(family: u32, to: u32, binding: u32) {
    let state = state();
    let created = state.network.udp_create(lift_family(family));
    let created = created.map(|id| state.handles.give(Resource::Udp(id)));
    let layout = layout!(udp_create_socket create_udp_socket);
    answer(Guest::new(binding), to, layout, created);
}
