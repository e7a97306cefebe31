//! Expressions, made tables when the file is read.

use super::draft::Draft;
use super::limits;
use crate::Mistake;
use crate::file::table::Text;
use crate::file::{Fault, Result};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};
use sockvirt_netstack::script::Dfa;
use std::collections::HashMap;

/// What may be used on the way, in bytes.
const WORK: usize = 4 << 20;

impl Draft<'_> {
    /// The number of an expression.
    pub(super) fn expression(&mut self, Text { text, span }: &Text<'_>) -> Result<u32> {
        if let Some(number) = self.expressions.get(*text) {
            return Ok(*number);
        }
        if self.script.expressions.len() >= limits::EXPRESSIONS {
            let message = format!("there are more than {} expressions", limits::EXPRESSIONS);
            return Err(Fault::new(span.clone(), message));
        }
        let dfa = compile(text).map_err(|e| Fault::at(span.clone(), e))?;
        let number = self.script.expressions.len() as u32;
        self.script.expressions.push(dfa);
        self.expressions.insert((*text).to_owned(), number);
        Ok(number)
    }
}

/// Makes a table of an expression, which says whether it matches somewhere.
///
/// # Errors
///
/// [`Mistake`] for what is no expression, what is too large, and what matches nothing.
pub(crate) fn compile(expression: &str) -> core::result::Result<Dfa, Mistake> {
    let built = dense::Builder::new()
        .syntax(syntax::Config::new().utf8(false))
        .thompson(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(WORK)),
        )
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .dfa_size_limit(Some(WORK))
                .determinize_size_limit(Some(WORK)),
        )
        .build(expression);
    let automaton = built.map_err(|e| mistake(expression, &e))?;
    let start = automaton
        .start_state(&start::Config::new().anchored(Anchored::No))
        .map_err(|e| Mistake::new(format!("`{expression}`: {e}")))?;
    let dfa = Rows::walk(&automaton, start).ok_or_else(|| too_large(expression))?;
    if !dfa.rows.contains(&Dfa::MATCHED) {
        return Err(Mistake::new(format!("`{expression}` matches nothing"))
            .hint("`^` is where the bytes begin, and `$` where they end"));
    }
    Ok(dfa)
}

fn too_large(expression: &str) -> Mistake {
    let most = limits::TABLE >> 10;
    Mistake::new(format!(
        "the table of `{expression}` has more than {most} KiB"
    ))
    .hint("`(?-u)` in front of it has classes of ASCII alone; counted repetitions cost most")
}

fn mistake(expression: &str, e: &dense::BuildError) -> Mistake {
    if e.is_size_limit_exceeded() {
        return too_large(expression);
    }
    let source = core::error::Error::source(e);
    // The parser says it over several lines, with the place in the expression.
    let said = source.map_or(e.to_string(), |it| it.source().unwrap_or(it).to_string());
    let last = said.lines().last().unwrap_or_default();
    let last = last.trim_start_matches("error: ");
    let wrong = Mistake::new(format!("`{expression}` is not an expression: {last}"));
    match said.contains("word boundar") {
        true => Mistake::new(format!("`{expression}` has a word boundary of Unicode"))
            .hint("write `(?-u:\\b)`, which is that of ASCII"),
        false => wrong,
    }
}

/// The rows of a table, as they are found.
struct Rows {
    numbers: HashMap<StateID, u16>,
    states: Vec<StateID>,
}

impl Rows {
    /// All states that can be reached. `None` if there are too many.
    fn walk(automaton: &dense::DFA<Vec<u32>>, start: StateID) -> Option<Dfa> {
        let classes = automaton.byte_classes();
        let classes: Vec<u8> = (0..=u8::MAX).map(|byte| classes.get(byte)).collect();
        let mut samples = Vec::new();
        for (byte, class) in (0..=u8::MAX).zip(&classes) {
            if usize::from(*class) == samples.len() {
                samples.push(byte);
            }
        }
        let width = samples.len();
        let mut rows = Rows {
            numbers: HashMap::new(),
            states: Vec::new(),
        };
        let start = rows.number(automaton, start)?;
        let mut table = Vec::new();
        let mut at = 0;
        while let Some(state) = rows.states.get(at).copied() {
            if (table.len() + width + 1) * size_of::<u16>() > limits::TABLE {
                return None;
            }
            for byte in &samples {
                table.push(rows.number(automaton, automaton.next_state(state, *byte))?);
            }
            let end = automaton.next_eoi_state(state);
            table.push(match automaton.is_match_state(end) {
                true => Dfa::MATCHED,
                false => Dfa::DEAD,
            });
            at += 1;
        }
        Some(Dfa {
            classes,
            width: width as u16,
            rows: table,
            start,
        })
    }

    fn number(&mut self, automaton: &dense::DFA<Vec<u32>>, state: StateID) -> Option<u16> {
        // A match is told one byte late, so that whatever follows cannot take it back.
        if automaton.is_match_state(state) {
            return Some(Dfa::MATCHED);
        }
        if automaton.is_dead_state(state) || automaton.is_quit_state(state) {
            return Some(Dfa::DEAD);
        }
        if let Some(number) = self.numbers.get(&state) {
            return Some(*number);
        }
        let number = u16::try_from(self.states.len()).ok();
        let number = number.filter(|it| *it < Dfa::MATCHED)?;
        self.numbers.insert(state, number);
        self.states.push(state);
        Some(number)
    }
}
