//! How far everybody was: what is told of a program that ends with a status of its own.

use super::play::{Play, Stage};
use super::report::{Failure, escaped, place};
use super::talk::{Exchange, Job, SENT, Talk, Who};
use super::{Accept, Action, Direction};
use crate::ErrorCode;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::Write;
use core::net::SocketAddr;

/// No more is told of, nor remembered of what is over.
const MOST: usize = 8;

/// What is over.
#[derive(Debug)]
pub(crate) enum Past {
    /// A conversation whose connection is gone.
    Talk(Box<Talk>),
    /// A connection that was never there.
    Closed(Closed),
    /// The number of a name whose lookup failed, and how.
    Lookup(usize, ErrorCode),
}

/// A connection that a peer did not take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    pub(crate) line: u32,
    pub(crate) accept: Accept,
}

/// The last things that are over, in their order.
#[derive(Debug, Default)]
pub(crate) struct Ended(VecDeque<Past>);

impl Ended {
    pub(crate) fn add(&mut self, past: Past) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(past);
    }
}

impl Play {
    /// Notes that the program has ended with a status that is not 0, and how far everybody was.
    pub(super) fn note_failed(&mut self) {
        let stage = &self.stage;
        let over = self.ended.0.iter().map(|it| it.account(stage));
        let going_on = self.talks.iter().filter(|it| !it.has_failed());
        let all: Vec<_> = over.chain(going_on.map(|it| it.account(stage))).collect();
        let told = all.len().saturating_sub(MOST);
        let details: Vec<_> = all.into_iter().skip(told).flatten().collect();
        // What was wrong before is the reason then.
        if details.is_empty() && !stage.failures.is_empty() {
            return;
        }
        let title = format!("the program ended with status {}", self.status);
        self.stage.fail(Failure::of_all(title, details));
    }
}

impl Past {
    fn account(&self, stage: &Stage) -> Vec<String> {
        match self {
            Past::Talk(talk) => talk.account(stage),
            Past::Closed(closed) => {
                let (title, _) = stage.title(closed.who, closed.address);
                let how = match closed.accept {
                    Accept::Timeout => "timed out",
                    Accept::Unreachable => "unreachable",
                    Accept::Reset => "reset at once",
                    Accept::Refuse | Accept::Now => "refused",
                };
                let place = place(&stage.script, closed.line);
                vec![format!("{title}, {how}{place}")]
            }
            Past::Lookup(number, code) => {
                let name = stage.script.names.get(*number);
                let (name, line) = name.map_or(("", 0), |it| (it.name.as_str(), it.line));
                let how = match code {
                    ErrorCode::AccessDenied => "access denied",
                    ErrorCode::NameUnresolvable => "unresolvable",
                    ErrorCode::TemporaryResolverFailure => "temporary failure",
                    _ => "permanent failure",
                };
                let place = place(&stage.script, line);
                vec![format!("name \"{name}\", {how}{place}")]
            }
        }
    }
}

impl Talk {
    /// The last step of it, and how many bytes went each way.
    fn account(&self, stage: &Stage) -> Vec<String> {
        let (mut title, mut line) = stage.title(self.who, self.address);
        let step = match &self.job {
            Job::Steps(steps) if self.hangs() || !self.is_done() => steps.place(),
            Job::Steps(steps) => steps.last(),
            Job::Answers(_) | Job::Service(_) => None,
        };
        let step = step.and_then(|it| stage.script.steps.get(it as usize));
        if let Some(step) = step {
            line = step.line;
            let how = match step.action {
                Action::Reset => "reset by",
                Action::Close(Direction::Both) => "closed by",
                Action::Hang => "hangs at",
                _ if self.is_done() => "done with",
                _ => "at",
            };
            // Writing to a `String` cannot fail.
            let _ = write!(title, ", {how} step {}", step.number);
        }
        let place = place(&stage.script, line);
        vec![format!("{title}{place}"), self.exchange.account()]
    }
}

impl Exchange {
    fn account(&self) -> String {
        let ending = if self.offset == 1 { "" } else { "s" };
        let (got, sent) = (self.offset, self.sent);
        let mut text = format!("  it got {got} byte{ending} and sent {sent}");
        if self.sent > 0 {
            let dots = if self.sent > SENT as u64 { ".." } else { "" };
            let _ = write!(text, ": {dots}{}", escaped(&self.last));
        }
        text
    }
}
