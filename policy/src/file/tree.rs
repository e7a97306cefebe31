//! A file as a tree of values, each with its place: what TOML says, and nothing of the format.

use super::{Fault, Result};
use core::ops::Range;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something stands in the text, in bytes. Files are short enough for half a word each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Span {
            start: range.start as u32,
            end: range.end as u32,
        }
    }
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value<'t> {
    pub(super) data: Data<'t>,
    span: Span,
}

/// What a value is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data<'t> {
    Text(Cow<'t, str>),
    Number(Number<'t>),
    Flag(bool),
    List(Vec<Value<'t>>),
    Table(Entries<'t>),
    /// What no key of the format takes: fractions, dates.
    Other,
}

/// A whole number: its digits, and what they count in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number<'t> {
    pub(super) digits: Cow<'t, str>,
    pub(super) radix: u32,
}

impl<'t> Value<'t> {
    pub(super) fn new(data: Data<'t>, span: impl Into<Span>) -> Self {
        let span = span.into();
        Value { data, span }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.range()
    }
}

/// A key, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key<'t> {
    pub(super) name: Cow<'t, str>,
    span: Span,
}

impl<'t> Key<'t> {
    pub(super) fn new(name: Cow<'t, str>, span: impl Into<Span>) -> Self {
        let span = span.into();
        Key { name, span }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.range()
    }
}

/// What a table has in it, sorted by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries<'t>(pub(super) Vec<(Key<'t>, Value<'t>)>);

impl<'t> Entries<'t> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Key<'t>, Value<'t>)> {
        self.0.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key<'t>> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value<'t>> {
        // Among a few, one is found faster by its length.
        if self.0.len() <= 8 {
            let mut entries = self.0.iter();
            return entries.find_map(|(key, value)| (key.name == name).then_some(value));
        }
        let at = self.find(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Where a key is, or would be.
    pub(super) fn find(&self, name: &str) -> core::result::Result<usize, usize> {
        self.0
            .binary_search_by(|(key, _)| key.name.as_ref().cmp(name))
    }
}

/// Reads whatever TOML there is, and says what is wrong where it is none.
pub(super) fn read(text: &str) -> Result<Entries<'_>> {
    let parsed = DeTable::parse(text)
        .map_err(|e| Fault::new(e.span().unwrap_or_default(), e.message().trim_end()))?;
    Ok(entries(parsed.into_inner()))
}

fn entries(table: DeTable<'_>) -> Entries<'_> {
    let entries = table.into_iter().map(|(key, its)| {
        let span = key.span();
        (Key::new(key.into_inner(), span), value(its))
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Entries(entries)
}

fn value(parsed: Spanned<DeValue<'_>>) -> Value<'_> {
    let span = parsed.span();
    let data = match parsed.into_inner() {
        DeValue::String(text) => Data::Text(text),
        DeValue::Integer(number) => Data::Number(Number {
            digits: Cow::Owned(number.as_str().to_owned()),
            radix: number.radix(),
        }),
        DeValue::Boolean(flag) => Data::Flag(flag),
        DeValue::Array(list) => Data::List(list.into_iter().map(value).collect()),
        DeValue::Table(table) => Data::Table(entries(table)),
        DeValue::Float(_) | DeValue::Datetime(_) => Data::Other,
    };
    Value::new(data, span)
}
