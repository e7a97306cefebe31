//! Bytes in all their spellings.

use super::draft::Draft;
use super::{keys, limits};
use crate::file::table::{Table, Text, Value};
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::ops::Range;
use sockvirt_netstack::script::{Bytes, Fill, Part};

impl Draft<'_> {
    /// The bytes of a key.
    pub(super) fn bytes(&mut self, table: &Table<'_>, key: &'static str) -> Result<Option<Bytes>> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        let mut bytes = Bytes::default();
        match &value.data {
            Data::List(parts) => {
                for part in parts {
                    join(&mut bytes, self.part(part, key)?);
                }
            }
            _ => join(&mut bytes, self.part(value, key)?),
        }
        Ok(Some(bytes))
    }

    /// The same, which are not none.
    pub(super) fn some_bytes(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
    ) -> Result<Option<Bytes>> {
        let bytes = self.bytes(table, key)?;
        match (&bytes, table.get(key)) {
            (Some(bytes), Some(value)) if length(bytes) == Some(0) => {
                Err(Fault::new(value.span(), format!("`{key}` is empty"))
                    .hint("it has one byte or more"))
            }
            _ => Ok(bytes),
        }
    }

    fn part(&mut self, value: &Value<'_>, key: &str) -> Result<Part> {
        let table = match &value.data {
            Data::Text(text) => return Ok(Part::Literal(text.as_bytes().to_vec())),
            Data::Table(_) => Table::of(value, key, &keys::BYTES)?,
            _ => {
                let message = format!("`{key}` is bytes: a text, a table or a list of both");
                return Err(Fault::new(value.span(), message)
                    .hint("write \"text\", { hex = \"00 ff\" }, or a list of them"));
            }
        };
        table.finish()?;
        let spellings = ["hex", "b64", "file", "fill", "ref"];
        let mut said = spellings.into_iter().filter(|key| table.has(key));
        let (Some(spelling), None) = (said.next(), said.next()) else {
            let message = "bytes are one of `hex`, `b64`, `file`, `fill` and `ref`";
            return Err(Fault::new(value.span(), message).hint("write a list to join several"));
        };
        if table.has("len") != (spelling == "fill") {
            return Err(Fault::new(value.span(), "`fill` and `len` go together")
                .hint("write { fill = \"00\", len = 1024 }"));
        }
        let Some(text) = table.string(spelling)? else {
            return Ok(Part::Literal(Vec::new()));
        };
        match spelling {
            "hex" => hex(&text).map(Part::Literal),
            "b64" => base64(&text).map(Part::Literal),
            "file" => self.file(&text).map(Part::Literal),
            "fill" => fill(&table, &text).map(Part::Fill),
            _ => self.captures.need(text).map(Part::Capture),
        }
    }

    fn file(&mut self, path: &Text<'_>) -> Result<Vec<u8>> {
        let wrong = |message: String| Fault::new(path.span.clone(), message);
        let bytes = (self.source.files)(path.text)
            .map_err(|e| wrong(format!("cannot read `{}`: {e}", path.text)))?;
        self.loaded = self.loaded.saturating_add(bytes.len());
        if self.loaded > limits::FILES {
            let most = limits::FILES >> 20;
            return Err(
                wrong(format!("the files have more than {most} MiB together"))
                    .hint("`fill` makes many bytes of few"),
            );
        }
        Ok(bytes)
    }
}

/// Puts a part behind the others.
fn join(bytes: &mut Bytes, part: Part) {
    match (bytes.parts.last_mut(), part) {
        (_, Part::Literal(more)) if more.is_empty() => {}
        (_, Part::Fill(fill)) if fill.len == 0 => {}
        (Some(Part::Literal(all)), Part::Literal(more)) => all.extend(more),
        (_, part) => bytes.parts.push(part),
    }
}

/// How many they are, if that is known before the script is run.
pub(super) fn length(bytes: &Bytes) -> Option<u64> {
    let mut parts = bytes.parts.iter();
    parts.try_fold(0_u64, |sum, part| {
        let more = match part {
            Part::Literal(bytes) => bytes.len() as u64,
            Part::Fill(fill) => fill.len,
            Part::Capture(_) => return None,
        };
        Some(sum.saturating_add(more))
    })
}

fn hex(text: &Text<'_>) -> Result<Vec<u8>> {
    let wrong = |message: String, span: Range<usize>| {
        Fault::new(span, message).hint("each byte has two digits, as in \"00 ff\"")
    };
    let mut bytes = Vec::new();
    let mut half = None;
    for character in text.text.chars().filter(|it| !it.is_whitespace()) {
        let Some(digit) = character.to_digit(16) else {
            let message = format!("`{character}` is not a digit of base 16");
            return Err(wrong(message, text.span.clone()));
        };
        half = match half {
            None => Some(digit),
            Some(first) => {
                bytes.push((first << 4 | digit) as u8);
                None
            }
        };
    }
    match half {
        None => Ok(bytes),
        Some(_) => Err(wrong(
            "half a byte is missing".to_owned(),
            text.span.clone(),
        )),
    }
}

fn base64(text: &Text<'_>) -> Result<Vec<u8>> {
    let only: String = text.text.split_whitespace().collect();
    let bytes = STANDARD.decode(only);
    bytes.map_err(|e| {
        let message = format!("this is not base 64: {e}");
        Fault::new(text.span.clone(), message.to_lowercase())
            .hint("the digits are A-Z, a-z, 0-9, `+` and `/`, with `=` at the end")
    })
}

fn fill(table: &Table<'_>, text: &Text<'_>) -> Result<Fill> {
    let pattern = hex(text)?;
    if !(1..=limits::PATTERN).contains(&pattern.len()) {
        let message = format!("`fill` has 1 to {} bytes", limits::PATTERN);
        return Err(Fault::new(text.span.clone(), message).hint("`len` says how many it makes"));
    }
    let len = table.number("len", 0..=limits::FILL)?.unwrap_or_default();
    Ok(Fill { pattern, len })
}
