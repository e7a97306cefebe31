//! What stands between a component and the sockets of its host.
//!
//! Each function here takes the place of one function of `wasi:sockets`, under the name
//! `INTERFACE@VERSION#FUNCTION`. It asks the policy, calls the host's own function if the policy
//! allows it, and else fails as the host would have. `sockvirt` takes out of this module the
//! functions that a composition needs and gives them what they import:
//!
//! | import module | what |
//! | --- | --- |
//! | `INTERFACE@VERSION` | functions of the host, lowered; `[resource-drop]NAME` for its resources |
//! | `own` | `[resource-new]NAME` and `[resource-drop]NAME` for resources that are made here |
//! | `policy` | the policy's functions, see `policy.rs` |
//! | `codes` | the numbers of error codes, which differ between versions |
//! | `clock` | a pollable that is ready |
//! | `canon` | built-ins of the Canonical ABI for async functions |
//!
//! Handles are those of the component around: what a function borrows it drops before it returns.

#![cfg_attr(target_family = "wasm", no_std)]

mod address;
mod codes;
#[path = "../../contract.rs"]
mod contract;
mod memory;
mod name;
mod p2;
mod p3;
#[cfg(target_family = "wasm")]
mod panic;
mod policy;
