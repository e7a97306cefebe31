//! `wasi:sockets/tcp@0.2`

use crate::binding::Slot;
use crate::config::denied;
use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::layout::tcp::shutdown_type;
use crate::lower::{answer, layout, lift_address, lower_family};
use crate::memory::trap;
use crate::route;
use crate::state::{Network, State, state};
use core::net::SocketAddr;
use sockvirt_netstack::{EndId, ErrorCode, Shutdown, SocketOption, TcpId};

/// What `start-bind` and `start-connect` begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Bind,
    Connect,
}

impl Start {
    fn of(self, state: &mut State, id: TcpId, address: SocketAddr) -> Result<(), ErrorCode> {
        match self {
            Start::Bind => state.network.tcp_start_bind(id, address),
            Start::Connect => state.network.tcp_start_connect(id, address),
        }
    }

    /// As [`of`](Self::of), but that a socket which leads elsewhere becomes one of the host's, which
    /// is given.
    fn or_leave(
        self,
        state: &mut State,
        guest: Guest,
        this: Handle,
        address: SocketAddr,
    ) -> Result<Option<u32>, ErrorCode> {
        let id = state.tcp(this);
        let is_bound = state.network.tcp_local_address(id).is_ok();
        let started = self.of(state, id, address);
        let leads_out = match self {
            // The one code that only an address can be the reason for.
            Start::Bind => started == Err(ErrorCode::AddressNotBindable),
            Start::Connect => started.is_ok() && !is_bound,
        };
        if !leads_out || state.has_tcp(address) {
            return started.map(|()| None);
        }
        state.network.tcp_withdraw_connect(id);
        route::turn_tcp(state, guest, this, id).map(Some)
    }
}

/// How binding to what is not inside ends.
fn not_bindable(state: &State, address: SocketAddr, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::AddressNotBindable if !Network::is_inside(address.ip()) => {
            denied(state.outside.tcp_bind)
        }
        code => code,
    }
}

/// Functions that take a network and an address: where everything is inside, and where the host may
/// have to be called, with the socket that is given then.
macro_rules! with_address {
    ($($export:literal $name:ident $route:literal $routed:ident $layout:ident $start:expr;)*) => {$(
        #[unsafe(export_name = $export)]
        #[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
        extern "C" fn $name(
            this: Handle, network: Handle,
            a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
            g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
            to: u32, binding: u32,
        ) {
            let state = state();
            state.check_network(network);
            let id = state.tcp(this);
            let address = lift_address([a, b, c, d, e, f, g, h, i, j, k, l]);
            let started = $start.of(state, id, address);
            let started = started.map_err(|code| not_bindable(state, address, code));
            answer(Guest::new(binding), to, layout!(tcp $layout), started);
        }

        #[unsafe(export_name = $route)]
        #[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
        extern "C" fn $routed(
            this: Handle, network: Handle,
            a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
            g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
            to: u32, binding: u32,
        ) -> u32 {
            let (state, guest) = (state(), Guest::new(binding));
            if let Some(socket) = route::host_socket(state, this) {
                return socket;
            }
            state.check_network(network);
            let address = lift_address([a, b, c, d, e, f, g, h, i, j, k, l]);
            let started = match $start.or_leave(state, guest, this, address) {
                Ok(Some(socket)) => return socket,
                Ok(None) => Ok(()),
                Err(code) => Err(code),
            };
            answer(guest, to, layout!(tcp $layout), started);
            0
        }
    )*};
}

with_address! {
    "wasi:sockets/tcp@0.2#[method]tcp-socket.start-bind" start_bind
        "wasi:sockets/tcp@0.2#[route]tcp-socket.start-bind" route_start_bind
        tcp_socket_start_bind Start::Bind;
    "wasi:sockets/tcp@0.2#[method]tcp-socket.start-connect" start_connect
        "wasi:sockets/tcp@0.2#[route]tcp-socket.start-connect" route_start_connect
        tcp_socket_start_connect Start::Connect;
}

/// Functions of a socket alone.
macro_rules! plain {
    ($($export:literal $name:ident $layout:ident $method:ident;)*) => {$(
        #[unsafe(export_name = $export)]
        extern "C" fn $name(this: Handle, to: u32, binding: u32) {
            let state = state();
            let id = state.tcp(this);
            let result = state.network.$method(id);
            answer(Guest::new(binding), to, layout!(tcp $layout), result);
        }
    )*};
}

plain! {
    "wasi:sockets/tcp@0.2#[method]tcp-socket.finish-bind"
        finish_bind tcp_socket_finish_bind tcp_finish_bind;
    "wasi:sockets/tcp@0.2#[method]tcp-socket.start-listen"
        start_listen tcp_socket_start_listen tcp_start_listen;
    "wasi:sockets/tcp@0.2#[method]tcp-socket.finish-listen"
        finish_listen tcp_socket_finish_listen tcp_finish_listen;
    "wasi:sockets/tcp@0.2#[method]tcp-socket.local-address"
        local_address tcp_socket_local_address tcp_local_address;
    "wasi:sockets/tcp@0.2#[method]tcp-socket.remote-address"
        remote_address tcp_socket_remote_address tcp_remote_address;
}

/// The two streams of an end, as children of its socket.
fn streams(state: &mut State, socket: Handle, end: EndId) -> [Handle; 2] {
    [Resource::Input(end), Resource::Output(end)]
        .map(|stream| state.handles.give_child(stream, socket))
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.finish-connect")]
extern "C" fn finish_connect(this: Handle, to: u32, binding: u32) {
    let state = state();
    let id = state.tcp(this);
    let connected = state.network.tcp_finish_connect(id).map_err(denied);
    let connected = connected.map(|end| streams(state, this, end));
    let layout = layout!(tcp tcp_socket_finish_connect);
    answer(Guest::new(binding), to, layout, connected);
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.accept")]
extern "C" fn accept(this: Handle, to: u32, binding: u32) {
    let state = state();
    let id = state.tcp(this);
    let accepted = state.network.tcp_accept(id).map(|(id, end)| {
        let socket = state.handles.give(Resource::Tcp(id));
        let [input, output] = streams(state, socket, end);
        [socket, input, output]
    });
    let layout = layout!(tcp tcp_socket_accept);
    answer(Guest::new(binding), to, layout, accepted);
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.is-listening")]
extern "C" fn is_listening(this: Handle, _: u32) -> u32 {
    let state = state();
    state.network.tcp_is_listening(state.tcp(this)).into()
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.address-family")]
extern "C" fn address_family(this: Handle, _: u32) -> u32 {
    let state = state();
    lower_family(state.network.tcp_family(state.tcp(this)))
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.set-listen-backlog-size")]
extern "C" fn set_listen_backlog_size(this: Handle, value: u64, to: u32, binding: u32) {
    let state = state();
    let id = state.tcp(this);
    let result = state.network.tcp_set_listen_backlog(id, value);
    let layout = layout!(tcp tcp_socket_set_listen_backlog_size);
    answer(Guest::new(binding), to, layout, result);
}

/// An option: how to read it, and how to set it. `$core` is what its value is passed as, and `$ty`
/// what it is in memory.
macro_rules! options {
    ($($option:ident $core:ty, |$value:ident| $lowered:expr,
       $get:literal $getter:ident $get_layout:ident,
       $set:literal $setter:ident $set_layout:ident;)*) => {$(
        #[unsafe(export_name = $get)]
        extern "C" fn $getter(this: Handle, to: u32, binding: u32) {
            let state = state();
            let value = state.network.tcp_option(state.tcp(this), SocketOption::$option);
            let value = value.map(|$value| $lowered);
            answer(Guest::new(binding), to, layout!(tcp $get_layout), value);
        }

        #[unsafe(export_name = $set)]
        extern "C" fn $setter(this: Handle, value: $core, to: u32, binding: u32) {
            let state = state();
            let id = state.tcp(this);
            let result = state.network.tcp_set_option(id, SocketOption::$option, value.into());
            answer(Guest::new(binding), to, layout!(tcp $set_layout), result);
        }
    )*};
}

options! {
    KeepAlive u32, |value| value != 0,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.keep-alive-enabled"
        keep_alive_enabled tcp_socket_keep_alive_enabled,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-keep-alive-enabled"
        set_keep_alive_enabled tcp_socket_set_keep_alive_enabled;
    KeepAliveIdle u64, |value| value,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.keep-alive-idle-time"
        keep_alive_idle_time tcp_socket_keep_alive_idle_time,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-keep-alive-idle-time"
        set_keep_alive_idle_time tcp_socket_set_keep_alive_idle_time;
    KeepAliveInterval u64, |value| value,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.keep-alive-interval"
        keep_alive_interval tcp_socket_keep_alive_interval,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-keep-alive-interval"
        set_keep_alive_interval tcp_socket_set_keep_alive_interval;
    KeepAliveCount u32, |value| value as u32,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.keep-alive-count"
        keep_alive_count tcp_socket_keep_alive_count,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-keep-alive-count"
        set_keep_alive_count tcp_socket_set_keep_alive_count;
    HopLimit u32, |value| value as u8,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.hop-limit"
        hop_limit tcp_socket_hop_limit,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-hop-limit"
        set_hop_limit tcp_socket_set_hop_limit;
    ReceiveBuffer u64, |value| value,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.receive-buffer-size"
        receive_buffer_size tcp_socket_receive_buffer_size,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-receive-buffer-size"
        set_receive_buffer_size tcp_socket_set_receive_buffer_size;
    SendBuffer u64, |value| value,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.send-buffer-size"
        send_buffer_size tcp_socket_send_buffer_size,
        "wasi:sockets/tcp@0.2#[method]tcp-socket.set-send-buffer-size"
        set_send_buffer_size tcp_socket_set_send_buffer_size;
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.subscribe")]
extern "C" fn subscribe(this: Handle, _: u32) -> Handle {
    let state = state();
    let pollable = Resource::Pollable(Subject::Tcp(state.tcp(this)));
    state.handles.give_child(pollable, this)
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.shutdown")]
extern "C" fn shutdown(this: Handle, how: u32, to: u32, binding: u32) {
    let state = state();
    let id = state.tcp(this);
    let result: Result<(), ErrorCode> = match how as u8 {
        shutdown_type::RECEIVE => state.network.tcp_shutdown(id, Shutdown::Receive),
        shutdown_type::SEND => state.network.tcp_shutdown(id, Shutdown::Send),
        shutdown_type::BOTH => state.network.tcp_shutdown(id, Shutdown::Both),
        _ => trap(),
    };
    answer(
        Guest::new(binding),
        to,
        layout!(tcp tcp_socket_shutdown),
        result,
    );
}

#[unsafe(export_name = "wasi:sockets/tcp@0.2#[resource-drop]tcp-socket")]
extern "C" fn drop_socket(this: Handle, _: u32) {
    let state = state();
    match state.handles.take(this) {
        Resource::Tcp(id) => state.network.tcp_drop(id),
        _ => trap(),
    }
}

/// The socket of the host's that must be dropped in its place; 0 for none.
#[unsafe(export_name = "wasi:sockets/tcp@0.2#[route][resource-drop]tcp-socket")]
extern "C" fn route_drop_socket(this: Handle, binding: u32) -> u32 {
    let state = state();
    match state.handles.take(this) {
        Resource::Tcp(id) => state.network.tcp_drop(id),
        Resource::HostTcp { socket, pollable } => {
            if pollable != 0 {
                Guest::new(binding).drop_host(Slot::DropPollable, pollable);
            }
            state.count_hosted(-1);
            return socket;
        }
        _ => trap(),
    }
    0
}
