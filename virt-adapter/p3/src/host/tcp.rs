//! TCP sockets that are the host's.

use super::call::Block;
use crate::binding::flags;
use crate::canon::return_connect;
use crate::layout::types::{
    tcp_socket_bind, tcp_socket_connect, tcp_socket_create, tcp_socket_listen,
};
use crate::lower::{Code, Room, Value, lower_family};
use crate::state::State;
use crate::wait::Progress;
use core::net::SocketAddr;
#[cfg(not(feature = "script"))]
use sockvirt_netstack::Network;
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{SocketOption, TcpId};

#[link(wasm_import_module = "wasi:sockets/types@0.3")]
unsafe extern "C" {
    #[link_name = "[static]tcp-socket.create"]
    safe fn host_create(family: u32, result: &mut Room);
    #[link_name = "[resource-drop]tcp-socket"]
    safe fn host_drop(this: u32);
    #[link_name = "[async-lower][method]tcp-socket.connect"]
    safe fn host_connect(params: &Room, result: &mut Room) -> u32;
    #[link_name = "[method]tcp-socket.bind"]
    #[rustfmt::skip]
    safe fn host_bind(
        this: u32,
        a: u32,
        b: u32,
        c: u32,
        d: u32,
        e: u32,
        f: u32,
        g: u32,
        h: u32,
        i: u32,
        j: u32,
        k: u32,
        l: u32,
        result: &mut Room,
    );
    #[link_name = "[method]tcp-socket.listen"]
    pub(super) safe fn host_listen(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.send"]
    pub(crate) safe fn send(this: u32, data: u32) -> u32;
    #[link_name = "[method]tcp-socket.receive"]
    pub(crate) safe fn receive(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-local-address"]
    pub(crate) safe fn local_address(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-remote-address"]
    pub(crate) safe fn remote_address(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-is-listening"]
    pub(crate) safe fn is_listening(this: u32) -> u32;
    #[link_name = "[method]tcp-socket.set-listen-backlog-size"]
    pub(crate) safe fn set_listen_backlog_size(this: u32, value: u64, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-keep-alive-enabled"]
    pub(crate) safe fn keep_alive_enabled(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-keep-alive-enabled"]
    pub(crate) safe fn set_keep_alive_enabled(this: u32, value: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-keep-alive-idle-time"]
    pub(crate) safe fn keep_alive_idle_time(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-keep-alive-idle-time"]
    pub(crate) safe fn set_keep_alive_idle_time(this: u32, value: u64, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-keep-alive-interval"]
    pub(crate) safe fn keep_alive_interval(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-keep-alive-interval"]
    pub(crate) safe fn set_keep_alive_interval(this: u32, value: u64, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-keep-alive-count"]
    pub(crate) safe fn keep_alive_count(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-keep-alive-count"]
    pub(crate) safe fn set_keep_alive_count(this: u32, value: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-hop-limit"]
    pub(crate) safe fn hop_limit(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-hop-limit"]
    pub(crate) safe fn set_hop_limit(this: u32, value: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-receive-buffer-size"]
    pub(crate) safe fn receive_buffer_size(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-receive-buffer-size"]
    pub(crate) safe fn set_receive_buffer_size(this: u32, value: u64, result: &mut Room);
    #[link_name = "[method]tcp-socket.get-send-buffer-size"]
    pub(crate) safe fn send_buffer_size(this: u32, result: &mut Room);
    #[link_name = "[method]tcp-socket.set-send-buffer-size"]
    pub(crate) safe fn set_send_buffer_size(this: u32, value: u64, result: &mut Room);
}

impl State {
    /// Whether sockets of TCP that have to do with an address stay the network's.
    pub(crate) fn has_tcp(&self, address: SocketAddr) -> bool {
        #[cfg(feature = "script")]
        let is_inside = self.network.has_address(Protocol::Tcp, address);
        #[cfg(not(feature = "script"))]
        let is_inside = Network::is_inside(address.ip());
        is_inside || self.outside.flags & flags::TCP_LEADS_OUT == 0
    }

    /// Drops what of a socket is the host's.
    pub(crate) fn drop_hosted_tcp(&mut self, id: TcpId) {
        if let Some(socket) = self.hosted.tcp(id) {
            self.hosted.put_tcp(id, 0);
            host_drop(socket);
        }
    }

    /// The number of a new socket, which is one that the host has given.
    pub(crate) fn adopt_tcp(&mut self, like: TcpId, socket: u32) -> Option<TcpId> {
        let Ok(id) = self.network.tcp_create(self.network.tcp_family(like)) else {
            host_drop(socket);
            return None;
        };
        self.hosted.put_tcp(id, socket);
        Some(id)
    }
}

/// A socket of the host's with the options that were set on one of the network's.
fn create(state: &State, id: TcpId) -> Result<u32, Code> {
    let mut result = Room::new();
    host_create(lower_family(state.network.tcp_family(id)), &mut result);
    result.code(tcp_socket_create::PAYLOAD)?;
    let socket = result.word(tcp_socket_create::PAYLOAD);
    for option in SocketOption::ALL {
        if let Some(value) = state.network.tcp_chosen(id, option) {
            set(socket, option, value);
        }
    }
    if let Some(backlog) = state.network.tcp_chosen_backlog(id) {
        let _ = settle(|result| set_listen_backlog_size(socket, backlog, result));
    }
    Ok(socket)
}

/// Sets an option as well as it goes.
fn set(socket: u32, option: SocketOption, value: u64) {
    let _ = settle(|result| match option {
        SocketOption::KeepAlive => set_keep_alive_enabled(socket, value as u32, result),
        SocketOption::KeepAliveIdle => set_keep_alive_idle_time(socket, value, result),
        SocketOption::KeepAliveInterval => set_keep_alive_interval(socket, value, result),
        SocketOption::KeepAliveCount => set_keep_alive_count(socket, value as u32, result),
        SocketOption::HopLimit => set_hop_limit(socket, value as u32, result),
        SocketOption::ReceiveBuffer => set_receive_buffer_size(socket, value, result),
        SocketOption::SendBuffer => set_send_buffer_size(socket, value, result),
    });
}

/// Calls a function of the host's that gives no value.
pub(super) fn settle(call: impl FnOnce(&mut Room)) -> Result<(), Code> {
    let mut result = Room::new();
    call(&mut result);
    result.code(tcp_socket_bind::PAYLOAD)
}

/// Binds to an address that the network does not have. Where that fails, the socket stays what it was.
pub(crate) fn bind(state: &mut State, id: TcpId, address: SocketAddr) -> Result<(), Code> {
    let socket = create(state, id)?;
    let bound = settle(|result| bind_host(socket, address, result));
    match bound {
        Ok(()) => state.hosted.put_tcp(id, socket),
        Err(_) => host_drop(socket),
    }
    bound
}

/// `bind` of the host's.
pub(crate) fn bind_host(socket: u32, address: SocketAddr, result: &mut Room) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = crate::lower::lower_address(address);
    host_bind(socket, a, b, c, d, e, f, g, h, i, j, k, l, result);
}

/// Connects, if the socket is the host's, or leads there: what to return.
pub(crate) fn connect(state: &mut State, id: TcpId, address: SocketAddr) -> Option<u32> {
    let socket = match state.hosted.tcp(id) {
        Some(socket) => socket,
        None if state.has_tcp(address) || state.network.tcp_local_address(id).is_ok() => {
            return None;
        }
        None => {
            // What is wrong otherwise is for the network to say.
            state.network.tcp_start_connect(id, address).ok()?;
            state.network.tcp_withdraw_connect(id);
            match create(state, id) {
                Ok(socket) => socket,
                Err(code) => {
                    crate::tcp::give_connected(Err(code));
                    return Some(state.waits.over());
                }
            }
        }
    };
    state.hosted.put_tcp(id, socket);
    let call = |Block { params, result }: &mut Block| {
        socket.put(&mut params.0);
        address.put(&mut params.0[tcp_socket_connect::REMOTE_ADDRESS..]);
        host_connect(params, result)
    };
    let give_up = crate::tcp::give_up_connect;
    Some(state.call_host(None, call, crate::tcp::connect_on, give_up))
}

/// Gives how a connect of the host's has ended.
pub(crate) fn connect_on(state: &mut State) -> Progress {
    let Some(call) = state.waits.take_call() else {
        return Progress::Waits;
    };
    let ([is_error, code, given, at, count], _text) =
        call.result().flat(tcp_socket_connect::PAYLOAD);
    return_connect(is_error, code, given, at, count);
    Progress::Returned
}

/// Makes a socket of the host's listen: the readable end of the host's stream of connections.
pub(crate) fn listen(socket: u32) -> Result<u32, Code> {
    let mut result = Room::new();
    host_listen(socket, &mut result);
    result.code(tcp_socket_listen::PAYLOAD)?;
    Ok(result.word(tcp_socket_listen::PAYLOAD))
}
