//! What is wrong with a text, and what to write instead.

use std::fmt;

/// A text that cannot be used: a pattern, a port, a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    message: String,
    hint: Option<String>,
}

impl Mistake {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Mistake {
            message: message.to_string(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// What is wrong: one sentence, lower case, no full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead, where that is known.
    pub fn suggestion(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Mistake {
    /// The message; [`suggestion`](Mistake::suggestion) has the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

/// What `name` was probably meant to be, and all that it could be.
pub(crate) fn suggest(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min();
    match nearest {
        Some((distance, candidate)) if distance * 2 <= candidate.len() => {
            format!("did you mean `{candidate}`?")
        }
        _ => format!("known are `{}`", known.join("`, `")),
    }
}
