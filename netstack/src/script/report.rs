//! What a script says of a program that was not as it should be.

use super::bytes::Cursor;
use super::link::Next;
use super::matcher::{Matcher, Wrong};
use super::play::{Attempt, Play, Stage};
use super::steps::Fault;
use super::talk::{Job, Talk, Who};
use super::{Action, Bytes, Close, Count, Frame, Nanoseconds, Peer, Protocol, Run, Script, Serves};
use crate::Network;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::Write;
use core::mem;
use core::net::SocketAddr;

/// No more failures are told.
const MOST: usize = 64;
/// As many bytes are shown.
const SHOWN: usize = 16;
/// How wide the text of shown bytes is at least.
const WIDTH: usize = 24;

/// Something that was not as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Whose conversation it was in.
    who: Option<Who>,
    /// What it is about.
    title: String,
    /// Where the file says so; 0 for nowhere.
    line: u32,
    details: Vec<String>,
}

impl Failure {
    /// One that is in no conversation, and nowhere in the file.
    pub(super) fn of_all(title: String, details: Vec<String>) -> Self {
        Failure {
            who: None,
            title,
            line: 0,
            details,
        }
    }
}

impl Stage {
    pub(crate) fn fail(&mut self, failure: Failure) {
        if self.failures.len() < MOST {
            self.failures.push(failure);
        }
    }

    fn fail_strictly(&mut self, title: String, line: u32, detail: String) {
        if self.script.strict {
            self.fail(Failure {
                who: None,
                title,
                line,
                details: vec![detail],
            });
        }
    }

    /// A connect to where no peer is.
    pub(crate) fn unexpected(&mut self, protocol: Protocol, address: SocketAddr) {
        let protocol = protocol.name();
        self.fail_strictly(
            format!("{protocol} {address}"),
            0,
            "the program connected here, where no peer is".into(),
        );
    }

    /// A datagram to where no peer is.
    pub(crate) fn unexpected_datagram(&mut self, address: SocketAddr) {
        self.fail_strictly(
            format!("udp {address}"),
            0,
            "the program sent a datagram here, where no peer is".into(),
        );
    }

    /// One more connection than a peer has.
    pub(crate) fn unexpected_connection(&mut self, peer: u32, number: u32, address: SocketAddr) {
        let who = Who::Peer { peer, number };
        let (title, line) = self.title(who, address);
        self.fail_strictly(title, line, "this connection was not expected".into());
    }

    /// A lookup of a name that nothing is said of.
    pub(crate) fn unexpected_lookup(&mut self, name: &[u8]) {
        let name = escaped(name);
        self.fail_strictly(
            format!("name \"{name}\""),
            0,
            "the program looked it up, and `[dns.hosts]` does not have it".into(),
        );
    }

    /// What a conversation is called, and where the file says so.
    pub(super) fn title(&self, who: Who, address: SocketAddr) -> (String, u32) {
        match who {
            Who::Peer { peer, number } => match self.script.peers.get(peer as usize) {
                Some(peer) => {
                    let (name, protocol) = (&peer.name, peer.protocol.name());
                    let title =
                        format!("peer \"{name}\" {protocol} {address}, connection {number}");
                    (title, peer.line)
                }
                None => (String::new(), 0),
            },
            Who::Client(client) => match self.script.clients.get(client as usize) {
                Some(client) => {
                    let (name, protocol, from) =
                        (&client.name, client.protocol.name(), client.from);
                    (format!("client \"{name}\" {protocol} {from}"), client.line)
                }
                None => (String::new(), 0),
            },
        }
    }

    /// A failure at a step of a conversation.
    fn at_step(&self, talk: &Talk, step: u32, details: Vec<String>) -> Failure {
        let (mut title, mut line) = self.title(talk.who, talk.address);
        if let Some(step) = self.script.steps.get(step as usize) {
            let _ = write!(title, ", step {}", step.number);
            line = step.line;
        }
        Failure {
            who: Some(talk.who),
            title,
            line,
            details,
        }
    }
}

/// Bytes behind the last step.
pub(crate) fn behind_the_end(stage: &Stage, talk: &Talk, network: &Network) -> Failure {
    let (title, line) = stage.title(talk.who, talk.address);
    let got = talk.link.peek(network);
    let mut details = vec!["expected  nothing more: all steps are done".into()];
    details.push(row("got", got));
    Failure {
        who: Some(talk.who),
        title,
        line,
        details,
    }
}

/// A step that is not as it should be.
pub(crate) fn fault(stage: &Stage, talk: &Talk, network: &Network, fault: &Fault) -> Failure {
    let rest = talk.link.peek(network);
    match fault {
        Fault::Bytes {
            step,
            matcher,
            wrong,
        } => {
            let details = mismatch(stage, talk, *step, matcher, *wrong, rest);
            stage.at_step(talk, *step, details)
        }
        Fault::Early {
            step,
            matcher,
            next,
        } => {
            let got = matcher.kept();
            let mut details = vec![expected(stage, *step)];
            details.push(match got.is_empty() {
                true => format!("got       {}", ended(*next)),
                false => format!("{}, then {}", row("got", got), ended(*next)),
            });
            stage.at_step(talk, *step, details)
        }
        Fault::Unexpected { step } => {
            let details = vec![expected(stage, *step), row("got", rest)];
            stage.at_step(talk, *step, details)
        }
        Fault::Close { step, next } => {
            let got = format!("got       {}", ended(*next));
            stage.at_step(talk, *step, vec![expected(stage, *step), got])
        }
        Fault::Deaf { step } => {
            let got = "got       no reader: the program has let the connection go".into();
            stage.at_step(talk, *step, vec![expected(stage, *step), got])
        }
        Fault::Unanswered => {
            let (title, line) = stage.title(talk.who, talk.address);
            let got = match &talk.job {
                Job::Answers(answers) => answers.buffer(),
                _ => &[],
            };
            let expected = "expected  what one of its `on` answers".into();
            Failure {
                who: Some(talk.who),
                title,
                line,
                details: vec![expected, row("got", got)],
            }
        }
    }
}

/// A time in the largest unit of which it is a multiple.
fn duration(time: Nanoseconds) -> String {
    let units = [
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let mut fits = units
        .into_iter()
        .filter(|(unit, _)| time.is_multiple_of(*unit));
    let (unit, name) = fits.next().unwrap_or((1, "ns"));
    format!("{} {name}", time / unit)
}

fn ended(next: Next) -> &'static str {
    match next {
        Next::Bytes => "more bytes",
        Next::Nothing => "the end of the datagram",
        Next::End => "the end of what the program sends",
        Next::Gone => "the end of the connection",
        Next::Reset => "a reset of the connection",
    }
}

/// What a step expects, in words.
fn expected(stage: &Stage, step: u32) -> String {
    let step = stage.script.steps.get(step as usize);
    let words = match step.map(|it| &it.action) {
        Some(Action::Expect(expect)) => match &expect.frame {
            Frame::Exactly(bytes) => {
                return row("expected", &bytes.all(&stage.captures, SHOWN + 1));
            }
            Frame::Until(until) => {
                let delimiter = until.delimiter.all(&stage.captures, SHOWN);
                let delimiter = escaped(&delimiter);
                format!("at most {} bytes up to \"{delimiter}\"", until.max)
            }
            Frame::Length(count) => format!("{count} bytes"),
            Frame::Prefix(prefix) => format!(
                "a number in {} bytes, and as many bytes, at most {}",
                prefix.size, prefix.max
            ),
            Frame::Any => "some bytes".into(),
        },
        Some(Action::ExpectClose(close)) => match close {
            Close::Send => "the end of what the program sends".into(),
            Close::Both => "the end of the connection".into(),
            Close::Reset => "a reset of the connection".into(),
            Close::Any => "an end of the connection".into(),
        },
        Some(Action::ExpectNothing(time)) => {
            format!("nothing for {}", duration(*time))
        }
        Some(Action::Send(_)) => "a program that reads what is sent".into(),
        _ => "something else".into(),
    };
    format!("expected  {words}")
}

/// What was expected beside what came.
fn mismatch(
    stage: &Stage,
    talk: &Talk,
    step: u32,
    matcher: &Matcher,
    wrong: Wrong,
    rest: &[u8],
) -> Vec<String> {
    let got = [matcher.kept(), rest].concat();
    let begin = matcher.seen().saturating_sub(matcher.kept().len() as u64);
    let frame = talk.exchange.offset.saturating_sub(matcher.seen());
    let Wrong::Byte(at) = wrong else {
        let why = match wrong {
            Wrong::TooLong => "which is too long",
            Wrong::Prefix(_) => "which says that there are more",
            Wrong::NoMatch => "which does not match the expression",
            Wrong::NotContained => "which does not contain what it should",
            Wrong::Byte(_) => "",
        };
        let kept = matcher.kept();
        return vec![
            expected(stage, step),
            format!("{}, {why}", row("got", kept)),
        ];
    };
    let step = stage.script.steps.get(step as usize);
    let Some(Action::Expect(expect)) = step.map(|it| &it.action) else {
        return Vec::new();
    };
    let Frame::Exactly(bytes) = &expect.frame else {
        return Vec::new();
    };
    let from = match at < SHOWN as u64 {
        true => 0,
        false => at.saturating_sub(SHOWN as u64 / 2),
    };
    let wanted = window(bytes, stage, from);
    let skipped = from.saturating_sub(begin) as usize;
    let shown = got.get(skipped..).unwrap_or_default();
    let shown = shown.get(..shown.len().min(SHOWN)).unwrap_or_default();
    let width = escaped(&wanted).len().max(escaped(shown).len()).max(WIDTH);
    let mut caret = String::from("          ");
    let column = width + 1 + 3 * (at - from) as usize;
    caret.extend(core::iter::repeat_n(' ', column));
    let _ = write!(caret, "^ byte {at} (stream offset {})", frame + at);
    let mut details = vec![
        columns("expected", &wanted, width),
        columns("got", shown, width),
        caret,
    ];
    let mut notes = Vec::new();
    if begin == 0 {
        notes.extend(almost(&bytes.all(&stage.captures, got.len() + 256), &got));
    }
    let writes = talk.exchange.writes(frame, got.len() as u64);
    if writes.len() > 1 {
        let sizes: Vec<String> = writes.iter().map(|it| format!("{it}")).collect();
        let sizes = sizes.join("+");
        notes.push(format!(
            "the guest wrote this in {} writes ({sizes})",
            writes.len()
        ));
    }
    if !notes.is_empty() {
        details.push(format!("note: {}", notes.join("; ")));
    }
    details
}

/// What bytes differ in, if it is little.
fn almost(expected: &[u8], got: &[u8]) -> Option<String> {
    let text = match () {
        () if with_crlf(got) == expected => "equal if LF is replaced by CRLF",
        () if with_crlf(expected) == got => "equal if CRLF is replaced by LF",
        () if expected.eq_ignore_ascii_case(got) => "equal but for upper and lower case",
        () if got.trim_ascii() == expected.trim_ascii() => "equal but for white space around it",
        () => return None,
    };
    Some(text.into())
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for byte in bytes {
        if *byte == b'\n' && last != b'\r' {
            result.push(b'\r');
        }
        result.push(*byte);
        last = *byte;
    }
    result
}

/// Some of the bytes, from a place on.
fn window(bytes: &Bytes, stage: &Stage, from: u64) -> Vec<u8> {
    let mut at = Cursor::default();
    let mut left = from;
    let mut skipped = [0; 256];
    while left > 0 {
        let count = left.min(skipped.len() as u64) as usize;
        let room = skipped.get_mut(..count).unwrap_or_default();
        if bytes.read(&stage.captures, &mut at, room) == 0 {
            break;
        }
        left -= count as u64;
    }
    bytes.peek(&stage.captures, at, SHOWN)
}

fn row(label: &str, bytes: &[u8]) -> String {
    let shown = bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default();
    let mut text = columns(label, shown, escaped(shown).len().max(WIDTH));
    if bytes.len() > SHOWN {
        text.push_str(" ...");
    }
    text
}

/// Bytes as text, and as numbers.
fn columns(label: &str, bytes: &[u8], width: usize) -> String {
    let text = escaped(bytes);
    let mut line = format!("{label:<10}{text:<width$}");
    for byte in bytes {
        let _ = write!(line, " {byte:02x}");
    }
    line
}

pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

impl Protocol {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl Play {
    /// Notes that the program waits for what can never happen: what it waits for, in words.
    fn note_deadlock(&mut self, waits: &str) {
        let mut details = Vec::new();
        if !waits.is_empty() {
            details.push(format!("it waits for {waits}"));
        }
        for talk in &self.talks {
            if let Some(step) = talk.waits_at() {
                let failure = self.stage.at_step(talk, step, Vec::new());
                let place = place(&self.stage.script, failure.line);
                details.push(format!("{} waits{place}", failure.title));
            }
        }
        let title = "the program waits for what can never happen".into();
        self.stage.fail(Failure::of_all(title, details));
    }

    /// What is to be told when the program has ended: nothing if all was as it should be.
    fn report(&mut self) -> Option<String> {
        if self.stage.script.strict {
            self.note_unused();
        }
        if self.status != 0 {
            self.note_failed();
        }
        if self.stage.failures.is_empty() {
            return None;
        }
        let mut text = String::new();
        for failure in &self.stage.failures {
            let place = place(&self.stage.script, failure.line);
            let _ = writeln!(text, "FAIL {}{place}", failure.title);
            for detail in &failure.details {
                let _ = writeln!(text, "  {detail}");
            }
        }
        if self.stage.failures.len() == MOST {
            text.push_str("more failures are not told\n");
        }
        Some(text)
    }

    /// Notes all that the script has and the program did not come to.
    fn note_unused(&mut self) {
        let script = Rc::clone(&self.stage.script);
        let mut told = Vec::new();
        let mut failures = mem::take(&mut self.stage.failures);
        for failure in &mut failures {
            let Some(who) = failure.who else {
                continue;
            };
            let talk = self
                .talks
                .iter()
                .find(|it| it.who == who && it.has_failed());
            let steps = talk.and_then(|talk| self.unused_steps(talk));
            let unused = steps
                .into_iter()
                .chain(self.never_opened_once(who, &mut told));
            failure.details.extend(unused_line(unused));
        }
        self.stage.failures = failures;
        let mut pending = Vec::new();
        for talk in self.talks.iter().filter(|it| !it.is_done()) {
            let Some(mut failure) = self.pending(talk) else {
                continue;
            };
            let steps = self.unused_steps(talk);
            let unused = steps
                .into_iter()
                .chain(self.never_opened_once(talk.who, &mut told));
            failure.details.extend(unused_line(unused));
            pending.push(failure);
        }
        for (number, peer) in (0..).zip(&script.peers) {
            let opened = match told.contains(&number) {
                true => None,
                false => self.never_opened(number, peer),
            };
            let unused = opened.into_iter().chain(self.unused_stubs(number, peer));
            pending.extend(unused_line(unused).map(|unused| Failure {
                who: None,
                title: format!("peer \"{}\" {}", peer.name, peer.protocol.name()),
                line: peer.line,
                details: vec![unused],
            }));
        }
        for (attempt, client) in self.clients.iter().zip(&script.clients) {
            if *attempt == Attempt::Waits {
                let (name, protocol) = (&client.name, client.protocol.name());
                pending.push(Failure {
                    who: None,
                    title: format!("client \"{name}\" {protocol} {}", client.from),
                    line: client.line,
                    details: vec![format!("unused: nothing ever listened on {}", client.to)],
                });
            }
        }
        for (times, name) in self.lookups.iter().zip(&script.names) {
            // Names that stand for peers without being told of have no line.
            if *times == 0 && name.line > 0 {
                pending.push(Failure {
                    who: None,
                    title: format!("name \"{}\"", name.name),
                    line: name.line,
                    details: vec!["unused: it was never looked up".into()],
                });
            }
        }
        for failure in pending {
            self.stage.fail(failure);
        }
    }

    /// What is left of a conversation in which the program has come to an end.
    fn pending(&self, talk: &Talk) -> Option<Failure> {
        match &talk.job {
            Job::Steps(steps) => {
                let details = vec!["the program ended before this step was over".into()];
                Some(self.stage.at_step(talk, steps.place()?, details))
            }
            Job::Answers(answers) if answers.is_within() => {
                let (title, line) = self.stage.title(talk.who, talk.address);
                Some(Failure {
                    who: Some(talk.who),
                    title,
                    line,
                    details: vec!["the program ended within a question or an answer".into()],
                })
            }
            Job::Answers(_) | Job::Service(_) => None,
        }
    }

    /// The steps behind the one that a conversation is at.
    fn unused_steps(&self, talk: &Talk) -> Option<String> {
        let Job::Steps(steps) = &talk.job else {
            return None;
        };
        let Run { first, count } = steps.left();
        let number = |place: u32| Some(self.stage.script.steps.get(place as usize)?.number);
        let first_unused = number(first + 1).filter(|_| count > 1)?;
        let last = number(first + count - 1)?;
        Some(format!("step{}", numbers(first_unused, last)))
    }

    /// The connections of a peer that were never opened, unless that was told.
    fn never_opened_once(&self, who: Who, told: &mut Vec<u32>) -> Option<String> {
        let Who::Peer { peer: number, .. } = who else {
            return None;
        };
        if told.contains(&number) {
            return None;
        }
        told.push(number);
        let peer = self.stage.script.peers.get(number as usize)?;
        self.never_opened(number, peer)
    }

    fn never_opened(&self, number: u32, peer: &Peer) -> Option<String> {
        let opened = self.opened.get(number as usize).copied()?;
        let counts = match &peer.serves {
            Serves::Connections(all) => all.iter().map(|it| it.times).collect(),
            Serves::Stubs(stubs) => vec![stubs.connections],
            Serves::Service(service) => vec![service.connections],
        };
        let mut missing: Option<(u32, u32)> = None;
        let mut base = 0_u32;
        for Count { least, most } in counts {
            let used = opened.saturating_sub(base);
            if used < least {
                let first = missing.map_or(base + used + 1, |(first, _)| first);
                missing = Some((first, base.saturating_add(least)));
            }
            base = base.saturating_add(most.unwrap_or(least.max(used)));
        }
        let (first, last) = missing?;
        Some(format!("connection{} never opened", numbers(first, last)))
    }

    /// The answers of a peer that were not given as often as they should have been.
    fn unused_stubs(&self, number: u32, peer: &Peer) -> Vec<String> {
        let Serves::Stubs(stubs) = &peer.serves else {
            return Vec::new();
        };
        let used = self.stage.used.get(number as usize);
        let times = |i: usize| used.and_then(|it| it.get(i)).copied().unwrap_or_default();
        let stubs = stubs.stubs.iter().enumerate();
        let unused = stubs.filter(|(i, stub)| times(*i) < stub.times.least);
        let told = unused.map(|(i, stub)| {
            let (line, least) = (stub.line, stub.times.least);
            format!(
                "the `on` of line {line}, which was to answer {least} times and answered {}",
                times(i)
            )
        });
        told.collect()
    }
}

fn unused_line(unused: impl Iterator<Item = String>) -> Option<String> {
    let unused: Vec<String> = unused.collect();
    (!unused.is_empty()).then(|| format!("unused: {}", unused.join("; ")))
}

/// ` 4`, `s 4 and 5`, or `s 4-6`.
fn numbers(first: u32, last: u32) -> String {
    match last.saturating_sub(first) {
        0 => format!(" {first}"),
        1 => format!("s {first} and {last}"),
        _ => format!("s {first}-{last}"),
    }
}

/// Where the file says something.
pub(super) fn place(script: &Script, line: u32) -> String {
    match line {
        0 => String::new(),
        line if script.file.is_empty() => format!("  (line {line})"),
        line => format!("  ({}:{line})", script.file),
    }
}

/// What a script has to say.
impl Network {
    /// Notes that the program waits for what can never happen: what it waits for, in words.
    pub fn note_deadlock(&mut self, waits: &str) {
        if let Some(play) = &mut self.play {
            play.note_deadlock(waits);
        }
    }

    /// Notes the status that the program has ended with.
    pub fn note_status(&mut self, status: u32) {
        if let Some(play) = &mut self.play {
            play.status = status;
        }
    }

    /// Ends the script with its program, and gives what is to be told of it: nothing if all was as
    /// it should be.
    pub fn end_script(&mut self) -> Option<String> {
        if let Some(play) = &mut self.play {
            play.stage.is_over = true;
        }
        self.turn();
        self.play.as_mut()?.report()
    }
}
