//! The streams of connections.
//!
//! A read has a buffer of its own and waits, so that what the guest writes is taken at once, and
//! many small writes are one event. A write waits as well, of what is on its way, where that is.
//! Buffers for all that waits are bounded: from there on, and where there is nothing to write, a
//! read or a write of no bytes waits. It is done once the guest has a write or a read of its own.
//! All of them tell that the guest has dropped its end, and none is ever cancelled, which functions
//! that are not async may not do.

use crate::buffers::{LARGE, SMALL};
use crate::canon::{self, Copied};
use crate::layout::types::error_code;
use crate::lower::{Code, outcome};
use crate::state::{Role, State};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;
use sockvirt_netstack::{EndId, StreamEnd, WriteError};

/// The streams of an end.
#[derive(Default)]
pub(crate) struct Flow {
    /// Whether the guest has asked to send and to receive, which it may once.
    is_sent: bool,
    is_received: bool,
    sending: Option<Sending>,
    receiving: Option<Receiving>,
}

/// What the guest writes.
struct Sending {
    stream: u32,
    result: u32,
    waits: Waits,
    /// What is read to, and stays where it is while a read waits.
    buffer: Vec<u8>,
    /// How large it is to be.
    size: usize,
}

/// What the guest reads.
struct Receiving {
    stream: u32,
    result: u32,
    waits: Waits,
    /// What comes before all that is in the network.
    passed: VecDeque<Passed>,
}

/// A buffer that was passed from one end to the other, and where in it is what is left.
struct Passed {
    buffer: Vec<u8>,
    left: Range<usize>,
}

/// So many buffers wait at an end.
const MOST_PASSED: usize = 4;

impl Passed {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.left.clone()).unwrap_or_default()
    }
}

/// Who waits for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nobody,
    /// A read or a write of no bytes waits for the guest.
    Asking,
    /// A read or a write of bytes waits for the guest.
    Copying,
    /// The guest has a write or a read that waits.
    Guest,
    /// Something is being done about it.
    Busy,
}

impl Waits {
    /// Whether there is nothing to do.
    fn is_under_way(self) -> bool {
        matches!(self, Waits::Asking | Waits::Copying | Waits::Busy)
    }
}

impl State {
    /// The ends that the guest reads, and waits for bytes of.
    #[cfg(feature = "script")]
    pub(crate) fn reading(&self) -> impl Iterator<Item = EndId> {
        let flows = (0..).zip(&self.flows);
        let waits = |it: &Receiving| it.waits == Waits::Guest;
        let reading = flows.filter(move |(_, it)| it.receiving.as_ref().is_some_and(waits));
        reading.map(|(number, _)| EndId::from_number(number))
    }

    fn flow(&mut self, end: EndId) -> &mut Flow {
        let place = end.number() as usize;
        if self.flows.len() <= place {
            self.flows.resize_with(place + 1, Flow::default);
        }
        &mut self.flows[place]
    }

    fn sending(&mut self, end: EndId) -> Option<&mut Sending> {
        self.flow(end).sending.as_mut()
    }

    fn receiving(&mut self, end: EndId) -> Option<&mut Receiving> {
        self.flow(end).receiving.as_mut()
    }

    /// The streams of a connection that has just begun.
    pub(crate) fn begin_flow(&mut self, end: EndId) {
        *self.flow(end) = Flow::default();
        self.network.end_set_silent(end, true);
    }

    /// Has an end take what a stream of the guest's gives. The readable end of its result.
    pub(crate) fn send(&mut self, end: EndId, stream: u32) -> Option<u32> {
        let flow = self.flow(end);
        if core::mem::replace(&mut flow.is_sent, true) {
            return None;
        }
        self.network.end_set_silent(end, false);
        let [readable, result] = canon::ends(canon::new_sent());
        self.flow(end).sending = Some(Sending {
            stream,
            result,
            waits: Waits::Nobody,
            buffer: Vec::new(),
            size: SMALL,
        });
        self.network.end_retain(end);
        self.watch(stream, Role::Sending(end));
        self.pump_sending(end);
        Some(readable)
    }

    /// Has an end give what it receives: the readable ends of a stream, and of its result.
    pub(crate) fn receive(&mut self, end: EndId) -> Option<[u32; 2]> {
        let flow = self.flow(end);
        if core::mem::replace(&mut flow.is_received, true) {
            return None;
        }
        let [data, stream] = canon::ends(canon::new_stream());
        let [readable, result] = canon::ends(canon::new_received());
        self.flow(end).receiving = Some(Receiving {
            stream,
            result,
            waits: Waits::Nobody,
            passed: VecDeque::new(),
        });
        self.network.end_retain(end);
        self.watch(stream, Role::Receiving(end));
        self.pump_receiving(end);
        Some([data, readable])
    }

    pub(crate) fn send_event(&mut self, end: EndId, copied: Copied) {
        self.take(end, copied);
        self.pump_sending(end);
    }

    pub(crate) fn receive_event(&mut self, end: EndId, copied: Copied) {
        self.given(end, copied);
        self.pump_receiving(end);
    }

    /// Takes what the guest writes, as long as there is room.
    pub(crate) fn pump_sending(&mut self, end: EndId) {
        while let Some(sending) = self.sending(end) {
            let (waits, size) = (sending.waits, sending.size);
            if waits.is_under_way() {
                return;
            }
            let room = match self.network.writable(end) {
                Ok(0) => return,
                Ok(_) if self.is_ahead(end) => return,
                Ok(room) => room.min(LARGE),
                Err(ended) => return self.end_sending(end, Err(code_of(ended))),
            };
            let room = match waits {
                Waits::Guest if self.network.write_fails(end) => {
                    self.write(end, &[0]);
                    continue;
                }
                Waits::Guest => room,
                _ if self.network.write_fails(end) => 0,
                _ => room.min(size),
            };
            let copied = self.read(end, room, waits == Waits::Guest);
            if copied == Copied::Blocked {
                return;
            }
            self.take(end, copied);
        }
    }

    /// Reads of the guest's stream: no more bytes than these, and none where there is no buffer for
    /// them.
    fn read(&mut self, end: EndId, most: usize, is_there: bool) -> Copied {
        let Some(sending) = self.sending(end) else {
            return Copied::Blocked;
        };
        let (stream, old) = (sending.stream, core::mem::take(&mut sending.buffer));
        let mut buffer = self.buffers.exchange(old, most, is_there);
        let (to, count) = (buffer.as_mut_ptr(), most.min(buffer.len()));
        if let Some(sending) = self.sending(end) {
            sending.buffer = buffer;
            sending.waits = match count {
                0 => Waits::Asking,
                _ => Waits::Copying,
            };
        }
        Copied::of(canon::read(stream, to, count as u32))
    }

    /// Goes on with what a read gave.
    fn take(&mut self, end: EndId, copied: Copied) {
        let Some(sending) = self.sending(end) else {
            return;
        };
        let was = core::mem::replace(&mut sending.waits, Waits::Busy);
        let (count, is_last) = (copied.count() as usize, copied.is_last());
        if was == Waits::Copying {
            sending.size = match count {
                _ if count >= SMALL => LARGE,
                _ if count <= SMALL / 4 => SMALL,
                _ => sending.size,
            };
            let mut buffer = core::mem::take(&mut sending.buffer);
            if !self.pass(end, &mut buffer, count) {
                self.write(end, buffer.get(..count).unwrap_or_default());
            }
            if let Some(sending) = self.sending(end) {
                sending.buffer = buffer;
            } else {
                self.buffers.exchange(buffer, 0, false);
            }
        }
        if is_last {
            return self.end_sending(end, Ok(()));
        }
        if let Some(sending) = self.sending(end) {
            sending.waits = match was {
                Waits::Asking => Waits::Guest,
                _ => Waits::Nobody,
            };
        }
    }

    /// Hands a buffer with much that was read of the guest to the end that reads it, where nothing
    /// waits before it. Bytes are copied once less than through the network.
    #[cfg(not(feature = "script"))]
    fn pass(&mut self, end: EndId, buffer: &mut Vec<u8>, count: usize) -> bool {
        let Some(reader) = self.network.waiting_reader(end) else {
            return false;
        };
        let Some(receiving) = self.receiving(reader) else {
            return false;
        };
        if count <= SMALL || receiving.passed.len() >= MOST_PASSED {
            return false;
        }
        receiving.passed.push_back(Passed {
            buffer: core::mem::take(buffer),
            left: 0..count,
        });
        self.pump_receiving(reader);
        true
    }

    /// Whether as much was passed as may wait at the other end.
    fn is_ahead(&mut self, end: EndId) -> bool {
        let reader = self.network.end_peer(end);
        let receiving = reader.and_then(|it| self.receiving(it));
        receiving.is_some_and(|it| it.passed.len() >= MOST_PASSED)
    }

    /// A script sees all bytes.
    #[cfg(feature = "script")]
    fn pass(&mut self, _: EndId, _: &mut Vec<u8>, _: usize) -> bool {
        false
    }

    /// Sends what was read of the guest.
    fn write(&mut self, end: EndId, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut rest = bytes;
        let written = self.network.write_with(end, rest.len(), |place| {
            let (now, later) = rest.split_at(place.len().min(rest.len()));
            place.copy_from_slice(now);
            rest = later;
        });
        match written {
            Ok(()) => {
                self.has_moved();
                self.tell_reader(end);
            }
            Err(WriteError::Ended(ended)) => self.end_sending(end, Err(code_of(ended))),
            Err(WriteError::NotPermitted) => crate::memory::trap(),
        }
    }

    /// Gives the guest what there is.
    pub(crate) fn pump_receiving(&mut self, end: EndId) {
        while let Some(receiving) = self.receiving(end) {
            let waits = receiving.waits;
            if waits.is_under_way() {
                return;
            }
            let is_passed = !receiving.passed.is_empty();
            let is_there = is_passed || !self.network.peek(end, 1)[0].is_empty();
            if waits == Waits::Guest && !is_there {
                match self.network.readable(end, 1) {
                    Ok(_) => return,
                    Err(StreamEnd::Closed) => return self.end_receiving(end, Ok(())),
                    Err(ended) => return self.end_receiving(end, Err(code_of(ended))),
                }
            }
            let copied = self.offer(end, is_there);
            if copied == Copied::Blocked {
                return;
            }
            self.given(end, copied);
            if copied.count() > 0 && self.is_drained(end) {
                // The guest's read goes on until it knows of it, whether it wants more or not.
                return self.unsure.push(end);
            }
        }
    }

    /// Goes on with all streams.
    pub(crate) fn pump_flows(&mut self) {
        for number in 0..self.flows.len() as u32 {
            self.pump_both(EndId::from_number(number));
        }
    }

    /// Goes on with both streams of an end.
    pub(crate) fn pump_both(&mut self, end: EndId) {
        self.pump_receiving(end);
        self.pump_sending(end);
    }

    /// Whether nothing more comes for now.
    fn is_drained(&mut self, end: EndId) -> bool {
        let receiving = self.receiving(end);
        receiving.is_some_and(|it| it.passed.is_empty()) && !self.network.input_ready(end)
    }

    /// Notes that something has happened, with which others may go on.
    fn has_moved(&mut self) {
        #[cfg(feature = "script")]
        self.script.moves();
    }

    /// Writes to the guest's stream: what there is, or nothing, to be told when the guest reads.
    fn offer(&mut self, end: EndId, is_there: bool) -> Copied {
        let Some(receiving) = self.receiving(end) else {
            return Copied::Blocked;
        };
        receiving.waits = match is_there {
            true => Waits::Copying,
            false => Waits::Asking,
        };
        let stream = receiving.stream;
        let bytes = match (receiving.passed.front(), is_there) {
            (Some(passed), _) => passed.bytes(),
            (None, true) => self.network.lend(end, LARGE),
            (None, false) => &[],
        };
        Copied::of(canon::write(stream, bytes.as_ptr(), bytes.len() as u32))
    }

    /// Goes on with what a write gave.
    fn given(&mut self, end: EndId, copied: Copied) {
        let Some(receiving) = self.receiving(end) else {
            return;
        };
        let was = core::mem::replace(&mut receiving.waits, Waits::Busy);
        let (count, is_last) = (copied.count(), copied.is_last());
        match (was == Waits::Copying, receiving.passed.is_empty()) {
            (true, false) => self.taken(end, count as usize),
            (true, true) => self.network.take(end, count as usize),
            (false, _) => {}
        }
        if count > 0 {
            self.has_moved();
            self.tell_writer(end);
        }
        if is_last {
            return self.leave_receiving(end);
        }
        if let Some(receiving) = self.receiving(end) {
            receiving.waits = match was {
                Waits::Asking => Waits::Guest,
                _ => Waits::Nobody,
            };
        }
    }

    /// So much of what was passed to the guest is taken.
    fn taken(&mut self, end: EndId, count: usize) {
        let Some(receiving) = self.receiving(end) else {
            return;
        };
        let Some(first) = receiving.passed.front_mut() else {
            return;
        };
        first.left.start += count;
        if first.left.is_empty()
            && let Some(first) = receiving.passed.pop_front()
        {
            self.buffers.exchange(first.buffer, 0, false);
        }
    }

    /// The guest sends no more.
    fn end_sending(&mut self, end: EndId, result: Result<(), Code>) {
        let Some(sending) = self.flow(end).sending.take() else {
            return;
        };
        self.forget(sending.stream);
        canon::drop_readable(sending.stream);
        self.buffers.exchange(sending.buffer, 0, false);
        self.settle_sent(sending.result, result);
        self.network.drop_output(end);
        self.let_go(end);
    }

    /// The guest reads no more.
    fn leave_receiving(&mut self, end: EndId) {
        if self.receiving(end).is_some_and(|it| !it.passed.is_empty()) {
            self.network.leave_unread(end);
        }
        self.network.drop_input(end);
        self.end_receiving(end, Ok(()));
    }

    fn end_receiving(&mut self, end: EndId, result: Result<(), Code>) {
        let Some(receiving) = self.flow(end).receiving.take() else {
            return;
        };
        self.forget(receiving.stream);
        canon::drop_writable(receiving.stream);
        for passed in receiving.passed {
            self.buffers.exchange(passed.buffer, 0, false);
        }
        self.settle_received(receiving.result, result);
        self.let_go(end);
    }

    /// Lets an end go, which may be the last who holds it.
    pub(crate) fn let_go(&mut self, end: EndId) {
        let peer = self.network.end_peer(end);
        self.network.end_release(end);
        if let Some(peer) = peer {
            self.pump_both(peer);
        }
    }

    /// Goes on with what the other end reads, and writes.
    fn tell_reader(&mut self, end: EndId) {
        if let Some(peer) = self.network.end_peer(end) {
            self.pump_receiving(peer);
        }
    }

    fn tell_writer(&mut self, end: EndId) {
        if let Some(peer) = self.network.end_peer(end) {
            self.pump_sending(peer);
        }
    }

    /// Says how sending has ended.
    pub(crate) fn settle_sent(&mut self, future: u32, result: Result<(), Code>) {
        match Copied::of(canon::write_sent(future, outcome(result))) {
            Copied::Blocked => self.watch(future, Role::Sent),
            _ => canon::drop_sent(future),
        }
    }

    /// Says how receiving has ended.
    pub(crate) fn settle_received(&mut self, future: u32, result: Result<(), Code>) {
        match Copied::of(canon::write_received(future, outcome(result))) {
            Copied::Blocked => self.watch(future, Role::Received),
            _ => canon::drop_received(future),
        }
    }

    pub(crate) fn drop_sent(&mut self, future: u32) {
        self.forget(future);
        canon::drop_sent(future);
    }

    pub(crate) fn drop_received(&mut self, future: u32) {
        self.forget(future);
        canon::drop_received(future);
    }
}

fn code_of(ended: StreamEnd) -> Code {
    match ended {
        StreamEnd::Failed(code) => code.into(),
        StreamEnd::Closed => Code(error_code::CONNECTION_BROKEN),
    }
}
