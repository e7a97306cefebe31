//! Sockets that become ones of the host's.
//!
//! Where a socket leads is known only when it is bound or connected. Until then it is one of the
//! network's. If it then leads elsewhere, and the policy lets something out, a socket of the host's
//! takes its place, with the options that were set; what the guest has is the same handle. Glue asks
//! here which socket of the host's it stands for, and calls the host with that. What is given for
//! it, streams and pollables, is the host's own.

use crate::beside;
use crate::binding::Slot;
use crate::guest::Guest;
use crate::handles::{Handle, Resource};
use crate::state::{State, state};
use sockvirt_netstack::{ErrorCode, SocketOption, TcpId, UdpId};

/// The socket of the host's that a handle stands for; 0 for none.
#[unsafe(export_name = "sockvirt#route")]
extern "C" fn route(this: Handle, _: u32) -> u32 {
    host_socket(state(), this).unwrap_or(0)
}

/// A network of the host's.
#[unsafe(export_name = "sockvirt#network")]
extern "C" fn network(binding: u32) -> u32 {
    network_of(state(), binding)
}

/// The socket of the host's that a handle stands for.
pub(crate) fn host_socket(state: &State, this: Handle) -> Option<u32> {
    match state.handles.get(this) {
        Resource::HostTcp { socket, .. } | Resource::HostUdp(socket) => Some(socket),
        _ => None,
    }
}

/// A network of the host's, for a binding. It lives as long as the component.
pub(crate) fn network_of(state: &mut State, binding: u32) -> u32 {
    let mut known = state.networks.iter();
    if let Some((_, network)) = known.find(|(it, _)| *it == binding) {
        return *network;
    }
    let network = Guest::new(binding).instance_network();
    state.networks.push((binding, network));
    network
}

/// The pollable of the host's that stands for those of a socket from before it became the host's.
pub(crate) fn pollable_of(state: &mut State, guest: Guest, this: Handle) -> Option<u32> {
    match state.handles.get(this) {
        Resource::HostTcp {
            socket,
            pollable: 0,
        } => {
            let pollable = guest.subscribe(Slot::SubscribeTcp, socket);
            let resource = Resource::HostTcp { socket, pollable };
            state.handles.become_another(this, resource);
            Some(pollable)
        }
        Resource::HostTcp { pollable, .. } => Some(pollable),
        _ => None,
    }
}

fn slot_of_tcp(option: SocketOption) -> Slot {
    match option {
        SocketOption::KeepAlive => Slot::KeepAlive,
        SocketOption::KeepAliveIdle => Slot::KeepAliveIdle,
        SocketOption::KeepAliveInterval => Slot::KeepAliveInterval,
        SocketOption::KeepAliveCount => Slot::KeepAliveCount,
        SocketOption::HopLimit => Slot::HopLimitTcp,
        SocketOption::ReceiveBuffer => Slot::ReceiveBufferTcp,
        SocketOption::SendBuffer => Slot::SendBufferTcp,
    }
}

/// Has a socket of the host's take the place of one of the network's.
pub(crate) fn turn_tcp(
    state: &mut State,
    guest: Guest,
    this: Handle,
    id: TcpId,
) -> Result<u32, ErrorCode> {
    let socket = guest.create(Slot::CreateTcp, state.network.tcp_family(id))?;
    for option in SocketOption::ALL {
        if let Some(value) = state.network.tcp_chosen(id, option) {
            guest.set(slot_of_tcp(option), socket, value);
        }
    }
    if let Some(backlog) = state.network.tcp_chosen_backlog(id) {
        guest.set(Slot::Backlog, socket, backlog);
    }
    state.network.tcp_drop(id);
    let pollable = 0;
    let resource = Resource::HostTcp { socket, pollable };
    state.handles.become_another(this, resource);
    state.count_hosted(1);
    Ok(socket)
}

/// A socket of the host's with the options that were set on one of the network's.
pub(crate) fn create_udp(state: &mut State, guest: Guest, id: UdpId) -> Result<u32, ErrorCode> {
    let socket = guest.create(Slot::CreateUdp, state.network.udp_family(id))?;
    for (option, slot) in beside::OPTIONS {
        if let Some(value) = state.network.udp_chosen(id, option) {
            guest.set(slot, socket, value);
        }
    }
    Ok(socket)
}

/// Has a socket of the host's take the place of one of the network's.
pub(crate) fn turn_udp(
    state: &mut State,
    guest: Guest,
    this: Handle,
    id: UdpId,
) -> Result<u32, ErrorCode> {
    let socket = create_udp(state, guest, id)?;
    state.network.udp_drop(id);
    let resource = Resource::HostUdp(socket);
    state.handles.become_another(this, resource);
    state.count_hosted(1);
    Ok(socket)
}
