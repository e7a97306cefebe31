//! Matching bytes with an expression, one by one.

use super::Dfa;

/// How far a match has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match(u16);

impl Dfa {
    /// Before the first byte.
    pub(crate) fn begin(&self) -> Match {
        Match(self.start)
    }

    /// Behind more bytes.
    pub(crate) fn feed(&self, mut from: Match, bytes: &[u8]) -> Match {
        for byte in bytes {
            if from.0 >= Self::MATCHED {
                break;
            }
            let class = self.classes.get(usize::from(*byte)).copied();
            from = self.next(from, class.unwrap_or_default().into());
        }
        from
    }

    /// Whether the bytes match, where no more of them come.
    pub(crate) fn ends(&self, at: Match) -> bool {
        let last = match at.0 >= Self::MATCHED {
            true => at,
            false => self.next(at, self.width.into()),
        };
        last.0 == Self::MATCHED
    }

    fn next(&self, from: Match, column: usize) -> Match {
        let row = usize::from(from.0) * (usize::from(self.width) + 1);
        Match(self.rows.get(row + column).copied().unwrap_or(Self::DEAD))
    }
}
