//! A network that several components share (`served.rs`). A script may be played on it (`script.rs`).

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

#[cfg(feature = "script")]
#[path = "../../binding.rs"]
mod binding;
#[path = "../../calls.rs"]
mod calls;
#[path = "../../p2/src/config.rs"]
#[allow(dead_code, reason = "what is the callers' business is not read")]
mod config;
#[cfg(feature = "script")]
#[path = "../../loaded.rs"]
mod loaded;
#[path = "../../p2/src/memory.rs"]
#[allow(dead_code, reason = "nothing of the host's is released")]
mod memory;
#[cfg(target_family = "wasm")]
#[path = "../../p2/src/panic.rs"]
mod panic;
#[cfg(feature = "script")]
mod script;
#[path = "../../served.rs"]
mod served;
#[cfg(feature = "script")]
#[path = "../../told.rs"]
mod told;

use calls::Block;
use core::cell::UnsafeCell;
use served::Owner;
use sockvirt_netstack::{EndId, Network};

/// The network, which its callers have all the use of.
struct Hub {
    network: Network,
    #[cfg(feature = "script")]
    script: script::Script,
}

struct Global(UnsafeCell<Option<Hub>>);

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global(UnsafeCell::new(None));

fn hub() -> &'static mut Hub {
    // SAFETY: exported functions run one at a time, each takes it once, and the host, which they
    // may call, calls nobody here.
    let hub = unsafe { &mut *GLOBAL.0.get() };
    hub.get_or_insert_with(|| {
        let configured = config::read();
        Hub {
            #[cfg(feature = "script")]
            script: script::Script::new(&configured),
            network: network(configured),
        }
    })
}

#[cfg(not(feature = "script"))]
fn network(configured: config::Configured) -> Network {
    Network::new(configured.config)
}

#[cfg(feature = "script")]
fn network(configured: config::Configured) -> Network {
    let script = crate::loaded::script(configured.script);
    Network::with_script(configured.config, script)
}

impl Owner for Hub {
    fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    fn touches(&mut self, _: EndId) {}

    fn catch_up(&mut self) -> bool {
        false
    }

    #[cfg(feature = "script")]
    fn take_turn(&mut self) -> bool {
        self.turn()
    }

    /// Who waits for the host is whoever calls.
    #[cfg(feature = "script")]
    fn note_hosted(&mut self, _: bool) {}

    #[cfg(feature = "script")]
    fn verdict(&mut self) -> bool {
        self.judge()
    }

    #[cfg(feature = "script")]
    fn end(&mut self) {
        self.end_program();
    }
}

/// Answers a call: where the answer is.
#[unsafe(export_name = "call")]
#[allow(
    clippy::too_many_arguments,
    reason = "a block is passed as eight numbers"
)]
extern "C" fn call(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> *const Block {
    served::answer(hub(), [a, b, c, d, e, f, g, h])
}
