//! What a network is made with.

use crate::ErrorCode;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// What a network is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What names stand for. Where a name is there twice, the first one counts.
    pub hosts: Vec<Host>,
    /// How the lookup of any other name ends.
    pub deny_resolve: ErrorCode,
    /// How a TCP connect to an address that is not inside ends.
    pub outside_connect: ErrorCode,
    /// How a datagram to an address that is not inside ends, and connecting a UDP socket to one.
    pub outside_send: ErrorCode,
    /// Whether what is neither inside nor a peer's is somebody else's business. Otherwise it is a
    /// failure of the program's.
    #[cfg(feature = "script")]
    pub leads_out: bool,
    /// How much there may be of everything.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hosts: Vec::new(),
            deny_resolve: ErrorCode::NameUnresolvable,
            outside_connect: ErrorCode::AccessDenied,
            outside_send: ErrorCode::AccessDenied,
            #[cfg(feature = "script")]
            leads_out: false,
            limits: Limits::default(),
        }
    }
}

/// A name, and what it stands for.
#[derive(Clone, Debug)]
pub struct Host {
    /// The name. Case and a dot at its end do not matter.
    pub name: String,
    /// What a lookup gives.
    pub answer: Answer,
}

impl Host {
    /// A name that stands for addresses.
    pub fn new(name: impl Into<String>, addresses: impl Into<Vec<IpAddr>>) -> Self {
        Host {
            name: name.into(),
            answer: Answer::Addresses(addresses.into()),
        }
    }

    /// A name whose lookup fails.
    pub fn failing(name: impl Into<String>, code: ErrorCode) -> Self {
        Host {
            name: name.into(),
            answer: Answer::Fail(code),
        }
    }
}

/// What a lookup of a name gives.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These addresses, in this order.
    Addresses(Vec<IpAddr>),
    /// An error.
    Fail(ErrorCode),
}

/// How much there may be of everything. The defaults are those of [`Limits::new`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// TCP sockets; and ends of connections, whether their socket is still there or not yet.
    /// There are more ephemeral ports than that, so none of them is ever without one.
    pub tcp: u32,
    /// UDP sockets.
    pub udp: u32,
    /// Lookups.
    pub lookups: u32,
    /// Connections that wait to be accepted by one listener. Linux calls it `somaxconn`.
    pub backlog: u32,
    /// Bytes on their way in one direction of a connection.
    pub pipe: usize,
    /// Bytes of memory for what is on its way in all connections and datagrams. From there on, a
    /// connection gets no more than 4 KiB, and datagrams are lost.
    pub buffered: usize,
    /// The same for writes that were permitted before it was reached: they end with
    /// [`ErrorCode::OutOfMemory`] at this limit.
    pub buffered_at_most: usize,
}

impl Limits {
    /// The limits that a network has unless it is told others.
    pub const fn new() -> Self {
        Limits {
            tcp: 24_576,
            udp: 16_384,
            lookups: 1_024,
            backlog: 4_096,
            pipe: 1 << 20,
            buffered: 64 << 20,
            buffered_at_most: 256 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new()
    }
}
