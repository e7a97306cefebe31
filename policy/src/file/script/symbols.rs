//! Names that steps give to each other: gates, captures.

use super::limits;
use super::values;
use crate::file::table::Text;
use crate::file::{Fault, Result};
use core::ops::Range;
use std::collections::HashMap;

/// Names, numbered as they come.
pub(super) struct Symbols {
    what: &'static str,
    numbers: HashMap<String, u32>,
    pub(super) names: Vec<String>,
    /// Those that some step makes.
    made: Vec<bool>,
    /// Where a step first needs one.
    needed: Vec<Option<Range<usize>>>,
}

impl Symbols {
    pub(super) fn new(what: &'static str) -> Self {
        Symbols {
            what,
            numbers: HashMap::new(),
            names: Vec::new(),
            made: Vec::new(),
            needed: Vec::new(),
        }
    }

    /// The number of one that a step makes.
    pub(super) fn make(&mut self, name: Text<'_>) -> Result<u32> {
        let number = self.number(name)?;
        if let Some(made) = self.made.get_mut(number as usize) {
            *made = true;
        }
        Ok(number)
    }

    /// The number of one that a step needs.
    pub(super) fn need(&mut self, name: Text<'_>) -> Result<u32> {
        let span = name.span.clone();
        let number = self.number(name)?;
        if let Some(needed) = self.needed.get_mut(number as usize) {
            needed.get_or_insert(span);
        }
        Ok(number)
    }

    fn number(&mut self, name: Text<'_>) -> Result<u32> {
        let (name, span) = values::name(name)?;
        if let Some(number) = self.numbers.get(&name) {
            return Ok(*number);
        }
        if self.names.len() >= limits::SYMBOLS {
            let message = format!("there are more than {} {}", limits::SYMBOLS, self.what);
            return Err(Fault::new(span, message));
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.clone(), number);
        self.names.push(name);
        self.made.push(false);
        self.needed.push(None);
        Ok(number)
    }

    /// One that a step needs and none makes, and all that are made.
    pub(super) fn missing(&self) -> Option<(&str, Range<usize>, Vec<&str>)> {
        let all = || self.names.iter().zip(&self.made);
        let (span, name) = all().enumerate().find_map(|(at, (name, made))| {
            let needed = self.needed.get(at)?.clone()?;
            (!made).then_some((needed, name))
        })?;
        let made = all().filter(|(_, made)| **made);
        Some((name, span, made.map(|(name, _)| name.as_str()).collect()))
    }
}
