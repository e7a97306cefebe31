//! Connections that a listener of `wasi:sockets/types@0.3` has accepted.
//!
//! The host gives them to the guest in a stream, where nothing can be left out: a function that is
//! not async cannot wait for the host's to pass them on. So the guest gets sockets of refused peers
//! too, and finds them dead: before it can send or receive, the host is made to close them.

use super::text_of;
use crate::address::Address;
use crate::memory::{blocks, load8, load32, result, trap};
use crate::policy;
use core::cell::Cell;

#[link(wasm_import_module = "wasi:sockets/types@0.3")]
unsafe extern "C" {
    #[link_name = "[method]tcp-socket.get-local-address"]
    safe fn host_local_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.get-remote-address"]
    safe fn host_remote_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.send"]
    safe fn host_send(this: u32, data: u32) -> u32;
    #[link_name = "[method]tcp-socket.receive"]
    safe fn host_receive(this: u32, result: u32);
    #[link_name = "[resource-drop]tcp-socket"]
    safe fn drop_socket(this: u32);
}

#[link(wasm_import_module = "canon")]
unsafe extern "C" {
    #[link_name = "[stream-new][method]tcp-socket.send"]
    safe fn new_stream() -> u64;
    #[link_name = "[stream-drop-writable][method]tcp-socket.send"]
    safe fn drop_writable(stream: u32);
    #[link_name = "[future-drop-readable][method]tcp-socket.send"]
    safe fn drop_sent(future: u32);
    #[link_name = "[stream-drop-readable][method]tcp-socket.receive"]
    safe fn drop_received(stream: u32);
    #[link_name = "[future-drop-readable][method]tcp-socket.receive"]
    safe fn drop_receiving(future: u32);
}

/// The addresses that sockets listen at, or did. An address that is forgotten refuses nobody, so
/// none ever is.
struct Listeners([Cell<Option<Address>>; MOST]);

const MOST: usize = 1024;

// SAFETY: the module has one thread.
unsafe impl Sync for Listeners {}

static LISTENERS: Listeners = Listeners([const { Cell::new(None) }; MOST]);

fn address_of(function: impl FnOnce(u32)) -> Option<Address> {
    function(result());
    if let Some((text, length)) = text_of(result()) {
        blocks::free(text, length);
    }
    (load8(result()) == 0).then(|| Address::load(result() + super::PAYLOAD))
}

fn local_address(this: u32) -> Option<Address> {
    address_of(|result| host_local_address(this, result))
}

/// Notes where a socket listens.
pub(super) fn note(this: u32) {
    let Some(local) = local_address(this) else {
        return;
    };
    let mut listeners = LISTENERS.0.iter();
    let slot = listeners.find(|slot| slot.get().is_none_or(|it| it == local));
    match slot {
        Some(slot) => slot.set(Some(local)),
        // There was room before the host listened.
        None => trap(),
    }
}

/// Whether there is room to note one more.
pub(super) fn has_room() -> bool {
    LISTENERS.0.iter().any(|slot| slot.get().is_none())
}

/// Whether a socket was accepted from a peer that the policy refuses. What has the port of a
/// listener was accepted by it: no other socket can be bound to that.
fn is_refused(this: u32) -> bool {
    let remote = address_of(|result| host_remote_address(this, result));
    let (Some(local), Some(remote)) = (local_address(this), remote) else {
        return false;
    };
    let listens = |listener: &Address| {
        listener.is_v6() == local.is_v6()
            && listener.port() == local.port()
            && (listener.is_unspecified() || listener.has_ip_of(local))
    };
    let mut listeners = LISTENERS.0.iter().filter_map(Cell::get).filter(listens);
    listeners.next().is_some()
        && !LISTENERS
            .0
            .iter()
            .filter_map(Cell::get)
            .filter(listens)
            .any(|listener| policy::tcp_accepts(listener.pack(), remote.pack()))
}

/// Has the host close a socket: what is sent ends before it begins, and nobody receives.
fn close(this: u32) {
    let ends = new_stream();
    let sent = host_send(this, ends as u32);
    drop_writable((ends >> 32) as u32);
    drop_sent(sent);
    host_receive(this, result());
    drop_received(load32(result()));
    drop_receiving(load32(result() + 4));
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.send filtered")]
extern "C" fn send(this: u32, data: u32) -> u32 {
    if is_refused(this) {
        close(this);
    }
    let future = host_send(this, data);
    drop_socket(this);
    future
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.receive filtered")]
extern "C" fn receive(this: u32) -> u32 {
    if is_refused(this) {
        close(this);
    }
    host_receive(this, result());
    drop_socket(this);
    result()
}
