//! Which steps there are.

use super::steps::Steps;
use super::{keys, words};
use crate::file::keys::Section;
use crate::file::table::{Table, Value};
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use crate::mistake::suggest;
use sockvirt_netstack::script::Protocol;

/// A step by the key that says what it does.
pub(crate) struct Kind {
    pub(crate) section: &'static Section,
    /// The protocol that has it, if not both have.
    pub(super) over: Option<Protocol>,
    pub(super) read: fn(&mut Steps<'_, '_>, &Table<'_>) -> Result<()>,
}

impl Kind {
    const fn new(
        section: &'static Section,
        read: fn(&mut Steps<'_, '_>, &Table<'_>) -> Result<()>,
    ) -> Self {
        Kind {
            section,
            over: None,
            read,
        }
    }

    const fn over(self, protocol: Protocol) -> Self {
        Kind {
            over: Some(protocol),
            ..self
        }
    }

    /// The key.
    pub(super) fn key(&self) -> &'static str {
        self.section.keys.first().map_or("", |key| key.name)
    }
}

/// All steps.
pub(crate) const KINDS: [Kind; 19] = [
    Kind::new(&keys::EXPECT, |it, table| it.expect(table)),
    Kind::new(&keys::EXPECT_UNTIL, |it, table| it.expect_until(table)),
    Kind::new(&keys::EXPECT_LEN, |it, table| it.expect_len(table)),
    Kind::new(&keys::EXPECT_ANY, |it, table| it.expect_any(table)),
    Kind::new(&keys::EXPECT_CLOSE, |it, table| it.expect_close(table)).over(Protocol::Tcp),
    Kind::new(&keys::EXPECT_NOTHING, |it, table| it.expect_nothing(table)),
    Kind::new(&keys::SEND, |it, table| it.send(table)),
    Kind::new(&keys::WINDOW, |it, table| it.window(table)).over(Protocol::Tcp),
    Kind::new(&keys::CLOSE, |it, table| it.close(table)).over(Protocol::Tcp),
    Kind::new(&keys::RESET, |it, table| it.reset(table)).over(Protocol::Tcp),
    Kind::new(&keys::HANG, |it, table| it.hang(table)),
    Kind::new(&keys::WAIT, |it, table| it.wait(table)),
    Kind::new(&keys::SIGNAL, |it, table| it.signal(table)),
    Kind::new(&keys::AWAIT, |it, table| it.wait_for(table)),
    Kind::new(&keys::DROP, |it, table| it.faults(table)).over(Protocol::Udp),
    Kind::new(&keys::DUPLICATE, |it, table| it.faults(table)).over(Protocol::Udp),
    Kind::new(&keys::REORDER, |it, table| it.faults(table)).over(Protocol::Udp),
    Kind::new(&keys::CORRUPT, |it, table| it.faults(table)).over(Protocol::Udp),
    Kind::new(&keys::LOOP, |it, table| it.repeat(table)),
];

/// What a step does, by its one key that says so.
pub(super) fn kind(value: &Value<'_>) -> Result<&'static Kind> {
    let Data::Table(table) = &value.data else {
        return Err(Fault::new(value.span(), "a step is a table")
            .hint("write { send = \"hello\" }, or { expect = \"hello\" }"));
    };
    let all = KINDS.iter();
    let said: Vec<_> = all.filter(|kind| table.get(kind.key()).is_some()).collect();
    // What becomes of a datagram can be said where it is sent.
    let sends = said.iter().find(|kind| kind.key() == "send");
    let is_part = |kind: &Kind| words::FAULTS.iter().any(|(key, _)| *key == kind.key());
    match (said.as_slice(), sends) {
        ([one], _) => Ok(one),
        (many, Some(send)) if many.iter().all(|it| it.key() == "send" || is_part(it)) => Ok(send),
        ([first, second, ..], _) => {
            let (first, second) = (first.key(), second.key());
            let message = format!("a step does one thing, and `{first}` and `{second}` are two");
            Err(Fault::new(value.span(), message).hint("make two steps of them"))
        }
        ([], _) => {
            let known: Vec<_> = KINDS.iter().map(Kind::key).collect();
            match table.keys().next() {
                Some(key) => {
                    let name = key.name.as_ref();
                    Err(Fault::new(key.span(), format!("`{name}` is not a step"))
                        .hint(suggest(name, &known)))
                }
                None => Err(Fault::new(value.span(), "the step does nothing")
                    .hint(format!("known are `{}`", known.join("`, `")))),
            }
        }
    }
}
