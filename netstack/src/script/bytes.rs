//! Bytes of a script, read from their parts piece by piece.

use super::{Bytes, Part};
use alloc::vec::Vec;

/// What was captured, by number. Nothing was where there is none.
pub(crate) type Captures = Vec<Option<Vec<u8>>>;

/// Where somebody is who reads bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    part: usize,
    /// How much of the part was read.
    offset: u64,
}

impl Part {
    fn len(&self, captures: &Captures) -> u64 {
        match self {
            Part::Literal(bytes) => bytes.len() as u64,
            Part::Fill(fill) if fill.pattern.is_empty() => 0,
            Part::Fill(fill) => fill.len,
            Part::Capture(number) => captured(captures, *number).len() as u64,
        }
    }

    /// Copies what begins at an offset, at most as much as there is.
    fn copy(&self, captures: &Captures, offset: u64, into: &mut [u8]) {
        let from = |bytes: &[u8], into: &mut [u8]| {
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            for (to, byte) in into.iter_mut().zip(rest) {
                *to = *byte;
            }
        };
        match self {
            Part::Literal(bytes) => from(bytes, into),
            Part::Capture(number) => from(captured(captures, *number), into),
            Part::Fill(fill) => match fill.pattern.as_slice() {
                [byte] => into.fill(*byte),
                pattern => {
                    let begin = offset % (pattern.len().max(1) as u64);
                    let cycle = pattern.iter().cycle().skip(begin as usize);
                    for (to, byte) in into.iter_mut().zip(cycle) {
                        *to = *byte;
                    }
                }
            },
        }
    }
}

fn captured(captures: &Captures, number: u32) -> &[u8] {
    let captured = captures.get(number as usize);
    captured.and_then(Option::as_deref).unwrap_or_default()
}

impl Bytes {
    /// How many are left behind a cursor.
    pub(crate) fn left(&self, captures: &Captures, at: Cursor) -> u64 {
        let parts = self.parts.iter().skip(at.part);
        let all = parts.map(|part| part.len(captures));
        all.fold(0, u64::saturating_add).saturating_sub(at.offset)
    }

    /// Reads the next ones, as many as there is room for or are left, and says how many.
    pub(crate) fn read(&self, captures: &Captures, at: &mut Cursor, into: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(part) = self.parts.get(at.part)
            && let Some(rest) = into.get_mut(done..).filter(|it| !it.is_empty())
        {
            let left = part.len(captures).saturating_sub(at.offset);
            if left == 0 {
                at.part += 1;
                at.offset = 0;
                continue;
            }
            let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            part.copy(
                captures,
                at.offset,
                rest.get_mut(..count).unwrap_or_default(),
            );
            at.offset += count as u64;
            done += count;
        }
        done
    }

    /// The next ones, no more than a number of them.
    pub(crate) fn peek(&self, captures: &Captures, mut at: Cursor, most: usize) -> Vec<u8> {
        let count = self.left(captures, at).min(most as u64) as usize;
        let mut bytes = alloc::vec![0; count];
        self.read(captures, &mut at, &mut bytes);
        bytes
    }

    /// All of them, no more than a number.
    pub(crate) fn all(&self, captures: &Captures, most: usize) -> Vec<u8> {
        self.peek(captures, Cursor::default(), most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Fill;
    use proptest::prelude::*;

    proptest! {
        /// All at once is the model.
        #[test]
        fn pieces_are_the_whole(
            literal in prop::collection::vec(any::<u8>(), 0..9),
            pattern in prop::collection::vec(any::<u8>(), 0..4),
            len in 0_u64..30,
            captured in prop::collection::vec(any::<u8>(), 0..9),
            sizes in prop::collection::vec(0_usize..12, 0..20),
        ) {
            let captures = alloc::vec![Some(captured.clone()), None];
            let fill = Fill { pattern: pattern.clone(), len };
            let parts = alloc::vec![Part::Literal(literal.clone()), Part::Capture(1), Part::Fill(fill), Part::Capture(0)];
            let bytes = Bytes { parts };
            let filled: Vec<u8> = pattern.iter().copied().cycle().take(len as usize).collect();
            let whole = [literal, filled, captured].concat();
            prop_assert_eq!(bytes.left(&captures, Cursor::default()), whole.len() as u64);
            prop_assert_eq!(&bytes.all(&captures, 1000), &whole);
            let mut at = Cursor::default();
            let mut read = 0;
            for size in sizes {
                let mut piece = alloc::vec![0; size];
                let count = bytes.read(&captures, &mut at, &mut piece);
                prop_assert_eq!(&piece[..count], &whole[read..read + count]);
                prop_assert_eq!(count, size.min(whole.len() - read));
                read += count;
                prop_assert_eq!(bytes.left(&captures, at), (whole.len() - read) as u64);
            }
        }
    }
}
