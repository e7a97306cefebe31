//! What is kept between calls.

use crate::buffers::Buffers;
use crate::canon;
use crate::config::{self, Outside};
use crate::flow::Flow;
use crate::listener::Listener;
use crate::wait::Waits;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use sockvirt_netstack::{EndId, Network, TcpId};

/// What becomes of an event, by the stream or the future that it is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Nothing,
    /// What the guest writes to an end of a connection.
    Sending(EndId),
    /// What the guest reads of it.
    Receiving(EndId),
    /// What a listener accepts.
    Accepting(TcpId),
    /// What a listener of the host's does.
    #[cfg(feature = "host")]
    AcceptingHosted(TcpId),
    /// A timer of the host's.
    #[cfg(feature = "script")]
    Timer,
    /// How sending has ended, or receiving: there until somebody reads it.
    Sent,
    Received,
}

/// The network, and what connects it with the guest.
pub(crate) struct State {
    pub(crate) network: Network,
    pub(crate) outside: Outside,
    /// The set of everything that the driver waits for, and whether it does.
    pub(crate) set: u32,
    pub(crate) is_driven: bool,
    /// Ends of which the guest has read something and may not know yet: its read goes on until it
    /// does, whether it wants more or not. It is asked again when something happens.
    pub(crate) unsure: Vec<EndId>,
    /// By the handles of streams and futures.
    roles: Vec<Role>,
    /// By the numbers of ends.
    pub(crate) flows: Vec<Flow>,
    pub(crate) buffers: Buffers,
    pub(crate) listeners: Vec<Listener>,
    /// Connections that were accepted when nobody took any more, by their listeners.
    pub(crate) left: Vec<(TcpId, u32)>,
    pub(crate) waits: Waits,
    #[cfg(feature = "host")]
    pub(crate) hosted: crate::host::Hosted,
    #[cfg(feature = "script")]
    pub(crate) script: crate::script::Script,
    #[cfg(feature = "script")]
    pub(crate) sleep: crate::time::Sleep,
}

struct Global(UnsafeCell<Option<State>>);

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global(UnsafeCell::new(None));

/// The state, for what no call is the reason for. Every exported function asks for it once, and none
/// calls another.
pub(crate) fn resting() -> &'static mut State {
    // SAFETY: exported functions run one at a time, each takes the state once, and no built-in that
    // they call runs code of anybody else's but `realloc`, which does not take it.
    let state = unsafe { &mut *GLOBAL.0.get() };
    state.get_or_insert_with(|| {
        let configured = config::read();
        State {
            outside: configured.outside,
            network: network(configured),
            set: canon::waitable_set_new(),
            is_driven: false,
            unsure: Vec::new(),
            roles: Vec::new(),
            flows: Vec::new(),
            buffers: Buffers::default(),
            listeners: Vec::new(),
            left: Vec::new(),
            waits: Waits::default(),
            #[cfg(feature = "host")]
            hosted: crate::host::Hosted::default(),
            #[cfg(feature = "script")]
            script: crate::script::Script::default(),
            #[cfg(feature = "script")]
            sleep: crate::time::Sleep::default(),
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

/// The same for a call of the guest's: with a script, everybody in it has had their turn.
pub(crate) fn state() -> &'static mut State {
    let state = resting();
    state.offer_again();
    #[cfg(feature = "script")]
    {
        crate::script::turn(state);
        state.wake_driver();
    }
    state
}

impl State {
    /// Has the driver wait for a stream or a future.
    pub(crate) fn watch(&mut self, waitable: u32, role: Role) {
        let place = waitable as usize;
        if self.roles.len() <= place {
            self.roles.resize(place + 1, Role::Nothing);
        }
        if let Some(it) = self.roles.get_mut(place) {
            *it = role;
        }
        canon::waitable_join(waitable, self.set);
    }

    pub(crate) fn role(&self, waitable: u32) -> Role {
        let role = self.roles.get(waitable as usize);
        role.copied().unwrap_or(Role::Nothing)
    }

    /// Forgets what is about to be dropped.
    pub(crate) fn forget(&mut self, waitable: u32) {
        if let Some(it) = self.roles.get_mut(waitable as usize) {
            *it = Role::Nothing;
        }
        canon::waitable_join(waitable, 0);
    }
}
