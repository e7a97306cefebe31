//! What generated functions do, as data.
//!
//! A function is a list of [`Step`]s: checks that may end it with an error code, in the order in
//! which wasmtime's sockets make them on Linux, and one ending. The lists stand in a file for each
//! WIT interface; how a step looks in core WebAssembly is the business of `emit`.

use sockvirt_policy::{Operation, Protocol};

/// One step of a function. Checks come first; what follows an ending is never reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Ends with `concurrency-conflict` while a connect is in progress.
    Idle,
    /// Ends with `invalid-state` unless nothing was ever done with the socket.
    Fresh,
    /// Ends with `invalid-state` while a connect is in progress, and after a failed one with the
    /// code that it failed with.
    Open,
    /// Ends with `invalid-argument` unless the last parameter is an address for this use.
    Address(AddressUse),
    /// Ends with `invalid-argument` unless the last parameter, an option, is there.
    Given,
    /// Ends with `datagram-too-large` if the first parameter behind the socket, a list of bytes,
    /// is longer than a datagram can be.
    Datagram,
    /// Ends with `invalid-argument` if the last parameter is 0.
    NotZero,
    /// Moves the last parameter into a range.
    Clamp(i64, i64),
    /// Rounds the last parameter, nanoseconds, up to whole seconds.
    WholeSeconds,

    /// Ends well, without a value; an `option` ends as `none`.
    Done,
    /// Keeps the last parameter as the option's value and ends well.
    Set(SocketOption),
    /// Ends with the option's value.
    Get(SocketOption),
    /// Ends with the socket's address family.
    Family,
    /// Ends with `false`.
    No,
    /// Ends with a pollable that is ready.
    Ready,
    /// Ends with a new `network`.
    Network,
    /// Ends with a new socket, or denies creating it.
    Create(Protocol),
    /// Ends with an error code.
    Fail(&'static str),
    /// Ends as the policy denies the operation.
    Deny(Operation, Protocol),
    /// Begins a connect. It is denied when it is finished.
    StartConnect,
    /// Ends a connect that is in progress as the policy denies it, or with `not-in-progress`.
    FinishConnect,
    /// Denies the operation and leaves the socket failed, with the code that it was denied with.
    DenyForGood(Operation, Protocol),
    /// Denies the operation and leaves the socket failed, with another code.
    DenyLeaving(Operation, Protocol, &'static str),
}

/// What an address is for, which decides what makes it invalid besides the wrong family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressUse {
    /// Multicast and broadcast are invalid.
    pub(crate) unicast: bool,
    /// The unspecified address and port 0 are invalid.
    pub(crate) remote: bool,
}

/// A local address for TCP.
pub(crate) const TCP_LOCAL: AddressUse = AddressUse {
    unicast: true,
    remote: false,
};
/// A remote address for TCP.
pub(crate) const TCP_REMOTE: AddressUse = AddressUse {
    unicast: true,
    remote: true,
};
/// A local address for UDP.
pub(crate) const UDP_LOCAL: AddressUse = AddressUse {
    unicast: false,
    remote: false,
};
/// A remote address for UDP.
pub(crate) const UDP_REMOTE: AddressUse = AddressUse {
    unicast: false,
    remote: true,
};

/// An option of a socket that can be set and read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketOption {
    KeepAlive,
    KeepAliveIdle,
    KeepAliveInterval,
    KeepAliveCount,
    HopLimit,
    ReceiveBuffer,
    SendBuffer,
}

impl SocketOption {
    pub(crate) const ALL: [SocketOption; 7] = [
        SocketOption::KeepAlive,
        SocketOption::KeepAliveIdle,
        SocketOption::KeepAliveInterval,
        SocketOption::KeepAliveCount,
        SocketOption::HopLimit,
        SocketOption::ReceiveBuffer,
        SocketOption::SendBuffer,
    ];

    /// What Linux gives a new socket, read through wasmtime: durations in nanoseconds, buffer
    /// sizes halved (`net.ipv4.tcp_rmem` and `tcp_wmem`, `net.core.rmem_default`, each at the
    /// kernel's own default).
    pub(crate) const fn default(self, protocol: Protocol) -> u64 {
        match (self, protocol) {
            (SocketOption::KeepAlive, _) => 0,
            (SocketOption::KeepAliveIdle, _) => 7_200 * NANOSECONDS,
            (SocketOption::KeepAliveInterval, _) => 75 * NANOSECONDS,
            (SocketOption::KeepAliveCount, _) => 9,
            (SocketOption::HopLimit, _) => 64,
            (SocketOption::ReceiveBuffer, Protocol::Tcp) => 65_536,
            (SocketOption::SendBuffer, Protocol::Tcp) => 8_192,
            (SocketOption::ReceiveBuffer | SocketOption::SendBuffer, Protocol::Udp) => 106_496,
        }
    }
}

/// Nanoseconds in a second.
pub(crate) const NANOSECONDS: u64 = 1_000_000_000;

/// What the options have in common, whatever the function that sets them is called.
pub(crate) mod options {
    use super::{NANOSECONDS, SocketOption, Step};

    const fn seconds(count: i64) -> i64 {
        count * NANOSECONDS as i64
    }

    pub(crate) const SET_BACKLOG: &[Step] = &[Step::NotZero, Step::Open, Step::Done];
    pub(crate) const KEEP_ALIVE: &[Step] = &[Step::Open, Step::Get(SocketOption::KeepAlive)];
    pub(crate) const SET_KEEP_ALIVE: &[Step] = &[Step::Open, Step::Set(SocketOption::KeepAlive)];
    pub(crate) const KEEP_ALIVE_IDLE: &[Step] =
        &[Step::Open, Step::Get(SocketOption::KeepAliveIdle)];
    pub(crate) const SET_KEEP_ALIVE_IDLE: &[Step] = &[
        Step::NotZero,
        Step::Open,
        Step::Clamp(seconds(1), seconds(i16::MAX as i64)),
        Step::WholeSeconds,
        Step::Set(SocketOption::KeepAliveIdle),
    ];
    pub(crate) const KEEP_ALIVE_INTERVAL: &[Step] =
        &[Step::Open, Step::Get(SocketOption::KeepAliveInterval)];
    pub(crate) const SET_KEEP_ALIVE_INTERVAL: &[Step] = &[
        Step::NotZero,
        Step::Open,
        Step::Clamp(seconds(1), seconds(i16::MAX as i64)),
        Step::WholeSeconds,
        Step::Set(SocketOption::KeepAliveInterval),
    ];
    pub(crate) const KEEP_ALIVE_COUNT: &[Step] =
        &[Step::Open, Step::Get(SocketOption::KeepAliveCount)];
    pub(crate) const SET_KEEP_ALIVE_COUNT: &[Step] = &[
        Step::NotZero,
        Step::Open,
        Step::Clamp(1, i8::MAX as i64),
        Step::Set(SocketOption::KeepAliveCount),
    ];
    pub(crate) const HOP_LIMIT: &[Step] = &[Step::Open, Step::Get(SocketOption::HopLimit)];
    pub(crate) const SET_HOP_LIMIT: &[Step] =
        &[Step::Open, Step::NotZero, Step::Set(SocketOption::HopLimit)];
    pub(crate) const RECEIVE_BUFFER: &[Step] =
        &[Step::Open, Step::Get(SocketOption::ReceiveBuffer)];
    /// Linux clamps to `SOCK_MIN_RCVBUF` and `net.core.rmem_max`; wasmtime halves what it reads.
    pub(crate) const SET_RECEIVE_BUFFER: &[Step] = &[
        Step::Open,
        Step::NotZero,
        Step::Clamp(1_152, 212_992),
        Step::Set(SocketOption::ReceiveBuffer),
    ];
    pub(crate) const SEND_BUFFER: &[Step] = &[Step::Open, Step::Get(SocketOption::SendBuffer)];
    /// Linux clamps to `SOCK_MIN_SNDBUF` and `net.core.wmem_max`; wasmtime halves what it reads.
    pub(crate) const SET_SEND_BUFFER: &[Step] = &[
        Step::Open,
        Step::NotZero,
        Step::Clamp(2_304, 212_992),
        Step::Set(SocketOption::SendBuffer),
    ];
}
