//! Steps, loops written out.

use super::draft::Draft;
use super::kinds::kind;
use super::{checks, limits, words};
use crate::file::table::{Table, Value};
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use core::ops::Range;
use sockvirt_netstack::script::{Action, Check, Expect, Frame, Protocol, Repeat, Run};

impl Draft<'_> {
    /// The steps of a key, checked; none if it is not there.
    pub(super) fn steps(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        protocol: Protocol,
    ) -> Result<Run> {
        let first = self.script.steps.len();
        let mut steps = Steps {
            draft: self,
            protocol,
            number: 0,
            depth: 0,
        };
        if let Some(value) = table.get(key) {
            steps.list(value, key)?;
        }
        let count = self.script.steps.len() - first;
        let steps = self.script.steps.get(first..).unwrap_or_default();
        let spans = self.spans.get(first..).unwrap_or_default();
        checks::reachable(steps, spans)?;
        Ok(Run {
            first: first as u32,
            count: count as u32,
        })
    }
}

/// The steps of one script.
pub(super) struct Steps<'a, 'd> {
    pub(super) draft: &'a mut Draft<'d>,
    pub(super) protocol: Protocol,
    /// The number of the last one.
    number: u32,
    /// How many loops it is in.
    depth: usize,
}

impl Steps<'_, '_> {
    fn list(&mut self, value: &Value<'_>, key: &str) -> Result<()> {
        let Data::List(steps) = &value.data else {
            return Err(
                Fault::new(value.span(), format!("`{key}` is a list of steps"))
                    .hint(format!("write {key} = [{{ send = \"hello\" }}]")),
            );
        };
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, value: &Value<'_>) -> Result<()> {
        let kind = kind(value)?;
        let table = Table::of(value, "step", kind.section)?;
        table.finish()?;
        if let Some(protocol) = kind.over.filter(|it| *it != self.protocol) {
            return Err(elsewhere(&table, kind.key(), protocol));
        }
        self.number += 1;
        (kind.read)(self, &table)
    }

    pub(super) fn push(&mut self, table: &Table<'_>, action: Action) -> Result<()> {
        self.draft.push(self.number, &table.span, action)
    }

    fn push_expect(&mut self, table: &Table<'_>, frame: Option<Frame>) -> Result<()> {
        let frame = frame.unwrap_or(Frame::Any);
        let check = self.draft.check(table, &frame)?;
        let capture = self.draft.capture(table)?;
        let expect = Expect {
            frame,
            check,
            capture,
        };
        self.push(table, Action::Expect(expect))
    }

    pub(super) fn expect(&mut self, table: &Table<'_>) -> Result<()> {
        let datagram = self.protocol == Protocol::Udp;
        let frame = self.draft.exactly(table, "expect", datagram)?;
        let expect = Expect {
            frame: frame.unwrap_or(Frame::Any),
            check: Check::default(),
            capture: None,
        };
        self.push(table, Action::Expect(expect))
    }

    pub(super) fn expect_until(&mut self, table: &Table<'_>) -> Result<()> {
        let frame = self.draft.until(table, "expect-until")?;
        self.push_expect(table, frame)
    }

    pub(super) fn expect_len(&mut self, table: &Table<'_>) -> Result<()> {
        let frame = self.draft.counted(table, "expect-len")?;
        self.push_expect(table, frame)
    }

    pub(super) fn expect_any(&mut self, table: &Table<'_>) -> Result<()> {
        table.truth("expect-any")?;
        self.push_expect(table, None)
    }

    pub(super) fn expect_close(&mut self, table: &Table<'_>) -> Result<()> {
        match table.word("expect-close", &words::CLOSES)? {
            Some(close) => self.push(table, Action::ExpectClose(close)),
            None => Ok(()),
        }
    }

    pub(super) fn expect_nothing(&mut self, table: &Table<'_>) -> Result<()> {
        let time = table.time("expect-nothing")?.unwrap_or_default();
        self.push(table, Action::ExpectNothing(time))
    }

    pub(super) fn window(&mut self, table: &Table<'_>) -> Result<()> {
        let window = table.number("window", 0..=limits::FRAME)?;
        let window = u32::try_from(window.unwrap_or_default()).unwrap_or(u32::MAX);
        self.push(table, Action::Window(window))
    }

    pub(super) fn close(&mut self, table: &Table<'_>) -> Result<()> {
        match table.word("close", &words::DIRECTIONS)? {
            Some(direction) => self.push(table, Action::Close(direction)),
            None => Ok(()),
        }
    }

    pub(super) fn reset(&mut self, table: &Table<'_>) -> Result<()> {
        table.truth("reset")?;
        self.push(table, Action::Reset)
    }

    pub(super) fn hang(&mut self, table: &Table<'_>) -> Result<()> {
        table.truth("hang")?;
        self.push(table, Action::Hang)
    }

    pub(super) fn wait(&mut self, table: &Table<'_>) -> Result<()> {
        let time = table.time("wait")?.unwrap_or_default();
        self.push(table, Action::Wait(time))
    }

    pub(super) fn signal(&mut self, table: &Table<'_>) -> Result<()> {
        let Some(name) = table.string("signal")? else {
            return Ok(());
        };
        let gate = self.draft.gates.make(name)?;
        self.push(table, Action::Signal(gate))
    }

    pub(super) fn wait_for(&mut self, table: &Table<'_>) -> Result<()> {
        let Some(name) = table.string("await")? else {
            return Ok(());
        };
        let gate = self.draft.gates.need(name)?;
        self.push(table, Action::Await(gate))
    }

    /// A loop. How many steps are in it is known once they are read.
    pub(super) fn repeat(&mut self, table: &Table<'_>) -> Result<()> {
        let times = table.number("repeat", 1..=limits::REPEAT)?;
        let times = u32::try_from(times.unwrap_or(1)).unwrap_or(1);
        let Some(steps) = table.get("steps") else {
            return Err(table
                .missing("steps")
                .hint("write `steps = [..]` beside it"));
        };
        if self.depth >= limits::DEPTH {
            let message = format!("there are more than {} loops in each other", limits::DEPTH);
            return Err(Fault::new(table.span.clone(), message));
        }
        let at = self.draft.script.steps.len();
        self.push(table, Action::Repeat(Repeat { times, count: 0 }))?;
        self.depth += 1;
        self.list(steps, "steps")?;
        self.depth -= 1;
        let inside = self.draft.script.steps.len() - at - 1;
        if inside == 0 {
            return Err(Fault::new(steps.span(), "the loop is empty").hint("leave it out"));
        }
        if let Some(step) = self.draft.script.steps.get_mut(at) {
            let count = inside as u32;
            step.action = Action::Repeat(Repeat { times, count });
        }
        Ok(())
    }
}

/// A step, or a part of one, that the protocol does not have.
pub(super) fn elsewhere(table: &Table<'_>, key: &str, protocol: Protocol) -> Fault {
    let (has, hint) = match protocol {
        Protocol::Tcp => ("TCP", "over UDP there are datagrams, and no connection"),
        Protocol::Udp => (
            "UDP",
            "over TCP no byte is lost: use `reset`, `hang` or `window`",
        ),
    };
    Fault::new(span(table, key), format!("`{key}` is for {has}")).hint(hint)
}

pub(super) fn span(table: &Table<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(table.span.clone(), |it| it.span())
}
