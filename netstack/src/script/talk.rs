//! A conversation: a connection between the program and somebody in the script, or the datagrams
//! between them.

use super::answers::Answers;
use super::link::{Link, Next};
use super::matcher::Book;
use super::play::Stage;
use super::report::{self, Failure};
use super::steps::{Ran, Steps};
use super::{Nanoseconds, Run, ServiceKind, Stubs};
use crate::Network;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// No more of the program's last writes are remembered.
const WRITES: usize = 64;
/// No more of the last bytes that were sent are remembered.
pub(crate) const SENT: usize = 16;

/// Who takes part in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A peer, and the number of the connection, from 1.
    Peer {
        peer: u32,
        number: u32,
    },
    Client(u32),
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) who: Who,
    pub(crate) link: Link,
    pub(crate) exchange: Exchange,
    /// The address of who takes part.
    pub(crate) address: SocketAddr,
    pub(crate) job: Job,
    state: State,
}

/// What was heard of the program, and what it was told.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// How many bytes were read.
    pub(crate) offset: u64,
    /// How many were sent, and the last of them.
    pub(crate) sent: u64,
    pub(crate) last: Vec<u8>,
    /// How many were written, and how many there were behind each of the last writes.
    written: u64,
    writes: Vec<u64>,
}

/// What is done in a conversation.
#[derive(Debug)]
pub(crate) enum Job {
    Steps(Steps),
    Answers(Answers),
    Service(ServiceKind),
}

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It goes on to one of the others.
    Runs,
    /// All was done, and what is still sent is unexpected.
    Done,
    /// It is at an end that lasts: nothing is read.
    Hangs,
    /// Something was wrong.
    Failed,
}

impl Exchange {
    /// Takes note of bytes that are sent.
    pub(crate) fn note_sent(&mut self, bytes: &[u8]) {
        self.sent += bytes.len() as u64;
        let new = bytes.len().saturating_sub(SENT);
        self.last
            .extend_from_slice(bytes.get(new..).unwrap_or_default());
        let old = self.last.len().saturating_sub(SENT);
        self.last.drain(..old);
    }

    /// The lengths of the writes that bytes came in, which begin at an offset.
    pub(crate) fn writes(&self, from: u64, count: u64) -> Vec<u64> {
        let until = from.saturating_add(count);
        let mut begin = 0;
        let mut lengths = Vec::new();
        for end in &self.writes {
            let overlap = until.min(*end).saturating_sub(from.max(begin));
            if overlap > 0 {
                lengths.push(overlap);
            }
            begin = *end;
        }
        lengths
    }
}

impl Talk {
    fn new(who: Who, link: Link, address: SocketAddr, job: Job) -> Self {
        Talk {
            who,
            link,
            exchange: Exchange::default(),
            address,
            job,
            state: State::Runs,
        }
    }

    pub(crate) fn steps(who: Who, link: Link, address: SocketAddr, steps: Run) -> Self {
        Talk::new(who, link, address, Job::Steps(Steps::new(steps)))
    }

    pub(crate) fn stubs(
        who: Who,
        link: Link,
        address: SocketAddr,
        stubs: &Stubs,
        book: Book<'_>,
    ) -> Self {
        Talk::new(who, link, address, Job::Answers(Answers::new(stubs, book)))
    }

    pub(crate) fn service(who: Who, link: Link, address: SocketAddr, kind: ServiceKind) -> Self {
        Talk::new(who, link, address, Job::Service(kind))
    }

    /// Whether nothing more has to happen in it.
    pub(crate) fn is_done(&self) -> bool {
        self.state != State::Runs
    }

    /// Whether it is done, and the connection gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.state == State::Done && matches!(self.link, Link::Stream(None, _))
    }

    /// Whether it is at an end that lasts.
    pub(crate) fn hangs(&self) -> bool {
        self.state == State::Hangs
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// The step that it waits at.
    pub(crate) fn waits_at(&self) -> Option<u32> {
        match (&self.job, self.state) {
            (Job::Steps(steps), State::Runs) => steps.place(),
            _ => None,
        }
    }

    /// The moment that it waits for, if it does.
    pub(crate) fn due(&self) -> Option<Nanoseconds> {
        match (&self.job, self.state) {
            (Job::Steps(steps), State::Runs) => steps.due(),
            (Job::Answers(answers), State::Runs) => answers.due(),
            _ => None,
        }
    }

    pub(crate) fn note_write(&mut self, count: u64) {
        let exchange = &mut self.exchange;
        exchange.written += count;
        if exchange.writes.len() >= 2 * WRITES {
            exchange.writes.drain(..WRITES);
        }
        exchange.writes.push(exchange.written);
    }

    /// Does what can be done now, and says whether that was something.
    pub(crate) fn run(&mut self, stage: &mut Stage, network: &mut Network) -> bool {
        match self.state {
            State::Failed => return false,
            State::Hangs => {
                let is_gone = matches!(self.link.next(network), Next::Gone | Next::Reset);
                if is_gone {
                    self.link.close(network);
                    self.state = State::Done;
                }
                return is_gone;
            }
            State::Done => return self.rest(stage, network),
            State::Runs => {}
        }
        let Talk { link, exchange, .. } = self;
        let ran = match &mut self.job {
            Job::Steps(steps) => steps.run(link, exchange, stage, network),
            Job::Answers(answers) => answers.run(self.who, link, exchange, stage, network),
            Job::Service(kind) => serve(*kind, link, exchange, network),
        };
        match ran {
            Ran::Waits(something) => something,
            Ran::Done => {
                self.link.end_output(network);
                self.state = State::Done;
                true
            }
            Ran::Hangs => {
                self.state = State::Hangs;
                true
            }
            Ran::Failed(fault) => {
                self.fail(stage, network, |stage, talk, network| {
                    report::fault(stage, talk, network, &fault)
                });
                true
            }
        }
    }

    /// What comes after all was done.
    fn rest(&mut self, stage: &mut Stage, network: &mut Network) -> bool {
        match self.link.next(network) {
            Next::Nothing => false,
            Next::Bytes if stage.script.strict => {
                self.fail(stage, network, report::behind_the_end);
                true
            }
            Next::Bytes => {
                let count = self.link.peek(network).len();
                self.link.take(network, count);
                true
            }
            Next::End | Next::Gone | Next::Reset => {
                let was_open = !matches!(self.link, Link::Stream(None, _));
                self.link.close(network);
                was_open
            }
        }
    }

    fn fail(
        &mut self,
        stage: &mut Stage,
        network: &mut Network,
        failure: impl FnOnce(&Stage, &Talk, &Network) -> Failure,
    ) {
        let failure = failure(stage, self, network);
        stage.fail(failure);
        self.link.reset(network);
        self.state = State::Failed;
    }
}

/// Does what a service does.
fn serve(
    kind: ServiceKind,
    link: &mut Link,
    exchange: &mut Exchange,
    network: &mut Network,
) -> Ran {
    let mut something = false;
    loop {
        match link.next(network) {
            Next::Nothing => return Ran::Waits(something),
            Next::Gone | Next::Reset => return Ran::Done,
            Next::End if kind == ServiceKind::Blackhole => return Ran::Waits(something),
            Next::End => return Ran::Done,
            Next::Bytes => {}
        }
        let mut count = link.peek(network).len();
        match kind {
            ServiceKind::Blackhole if link.is_stream() => return Ran::Waits(something),
            ServiceKind::Blackhole | ServiceKind::Discard => {}
            ServiceKind::Echo => {
                count = count.min(link.room(network).unwrap_or_default());
                if count == 0 && link.is_stream() {
                    return Ran::Waits(something);
                }
                let bytes = link.peek(network).get(..count).unwrap_or_default().to_vec();
                exchange.note_sent(&bytes);
                link.send(network, &bytes);
            }
        }
        exchange.offset += count as u64;
        link.take(network, count);
        something = true;
    }
}
