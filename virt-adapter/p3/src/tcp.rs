//! TCP sockets of `wasi:sockets/types@0.3`.

use crate::canon::{self, return_connect, tcp_socket as id};
use crate::config::denied;
use crate::layout::types::error_code;
use crate::lower::{
    Code, answer, flat, forward, give, lift_family, lower_family, options, with_address,
};
use crate::memory::trap;
use crate::state::{State, state};
use crate::wait::{self, For, Progress};
use core::net::SocketAddr;
use sockvirt_netstack::{EndId, ErrorCode, Network, SocketOption, TcpId};

#[unsafe(export_name = "wasi:sockets/types@0.3#[static]tcp-socket.create")]
extern "C" fn create(family: u32) -> *const u8 {
    let created = state().network.tcp_create(lift_family(family));
    let created = created.map(canon::new_tcp_socket);
    answer!(tcp_socket_create, created)
}

/// The destructor.
#[unsafe(export_name = "wasi:sockets/types@0.3#[dtor]tcp-socket")]
extern "C" fn drop_socket(this: u32) {
    let state = state();
    if state.listens_on(id(this)) {
        return;
    }
    #[cfg(feature = "host")]
    state.drop_hosted_tcp(id(this));
    state.drop_left(id(this));
    let peer = state.network.tcp_end(id(this));
    let peer = peer.and_then(|end| state.network.end_peer(end));
    let was_listening = state.network.tcp_is_listening(id(this));
    state.network.tcp_drop(id(this));
    if was_listening {
        state.pump_flows();
    }
    if let Some(peer) = peer {
        state.pump_both(peer);
    }
}

with_address! {
    "wasi:sockets/types@0.3#[method]tcp-socket.bind"
    bind(this; address) -> *const u8 {
        let state = state();
        forward!(state tcp tcp id(this); bind_host(address) tcp_socket_bind);
        answer!(tcp_socket_bind, begin_bind(state, id(this), address))
    }
}

fn begin_bind(state: &mut State, id: TcpId, address: SocketAddr) -> Result<(), Code> {
    let bound = match state.network.tcp_start_bind(id, address) {
        Ok(()) => state.network.tcp_finish_bind(id),
        #[cfg(feature = "host")]
        Err(ErrorCode::AddressNotBindable) if !state.has_tcp(address) => {
            return crate::host::tcp::bind(state, id, address);
        }
        Err(ErrorCode::AddressNotBindable) if !Network::is_inside(address.ip()) => {
            Err(denied(state.outside.tcp_bind))
        }
        Err(code) => Err(code),
    };
    bound.map_err(Code::from)
}

with_address! {
    "wasi:sockets/types@0.3#[async-lift][method]tcp-socket.connect"
    connect(this; address) -> u32 {
        let state = state();
        #[cfg(feature = "host")]
        if let Some(code) = crate::host::tcp::connect(state, id(this), address) {
            return code;
        }
        if let Err(code) = state.network.tcp_start_connect(id(this), address) {
            give_connected(Err(code.into()));
            return state.waits.over();
        }
        state.begin(For::Connect(id(this)), connect_on, give_up_connect)
    }
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]tcp-socket.connect")]
extern "C" fn connect_called_back(kind: u32, _: u32, status: u32) -> u32 {
    wait::called_back(kind, status, connect_on)
}

/// Connects, unless the listener has no room.
pub(crate) fn connect_on(state: &mut State, waits: For) -> Progress {
    #[cfg(feature = "host")]
    if waits == For::Called {
        return crate::host::tcp::connect_on(state);
    }
    let For::Connect(id) = waits else {
        trap();
    };
    let connected = match state.network.tcp_finish_connect(id) {
        Err(ErrorCode::WouldBlock) => return Progress::Waits,
        Err(code) => Err(denied(code)),
        Ok(end) => {
            state.begin_flow(end);
            state.pump_listeners();
            Ok(())
        }
    };
    give_connected(connected.map_err(Code::from));
    Progress::Returned
}

/// Too many wait already.
pub(crate) fn give_up_connect() {
    give_connected(Err(Code(error_code::OUT_OF_MEMORY)));
}

pub(crate) fn give_connected(result: Result<(), Code>) {
    let [is_error, code] = flat(result);
    return_connect(is_error, code, 0, 0, 0);
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.listen")]
extern "C" fn listen(this: u32) -> *const u8 {
    answer!(tcp_socket_listen, state().listen(id(this)))
}

/// The end of a socket's connection, or why it has none.
fn end_of(state: &State, id: TcpId) -> Result<EndId, Code> {
    state.network.tcp_end(id).ok_or_else(|| {
        let failed = state.network.tcp_remote_address(id);
        failed.map_or_else(Code::from, |_| Code(error_code::INVALID_STATE))
    })
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.send")]
extern "C" fn send(this: u32, data: u32) -> u32 {
    let state = state();
    #[cfg(feature = "host")]
    if let Some(socket) = state.hosted.tcp(id(this)) {
        return crate::host::tcp::send(socket, data);
    }
    let code = match end_of(state, id(this)) {
        Ok(end) => match state.send(end, data) {
            Some(result) => return result,
            None => Code(error_code::INVALID_STATE),
        },
        Err(code) => code,
    };
    canon::drop_readable(data);
    let [readable, result] = canon::ends(canon::new_sent());
    state.settle_sent(result, Err(code));
    readable
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.receive")]
extern "C" fn receive(this: u32) -> *const u8 {
    let state = state();
    #[cfg(feature = "host")]
    if let Some(socket) = state.hosted.tcp(id(this)) {
        return crate::lower::pass(|result| crate::host::tcp::receive(socket, result));
    }
    let code = match end_of(state, id(this)) {
        Ok(end) => match state.receive(end) {
            Some(ends) => return give(ends),
            None => Code(error_code::INVALID_STATE),
        },
        Err(code) => code,
    };
    let [data, stream] = canon::ends(canon::new_stream());
    canon::drop_writable(stream);
    let [readable, result] = canon::ends(canon::new_received());
    state.settle_received(result, Err(code));
    give([data, readable])
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.get-local-address")]
extern "C" fn local_address(this: u32) -> *const u8 {
    let state = state();
    forward!(state tcp tcp id(this); local_address() tcp_socket_get_local_address);
    let address = state.network.tcp_local_address(id(this));
    answer!(tcp_socket_get_local_address, address)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.get-remote-address")]
extern "C" fn remote_address(this: u32) -> *const u8 {
    let state = state();
    forward!(state tcp tcp id(this); remote_address() tcp_socket_get_remote_address);
    let address = state.network.tcp_remote_address(id(this));
    answer!(tcp_socket_get_remote_address, address)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.get-is-listening")]
extern "C" fn is_listening(this: u32) -> u32 {
    let state = state();
    #[cfg(feature = "host")]
    if let Some(socket) = state.hosted.tcp(id(this)) {
        return crate::host::tcp::is_listening(socket);
    }
    state.network.tcp_is_listening(id(this)).into()
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.get-address-family")]
extern "C" fn address_family(this: u32) -> u32 {
    lower_family(state().network.tcp_family(id(this)))
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.set-listen-backlog-size")]
extern "C" fn set_listen_backlog_size(this: u32, value: u64) -> *const u8 {
    let state = state();
    let result = state.network.tcp_set_listen_backlog(id(this), value);
    state.wake_ready();
    if result.is_ok() {
        forward!(state tcp tcp id(this);
            set_listen_backlog_size(value) tcp_socket_set_listen_backlog_size);
    }
    answer!(tcp_socket_set_listen_backlog_size, result)
}

options! {
    tcp set_on_tcp tcp_option tcp_set_option;
    KeepAlive u32, |value| value != 0,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-keep-alive-enabled"
        keep_alive_enabled tcp_socket_get_keep_alive_enabled,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-keep-alive-enabled"
        set_keep_alive_enabled tcp_socket_set_keep_alive_enabled;
    KeepAliveIdle u64, |value| value,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-keep-alive-idle-time"
        keep_alive_idle_time tcp_socket_get_keep_alive_idle_time,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-keep-alive-idle-time"
        set_keep_alive_idle_time tcp_socket_set_keep_alive_idle_time;
    KeepAliveInterval u64, |value| value,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-keep-alive-interval"
        keep_alive_interval tcp_socket_get_keep_alive_interval,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-keep-alive-interval"
        set_keep_alive_interval tcp_socket_set_keep_alive_interval;
    KeepAliveCount u32, |value| value as u32,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-keep-alive-count"
        keep_alive_count tcp_socket_get_keep_alive_count,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-keep-alive-count"
        set_keep_alive_count tcp_socket_set_keep_alive_count;
    HopLimit u32, |value| value as u8,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-hop-limit"
        hop_limit tcp_socket_get_hop_limit,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-hop-limit"
        set_hop_limit tcp_socket_set_hop_limit;
    ReceiveBuffer u64, |value| value,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-receive-buffer-size"
        receive_buffer_size tcp_socket_get_receive_buffer_size,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-receive-buffer-size"
        set_receive_buffer_size tcp_socket_set_receive_buffer_size;
    SendBuffer u64, |value| value,
        "wasi:sockets/types@0.3#[method]tcp-socket.get-send-buffer-size"
        send_buffer_size tcp_socket_get_send_buffer_size,
        "wasi:sockets/types@0.3#[method]tcp-socket.set-send-buffer-size"
        set_send_buffer_size tcp_socket_set_send_buffer_size;
}
