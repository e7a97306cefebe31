//! Async functions that have to wait.
//!
//! Each waits in a task of its own, for a stream of nothing that whoever may change something writes
//! to. It tries again then.

use crate::canon::{self, Copied, code, event};
#[cfg(feature = "host")]
use crate::host::call::Call;
use crate::memory::trap;
use crate::state::{State, resting, state};
use alloc::vec::Vec;
use sockvirt_netstack::{LookupId, TcpId, UdpId};

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Connect(TcpId),
    Receive(UdpId),
    Lookup(LookupId),
    /// Nothing: the function has returned.
    Nothing,
    /// A call of the host's.
    #[cfg(feature = "host")]
    Called,
    /// A moment of the script's clock.
    #[cfg(feature = "script")]
    Until(u64),
    /// The end of the script, or of what it lets the program do.
    #[cfg(feature = "script")]
    End,
}

/// A place for a task that waits, which is used again.
struct Place {
    waits: Option<For>,
    /// What the task waits in: the readable end of its stream.
    set: u32,
    readable: u32,
    writable: u32,
    /// Whether the readable end is being read.
    is_read: bool,
    /// A call of the host's that it waits for.
    #[cfg(feature = "host")]
    call: Option<Call>,
}

/// All tasks that wait.
#[derive(Default)]
pub(crate) struct Waits {
    places: Vec<Place>,
}

/// So many calls can wait at a time.
const MOST: usize = 65_536;

impl Waits {
    /// Gives the task that is running a place to wait in, unless too many have one.
    pub(crate) fn take_place(&mut self, waits: For) -> bool {
        let vacant = self.places.iter().position(|it| it.waits.is_none());
        let number = match vacant {
            Some(number) => number,
            None if self.places.len() < MOST => {
                let [readable, writable] = canon::ends(canon::new_wake());
                let set = canon::waitable_set_new();
                canon::waitable_join(readable, set);
                self.places.push(Place {
                    waits: None,
                    set,
                    readable,
                    writable,
                    is_read: false,
                    #[cfg(feature = "host")]
                    call: None,
                });
                self.places.len() - 1
            }
            None => return false,
        };
        canon::context_set(number as u32);
        self.current().waits = Some(waits);
        true
    }

    /// Has the task that is running end when it is called back, which is at once. wasmtime 48.0.8
    /// keeps a task for ever that has ended before its caller knows of its result.
    pub(crate) fn over(&mut self) -> u32 {
        match self.take_place(For::Nothing) {
            true => self.over_here(),
            false => code::EXIT,
        }
    }

    /// The same for one that has a place.
    pub(crate) fn over_here(&mut self) -> u32 {
        let place = self.current();
        place.waits = Some(For::Nothing);
        let code = place.wait();
        place.wake();
        code
    }

    fn current(&mut self) -> &mut Place {
        match self.places.get_mut(canon::context_get() as usize) {
            Some(place) => place,
            None => trap(),
        }
    }

    /// Has the task that was called back wait on.
    pub(crate) fn again(&mut self) -> u32 {
        self.current().wait()
    }

    /// What the task that was called back waits for, and whether it is to go on.
    pub(crate) fn called_back(&mut self, kind: u32) -> (For, bool) {
        let place = self.current();
        match kind {
            event::TASK_CANCELLED => place.stop(),
            #[cfg(feature = "host")]
            event::SUBTASK => {}
            _ => place.is_read = false,
        }
        match place.waits {
            Some(waits) => (waits, kind != event::TASK_CANCELLED),
            None => trap(),
        }
    }

    /// The task that was called back waits no more.
    pub(crate) fn end(&mut self) {
        let place = self.current();
        place.stop();
        place.waits = None;
    }

    /// What the task that is running waits for.
    #[cfg(feature = "host")]
    pub(crate) fn current_waits(&mut self) -> Option<For> {
        self.current().waits
    }

    /// The call of the host's that it waits for.
    #[cfg(feature = "host")]
    pub(crate) fn call(&mut self) -> Option<&mut Call> {
        self.current().call.as_mut()
    }

    #[cfg(feature = "host")]
    pub(crate) fn put_call(&mut self, call: Option<Call>) {
        let place = self.current();
        if let Some(call) = &call {
            call.join(place.set);
        }
        place.call = call;
    }

    /// Whether somebody waits for the host.
    #[cfg(all(feature = "script", feature = "host"))]
    pub(crate) fn has_calls(&self) -> bool {
        self.places.iter().any(|it| it.call.is_some())
    }

    /// The call that the task waits for, once it is done.
    #[cfg(feature = "host")]
    pub(crate) fn take_call(&mut self) -> Option<Call> {
        self.current().call.take_if(|it| it.is_done())
    }

    /// Has tasks try again.
    pub(crate) fn wake(&mut self, mut which: impl FnMut(For) -> bool) {
        for place in &mut self.places {
            if place.is_read && place.waits.is_some_and(&mut which) {
                place.wake();
            }
        }
    }

    /// What is waited for.
    #[cfg(feature = "script")]
    pub(crate) fn all(&self) -> impl Iterator<Item = For> {
        self.places.iter().filter_map(|it| it.waits)
    }

    /// The first moment that somebody waits for.
    #[cfg(feature = "script")]
    pub(crate) fn earliest(&self) -> Option<u64> {
        let moments = self.places.iter().filter_map(|place| match place.waits {
            Some(For::Until(moment)) => Some(moment),
            _ => None,
        });
        moments.min()
    }
}

impl Place {
    fn wait(&mut self) -> u32 {
        #[cfg(feature = "host")]
        if self.waits == Some(For::Called) {
            return code::wait(self.set);
        }
        if !self.is_read {
            self.is_read = Copied::of(canon::read_wake(self.readable, 0, 1)) == Copied::Blocked;
        }
        code::wait(self.set)
    }

    /// Ends the wait of whoever waits here.
    fn wake(&mut self) {
        self.is_read = false;
        // There is somebody who reads.
        canon::write_wake(self.writable, 0, 1);
    }

    fn stop(&mut self) {
        if core::mem::take(&mut self.is_read) {
            // What is in a set cannot be waited for otherwise, not even for a moment.
            canon::waitable_join(self.readable, 0);
            canon::cancel_wake(self.readable);
            canon::waitable_join(self.readable, self.set);
        }
    }
}

/// What an async function is at: it has returned, or it has to wait.
pub(crate) enum Progress {
    Returned,
    Waits,
}

/// What an async function does when it has begun, and when it goes on.
pub(crate) type Step = fn(&mut State, For) -> Progress;

/// What a function returns that was called back, by an event that has this to say.
#[cfg_attr(
    not(feature = "host"),
    allow(unused_variables, reason = "only calls of the host's have")
)]
pub(crate) fn called_back(kind: u32, status: u32, step: Step) -> u32 {
    if ended() {
        return code::EXIT;
    }
    #[cfg(feature = "host")]
    let kind = match crate::host::call::settle(kind, status) {
        Ok(kind) => kind,
        Err(code) => return code,
    };
    state().go_on(kind, step)
}

/// Whether the function that was called back had returned before.
pub(crate) fn ended() -> bool {
    let waits = &mut resting().waits;
    let has_ended = waits.current().waits == Some(For::Nothing);
    if has_ended {
        waits.end();
    }
    has_ended
}

impl State {
    /// Begins a function that may have to wait: what it returns.
    #[cfg(not(feature = "host"))]
    pub(crate) fn begin(&mut self, waits: For, step: Step, give_up: fn()) -> u32 {
        match step(self, waits) {
            Progress::Returned => self.waits.over(),
            Progress::Waits if self.waits.take_place(waits) => self.waits.again(),
            Progress::Waits => {
                give_up();
                code::EXIT
            }
        }
    }

    /// The same where it may have to wait for the host: in its place, which has the call.
    #[cfg(feature = "host")]
    pub(crate) fn begin(&mut self, waits: For, step: Step, give_up: fn()) -> u32 {
        match self.waits.take_place(waits) {
            true => self.begin_here(waits, step),
            false => {
                give_up();
                code::EXIT
            }
        }
    }

    /// The same of one that has a place.
    #[cfg(feature = "host")]
    pub(crate) fn begin_here(&mut self, waits: For, step: Step) -> u32 {
        match self.step(waits, step) {
            Some(code) => code,
            None => self.waits.over_here(),
        }
    }

    /// Goes on with a function that waits: what it returns.
    fn go_on(&mut self, kind: u32, step: Step) -> u32 {
        let (waits, goes_on) = self.waits.called_back(kind);
        if !goes_on {
            self.waits.end();
            self.cancel(waits);
            canon::task_cancel();
            return code::EXIT;
        }
        self.step(waits, step).unwrap_or_else(|| {
            self.waits.end();
            code::EXIT
        })
    }

    /// Does what can be done in the place of a task: what to return if it waits.
    fn step(&mut self, waits: For, step: Step) -> Option<u32> {
        match step(self, waits) {
            Progress::Returned => None,
            #[cfg(feature = "host")]
            Progress::Waits if self.hear(waits) => self.step(waits, step),
            Progress::Waits => {
                let code = self.waits.again();
                #[cfg(feature = "host")]
                if self.has_datagram(waits) {
                    // It is taken once the host's is taken back.
                    self.waits.wake(|it| it == waits);
                }
                Some(code)
            }
        }
    }

    /// Has everybody try again who needs to wait no more.
    pub(crate) fn wake_ready(&mut self) {
        let network = &mut self.network;
        #[cfg(feature = "script")]
        let ends = self.script.ends();
        self.waits.wake(|waits| match waits {
            For::Nothing => false,
            For::Connect(id) => network.tcp_ready(id),
            For::Receive(id) => network.udp_input_ready(id),
            #[cfg(feature = "script")]
            For::Lookup(id) => network.lookup_ready(id),
            #[cfg(not(feature = "script"))]
            For::Lookup(_) => true,
            #[cfg(feature = "host")]
            For::Called => false,
            #[cfg(feature = "script")]
            For::Until(moment) => network.now() >= moment,
            #[cfg(feature = "script")]
            For::End => ends,
        });
    }

    /// Takes back what a function began that nobody waits for any more. A connect that was begun
    /// goes on, as in wasmtime.
    fn cancel(&mut self, waits: For) {
        if let For::Lookup(id) = waits {
            self.network.drop_lookup(id);
        }
    }
}
