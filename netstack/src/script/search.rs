//! Looking for bytes in a stream that comes in pieces.
//!
//! This is the automaton of Knuth, Morris and Pratt: what was seen is never looked at again.

use alloc::vec;
use alloc::vec::Vec;

/// Looks for the first place where some bytes are.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    needle: Vec<u8>,
    /// For each number of bytes that fit: how many fit still where the next one does not.
    fallback: Vec<usize>,
    /// How many of the last bytes are the first ones of the needle.
    fitting: usize,
}

impl Search {
    pub(crate) fn new(needle: Vec<u8>) -> Self {
        let mut fallback = vec![0; needle.len() + 1];
        let mut fitting = 0;
        for i in 1..needle.len() {
            while fitting > 0 && needle.get(i) != needle.get(fitting) {
                fitting = fallback.get(fitting).copied().unwrap_or_default();
            }
            fitting += usize::from(needle.get(i) == needle.get(fitting));
            if let Some(place) = fallback.get_mut(i + 1) {
                *place = fitting;
            }
        }
        Search {
            needle,
            fallback,
            fitting: 0,
        }
    }

    /// The last bytes, as far as they are the first ones of what is looked for.
    pub(crate) fn fitting(&self) -> &[u8] {
        self.needle.get(..self.fitting).unwrap_or_default()
    }

    /// Whether they were found.
    pub(crate) fn is_over(&self) -> bool {
        self.fitting == self.needle.len()
    }

    /// Goes on with the next bytes, and says behind how many of them it is over.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.is_over() {
            return Some(0);
        }
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.fitting == 0 {
                // Most bytes are none that the needle begins with.
                let first = self.needle.first();
                let rest = bytes.get(at..).unwrap_or_default();
                at += rest.iter().position(|it| Some(it) == first)?;
                self.fitting = 1;
            } else if self.needle.get(self.fitting) == Some(byte) {
                self.fitting += 1;
            } else {
                let shorter = self.fallback.get(self.fitting);
                self.fitting = shorter.copied().unwrap_or_default();
                continue;
            }
            at += 1;
            if self.is_over() {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn letters(count: core::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(b'a'..b'c', count)
    }

    proptest! {
        /// Looking at every window is the model.
        #[test]
        fn it_finds_the_first_place(
            needle in letters(0..6),
            pieces in prop::collection::vec(letters(0..9), 0..9),
        ) {
            let all = pieces.concat();
            let first = (0..=all.len()).find(|at| all[*at..].starts_with(&needle));
            let mut search = Search::new(needle.clone());
            let mut before = 0;
            let mut found = search.is_over().then_some(0);
            for piece in &pieces {
                if found.is_none() {
                    found = search.feed(piece).map(|at| before + at);
                }
                before += piece.len();
            }
            prop_assert_eq!(found, first.map(|at| at + needle.len()));
        }
    }
}
