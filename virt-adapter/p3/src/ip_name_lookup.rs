//! `wasi:sockets/ip-name-lookup@0.3`

use crate::canon::return_resolve;
#[cfg(feature = "host")]
use crate::config::LOST;
use crate::config::denied;
use crate::layout::ip_name_lookup::error_code;
use crate::layout::types::ip_address;
use crate::lower::Value;
use crate::memory::{release, trap};
use crate::state::{State, state};
use crate::wait::{self, For, Progress};
use alloc::vec::Vec;
use sockvirt_netstack::ErrorCode;

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[async-lift]resolve-addresses")]
extern "C" fn resolve_addresses(at: u32, length: u32) -> u32 {
    let state = state();
    let name: *const u8 = core::ptr::with_exposed_provenance(at as usize);
    // SAFETY: the caller's name is there, in memory that `realloc` gave for it, and nobody writes to
    // it.
    let name = unsafe { core::slice::from_raw_parts(name, length as usize) };
    let found = state.network.lookup(name);
    #[cfg(feature = "host")]
    if found == Err(LOST) {
        return crate::host::names::resolve(state, at, length);
    }
    release(at as usize, length as usize);
    match found {
        Ok(id) => state.begin(For::Lookup(id), resolve_on, give_up),
        Err(code) => {
            fail(denied(code));
            state.waits.over()
        }
    }
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[callback]resolve-addresses")]
extern "C" fn called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, resolve_on)
}

/// Gives what was found, once that has come.
pub(crate) fn resolve_on(state: &mut State, waits: For) -> Progress {
    #[cfg(feature = "host")]
    if waits == For::Called {
        return crate::host::names::found(state);
    }
    let For::Lookup(id) = waits else {
        trap();
    };
    let mut addresses = Vec::new();
    let result = loop {
        match state.network.next_address(id) {
            Ok(Some(address)) => addresses.push(address),
            Ok(None) => break Ok(()),
            Err(ErrorCode::WouldBlock) => return Progress::Waits,
            Err(code) => break Err(code),
        }
    };
    state.network.drop_lookup(id);
    match result {
        Err(code) => fail(denied(code)),
        Ok(()) => {
            let mut list = alloc::vec![0; addresses.len() * ip_address::SIZE];
            for (place, address) in list.chunks_exact_mut(ip_address::SIZE).zip(&addresses) {
                (*address).put(place);
            }
            let at = list.as_ptr().expose_provenance() as u32;
            return_resolve(0, at, addresses.len() as u32, 0, 0);
        }
    }
    Progress::Returned
}

/// Too many wait already.
pub(crate) fn give_up() {
    fail(ErrorCode::TemporaryResolverFailure);
}

fn fail(code: ErrorCode) {
    let code = match code {
        ErrorCode::AccessDenied => error_code::ACCESS_DENIED,
        ErrorCode::InvalidArgument => error_code::INVALID_ARGUMENT,
        ErrorCode::NameUnresolvable => error_code::NAME_UNRESOLVABLE,
        ErrorCode::TemporaryResolverFailure => error_code::TEMPORARY_RESOLVER_FAILURE,
        ErrorCode::PermanentResolverFailure => error_code::PERMANENT_RESOLVER_FAILURE,
        _ => error_code::OTHER,
    };
    return_resolve(1, code.into(), 0, 0, 0);
}
