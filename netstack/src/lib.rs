//! A network in memory.
//!
//! A [`Network`] is what a kernel keeps for `wasi:sockets`: sockets, listeners, connections,
//! datagrams and names. Each call changes its state and returns; nothing waits, nothing is sent
//! anywhere, and there is no clock. What has to wait answers [`ErrorCode::WouldBlock`], or that it
//! is not ready, and whoever owns the network asks again after some other call.
//!
//! It behaves as wasmtime 48.0.8 does on Linux with the loopback interface for a network: the same
//! error codes, the same states, the same order of validation, and beneath them what the kernel
//! answers. Calls follow `wasi:sockets` 0.2; what 0.3 adds to it (streams that outlive their socket,
//! connecting a UDP socket that is not bound) is there beside them.
//!
//! Whoever calls keeps the handles. Ids are plain numbers, used again after a drop. A call with the
//! id of nothing ends with [`ErrorCode::InvalidState`], or with what stands for "no more".
//!
//! Everything is bounded by [`Limits`], and no call panics whatever its arguments.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod config;
mod connect;
mod datagram;
mod end;
mod error;
mod ids;
mod memory;
mod names;
mod network;
mod options;
mod pipe;
mod ports;
#[cfg(feature = "script")]
pub mod script;
mod slab;
mod streams;
mod table;
mod tcp;
mod udp;

pub use address::Family;
pub use config::{Answer, Config, Host, Limits};
pub use error::ErrorCode;
pub use ids::{EndId, LookupId, TcpId, UdpId};
pub use network::{Network, Usage};
pub use options::SocketOption;
pub use streams::{StreamEnd, WriteError};
pub use tcp::Shutdown;
