//! Reading a policy file: TOML in, a [`Policy`] or an error with a place out.

use crate::{
    AllowRule, Denial, DenyAt, DenyRule, DnsMode, Operation, Policy, Ports, Protocol, Target,
};
use core::fmt::{self, Display};
use core::ops::Range;
use core::str::FromStr;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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
    message: String,
    hint: Option<String>,
    span: Range<usize>,
}

impl Fault {
    fn new(span: Range<usize>, message: impl Display) -> Self {
        Fault {
            message: message.to_string(),
            hint: None,
            span,
        }
    }

    fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn locate(self, text: &str) -> FileError {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        FileError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: self.message,
            hint: self.hint,
            span: self.span,
        }
    }
}

type Result<T> = core::result::Result<T, Fault>;

/// A string of the file, and where it stands.
struct Text<'a> {
    text: &'a str,
    span: Range<usize>,
}
type Value<'a> = Spanned<DeValue<'a>>;

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// [`FileError`] for text that is not TOML, for a key or a value that the format does not
    /// have, and for settings that contradict each other. Nothing is ignored.
    pub fn from_toml(text: &str) -> core::result::Result<Policy, FileError> {
        read(text).map_err(|fault| fault.locate(text))
    }
}

fn read(text: &str) -> Result<Policy> {
    let document = DeTable::parse(text)
        .map_err(|e| Fault::new(e.span().unwrap_or_default(), e.message().trim_end()))?;
    let mut file = Table::new(document.get_ref(), document.span(), "the file");
    file.schema()?;
    let mut policy = Policy::deny_all();
    if let Some(table) = file.table("policy")? {
        policy = read_policy(table, policy)?;
    }
    if let Some(table) = file.table("dns")? {
        policy = read_dns(table, policy)?;
    }
    if let Some(table) = file.table("loopback")? {
        read_loopback(table)?;
    }
    for table in file.tables("deny")? {
        let span = table.span.clone();
        policy = read_deny(table, policy)?;
        policy
            .check()
            .map_err(|e| Fault::new(span, e).hint("set `deny-at = \"operation\"` in `[policy]`"))?;
    }
    for table in file.tables("allow")? {
        policy = policy.with_allow(read_allow(table)?);
    }
    for later in ["redirect", "peer", "client", "clock", "report"] {
        file.refuse(later)?;
    }
    file.finish()?;
    Ok(policy)
}

fn read_policy(mut table: Table<'_>, mut policy: Policy) -> Result<Policy> {
    if let Some((denial, span)) = table.parse::<Denial>("deny-as")? {
        policy = policy.with_deny_as(denial).map_err(|e| {
            Fault::new(span, e).hint(
                "`deny-as` in `[policy]` stands for all operations; \
                 a `[[deny]]` rule says it for some",
            )
        })?;
    }
    if let Some((deny_at, _)) = table.parse::<DenyAt>("deny-at")? {
        policy = policy.with_deny_at(deny_at);
    }
    if let Some(Text { text: log, span }) = table.string("log")?
        && log != "none"
    {
        return Err(
            Fault::new(span, format!("`log = \"{log}\"` is not supported"))
                .hint("this version logs no decisions: write `log = \"none\"`"),
        );
    }
    table.finish()?;
    Ok(policy)
}

fn read_dns(mut table: Table<'_>, mut policy: Policy) -> Result<Policy> {
    if let Some(Text { text: mode, span }) = table.string("mode")? {
        policy.dns_mode = DnsMode::ALL
            .into_iter()
            .find(|it| it.name() == mode)
            .ok_or_else(|| {
                let names = DnsMode::ALL.map(DnsMode::name);
                Fault::new(span, format!("`{mode}` is not a mode of `[dns]`"))
                    .hint(suggest(mode, &names))
            })?;
    }
    if let Some((denial, span)) = table.parse::<Denial>("deny-as")? {
        policy = policy
            .with_dns_deny_as(denial)
            .map_err(|e| Fault::new(span, e))?;
    }
    table.refuse("hosts")?;
    table.finish()?;
    Ok(policy)
}

fn read_loopback(mut table: Table<'_>) -> Result<()> {
    if let Some(Text { text: mode, span }) = table.string("mode")?
        && mode != "host"
    {
        return Err(Fault::new(
            span,
            format!("`[loopback] mode = \"{mode}\"` is not supported"),
        )
        .hint("this version has no network in memory: write `mode = \"host\"`"));
    }
    table.finish()
}

fn read_deny(mut table: Table<'_>, policy: Policy) -> Result<Policy> {
    let span = table.span.clone();
    table.string("id")?;
    let operations = table.operations()?.unwrap_or(vec![Operation::Connect]);
    let protocol = table.protocol()?;
    table.wildcard("to")?;
    table.wildcard("port")?;
    let (denial, denial_span) = table
        .parse::<Denial>("deny-as")?
        .unwrap_or((policy.deny_as, span.clone()));
    table.finish()?;
    let rule =
        DenyRule::new(operations, protocol, denial).map_err(|e| Fault::new(denial_span, e))?;
    policy.with_rule(rule).map_err(|e| Fault::new(span, e))
}

fn read_allow(mut table: Table<'_>) -> Result<AllowRule> {
    let span = table.span.clone();
    let id = table.string("id")?.map(|id| id.text.to_owned());
    let mut operations = table.operations()?.unwrap_or(vec![Operation::Connect]);
    operations.sort_unstable();
    operations.dedup();
    let protocol = table.protocol()?;
    let to = table
        .strings("to")?
        .ok_or_else(|| Fault::new(span.clone(), "the rule has no `to`"))?;
    let to = to.into_iter().map(|text| {
        let target = match text.text {
            "*" => Some(Target::Any),
            other => other
                .parse()
                .ok()
                .map(Target::Range)
                .or_else(|| other.parse().ok().map(Target::Net))
                .or_else(|| {
                    other
                        .parse::<std::net::IpAddr>()
                        .ok()
                        .map(|ip| Target::Net(ip.into()))
                }),
        };
        target.ok_or_else(|| Fault::new(text.span, format!("`{}` is not supported", text.text)))
    });
    let to = to.collect::<Result<_>>()?;
    let ports = match table
        .get("port")
        .map(|value| (value.get_ref(), value.span()))
    {
        Some((DeValue::Integer(number), span)) => {
            let range = Ports::parse_range(number.as_str()).map_err(|e| Fault::new(span, e))?;
            Ports::new([range])
        }
        Some((DeValue::String(text), _)) if text == "*" => Ports::all(),
        Some((DeValue::String(text), span)) => {
            let range = Ports::parse_range(text).map_err(|e| Fault::new(span, e))?;
            Ports::new([range])
        }
        _ => return Err(Fault::new(span, "the rule has no `port`")),
    };
    table.finish()?;
    Ok(AllowRule {
        id,
        operations,
        protocol,
        to,
        ports,
        except: Vec::new(),
        from: Vec::new(),
        resolves_to: Vec::new(),
        wide: false,
    })
}

/// A table of the file, and which of its keys somebody has asked for.
struct Table<'a> {
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    /// How messages call it.
    name: &'static str,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn new(entries: &'a DeTable<'a>, span: Range<usize>, name: &'static str) -> Self {
        Table {
            entries,
            span,
            name,
            known: Vec::new(),
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value<'a>> {
        self.known.push(key);
        self.entries.get(key)
    }

    fn schema(&mut self) -> Result<()> {
        let Some(value) = self.get("schema") else {
            return Err(
                Fault::new(0..0, "the file does not say which schema it follows")
                    .hint("begin it with `schema = 1`"),
            );
        };
        match value.get_ref() {
            DeValue::Integer(number) if number.as_str() == "1" => Ok(()),
            _ => {
                Err(Fault::new(value.span(), "this schema is not known").hint("write `schema = 1`"))
            }
        }
    }

    fn table(&mut self, key: &'static str) -> Result<Option<Table<'a>>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => as_table(value, key).map(Some),
        }
    }

    fn tables(&mut self, key: &'static str) -> Result<Vec<Table<'a>>> {
        match self.get(key).map(|value| (value, value.get_ref())) {
            None => Ok(Vec::new()),
            Some((_, DeValue::Array(array))) => {
                array.iter().map(|value| as_table(value, key)).collect()
            }
            Some((value, _)) => Err(Fault::new(
                value.span(),
                format!("`{key}` is a list of rules"),
            )
            .hint(format!("write `[[{key}]]`"))),
        }
    }

    fn string(&mut self, key: &'static str) -> Result<Option<Text<'a>>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => as_text(value, key).map(Some),
        }
    }

    fn parse<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<(T, Range<usize>)>> {
        let Some(Text { text, span }) = self.string(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(parsed) => Ok(Some((parsed, span))),
            Err(e) => Err(Fault::new(span, format!("`{text}` is {e}"))),
        }
    }

    /// A string or a list of strings.
    fn strings(&mut self, key: &'static str) -> Result<Option<Vec<Text<'a>>>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let one = |value| as_text(value, key);
        match value.get_ref() {
            DeValue::Array(array) if array.is_empty() => {
                Err(Fault::new(value.span(), format!("`{key}` is empty")))
            }
            DeValue::Array(array) => Ok(Some(array.iter().map(one).collect::<Result<_>>()?)),
            _ => Ok(Some(vec![one(value)?])),
        }
    }

    fn operations(&mut self) -> Result<Option<Vec<Operation>>> {
        let Some(names) = self.strings("op")? else {
            return Ok(None);
        };
        let parse = |Text { text: name, span }: Text<'_>| {
            let known = Operation::ALL.map(Operation::name);
            name.parse::<Operation>().map_err(|_| {
                Fault::new(span, format!("`{name}` is not an operation"))
                    .hint(suggest(name, &known))
            })
        };
        names
            .into_iter()
            .map(parse)
            .collect::<Result<_>>()
            .map(Some)
    }

    fn protocol(&mut self) -> Result<Option<Protocol>> {
        let Some(Text { text: name, span }) = self.string("proto")? else {
            return Ok(None);
        };
        match Protocol::ALL.into_iter().find(|it| it.name() == name) {
            Some(protocol) => Ok(Some(protocol)),
            None => Err(Fault::new(span, format!("`{name}` is not a protocol"))
                .hint("write \"tcp\" or \"udp\", or leave `proto` out for both")),
        }
    }

    /// A key that this version takes only as `"*"`. It must be written out.
    fn wildcard(&mut self, key: &'static str) -> Result<()> {
        let span = self.span.clone();
        let Some(patterns) = self.strings(key)? else {
            return Err(Fault::new(span, format!("the rule has no `{key}`"))
                .hint(format!("write `{key} = \"*\"` for all of them")));
        };
        match patterns.into_iter().find(|pattern| pattern.text != "*") {
            None => Ok(()),
            Some(Text {
                text: pattern,
                span,
            }) => Err(
                Fault::new(span, format!("`{key} = \"{pattern}\"` is not supported")).hint(
                    format!(
                        "rules of this version are about all destinations: write `{key} = \"*\"`"
                    ),
                ),
            ),
        }
    }

    /// A section that the format has and this version does not.
    fn refuse(&mut self, key: &'static str) -> Result<()> {
        match self.get(key) {
            None => Ok(()),
            Some(_) => Err(
                Fault::new(self.key_span(key), format!("`{key}` is not supported"))
                    .hint("this version denies every use of sockets and can only say how"),
            ),
        }
    }

    fn finish(self) -> Result<()> {
        let stranger = self
            .entries
            .keys()
            .find(|key| !self.known.contains(&key.get_ref().as_ref()));
        match stranger {
            None => Ok(()),
            Some(key) => Err(Fault::new(
                key.span(),
                format!("{} has no key `{}`", self.name, key.get_ref()),
            )
            .hint(suggest(key.get_ref(), &self.known))),
        }
    }

    fn key_span(&self, key: &str) -> Range<usize> {
        let mut keys = self.entries.keys();
        keys.find(|it| it.get_ref() == key)
            .map_or(0..0, Spanned::span)
    }
}

fn as_table<'a>(value: &'a Value<'a>, key: &'static str) -> Result<Table<'a>> {
    let name = match key {
        "policy" => "`[policy]`",
        "dns" => "`[dns]`",
        "loopback" => "`[loopback]`",
        _ => "the rule",
    };
    match value.get_ref() {
        DeValue::Table(table) => Ok(Table::new(table, value.span(), name)),
        _ => Err(Fault::new(value.span(), format!("`{key}` is a table"))),
    }
}

fn as_text<'a>(value: &'a Value<'a>, key: &str) -> Result<Text<'a>> {
    let span = value.span();
    match value.get_ref() {
        DeValue::String(Cow::Borrowed(text)) => Ok(Text { text, span }),
        DeValue::String(Cow::Owned(text)) => Ok(Text { text, span }),
        _ => Err(Fault::new(span, format!("`{key}` is a string"))),
    }
}

/// What `name` was probably meant to be, and all that it could be.
fn suggest(name: &str, known: &[&str]) -> String {
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
