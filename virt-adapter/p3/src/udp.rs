//! UDP sockets of `wasi:sockets/types@0.3`.

use crate::canon::{self, return_receive, return_send, udp_socket as id};
use crate::config::{LOST, denied};
use crate::layout::types::error_code;
use crate::lower::{
    Code, answer, flat, forward, lift_address, lift_family, lower_address, lower_family, options,
    with_address,
};
use crate::memory::{release, trap};
use crate::state::{State, state};
use crate::wait::{self, For, Progress};
use alloc::vec::Vec;
use core::net::SocketAddr;
use sockvirt_netstack::{ErrorCode, Network, SocketOption, UdpId};

#[unsafe(export_name = "wasi:sockets/types@0.3#[static]udp-socket.create")]
extern "C" fn create(family: u32) -> *const u8 {
    let created = state().network.udp_create(lift_family(family));
    let created = created.map(canon::new_udp_socket);
    answer!(udp_socket_create, created)
}

/// The destructor.
#[unsafe(export_name = "wasi:sockets/types@0.3#[dtor]udp-socket")]
extern "C" fn drop_socket(this: u32) {
    let state = state();
    #[cfg(feature = "host")]
    state.drop_hosted_udp(id(this));
    state.network.udp_drop(id(this));
}

/// Whether an error is how what leads to an address ends that is not inside.
pub(crate) fn is_denied(remote: SocketAddr, code: ErrorCode) -> bool {
    let early = [
        ErrorCode::InvalidArgument,
        ErrorCode::InvalidState,
        ErrorCode::DatagramTooLarge,
    ];
    !Network::is_inside(remote.ip()) && !early.contains(&code)
}

/// How what leads to an address that is not inside ends, where that is the reason.
fn outside(remote: Option<SocketAddr>, code: ErrorCode, denial: ErrorCode) -> ErrorCode {
    match remote.is_some_and(|it| is_denied(it, code)) {
        true => denied(denial),
        false => code,
    }
}

with_address! {
    "wasi:sockets/types@0.3#[method]udp-socket.bind"
    bind(this; address) -> *const u8 {
        let state = state();
        forward!(state udp udp id(this); bind_host(address) udp_socket_bind);
        let bound = state.network.udp_start_bind(id(this), address);
        let bound = bound.and_then(|()| state.network.udp_finish_bind(id(this)));
        #[cfg(feature = "host")]
        if bound == Err(ErrorCode::AddressNotBindable) && !state.has_udp(address) {
            return answer!(
                udp_socket_bind,
                crate::host::udp::bind(state, id(this), address)
            );
        }
        let bound = bound.map_err(|code| match code {
            ErrorCode::AddressNotBindable if !Network::is_inside(address.ip()) => {
                denied(state.outside.udp_bind)
            }
            code => code,
        });
        answer!(udp_socket_bind, bound)
    }
}

with_address! {
    "wasi:sockets/types@0.3#[method]udp-socket.connect"
    connect(this; address) -> *const u8 {
        let state = state();
        #[cfg(feature = "host")]
        if let Some(connected) = crate::host::udp::connect(state, id(this), address) {
            return answer!(udp_socket_connect, connected);
        }
        let connected = state.network.udp_connect(id(this), address);
        let denial = state.outside.udp_connect;
        let connected = connected.map_err(|code| outside(Some(address), code, denial));
        answer!(udp_socket_connect, connected)
    }
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.disconnect")]
extern "C" fn disconnect(this: u32) -> *const u8 {
    let state = state();
    #[cfg(feature = "host")]
    if state.hosted.udp(id(this)).is_some() {
        return answer!(
            udp_socket_disconnect,
            crate::host::udp::disconnect(state, id(this))
        );
    }
    answer!(
        udp_socket_disconnect,
        state.network.udp_disconnect(id(this))
    )
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift][method]udp-socket.send")]
#[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
#[rustfmt::skip]
extern "C" fn send(
    this: u32, at: u32, count: u32, given: u32,
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
    g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
) -> u32 {
    let to = (given != 0).then(|| lift_address([a, b, c, d, e, f, g, h, i, j, k, l]));
    let state = state();
    #[cfg(feature = "host")]
    if state.hosted.udp(id(this)).is_some() {
        return crate::host::udp::send(state, id(this), [at, count], to);
    }
    let result = send_to(state, id(this), at, count, to);
    #[cfg(feature = "host")]
    if let (Err(code), Some(address)) = (result, to)
        && crate::host::udp::leads_out(state, id(this), address, code)
    {
        return crate::host::udp::send(state, id(this), [at, count], to);
    }
    let result = result.map_err(|code| outside(to, code, code));
    let result = match result {
        Err(LOST) => Ok(()),
        sent => sent,
    };
    release(at as usize, count as usize);
    give_sent(result.map_err(Code::from));
    state.waits.over()
}

pub(crate) fn give_sent(result: Result<(), Code>) {
    let [is_error, code] = flat(result);
    return_send(is_error, code, 0, 0, 0);
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]udp-socket.send")]
#[cfg(feature = "host")]
extern "C" fn send_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, crate::host::udp::send_on)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]udp-socket.send")]
#[cfg(not(feature = "host"))]
extern "C" fn send_called_back(_: u32, _: u32, _: u32) -> u32 {
    match wait::ended() {
        true => canon::code::EXIT,
        // It never waits.
        false => trap(),
    }
}

fn send_to(
    state: &mut State,
    id: UdpId,
    at: u32,
    count: u32,
    to: Option<SocketAddr>,
) -> Result<(), ErrorCode> {
    let data: *const u8 = core::ptr::with_exposed_provenance(at as usize);
    // SAFETY: the caller's list is there, in memory that `realloc` gave for it, and nobody writes to
    // it.
    let data = unsafe { core::slice::from_raw_parts(data, count as usize) };
    let sent = state.network.udp_send(id, data, to);
    state.wake_ready();
    sent
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift][method]udp-socket.receive")]
extern "C" fn receive(this: u32) -> u32 {
    let give_up = || fail_to_receive(Code(error_code::OUT_OF_MEMORY));
    state().begin(For::Receive(id(this)), receive_on, give_up)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]udp-socket.receive")]
extern "C" fn receive_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, receive_on)
}

/// Receives a datagram, if one has come.
fn receive_on(state: &mut State, waits: For) -> Progress {
    let For::Receive(id) = waits else {
        trap();
    };
    #[cfg(feature = "host")]
    if let Some(progress) = crate::host::udp::receive_on(state, id) {
        return progress;
    }
    let mut received = None;
    let result = state.network.udp_receive_with(id, |data, from| {
        received = Some((Vec::from(data), from));
    });
    match (result, received) {
        (Err(code), _) => fail_to_receive(code.into()),
        (Ok(_), None) => return Progress::Waits,
        (Ok(_), Some((data, from))) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = lower_address(from);
            let at = data.as_ptr().expose_provenance() as u32;
            #[rustfmt::skip]
            return_receive(0, at, data.len() as u32, a, b, c, d, e, f, g, h, i, j, k, l);
        }
    }
    Progress::Returned
}

fn fail_to_receive(code: Code) {
    return_receive(1, code.0.into(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.get-local-address")]
extern "C" fn local_address(this: u32) -> *const u8 {
    let state = state();
    forward!(state udp udp id(this); local_address() udp_socket_get_local_address);
    let address = state.network.udp_local_address(id(this));
    answer!(udp_socket_get_local_address, address)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.get-remote-address")]
extern "C" fn remote_address(this: u32) -> *const u8 {
    let state = state();
    forward!(state udp udp id(this); remote_address() udp_socket_get_remote_address);
    let address = state.network.udp_remote_address(id(this));
    answer!(udp_socket_get_remote_address, address)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.get-address-family")]
extern "C" fn address_family(this: u32) -> u32 {
    lower_family(state().network.udp_family(id(this)))
}

options! {
    udp set_on_udp udp_option udp_set_option;
    HopLimit u32, |value| value as u8,
        "wasi:sockets/types@0.3#[method]udp-socket.get-unicast-hop-limit"
        hop_limit udp_socket_get_unicast_hop_limit,
        "wasi:sockets/types@0.3#[method]udp-socket.set-unicast-hop-limit"
        set_hop_limit udp_socket_set_unicast_hop_limit;
    ReceiveBuffer u64, |value| value,
        "wasi:sockets/types@0.3#[method]udp-socket.get-receive-buffer-size"
        receive_buffer_size udp_socket_get_receive_buffer_size,
        "wasi:sockets/types@0.3#[method]udp-socket.set-receive-buffer-size"
        set_receive_buffer_size udp_socket_set_receive_buffer_size;
    SendBuffer u64, |value| value,
        "wasi:sockets/types@0.3#[method]udp-socket.get-send-buffer-size"
        send_buffer_size udp_socket_get_send_buffer_size,
        "wasi:sockets/types@0.3#[method]udp-socket.set-send-buffer-size"
        set_send_buffer_size udp_socket_set_send_buffer_size;
}
