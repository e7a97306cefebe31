//! The same network for sockets of WASI 0.2, which are in the component itself (`served.rs`).
//!
//! What they are called for may be what streams and functions of 0.3 wait for. And while the component
//! waits for one of its sockets of 0.2, nothing else of it runs, nor does the driver: what it has
//! written to streams of 0.3 is looked for here then.

use crate::calls::{Block, Call};
use crate::canon;
use crate::served::{self, Owner};
#[cfg(feature = "script")]
use crate::state::resting as called;
#[cfg(not(feature = "script"))]
use crate::state::state as called;
use crate::state::{Role, State};
#[cfg(feature = "script")]
use crate::told;
use core::cell::Cell;
use sockvirt_netstack::{EndId, Network, TcpId};

/// Who is called, and who is at the other ends of what the call is about.
struct Shared {
    state: &'static mut State,
    peers: [Option<EndId>; 2],
}

impl Owner for Shared {
    fn network(&mut self) -> &mut Network {
        &mut self.state.network
    }

    fn touches(&mut self, end: EndId) {
        self.peers = [self.state.network.end_peer(end), self.peers[0]];
    }

    fn catch_up(&mut self) -> bool {
        self.state.catch_up()
    }

    #[cfg(feature = "script")]
    fn take_turn(&mut self) -> bool {
        self.state.offer_again();
        crate::script::turn(self.state);
        self.state.wake_driver();
        self.state.network.traps()
    }

    #[cfg(all(feature = "script", feature = "host"))]
    fn note_hosted(&mut self, any: bool) {
        self.state.note_hosted(any);
    }

    /// There are none.
    #[cfg(all(feature = "script", not(feature = "host")))]
    fn note_hosted(&mut self, _: bool) {}

    #[cfg(feature = "script")]
    fn verdict(&mut self) -> bool {
        self.state.catch_up();
        let flags = self.state.outside.flags;
        if let Some(text) = self.state.end_script() {
            told::tell(text, flags);
        }
        self.state.is_well()
    }

    #[cfg(feature = "script")]
    fn end(&mut self) {
        let is_well = self.verdict();
        told::exit(is_well, self.state.outside.flags);
    }
}

/// Whether a call is one of these, by its number.
macro_rules! is {
    ($call:ident: $($name:ident)|*) => {
        [$(Call::$name as u64),*].contains(&$call)
    };
}

/// Answers a call: where the answer is.
#[unsafe(export_name = "call")]
#[allow(
    clippy::too_many_arguments,
    reason = "a block is passed as eight numbers"
)]
extern "C" fn call(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> *const Block {
    // With a script, everybody in it has their turn when that is called for.
    let (state, id) = (called(), TcpId::from_number(b as u32));
    let drops_listener = is!(a: tcp_drop) && state.network.tcp_is_listening(id);
    let peers = [None; 2];
    let mut shared = Shared { state, peers };
    let answer = served::answer(&mut shared, [a, b, c, d, e, f, g, h]);
    let Shared { state, peers } = shared;
    for peer in peers.into_iter().flatten() {
        state.pump_both(peer);
    }
    if drops_listener {
        // Whom nobody has accepted is told so.
        state.pump_flows();
    }
    state.go_on_behind(a, id);
    answer
}

impl State {
    /// Goes on with what waits for a call like this one, besides the streams of a connection.
    fn go_on_behind(&mut self, call: u64, id: TcpId) {
        let is_connected = || self.network.tcp_end(id).is_some();
        if is!(call: tcp_ready | tcp_finish_connect) && is_connected() {
            return self.pump_listeners();
        }
        #[cfg(feature = "script")]
        if is!(call: pass_to) {
            return self.pump_all();
        }
        if is!(call: tcp_ready | tcp_accept | tcp_drop | tcp_set_listen_backlog | send) {
            self.wake_ready();
        }
    }

    /// Takes what has happened to streams and futures: whether anything has.
    fn catch_up(&mut self) -> bool {
        let (mut any, mut has_moved) = (false, false);
        self.take_events(|role| {
            any = true;
            has_moved |= role != Role::Nothing;
        });
        if any {
            ring(self.set);
        }
        has_moved
    }
}

/// A stream of nothing that the driver waits for besides.
#[derive(Clone, Copy)]
struct Bell {
    readable: u32,
    writable: u32,
    /// A set that nobody waits for.
    aside: u32,
}

struct Global(Cell<Option<Bell>>);

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static BELL: Global = Global(Cell::new(None));

/// Has an event be there for the driver. The engine may be about to give it one that was taken, and
/// wasmtime 48 does not survive if there is none then.
fn ring(set: u32) {
    let bell = BELL.0.get().unwrap_or_else(|| {
        let [readable, writable] = canon::ends(canon::new_wake());
        let aside = canon::waitable_set_new();
        Bell {
            readable,
            writable,
            aside,
        }
    });
    BELL.0.set(Some(bell));
    // What nobody has taken of the last time.
    canon::waitable_join(bell.readable, bell.aside);
    canon::waitable_set_poll(bell.aside, &mut [0; 2]);
    canon::read_wake(bell.readable, 0, 1);
    canon::waitable_join(bell.readable, set);
    canon::write_wake(bell.writable, 0, 1);
}
