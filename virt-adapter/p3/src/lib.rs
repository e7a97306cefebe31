//! The network beside a component: `wasi:sockets` 0.3 over `sockvirt_netstack`.
//!
//! Each exported function is one of WASI, as the Canonical ABI lifts it, under the name
//! `INTERFACE@VERSION#FUNCTION`; one that is async is called back under `#[callback]FUNCTION`.
//! `sockvirt` writes the component around them, in the guest's own types, and gives the module what
//! it imports:
//!
//! | import module | what |
//! | --- | --- |
//! | `own` | `[resource-new]NAME` for sockets |
//! | `canon` | built-ins of the Canonical ABI, for the streams and futures that a function has |
//! | `around` | the same for the streams of the host's functions |
//! | `host` | what tells of a script and ends the program (`told.rs`) |
//! | `INTERFACE@VERSION` | functions of the host, lowered; `[resource-drop]NAME` for its resources |
//!
//! The behaviour is the netstack's. What is here are streams and futures between it and the guest
//! (`flow.rs`, `listener.rs`), functions that wait (`wait.rs`), and the task that goes on with all of
//! it while no function is called (`driver.rs`). With the feature `shared`, sockets of 0.2 are on the
//! same network (`shared.rs`).

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

#[path = "../../binding.rs"]
mod binding;
mod buffers;
#[cfg(feature = "shared")]
#[path = "../../calls.rs"]
mod calls;
mod canon;
#[cfg(feature = "script")]
mod clocks;
#[path = "../../p2/src/config.rs"]
#[allow(dead_code, reason = "each module reads what concerns it")]
mod config;
mod driver;
mod flow;
#[cfg(feature = "host")]
mod host;
mod ip_name_lookup;
#[rustfmt::skip]
mod layout;
mod listener;
#[cfg(feature = "script")]
#[path = "../../loaded.rs"]
mod loaded;
mod lower;
#[path = "../../p2/src/memory.rs"]
mod memory;
#[cfg(target_family = "wasm")]
#[path = "../../p2/src/panic.rs"]
mod panic;
#[cfg(feature = "script")]
mod script;
#[cfg(feature = "shared")]
#[path = "../../served.rs"]
mod served;
#[cfg(feature = "shared")]
mod shared;
mod state;
mod tcp;
#[cfg(feature = "script")]
#[path = "../../p2/src/text.rs"]
mod text;
#[cfg(feature = "script")]
mod time;
#[cfg(all(feature = "script", feature = "shared"))]
#[path = "../../told.rs"]
mod told;
mod udp;
mod wait;
