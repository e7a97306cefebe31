//! What a component may reach, as data.
//!
//! A [`Policy`] says what a composed component answers to each network [`Operation`]. It is read
//! from a file or built in code, it has one [canonical text](Policy::canonical), and that text is
//! what a composed component carries as evidence of what it was built to do.
//!
//! This crate knows no WebAssembly and does no I/O. Without the `file` feature it is `no_std`, so
//! that the tool and the code inside a component can share it.
//!
//! The names of operations follow the uses that `wasi:sockets` hosts tell apart (bind, listen,
//! accept, connect, send, receive), plus `resolve` for `wasi:sockets/ip-name-lookup`.

#![cfg_attr(not(feature = "file"), no_std)]

extern crate alloc;

mod canonical;
mod denial;
#[cfg(feature = "file")]
mod file;
mod operation;
mod policy;

pub use denial::{Denial, UnknownDenial};
#[cfg(feature = "file")]
pub use file::FileError;
pub use operation::{Operation, Protocol, UnknownOperation};
pub use policy::{DenyAt, DenyRule, DnsMode, InvalidPolicy, Policy, UnknownDenyAt};
