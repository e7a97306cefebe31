//! Time of a script that passes on the host's clock: the driver sleeps then.
//!
//! It does so where the script says so, and otherwise while the program may wait for the host. Nobody sees
//! what a program waits for of the host's. As long as it has sockets of the host's, or calls of its
//! functions, no time is skipped.

#[cfg(feature = "host")]
use crate::binding::flags;
use crate::canon::{self, Copied, code, subtask};
use crate::script::turn;
use crate::state::{Role, State};
use alloc::vec::Vec;

#[link(wasm_import_module = "wasi:clocks/monotonic-clock@0.3")]
unsafe extern "C" {
    #[link_name = "[async-lower]wait-for"]
    safe fn host_wait_for(duration: u64) -> u32;
    #[link_name = "now"]
    safe fn host_now() -> u64;
}

/// What the driver sleeps for.
#[derive(Default)]
pub(crate) struct Sleep {
    /// Timers of the host's, and to which moment of the script's each is.
    timers: Vec<(u32, u64)>,
    /// A stream of nothing that wakes it: its readable and its writable end.
    wake: Option<[u32; 2]>,
    is_asleep: bool,
    /// How many components have sockets of 0.2 that are the host's.
    #[cfg(all(feature = "shared", feature = "host"))]
    others: u32,
}

impl State {
    /// Learns what time it is, where that is the host's to say.
    pub(crate) fn look_at_clock(&mut self) {
        if self.network.has_host_clock() {
            self.network.set_now(host_now());
        }
    }

    /// Whether time passes by itself, up to a moment at which something happens, if there is one.
    pub(crate) fn passes_on_host_clock(&self, moment: Option<u64>) -> bool {
        #[cfg(feature = "host")]
        if self.may_wait_for_host(moment) {
            return true;
        }
        moment.is_some() && self.network.has_host_clock()
    }

    /// Whether the program may wait for something of the host's.
    #[cfg(feature = "host")]
    fn may_wait_for_host(&self, moment: Option<u64>) -> bool {
        let has_clock = self.outside.flags & flags::HOST_TIME != 0;
        #[cfg(feature = "shared")]
        let has_others = self.sleep.others > 0;
        #[cfg(not(feature = "shared"))]
        let has_others = false;
        let may_wait = has_others || self.hosted.is_used() || self.waits.has_calls();
        (has_clock || moment.is_none()) && may_wait
    }

    /// Notes that a component has sockets of 0.2 that are the host's, or has none any more.
    #[cfg(all(feature = "shared", feature = "host"))]
    pub(crate) fn note_hosted(&mut self, any: bool) {
        let more = if any { 1 } else { -1 };
        self.sleep.others = self.sleep.others.saturating_add_signed(more);
        self.wake_driver();
    }

    /// Has the driver sleep until somebody calls, or time has passed on the host's clock up to a moment,
    /// if there is one: what it returns.
    pub(crate) fn sleep(&mut self, moment: Option<u64>) -> u32 {
        if let Some(moment) = moment
            && self.sleep.timers.iter().all(|(_, it)| *it > moment)
        {
            let status = host_wait_for(moment.saturating_sub(self.network.now()));
            if status & 0xf == subtask::RETURNED {
                self.pass_time(moment);
                return code::YIELD;
            }
            self.sleep.timers.push((status >> 4, moment));
            self.watch(status >> 4, Role::Timer);
        }
        if !self.sleep.is_asleep {
            let [readable, _] = match self.sleep.wake {
                Some(ends) => ends,
                None => {
                    let ends = canon::ends(canon::new_wake());
                    self.watch(ends[0], Role::Nothing);
                    *self.sleep.wake.insert(ends)
                }
            };
            self.sleep.is_asleep = Copied::of(canon::read_wake(readable, 0, 1)) == Copied::Blocked;
        }
        code::wait(self.set)
    }

    /// Wakes the driver, for somebody calls.
    pub(crate) fn wake_driver(&mut self) {
        if let Some([_, writable]) = self.sleep.wake
            && core::mem::take(&mut self.sleep.is_asleep)
        {
            // There is somebody who reads.
            canon::write_wake(writable, 0, 1);
        }
    }

    /// A timer of the host's is over.
    pub(crate) fn timer_event(&mut self, timer: u32, status: u32) {
        let timers = &mut self.sleep.timers;
        let Some(place) = timers.iter().position(|(it, _)| *it == timer) else {
            return;
        };
        if status == subtask::RETURNED {
            let (_, moment) = timers.swap_remove(place);
            self.forget(timer);
            canon::subtask_drop(timer);
            self.pass_time(moment);
        }
    }

    fn pass_time(&mut self, moment: u64) {
        if moment > self.network.now() && !self.network.has_host_clock() {
            self.network.pass_to(moment);
        }
        turn(self);
    }
}
