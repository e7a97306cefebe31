//! A script that is being read.

use super::symbols::Symbols;
use super::{Source, limits};
use crate::file::{Fault, Result};
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
    /// Where each line ends.
    lines: Vec<usize>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(text: &str, source: &'a Source<'a>) -> Self {
        let bytes = text.bytes().enumerate();
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
            lines: bytes.filter(|it| it.1 == b'\n').map(|it| it.0).collect(),
        }
    }

    /// The line that a place is on, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> u32 {
        let before = self.lines.partition_point(|end| *end < span.start);
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
