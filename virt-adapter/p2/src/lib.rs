//! The network inside a component: `wasi:io` and `wasi:sockets` 0.2 over `sockvirt_netstack`.
//!
//! Each exported function takes the place of one that a guest lowers, under the name
//! `INTERFACE@VERSION#FUNCTION`, or `INTERFACE@VERSION#[resource-drop]NAME`. It has the arguments
//! of the lowered function, and behind them the binding that the call came by (`binding.rs`), which
//! leads to the caller's memory and to the host. Glue that `sockvirt` writes calls it for handles
//! that were given here; the others are the host's.
//!
//! With the feature `remote` the network is in another component, for several to share, or for sockets
//! of 0.3 as well (`remote.rs`).
//!
//! The behaviour is the netstack's. What is here are the Canonical ABI (`lower.rs`, `layout.rs`),
//! the handles, and waiting, which has no place in a network without a clock.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod beside;
#[path = "../../binding.rs"]
mod binding;
#[cfg(feature = "remote")]
#[path = "../../calls.rs"]
mod calls;
#[cfg(feature = "script")]
mod clocks;
#[cfg_attr(
    feature = "remote",
    allow(dead_code, reason = "the script is the hub's")
)]
mod config;
mod deadlock;
mod error;
mod guest;
mod handles;
mod instance_network;
mod ip_name_lookup;
#[allow(clippy::module_inception, reason = "`poll` is a function of `wasi:io/poll`")]
#[rustfmt::skip]
mod layout;
#[cfg(all(feature = "script", not(feature = "remote")))]
#[path = "../../loaded.rs"]
mod loaded;
mod lower;
mod memory;
mod network;
#[cfg(target_family = "wasm")]
mod panic;
mod poll;
#[cfg(feature = "remote")]
mod remote;
mod route;
#[cfg(feature = "script")]
mod script;
mod splice;
mod state;
mod streams;
mod tcp;
mod tcp_create_socket;
mod text;
mod time;
mod udp;
mod udp_create_socket;
#[cfg(all(feature = "script", not(feature = "remote")))]
mod verdict;
