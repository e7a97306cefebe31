//! A network that several components share: `sockvirt_netstack` behind three functions of plain
//! numbers (`calls.rs`). A script may be played on it (`script.rs`).
//!
//! It has no handles and knows no version of WASI: who calls it has those. Ids are given to whoever
//! asks, and nothing that it is told makes it do more than the netstack does.

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

use calls::{BLOCK, Block, Blocks, Call, MOST, Numbers, Wire, calls};
use core::cell::UnsafeCell;
use core::net::{IpAddr, SocketAddr};
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{
    EndId, ErrorCode, Family, LookupId, Network, Shutdown, SocketOption, StreamEnd, TcpId, UdpId,
    WriteError,
};

/// The network, and what is handed over or waits to be fetched.
struct Hub {
    network: Network,
    handed_over: Blocks,
    fetched: Blocks,
    /// The block that is fetched next.
    next: usize,
    answer: Block,
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
            handed_over: Blocks::new(),
            fetched: Blocks::new(),
            next: 0,
            answer: [0; 8],
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

/// Answers a call: where the answer is.
#[unsafe(export_name = "call")]
#[allow(
    clippy::too_many_arguments,
    reason = "a block is passed as eight numbers"
)]
extern "C" fn call(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> *const Block {
    let hub = hub();
    hub.answer = hub.answer(Numbers::of([a, b, c, d, e, f, g, h])).block;
    &raw const hub.answer
}

/// Takes the next block of what is handed over.
#[unsafe(export_name = "put")]
#[allow(
    clippy::too_many_arguments,
    reason = "a block is passed as eight numbers"
)]
extern "C" fn put(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) {
    let hub = hub();
    if hub.handed_over.blocks().len() < MOST / BLOCK {
        hub.handed_over.push([a, b, c, d, e, f, g, h]);
    }
}

/// Where the next block is that is fetched.
#[unsafe(export_name = "get")]
extern "C" fn get() -> *const Block {
    let hub = hub();
    match hub.fetched.blocks().get(hub.next) {
        Some(block) => {
            hub.next += 1;
            block
        }
        None => &raw const hub.answer,
    }
}

macro_rules! answers {
    (
        network { $($(#[$when:meta])* $method:ident($($a:ident: $at:ty),*) -> $r:ty;)* }
        hub { $($(#[$with:meta])* $own:ident($($b:ident: $bt:ty),*) -> $s:ty;)* }
    ) => {
        fn answer(&mut self, mut call: Numbers) -> Numbers {
            let mut answer = Numbers::of([0; 8]);
            match call.get() {
                $($(#[$when])* it if it == Call::$method as u64 => {
                    $(let $a = <$at as Wire>::get(&mut call);)*
                    let given: $r = self.network.$method($($a),*);
                    given.put(&mut answer);
                })*
                $($(#[$with])* it if it == Call::$own as u64 => {
                    $(let $b = <$bt as Wire>::get(&mut call);)*
                    let given: $s = self.$own($($b),*);
                    given.put(&mut answer);
                })*
                _ => {}
            }
            answer
        }
    };
}

impl Hub {
    calls!(answers);

    /// What was handed over, and nothing is left of it.
    fn take_over(&mut self) -> Blocks {
        core::mem::take(&mut self.handed_over)
    }

    /// Has bytes wait to be fetched.
    fn give(&mut self, bytes: Blocks) {
        self.next = 0;
        self.fetched = bytes;
    }

    fn read(&mut self, id: EndId, most: usize) -> usize {
        let [first, second] = self.network.peek(id, most.min(MOST));
        let count = first.len() + second.len();
        let mut bytes = Blocks::with_room(count);
        let (front, back) = bytes.bytes_mut(count).split_at_mut(first.len());
        front.copy_from_slice(first);
        back.copy_from_slice(second);
        self.give(bytes);
        self.network.skip(id, count)
    }

    fn write(&mut self, id: EndId, count: usize) -> Result<(), WriteError> {
        let blocks = self.take_over();
        let mut rest = blocks.bytes(count);
        self.network.write_with(id, count, |run| {
            if let Some((now, later)) = rest.split_at_checked(run.len()) {
                run.copy_from_slice(now);
                rest = later;
            }
        })
    }

    fn send(&mut self, id: UdpId, count: usize, to: Option<SocketAddr>) -> Result<(), ErrorCode> {
        let blocks = self.take_over();
        let bytes = blocks.bytes(count);
        self.network.udp_send_with(id, count, to, |place| {
            if place.len() == bytes.len() {
                place.copy_from_slice(bytes);
            }
        })
    }

    fn receive(&mut self, id: UdpId) -> Result<Option<(usize, SocketAddr)>, ErrorCode> {
        let mut received = None;
        let mut blocks = Blocks::new();
        self.network.udp_receive_with(id, |data, from| {
            blocks = Blocks::with_room(data.len());
            blocks.bytes_mut(data.len()).copy_from_slice(data);
            received = Some((data.len(), from));
        })?;
        self.give(blocks);
        Ok(received)
    }

    fn look_up(&mut self, count: usize) -> Result<LookupId, ErrorCode> {
        let blocks = self.take_over();
        self.network.lookup(blocks.bytes(count))
    }
}
