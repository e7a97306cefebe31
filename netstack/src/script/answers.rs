//! Answers in no order: whatever comes is compared with all that may come.

use super::link::{Link, Next};
use super::matcher::{Book, Expected, Matcher, Progress};
use super::play::Stage;
use super::steps::{Fault, Ran, Steps};
use super::talk::{Exchange, Who};
use super::{Nanoseconds, Serves, Stub, Stubs};
use crate::Network;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// What may come, and what has.
#[derive(Debug)]
pub(crate) struct Answers {
    /// For each stub how far its frame is, and how many bytes it has.
    frames: Vec<(Matcher, Progress, usize)>,
    /// The bytes that the frames have.
    buffer: Vec<u8>,
    reply: Option<Steps>,
}

fn expected<'a>(stub: &'a Stub, book: Book<'a>) -> Expected<'a> {
    Expected {
        frame: &stub.when.frame,
        check: &stub.when.check,
        keeps_all: stub.when.capture.is_some(),
        book,
    }
}

impl Answers {
    pub(crate) fn new(stubs: &Stubs, book: Book<'_>) -> Self {
        let begin = |stub: &Stub| {
            let expected = expected(stub, book);
            let mut matcher = Matcher::new(expected);
            let progress = matcher.begin(expected);
            (matcher, progress, 0)
        };
        Answers {
            frames: stubs.stubs.iter().map(begin).collect(),
            buffer: Vec::new(),
            reply: None,
        }
    }

    /// The moment that the reply waits for.
    pub(crate) fn due(&self) -> Option<Nanoseconds> {
        self.reply.as_ref().and_then(Steps::due)
    }

    /// Whether something is half said.
    pub(crate) fn is_within(&self) -> bool {
        self.reply.is_some() || !self.buffer.is_empty()
    }

    /// What has come, as far as nothing fits it.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn run(
        &mut self,
        who: Who,
        link: &mut Link,
        exchange: &mut Exchange,
        stage: &mut Stage,
        network: &mut Network,
    ) -> Ran {
        let script = Rc::clone(&stage.script);
        let Who::Peer { peer, .. } = who else {
            return Ran::Done;
        };
        let Some(Serves::Stubs(stubs)) = script.peers.get(peer as usize).map(|it| &it.serves)
        else {
            return Ran::Done;
        };
        let mut something = false;
        loop {
            if let Some(reply) = &mut self.reply {
                match reply.run(link, exchange, stage, network) {
                    Ran::Waits(more) => return Ran::Waits(something || more),
                    Ran::Done => self.reply = None,
                    ran => return ran,
                }
                something = true;
                continue;
            }
            if let Some(number) = self.fitting(peer, stubs, stage) {
                let rest = self.answer(peer, number, stubs, stage);
                // The answer may read on.
                exchange.offset -= rest.len() as u64;
                link.read_again(&rest);
                something = true;
                continue;
            }
            let is_open = |(_, progress, _): &(_, Progress, usize)| *progress == Progress::More;
            if !self.frames.iter().any(is_open) {
                return Ran::Failed(Fault::Unanswered);
            }
            match link.next(network) {
                Next::Bytes => {}
                Next::Nothing => return Ran::Waits(something),
                _ if self.buffer.is_empty() => return Ran::Done,
                _ => return Ran::Failed(Fault::Unanswered),
            }
            let bytes = link.peek(network).to_vec();
            exchange.offset += bytes.len() as u64;
            let is_datagram = link.take(network, bytes.len());
            self.feed(stubs, stage, &bytes);
            if is_datagram {
                self.end(peer, stubs, stage);
            }
            something = true;
        }
    }

    /// Has all frames go on.
    fn feed(&mut self, stubs: &Stubs, stage: &Stage, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        for ((matcher, progress, used), stub) in self.frames.iter_mut().zip(&stubs.stubs) {
            if *progress == Progress::More {
                let (more, next) = matcher.feed(expected(stub, stage.book()), bytes);
                *used += more;
                *progress = next;
            }
        }
    }

    /// Leaves of a datagram what nothing needs of it.
    fn end(&mut self, peer: u32, stubs: &Stubs, stage: &Stage) {
        if let Some(number) = self.fitting(peer, stubs, stage)
            && let Some((_, _, used)) = self.frames.get(number)
        {
            self.buffer.truncate(*used);
            return;
        }
        // A frame that goes beyond the datagram does not fit it.
        for (_, progress, _) in &mut self.frames {
            if *progress == Progress::More {
                *progress = Progress::Wrong(super::matcher::Wrong::TooLong);
            }
        }
    }

    /// The stub whose frame ended first, as if bytes came one by one.
    fn fitting(&self, peer: u32, stubs: &Stubs, stage: &Stage) -> Option<usize> {
        let used = stage.used.get(peer as usize);
        let frames = self.frames.iter().zip(&stubs.stubs).enumerate();
        let fits = frames.filter(|(number, ((_, progress, _), stub))| {
            let before = used.and_then(|it| it.get(*number)).copied();
            *progress == Progress::Done && stub.times.has_room(before.unwrap_or_default())
        });
        let first = fits.min_by_key(|(_, ((_, _, count), _))| *count);
        first.map(|(number, _)| number)
    }

    /// Begins an answer, and gives what is behind its frame.
    fn answer(&mut self, peer: u32, number: usize, stubs: &Stubs, stage: &mut Stage) -> Vec<u8> {
        let Some(stub) = stubs.stubs.get(number) else {
            return Vec::new();
        };
        if let Some(used) = stage
            .used
            .get_mut(peer as usize)
            .and_then(|it| it.get_mut(number))
        {
            *used = used.saturating_add(1);
        }
        let frame = self.frames.get(number);
        let count = frame.map_or(0, |(_, _, used)| *used);
        if let Some(capture) = stub.when.capture
            && let Some(capture) = stage.captures.get_mut(capture as usize)
        {
            *capture = frame.map(|(matcher, _, _)| matcher.kept().to_vec());
        }
        let rest = self.buffer.get(count..).unwrap_or_default().to_vec();
        *self = Answers::new(stubs, stage.book());
        self.reply = Some(Steps::new(stub.reply));
        rest
    }
}
