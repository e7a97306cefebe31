//! Reading a policy file: TOML in, a [`Policy`] or an error with a place out.

pub(crate) mod keys;
mod plain;
mod rules;
pub(crate) mod script;
mod sections;
pub(crate) mod table;
mod tree;

use crate::{InvalidPolicy, Mistake, Policy};
use core::fmt::{self, Display};
use core::ops::Range;
use rules::Ids;
use script::Source;
use table::Table;
use tree::Entries;

/// The longest file, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;

/// A policy file that cannot be used, with the place to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    message: String,
    hint: Option<String>,
    span: Range<usize>,
    line: usize,
    column: usize,
}

impl FileError {
    /// What is wrong: one sentence, lower case, no full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The bytes of the text that it is about.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The line it is on, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column it starts at, in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for FileError {}

/// An error before the text is at hand to turn its span into a line and a column.
struct Fault {
    mistake: Mistake,
    span: Range<usize>,
    /// Another place that it is about, which is told as a line.
    other: Option<Range<usize>>,
}

impl Fault {
    fn new(span: Range<usize>, message: impl Display) -> Self {
        Fault::at(span, Mistake::new(message))
    }

    fn at(span: Range<usize>, mistake: Mistake) -> Self {
        Fault {
            mistake,
            span,
            other: None,
        }
    }

    fn hint(mut self, hint: impl Display) -> Self {
        self.mistake = self.mistake.hint(hint);
        self
    }

    fn beside(mut self, other: Range<usize>) -> Self {
        self.other = Some(other);
        self
    }

    fn locate(self, text: &str) -> FileError {
        let line = |at: usize| {
            let before = text.get(..at).unwrap_or(text);
            before.matches('\n').count() + 1
        };
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let other = self
            .other
            .map(|other| format!("the other one is on line {}", line(other.start)));
        FileError {
            line: line(self.span.start),
            column: before[line_start..].chars().count() + 1,
            message: self.mistake.message().to_owned(),
            hint: other.or(self.mistake.suggestion().map(str::to_owned)),
            span: self.span,
        }
    }
}

type Result<T> = core::result::Result<T, Fault>;

impl Policy {
    /// Reads a policy file.
    ///
    /// Beyond what the contract names, the format has, by our choice:
    ///
    /// - `wide = true` in `[[allow]]` and `[[redirect]]`, without which a pattern must not have
    ///   every name below a public suffix;
    /// - `range` in `[dns]`, the IPv4 addresses that stand for names, `198.18.0.0/15` unless said
    ///   otherwise, as a prefix of 8 to 20 bits; IPv6 ones are those of `2001:2::/96`;
    /// - `[policy.deny-as-for]`, with codes for single operations of sockets, such as
    ///   `connect = "connection-refused"`;
    /// - names in `except`.
    ///
    /// A `[[deny]]` without `deny-as` ends as the policy says for the operation.
    ///
    /// # Errors
    ///
    /// [`FileError`] for text that is not TOML, for a key or a value that the format does not
    /// have, and for settings that contradict each other. Nothing is ignored.
    pub fn from_toml(text: &str) -> core::result::Result<Policy, FileError> {
        let refuse = |_: &str| Err("no files are at hand here".to_owned());
        Policy::from_toml_with(text, "", &refuse)
    }

    /// The same where a script may name files: `{ file = "fixtures/a.bin" }`.
    ///
    /// Reports call the script by `name`. `files` reads what it names, or says why it does not.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Policy::from_toml).
    pub fn from_toml_with(
        text: &str,
        name: &str,
        files: &dyn Fn(&str) -> core::result::Result<Vec<u8>, String>,
    ) -> core::result::Result<Policy, FileError> {
        let source = Source { name, files };
        let read = read(text, Policy::deny_all(), &[], &source);
        read.map_err(|fault| fault.locate(text))
    }

    /// What this policy says, which is that of the file `beside`, and what a script says in another
    /// file. Each section is in one of the two.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Policy::from_toml), about `text`; and for sections that are in both.
    pub fn with_script(
        self,
        beside: &str,
        text: &str,
        name: &str,
        files: &dyn Fn(&str) -> core::result::Result<Vec<u8>, String>,
    ) -> core::result::Result<Policy, FileError> {
        let plain = plain::read(beside, &mut |_, _, _| Some(true));
        let beside = plain.or_else(|| tree::read(beside).ok());
        let beside = beside.unwrap_or_default();
        let keys = beside.keys().map(|key| key.name.as_ref());
        let keys: Vec<_> = keys.filter(|key| *key != "schema").collect();
        let source = Source { name, files };
        let read = read(text, self, &keys, &source);
        read.map_err(|fault| fault.locate(text))
    }
}

/// Reads a file on top of a policy, whose own file has some sections.
fn read(text: &str, policy: Policy, taken: &[&str], source: &Source<'_>) -> Result<Policy> {
    if text.len() > LONGEST {
        return Err(Fault::new(0..0, "the file has more than 8 MiB")
            .hint("a policy has at most 65536 patterns, which fit"));
    }
    let file = File {
        text,
        taken,
        source,
    };
    match file.read_plain(policy.clone()) {
        Some(policy) => Ok(policy),
        None => file.read_tree(&tree::read(text)?, policy, Ids::new()),
    }
}

/// A file, and what it is read beside.
struct File<'a> {
    text: &'a str,
    /// The sections of the policy's own file.
    taken: &'a [&'a str],
    source: &'a Source<'a>,
}

impl File<'_> {
    /// Reads a plain file in which nothing is wrong, its rules one by one. In any other, what is
    /// wrong is told by who reads the whole tree.
    fn read_plain(&self, mut policy: Policy) -> Option<Policy> {
        let mut ids = Ids::new();
        let entries = plain::read(self.text, &mut |name, entries, span| {
            let Some(section) = rules::section(name) else {
                return Some(false);
            };
            let table = Table::new(entries, span, section);
            let added = rules::add(&mut policy, name, &table, &mut ids);
            added.ok().map(|()| true)
        })?;
        self.read_tree(&entries, policy, ids).ok()
    }

    /// Reads what is in a tree. The policy may have rules of the file already, with these ids.
    fn read_tree(&self, entries: &Entries<'_>, mut policy: Policy, ids: Ids) -> Result<Policy> {
        let mut file = Table::new(entries, 0..0, &keys::FILE);
        file.schema()?;
        apart(entries, self.taken, &policy)?;
        let told = self.taken.contains(&"loopback");
        sections::read(&mut file, &mut policy, told)?;
        script::in_memory(&file, &policy)?;
        rules::read(&file, &mut policy, ids)?;
        script::read(&file, self.text, &mut policy, self.source)?;
        file.finish()?;
        policy.check().map_err(|e| {
            let hint = match e {
                InvalidPolicy::NeverReached { .. } => "set `deny-at = \"operation\"` in `[policy]`",
                _ => "see `sockvirt schema`",
            };
            Fault::new(0..0, e).hint(hint)
        })?;
        // Whoever asks for the order of the canonical text has it then.
        policy.sort();
        Ok(policy)
    }
}

/// Checks that two files have no section in common, and one script at most.
fn apart(file: &Entries<'_>, taken: &[&str], policy: &Policy) -> Result<()> {
    for key in file.keys() {
        let name = key.name.as_ref();
        if taken.contains(&name) {
            let message = format!("`{name}` is in the policy file as well");
            return Err(Fault::new(key.span(), message).hint("write it into one of the two"));
        }
    }
    match policy.script {
        None => Ok(()),
        Some(_) => Err(Fault::new(0..0, "the policy file has a script of its own")
            .hint("write all of the script into one file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file<'a>(text: &'a str, source: &'a Source<'a>) -> File<'a> {
        File {
            text,
            taken: &[],
            source,
        }
    }

    /// Whether a text is read rule by rule; if so, it gives what its tree does.
    fn is_read_plain(text: &str) -> bool {
        let files = |_: &str| Err("there are none".to_owned());
        let source = Source {
            name: "",
            files: &files,
        };
        let file = file(text, &source);
        let plain = file.read_plain(Policy::deny_all());
        if let Some(plain) = &plain {
            let tree = tree::read(text).ok();
            let tree = tree.and_then(|tree| {
                let policy = Policy::deny_all();
                file.read_tree(&tree, policy, Ids::new()).ok()
            });
            assert_eq!(Some(plain), tree.as_ref(), "{text}");
        }
        plain.is_some()
    }

    /// Lines of policies, in any order: some are none then.
    fn lines() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "[policy]",
            "deny-at = \"operation\"",
            "[policy.deny-as-for]",
            "connect = \"timeout\"",
            "[dns]",
            "deny-as = \"access-denied\"",
            "[dns.hosts]",
            "\"a.test\" = { answer = [\"192.0.2.1\"] }",
            "[loopback]",
            "mode = \"virtual\"",
            "[[allow]]\nto = \"10.0.0.0/8\"\nport = 443",
            "[[allow]]\nto = [\"a.test\", \"::1\"]\nport = \"*\"",
            "[[allow]]\nto = \"*.com\"\nport = 1",
            "[[deny]]\nto = \"10.0.0.1\"\nport = \"*\"",
            "[[deny]]\nto = \"*\"\nport = \"*\"",
            "[[redirect]]\nfrom = \"tcp://b.test:1\"\nto = \"127.0.0.1:2\"",
            "id = \"a\"",
            "id = \"b\"",
            "op = [\"listen\"]",
            "[allow.more]",
            "[[peer]]\nat = \"tcp://192.0.2.7:1\"\nservice = \"echo\"",
        ]);
        let lines = prop::collection::vec(line, 0..8);
        lines.prop_map(|lines| format!("schema = 1\n{}\n", lines.join("\n")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn rule_by_rule_is_as_the_tree(text in lines()) {
            is_read_plain(&text);
        }
    }

    #[test]
    fn canonical_text_is_read_rule_by_rule() {
        let text = "schema = 1\n[[allow]]\nid = \"a\"\nto = \"10.0.0.0/8\"\nport = 443\n\
            [[deny]]\nto = \"10.1.0.0/16\"\nport = \"*\"\n\
            [[redirect]]\nfrom = \"tcp://b.test:1\"\nto = \"127.0.0.1:2\"\n";
        let policy = Policy::from_toml(text).expect("a policy");
        assert!(is_read_plain(text));
        assert!(is_read_plain(&policy.canonical()));
        // What is wrong is told by the tree.
        assert!(!is_read_plain(&text.replace("443", "\"https\"")));
    }
}
