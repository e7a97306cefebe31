//! The streams of connections.
//!
//! Nothing of this module's memory is lent for longer than a call. A read or a write of no bytes
//! waits instead: it is done once the guest has a write or a read of its own that waits, and the real
//! one is done at once then. It also tells that the guest has dropped its end.

use crate::canon::{self, Copied};
use crate::layout::types::error_code;
use crate::lower::{Code, outcome};
use crate::state::{Role, State};
use core::cell::UnsafeCell;
use sockvirt_netstack::{EndId, StreamEnd, WriteError};

/// The streams of an end.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flow {
    /// Whether the guest has asked to send and to receive, which it may once.
    pub(crate) is_sent: bool,
    pub(crate) is_received: bool,
    sending: Option<Sending>,
    receiving: Option<Receiving>,
}

/// What the guest writes.
#[derive(Clone, Copy)]
struct Sending {
    stream: u32,
    result: u32,
    waits: Waits,
}

/// What the guest reads.
#[derive(Clone, Copy)]
struct Receiving {
    stream: u32,
    result: u32,
    waits: Waits,
}

/// Who waits for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nobody,
    /// A read or a write of no bytes, for the guest.
    Network,
    /// The guest has a write or a read that waits.
    Guest,
}

/// As much is moved at once.
const CHUNK: usize = 64 << 10;

/// Where what the guest writes is put before it is known how much it is.
struct Scratch(UnsafeCell<[u8; CHUNK]>);

// SAFETY: the module has one thread.
unsafe impl Sync for Scratch {}

static SCRATCH: Scratch = Scratch(UnsafeCell::new([0; CHUNK]));

impl State {
    /// The ends that have streams.
    #[cfg(feature = "script")]
    pub(crate) fn flowing(&self) -> alloc::vec::Vec<EndId> {
        let flows = (0..).zip(&self.flows);
        let flowing = flows.filter(|(_, it)| it.sending.is_some() || it.receiving.is_some());
        flowing
            .map(|(number, _)| EndId::from_number(number))
            .collect()
    }

    /// The ends that the guest reads, and waits for bytes of.
    #[cfg(feature = "script")]
    pub(crate) fn reading(&self) -> impl Iterator<Item = EndId> {
        let flows = (0..).zip(&self.flows);
        let is_read = |it: &Flow| it.receiving.is_some_and(|it| it.waits == Waits::Guest);
        let reading = flows.filter(move |(_, it)| is_read(it));
        reading.map(|(number, _)| EndId::from_number(number))
    }

    fn flow(&mut self, end: EndId) -> &mut Flow {
        let place = end.number() as usize;
        if self.flows.len() <= place {
            self.flows.resize(place + 1, Flow::default());
        }
        &mut self.flows[place]
    }

    /// The streams of a connection that has just begun.
    pub(crate) fn begin_flow(&mut self, end: EndId) {
        *self.flow(end) = Flow::default();
    }

    /// Has an end take what a stream of the guest's gives. The readable end of its result.
    pub(crate) fn send(&mut self, end: EndId, stream: u32) -> Option<u32> {
        let flow = self.flow(end);
        if core::mem::replace(&mut flow.is_sent, true) {
            return None;
        }
        let [readable, result] = canon::ends(canon::new_sent());
        self.flow(end).sending = Some(Sending {
            stream,
            result,
            waits: Waits::Nobody,
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
        });
        self.network.end_retain(end);
        self.watch(stream, Role::Receiving(end));
        self.pump_receiving(end);
        Some([data, readable])
    }

    pub(crate) fn send_event(&mut self, end: EndId, copied: Copied) {
        match (copied, &mut self.flow(end).sending) {
            (Copied::Dropped(_), _) => self.end_sending(end, Ok(())),
            (_, Some(sending)) => {
                sending.waits = Waits::Guest;
                self.pump_sending(end);
            }
            _ => {}
        }
    }

    pub(crate) fn receive_event(&mut self, end: EndId, copied: Copied) {
        match (copied, &mut self.flow(end).receiving) {
            (Copied::Dropped(_), _) => self.leave_receiving(end),
            (_, Some(receiving)) => {
                receiving.waits = Waits::Guest;
                self.pump_receiving(end);
            }
            _ => {}
        }
    }

    /// Takes what the guest writes, as long as there is room.
    pub(crate) fn pump_sending(&mut self, end: EndId) {
        while let Some(sending) = self.flow(end).sending {
            if sending.waits == Waits::Network {
                return;
            }
            let room = match self.network.writable(end) {
                Ok(0) => return,
                Ok(room) => room.min(CHUNK),
                Err(ended) => return self.end_sending(end, Err(code_of(ended))),
            };
            if sending.waits == Waits::Nobody && !self.ask_for_bytes(end, sending.stream) {
                return;
            }
            if self.leaves(end) {
                return;
            }
            let scratch = SCRATCH.0.get().cast::<u8>();
            let mut copied = Copied::of(canon::read(sending.stream, scratch, room as u32));
            if copied == Copied::Blocked {
                // The guest has taken its write back.
                copied = Copied::of(canon::cancel_read(sending.stream));
            }
            if let Some(sending) = &mut self.flow(end).sending {
                sending.waits = Waits::Nobody;
            }
            match copied {
                Copied::Blocked => return,
                Copied::Completed(count) => self.put(end, count as usize),
                Copied::Dropped(count) => {
                    self.put(end, count as usize);
                    self.end_sending(end, Ok(()));
                }
            }
        }
    }

    /// Asks the guest's stream for bytes. Whether there are some.
    fn ask_for_bytes(&mut self, end: EndId, stream: u32) -> bool {
        let asked = Copied::of(canon::read(stream, SCRATCH.0.get().cast(), 0));
        let waits = match asked {
            Copied::Blocked => Waits::Network,
            Copied::Completed(_) => Waits::Guest,
            Copied::Dropped(_) => {
                self.end_sending(end, Ok(()));
                return false;
            }
        };
        if let Some(sending) = &mut self.flow(end).sending {
            sending.waits = waits;
        }
        waits == Waits::Guest
    }

    /// Sends what was read of the guest.
    fn put(&mut self, end: EndId, count: usize) {
        if count == 0 {
            return;
        }
        // SAFETY: the module has one thread, and no read into it waits.
        let scratch = unsafe { &*SCRATCH.0.get() };
        let mut rest = scratch.get(..count).unwrap_or(scratch);
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

    /// Gives the guest what there is, as long as it reads.
    pub(crate) fn pump_receiving(&mut self, end: EndId) {
        while let Some(receiving) = self.flow(end).receiving {
            if receiving.waits == Waits::Network {
                return;
            }
            if receiving.waits == Waits::Nobody {
                if !self.offer_bytes(end, receiving.stream) {
                    return;
                }
                continue;
            }
            match self.network.readable(end, CHUNK) {
                Ok(0) => return,
                Ok(_) if self.leaves(end) => return,
                Ok(_) => {
                    self.give(end, receiving.stream);
                    if self.has_read(end) {
                        return;
                    }
                }
                Err(StreamEnd::Closed) => self.end_receiving(end, Ok(())),
                Err(ended) => self.end_receiving(end, Err(code_of(ended))),
            }
        }
    }

    /// Whether the guest has just read all that there was.
    fn has_read(&mut self, end: EndId) -> bool {
        let is_done = self.network.peek(end, 1).iter().all(|run| run.is_empty());
        let waits = self.flow(end).receiving.map(|it| it.waits);
        let has_read = is_done && waits == Some(Waits::Nobody) && !self.network.input_ready(end);
        if has_read {
            self.unsure.push(end);
        }
        has_read
    }

    /// Notes that something has happened, with which others may go on.
    fn has_moved(&mut self) {
        #[cfg(feature = "script")]
        self.script.moves();
    }

    /// Offers the guest bytes. Whether it reads.
    fn offer_bytes(&mut self, end: EndId, stream: u32) -> bool {
        let offered = Copied::of(canon::write(stream, SCRATCH.0.get().cast(), 0));
        let waits = match offered {
            Copied::Blocked => Waits::Network,
            Copied::Completed(_) => Waits::Guest,
            Copied::Dropped(_) => {
                self.leave_receiving(end);
                return false;
            }
        };
        if let Some(receiving) = &mut self.flow(end).receiving {
            receiving.waits = waits;
        }
        waits == Waits::Guest
    }

    /// Gives the guest what it has asked for.
    fn give(&mut self, end: EndId, stream: u32) {
        let [first, _] = self.network.peek(end, CHUNK);
        let (at, count) = (first.as_ptr(), first.len() as u32);
        let mut copied = Copied::of(canon::write(stream, at, count));
        if copied == Copied::Blocked {
            // The guest asked whether there is something, or has taken its read back.
            copied = Copied::of(canon::cancel_write(stream));
        }
        let (count, is_dropped) = match copied {
            Copied::Blocked => (0, false),
            Copied::Completed(count) => (count, false),
            Copied::Dropped(count) => (count, true),
        };
        self.network.skip(end, count as usize);
        if let Some(receiving) = &mut self.flow(end).receiving {
            receiving.waits = Waits::Nobody;
        }
        if is_dropped {
            self.leave_receiving(end);
        }
        if count > 0 {
            self.has_moved();
            self.tell_writer(end);
        }
    }

    /// The guest sends no more.
    fn end_sending(&mut self, end: EndId, result: Result<(), Code>) {
        let Some(sending) = self.flow(end).sending.take() else {
            return;
        };
        self.forget(sending.stream);
        canon::drop_readable(sending.stream);
        self.settle_sent(sending.result, result);
        self.network.drop_output(end);
        self.let_go(end);
    }

    /// The guest reads no more.
    fn leave_receiving(&mut self, end: EndId) {
        self.network.drop_input(end);
        self.end_receiving(end, Ok(()));
    }

    fn end_receiving(&mut self, end: EndId, result: Result<(), Code>) {
        let Some(receiving) = self.flow(end).receiving.take() else {
            return;
        };
        self.forget(receiving.stream);
        canon::drop_writable(receiving.stream);
        self.settle_received(receiving.result, result);
        self.let_go(end);
    }

    /// Lets an end go, which may be the last who holds it.
    pub(crate) fn let_go(&mut self, end: EndId) {
        let peer = self.network.end_peer(end);
        self.network.end_release(end);
        if let Some(peer) = peer {
            self.pump_receiving(peer);
            self.pump_sending(peer);
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
