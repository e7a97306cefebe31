//! The compiled rules: flat tables in one slice of bytes, read in place.
//!
//! Everything here runs inside wasm too. Nothing allocates, nothing panics, whatever the bytes
//! are: a record that is not there reads as one that matches nothing, so that damage denies.

mod address;
mod matching;
pub(crate) mod names;
pub(crate) mod record;
mod tables;

pub(crate) use address::{Forms, Stored};
pub use address::{Key, Place};
pub(crate) use matching::{Ask, Matches, applies, denied, granted, redirected, special, target};
pub(crate) use record::Kind;
pub(crate) use tables::flag;
#[cfg(feature = "file")]
pub(crate) use tables::{HEADER, MAGIC, SECTIONS, VERSION};
pub use tables::{Rules, WireError};

use crate::{Operation, Protocol};

/// What a rule is about: operations of a protocol, a bit each. For UDP `connect` and `send` are
/// one use, because both let datagrams out.
pub(crate) mod uses {
    pub(crate) const TCP_CONNECT: u8 = 1;
    pub(crate) const UDP_OUT: u8 = 1 << 1;
    pub(crate) const TCP_BIND: u8 = 1 << 2;
    pub(crate) const UDP_BIND: u8 = 1 << 3;
    pub(crate) const TCP_LISTEN: u8 = 1 << 4;
    pub(crate) const TCP_ACCEPT: u8 = 1 << 5;
    pub(crate) const UDP_RECEIVE: u8 = 1 << 6;
    pub(crate) const RESOLVE: u8 = 1 << 7;
    pub(crate) const OUT: u8 = TCP_CONNECT | UDP_OUT;
}

/// The use that an operation over a protocol is; none where the protocol has no such operation.
pub(crate) const fn use_of(operation: Operation, protocol: Protocol) -> u8 {
    match (operation, protocol) {
        (Operation::Resolve, _) => uses::RESOLVE,
        (Operation::Connect, Protocol::Tcp) => uses::TCP_CONNECT,
        (Operation::Connect | Operation::Send, Protocol::Udp) => uses::UDP_OUT,
        (Operation::Bind, Protocol::Tcp) => uses::TCP_BIND,
        (Operation::Bind, Protocol::Udp) => uses::UDP_BIND,
        (Operation::Listen, Protocol::Tcp) => uses::TCP_LISTEN,
        (Operation::Accept, Protocol::Tcp) => uses::TCP_ACCEPT,
        (Operation::Receive, Protocol::Udp) => uses::UDP_RECEIVE,
        (Operation::Send, Protocol::Tcp)
        | (Operation::Listen | Operation::Accept, Protocol::Udp)
        | (Operation::Receive, Protocol::Tcp) => 0,
    }
}
