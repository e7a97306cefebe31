//! Names that the host is asked for.

use super::Given;
use super::call::Block;
use crate::canon::return_resolve;
use crate::ip_name_lookup::{give_up, resolve_on};
use crate::layout::ip_name_lookup::resolve_addresses;
use crate::layout::types::ip_address;
use crate::lower::Room;
use crate::state::State;
use crate::wait::Progress;

#[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.3")]
unsafe extern "C" {
    #[link_name = "[async-lower]resolve-addresses"]
    safe fn host_resolve_addresses(at: u32, length: u32, result: &mut Room) -> u32;
}

/// Asks the host for a name: what to return.
pub(crate) fn resolve(state: &mut State, at: u32, length: u32) -> u32 {
    let call = |block: &mut Block| host_resolve_addresses(at, length, &mut block.result);
    state.call_host(Some(Given(at, length)), call, resolve_on, give_up)
}

/// Gives what the host has found.
pub(crate) fn found(state: &mut State) -> Progress {
    let Some(call) = state.waits.take_call() else {
        return Progress::Waits;
    };
    let (result, payload) = (call.result(), resolve_addresses::PAYLOAD);
    if result.is_error() {
        let ([is_error, code, given, at, count], _text) = result.flat(payload);
        return_resolve(is_error, code, given, at, count);
        return Progress::Returned;
    }
    let (at, count) = (result.word(payload), result.word(payload + 4));
    let _list = Given(at, count * ip_address::SIZE as u32);
    return_resolve(0, at, count, 0, 0);
    Progress::Returned
}
