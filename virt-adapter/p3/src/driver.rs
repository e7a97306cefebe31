//! The task that goes on with everything while no function is called.
//!
//! What the guest does with a stream or a future calls nobody here: it is an event, for a task that
//! waits. There is one such task, which waits for all of them, from the beginning to the end.

use crate::canon::{self, Copied, code, event};
use crate::state::{Role, State, state};

/// So many events at most are handled before others get their turn.
const AT_ONCE: usize = 64;

#[unsafe(export_name = "wasi:sockets/types@0.3#[async-lift]sockvirt-drive")]
extern "C" fn drive() -> u32 {
    code::wait(state().set)
}

#[unsafe(export_name = "wasi:sockets/types@0.3#[callback]sockvirt-drive")]
extern "C" fn called_back(kind: u32, waitable: u32, status: u32) -> u32 {
    let state = state();
    if kind == event::TASK_CANCELLED {
        canon::task_cancel();
        return code::EXIT;
    }
    if kind != event::NONE {
        state.take_event(waitable, status);
    }
    for _ in 0..AT_ONCE {
        let mut more = [0; 2];
        if canon::waitable_set_poll(state.set, &mut more) == event::NONE {
            break;
        }
        let [waitable, status] = more;
        state.take_event(waitable, status);
    }
    code::wait(state.set)
}

impl State {
    fn take_event(&mut self, waitable: u32, status: u32) {
        let copied = Copied::of(status);
        match self.role(waitable) {
            Role::Sending(end) => self.send_event(end, copied),
            Role::Receiving(end) => self.receive_event(end, copied),
            Role::Accepting(listener) => self.accept_event(listener, copied),
            Role::Sent => self.drop_sent(waitable),
            Role::Received => self.drop_received(waitable),
            Role::Nothing => {}
        }
    }
}
