//! What is kept between calls.

use crate::config::{self, Outside};
use crate::handles::{Handle, Handles, Resource};
use crate::memory::trap;
use alloc::vec::Vec;
use core::cell::{Cell, UnsafeCell};
use sockvirt_netstack::{EndId, LookupId, Network, TcpId, UdpId};

/// The network, and the handles that the guest has of it.
pub(crate) struct State {
    pub(crate) network: Network,
    pub(crate) handles: Handles,
    pub(crate) outside: Outside,
    /// For each binding that asked, a network of the host's.
    pub(crate) networks: Vec<(u32, u32)>,
}

struct Global {
    state: UnsafeCell<Option<State>>,
    /// Whether the guest's `realloc` is running.
    is_away: Cell<bool>,
}

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global {
    state: UnsafeCell::new(None),
    is_away: Cell::new(false),
};

/// Calls the guest's `realloc`, which must not call back, as the Canonical ABI has it.
pub(crate) fn away<T>(call: impl FnOnce() -> T) -> T {
    GLOBAL.is_away.set(true);
    let result = call();
    GLOBAL.is_away.set(false);
    result
}

/// The state. Every exported function asks for it once, and none calls another.
pub(crate) fn state() -> &'static mut State {
    if GLOBAL.is_away.get() {
        trap();
    }
    // SAFETY: exported functions run one at a time, each takes the state once, and the only code of
    // the guest's that one calls gets no further than the line above.
    let state = unsafe { &mut *GLOBAL.state.get() };
    state.get_or_insert_with(|| {
        let (config, outside) = config::read();
        State {
            network: Network::new(config),
            handles: Handles::new(),
            outside,
            networks: Vec::new(),
        }
    })
}

macro_rules! typed {
    ($($name:ident $case:ident $ty:ty;)*) => {$(
        pub(crate) fn $name(&self, handle: Handle) -> $ty {
            match self.handles.get(handle) {
                Resource::$case(it) => it,
                _ => trap(),
            }
        }
    )*};
}

impl State {
    typed! {
        input Input EndId;
        output Output EndId;
        tcp Tcp TcpId;
        udp Udp UdpId;
        incoming Incoming UdpId;
        outgoing Outgoing UdpId;
        lookup Lookup LookupId;
    }

    /// Ends the guest if a handle is no network.
    pub(crate) fn check_network(&self, handle: Handle) {
        if !matches!(self.handles.get(handle), Resource::Network) {
            trap();
        }
    }
}
