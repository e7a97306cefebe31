//! Built-ins of the Canonical ABI.
//!
//! A built-in for a stream or a future is named after a function that has one of its type. Where the
//! guest does not import that function, there are none of them, and the built-in is never called.

use sockvirt_netstack::{TcpId, UdpId};

/// What a read or a write says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It waits. An event of its end says when it is done.
    Blocked,
    /// So many were copied.
    Completed(u32),
    /// So many were copied, and the other end is gone.
    Dropped(u32),
}

impl Copied {
    const BLOCKED: u32 = u32::MAX;
    const DROPPED: u32 = 1;

    /// From what a built-in returns, or an event carries. One that was cancelled has copied what it
    /// says.
    pub(crate) fn of(status: u32) -> Self {
        match (status, status & 0xf) {
            (Self::BLOCKED, _) => Copied::Blocked,
            (_, Self::DROPPED) => Copied::Dropped(status >> 4),
            _ => Copied::Completed(status >> 4),
        }
    }

    /// How many were copied.
    pub(crate) fn count(self) -> u32 {
        match self {
            Copied::Blocked => 0,
            Copied::Completed(count) | Copied::Dropped(count) => count,
        }
    }

    /// Whether the other end is gone.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Copied::Dropped(_))
    }
}

/// The two ends of a new stream or future: the readable one, and the writable one.
pub(crate) fn ends(pair: u64) -> [u32; 2] {
    [pair as u32, (pair >> 32) as u32]
}

/// An event of something that is waited for.
pub(crate) mod event {
    pub(crate) const NONE: u32 = 0;
    #[cfg(feature = "host")]
    pub(crate) const SUBTASK: u32 = 1;
    pub(crate) const TASK_CANCELLED: u32 = 6;
}

/// How far a call of the host's has come.
#[cfg(any(feature = "host", feature = "script"))]
pub(crate) mod subtask {
    pub(crate) const RETURNED: u32 = 2;
    #[cfg(feature = "host")]
    pub(crate) const CANCELLED_BEFORE_START: u32 = 3;
    #[cfg(feature = "host")]
    pub(crate) const CANCELLED: u32 = 4;
}

/// What a function that is called back returns.
pub(crate) mod code {
    /// It is done.
    pub(crate) const EXIT: u32 = 0;

    /// Others get their turn before it goes on.
    #[cfg(feature = "script")]
    pub(crate) const YIELD: u32 = 1;

    /// It waits for what is in a set.
    pub(crate) fn wait(set: u32) -> u32 {
        2 | set << 4
    }
}

// Memory that built-ins read or write is this module's own, and stays where it is until they are
// done, which may be long after they return.
#[link(wasm_import_module = "canon")]
unsafe extern "C" {
    #[link_name = "[waitable-set-new]"]
    pub(crate) safe fn waitable_set_new() -> u32;
    #[link_name = "[waitable-set-poll]"]
    pub(crate) safe fn waitable_set_poll(set: u32, event: &mut [u32; 2]) -> u32;
    #[link_name = "[waitable-join]"]
    pub(crate) safe fn waitable_join(waitable: u32, set: u32);
    #[link_name = "[context-get-0]"]
    pub(crate) safe fn context_get() -> u32;
    #[link_name = "[context-set-0]"]
    pub(crate) safe fn context_set(value: u32);
    #[link_name = "[task-cancel]"]
    pub(crate) safe fn task_cancel();
    #[cfg(feature = "host")]
    #[link_name = "[subtask-cancel]"]
    pub(crate) safe fn subtask_cancel(subtask: u32) -> u32;
    #[cfg(any(feature = "host", feature = "script"))]
    #[link_name = "[subtask-drop]"]
    pub(crate) safe fn subtask_drop(subtask: u32);

    #[link_name = "[stream-read][method]tcp-socket.send"]
    pub(crate) safe fn read(stream: u32, to: *mut u8, count: u32) -> u32;
    #[link_name = "[stream-drop-readable][method]tcp-socket.send"]
    pub(crate) safe fn drop_readable(stream: u32);
    #[link_name = "[future-new][method]tcp-socket.send"]
    pub(crate) safe fn new_sent() -> u64;
    #[link_name = "[future-write][method]tcp-socket.send"]
    pub(crate) safe fn write_sent(future: u32, from: *const u8) -> u32;
    #[link_name = "[future-drop-writable][method]tcp-socket.send"]
    pub(crate) safe fn drop_sent(future: u32);

    #[link_name = "[stream-new][method]tcp-socket.receive"]
    pub(crate) safe fn new_stream() -> u64;
    #[link_name = "[stream-write][method]tcp-socket.receive"]
    pub(crate) safe fn write(stream: u32, from: *const u8, count: u32) -> u32;
    #[link_name = "[stream-drop-writable][method]tcp-socket.receive"]
    pub(crate) safe fn drop_writable(stream: u32);
    #[link_name = "[future-new][method]tcp-socket.receive"]
    pub(crate) safe fn new_received() -> u64;
    #[link_name = "[future-write][method]tcp-socket.receive"]
    pub(crate) safe fn write_received(future: u32, from: *const u8) -> u32;
    #[link_name = "[future-drop-writable][method]tcp-socket.receive"]
    pub(crate) safe fn drop_received(future: u32);

    #[link_name = "[stream-new][method]tcp-socket.listen"]
    pub(crate) safe fn new_accepted() -> u64;
    #[link_name = "[stream-write][method]tcp-socket.listen"]
    pub(crate) safe fn write_accepted(stream: u32, from: *const u32, count: u32) -> u32;
    #[link_name = "[stream-drop-writable][method]tcp-socket.listen"]
    pub(crate) safe fn drop_accepted(stream: u32);

    /// A stream of nothing, to wake a task by.
    #[link_name = "[stream-new]wake"]
    pub(crate) safe fn new_wake() -> u64;
    #[link_name = "[stream-read]wake"]
    pub(crate) safe fn read_wake(stream: u32, to: u32, count: u32) -> u32;
    #[link_name = "[stream-cancel-read]wake"]
    pub(crate) safe fn cancel_wake(stream: u32) -> u32;
    #[link_name = "[stream-write]wake"]
    pub(crate) safe fn write_wake(stream: u32, from: u32, count: u32) -> u32;

    #[link_name = "[task-return]sockvirt-drive"]
    pub(crate) safe fn return_drive();
    #[cfg(feature = "script")]
    #[link_name = "[task-return]sockvirt-ended"]
    pub(crate) safe fn return_ended();
    #[cfg(feature = "script")]
    #[link_name = "[task-return]wait-until"]
    pub(crate) safe fn return_until();
    #[cfg(feature = "script")]
    #[link_name = "[task-return]wait-for"]
    pub(crate) safe fn return_for();
    #[link_name = "[task-return][method]tcp-socket.connect"]
    pub(crate) safe fn return_connect(is_error: u32, code: u32, given: u32, at: u32, count: u32);
    #[link_name = "[task-return][method]udp-socket.send"]
    pub(crate) safe fn return_send(is_error: u32, code: u32, given: u32, at: u32, count: u32);
    #[link_name = "[task-return]resolve-addresses"]
    pub(crate) safe fn return_resolve(
        is_error: u32,
        at_or_code: u32,
        count_or_given: u32,
        text: u32,
        length: u32,
    );
    #[link_name = "[task-return][method]udp-socket.receive"]
    #[allow(clippy::too_many_arguments, reason = "results are passed flat")]
    pub(crate) safe fn return_receive(
        is_error: u32,
        data_or_code: u32,
        count_or_given: u32,
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

mod own {
    #[link(wasm_import_module = "own")]
    unsafe extern "C" {
        #[link_name = "[resource-new]tcp-socket"]
        pub(super) safe fn new_tcp_socket(representation: u32) -> u32;
        #[link_name = "[resource-drop]tcp-socket"]
        pub(crate) safe fn drop_tcp_socket(handle: u32);
        #[link_name = "[resource-new]udp-socket"]
        pub(super) safe fn new_udp_socket(representation: u32) -> u32;
    }
}
pub(crate) use own::drop_tcp_socket;

/// What stands for the first socket where handles are made: jco 1.35 takes 0 for no resource.
const FIRST: u32 = 1;

/// A handle of a socket.
pub(crate) fn new_tcp_socket(id: TcpId) -> u32 {
    own::new_tcp_socket(id.number() + FIRST)
}

/// The same of UDP.
pub(crate) fn new_udp_socket(id: UdpId) -> u32 {
    own::new_udp_socket(id.number() + FIRST)
}

/// The socket that a handle was made of.
pub(crate) fn tcp_socket(representation: u32) -> TcpId {
    TcpId::from_number(representation.wrapping_sub(FIRST))
}

/// The same of UDP.
pub(crate) fn udp_socket(representation: u32) -> UdpId {
    UdpId::from_number(representation.wrapping_sub(FIRST))
}
