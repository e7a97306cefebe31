//! Steps, one after the other.

use super::bytes::Cursor;
use super::link::{Link, Next};
use super::matcher::{Expected, Matcher, Progress, Wrong};
use super::play::Stage;
use super::talk::Exchange;
use super::{Action, Close, Direction, Expect, Nanoseconds, Run, Segments, Send, Step};
use crate::Network;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

/// As much is sent at once.
const BLOCK: usize = 64 << 10;

/// Where somebody is in steps.
#[derive(Debug)]
pub(crate) struct Steps {
    run: Run,
    /// How many steps of the run were left behind.
    at: u32,
    loops: Vec<Loop>,
    doing: Doing,
}

/// Steps that happen again.
#[derive(Clone, Copy, Debug)]
struct Loop {
    first: u32,
    end: u32,
    left: u32,
}

/// How far a step is.
#[derive(Debug)]
enum Doing {
    /// It has not begun.
    Nothing,
    Expecting(Matcher),
    Sending(Sending),
    /// It lasts until a moment.
    Until(Nanoseconds),
}

/// Bytes that are being sent.
#[derive(Clone, Copy, Debug)]
struct Sending {
    at: Cursor,
    /// How many pieces were begun, and how much of the last one is to be sent.
    pieces: usize,
    left: u64,
    /// When the next piece may follow.
    due: Nanoseconds,
}

/// How far steps have come.
#[derive(Debug)]
pub(crate) enum Ran {
    /// They wait. Whether something happened before.
    Waits(bool),
    Done,
    /// They are at an end that lasts.
    Hangs,
    Failed(Fault),
}

/// Why a step is not as it should be.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Other bytes came than were expected.
    Bytes {
        step: u32,
        matcher: Matcher,
        wrong: Wrong,
    },
    /// The program ended its side, or a datagram its bytes, before all that was expected.
    Early {
        step: u32,
        matcher: Matcher,
        next: Next,
    },
    /// Bytes came where none were to.
    Unexpected { step: u32 },
    /// The connection ended otherwise.
    Close { step: u32, next: Next },
    /// The program reads no more.
    Deaf { step: u32 },
    /// What came is nothing that has an answer.
    Unanswered,
}

/// How a step went on.
enum Went {
    On,
    Waits,
    Hangs,
    Failed(Fault),
}

impl Steps {
    pub(crate) fn new(run: Run) -> Self {
        Steps {
            run,
            at: 0,
            loops: Vec::new(),
            doing: Doing::Nothing,
        }
    }

    /// The place of the step that is next, among all of the script.
    pub(crate) fn place(&self) -> Option<u32> {
        (self.at < self.run.count).then_some(self.run.first + self.at)
    }

    /// The place of the step that was done last.
    pub(crate) fn last(&self) -> Option<u32> {
        Some(self.run.first + self.at.checked_sub(1)?)
    }

    /// The steps that are left, but for those that happen again.
    pub(crate) fn left(&self) -> Run {
        Run {
            first: self.run.first + self.at,
            count: self.run.count.saturating_sub(self.at),
        }
    }

    /// The moment that is waited for.
    pub(crate) fn due(&self) -> Option<Nanoseconds> {
        match &self.doing {
            Doing::Until(due) => Some(*due),
            Doing::Sending(sending) => Some(sending.due),
            Doing::Nothing | Doing::Expecting(_) => None,
        }
    }

    /// Does what can be done now.
    pub(crate) fn run(
        &mut self,
        link: &mut Link,
        exchange: &mut Exchange,
        stage: &mut Stage,
        network: &mut Network,
    ) -> Ran {
        let script = Rc::clone(&stage.script);
        let mut something = false;
        loop {
            let Some(place) = self.place() else {
                return Ran::Done;
            };
            let Some(step) = script.steps.get(place as usize) else {
                return Ran::Done;
            };
            let before = exchange.offset;
            match self.step(place, step, link, exchange, stage, network) {
                Went::On => self.go_on(step),
                Went::Waits => return Ran::Waits(something || exchange.offset != before),
                Went::Hangs => return Ran::Hangs,
                Went::Failed(fault) => return Ran::Failed(fault),
            }
            something = true;
        }
    }

    /// Goes on to the step behind one, or to the first one of those that happen again.
    fn go_on(&mut self, step: &Step) {
        self.doing = Doing::Nothing;
        self.at += 1;
        if let Action::Repeat(repeat) = step.action {
            let end = self.at.saturating_add(repeat.count);
            match repeat.times.checked_sub(1) {
                Some(left) => self.loops.push(Loop {
                    first: self.at,
                    end,
                    left,
                }),
                None => self.at = end,
            }
        }
        while let Some(innermost) = self.loops.last_mut()
            && self.at >= innermost.end
        {
            match innermost.left.checked_sub(1) {
                Some(left) => {
                    innermost.left = left;
                    self.at = innermost.first;
                    break;
                }
                None => {
                    self.loops.pop();
                }
            }
        }
    }

    fn step(
        &mut self,
        place: u32,
        step: &Step,
        link: &mut Link,
        exchange: &mut Exchange,
        stage: &mut Stage,
        network: &mut Network,
    ) -> Went {
        match &step.action {
            Action::Expect(expect) => self.expect(place, expect, link, exchange, stage, network),
            Action::Send(send) => self.send(place, send, link, exchange, stage, network),
            Action::ExpectClose(close) => expect_close(place, *close, link, stage, network),
            Action::ExpectNothing(time) => {
                if self.is_past(*time, stage) || stage.is_over {
                    return Went::On;
                }
                match link.next(network) {
                    Next::Nothing => Went::Waits,
                    Next::Bytes => Went::Failed(Fault::Unexpected { step: place }),
                    next => Went::Failed(Fault::Close { step: place, next }),
                }
            }
            Action::Wait(time) => match self.is_past(*time, stage) {
                true => Went::On,
                false => Went::Waits,
            },
            Action::Signal(gate) => {
                if let Some(gate) = stage.gates.get_mut(*gate as usize) {
                    *gate = true;
                }
                Went::On
            }
            Action::Await(gate) => match stage.gates.get(*gate as usize) {
                Some(false) => Went::Waits,
                _ => Went::On,
            },
            Action::Window(window) => {
                link.set_window(network, *window);
                Went::On
            }
            Action::Close(direction) => {
                match direction {
                    Direction::Send => link.end_output(network),
                    Direction::Receive => link.end_input(network),
                    Direction::Both => link.close(network),
                }
                Went::On
            }
            Action::Reset => {
                link.reset(network);
                Went::On
            }
            Action::Hang => Went::Hangs,
            Action::Fault(fault) => {
                link.fault(*fault);
                Went::On
            }
            Action::Repeat(_) => Went::On,
        }
    }

    /// Whether a time is over that began with the step.
    fn is_past(&mut self, time: Nanoseconds, stage: &Stage) -> bool {
        let due = match self.doing {
            Doing::Until(due) => due,
            _ => stage.now.saturating_add(time),
        };
        self.doing = Doing::Until(due);
        stage.now >= due
    }

    fn expect(
        &mut self,
        place: u32,
        expect: &Expect,
        link: &mut Link,
        exchange: &mut Exchange,
        stage: &mut Stage,
        network: &mut Network,
    ) -> Went {
        let expected = Expected {
            frame: &expect.frame,
            check: &expect.check,
            keeps_all: expect.capture.is_some(),
            book: stage.book(),
        };
        let (mut matcher, mut progress) = match core::mem::replace(&mut self.doing, Doing::Nothing)
        {
            Doing::Expecting(matcher) => (matcher, Progress::More),
            _ => {
                let mut matcher = Matcher::new(expected);
                let progress = matcher.begin(expected);
                (matcher, progress)
            }
        };
        while progress == Progress::More {
            match link.next(network) {
                Next::Bytes => {}
                Next::Nothing => {
                    self.doing = Doing::Expecting(matcher);
                    return Went::Waits;
                }
                next => {
                    return Went::Failed(Fault::Early {
                        step: place,
                        matcher,
                        next,
                    });
                }
            }
            let (used, next) = matcher.feed(expected, link.peek(network));
            exchange.offset += used as u64;
            let is_end = link.take(network, used);
            progress = match next {
                Progress::More if is_end => matcher.end(expected),
                next => next,
            };
            if is_end && progress == Progress::More {
                let next = Next::Nothing;
                return Went::Failed(Fault::Early {
                    step: place,
                    matcher,
                    next,
                });
            }
        }
        if let Progress::Wrong(wrong) = progress {
            return Went::Failed(Fault::Bytes {
                step: place,
                matcher,
                wrong,
            });
        }
        if let Some(capture) = expect.capture
            && let Some(capture) = stage.captures.get_mut(capture as usize)
        {
            *capture = Some(matcher.into_kept());
        }
        Went::On
    }

    fn send(
        &mut self,
        place: u32,
        send: &Send,
        link: &mut Link,
        exchange: &mut Exchange,
        stage: &mut Stage,
        network: &mut Network,
    ) -> Went {
        let captures = &stage.captures;
        // What of a datagram was not expected must not be passed over.
        if link.is_within() {
            return Went::Failed(Fault::Unexpected { step: place });
        }
        if !link.is_stream() {
            let datagram = send.bytes.all(captures, usize::from(u16::MAX));
            exchange.note_sent(&datagram);
            link.send(network, &datagram);
            return Went::On;
        }
        let mut sending = match self.doing {
            Doing::Sending(sending) => sending,
            _ => Sending {
                at: Cursor::default(),
                pieces: 0,
                left: 0,
                due: stage.now,
            },
        };
        let is_cut = send.segments != Segments::Whole;
        loop {
            let all = send.bytes.left(captures, sending.at);
            if sending.left == 0 {
                // One piece is read before the next one comes, and before whatever is next.
                if is_cut
                    && sending.pieces > 0
                    && !link.is_read(network)
                    && link.room(network).is_some()
                {
                    self.doing = Doing::Sending(sending);
                    return Went::Waits;
                }
                if all == 0 {
                    return Went::On;
                }
                if stage.now < sending.due {
                    self.doing = Doing::Sending(sending);
                    return Went::Waits;
                }
                sending.left = send
                    .segments
                    .piece(sending.pieces)
                    .map_or(all, |it| all.min(it));
                sending.pieces += 1;
            }
            let Some(room) = link.room(network) else {
                return Went::Failed(Fault::Deaf { step: place });
            };
            let count = sending.left.min(room.min(BLOCK) as u64) as usize;
            if count == 0 {
                self.doing = Doing::Sending(sending);
                return Went::Waits;
            }
            let mut block = vec![0; count];
            send.bytes.read(captures, &mut sending.at, &mut block);
            exchange.note_sent(&block);
            link.send(network, &block);
            sending.left -= count as u64;
            sending.due = stage.now.saturating_add(send.gap);
        }
    }
}

impl Segments {
    /// The length of a piece, if it is not all that is left.
    fn piece(&self, number: usize) -> Option<u64> {
        match self {
            Segments::Whole => None,
            Segments::Each(length) => Some(u64::from(*length).max(1)),
            Segments::List(lengths) => lengths.get(number).map(|it| u64::from(*it).max(1)),
        }
    }
}

fn expect_close(
    place: u32,
    close: Close,
    link: &mut Link,
    stage: &Stage,
    network: &Network,
) -> Went {
    let next = link.next(network);
    let fits = match (close, next) {
        (_, Next::Bytes) => return Went::Failed(Fault::Unexpected { step: place }),
        // A program that ends closes what it has.
        (Close::Send | Close::Both | Close::Any, Next::Nothing | Next::End) if stage.is_over => {
            true
        }
        (_, Next::Nothing) | (Close::Both, Next::End) => return Went::Waits,
        (Close::Send, Next::End | Next::Gone) | (Close::Both, Next::Gone) => true,
        (Close::Reset, Next::Reset) | (Close::Any, _) => true,
        _ => false,
    };
    match fits {
        true => Went::On,
        false => Went::Failed(Fault::Close { step: place, next }),
    }
}
