//! A fast way through plain files, such as long lists of rules, which are most of what TOML has.
//!
//! What is not plain is not decided here: whoever reads a file asks the `toml` crate then, which also
//! says what is wrong with a text. Of the two, that one is right.

use super::tree::{Data, Entries, Key, Number, Value};
use core::ops::Range;
use std::borrow::Cow;

/// How deep values are in each other at most.
const DEPTH: usize = 16;

/// Tables with more entries than these get no more by headers, each of which moves what is behind it.
const WIDTH: usize = 64;

/// What becomes of a table of a list: whether it is taken out of the tree, or `None` to give up.
type Take<'f> = dyn FnMut(&str, &Entries<'_>, Range<usize>) -> Option<bool> + 'f;

/// Reads a file that is plain all through: keys without dots, texts without escapes, decimal
/// numbers. `None` is no error.
///
/// The tables of lists, such as `[[allow]]`, are shown to `take` as they come. What it takes needs no
/// memory in the tree, where the list stays.
pub(super) fn read<'t>(text: &'t str, take: &mut Take<'_>) -> Option<Entries<'t>> {
    let mut cursor = Cursor {
        text,
        at: 0,
        entries: Entries::default(),
        values: Vec::new(),
    };
    cursor.lines()?;
    let mut root = cursor.close_table(0);
    while !cursor.is_at_end() {
        let header = cursor.header()?;
        cursor.lines()?;
        let is_list = header.is_list && header.parents.is_empty();
        if is_list && take(&header.key.name, &cursor.entries, header.span.clone())? {
            list(&mut root, header.key, header.span)?;
            cursor.entries.0.clear();
        } else {
            place(&mut root, header, cursor.close_table(0))?;
        }
    }
    Some(root)
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// What is read of tables and lists that are still open, the innermost last. Each gets as much
    /// memory as it has need of, once that is known.
    entries: Entries<'t>,
    values: Vec<Value<'t>>,
}

/// `[a.b]` or `[[a.b]]`
struct Header<'t> {
    parents: Vec<Key<'t>>,
    key: Key<'t>,
    is_list: bool,
    span: Range<usize>,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn need(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    /// Passes what `passes` holds for, and gives it.
    fn run(&mut self, passes: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| !passes(*byte));
        self.at = start + length.unwrap_or(rest.len());
        // All bytes that end a run are ASCII, so that it is whole characters.
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn spaces(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Passes spaces and a comment up to the end of the line.
    fn end_of_line(&mut self) -> Option<()> {
        self.spaces();
        if self.eat(b'#') {
            self.run(is_printed);
        }
        let is_end = self.is_at_end() || self.eat(b'\n') || self.eat(b'\r') && self.eat(b'\n');
        is_end.then_some(())
    }

    /// Passes whole lines that say nothing, and the spaces in front of one that does.
    fn blank(&mut self) -> Option<()> {
        loop {
            self.spaces();
            match self.peek() {
                Some(b'#' | b'\n' | b'\r') => self.end_of_line()?,
                _ => return Some(()),
            }
        }
    }

    fn header(&mut self) -> Option<Header<'t>> {
        let start = self.at;
        self.need(b'[')?;
        let is_list = self.eat(b'[');
        let mut parents = Vec::new();
        let mut key = self.key()?;
        while self.eat(b'.') {
            parents.push(key);
            key = self.key().filter(|_| parents.len() <= DEPTH)?;
        }
        self.need(b']')?;
        if is_list {
            self.need(b']')?;
        }
        let span = start..self.at;
        self.end_of_line()?;
        Some(Header {
            parents,
            key,
            is_list,
            span,
        })
    }

    /// Reads lines of keys and values up to a header, or the end.
    fn lines(&mut self) -> Option<()> {
        loop {
            self.blank()?;
            if matches!(self.peek(), None | Some(b'[')) {
                return self.sort(0);
            }
            let entry = self.entry(0)?;
            self.entries.0.push(entry);
            self.end_of_line()?;
        }
    }

    /// Sorts what was read since there were so many entries. Keys that are there twice are an error.
    fn sort(&mut self, open: usize) -> Option<()> {
        let entries = self.entries.0.get_mut(open..)?;
        entries.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let are_apart = entries.is_sorted_by(|(a, _), (b, _)| a.name < b.name);
        are_apart.then_some(())
    }

    /// Makes a table of it.
    fn close_table(&mut self, open: usize) -> Entries<'t> {
        Entries(self.entries.0.drain(open..).collect())
    }

    fn entry(&mut self, depth: usize) -> Option<(Key<'t>, Value<'t>)> {
        let key = self.key()?;
        self.spaces();
        self.need(b'=')?;
        self.spaces();
        Some((key, self.value(depth)?))
    }

    fn key(&mut self) -> Option<Key<'t>> {
        let start = self.at;
        let name = match self.peek()? {
            quote @ (b'"' | b'\'') => self.quoted(quote)?,
            _ => self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
        };
        let is_there = self.at > start;
        is_there.then(|| Key::new(Cow::Borrowed(name), start..self.at))
    }

    fn value(&mut self, depth: usize) -> Option<Value<'t>> {
        let start = self.at;
        let data = match self.peek()? {
            quote @ (b'"' | b'\'') => Data::Text(Cow::Borrowed(self.quoted(quote)?)),
            b'[' if depth < DEPTH => Data::List(self.list(depth + 1)?),
            b'{' if depth < DEPTH => Data::Table(self.table(depth + 1)?),
            _ => self.word()?,
        };
        Some(Value::new(data, start..self.at))
    }

    /// What is between quotes. Where the text has escapes, or more lines, it is not plain.
    fn quoted(&mut self, quote: u8) -> Option<&'t str> {
        self.need(quote)?;
        let text = self.run(|byte| is_printed(byte) && byte != quote && byte != b'\\');
        // A third quote, which begins a text of more lines, may follow nothing that is plain.
        self.need(quote)?;
        Some(text)
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Value<'t>>> {
        let open = self.values.len();
        self.need(b'[')?;
        self.members(b']', |cursor| {
            let value = cursor.value(depth)?;
            cursor.values.push(value);
            Some(())
        })?;
        Some(self.values.drain(open..).collect())
    }

    fn table(&mut self, depth: usize) -> Option<Entries<'t>> {
        let open = self.entries.0.len();
        self.need(b'{')?;
        self.members(b'}', |cursor| {
            let entry = cursor.entry(depth)?;
            cursor.entries.0.push(entry);
            Some(())
        })?;
        self.sort(open)?;
        Some(self.close_table(open))
    }

    /// Reads what commas divide.
    fn members(&mut self, close: u8, member: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        loop {
            self.blank()?;
            if self.eat(close) {
                return Some(());
            }
            member(self)?;
            self.blank()?;
            if !self.eat(b',') {
                return self.need(close);
            }
        }
    }

    /// A number or a truth.
    fn word(&mut self) -> Option<Data<'t>> {
        let word = self.run(|byte| {
            !matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | b'#'
            )
        });
        match word {
            "true" => Some(Data::Flag(true)),
            "false" => Some(Data::Flag(false)),
            _ => {
                let is_decimal = word == "0" || !word.is_empty() && !word.starts_with('0');
                let is_plain = is_decimal && word.bytes().all(|byte| byte.is_ascii_digit());
                let digits = Cow::Borrowed(word);
                is_plain.then_some(Data::Number(Number { digits, radix: 10 }))
            }
        }
    }
}

/// What may stand in comments and texts.
fn is_printed(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// Puts a table where its header says.
fn place<'t>(root: &mut Entries<'t>, header: Header<'t>, table: Entries<'t>) -> Option<()> {
    let Header { key, span, .. } = header;
    let mut parents = header.parents.into_iter();
    let parent = parents.try_fold(root, |parent, key| descend(parent, key))?;
    let value = Value::new(Data::Table(table), span.clone());
    match header.is_list {
        true => list(parent, key, span)?.push(value),
        false => {
            let at = parent.find(&key.name).err()?;
            insert(parent, at, key, value)?;
        }
    }
    Some(())
}

/// The table of a key in front of a dot; of a list the last one.
fn descend<'r, 't>(table: &'r mut Entries<'t>, key: Key<'t>) -> Option<&'r mut Entries<'t>> {
    let value = match table.find(&key.name) {
        Ok(at) => by_header(table.0.get_mut(at)?)?,
        Err(at) => {
            let value = Value::new(Data::Table(Entries::default()), key.span());
            insert(table, at, key, value)?
        }
    };
    let last = match &mut value.data {
        Data::List(list) => &mut list.last_mut()?.data,
        data => data,
    };
    match last {
        Data::Table(table) => Some(table),
        _ => None,
    }
}

/// The list of a key that headers make.
fn list<'r, 't>(
    table: &'r mut Entries<'t>,
    key: Key<'t>,
    span: Range<usize>,
) -> Option<&'r mut Vec<Value<'t>>> {
    let value = match table.find(&key.name) {
        Ok(at) => by_header(table.0.get_mut(at)?)?,
        Err(at) => insert(table, at, key, Value::new(Data::List(Vec::new()), span))?,
    };
    match &mut value.data {
        Data::List(list) => Some(list),
        _ => None,
    }
}

/// A value that a header made: it stands around its key, and not behind it.
fn by_header<'r, 't>(entry: &'r mut (Key<'t>, Value<'t>)) -> Option<&'r mut Value<'t>> {
    let (key, value) = entry;
    (value.span().start <= key.span().start).then_some(value)
}

fn insert<'r, 't>(
    table: &'r mut Entries<'t>,
    at: usize,
    key: Key<'t>,
    value: Value<'t>,
) -> Option<&'r mut Value<'t>> {
    if table.0.len() >= WIDTH {
        return None;
    }
    table.0.insert(at, (key, value));
    table.0.get_mut(at).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;
    use proptest::prelude::*;

    /// What `toml` says of a text that is read the fast way; whether it was.
    fn agrees(text: &str) -> bool {
        let plain = read(text, &mut |_, _, _| Some(false));
        if let Some(plain) = &plain {
            assert_eq!(Some(plain), tree::read(text).ok().as_ref(), "{text}");
        }
        plain.is_some()
    }

    /// A document with few names, so that the same ones meet.
    fn document() -> impl Strategy<Value = String> {
        let key = "[ab]|[ab-]{1,2}|\"[a#.é]?\"|'[b]'|1";
        let scalar = "\"[a\\]#é\t']{0,3}\"|'[a\"]{0,2}'|0|[1-9][0-9]{0,20}|true|false";
        let odd = "-1|0x1f|01|1_0|1\\.5|inf|1979-05-27|\"\\\\n\"|\"\"\"a\n\"\"\"|truer|\"";
        let scalar = format!("({scalar}|{scalar}|{scalar}|{scalar}|{odd})");
        let blank = "[ \t]?|( #[a\"é]?)?\r?\n";
        let list =
            format!("\\[({blank})({scalar}({blank}),({blank})){{0,3}}({scalar})?({blank})\\]");
        let inline =
            format!("\\{{ ?(({key}) ?= ?{scalar}, ?){{0,2}}(({key}) = {scalar})?({blank})\\}}");
        let deep = format!("\\[({inline}, ?({blank}))?({list})?\\]");
        let value = format!("({scalar}|{list}|{inline}|{deep})");
        let path = format!("({key})(\\.({key})){{0,2}}");
        let line = format!(
            "({key}) ?= ?{value}[ \t]?(#[a\"]?)?|({key})={value}|({path}) = {value}\
             | ?\\[({path})\\] ?|\\[({path})\\]|\\[\\[({path})\\]\\]( #a)?|\\[\\[({key})\\]\\]|#[a\"é\t]|"
        );
        let text = format!("(({line})(\n|\n|\r\n)){{0,8}}({line})?");
        proptest::string::string_regex(&text).expect("an expression")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_plain_is_as_toml_says(text in document()) {
            agrees(&text);
        }

        #[test]
        fn what_was_plain_is_as_toml_says(
            text in document(), at in any::<prop::sample::Index>(), other in any::<char>(),
        ) {
            let mut characters: Vec<_> = text.chars().collect();
            if !characters.is_empty() {
                let at = at.index(characters.len());
                characters[at] = other;
                agrees(&characters.into_iter().collect::<String>());
            }
        }
    }

    #[test]
    fn policies_are_plain() {
        let text = "schema = 1\r\n# a comment\n[policy]\nlog = \"all\" # another\n\
            [policy.deny-as-for]\nconnect = 'timeout'\n[dns.hosts]\n\"db.test\" = { answer = [\"::1\"] }\n\
            [[allow]]\nto = [\n  \"10.0.0.0/8\", # first\n  \"é.test\",\n]\nport = [443, \"1-2\"]\nwide = true\n\
            [[peer]]\nname = \"a\"\n[[peer.connection]]\nscript = [{ send = { hex = \"00\" } }]\n\
            [[peer.connection]]\n[[peer]]\n";
        assert!(agrees(text));
    }

    #[test]
    fn much_is_not_too_much() {
        let deep = |depth| format!("a = {}{}\n", "[".repeat(depth), "]".repeat(depth));
        let dotted = |depth| format!("[a{}]\n", ".a".repeat(depth));
        for depth in [1, DEPTH - 1, DEPTH, DEPTH + 1, 79, 80, 81, 100] {
            for text in [deep(depth), dotted(depth)] {
                assert_eq!(agrees(&text), depth <= DEPTH, "{text}");
            }
        }
        let wide: String = (0..2 * WIDTH).map(|i| format!("[a{i}]\n")).collect();
        assert!(!agrees(&wide));
    }
}
