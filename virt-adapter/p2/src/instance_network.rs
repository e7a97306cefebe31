//! `wasi:sockets/instance-network@0.2`

use crate::handles::{Handle, Resource};
use crate::state::state;

#[unsafe(export_name = "wasi:sockets/instance-network@0.2#instance-network")]
extern "C" fn instance_network(_: u32) -> Handle {
    state().handles.give(Resource::Network)
}
