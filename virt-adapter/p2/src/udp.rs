//! `wasi:sockets/udp@0.2`

use crate::beside;
use crate::config::{LOST, denied};
use crate::guest::Guest;
use crate::handles::{Handle, Resource, Subject};
use crate::layout::udp::{incoming_datagram, outgoing_datagram};
use crate::lower::{answer, layout, lift_address, load_address, lower_family};
use crate::memory::trap;
use crate::route;
use crate::state::{Network, State, state};
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use sockvirt_netstack::{ErrorCode, SocketOption, UdpId};

/// Whether an error is how the policy ends what leads to an address that is not inside.
pub(crate) fn is_denied(remote: SocketAddr, code: ErrorCode) -> bool {
    let early = [
        ErrorCode::InvalidArgument,
        ErrorCode::InvalidState,
        ErrorCode::DatagramTooLarge,
    ];
    !Network::is_inside(remote.ip()) && !early.contains(&code)
}

/// Whether a socket has streams that are not dropped.
fn has_streams(state: &State, socket: Handle) -> bool {
    state.handles.has_child(socket, |child| {
        matches!(child, Resource::Incoming(_) | Resource::Outgoing(_))
    })
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.start-bind")]
#[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
#[rustfmt::skip]
extern "C" fn start_bind(
    this: Handle, network: Handle,
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
    g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
    to: u32, binding: u32,
) {
    let state = state();
    state.check_network(network);
    let address = lift_address([a, b, c, d, e, f, g, h, i, j, k, l]);
    let result = begin_bind(state, this, address).map_err(|code| match code {
        ErrorCode::AddressNotBindable if !Network::is_inside(address.ip()) => {
            denied(state.outside.udp_bind)
        }
        code => code,
    });
    answer(Guest::new(binding), to, layout!(udp udp_socket_start_bind), result);
}

fn begin_bind(state: &mut State, this: Handle, address: SocketAddr) -> Result<(), ErrorCode> {
    let id = state.udp(this);
    match has_streams(state, this) {
        true => Err(ErrorCode::InvalidState),
        false => state.network.udp_start_bind(id, address),
    }
}

/// The socket of the host's that must be bound in its place; 0 for none.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[route]udp-socket.start-bind")]
#[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
#[rustfmt::skip]
extern "C" fn route_start_bind(
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
    let mut result = begin_bind(state, this, address);
    if result == Err(ErrorCode::AddressNotBindable) && !Network::is_inside(address.ip()) {
        let id = state.udp(this);
        match route::turn_udp(state, guest, this, id) {
            Ok(socket) => return socket,
            Err(code) => result = Err(code),
        }
    }
    answer(guest, to, layout!(udp udp_socket_start_bind), result);
    0
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.finish-bind")]
extern "C" fn finish_bind(this: Handle, to: u32, binding: u32) {
    let state = state();
    let result = state.network.udp_finish_bind(state.udp(this));
    answer(
        Guest::new(binding),
        to,
        layout!(udp udp_socket_finish_bind),
        result,
    );
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.stream")]
#[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
#[rustfmt::skip]
extern "C" fn stream(
    this: Handle, given: u32,
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
    g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
    to: u32, binding: u32,
) {
    let (state, guest) = (state(), Guest::new(binding));
    let remote = (given != 0).then(|| lift_address([a, b, c, d, e, f, g, h, i, j, k, l]));
    let opened = open_streams(state, this, remote);
    finish_stream(state, guest, this, remote, to, opened);
}

/// Connects a socket, or disconnects it. It must have no streams.
fn open_streams(
    state: &mut State,
    this: Handle,
    remote: Option<SocketAddr>,
) -> Result<(), ErrorCode> {
    let id = state.udp(this);
    if has_streams(state, this) {
        trap();
    }
    state.network.udp_stream(id, remote)
}

fn finish_stream(
    state: &mut State,
    guest: Guest,
    this: Handle,
    remote: Option<SocketAddr>,
    to: u32,
    opened: Result<(), ErrorCode>,
) {
    let id = state.udp(this);
    let opened = opened.map_err(|code| match remote {
        // The codes of the policy: what is invalid is found before.
        Some(remote) if is_denied(remote, code) => denied(state.outside.udp_connect),
        _ => code,
    });
    let streams = opened.map(|()| {
        [Resource::Incoming(id), Resource::Outgoing(id)]
            .map(|stream| state.handles.give_child(stream, this))
    });
    answer(guest, to, layout!(udp udp_socket_stream), streams);
}

/// The socket of the host's that must be connected in its place; 0 for none. One that is bound to a
/// wildcard address becomes the host's when it is connected elsewhere, and only then.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[route]udp-socket.stream")]
#[allow(clippy::too_many_arguments, reason = "an address is passed as twelve numbers")]
#[rustfmt::skip]
extern "C" fn route_stream(
    this: Handle, given: u32,
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
    g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
    to: u32, binding: u32,
) -> u32 {
    let (state, guest) = (state(), Guest::new(binding));
    if let Some(socket) = route::host_socket(state, this) {
        return socket;
    }
    let flat = [a, b, c, d, e, f, g, h, i, j, k, l];
    let remote = (given != 0).then(|| lift_address(flat));
    let opened = open_streams(state, this, remote);
    if let (Some(remote), Err(code)) = (remote, opened)
        && is_denied(remote, code)
        && beside::may_lead_out(state, state.udp(this))
    {
        let streams = beside::connect(state, guest, binding, this, flat);
        answer(guest, to, layout!(udp udp_socket_stream), streams);
        return 0;
    }
    finish_stream(state, guest, this, remote, to, opened);
    // One that is connected there hears nothing else.
    if remote.is_some() && opened.is_ok() {
        beside::part(state, guest, this);
    }
    0
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.local-address")]
extern "C" fn local_address(this: Handle, to: u32, binding: u32) {
    let state = state();
    let address = state.network.udp_local_address(state.udp(this));
    answer(
        Guest::new(binding),
        to,
        layout!(udp udp_socket_local_address),
        address,
    );
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.remote-address")]
extern "C" fn remote_address(this: Handle, to: u32, binding: u32) {
    let state = state();
    let address = state.network.udp_remote_address(state.udp(this));
    answer(
        Guest::new(binding),
        to,
        layout!(udp udp_socket_remote_address),
        address,
    );
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.address-family")]
extern "C" fn address_family(this: Handle, _: u32) -> u32 {
    let state = state();
    lower_family(state.network.udp_family(state.udp(this)))
}

/// An option: how to read it, and how to set it.
macro_rules! options {
    ($($option:ident $core:ty, $ty:ty,
       $get:literal $getter:ident $get_layout:ident,
       $set:literal $setter:ident $set_layout:ident;)*) => {$(
        #[unsafe(export_name = $get)]
        extern "C" fn $getter(this: Handle, to: u32, binding: u32) {
            let state = state();
            let value = state.network.udp_option(state.udp(this), SocketOption::$option);
            let value = value.map(|value| value as $ty);
            answer(Guest::new(binding), to, layout!(udp $get_layout), value);
        }

        #[unsafe(export_name = $set)]
        extern "C" fn $setter(this: Handle, value: $core, to: u32, binding: u32) {
            let state = state();
            let id = state.udp(this);
            let result = state.network.udp_set_option(id, SocketOption::$option, value.into());
            answer(Guest::new(binding), to, layout!(udp $set_layout), result);
        }
    )*};
}

options! {
    HopLimit u32, u8,
        "wasi:sockets/udp@0.2#[method]udp-socket.unicast-hop-limit"
        unicast_hop_limit udp_socket_unicast_hop_limit,
        "wasi:sockets/udp@0.2#[method]udp-socket.set-unicast-hop-limit"
        set_unicast_hop_limit udp_socket_set_unicast_hop_limit;
    ReceiveBuffer u64, u64,
        "wasi:sockets/udp@0.2#[method]udp-socket.receive-buffer-size"
        receive_buffer_size udp_socket_receive_buffer_size,
        "wasi:sockets/udp@0.2#[method]udp-socket.set-receive-buffer-size"
        set_receive_buffer_size udp_socket_set_receive_buffer_size;
    SendBuffer u64, u64,
        "wasi:sockets/udp@0.2#[method]udp-socket.send-buffer-size"
        send_buffer_size udp_socket_send_buffer_size,
        "wasi:sockets/udp@0.2#[method]udp-socket.set-send-buffer-size"
        set_send_buffer_size udp_socket_set_send_buffer_size;
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]udp-socket.subscribe")]
extern "C" fn subscribe(this: Handle, _: u32) -> Handle {
    let state = state();
    state.udp(this);
    let pollable = Resource::Pollable(Subject::Nothing);
    state.handles.give_child(pollable, this)
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[resource-drop]udp-socket")]
extern "C" fn drop_socket(this: Handle, _: u32) {
    let state = state();
    match state.handles.take(this) {
        Resource::Udp(id) => state.network.udp_drop(id),
        _ => trap(),
    }
}

/// The socket of the host's that must be dropped in its place; 0 for none.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[route][resource-drop]udp-socket")]
extern "C" fn route_drop_socket(this: Handle, binding: u32) -> u32 {
    let state = state();
    beside::part(state, Guest::new(binding), this);
    match state.handles.take(this) {
        Resource::Udp(id) => state.network.udp_drop(id),
        Resource::HostUdp(socket) => {
            state.count_hosted(-1);
            return socket;
        }
        _ => trap(),
    }
    0
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]incoming-datagram-stream.subscribe")]
extern "C" fn subscribe_incoming(this: Handle, _: u32) -> Handle {
    let state = state();
    let pollable = Resource::Pollable(Subject::Incoming(state.incoming(this)));
    state.handles.give_child(pollable, this)
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.subscribe")]
extern "C" fn subscribe_outgoing(this: Handle, _: u32) -> Handle {
    let state = state();
    state.outgoing(this);
    let pollable = Resource::Pollable(Subject::Nothing);
    state.handles.give_child(pollable, this)
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[resource-drop]incoming-datagram-stream")]
extern "C" fn drop_incoming(this: Handle, _: u32) {
    let state = state();
    match state.handles.take(this) {
        Resource::Incoming(id) => state.network.udp_drop_input(id),
        _ => trap(),
    }
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[resource-drop]outgoing-datagram-stream")]
extern "C" fn drop_outgoing(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Outgoing(_) => {}
        _ => trap(),
    }
}

/// As many datagrams are received at once at most, and no more once they have so many bytes, as in
/// wasmtime.
const MOST: u64 = 16;
const MOST_BYTES: usize = 64 << 10;

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]incoming-datagram-stream.receive")]
extern "C" fn receive(this: Handle, most: u64, to: u32, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    let id = state.incoming(this);
    receive_by(guest, most, to, |received| {
        received.take_from_memory(state, id)
    });
}

/// Receives what there is. As the WIT has it, an error is only told where nothing was received before
/// it.
#[inline(always)]
pub(crate) fn receive_by(
    guest: Guest,
    most: u64,
    to: u32,
    take: impl FnOnce(&mut Received) -> Result<(), ErrorCode>,
) {
    let mut received = Received {
        guest,
        most: most.min(MOST),
        bytes: 0,
        count: 0,
        records: vec![],
    };
    let result = match take(&mut received) {
        Err(code) if received.count == 0 => Err(code),
        _ => Ok(received.list()),
    };
    let layout = layout!(udp incoming_datagram_stream_receive);
    answer(guest, to, layout, result);
}

/// Datagrams on their way into the guest's memory.
pub(crate) struct Received {
    pub(crate) guest: Guest,
    most: u64,
    bytes: usize,
    count: u64,
    records: Vec<u8>,
}

impl Received {
    /// How many more may be received, if any.
    pub(crate) fn room(&self) -> Option<u64> {
        let room = self.most.saturating_sub(self.count);
        (room > 0 && self.bytes < MOST_BYTES).then_some(room)
    }

    /// Puts data into the guest's memory.
    pub(crate) fn deliver(&self, data: &[u8]) -> u32 {
        let at = self.guest.allocate(1, data.len() as u32);
        self.guest.write(at, data);
        at
    }

    /// Adds an `incoming-datagram` whose data, of a length, is there.
    pub(crate) fn add(&mut self, record: &[u8; incoming_datagram::SIZE], length: usize) {
        self.records.extend_from_slice(record);
        self.bytes += 1 + length;
        self.count += 1;
    }

    /// Receives what is in memory.
    pub(crate) fn take_from_memory(
        &mut self,
        state: &mut State,
        id: UdpId,
    ) -> Result<(), ErrorCode> {
        use crate::lower::{Bytes, Value};
        while self.room().is_some() {
            let is_there = state.network.udp_receive_with(id, |data, from| {
                let at = self.deliver(data);
                let mut record = [0; incoming_datagram::SIZE];
                let mut bytes = Bytes::new(&mut record);
                [at, data.len() as u32].put(&mut bytes.from(incoming_datagram::DATA));
                from.put(&mut bytes.from(incoming_datagram::REMOTE_ADDRESS));
                self.add(&record, data.len());
            })?;
            if !is_there {
                break;
            }
        }
        Ok(())
    }

    /// The list of them, in the guest's memory.
    fn list(&self) -> [u32; 2] {
        let list = self.guest.allocate(4, self.records.len() as u32);
        self.guest.write(list, &self.records);
        [list, self.count as u32]
    }
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.check-send")]
extern "C" fn check_send(this: Handle, to: u32, binding: u32) {
    let state = state();
    let permit = state.network.udp_check_send(state.outgoing(this));
    let layout = layout!(udp outgoing_datagram_stream_check_send);
    answer(Guest::new(binding), to, layout, permit);
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.send")]
extern "C" fn send(this: Handle, first: u32, count: u32, to: u32, binding: u32) {
    send_by(
        this,
        first,
        count,
        to,
        binding,
        |state, guest, id, datagram, is_first| {
            settle(send_inside(state, guest, id, datagram), is_first)
        },
    );
}

/// Sends until one fails, or there is no room. As the WIT has it, an error is only told where nothing
/// was sent before it.
#[inline(always)]
pub(crate) fn send_by(
    this: Handle,
    first: u32,
    count: u32,
    to: u32,
    binding: u32,
    send_one: impl Fn(&mut State, Guest, UdpId, &Datagram, bool) -> Result<(), ErrorCode>,
) {
    let (state, guest) = (state(), Guest::new(binding));
    let id = state.outgoing(this);
    if count > 0 && !state.network.udp_begin_send(id, count.into()) {
        trap();
    }
    let mut sent = 0;
    let mut result = Ok(());
    while sent < count && result.is_ok() {
        let at = first.wrapping_add(sent * outgoing_datagram::SIZE as u32);
        let datagram = Datagram::read(guest, at);
        result = send_one(state, guest, id, &datagram, sent == 0);
        sent += u32::from(result.is_ok());
    }
    let result = match result {
        Err(code) if sent == 0 && code != ErrorCode::WouldBlock => Err(code),
        _ => Ok(u64::from(sent)),
    };
    let layout = layout!(udp outgoing_datagram_stream_send);
    answer(guest, to, layout, result);
}

/// An `outgoing-datagram` that is in the guest's memory, and its data too.
pub(crate) struct Datagram {
    pub(crate) record: [u8; outgoing_datagram::SIZE],
    data: u32,
    pub(crate) length: usize,
    pub(crate) to: Option<SocketAddr>,
}

/// The longest datagram as wasmtime has it.
pub(crate) const LONGEST: usize = u16::MAX as usize;

impl Datagram {
    fn read(guest: Guest, at: u32) -> Self {
        let mut record = [0; outgoing_datagram::SIZE];
        guest.read(at, &mut record);
        let word = |at: usize| {
            let bytes = record.get(at..at + 4).and_then(|it| it.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default())
        };
        let data = word(outgoing_datagram::DATA);
        let length = word(outgoing_datagram::DATA + 4) as usize;
        let to = match record.get(outgoing_datagram::REMOTE_ADDRESS..) {
            // An `ip-socket-address` is aligned to 4, as its flow is.
            Some([1, _, _, _, address @ ..]) => Some(load_address(address)),
            _ => None,
        };
        Datagram {
            record,
            data,
            length,
            to,
        }
    }

    /// Its data, which is no longer than [`LONGEST`].
    pub(crate) fn read_data(&self, guest: Guest) -> Vec<u8> {
        let mut data = vec![0; self.length.min(LONGEST)];
        guest.read(self.data, &mut data);
        data
    }
}

pub(crate) fn send_inside(
    state: &mut State,
    guest: Guest,
    id: UdpId,
    datagram: &Datagram,
) -> Result<(), ErrorCode> {
    let fill = |place: &mut [u8]| guest.read(datagram.data, place);
    state
        .network
        .udp_send_with(id, datagram.length, datagram.to, fill)
}

/// What becomes of a datagram that is denied. The guest is not ended for one that is not told of.
pub(crate) fn settle(result: Result<(), ErrorCode>, is_first: bool) -> Result<(), ErrorCode> {
    match result {
        Err(LOST) => Ok(()),
        Err(code) if is_first => Err(denied(code)),
        result => result,
    }
}
