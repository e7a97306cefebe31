//! TCP sockets of `wasi:sockets/types@0.3`, which are the host's.

use super::task::{EXIT, Progress, Task, begun, called_back, flat_error};
use super::{
    PAYLOAD, Refusal, begin, clear_error, decision_of, decision_word, end, fail_at_once, text_of,
};
use crate::address::{Address, export_with_address, import_with_address, pass_address};
use crate::codes::Code;
use crate::memory::{blocks, fail, load8, load32, result, store8, store32};
use crate::policy::{self, Tcp};

import_with_address! { "wasi:sockets/types@0.3"
    "[method]tcp-socket.bind" host_bind(this; address; result);
}

#[link(wasm_import_module = "wasi:sockets/types@0.3")]
unsafe extern "C" {
    #[link_name = "[async-lower][method]tcp-socket.connect"]
    safe fn host_connect(params: u32, result: u32) -> u32;
    #[link_name = "[method]tcp-socket.listen"]
    safe fn host_listen(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.get-local-address"]
    safe fn host_local_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.get-remote-address"]
    safe fn host_remote_address(this: u32, result: u32);
    #[link_name = "[method]tcp-socket.get-address-family"]
    safe fn host_address_family(this: u32) -> u32;
    #[link_name = "[resource-drop]tcp-socket"]
    safe fn drop_socket(this: u32);
}

#[link(wasm_import_module = "canon")]
unsafe extern "C" {
    #[link_name = "[task-return][method]tcp-socket.connect"]
    safe fn return_connect(is_error: u32, code: u32, given: u32, text: u32, length: u32);
}

export_with_address! {
    "wasi:sockets/types@0.3#[method]tcp-socket.bind"
    bind(this; asked) {
        begin();
        let mut address = asked;
        let decided = policy::tcp(Tcp::Bind, &mut address);
        pass_address!(host_bind(this; address; result()));
        if let Err(refused) = decided {
            let refusal = Refusal::new(asked, refused);
            if let Some(code) = refusal.code(result(), || host_address_family(this) != 0) {
                clear_error(result());
                fail(PAYLOAD, code);
            }
        }
        drop_socket(this);
        end()
    }
}

/// What a connect keeps: the socket, and what is left to say when it is refused.
mod kept {
    pub(super) const SOCKET: usize = 0;
    pub(super) const REFUSAL: usize = 1;
    pub(super) const IS_V6: usize = 2;
}

export_with_address! {
    "wasi:sockets/types@0.3#[async-lift][method]tcp-socket.connect"
    connect(this; asked) {
        let Some(task) = Task::new() else {
            drop_socket(this);
            return_connect(1, Code::OUT_OF_MEMORY.number().into(), 0, 0, 0);
            return begun(EXIT);
        };
        let mut address = asked;
        let decided = policy::tcp(Tcp::Connect, &mut address);
        task.kept[kept::SOCKET].set(this);
        task.kept[kept::REFUSAL].set(decision_word(decided));
        task.kept[kept::IS_V6].set(asked.is_v6().into());
        store32(task.params(), this);
        address.store(task.params() + 4);
        let status = host_connect(task.params(), task.result());
        begun(connect_on(task, task.started(status)))
    }
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback][method]tcp-socket.connect")]
extern "C" fn connect_called_back(event: u32, _: u32, state: u32) -> u32 {
    called_back(event, state, connect_on)
}

fn connect_on(task: &Task, progress: Progress) -> u32 {
    let this = task.kept[kept::SOCKET].get();
    match progress {
        Progress::Waiting(word) => return word,
        Progress::Cancelled => {
            drop_socket(this);
            return task.cancel();
        }
        Progress::Returned => {}
    }
    let at = task.result();
    if let Err(refused) = decision_of(task.kept[kept::REFUSAL].get()) {
        let is_v6 = task.kept[kept::IS_V6].get() != 0;
        let refusal = Refusal { is_v6, refused };
        if let Some(code) = refusal.code(at, || host_address_family(this) != 0) {
            clear_error(at);
            store8(at, 1);
            store8(at + PAYLOAD, code.into());
        }
    }
    drop_socket(this);
    let [is_error, code, given, text, length] = flat_error(at);
    return_connect(is_error, code, given, text, length);
    if let Some((text, length)) = text_of(at) {
        blocks::free(text, length);
    }
    task.end();
    EXIT
}

fn address_of(function: impl FnOnce(u32)) -> Option<Address> {
    function(result());
    if let Some((text, length)) = text_of(result()) {
        blocks::free(text, length);
    }
    (load8(result()) == 0).then(|| Address::load(result() + PAYLOAD))
}

/// A socket listens where the policy says: where it is bound, or anywhere on a port of the host's
/// choice if it is not. One that is connected does not listen whatever the policy says.
#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.listen")]
extern "C" fn listen(this: u32) -> u32 {
    listen_and(this, |_| {})
}

/// As [`listen`], where the policy says who may be accepted.
#[unsafe(export_name = "wasi:sockets/types@0.3#[method]tcp-socket.listen filtered")]
extern "C" fn listen_filtered(this: u32) -> u32 {
    if !super::accept::has_room() {
        begin();
        drop_socket(this);
        fail_at_once(Code::OUT_OF_MEMORY);
        return end();
    }
    listen_and(this, |result| {
        // Asking for the address takes the place of the result.
        let kept = [0, 4].map(|offset| load32(result + offset));
        super::accept::note(this);
        store32(result, kept[0]);
        store32(result + 4, kept[1]);
    })
}

/// `listening` is told where the result is, once the socket listens.
fn listen_and(this: u32, listening: impl FnOnce(u32)) -> u32 {
    begin();
    let local = address_of(|result| host_local_address(this, result));
    let local = local.unwrap_or_else(|| {
        let mut anywhere = [0; 12];
        anywhere[0] = host_address_family(this);
        Address(anywhere)
    });
    let decided = policy::tcp_listen(local.pack());
    let is_connected = || address_of(|result| host_remote_address(this, result)).is_some();
    match decided {
        Err(refused) if !is_connected() => {
            fail_at_once(Code::of_refusal(refused));
        }
        _ => {
            host_listen(this, result());
            if load8(result()) == 0 {
                listening(result());
            }
        }
    }
    drop_socket(this);
    end()
}
