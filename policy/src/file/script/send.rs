//! What is sent, how it is cut, and what becomes of datagrams.

use super::bytes::length;
use super::steps::{Steps, elsewhere, span};
use super::values::number;
use super::{limits, words};
use crate::file::table::Table;
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use sockvirt_netstack::script::{self, Action, FaultKind, Protocol, Segments, Send};

impl Steps<'_, '_> {
    pub(super) fn send(&mut self, table: &Table<'_>) -> Result<()> {
        let bytes = match self.protocol {
            Protocol::Tcp => self.draft.some_bytes(table, "send")?,
            Protocol::Udp => self.draft.bytes(table, "send")?,
        };
        let bytes = bytes.unwrap_or_default();
        let (mine, other): (&[_], _) = match self.protocol {
            Protocol::Tcp => (&["drop", "duplicate", "reorder", "corrupt"], Protocol::Udp),
            Protocol::Udp => (&["segment", "segments", "gap"], Protocol::Tcp),
        };
        if let Some(key) = mine.iter().find(|key| table.has(key)) {
            return Err(elsewhere(table, key, other));
        }
        self.faults(table)?;
        let segments = segments(table, length(&bytes))?;
        let gap = table.time("gap")?;
        if gap.is_some() && segments == Segments::Whole {
            let message = "`gap` lies between pieces, and there is one";
            return Err(Fault::new(span(table, "gap"), message)
                .hint("write `segment` or `segments` beside it"));
        }
        let send = Send {
            bytes,
            segments,
            gap: gap.unwrap_or_default(),
        };
        self.push(table, Action::Send(send))
    }

    /// What becomes of datagrams, as a step or as a part of one.
    pub(super) fn faults(&mut self, table: &Table<'_>) -> Result<()> {
        for (key, kind) in words::FAULTS {
            let usual = match kind {
                FaultKind::Reorder => 2,
                _ => 1,
            };
            if table.has(key)
                && let Some(count) = table.amount(key, usual)?
            {
                let fault = script::Fault { kind, count };
                self.push(table, Action::Fault(fault))?;
            }
        }
        Ok(())
    }
}

/// How bytes are cut, of which there are so many if that is known.
fn segments(table: &Table<'_>, length: Option<u64>) -> Result<Segments> {
    if table.has("segment") && table.has("segments") {
        let message = "bytes are cut by `segment` or by `segments`, not both";
        return Err(Fault::new(table.span.clone(), message));
    }
    if let Some(each) = table.number("segment", 1..=limits::FRAME)? {
        return Ok(Segments::Each(u32::try_from(each).unwrap_or(u32::MAX)));
    }
    let Some(value) = table.get("segments") else {
        return Ok(Segments::Whole);
    };
    let list = match &value.data {
        Data::List(list) if (1..=limits::PIECES).contains(&list.len()) => list.iter(),
        _ => {
            let message = format!("`segments` is a list of 1 to {} numbers", limits::PIECES);
            return Err(Fault::new(value.span(), message).hint("write `segments = [1, 3]`"));
        }
    };
    let mut pieces = Vec::new();
    for value in list {
        let piece = number(value, "segments", 1..=limits::FRAME)?;
        pieces.push(u32::try_from(piece).unwrap_or(u32::MAX));
    }
    let sum: u64 = pieces.iter().copied().map(u64::from).sum();
    match length {
        Some(length) if sum > length => {
            let message = format!("the pieces have {sum} bytes, and {length} are sent");
            Err(Fault::new(value.span(), message).hint("the rest is a piece of its own"))
        }
        _ => Ok(Segments::List(pieces)),
    }
}
