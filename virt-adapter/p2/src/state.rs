//! What is kept between calls.

use crate::beside::Companion;
use crate::config::{self, Outside};
use crate::handles::{Handle, Handles, Resource};
use crate::memory::trap;
use alloc::vec::Vec;
use core::cell::{Cell, UnsafeCell};
use core::net::SocketAddr;
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{EndId, LookupId, TcpId, UdpId};

#[cfg(feature = "remote")]
pub(crate) use crate::remote::Network;
#[cfg(not(feature = "remote"))]
pub(crate) use sockvirt_netstack::Network;

/// The network, and the handles that the guest has of it.
pub(crate) struct State {
    pub(crate) network: Network,
    pub(crate) handles: Handles,
    pub(crate) outside: Outside,
    /// For each binding that asked, a network of the host's.
    pub(crate) networks: Vec<(u32, u32)>,
    #[cfg(all(feature = "script", not(feature = "remote")))]
    pub(crate) report: crate::loaded::Report,
    /// Sockets of the host's beside the network's.
    pub(crate) companions: Vec<Option<Companion>>,
    /// How many sockets of the host's there are.
    #[cfg(all(feature = "script", feature = "remote"))]
    hosted: u32,
}

struct Global {
    state: UnsafeCell<Option<State>>,
    /// Whether the guest's `realloc` is running.
    is_away: Cell<bool>,
    /// The last binding that a call came by.
    #[cfg(feature = "script")]
    binding: Cell<u32>,
}

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global {
    state: UnsafeCell::new(None),
    is_away: Cell::new(false),
    #[cfg(feature = "script")]
    binding: Cell::new(0),
};

/// Notes the binding that a call came by, for what no call is the reason for.
#[cfg(feature = "script")]
pub(crate) fn came_by(binding: u32) {
    if binding != 0 {
        GLOBAL.binding.set(binding);
    }
}

/// Whoever called last.
#[cfg(feature = "script")]
pub(crate) fn last_guest() -> crate::guest::Guest {
    crate::guest::Guest::new(GLOBAL.binding.get())
}

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
    let state = state.get_or_insert_with(|| {
        let configured = config::read();
        State {
            outside: configured.outside,
            network: network(configured),
            handles: Handles::new(),
            networks: Vec::new(),
            #[cfg(all(feature = "script", not(feature = "remote")))]
            report: Default::default(),
            companions: Vec::new(),
            #[cfg(all(feature = "script", feature = "remote"))]
            hosted: 0,
        }
    });
    #[cfg(feature = "script")]
    crate::script::turn(state);
    state
}

#[cfg(any(not(feature = "script"), feature = "remote"))]
fn network(configured: config::Configured) -> Network {
    Network::new(configured.config)
}

#[cfg(all(feature = "script", not(feature = "remote")))]
fn network(configured: config::Configured) -> Network {
    let script = crate::loaded::script(configured.script);
    Network::with_script(configured.config, script)
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

    /// Notes that there are so many more sockets of the host's. Whoever plays a script elsewhere is told
    /// whether there are any: nobody sees there what is waited for.
    #[cfg(all(feature = "script", feature = "remote"))]
    pub(crate) fn count_hosted(&mut self, more: i32) {
        let before = self.hosted;
        self.hosted = before.saturating_add_signed(more);
        if (before == 0) != (self.hosted == 0) {
            self.network.note_hosted(self.hosted > 0);
        }
    }

    #[cfg(not(all(feature = "script", feature = "remote")))]
    pub(crate) fn count_hosted(&mut self, _: i32) {}

    /// Whether TCP sockets that have to do with an address stay the network's.
    pub(crate) fn has_tcp(&self, address: SocketAddr) -> bool {
        #[cfg(feature = "script")]
        return self.network.has_address(Protocol::Tcp, address);
        #[cfg(not(feature = "script"))]
        Network::is_inside(address.ip())
    }

    /// Ends the guest if a handle is no network.
    pub(crate) fn check_network(&self, handle: Handle) {
        if !matches!(self.handles.get(handle), Resource::Network) {
            trap();
        }
    }
}
