//! The one text that a policy has, whatever its file looked like.

use crate::{
    AllowRule, DenyRule, Host, HostAnswer, LoopbackMode, Operation, Policy, Ports, Redirect, Target,
};
use ipnet::{IpNet, Ipv4Net};
use std::borrow::Cow;
use std::fmt::{Display, Write};

/// As many bytes as most rules have, and all that is no rule, so that a text seldom has to grow.
const RULE: usize = 80;
const SETTINGS: usize = 512;

impl Policy {
    /// The policy as a policy file in canonical form: every setting written out, nothing else.
    ///
    /// Two policies whose rules differ only in order have the same text, and the text read as a
    /// file gives the same policy.
    pub fn canonical(&self) -> String {
        let policy = self.sorted();
        let mut text = Text(String::with_capacity(self.count() * RULE + SETTINGS));
        text.line("schema", 1);
        text.head("[policy]");
        text.line("deny-as", Quoted(&policy.deny_as));
        text.line("deny-at", Quoted(&policy.deny_at));
        text.line("log", Quoted(&policy.log.name()));
        if !policy.deny_as_for.is_empty() {
            text.head("[policy.deny-as-for]");
            for (operation, denial) in &policy.deny_as_for {
                text.line(operation.name(), Quoted(denial));
            }
        }
        text.head("[dns]");
        text.line("mode", Quoted(&policy.dns_mode.name()));
        text.line("deny-as", Quoted(&policy.dns_deny_as));
        text.line("range", Quoted(&policy.dns_range));
        if !policy.hosts.is_empty() {
            text.head("[dns.hosts]");
            policy.hosts.iter().for_each(|host| text.host(host));
        }
        text.head("[loopback]");
        text.line("mode", Quoted(&policy.loopback.name()));
        if policy.loopback == LoopbackMode::Virtual {
            text.line("on-deadlock", Quoted(&policy.on_deadlock.name()));
        }
        policy.allow.iter().for_each(|rule| text.allow(rule));
        policy.deny.iter().for_each(|rule| text.deny(rule));
        policy.redirect.iter().for_each(|rule| text.redirect(rule));
        text.0
    }

    /// The same as [`canonical`](Policy::canonical): the policy as a file.
    pub fn to_toml(&self) -> String {
        self.canonical()
    }

    /// The same policy with its rules in the order of the canonical text.
    pub(crate) fn sorted(&self) -> Cow<'_, Policy> {
        if self.is_sorted() {
            return Cow::Borrowed(self);
        }
        let mut policy = self.clone();
        policy.sort();
        Cow::Owned(policy)
    }

    fn is_sorted(&self) -> bool {
        fn ascend<T: Ord>(rules: &[T]) -> bool {
            rules.is_sorted_by(|a, b| a < b)
        }
        ascend(&self.hosts) && ascend(&self.allow) && ascend(&self.deny) && ascend(&self.redirect)
    }

    /// Puts the rules in the order of the canonical text, which changes nothing that they say.
    pub(crate) fn sort(&mut self) {
        self.hosts.sort_unstable();
        self.allow.sort_unstable();
        self.deny.sort_unstable();
        self.redirect.sort_unstable();
        // A rule that is there twice says nothing the second time.
        self.allow.dedup();
        self.deny.dedup();
        self.redirect.dedup();
    }
}

impl AllowRule {
    /// The rule as the canonical text has it.
    pub fn to_toml(&self) -> String {
        let mut text = Text::default();
        text.allow(self);
        text.0.trim_start().to_owned()
    }
}

impl DenyRule {
    /// The rule as the canonical text has it.
    pub fn to_toml(&self) -> String {
        let mut text = Text::default();
        text.deny(self);
        text.0.trim_start().to_owned()
    }
}

impl Redirect {
    /// The rule as the canonical text has it.
    pub fn to_toml(&self) -> String {
        let mut text = Text::default();
        text.redirect(self);
        text.0.trim_start().to_owned()
    }
}

impl Host {
    /// The entry as the canonical text has it.
    pub fn to_toml(&self) -> String {
        let mut text = Text::default();
        text.host(self);
        text.0
    }
}

/// Text of the file. Writing to a `String` cannot fail.
#[derive(Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    pub(crate) fn head(&mut self, head: &str) {
        for part in ["\n", head, "\n"] {
            self.0.push_str(part);
        }
    }

    pub(crate) fn line(&mut self, key: &str, value: impl Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn id(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.line("id", Quoted(&id));
        }
    }

    fn allow(&mut self, rule: &AllowRule) {
        self.head("[[allow]]");
        self.id(rule.id.as_deref());
        self.operations(&rule.operations);
        if let Some(protocol) = rule.protocol {
            self.line("proto", Quoted(&protocol));
        }
        self.targets("to", &rule.to);
        self.ports(&rule.ports);
        self.targets("except", &rule.except);
        self.targets("from", &rule.from);
        self.targets("resolves-to", &rule.resolves_to);
        if rule.wide {
            self.line("wide", true);
        }
    }

    fn deny(&mut self, rule: &DenyRule) {
        self.head("[[deny]]");
        self.id(rule.id.as_deref());
        self.operations(&rule.operations);
        if let Some(protocol) = rule.protocol {
            self.line("proto", Quoted(&protocol));
        }
        self.targets("to", &rule.to);
        self.ports(&rule.ports);
        if let Some(denial) = rule.deny_as {
            self.line("deny-as", Quoted(&denial));
        }
    }

    fn redirect(&mut self, rule: &Redirect) {
        self.head("[[redirect]]");
        self.id(rule.id.as_deref());
        let host = match &rule.from {
            Target::Net(net) if net.addr().is_ipv6() => format!("[{}]", rule.from),
            other => other.to_string(),
        };
        let from = format!("{}://{host}:{}", rule.protocol, rule.ports);
        self.line("from", Quoted(&from));
        self.line("to", Quoted(&rule.to));
        if rule.wide {
            self.line("wide", true);
        }
    }

    fn host(&mut self, host: &Host) {
        let name = Quoted(&host.name).to_string();
        match &host.answer {
            HostAnswer::Addresses(addresses) => {
                self.line(&name, format_args!("{{ answer = {} }}", List(addresses)));
            }
            HostAnswer::Fail(denial) => {
                self.line(&name, format_args!("{{ fail = {} }}", Quoted(denial)));
            }
        }
    }

    fn operations(&mut self, operations: &[Operation]) {
        self.list("op", operations, |text, operation| {
            text.push_str(operation.name());
        });
    }

    fn targets(&mut self, key: &str, targets: &[Target]) {
        if !targets.is_empty() {
            self.list(key, targets, |text, target| match target {
                Target::Net(IpNet::V4(net)) => push_net(text, *net),
                _ => {
                    let _ = write!(Escaped(text), "{target}");
                }
            });
        }
    }

    /// A list of strings. Large policies are made of these.
    pub(crate) fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&mut String, &T)) {
        self.0.push_str(key);
        self.0.push_str(" = [");
        for (i, item) in items.iter().enumerate() {
            self.0.push_str(if i == 0 { "\"" } else { ", \"" });
            write(&mut self.0, item);
            self.0.push('"');
        }
        self.0.push_str("]\n");
    }

    fn ports(&mut self, ports: &Ports) {
        if ports.is_all() {
            return self.line("port", "\"*\"");
        }
        let mut ranges = ports.ranges();
        if let (Some((low, high)), None) = (ranges.next(), ranges.next())
            && low == high
        {
            self.0.push_str("port = ");
            push_number(&mut self.0, low);
            return self.0.push('\n');
        }
        let ranges = ports.ranges().map(|(low, high)| match low == high {
            true => low.to_string(),
            false => format!("\"{low}-{high}\""),
        });
        let ranges: Vec<_> = ranges.collect();
        match ranges.as_slice() {
            [one] => self.line("port", one),
            many => self.line("port", format_args!("[{}]", many.join(", "))),
        }
    }
}

/// Writes a prefix as it is displayed. Large policies are made of these, and formatting takes several
/// times as long.
fn push_net(text: &mut String, net: Ipv4Net) {
    for (i, part) in net.addr().octets().into_iter().enumerate() {
        if i > 0 {
            text.push('.');
        }
        push_number(text, part.into());
    }
    if net.prefix_len() < net.max_prefix_len() {
        text.push('/');
        push_number(text, net.prefix_len().into());
    }
}

fn push_number(text: &mut String, number: u16) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// A string of TOML.
pub(crate) struct Quoted<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Display + ?Sized> Display for Quoted<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        write!(Escaped(f), "{}", self.0)?;
        f.write_char('"')
    }
}

/// Writes text that stands between quotes.
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for part in text.split_inclusive(['"', '\\']) {
            let plain = part.trim_end_matches(['"', '\\']);
            self.0.write_str(plain)?;
            for special in part[plain.len()..].chars() {
                write!(self.0, "\\{special}")?;
            }
        }
        Ok(())
    }
}

/// A list of strings.
struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('[')?;
        for (i, item) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Quoted(item))?;
        }
        f.write_char(']')
    }
}
