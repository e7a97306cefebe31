//! A script that is being read.

use super::symbols::Symbols;
use super::{Source, limits};
use crate::file::{Fault, Result};
use core::cell::OnceCell;
use core::ops::Range;
use sockvirt_netstack::script::{Action, Script, Step};
use std::collections::HashMap;

/// A script that is being read, and what is known of its text.
pub(super) struct Draft<'a> {
    pub(super) script: Script,
    pub(super) source: &'a Source<'a>,
    pub(super) gates: Symbols,
    pub(super) captures: Symbols,
    /// The numbers of expressions.
    pub(super) expressions: HashMap<String, u32>,
    /// Where each step stands.
    pub(super) spans: Vec<Range<usize>>,
    /// How many bytes were read from files.
    pub(super) loaded: usize,
    text: &'a str,
    /// Where each line ends, once somebody asks.
    lines: OnceCell<Vec<usize>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(text: &'a str, source: &'a Source<'a>) -> Self {
        Draft {
            script: Script {
                file: source.name.to_owned(),
                strict: true,
                ..Script::default()
            },
            source,
            gates: Symbols::new("gates"),
            captures: Symbols::new("captures"),
            expressions: HashMap::new(),
            spans: Vec::new(),
            loaded: 0,
            text,
            lines: OnceCell::new(),
        }
    }

    /// The line that a place is on, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> u32 {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n');
            ends.map(|(at, _)| at).collect()
        });
        let before = lines.partition_point(|end| *end < span.start);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// Adds a step.
    pub(super) fn push(&mut self, number: u32, span: &Range<usize>, action: Action) -> Result<()> {
        if self.script.steps.len() >= limits::STEPS {
            let message = format!("the script has more than {} steps", limits::STEPS);
            return Err(Fault::new(span.clone(), message)
                .hint("`{ repeat = N, steps = [..] }` does the same steps again"));
        }
        let line = self.line(span);
        self.script.steps.push(Step {
            number,
            line,
            action,
        });
        self.spans.push(span.clone());
        Ok(())
    }
}
