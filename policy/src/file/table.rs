//! Values of the file, each with its place.

use super::keys::Section;
use super::tree::{Data, Entries};
use super::{Fault, Result};
use crate::mistake::suggest;
use crate::rule::{Operations, Targets};
use crate::{Mistake, Operation, Ports, Protocol, Target};
use core::fmt::Display;
use core::ops::Range;
use core::str::FromStr;
use smallvec::smallvec;
use std::borrow::Cow;

/// A string of the file, and where it stands.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

pub(super) use super::tree::Value;

/// A table of the file.
pub(super) struct Table<'a> {
    entries: &'a Entries<'a>,
    pub(super) span: Range<usize>,
    section: &'static Section,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        entries: &'a Entries<'a>,
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
        match &value.data {
            Data::Table(table) => Ok(Table::new(table, value.span(), section)),
            _ => Err(Fault::new(value.span(), format!("`{key}` is a table"))),
        }
    }

    /// Whether a key is there that the format has elsewhere.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.get(key).is_some()
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
        match &value.data {
            Data::Number(number) if number.digits == "1" => Ok(()),
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
        let Data::Table(table) = &value.data else {
            return Err(Fault::new(value.span(), format!("`{key}` is a table")));
        };
        let entries = table.iter().map(|(name, value)| {
            let text = name.name.as_ref();
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
        match self.get(key).map(|value| (value, &value.data)) {
            None => Ok(Vec::new()),
            Some((_, Data::List(array))) => {
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
        match self.get(key).map(|value| (&value.data, value.span())) {
            None => Ok(false),
            Some((Data::Flag(flag), _)) => Ok(*flag),
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
    pub(super) fn strings(&self, key: &'static str) -> Result<Option<Texts<'a>>> {
        let value = self.get(key);
        value.map(|value| as_texts(value, key)).transpose()
    }

    /// The operations of a rule, sorted; `connect` where it does not say.
    pub(super) fn operations(&self) -> Result<Operations> {
        let Some(names) = self.strings("op")? else {
            return Ok(smallvec![Operation::Connect]);
        };
        let mut operations = Operations::with_capacity(names.len());
        for name in names {
            let Text { text, span } = name?;
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
    pub(super) fn targets(&self, key: &'static str) -> Result<Targets> {
        let Some(texts) = self.strings(key)? else {
            return Ok(Targets::new());
        };
        let mut targets = Targets::with_capacity(texts.len());
        for text in texts {
            let Text { text, span } = text?;
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
        let ports = match &value.data {
            Data::List(array) if array.is_empty() => {
                return Err(Fault::new(value.span(), "`port` is empty"));
            }
            Data::List(array) => Ports::new(array.iter().map(port).collect::<Result<Vec<_>>>()?),
            _ => Ports::new([port(value)?]),
        };
        Ok(Some(ports))
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
            let name = key.name.as_ref();
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
    let text = match &value.data {
        Data::Number(number) if number.radix == 10 => Cow::Borrowed(number.digits.as_ref()),
        // `0x50` comes as the digits `50` in base 16.
        Data::Number(number) => {
            let port = u64::from_str_radix(&number.digits, number.radix);
            Cow::Owned(port.map_or_else(|_| number.digits.to_string(), |port| port.to_string()))
        }
        Data::Text(text) if text == "*" => return Ok(0..=u16::MAX),
        Data::Text(text) => Cow::Borrowed(text.as_ref()),
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
    match &value.data {
        Data::Text(text) => Ok(Text { text, span }),
        _ => Err(Fault::new(span, format!("`{key}` is a string"))),
    }
}

/// The strings of a list, one by one.
pub(super) struct Texts<'a> {
    key: &'static str,
    values: core::slice::Iter<'a, Value<'a>>,
}

impl<'a> Iterator for Texts<'a> {
    type Item = Result<Text<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.values.next().map(|value| as_text(value, self.key))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl ExactSizeIterator for Texts<'_> {}

/// A string or a list of strings.
pub(super) fn as_texts<'a>(value: &'a Value<'a>, key: &'static str) -> Result<Texts<'a>> {
    let values = match &value.data {
        Data::List(array) if array.is_empty() => {
            return Err(Fault::new(value.span(), format!("`{key}` is empty")));
        }
        Data::List(array) => array.iter(),
        _ => core::slice::from_ref(value).iter(),
    };
    Ok(Texts { key, values })
}
