//! What a fused component puts into the network's table: a module of both the network, which calls
//! it, and the tool, which puts it there.
//!
//! A binding is a run of [`Slot::COUNT`] places. It stands for the memory that a caller's arguments
//! lie in, and for the host's functions in the version that the caller imports. Every call to the
//! network says last which binding it came by. What a component has no need of is not there, and
//! calling it traps.

#![allow(dead_code, reason = "each side uses its part")]

macro_rules! slots {
    ($($(#[$doc:meta])* $slot:ident,)*) => {
        /// A place in a binding, counted from its start. What stands there, as a core function:
        /// `result` is where in the network's memory a result is written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Slot {
            $($(#[$doc])* $slot,)*
        }

        impl Slot {
            /// All of them, in order.
            pub(crate) const ALL: &'static [Slot] = &[$(Slot::$slot),*];
            /// How many there are.
            pub(crate) const COUNT: u32 = Self::ALL.len() as u32;
        }
    };
}

slots! {
    /// `(old, old size, align, size) -> address`: `realloc` of the caller.
    Allocate,
    /// `(to, from, length)`: copies from the caller's memory into the network's.
    CopyIn,
    /// `(to, from, length)`: copies from the network's memory into the caller's.
    CopyOut,
    /// `(list, count, result)`: `poll` of the host.
    Poll,
    /// `(pollable) -> ready`: `[method]pollable.ready` of the host.
    Ready,
    /// `(pollable)`: `[method]pollable.block` of the host.
    Block,
    /// `(nanoseconds) -> pollable`: `subscribe-duration` of the host's clock.
    SubscribeDuration,
    /// `() -> output-stream`: `get-stderr` of the host.
    Stderr,
    /// `(output-stream, bytes, count, result)`: `blocking-write-and-flush` of the host.
    BlockingWrite,
    /// `(output-stream, result)`: `check-write` of the host.
    CheckWrite,
    /// `(output-stream, bytes, count, result)`: `write` of the host.
    Write,
    /// `(input-stream, count, result)`: `read` of the host.
    Read,
    /// `(input-stream, count, result)`: `blocking-read` of the host.
    BlockingRead,
    /// `(pollable)`: drops one of the host.
    DropPollable,
    /// `() -> network`: `instance-network` of the host.
    InstanceNetwork,
    /// `(family, result)`: `create-tcp-socket` of the host.
    CreateTcp,
    /// `(family, result)`: `create-udp-socket` of the host.
    CreateUdp,
    /// `(udp-socket)`: drops one of the host.
    DropUdp,
    /// `(tcp-socket) -> pollable`: `subscribe` of the host.
    SubscribeTcp,
    /// `(udp-socket) -> pollable`: `subscribe` of the host.
    SubscribeUdp,
    /// `(udp-socket, network, address as twelve numbers, result)`: `start-bind` of the host.
    StartBindUdp,
    /// `(udp-socket, result)`: `finish-bind` of the host.
    FinishBindUdp,
    /// `(udp-socket, whether there is an address, it as twelve numbers, result)`: `stream` of the
    /// host.
    StreamUdp,
    /// `(incoming-datagram-stream, count, result)`: `receive` of the host.
    Receive,
    /// `(outgoing-datagram-stream, result)`: `check-send` of the host.
    CheckSend,
    /// `(outgoing-datagram-stream, list, count, result)`: `send` of the host.
    Send,
    /// `(incoming-datagram-stream) -> pollable`: `subscribe` of the host.
    SubscribeIncoming,
    /// `(outgoing-datagram-stream) -> pollable`: `subscribe` of the host.
    SubscribeOutgoing,
    /// `(incoming-datagram-stream)`: drops one of the host.
    DropIncoming,
    /// `(outgoing-datagram-stream)`: drops one of the host.
    DropOutgoing,
    /// `(tcp-socket, value, result)`: `set-listen-backlog-size` of the host.
    Backlog,
    /// `(tcp-socket, value, result)`: `set-keep-alive-enabled` of the host.
    KeepAlive,
    /// `(tcp-socket, value, result)`: `set-keep-alive-idle-time` of the host.
    KeepAliveIdle,
    /// `(tcp-socket, value, result)`: `set-keep-alive-interval` of the host.
    KeepAliveInterval,
    /// `(tcp-socket, value, result)`: `set-keep-alive-count` of the host.
    KeepAliveCount,
    /// `(tcp-socket, value, result)`: `set-hop-limit` of the host.
    HopLimitTcp,
    /// `(tcp-socket, value, result)`: `set-receive-buffer-size` of the host.
    ReceiveBufferTcp,
    /// `(tcp-socket, value, result)`: `set-send-buffer-size` of the host.
    SendBufferTcp,
    /// `(udp-socket, value, result)`: `set-unicast-hop-limit` of the host.
    HopLimitUdp,
    /// `(udp-socket, value, result)`: `set-receive-buffer-size` of the host.
    ReceiveBufferUdp,
    /// `(udp-socket, value, result)`: `set-send-buffer-size` of the host.
    SendBufferUdp,
    /// `() -> nanoseconds`: `now` of the host's monotonic clock.
    Now,
    /// `(status)`: `exit` of the host.
    Exit,
}

/// The bit by which the handles that the network gives are told from the host's, which stay below
/// it. The bit above it would make a handle negative in C.
pub(crate) const VIRTUAL: u32 = 1 << 30;

/// What the first byte of the network's configuration says, bit by bit.
pub(crate) mod flags {
    /// A program that waits for what can never happen waits for ever.
    pub(crate) const HANG: u8 = 1;
    /// There are [`Stderr`](super::Slot::Stderr) and
    /// [`BlockingWrite`](super::Slot::BlockingWrite).
    pub(crate) const REPORT: u8 = 2;
    /// While the host is waited for, time passes on its clock.
    pub(crate) const HOST_TIME: u8 = 4;
    /// There is [`Exit`](super::Slot::Exit).
    pub(crate) const EXIT: u8 = 8;
    /// What is no peer's may be the host's.
    pub(crate) const LEADS_OUT: u8 = 16;
    /// The same of TCP alone.
    pub(crate) const TCP_LEADS_OUT: u8 = 32;
    /// The same of UDP alone.
    pub(crate) const UDP_LEADS_OUT: u8 = 64;
    /// Time is the host's, and there is [`Now`](super::Slot::Now).
    pub(crate) const HOST_CLOCK: u8 = 128;
}
