//! Values that only scripts have: words, numbers within limits, times, how often.

use super::limits;
use super::words::{Words, all};
use crate::file::table::{Table, Text, Value, as_text};
use crate::file::tree::Data;
use crate::file::{Fault, Result};
use crate::mistake::suggest;
use core::ops::Range;
use core::ops::RangeInclusive;
use sockvirt_netstack::script::{Count, Nanoseconds};

impl<'a> Table<'a> {
    /// What one of a few words stands for.
    pub(super) fn word<T: Copy, const N: usize>(
        &self,
        key: &'static str,
        words: &Words<T, N>,
    ) -> Result<Option<T>> {
        let Some(Text { text, span }) = self.string(key)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, found)) => Ok(Some(*found)),
            None => Err(Fault::new(span, format!("`{key}` cannot be `{text}`"))
                .hint(suggest(text, &all(words)))),
        }
    }

    /// A number within limits.
    pub(super) fn number(
        &self,
        key: &'static str,
        within: RangeInclusive<u64>,
    ) -> Result<Option<u64>> {
        let value = self.get(key);
        value.map(|value| number(value, key, within)).transpose()
    }

    /// A key that is there or not.
    pub(super) fn truth(&self, key: &'static str) -> Result<()> {
        match self.get(key).map(|value| (&value.data, value.span())) {
            None | Some((Data::Flag(true), _)) => Ok(()),
            Some((_, span)) => {
                Err(Fault::new(span, format!("`{key}` is true")).hint("or leave it out"))
            }
        }
    }

    /// How many; `true` is the usual number.
    pub(super) fn amount(&self, key: &'static str, usual: u32) -> Result<Option<u32>> {
        match self.get(key).map(|value| (value, &value.data)) {
            None => Ok(None),
            Some((_, Data::Flag(true))) => Ok(Some(usual)),
            Some((value, _)) => {
                let least = u64::from(usual);
                let number = number(value, key, least..=limits::REPEAT)?;
                Ok(u32::try_from(number).ok())
            }
        }
    }

    /// A time.
    pub(super) fn time(&self, key: &'static str) -> Result<Option<Nanoseconds>> {
        self.get(key).map(|value| time(value, key)).transpose()
    }

    /// How often.
    pub(super) fn count(&self, key: &'static str) -> Result<Option<Count>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let wrong = |message: &str| {
            Fault::new(value.span(), format!("`{key}` {message}"))
                .hint("write 2, \"2\", \"1+\" for once or more, or \"1-3\"")
        };
        let most = u64::from(u32::MAX);
        let text = match &value.data {
            Data::Number(_) => number(value, key, 0..=most)?.to_string(),
            Data::Text(text) => text.to_string(),
            _ => return Err(wrong("says how often")),
        };
        match count(&text) {
            None => Err(wrong("says how often")),
            Some(Count { most: Some(0), .. }) => Err(wrong("is never")),
            Some(Count { least, most }) if most.is_some_and(|most| most < least) => {
                Err(wrong("ends before it begins"))
            }
            found => Ok(found),
        }
    }
}

fn count(text: &str) -> Option<Count> {
    if let Some(least) = text.strip_suffix('+') {
        let least = digits(least)?;
        return Some(Count { least, most: None });
    }
    let (least, most) = match text.split_once('-') {
        Some((least, most)) => (digits(least)?, digits(most)?),
        None => (digits(text)?, digits(text)?),
    };
    let most = Some(most);
    Some(Count { least, most })
}

fn digits<T: core::str::FromStr>(text: &str) -> Option<T> {
    let only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only)
}

/// Reads a number within limits.
pub(super) fn number(value: &Value<'_>, key: &str, within: RangeInclusive<u64>) -> Result<u64> {
    let (least, most) = (within.start(), within.end());
    let wrong = || {
        let message = format!("`{key}` is a number from {least} to {most}");
        Fault::new(value.span(), message)
    };
    let Data::Number(number) = &value.data else {
        return Err(wrong());
    };
    let number = u64::from_str_radix(&number.digits, number.radix).ok();
    number.filter(|it| within.contains(it)).ok_or_else(wrong)
}

/// The units of times, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

fn time(value: &Value<'_>, key: &str) -> Result<Nanoseconds> {
    let wrong = |message: String| {
        Fault::new(value.span(), message)
            .hint("write a number and its unit, such as \"250us\", \"5ms\", \"1.5s\" or \"1m\"")
    };
    let text = match &value.data {
        Data::Number(number) => {
            return Err(wrong(format!("`{key}` has no unit"))
                .hint(format!("write \"{}ms\" for milliseconds", number.digits)));
        }
        _ => {
            as_text(value, key)
                .map_err(|_| wrong(format!("`{key}` is a time")))?
                .text
        }
    };
    if text == "0" {
        return Ok(0);
    }
    match nanoseconds(text) {
        None => Err(wrong(format!("`{text}` is not a time"))),
        Some(long) if long > limits::TIME => {
            let message = format!("`{text}` is longer than 366 days");
            Err(Fault::new(value.span(), message).hint("write `hang = true` for what never ends"))
        }
        found => Ok(found.unwrap_or_default()),
    }
}

fn nanoseconds(text: &str) -> Option<Nanoseconds> {
    let unit = text.find(|it: char| !it.is_ascii_digit() && it != '.')?;
    let (number, unit) = text.split_at_checked(unit)?;
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let Some((whole, part)) = number.split_once('.') else {
        return digits::<u64>(number)?.checked_mul(*unit);
    };
    let places = u32::try_from(part.len()).ok()?;
    let parts = digits::<u64>(part)?.checked_mul(*unit)?;
    let scale = 10_u64.checked_pow(places)?;
    // What is less than a nanosecond does not exist.
    let parts = (parts % scale == 0).then_some(parts / scale)?;
    digits::<u64>(whole)?.checked_mul(*unit)?.checked_add(parts)
}

/// A name that reports have.
pub(super) fn name(Text { text, span }: Text<'_>) -> Result<(String, Range<usize>)> {
    match crate::flag::label(text, "a name") {
        Ok(name) => Ok((name, span)),
        Err(e) => Err(Fault::at(span, e)),
    }
}
