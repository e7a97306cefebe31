//! UDP sockets that have one of the host's behind or beside them.
//!
//! One that is bound to an address of the host's is the host's. Any other that is not bound to loopback may
//! send anywhere: what is on loopback is in memory, what is not goes through a socket of the host's.
//! That is made when the first datagram leads there, and the socket hears from both. It has a port that
//! the host chooses, as behind a router that translates addresses: the port that the program asked
//! for is one of the network in memory, and who binds it on the host is not the program's to say.
//! While the socket is connected to an address that leads out, all of it is the host's.

use super::Given;
use super::call::Block;
use super::tcp::settle;
use crate::binding::flags;
use crate::canon::{return_receive, return_send};
use crate::layout::types::{error_code, udp_socket_create, udp_socket_receive, udp_socket_send};
use crate::lower::{Code, Room, Value, lower_address, lower_family};
use crate::state::State;
use crate::udp::{give_sent, is_denied};
use crate::wait::{For, Progress};
use core::net::SocketAddr;
#[cfg(not(feature = "script"))]
use sockvirt_netstack::Network;
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{ErrorCode, SocketOption, UdpId};

#[link(wasm_import_module = "wasi:sockets/types@0.3")]
unsafe extern "C" {
    #[link_name = "[static]udp-socket.create"]
    safe fn host_create(family: u32, result: &mut Room);
    #[link_name = "[resource-drop]udp-socket"]
    safe fn host_drop(this: u32);
    #[link_name = "[method]udp-socket.bind"]
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
    #[link_name = "[method]udp-socket.connect"]
    #[rustfmt::skip]
    safe fn host_connect(
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
    #[link_name = "[method]udp-socket.disconnect"]
    safe fn host_disconnect(this: u32, result: &mut Room);
    #[link_name = "[async-lower][method]udp-socket.send"]
    safe fn host_send(params: &Room, result: &mut Room) -> u32;
    #[link_name = "[async-lower][method]udp-socket.receive"]
    pub(super) safe fn host_receive(this: u32, result: &mut Room) -> u32;
    #[link_name = "[method]udp-socket.get-local-address"]
    pub(crate) safe fn local_address(this: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.get-remote-address"]
    pub(crate) safe fn remote_address(this: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.get-unicast-hop-limit"]
    pub(crate) safe fn hop_limit(this: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.set-unicast-hop-limit"]
    pub(crate) safe fn set_hop_limit(this: u32, value: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.get-receive-buffer-size"]
    pub(crate) safe fn receive_buffer_size(this: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.set-receive-buffer-size"]
    pub(crate) safe fn set_receive_buffer_size(this: u32, value: u64, result: &mut Room);
    #[link_name = "[method]udp-socket.get-send-buffer-size"]
    pub(crate) safe fn send_buffer_size(this: u32, result: &mut Room);
    #[link_name = "[method]udp-socket.set-send-buffer-size"]
    pub(crate) safe fn set_send_buffer_size(this: u32, value: u64, result: &mut Room);
}

/// A socket of the host's that goes with one of the network's.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    pub(super) socket: u32,
    /// Whether it is bound to the address that the guest has asked for.
    is_bound: bool,
    /// Whether the guest's socket is connected to where it is.
    is_connected: bool,
    /// Whether what it has heard is received first.
    is_first: bool,
}

impl Beside {
    /// Whether nothing of the guest's socket is the network's.
    pub(super) fn is_all(self) -> bool {
        self.is_bound || self.is_connected
    }
}

impl State {
    /// Whether sockets of UDP that have to do with an address stay the network's.
    pub(crate) fn has_udp(&self, address: SocketAddr) -> bool {
        #[cfg(feature = "script")]
        let is_inside = self.network.has_address(Protocol::Udp, address);
        #[cfg(not(feature = "script"))]
        let is_inside = Network::is_inside(address.ip());
        is_inside || self.outside.flags & flags::UDP_LEADS_OUT == 0
    }

    /// Drops what of a socket is the host's.
    pub(crate) fn drop_hosted_udp(&mut self, id: UdpId) {
        if let Some(beside) = self.hosted.beside(id) {
            self.hosted.put_udp(id, None);
            host_drop(beside.socket);
        }
    }

    /// Binds one that is not bound to any port, as a socket is that sends: the address that was asked for.
    fn bind_implicitly(&mut self, id: UdpId) -> Result<SocketAddr, ErrorCode> {
        let anywhere = SocketAddr::new(self.network.udp_family(id).unspecified(), 0);
        // Fails where it is bound already.
        if self.network.udp_start_bind(id, anywhere).is_ok() {
            self.network.udp_finish_bind(id)?;
        }
        Ok(anywhere)
    }

    /// Whether a socket of the network's may have one of the host's beside it.
    fn may_lead_out(&self, id: UdpId) -> bool {
        let asked = self.network.udp_asked(id);
        asked.is_none_or(|it| it.ip().is_unspecified())
    }
}

/// A socket of the host's with the options that were set on one of the network's.
fn create(state: &State, id: UdpId) -> Result<u32, Code> {
    let mut result = Room::new();
    host_create(lower_family(state.network.udp_family(id)), &mut result);
    result.code(udp_socket_create::PAYLOAD)?;
    let socket = result.word(udp_socket_create::PAYLOAD);
    for option in SocketOption::ALL {
        if let Some(value) = state.network.udp_chosen(id, option) {
            set(socket, option, value);
        }
    }
    Ok(socket)
}

/// Sets an option as well as it goes.
fn set(socket: u32, option: SocketOption, value: u64) {
    let _ = settle(|result| match option {
        SocketOption::HopLimit => set_hop_limit(socket, value as u32, result),
        SocketOption::ReceiveBuffer => set_receive_buffer_size(socket, value, result),
        SocketOption::SendBuffer => set_send_buffer_size(socket, value, result),
        // They are of TCP.
        _ => {}
    });
}

/// The one that goes with a socket, which is there from now on.
fn beside(state: &mut State, id: UdpId) -> Result<Beside, Code> {
    if let Some(beside) = state.hosted.beside(id) {
        return Ok(beside);
    }
    let beside = Beside {
        socket: create(state, id)?,
        is_bound: false,
        is_connected: false,
        is_first: false,
    };
    state.hosted.put_udp(id, Some(beside));
    Ok(beside)
}

/// Binds to an address that the network does not have. Where that fails, the socket stays what it was.
pub(crate) fn bind(state: &mut State, id: UdpId, address: SocketAddr) -> Result<(), Code> {
    let beside = beside(state, id)?;
    let bound = settle(|result| bind_host(beside.socket, address, result));
    match bound {
        Ok(()) => {
            let is_bound = true;
            state
                .hosted
                .put_udp(id, Some(Beside { is_bound, ..beside }));
        }
        Err(_) => state.drop_hosted_udp(id),
    }
    bound
}

/// `bind` of the host's.
pub(crate) fn bind_host(socket: u32, address: SocketAddr, result: &mut Room) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = lower_address(address);
    host_bind(socket, a, b, c, d, e, f, g, h, i, j, k, l, result);
}

/// Connects a socket that is the host's, or that leads there: how that ended. What a socket was
/// connected to before, it is no more.
pub(crate) fn connect(
    state: &mut State,
    id: UdpId,
    address: SocketAddr,
) -> Option<Result<(), Code>> {
    let before = state.hosted.beside(id);
    let is_bound = before.is_some_and(|it| it.is_bound);
    if !is_bound && (state.has_udp(address) || !state.may_lead_out(id)) {
        if before.is_some_and(|it| it.is_connected) {
            // The network has the rest to say of it.
            let _ = disconnect(state, id);
        }
        return None;
    }
    if !is_bound && state.network.udp_remote_address(id).is_err() {
        // What is wrong with the address is for the network to say, which does not have it.
        let code = state.network.udp_connect(id, address).err()?;
        if code == ErrorCode::InvalidArgument {
            return None;
        }
    }
    Some(connect_host(state, id, address))
}

fn connect_host(state: &mut State, id: UdpId, address: SocketAddr) -> Result<(), Code> {
    let is_new = state.hosted.beside(id).is_none();
    let beside = beside(state, id)?;
    let [a, b, c, d, e, f, g, h, i, j, k, l] = lower_address(address);
    let socket = beside.socket;
    let connected =
        settle(|result| host_connect(socket, a, b, c, d, e, f, g, h, i, j, k, l, result));
    if let Err(code) = connected {
        if is_new {
            state.drop_hosted_udp(id);
        }
        return Err(code);
    }
    let _ = state.network.udp_disconnect(id);
    // It is bound also when it is connected no more.
    let _ = state.bind_implicitly(id);
    let is_connected = true;
    state.hosted.put_udp(
        id,
        Some(Beside {
            is_connected,
            ..beside
        }),
    );
    state.waits.wake(|it| it == For::Receive(id));
    Ok(())
}

/// Disconnects a socket that is the host's, which may be the network's again then.
pub(crate) fn disconnect(state: &mut State, id: UdpId) -> Result<(), Code> {
    let Some(beside) = state.hosted.beside(id) else {
        return Err(Code(error_code::INVALID_STATE));
    };
    settle(|result| host_disconnect(beside.socket, result))?;
    let is_connected = false;
    state.hosted.put_udp(
        id,
        Some(Beside {
            is_connected,
            ..beside
        }),
    );
    state.waits.wake(|it| it == For::Receive(id));
    Ok(())
}

/// Whether a datagram goes through a socket of the host's, which the network has said this of.
pub(crate) fn leads_out(state: &State, id: UdpId, to: SocketAddr, code: ErrorCode) -> bool {
    is_denied(to, code) && !state.has_udp(to) && state.may_lead_out(id)
}

/// Sends a datagram through a socket of the host's: what to return.
pub(crate) fn send(
    state: &mut State,
    id: UdpId,
    [at, count]: [u32; 2],
    to: Option<SocketAddr>,
) -> u32 {
    let data = Given(at, count);
    let beside = match beside_that_hears(state, id) {
        Ok(beside) => beside,
        Err(code) => {
            give_sent(Err(code));
            return state.waits.over();
        }
    };
    let call = |Block { params, result }: &mut Block| {
        let params_ = &mut params.0;
        beside.socket.put(params_);
        [at, count].put(&mut params_[udp_socket_send::DATA..]);
        u8::from(to.is_some()).put(&mut params_[udp_socket_send::REMOTE_ADDRESS..]);
        if let Some(to) = to {
            to.put(&mut params_[udp_socket_send::REMOTE_ADDRESS_PAYLOAD..]);
        }
        host_send(params, result)
    };
    let give_up = || give_sent(Err(Code(error_code::OUT_OF_MEMORY)));
    state.call_host(Some(data), call, send_on, give_up)
}

/// The one that goes with a socket, which is bound as one is that sends.
fn beside_that_hears(state: &mut State, id: UdpId) -> Result<Beside, Code> {
    let is_new = state.hosted.beside(id).is_none();
    let beside = beside(state, id)?;
    if is_new {
        let anywhere = state.bind_implicitly(id);
        let bound = anywhere
            .map_err(Code::from)
            .and_then(|anywhere| settle(|result| bind_host(beside.socket, anywhere, result)));
        if let Err(code) = bound {
            state.drop_hosted_udp(id);
            return Err(code);
        }
        // Who waits for a datagram waits for the host's too from now on.
        state.waits.wake(|it| it == For::Receive(id));
    }
    Ok(beside)
}

/// Gives how sending has ended.
pub(crate) fn send_on(state: &mut State, _: For) -> Progress {
    let Some(call) = state.waits.take_call() else {
        return Progress::Waits;
    };
    let ([is_error, code, given, at, count], _text) = call.result().flat(udp_socket_send::PAYLOAD);
    return_send(is_error, code, given, at, count);
    Progress::Returned
}

/// Whether the host is to be asked before the network. Who comes first changes from call to call, so that
/// neither starves.
fn comes_first(state: &mut State, id: UdpId) -> bool {
    let Some(beside) = state.hosted.beside(id) else {
        return false;
    };
    let is_first = !beside.is_first;
    state
        .hosted
        .put_udp(id, Some(Beside { is_first, ..beside }));
    beside.is_first || beside.is_all()
}

/// Gives a datagram that the host has received, or waits for it where the network has no part in the
/// socket; nothing where the network is to be asked.
pub(crate) fn receive_on(state: &mut State, id: UdpId) -> Option<Progress> {
    let Some(call) = state.waits.take_call() else {
        // What is in memory is taken once the call is taken back.
        let waits = state.waits.call().is_some() || comes_first(state, id);
        return waits.then_some(Progress::Waits);
    };
    let result = call.result();
    if result.is_error() {
        let ([_, code, given, at, count], _text) = result.flat(udp_socket_receive::PAYLOAD);
        return_receive(1, code, given, at, count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        return Some(Progress::Returned);
    }
    let payload = udp_socket_receive::PAYLOAD;
    let data = Given(result.word(payload), result.word(payload + 4));
    let from = result.0.get(payload + udp_socket_receive::PART_1..);
    let from = crate::lower::read_address(from.unwrap_or_default());
    let [a, b, c, d, e, f, g, h, i, j, k, l] = lower_address(from);
    #[rustfmt::skip]
    return_receive(0, data.0, data.1, a, b, c, d, e, f, g, h, i, j, k, l);
    Some(Progress::Returned)
}
