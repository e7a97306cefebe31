//! Whether the bytes that come are those that a step expects, piece by piece.
//!
//! What must hold of a frame holds of its body: without the number before it, and without its
//! delimiter. An expression may also match with the delimiter.

use super::bytes::{Captures, Cursor};
use super::expression::Match;
use super::search::Search;
use super::{Check, Dfa, Frame, Prefix, Script};
use alloc::vec::Vec;

/// No delimiter, and nothing that bytes contain, is longer.
const LONGEST: usize = 64 << 10;
/// As many of the last bytes are kept for a report.
const KEPT: usize = 256;

/// How far a frame has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More must come.
    More,
    /// It is there.
    Done,
    /// It is not what was expected.
    Wrong(Wrong),
}

/// Why bytes are not what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The byte behind so many is another one.
    Byte(u64),
    /// There are more than may be.
    TooLong,
    /// The number before them says that there are more than may be.
    Prefix(u64),
    /// They do not match.
    NoMatch,
    /// Something is not in them.
    NotContained,
}

/// Where the frame ends.
#[derive(Clone, Debug)]
enum Ends {
    Exactly(Cursor),
    Until(Search),
    /// Behind so many bytes.
    Length(u64),
    /// So many bytes of the number before them have come, and this is what they say.
    Prefix(u8, u64),
    Any,
}

/// A frame of which some bytes may have come.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    ends: Ends,
    matches: Option<Match>,
    contains: Option<Search>,
    /// How many bytes have come.
    seen: u64,
    /// The last bytes, or all of the body if they are captured.
    kept: Vec<u8>,
    keeps_all: bool,
}

/// What a step refers to.
#[derive(Clone, Copy)]
pub(crate) struct Book<'a> {
    pub(crate) script: &'a Script,
    pub(crate) captures: &'a Captures,
}

/// What a matcher was made for.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) check: &'a Check,
    pub(crate) keeps_all: bool,
    pub(crate) book: Book<'a>,
}

impl Expected<'_> {
    fn expression(&self) -> Option<&Dfa> {
        let expressions = &self.book.script.expressions;
        expressions.get(self.check.matches? as usize)
    }
}

impl Matcher {
    pub(crate) fn new(expected: Expected<'_>) -> Self {
        let captures = expected.book.captures;
        let contains = expected.check.contains.as_ref();
        Matcher {
            ends: match expected.frame {
                Frame::Exactly(_) => Ends::Exactly(Cursor::default()),
                Frame::Until(until) => {
                    Ends::Until(Search::new(until.delimiter.all(captures, LONGEST)))
                }
                Frame::Length(count) => Ends::Length(*count),
                Frame::Prefix(_) => Ends::Prefix(0, 0),
                Frame::Any => Ends::Any,
            },
            matches: expected.expression().map(Dfa::begin),
            contains: contains.map(|it| Search::new(it.all(captures, LONGEST))),
            seen: 0,
            kept: Vec::new(),
            keeps_all: expected.keeps_all,
        }
    }

    /// How many bytes have come.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The last bytes that have come, or the body if it is captured.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// What was captured.
    pub(crate) fn into_kept(self) -> Vec<u8> {
        self.kept
    }

    /// Whether the frame is there before anything has come.
    pub(crate) fn begin(&mut self, expected: Expected<'_>) -> Progress {
        match self.ends {
            Ends::Any => Progress::More,
            _ => self.feed(expected, &[]).1,
        }
    }

    /// Goes on with the next bytes. How many of them belong to the frame, and how far it has come.
    pub(crate) fn feed(&mut self, expected: Expected<'_>, bytes: &[u8]) -> (usize, Progress) {
        let (head, progress) = match (&self.ends, expected.frame) {
            (Ends::Prefix(..), Frame::Prefix(prefix)) => self.count(*prefix, bytes),
            _ => (0, Progress::Done),
        };
        if progress != Progress::Done {
            return (head, progress);
        }
        let rest = bytes.get(head..).unwrap_or_default();
        let (body, progress) = self.body(expected, rest);
        let progress = match progress {
            Progress::Done => self.check(expected),
            progress => progress,
        };
        (head + body, progress)
    }

    /// Whether the frame is there with the end of a datagram, which may have no bytes at all.
    pub(crate) fn end(&self, expected: Expected<'_>) -> Progress {
        match self.ends {
            Ends::Any => self.check(expected),
            _ => Progress::More,
        }
    }

    /// Reads the number before the body.
    fn count(&mut self, prefix: Prefix, bytes: &[u8]) -> (usize, Progress) {
        let Ends::Prefix(mut read, mut value) = self.ends else {
            return (0, Progress::Done);
        };
        let mut used = 0;
        while read < prefix.size {
            let Some(byte) = bytes.get(used) else {
                self.ends = Ends::Prefix(read, value);
                return (used, Progress::More);
            };
            value = match prefix.little {
                true => value | u64::from(*byte) << (8 * u32::from(read)).min(56),
                false => value << 8 | u64::from(*byte),
            };
            (read, used) = (read + 1, used + 1);
        }
        self.seen += u64::from(prefix.size);
        self.ends = Ends::Length(value);
        match value > prefix.max {
            true => (used, Progress::Wrong(Wrong::Prefix(value))),
            false => (used, Progress::Done),
        }
    }

    /// Reads the body, and what is behind it.
    fn body(&mut self, expected: Expected<'_>, bytes: &[u8]) -> (usize, Progress) {
        match (&mut self.ends, expected.frame) {
            (Ends::Exactly(at), Frame::Exactly(those)) => {
                let (used, progress) = compare(those, expected.book.captures, at, bytes, self.seen);
                self.note(expected, bytes.get(..used).unwrap_or_default());
                (used, progress)
            }
            (Ends::Until(_), Frame::Until(until)) => self.until(expected, until.max, bytes),
            (Ends::Length(left), _) => {
                let used = usize::try_from(*left).map_or(bytes.len(), |it| it.min(bytes.len()));
                *left -= used as u64;
                let is_done = *left == 0;
                self.note(expected, bytes.get(..used).unwrap_or_default());
                match is_done {
                    true => (used, Progress::Done),
                    false => (used, Progress::More),
                }
            }
            (Ends::Any, _) if !bytes.is_empty() => {
                self.note(expected, bytes);
                (bytes.len(), Progress::Done)
            }
            _ => (0, Progress::More),
        }
    }

    /// Reads up to a delimiter. What may be the beginning of it is no part of the body yet.
    fn until(&mut self, expected: Expected<'_>, max: u64, bytes: &[u8]) -> (usize, Progress) {
        let Ends::Until(search) = &mut self.ends else {
            return (0, Progress::More);
        };
        let left = usize::try_from(max.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        let some = bytes.get(..bytes.len().min(left)).unwrap_or_default();
        let held = search.fitting().to_vec();
        let found = search.feed(some);
        let used = found.unwrap_or(some.len());
        let some = some.get(..used).unwrap_or_default();
        // What of the bytes from before, and of these, is no beginning of the delimiter.
        let body = held.len() + used - search.fitting().len();
        let of_held = held.get(..body.min(held.len())).unwrap_or_default();
        let of_these = some.get(..body.saturating_sub(held.len()));
        self.note(expected, of_held);
        self.note(expected, of_these.unwrap_or_default());
        self.seen = self.seen + used as u64 - body as u64;
        match found {
            Some(_) => (used, Progress::Done),
            None if used == left => (used, Progress::Wrong(Wrong::TooLong)),
            None => (used, Progress::More),
        }
    }

    /// Takes note of bytes of the body.
    fn note(&mut self, expected: Expected<'_>, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        if let (Some(at), Some(expression)) = (&mut self.matches, expected.expression()) {
            *at = expression.feed(*at, bytes);
        }
        if let Some(contains) = &mut self.contains {
            contains.feed(bytes);
        }
        let begin = match self.keeps_all {
            true => 0,
            false => bytes.len().saturating_sub(KEPT),
        };
        let last = bytes.get(begin..).unwrap_or_default();
        self.kept.extend_from_slice(last);
        if !self.keeps_all && self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    /// Whether what must hold of the frame does.
    fn check(&self, expected: Expected<'_>) -> Progress {
        if let (Some(at), Some(expression)) = (self.matches, expected.expression()) {
            let delimiter = match &self.ends {
                Ends::Until(search) => search.fitting(),
                _ => &[],
            };
            if !expression.ends(at) && !expression.ends(expression.feed(at, delimiter)) {
                return Progress::Wrong(Wrong::NoMatch);
            }
        }
        match &self.contains {
            Some(contains) if !contains.is_over() => Progress::Wrong(Wrong::NotContained),
            _ => Progress::Done,
        }
    }
}

/// Compares bytes with those that are expected from a place on.
fn compare(
    expected: &super::Bytes,
    captures: &Captures,
    at: &mut Cursor,
    bytes: &[u8],
    seen: u64,
) -> (usize, Progress) {
    let mut block = [0; 256];
    let mut used = 0;
    while used < bytes.len() {
        let rest = bytes.get(used..).unwrap_or_default();
        let most = block.len().min(rest.len());
        let mut after = *at;
        let room = block.get_mut(..most).unwrap_or_default();
        let count = expected.read(captures, &mut after, room);
        if count == 0 {
            break;
        }
        let pairs = block.iter().zip(rest).take(count);
        let equal = pairs.take_while(|(a, b)| a == b).count();
        used += equal;
        if equal < count {
            return (used, Progress::Wrong(Wrong::Byte(seen + used as u64)));
        }
        *at = after;
    }
    match expected.left(captures, *at) {
        0 => (used, Progress::Done),
        _ => (used, Progress::More),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Bytes, Until};
    use alloc::vec;
    use proptest::prelude::*;

    /// Feeds pieces until the frame ends: how many bytes it has, and how it ended.
    fn run(frame: &Frame, check: &Check, pieces: &[Vec<u8>]) -> (usize, Progress, Vec<u8>) {
        let script = Script::default();
        let captures = Captures::new();
        let book = Book {
            script: &script,
            captures: &captures,
        };
        let expected = Expected {
            frame,
            check,
            keeps_all: true,
            book,
        };
        let mut matcher = Matcher::new(expected);
        let mut used = 0;
        let mut progress = matcher.begin(expected);
        for piece in pieces {
            if progress != Progress::More {
                break;
            }
            let (count, next) = matcher.feed(expected, piece);
            used += count;
            progress = next;
        }
        assert_eq!(matcher.seen(), used as u64);
        (used, progress, matcher.into_kept())
    }

    fn letters(count: core::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(b'a'..b'd', count)
    }

    fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(letters(0..6), 0..8)
    }

    proptest! {
        #[test]
        fn exactly_is_a_comparison(expected in letters(0..12), pieces in pieces()) {
            let all = pieces.concat();
            let frame = Frame::Exactly(Bytes::literal(expected.clone()));
            let (used, progress, _) = run(&frame, &Check::default(), &pieces);
            let equal = all.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(used, equal);
            let model = match equal {
                _ if equal == expected.len() => Progress::Done,
                _ if equal < all.len() => Progress::Wrong(Wrong::Byte(equal as u64)),
                _ => Progress::More,
            };
            prop_assert_eq!(progress, model);
        }

        #[test]
        fn until_is_a_search(
            delimiter in letters(1..4),
            contained in letters(1..3),
            max in 1_u64..20,
            pieces in pieces(),
        ) {
            let all = pieces.concat();
            let until = Until { delimiter: Bytes::literal(delimiter.clone()), max };
            let check = Check { matches: None, contains: Some(Bytes::literal(contained.clone())) };
            let (used, progress, body) = run(&Frame::Until(until), &check, &pieces);
            let end = (0..=all.len()).find(|end| all[..*end].ends_with(&delimiter));
            match end.filter(|end| *end as u64 <= max) {
                Some(end) => {
                    let before = &all[..end - delimiter.len()];
                    prop_assert_eq!(used, end);
                    prop_assert_eq!(&body, before);
                    let contains = before.windows(contained.len()).any(|it| it == contained);
                    let model = match contains {
                        true => Progress::Done,
                        false => Progress::Wrong(Wrong::NotContained),
                    };
                    prop_assert_eq!(progress, model);
                }
                None if all.len() as u64 >= max => {
                    prop_assert_eq!(progress, Progress::Wrong(Wrong::TooLong));
                }
                None => prop_assert_eq!(progress, Progress::More),
            }
        }

        #[test]
        fn a_number_counts_the_bytes_behind_it(
            count in 0_u16..30,
            little in any::<bool>(),
            max in 0_u64..40,
            sizes in prop::collection::vec(1_usize..7, 1..20),
        ) {
            let number = if little { count.to_le_bytes() } else { count.to_be_bytes() };
            let body = vec![7; count.into()];
            let all = [number.to_vec(), body.clone(), vec![9; 3]].concat();
            let mut rest = all.as_slice();
            let mut pieces = Vec::new();
            for size in sizes {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces.push(rest.to_vec());
            let frame = Frame::Prefix(Prefix { size: 2, little, max });
            let (used, progress, kept) = run(&frame, &Check::default(), &pieces);
            if u64::from(count) > max {
                prop_assert_eq!(progress, Progress::Wrong(Wrong::Prefix(count.into())));
                prop_assert_eq!(used, 2);
            } else {
                prop_assert_eq!((used, progress, kept), (2 + body.len(), Progress::Done, body));
            }
        }
    }
}
