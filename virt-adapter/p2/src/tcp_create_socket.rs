//! `wasi:sockets/tcp-create-socket@0.2`

use crate::guest::Guest;
use crate::handles::Resource;
use crate::lower::{answer, layout, lift_family};
use crate::state::state;

#[unsafe(export_name = "wasi:sockets/tcp-create-socket@0.2#create-tcp-socket")]
extern "C" fn create_tcp_socket(family: u32, to: u32, binding: u32) {
    let state = state();
    let created = state.network.tcp_create(lift_family(family));
    let created = created.map(|id| state.handles.give(Resource::Tcp(id)));
    let layout = layout!(tcp_create_socket create_tcp_socket);
    answer(Guest::new(binding), to, layout, created);
}
