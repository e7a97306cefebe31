//! UDP sockets that have one of the host's beside them.
//!
//! A socket that is bound to a wildcard address and not connected may send anywhere: what is on
//! loopback is in memory, what is not goes through a socket of the host's. That is made when the first
//! datagram leads there, and the socket hears from both. It is bound to the wildcard address and a
//! port that the host chooses, as behind a router that translates addresses: the port that the
//! program asked for is one of the network in memory, and who binds it on the host is not the
//! program's to say.
//!
//! The streams of the host's socket live as long as it does, whatever the program does with its own:
//! what came meanwhile is there for the next ones. A pollable of the program's has one of the host's
//! with it, from when it is first waited for. Functions that know of all this take the place of the
//! network's others, under names with `[beside]` in them, where a policy leads UDP to the host.

use crate::binding::Slot;
use crate::guest::{Guest, Incoming, Outgoing};
use crate::handles::{Handle, Resource};
use crate::layout::udp::{incoming_datagram, outgoing_datagram};
use crate::lower::{FLAT, answer, layout};
use crate::route;
use crate::state::{State, state};
use crate::udp::{
    Datagram, LONGEST, Received, is_denied, receive_by, send_by, send_inside, settle,
};
use sockvirt_netstack::{ErrorCode, SocketOption, UdpId};

/// The options of UDP sockets, and how they are set on one of the host's.
pub(crate) const OPTIONS: [(SocketOption, Slot); 3] = [
    (SocketOption::HopLimit, Slot::HopLimitUdp),
    (SocketOption::ReceiveBuffer, Slot::ReceiveBufferUdp),
    (SocketOption::SendBuffer, Slot::SendBufferUdp),
];

/// Whether a socket is one that may have another beside it.
pub(crate) fn may_lead_out(state: &State, id: UdpId) -> bool {
    let asked = state.network.udp_asked(id);
    asked.is_some_and(|it| it.ip().is_unspecified())
}

/// A socket of the host's beside another one, and its streams.
#[derive(Clone, Copy)]
pub(crate) struct Companion {
    socket: u32,
    incoming: u32,
    outgoing: u32,
    /// Whether what it has heard is received first.
    is_first: bool,
}

/// The one beside a socket.
fn companion(state: &mut State, socket: Handle) -> Option<&mut Companion> {
    let number = state.handles.beside(socket)?;
    state.companions.get_mut(number as usize - 1)?.as_mut()
}

/// The one beside the socket that a stream is of.
fn companion_of(state: &mut State, stream: Handle) -> Option<&mut Companion> {
    let socket = state.handles.parent(stream)?;
    companion(state, socket)
}

/// A socket of the host's that is bound to the wildcard address, with these streams.
fn make(
    state: &mut State,
    guest: Guest,
    binding: u32,
    id: UdpId,
    remote: Option<[u32; FLAT]>,
) -> Result<(u32, [u32; 2]), ErrorCode> {
    let socket = route::create_udp(state, guest, id)?;
    let network = route::network_of(state, binding);
    let bound = guest.bind_udp(socket, network, state.network.udp_family(id));
    match bound.and_then(|()| guest.stream_udp(socket, remote)) {
        Ok(streams) => Ok((socket, streams)),
        Err(code) => {
            guest.drop_host(Slot::DropUdp, socket);
            Err(code)
        }
    }
}

/// Puts one beside a socket that has none.
fn put(
    state: &mut State,
    guest: Guest,
    binding: u32,
    this: Handle,
    id: UdpId,
) -> Result<Companion, ErrorCode> {
    let (socket, [incoming, outgoing]) = make(state, guest, binding, id, None)?;
    let companion = Companion {
        socket,
        incoming,
        outgoing,
        is_first: false,
    };
    let free = state.companions.iter().position(Option::is_none);
    let number = free.unwrap_or(state.companions.len());
    match state.companions.get_mut(number) {
        Some(place) => *place = Some(companion),
        None => state.companions.push(Some(companion)),
    }
    state.handles.put_beside(this, number as u32 + 1);
    state.count_hosted(1);
    Ok(companion)
}

/// Drops what is beside a socket. No pollable waits for it any more: those of the program's were
/// children of its streams, which are gone.
pub(crate) fn part(state: &mut State, guest: Guest, this: Handle) {
    let number = state.handles.take_beside(this);
    let place = number.and_then(|it| state.companions.get_mut(it as usize - 1));
    if let Some(companion) = place.and_then(Option::take) {
        guest.drop_host(Slot::DropIncoming, companion.incoming);
        guest.drop_host(Slot::DropOutgoing, companion.outgoing);
        guest.drop_host(Slot::DropUdp, companion.socket);
        state.count_hosted(-1);
    }
}

/// Connects a socket to an address that leads out. A new one of the host's takes its place then, and
/// its streams are the host's own. It is not the one beside it: wasmtime ends a program that
/// connects a socket while it still hears.
pub(crate) fn connect(
    state: &mut State,
    guest: Guest,
    binding: u32,
    this: Handle,
    remote: [u32; FLAT],
) -> Result<[u32; 2], ErrorCode> {
    let id = state.udp(this);
    let (socket, streams) = make(state, guest, binding, id, Some(remote))?;
    part(state, guest, this);
    state.network.udp_drop(id);
    let resource = Resource::HostUdp(socket);
    state.handles.become_another(this, resource);
    state.count_hosted(1);
    Ok(streams)
}

/// The pollable of the host's that goes with one that waits for a stream, if there is a socket of the
/// host's beside that.
pub(crate) fn pollable_of(
    state: &mut State,
    guest: Guest,
    pollable: Handle,
    stream: Handle,
) -> Option<u32> {
    let resource = state.handles.get(stream);
    let companion = *companion_of(state, stream)?;
    let (slot, of_host) = match resource {
        Resource::Incoming(_) => (Slot::SubscribeIncoming, companion.incoming),
        Resource::Outgoing(_) => (Slot::SubscribeOutgoing, companion.outgoing),
        _ => return None,
    };
    let known = state.handles.beside(pollable);
    Some(known.unwrap_or_else(|| {
        let of_host = guest.subscribe(slot, of_host);
        state.handles.put_beside(pollable, of_host);
        of_host
    }))
}

/// Receives from both. Who comes first changes from call to call, so that neither starves.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[beside][method]incoming-datagram-stream.receive")]
extern "C" fn receive(this: Handle, most: u64, to: u32, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    let id = state.incoming(this);
    receive_by(guest, most, to, |received| {
        let Some(companion) = companion_of(state, this) else {
            return received.take_from_memory(state, id);
        };
        let Companion {
            incoming, is_first, ..
        } = *companion;
        companion.is_first = !is_first;
        if is_first {
            take_from_host(received, incoming)?;
            received.take_from_memory(state, id)
        } else {
            received.take_from_memory(state, id)?;
            take_from_host(received, incoming)
        }
    });
}

fn take_from_host(received: &mut Received, incoming: u32) -> Result<(), ErrorCode> {
    let Some(most) = received.room() else {
        return Ok(());
    };
    let guest = received.guest;
    guest.receive(incoming, most, |mut record: Incoming, data: &[u8]| {
        let at = received.deliver(data);
        let place = incoming_datagram::DATA..incoming_datagram::DATA + 4;
        if let Some(place) = record.get_mut(place) {
            place.copy_from_slice(&at.to_le_bytes());
        }
        received.add(&record, data.len());
    })
}

/// As many as both let in.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[beside][method]outgoing-datagram-stream.check-send")]
extern "C" fn check_send(this: Handle, to: u32, binding: u32) {
    let (state, guest) = (state(), Guest::new(binding));
    let id = state.outgoing(this);
    let permit = match companion_of(state, this) {
        Some(companion) => guest.check_send(companion.outgoing),
        None => Ok(u64::MAX),
    };
    let permit = permit.and_then(|most| state.network.udp_check_send_within(id, most));
    let layout = layout!(udp outgoing_datagram_stream_check_send);
    answer(guest, to, layout, permit);
}

/// Sends each datagram where its address leads.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[beside][method]outgoing-datagram-stream.send")]
extern "C" fn send(this: Handle, first: u32, count: u32, to: u32, binding: u32) {
    send_by(
        this,
        first,
        count,
        to,
        binding,
        |state, guest, id, datagram, is_first| match send_inside(state, guest, id, datagram) {
            Err(code) if leads_out(state, id, datagram, code) => {
                send_out(state, guest, binding, this, id, datagram)
            }
            result => settle(result, is_first),
        },
    );
}

fn leads_out(state: &State, id: UdpId, datagram: &Datagram, code: ErrorCode) -> bool {
    datagram.to.is_some_and(|to| is_denied(to, code)) && may_lead_out(state, id)
}

/// Sends a datagram through the host's socket. [`ErrorCode::WouldBlock`] says that there is no room
/// now.
fn send_out(
    state: &mut State,
    guest: Guest,
    binding: u32,
    this: Handle,
    id: UdpId,
    datagram: &Datagram,
) -> Result<(), ErrorCode> {
    if datagram.length > LONGEST {
        return Err(ErrorCode::DatagramTooLarge);
    }
    let outgoing = outgoing_of(state, guest, binding, this, id)?;
    if guest.check_send(outgoing)? == 0 {
        return Err(ErrorCode::WouldBlock);
    }
    let data = datagram.read_data(guest);
    let mut record = datagram.record;
    let place = outgoing_datagram::DATA..outgoing_datagram::DATA + 4;
    if let Some(place) = record.get_mut(place) {
        let at = data.as_ptr().expose_provenance() as u32;
        place.copy_from_slice(&at.to_le_bytes());
    }
    match guest.send(outgoing, &Outgoing(record))? {
        0 => Err(ErrorCode::WouldBlock),
        _ => Ok(()),
    }
}

/// The stream of the host's that goes with one of the network's, which is there from now on.
fn outgoing_of(
    state: &mut State,
    guest: Guest,
    binding: u32,
    this: Handle,
    id: UdpId,
) -> Result<u32, ErrorCode> {
    if let Some(companion) = companion_of(state, this) {
        return Ok(companion.outgoing);
    }
    let socket = state.handles.parent(this).ok_or(ErrorCode::InvalidState)?;
    let companion = put(state, guest, binding, socket, id)?;
    Ok(companion.outgoing)
}

/// An option, which is set on both.
macro_rules! options {
    ($($name:literal $setter:ident $core:ty, $option:ident $slot:ident $layout:ident;)*) => {$(
        #[unsafe(export_name = $name)]
        extern "C" fn $setter(this: Handle, value: $core, to: u32, binding: u32) {
            let (state, guest) = (state(), Guest::new(binding));
            let option = (SocketOption::$option, Slot::$slot);
            let result = set(state, guest, this, option, value.into());
            answer(guest, to, layout!(udp $layout), result);
        }
    )*};
}

options! {
    "wasi:sockets/udp@0.2#[beside][method]udp-socket.set-unicast-hop-limit"
        set_unicast_hop_limit u32, HopLimit HopLimitUdp udp_socket_set_unicast_hop_limit;
    "wasi:sockets/udp@0.2#[beside][method]udp-socket.set-receive-buffer-size"
        set_receive_buffer_size u64, ReceiveBuffer ReceiveBufferUdp udp_socket_set_receive_buffer_size;
    "wasi:sockets/udp@0.2#[beside][method]udp-socket.set-send-buffer-size"
        set_send_buffer_size u64, SendBuffer SendBufferUdp udp_socket_set_send_buffer_size;
}

fn set(
    state: &mut State,
    guest: Guest,
    this: Handle,
    (option, slot): (SocketOption, Slot),
    value: u64,
) -> Result<(), ErrorCode> {
    let id = state.udp(this);
    state.network.udp_set_option(id, option, value)?;
    if let Some(companion) = companion(state, this) {
        guest.set(slot, companion.socket, value);
    }
    Ok(())
}
