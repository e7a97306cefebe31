//! The task that goes on with everything while no function is called.
//!
//! What the guest does with a stream or a future calls nobody here: it is an event, for a task that
//! waits. There is one such task, which waits for all of them, from the beginning to the end.

use crate::canon::{self, Copied, code, event};
use crate::state::{Role, State, resting};

/// So many events at most are handled before others get their turn.
const AT_ONCE: usize = 64;

#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift]sockvirt-drive")]
extern "C" fn drive() -> u32 {
    let state = resting();
    if core::mem::replace(&mut state.is_driven, true) {
        canon::return_drive();
        return code::EXIT;
    }
    state.rest()
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback]sockvirt-drive")]
extern "C" fn called_back(kind: u32, waitable: u32, status: u32) -> u32 {
    let state = resting();
    if kind == event::TASK_CANCELLED {
        state.is_driven = false;
        canon::task_cancel();
        return code::EXIT;
    }
    state.offer_again();
    if kind != event::NONE {
        state.take_event(waitable, status);
    }
    state.take_events(|_| {});
    state.rest()
}

impl State {
    /// Takes what has happened already, and tells what it was of.
    pub(crate) fn take_events(&mut self, mut tell: impl FnMut(Role)) {
        for _ in 0..AT_ONCE {
            let mut more = [0; 2];
            if canon::waitable_set_poll(self.set, &mut more) == event::NONE {
                break;
            }
            let [waitable, status] = more;
            tell(self.role(waitable));
            self.take_event(waitable, status);
        }
    }

    /// Offers bytes to those who have read some.
    pub(crate) fn offer_again(&mut self) {
        for end in core::mem::take(&mut self.unsure) {
            self.pump_receiving(end);
        }
    }

    /// What the task returns when there is nothing more to do.
    #[cfg(not(feature = "script"))]
    fn rest(&mut self) -> u32 {
        code::wait(self.set)
    }

    fn take_event(&mut self, waitable: u32, status: u32) {
        #[cfg(feature = "script")]
        crate::script::turn(self);
        let copied = Copied::of(status);
        match self.role(waitable) {
            Role::Sending(end) => self.send_event(end, copied),
            Role::Receiving(end) => self.receive_event(end, copied),
            Role::Accepting(listener) => self.accept_event(listener, copied),
            #[cfg(feature = "host")]
            Role::AcceptingHosted(listener) => self.accept_hosted_event(listener, copied),
            #[cfg(feature = "script")]
            Role::Timer => self.timer_event(waitable, status),
            Role::Sent => self.drop_sent(waitable),
            Role::Received => self.drop_received(waitable),
            Role::Nothing => {}
        }
    }
}
