//! What a component may reach, as data.
//!
//! A `Policy` says what a composed component answers to each network [`Operation`]. It is read
//! from a file or built in code, it has one canonical text, and that text is
//! what a composed component carries as evidence of what it was built to do.
//!
//! This crate knows no WebAssembly and does no I/O. Without the `file` feature it is `no_std` and
//! needs no allocator: what is left are [`Rules`], which is what `Policy::wire` compiles a policy
//! to, and [`Session`], which decides by them. The tool and the code inside a component decide
//! with the same code.
//!
//! The names of operations follow the uses that `wasi:sockets` hosts tell apart (bind, listen,
//! accept, connect, send, receive), plus `resolve` for `wasi:sockets/ip-name-lookup`.

#![cfg_attr(not(feature = "file"), no_std)]

#[cfg(feature = "file")]
mod canonical;
#[cfg(feature = "file")]
mod check;
#[cfg(feature = "file")]
mod compile;
mod decision;
mod denial;
#[cfg(feature = "file")]
mod explain;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "file")]
mod flag;
mod literal;
mod log;
#[cfg(feature = "file")]
mod mistake;
mod operation;
#[cfg(feature = "file")]
mod pattern;
#[cfg(feature = "file")]
mod policy;
#[cfg(feature = "file")]
mod ports;
#[cfg(feature = "file")]
mod rule;
mod rules;
#[cfg(feature = "file")]
mod schema;
mod session;
mod settings;
#[cfg(feature = "file")]
mod special;

pub use decision::{Decision, Outcome, RuleRef, Ruling, Verdict};
pub use denial::{Denial, UnknownDenial};
#[cfg(feature = "file")]
pub use explain::{Destination, Explanation, RuleText};
#[cfg(feature = "file")]
pub use file::FileError;
#[cfg(feature = "file")]
pub use flag::Flag;
pub use literal::literal;
pub use log::{Subject, write_json};
#[cfg(feature = "file")]
pub use mistake::Mistake;
pub use operation::{Operation, Protocol, UnknownOperation};
#[cfg(feature = "file")]
pub use pattern::{NamePattern, Target};
#[cfg(feature = "file")]
pub use policy::{InvalidPolicy, Policy};
#[cfg(feature = "file")]
pub use ports::Ports;
#[cfg(feature = "file")]
pub use rule::{AllowRule, DenyRule, Host, HostAnswer, Redirect};
pub use rules::{Key, Place, Rules, WireError};
pub use session::{Lookup, NameTable, Names, NoNames, Resolved, Session};
pub use settings::{DenyAt, DnsMode, Log, LoopbackMode, OnDeadlock, UnknownDenyAt};
#[cfg(feature = "file")]
pub use sockvirt_netstack::script::{self, Script};
#[cfg(feature = "file")]
pub use special::Special;
