//! `wasi:sockets/tcp@0.2`

use super::{HANDLE, Refusal, UNIT};
use crate::address::{Address, export_with_address, import_with_address, pass_address};
use crate::codes::Code;
use crate::contract::Packed;
use crate::memory::{fail, load8, load32, result};
use crate::policy::{self, Tcp};

import_with_address! { "wasi:sockets/tcp@0.2"
    "[method]tcp-socket.start-bind" host_start_bind(this, network; address; result);
    "[method]tcp-socket.start-connect" host_start_connect(this, network; address; result);
}

#[link(wasm_import_module = "wasi:sockets/tcp@0.2")]
unsafe extern "C" {
    #[link_name = "[method]tcp-socket.start-listen"]
    safe fn host_start_listen(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.accept"]
    safe fn host_accept(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.local-address"]
    safe fn host_local_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.remote-address"]
    safe fn host_remote_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.address-family"]
    safe fn host_address_family(this: u32) -> u32;
    #[link_name = "[resource-drop]tcp-socket"]
    safe fn drop_socket(this: u32);
    #[link_name = "[resource-drop]network"]
    safe fn drop_network(network: u32);
    #[link_name = "[resource-drop]input-stream"]
    safe fn drop_input(stream: u32);
    #[link_name = "[resource-drop]output-stream"]
    safe fn drop_output(stream: u32);
}

export_with_address! {
    "wasi:sockets/tcp@0.2#[method]tcp-socket.start-bind"
    start_bind(this, network; asked) {
        start(Tcp::Bind, this, network, asked)
    }
}

export_with_address! {
    "wasi:sockets/tcp@0.2#[method]tcp-socket.start-connect"
    start_connect(this, network; asked) {
        start(Tcp::Connect, this, network, asked)
    }
}

/// Binds or connects as the policy says, with the host's function.
#[inline(never)]
fn start(what: Tcp, this: u32, network: u32, mut address: Address) -> u32 {
    let is_v6 = address.is_v6();
    let decided = policy::tcp(what, &mut address);
    match what {
        Tcp::Bind => pass_address!(host_start_bind(this, network; address; result())),
        _ => pass_address!(host_start_connect(this, network; address; result())),
    }
    if let Err(refused) = decided {
        let refusal = Refusal {
            payload: UNIT,
            is_v6,
            refused,
        };
        refusal.end(|| host_address_family(this) != 0);
    }
    drop_socket(this);
    drop_network(network);
    result()
}

/// The address in the result, if there is one.
fn address() -> Option<Packed> {
    (load8(result()) == 0).then(|| Packed::load(result() + HANDLE))
}

fn local_address(socket: u32) -> Option<Packed> {
    host_local_address(socket, result());
    address()
}

fn is_connected(socket: u32) -> bool {
    host_remote_address(socket, result());
    load8(result()) == 0
}

/// A socket that is bound listens where the policy says. One that is not bound, or that is
/// connected, does not listen whatever the policy says, and the host tells why.
#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.start-listen")]
extern "C" fn start_listen(this: u32) -> u32 {
    let decided = local_address(this).map(policy::tcp_listen);
    let result = match decided {
        Some(Err(refused)) if !is_connected(this) => fail(UNIT, Code::of_refusal(refused).number()),
        _ => {
            host_start_listen(this, result());
            result()
        }
    };
    drop_socket(this);
    result
}

/// Takes connections from the host until there is one that the policy lets in, or none at all. The
/// others are closed before anybody sees them.
#[unsafe(export_name = "wasi:sockets/tcp@0.2#[method]tcp-socket.accept filtered")]
extern "C" fn accept(this: u32) -> u32 {
    let local = local_address(this);
    loop {
        host_accept(this, result());
        let Some(local) = local.filter(|_| load8(result()) == 0) else {
            break;
        };
        let [socket, input, output] = [0, 4, 8].map(|offset| load32(result() + HANDLE + offset));
        host_remote_address(socket, result());
        if address().is_some_and(|peer| policy::tcp_accepts(local, peer)) {
            give(socket, input, output);
            break;
        }
        drop_input(input);
        drop_output(output);
        drop_socket(socket);
    }
    drop_socket(this);
    result()
}

/// Writes the result again: it was overwritten by that of another function.
fn give(socket: u32, input: u32, output: u32) {
    use crate::memory::{store8, store32};
    store8(result(), 0);
    store32(result() + HANDLE, socket);
    store32(result() + HANDLE + 4, input);
    store32(result() + HANDLE + 8, output);
}
