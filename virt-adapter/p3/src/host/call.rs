//! Calls of the host's async functions, which the task that made them waits for.

use super::Given;
use crate::canon::{self, event, subtask};
use crate::lower::Room;
use crate::memory::trap;
use crate::state::{State, resting};
use crate::wait::{For, Step};
use alloc::boxed::Box;

/// Parameters, and room for the result. They stay where they are until the call is done.
pub(crate) struct Block {
    pub(crate) params: Room,
    pub(crate) result: Room,
}

/// A call of the host's.
pub(crate) struct Call {
    block: Box<Block>,
    /// 0 once it is done.
    subtask: u32,
    /// A list that is a parameter.
    _list: Option<Given>,
}

impl Call {
    /// Calls a function, with a list that is one of its parameters.
    fn start(list: Option<Given>, function: impl FnOnce(&mut Block) -> u32) -> Self {
        let (params, result) = (Room::new(), Room::new());
        let mut block = Box::new(Block { params, result });
        let status = function(&mut block);
        let subtask = match status & 0xf {
            subtask::RETURNED => 0,
            _ => status >> 4,
        };
        Call {
            block,
            subtask,
            _list: list,
        }
    }

    /// Joins the set that its task waits for.
    pub(crate) fn join(&self, set: u32) {
        if !self.is_done() {
            canon::waitable_join(self.subtask, set);
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.subtask == 0
    }

    pub(crate) fn result(&self) -> &Room {
        &self.block.result
    }

    fn end(&mut self) {
        canon::subtask_drop(core::mem::take(&mut self.subtask));
    }
}

/// Takes note of what a task that is called back is told of its call, and takes the call back where
/// nobody waits for it any more. The event to go on with, or what to return to be called back again.
pub(crate) fn settle(kind: u32, status: u32) -> Result<u32, u32> {
    let waits = &mut resting().waits;
    let Some(call) = waits.call() else {
        return Ok(kind);
    };
    if call.is_done() {
        return Ok(kind);
    }
    match (kind, status) {
        (event::SUBTASK, subtask::RETURNED) => {
            call.end();
            return Ok(kind);
        }
        // It has started.
        (event::SUBTASK, _) => return Err(waits.again()),
        _ => {}
    }
    let subtask = call.subtask;
    let state = resting();
    let waits = state.waits.current_waits();
    if kind != event::TASK_CANCELLED && !waits.is_some_and(|it| state.has_datagram(it)) {
        return Ok(kind);
    }
    // What is in a set cannot be waited for otherwise. The state is nobody's while this is waited for.
    canon::waitable_join(subtask, 0);
    let status = canon::subtask_cancel(subtask) & 0xf;
    let waits = &mut resting().waits;
    let Some(call) = waits.call() else {
        trap();
    };
    call.end();
    match status {
        // It was done before it could be taken back.
        subtask::CANCELLED | subtask::CANCELLED_BEFORE_START => {
            waits.put_call(None);
            Ok(kind)
        }
        _ => Ok(event::SUBTASK),
    }
}

impl State {
    /// Calls a function of the host's, with a list that is one of its parameters, and goes on with what
    /// it gives: what to return.
    pub(crate) fn call_host(
        &mut self,
        list: Option<Given>,
        function: impl FnOnce(&mut Block) -> u32,
        step: Step,
        give_up: fn(),
    ) -> u32 {
        if !self.waits.take_place(For::Called) {
            give_up();
            return canon::code::EXIT;
        }
        self.waits.put_call(Some(Call::start(list, function)));
        self.begin_here(For::Called, step)
    }

    /// Has the task that waits for a datagram wait for one of the host's too, and says whether that has
    /// come already.
    pub(crate) fn hear(&mut self, waits: For) -> bool {
        let For::Receive(id) = waits else {
            return false;
        };
        let Some(socket) = self.hosted.set_on_udp(id) else {
            return false;
        };
        if self.waits.call().is_none() {
            let call = Call::start(None, |block| {
                super::udp::host_receive(socket, &mut block.result)
            });
            self.waits.put_call(Some(call));
        }
        self.waits.call().is_some_and(|it| it.is_done())
    }

    /// Whether there is a datagram in memory for who waits for one.
    pub(crate) fn has_datagram(&mut self, waits: For) -> bool {
        match waits {
            For::Receive(id) if self.hosted.udp(id).is_none() => self.network.udp_input_ready(id),
            _ => false,
        }
    }
}
