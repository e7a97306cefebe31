//! Values of the file, each with its place.

use super::keys::Section;
use super::{Fault, Result};
use crate::mistake::suggest;
use crate::{Mistake, Operation, Ports, Protocol, Target};
use core::fmt::Display;
use core::ops::Range;
use core::str::FromStr;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A string of the file, and where it stands.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A table of the file.
pub(super) struct Table<'a> {
    entries: &'a DeTable<'a>,
    pub(super) span: Range<usize>,
    section: &'static Section,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        section: &'static Section,
    ) -> Self {
        Table {
            entries,
            span,
            section,
        }
    }

    pub(super) fn of(value: &'a Value<'a>, key: &str, section: &'static Section) -> Result<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Table::new(table, value.span(), section)),
            _ => Err(Fault::new(value.span(), format!("`{key}` is a table"))),
        }
    }

    /// Whether a key is there that the format has elsewhere.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        debug_assert!(
            self.section.keys.iter().any(|it| it.name == key),
            "{} has no key `{key}`",
            self.section.name
        );
        self.entries.get(key)
    }

    pub(super) fn schema(&self) -> Result<()> {
        let Some(value) = self.get("schema") else {
            return Err(
                Fault::new(0..0, "the file does not say which schema it follows")
                    .hint("begin it with `schema = 1`"),
            );
        };
        match value.get_ref() {
            DeValue::Integer(number) if number.as_str() == "1" => Ok(()),
            _ => {
                Err(Fault::new(value.span(), "this schema is not known").hint("write `schema = 1`"))
            }
        }
    }

    pub(super) fn table(
        &self,
        key: &'static str,
        section: &'static Section,
    ) -> Result<Option<Table<'a>>> {
        let value = self.get(key);
        value
            .map(|value| Table::of(value, key, section))
            .transpose()
    }

    /// The entries of a table whose keys are not the format's.
    pub(super) fn map(&self, key: &'static str) -> Result<Vec<(Text<'a>, &'a Value<'a>)>> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(Fault::new(value.span(), format!("`{key}` is a table")));
        };
        let entries = table.iter().map(|(name, value)| {
            let text = name.get_ref().as_ref();
            let span = name.span();
            (Text { text, span }, value)
        });
        Ok(entries.collect())
    }

    pub(super) fn tables(
        &self,
        key: &'static str,
        section: &'static Section,
    ) -> Result<Vec<Table<'a>>> {
        match self.get(key).map(|value| (value, value.get_ref())) {
            None => Ok(Vec::new()),
            Some((_, DeValue::Array(array))) => {
                let tables = array.iter();
                tables.map(|value| Table::of(value, key, section)).collect()
            }
            Some((value, _)) => Err(Fault::new(
                value.span(),
                format!("`{key}` is a list of tables"),
            )
            .hint(format!("write `[[{key}]]`"))),
        }
    }

    pub(super) fn string(&self, key: &'static str) -> Result<Option<Text<'a>>> {
        self.get(key).map(|value| as_text(value, key)).transpose()
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<bool> {
        match self.get(key).map(|value| (value.get_ref(), value.span())) {
            None => Ok(false),
            Some((DeValue::Boolean(flag), _)) => Ok(*flag),
            Some((_, span)) => Err(Fault::new(span, format!("`{key}` is true or false"))),
        }
    }

    pub(super) fn parse<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
    ) -> Result<Option<(T, Range<usize>)>> {
        let Some(Text { text, span }) = self.string(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(parsed) => Ok(Some((parsed, span))),
            Err(e) => Err(Fault::new(span, format!("`{text}` is {e}"))),
        }
    }

    /// One of a few names.
    pub(super) fn choice<T: Copy, const N: usize>(
        &self,
        key: &'static str,
        what: &str,
        all: [T; N],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>> {
        let Some(Text { text, span }) = self.string(key)? else {
            return Ok(None);
        };
        match all.into_iter().find(|it| name(*it) == text) {
            Some(found) => Ok(Some(found)),
            None => Err(Fault::new(span, format!("`{text}` is not {what}"))
                .hint(suggest(text, &all.map(name)))),
        }
    }

    /// A string or a list of strings.
    pub(super) fn strings(&self, key: &'static str) -> Result<Option<Vec<Text<'a>>>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        as_texts(value, key).map(Some)
    }

    /// The operations of a rule, sorted; `connect` where it does not say.
    pub(super) fn operations(&self) -> Result<Vec<Operation>> {
        let Some(names) = self.strings("op")? else {
            return Ok(vec![Operation::Connect]);
        };
        let mut operations = Vec::new();
        for Text { text, span } in names {
            operations.push(operation(text).map_err(|e| Fault::at(span, e))?);
        }
        operations.sort_unstable();
        operations.dedup();
        Ok(operations)
    }

    pub(super) fn protocol(&self) -> Result<Option<Protocol>> {
        let Some(Text { text: name, span }) = self.string("proto")? else {
            return Ok(None);
        };
        match Protocol::ALL.into_iter().find(|it| it.name() == name) {
            Some(protocol) => Ok(Some(protocol)),
            None => Err(Fault::new(span, format!("`{name}` is not a protocol"))
                .hint("write \"tcp\" or \"udp\", or leave `proto` out for both")),
        }
    }

    /// A list of targets, sorted; empty where the key is not there.
    pub(super) fn targets(&self, key: &'static str) -> Result<Vec<Target>> {
        let mut targets = Vec::new();
        for Text { text, span } in self.strings(key)?.unwrap_or_default() {
            let target = text.parse::<Target>();
            targets.push(target.map_err(|e| Fault::at(span, e))?);
        }
        targets.sort_unstable();
        targets.dedup();
        Ok(targets)
    }

    /// The ports, if the rule has any.
    pub(super) fn ports(&self) -> Result<Option<Ports>> {
        let Some(value) = self.get("port") else {
            return Ok(None);
        };
        let ranges = match value.get_ref() {
            DeValue::Array(array) if array.is_empty() => {
                return Err(Fault::new(value.span(), "`port` is empty"));
            }
            DeValue::Array(array) => array.iter().map(port).collect::<Result<Vec<_>>>()?,
            _ => vec![port(value)?],
        };
        Ok(Some(Ports::new(ranges)))
    }

    /// An error about the whole table.
    pub(super) fn fault(&self, mistake: Mistake) -> Fault {
        Fault::at(self.span.clone(), mistake)
    }

    /// What must be there is not.
    pub(super) fn missing(&self, key: &str) -> Fault {
        Fault::new(
            self.span.clone(),
            format!("{} has no `{key}`", self.section.name),
        )
    }

    /// Checks that every key is one that the format has.
    pub(super) fn finish(&self) -> Result<()> {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            match self.section.keys.iter().find(|it| it.name == name) {
                Some(_) => {}
                None => {
                    let known: Vec<_> = self.section.keys.iter().map(|it| it.name).collect();
                    let place = self.section.name;
                    return Err(
                        Fault::new(key.span(), format!("{place} has no key `{name}`"))
                            .hint(suggest(name, &known)),
                    );
                }
            }
        }
        Ok(())
    }
}

/// Reads the name of an operation.
pub(crate) fn operation(name: &str) -> std::result::Result<Operation, Mistake> {
    name.parse::<Operation>().map_err(|_| {
        let known = Operation::ALL.map(Operation::name);
        Mistake::new(format!("`{name}` is not an operation")).hint(suggest(name, &known))
    })
}

fn port(value: &Value<'_>) -> Result<core::ops::RangeInclusive<u16>> {
    let text = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => Cow::Borrowed(number.as_str()),
        // `0x50` comes as the digits `50` in base 16.
        DeValue::Integer(number) => {
            let port = u64::from_str_radix(number.as_str(), number.radix());
            Cow::Owned(port.map_or_else(|_| number.as_str().to_owned(), |port| port.to_string()))
        }
        DeValue::String(text) if text == "*" => return Ok(0..=u16::MAX),
        DeValue::String(text) => Cow::Borrowed(text.as_ref()),
        _ => {
            return Err(
                Fault::new(value.span(), "`port` is a number, a range or a list")
                    .hint("write 443, \"1000-2000\" or \"*\""),
            );
        }
    };
    Ports::parse_range(&text).map_err(|e| Fault::at(value.span(), e))
}

pub(super) fn as_text<'a>(value: &'a Value<'a>, key: &str) -> Result<Text<'a>> {
    let span = value.span();
    match value.get_ref() {
        DeValue::String(text) => Ok(Text { text, span }),
        _ => Err(Fault::new(span, format!("`{key}` is a string"))),
    }
}

/// A string or a list of strings.
pub(super) fn as_texts<'a>(value: &'a Value<'a>, key: &str) -> Result<Vec<Text<'a>>> {
    match value.get_ref() {
        DeValue::Array(array) if array.is_empty() => {
            Err(Fault::new(value.span(), format!("`{key}` is empty")))
        }
        DeValue::Array(array) => array.iter().map(|value| as_text(value, key)).collect(),
        _ => Ok(vec![as_text(value, key)?]),
    }
}
