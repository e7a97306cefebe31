//! UDP sockets of `wasi:sockets/types@0.3`
//!
//! They are made here, around the host's: the policy must know which socket it is that has sent
//! to an address before it lets replies in.

use super::task::{EXIT, Progress, Task, begun, called_back, flat_error, list_of};
use super::{
    PAYLOAD, Refusal, begin, clear_error, decision_of, decision_word, end, end_behind,
    fail_at_once, text_of,
};
use crate::address::{Address, export_with_address, import_with_address, pass_address};
use crate::codes::Code;
use crate::memory::{blocks, fail, load8, load32, result, store8, store32, trap};
use crate::policy::{self, Refused, Udp};
use core::cell::Cell;

import_with_address! { "wasi:sockets/types@0.3"
    "[method]udp-socket.bind" host_bind(this; address; result);
    "[method]udp-socket.connect" host_connect(this; address; result);
}

#[link(wasm_import_module = "wasi:sockets/types@0.3")]
unsafe extern "C" {
    #[link_name = "[static]udp-socket.create"]
    safe fn host_create(family: u32, result: u32);
    #[link_name = "[method]udp-socket.disconnect"]
    safe fn host_disconnect(this: u32, result: u32);
    #[link_name = "[async-lower][method]udp-socket.send"]
    safe fn host_send(params: u32, result: u32) -> u32;
    #[link_name = "[async-lower][method]udp-socket.receive"]
    safe fn host_receive(this: u32, result: u32) -> u32;
    #[link_name = "[method]udp-socket.get-address-family"]
    safe fn host_address_family(this: u32) -> u32;
    #[link_name = "[resource-drop]udp-socket"]
    safe fn drop_host(this: u32);
}

#[link(wasm_import_module = "own")]
unsafe extern "C" {
    #[link_name = "[resource-new]udp-socket"]
    safe fn new_socket(representation: u32) -> u32;
}

#[link(wasm_import_module = "canon")]
#[allow(clippy::too_many_arguments, reason = "results are passed flat")]
unsafe extern "C" {
    #[link_name = "[task-return][method]udp-socket.send"]
    safe fn return_send(is_error: u32, code: u32, given: u32, text: u32, length: u32);
    #[link_name = "[task-return][method]udp-socket.receive"]
    safe fn return_receive(
        is_error: u32,
        data_or_code: u32,
        length_or_given: u32,
        case_or_text: u32,
        port_or_length: u32,
        a2: u32,
        a3: u32,
        a4: u32,
        a5: u32,
        a6: u32,
        a7: u32,
        a8: u32,
        a9: u32,
        a10: u32,
        a11: u32,
    );
}

/// A socket. It is represented by its place in [`SOCKETS`], counted from 1.
struct Socket {
    /// The host's socket; 0, which no handle is, for none.
    host: Cell<u32>,
    /// What the policy knows it by.
    udp: Cell<u32>,
    is_connected: Cell<bool>,
    /// Where it is connected to, by the address that the guest knows, and by the real one.
    asked: Cell<Address>,
    real: Cell<Address>,
}

/// As many as the policy keeps account of.
const MOST: usize = 1024;

struct Sockets([Socket; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Sockets {}

static SOCKETS: Sockets = Sockets(
    [const {
        Socket {
            host: Cell::new(0),
            udp: Cell::new(0),
            is_connected: Cell::new(false),
            asked: Cell::new(Address([0; 12])),
            real: Cell::new(Address([0; 12])),
        }
    }; MOST],
);

impl Socket {
    fn of(representation: u32) -> &'static Socket {
        match SOCKETS.0.get((representation as usize).wrapping_sub(1)) {
            Some(socket) => socket,
            None => trap(),
        }
    }

    fn is_v6(&self) -> bool {
        host_address_family(self.host.get()) != 0
    }

    fn udp(&self) -> Udp {
        Udp(self.udp.get())
    }

    fn is_vacant(&self) -> bool {
        self.host.get() == 0
    }

    /// Tells the policy which sockets are no longer used. Destructors leave that for later: there
    /// are engines on which they cannot call another component.
    fn sweep() {
        for socket in SOCKETS.0.iter().filter(|socket| socket.is_vacant()) {
            match socket.udp.replace(0) {
                0 => {}
                udp => Udp(udp).close(),
            }
        }
    }
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[static]udp-socket.create")]
extern "C" fn create(family: u32) -> u32 {
    begin();
    Socket::sweep();
    let vacant = SOCKETS.0.iter().position(Socket::is_vacant);
    let (Some(at), Some(udp)) = (vacant, Udp::open()) else {
        return fail_at_once(Code::OUT_OF_MEMORY);
    };
    host_create(family, result());
    if load8(result()) != 0 {
        udp.close();
        return end();
    }
    let representation = at as u32 + 1;
    let socket = Socket::of(representation);
    socket.host.set(load32(result() + PAYLOAD));
    socket.udp.set(udp.0);
    socket.is_connected.set(false);
    store32(result() + PAYLOAD, new_socket(representation));
    result()
}

/// The destructor of `udp-socket`.
#[unsafe(export_name = "wasi:sockets/types@0.3#[dtor]udp-socket")]
extern "C" fn drop_socket(representation: u32) {
    drop_host(Socket::of(representation).host.replace(0));
}

export_with_address! {
    "wasi:sockets/types@0.3#[method]udp-socket.bind"
    bind(representation; asked) {
        begin();
        let socket = Socket::of(representation);
        let host = |address: Address| {
            pass_address!(host_bind(socket.host.get(); address; result()));
        };
        let mut address = asked;
        let decided = policy::udp_bind(&mut address);
        host(address);
        settle(socket, asked, decided);
        end()
    }
}

export_with_address! {
    "wasi:sockets/types@0.3#[method]udp-socket.connect"
    connect(representation; asked) {
        begin();
        let socket = Socket::of(representation);
        let host = |address: Address| {
            pass_address!(host_connect(socket.host.get(); address; result()));
        };
        let mut real = asked;
        let decided = socket.udp().connect(&mut real);
        host(real);
        settle(socket, asked, decided);
        if load8(result()) == 0 {
            socket.udp().connected(true);
            socket.is_connected.set(true);
            socket.asked.set(asked);
            socket.real.set(real);
        }
        end()
    }
}

/// Says what is left to say of a refused address, once the host was shown nowhere.
fn settle(socket: &Socket, asked: Address, decided: Result<(), Refused>) {
    if let Err(refused) = decided
        && let Some(code) = Refusal::new(asked, refused).code(result(), || socket.is_v6())
    {
        clear_error(result());
        fail(PAYLOAD, code);
    }
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.disconnect")]
extern "C" fn disconnect(representation: u32) -> u32 {
    begin();
    let socket = Socket::of(representation);
    host_disconnect(socket.host.get(), result());
    if load8(result()) == 0 {
        socket.udp().connected(false);
        socket.is_connected.set(false);
    }
    end()
}

/// What a call keeps: the socket, and for `send` the data and what is left to say when it is
/// refused.
mod kept {
    pub(super) const SOCKET: usize = 0;
    pub(super) const REFUSAL: usize = 1;
    pub(super) const IS_V6: usize = 2;
    pub(super) const DATA: usize = 3;
    pub(super) const LENGTH: usize = 4;
}

/// Parameters of the host's `send` in memory.
mod params {
    pub(super) const DATA: u32 = 4;
    pub(super) const LENGTH: u32 = 8;
    pub(super) const GIVEN: u32 = 12;
    pub(super) const REMOTE: u32 = 16;
}

/// The longest datagram that a socket can be asked to send, in bytes.
const LONGEST: u32 = 65_535;

export_with_address! {
    "wasi:sockets/types@0.3#[async-lift][method]udp-socket.send"
    send(representation, data, length, given; asked) {
        let socket = Socket::of(representation);
        let mut address = asked;
        let decided = match given {
            0 => Ok(()),
            _ => destination(socket, &mut address),
        };
        if let Err(Some(denial)) = decided && denial.is_drop() && length <= LONGEST {
            blocks::free(data, length);
            return_send(0, 0, 0, 0, 0);
            return begun(EXIT);
        }
        let Some(task) = Task::new() else {
            blocks::free(data, length);
            return_send(1, Code::OUT_OF_MEMORY.number().into(), 0, 0, 0);
            return begun(EXIT);
        };
        for (slot, value) in [
            (kept::SOCKET, representation),
            (kept::REFUSAL, decision_word(decided)),
            (kept::IS_V6, asked.is_v6().into()),
            (kept::DATA, data),
            (kept::LENGTH, length),
        ] {
            task.kept[slot].set(value);
        }
        let at = task.params();
        store32(at, socket.host.get());
        store32(at + params::DATA, data);
        store32(at + params::LENGTH, length);
        store8(at + params::GIVEN, given);
        address.store(at + params::REMOTE);
        let status = host_send(at, task.result());
        begun(send_on(task, task.started(status)))
    }
}

/// Decides on the address that a datagram is to go to, and makes it the real one.
fn destination(socket: &Socket, address: &mut Address) -> Result<(), Refused> {
    if !socket.is_connected.get() {
        return socket.udp().send(address);
    }
    if *address == socket.asked.get() {
        *address = socket.real.get();
        return Ok(());
    }
    *address = Address::NOWHERE;
    Err(None)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]udp-socket.send")]
extern "C" fn send_called_back(event: u32, _: u32, state: u32) -> u32 {
    called_back(event, state, send_on)
}

fn send_on(task: &Task, progress: Progress) -> u32 {
    if let Progress::Waiting(word) = progress {
        return word;
    }
    blocks::free(task.kept[kept::DATA].get(), task.kept[kept::LENGTH].get());
    if let Progress::Cancelled = progress {
        return task.cancel();
    }
    let at = task.result();
    if let Err(refused) = decision_of(task.kept[kept::REFUSAL].get()) {
        let is_v6 = task.kept[kept::IS_V6].get() != 0;
        let refusal = Refusal { is_v6, refused };
        let socket = Socket::of(task.kept[kept::SOCKET].get());
        if let Some(code) = refusal.code(at, || socket.is_v6()) {
            clear_error(at);
            store8(at, 1);
            store8(at + PAYLOAD, code.into());
        }
    }
    let [is_error, code, given, text, length] = flat_error(at);
    return_send(is_error, code, given, text, length);
    if let Some((text, length)) = text_of(at) {
        blocks::free(text, length);
    }
    task.end();
    EXIT
}

/// Where the sender is in the host's result of `receive`.
const SENDER: u32 = 12;

#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift][method]udp-socket.receive")]
extern "C" fn receive(representation: u32) -> u32 {
    let Some(task) = Task::new() else {
        let code = Code::OUT_OF_MEMORY.number().into();
        return_receive(1, code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        return begun(EXIT);
    };
    task.kept[kept::SOCKET].set(representation);
    let host = Socket::of(representation).host.get();
    let status = host_receive(host, task.result());
    begun(receive_on(task, task.started(status)))
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]udp-socket.receive")]
extern "C" fn receive_called_back(event: u32, _: u32, state: u32) -> u32 {
    called_back(event, state, receive_on)
}

/// Receives until there is a datagram that the policy lets in. The others are lost.
fn receive_on(task: &Task, mut progress: Progress) -> u32 {
    let socket = Socket::of(task.kept[kept::SOCKET].get());
    let at = task.result();
    loop {
        match progress {
            Progress::Waiting(word) => return word,
            Progress::Cancelled => return task.cancel(),
            Progress::Returned => {}
        }
        if load8(at) != 0 {
            let [_, code, given, text, length] = flat_error(at);
            return_receive(1, code, given, text, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            if let Some((text, length)) = text_of(at) {
                blocks::free(text, length);
            }
            break;
        }
        let (data, length) = list_of(at);
        let mut remote = Address::load(at + SENDER);
        if lets_in(socket, &mut remote) {
            let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11] = remote.0;
            return_receive(
                0, data, length, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11,
            );
            blocks::free(data, length);
            break;
        }
        blocks::free(data, length);
        progress = task.started(host_receive(socket.host.get(), at));
    }
    task.end();
    EXIT
}

/// Whether a sender is let in. Its address becomes the one by which the guest knows it.
fn lets_in(socket: &Socket, remote: &mut Address) -> bool {
    // What else arrives at a connected socket was on its way before.
    if socket.is_connected.get() && *remote == socket.real.get() {
        *remote = socket.asked.get();
        return true;
    }
    socket.udp().receive(remote)
}

/// Functions that are the host's, on the host's socket.
macro_rules! pass_on {
    ($($link:literal $export:literal $host:ident $name:ident($($param:ident: $ty:ty)?) $payload:expr;)*) => {
        #[link(wasm_import_module = "wasi:sockets/types@0.3")]
        unsafe extern "C" {
            $(
                #[link_name = $link]
                safe fn $host(this: u32, $($param: $ty,)? result: u32);
            )*
        }

        $(
            #[unsafe(export_name = $export)]
            extern "C" fn $name(representation: u32 $(, $param: $ty)?) -> u32 {
                begin();
                $host(Socket::of(representation).host.get(), $($param,)? result());
                end_behind($payload)
            }
        )*
    };
}

/// Where the payload is of a result whose value is a `u64`.
const LONG: u32 = 8;

pass_on! {
    "[method]udp-socket.get-local-address"
    "wasi:sockets/types@0.3#[method]udp-socket.get-local-address"
    host_local_address local_address() PAYLOAD;
    "[method]udp-socket.get-remote-address"
    "wasi:sockets/types@0.3#[method]udp-socket.get-remote-address"
    host_remote_address remote_address() PAYLOAD;
    "[method]udp-socket.get-unicast-hop-limit"
    "wasi:sockets/types@0.3#[method]udp-socket.get-unicast-hop-limit"
    host_hop_limit hop_limit() PAYLOAD;
    "[method]udp-socket.set-unicast-hop-limit"
    "wasi:sockets/types@0.3#[method]udp-socket.set-unicast-hop-limit"
    host_set_hop_limit set_hop_limit(value: u32) PAYLOAD;
    "[method]udp-socket.get-receive-buffer-size"
    "wasi:sockets/types@0.3#[method]udp-socket.get-receive-buffer-size"
    host_receive_buffer receive_buffer() LONG;
    "[method]udp-socket.set-receive-buffer-size"
    "wasi:sockets/types@0.3#[method]udp-socket.set-receive-buffer-size"
    host_set_receive_buffer set_receive_buffer(value: u64) PAYLOAD;
    "[method]udp-socket.get-send-buffer-size"
    "wasi:sockets/types@0.3#[method]udp-socket.get-send-buffer-size"
    host_send_buffer send_buffer() LONG;
    "[method]udp-socket.set-send-buffer-size"
    "wasi:sockets/types@0.3#[method]udp-socket.set-send-buffer-size"
    host_set_send_buffer set_send_buffer(value: u64) PAYLOAD;
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[method]udp-socket.get-address-family")]
extern "C" fn address_family(representation: u32) -> u32 {
    host_address_family(Socket::of(representation).host.get())
}
