//! Where bytes that come end, and what must hold of them.

use super::bytes::length;
use super::draft::Draft;
use super::values::number;
use super::{keys, limits, words};
use crate::file::table::Table;
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use core::ops::Range;
use sockvirt_netstack::script::{Bytes, Check, Frame, Prefix, Until};

/// How many bytes a frame has, if it says.
fn longest(frame: &Frame) -> Option<u64> {
    match frame {
        Frame::Until(until) => Some(until.max),
        Frame::Length(length) => Some(*length),
        Frame::Prefix(prefix) => Some(prefix.max),
        Frame::Exactly(_) | Frame::Any => None,
    }
}

impl Draft<'_> {
    /// Exactly these bytes. A datagram can have none.
    pub(super) fn exactly(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        datagram: bool,
    ) -> Result<Option<Frame>> {
        let bytes = match datagram {
            true => self.bytes(table, key)?,
            false => self.some_bytes(table, key)?,
        };
        if let Some(bytes) = &bytes {
            fits(bytes, limits::FRAME, "this", span(table, key))?;
        }
        Ok(bytes.map(Frame::Exactly))
    }

    /// Bytes up to a delimiter.
    pub(super) fn until(&mut self, table: &Table<'_>, key: &'static str) -> Result<Option<Frame>> {
        let Some(delimiter) = self.some_bytes(table, key)? else {
            return Ok(None);
        };
        let max = table.number("max", 1..=limits::FRAME)?;
        let max = max.unwrap_or(limits::USUAL_FRAME);
        fits(&delimiter, max, "the delimiter", span(table, key))?;
        Ok(Some(Frame::Until(Until { delimiter, max })))
    }

    /// A number of bytes, or the number in front of them.
    pub(super) fn counted(&self, table: &Table<'_>, key: &'static str) -> Result<Option<Frame>> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        if !matches!(value.data, Data::Table(_)) {
            let length = number(value, key, 1..=limits::FRAME)
                .map_err(|e| e.hint("or write { prefix = \"u32be\" } for a number in front"))?;
            return Ok(Some(Frame::Length(length)));
        }
        let table = Table::of(value, key, &keys::PREFIX)?;
        table.finish()?;
        let Some((size, little)) = table.word("prefix", &words::PREFIXES)? else {
            return Err(table.missing("prefix").hint("write `prefix = \"u32be\"`"));
        };
        let most = match size {
            1 | 2 => (1 << (8 * u32::from(size))) - 1,
            _ => limits::FRAME,
        };
        let max = table.number("max", 1..=most)?;
        let max = max.unwrap_or(most.min(limits::USUAL_FRAME));
        Ok(Some(Frame::Prefix(Prefix { size, little, max })))
    }

    /// Where a frame is kept.
    pub(super) fn capture(&mut self, table: &Table<'_>) -> Result<Option<u32>> {
        let name = table.string("capture")?;
        name.map(|name| self.captures.make(name)).transpose()
    }

    /// What must hold of a frame.
    pub(super) fn check(&mut self, table: &Table<'_>, frame: &Frame) -> Result<Check> {
        let matches = table.string("matches")?;
        let matches = matches.map(|text| self.expression(&text)).transpose()?;
        let contains = self.some_bytes(table, "contains")?;
        if let Some(contains) = &contains {
            let max = longest(frame).unwrap_or(limits::FRAME);
            fits(contains, max, "`contains`", span(table, "contains"))?;
        }
        Ok(Check { matches, contains })
    }
}

fn span(table: &Table<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(table.span.clone(), |it| it.span())
}

/// Checks that bytes are no more than there can be.
fn fits(bytes: &Bytes, max: u64, what: &str, span: Range<usize>) -> Result<()> {
    match length(bytes) {
        Some(length) if length > max => {
            let message = format!("{what} has {length} bytes, and there are at most {max}");
            Err(Fault::new(span, message).hint("expect less, or more in `max`"))
        }
        _ => Ok(()),
    }
}
