//! Why a policy decides as it does: by asking the rules that a component would have.

mod script;

use crate::rules::names::{NameMatches, first_named};
use crate::rules::{Ask, Key, Kind, applies, target, use_of};
use crate::{
    DnsMode, HostAnswer, Lookup, LoopbackMode, Mistake, NameTable, Operation, Outcome, Place,
    Policy, Protocol, RuleRef, Rules, Session, Special, Target, Verdict,
};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address, over a protocol.
    Address(Protocol, SocketAddr),
    /// A port of a name, over a protocol.
    Named(Protocol, String, u16),
    /// A name to look up, as a guest would ask for it.
    Name(String),
}

impl Destination {
    /// Reads `tcp://1.2.3.4:443`, `udp://name:53`, or for lookups a name.
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn parse(operation: Operation, text: &str) -> Result<Self, Mistake> {
        if operation == Operation::Resolve {
            let name = text.split_once("://").map_or(text, |(_, rest)| rest);
            return Ok(Destination::Name(name.to_owned()));
        }
        // Addresses that no policy could name are still asked about.
        for protocol in Protocol::ALL {
            let rest = text.strip_prefix(protocol.name());
            let rest = rest.and_then(|rest| rest.strip_prefix("://"));
            if let Some(Ok(address)) = rest.map(str::parse) {
                return Ok(Destination::Address(protocol, address));
            }
        }
        let place = crate::flag::place(text)?;
        let one = |(low, high): (u16, u16)| (low == high).then_some(low);
        let ports = place.ports.as_ref();
        let mut ports = ports.into_iter().flat_map(|ports| ports.ranges());
        let port = ports
            .next()
            .and_then(one)
            .filter(|_| ports.next().is_none());
        let wrong = || {
            Mistake::new(format!("`{text}` is not one destination"))
                .hint("write `tcp://1.2.3.4:443` or `tcp://example.com:443`")
        };
        let port = port.ok_or_else(wrong)?;
        match place.host {
            Target::Name(crate::NamePattern::Exact(name)) => {
                Ok(Destination::Named(place.protocol, name, port))
            }
            _ => Err(wrong()),
        }
    }
}

/// A decision, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The operation.
    pub operation: &'static str,
    /// What it is about, in canonical form.
    pub destination: String,
    /// `allow`, `deny` or `invalid`.
    pub decision: &'static str,
    /// How a denied operation ends.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub deny_as: Option<&'static str>,
    /// Where it leads, if that is not what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<String>,
    /// The reason, in a sentence.
    pub because: String,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleText>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// Its id, or its list and its place there, such as `allow[1]`.
    pub name: String,
    /// The rule as the canonical text has it.
    pub text: String,
}

impl Explanation {
    /// Whether the operation is allowed.
    pub fn is_allowed(&self) -> bool {
        self.decision == "allow"
    }
}

impl Policy {
    /// Decides an operation as a component that was built with this policy does, and says why.
    ///
    /// The session is a new one: nothing was looked up or sent before. A `connect` or `send` to a
    /// name is what happens to a program that looks the name up first.
    pub fn explain(&self, operation: Operation, destination: &Destination) -> Explanation {
        let inside = self
            .explain_in_script(operation, destination)
            .or_else(|| self.explain_in_memory(operation, destination));
        if let Some(inside) = inside {
            return inside;
        }
        let wire = self.wire();
        let policy = self.sorted();
        let Ok(rules) = Rules::read(&wire) else {
            let why = "the rules cannot be read, which is a bug of sockvirt".to_owned();
            return told(operation, String::new(), Outcome::Invalid, why);
        };
        let explainer = Explainer {
            policy: &policy,
            rules,
            operation,
        };
        match destination {
            Destination::Address(protocol, address) => explainer.address(*protocol, *address),
            Destination::Named(protocol, name, port) => explainer.named(*protocol, name, *port),
            Destination::Name(name) => explainer.lookup(name),
        }
    }
}

/// What is on the network in memory.
impl Policy {
    /// Where an operation is one on the network in memory, which lets everything through.
    fn explain_in_memory(
        &self,
        operation: Operation,
        destination: &Destination,
    ) -> Option<Explanation> {
        if self.loopback == LoopbackMode::Host {
            return None;
        }
        let is_local = matches!(operation, Operation::Bind | Operation::Listen);
        let is_inside = |ip: IpAddr| ip.is_loopback() || is_local && ip.is_unspecified();
        let listed = |name: &str| {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let host = self.hosts.iter().find(|host| host.name == name);
            match host.map(|host| &host.answer) {
                Some(HostAnswer::Addresses(ips)) => ips.iter().any(|ip| is_inside(*ip)),
                Some(HostAnswer::Fail(_)) => false,
                None => name == "localhost",
            }
        };
        let (is_inside, destination) = match destination {
            Destination::Address(protocol, address) => {
                (is_inside(address.ip()), format!("{protocol}://{address}"))
            }
            Destination::Named(protocol, name, port) => {
                (listed(name), format!("{protocol}://{name}:{port}"))
            }
            Destination::Name(name) => (listed(name), name.clone()),
        };
        let because = "it is on the network in memory, inside of the component".to_owned();
        is_inside.then(|| told(operation, destination, Outcome::Allow, because))
    }
}

fn told(
    operation: Operation,
    destination: String,
    outcome: Outcome,
    because: String,
) -> Explanation {
    let (decision, deny_as) = match outcome {
        Outcome::Allow => ("allow", None),
        Outcome::Invalid => ("invalid", None),
        Outcome::Deny(denial) => ("deny", Some(denial.name())),
    };
    Explanation {
        operation: operation.name(),
        destination,
        decision,
        deny_as,
        leads_to: None,
        because,
        rule: None,
        remarks: Vec::new(),
    }
}

struct Explainer<'p> {
    policy: &'p Policy,
    rules: Rules<'p>,
    operation: Operation,
}

impl Explainer<'_> {
    fn address(&self, protocol: Protocol, address: SocketAddr) -> Explanation {
        let mut session = Session::<NameTable>::boxed();
        let decision = session.decide(&self.rules, self.operation, protocol, 0, address);
        let destination = format!("{protocol}://{address}");
        let mut it = self.tell(destination, decision.outcome(), decision.rule);
        if let Verdict::Allow { to } = decision.verdict
            && to != address
        {
            it.leads_to = Some(format!("{protocol}://{to}"));
        }
        if use_of(self.operation, protocol) == 0 {
            it.because = format!("`{}` does not exist over `{protocol}`", self.operation);
        }
        self.remark(protocol, &mut it);
        it
    }

    fn remark(&self, protocol: Protocol, it: &mut Explanation) {
        if !it.is_allowed() && !self.policy.creates(protocol) {
            it.remarks.push(format!(
                "no rule allows anything of {protocol}, so creating the socket fails already"
            ));
        }
        match self.operation {
            Operation::Accept => it.remarks.push(
                "what a listener's own rule allows is not asked here: see its `from`".to_owned(),
            ),
            Operation::Receive if !it.is_allowed() => it
                .remarks
                .push("datagrams from where the socket has sent to before are let in".to_owned()),
            _ => {}
        }
    }

    /// A lookup.
    fn lookup(&self, name: &str) -> Explanation {
        let mut session = Session::<NameTable>::boxed();
        let resolved = session.resolve(&self.rules, name.as_bytes());
        let mut it = self.tell(name.to_owned(), resolved.outcome(), resolved.rule);
        match resolved.lookup {
            Lookup::Ask(_) => {
                it.remarks.push("the host is asked".to_owned());
                it.remarks.extend(self.answers(name));
            }
            Lookup::Inside(query) => {
                let mut answers = Vec::new();
                while let Some(key) = session.next_inside(&self.rules, query) {
                    answers.push(key.ip().to_string());
                }
                let answers = answers.join(", ");
                it.remarks.push(format!("answered inside, with {answers}"));
            }
            Lookup::Deny(_) if self.policy.dns_mode == DnsMode::Off => {
                it.because = "lookups are off".to_owned();
            }
            Lookup::Deny(_) | Lookup::Invalid => {}
        }
        it
    }

    /// What a name rule says of the addresses of its names.
    fn answers(&self, name: &str) -> Vec<String> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let matches = NameMatches::new(&self.rules, name.as_bytes());
        let allow = matches.filter(|(_, rule)| rule.kind() == Kind::Allow);
        let rules = allow.filter_map(|(_, it)| self.policy.allow.get(it.position() as usize));
        let mut remarks: Vec<_> = rules
            .map(|rule| match &*rule.resolves_to {
                [] => "answers in special ranges are left out, and are not reachable".to_owned(),
                lists => {
                    let lists: Vec<_> = lists.iter().map(Target::to_string).collect();
                    format!("answers must lie in {}", lists.join(", "))
                }
            })
            .collect();
        remarks.dedup();
        remarks
    }

    /// A port of a name: the lookup, then what was learned.
    fn named(&self, protocol: Protocol, name: &str, port: u16) -> Explanation {
        let destination = format!("{protocol}://{name}:{port}");
        let uses = use_of(self.operation, protocol);
        if !matches!(self.operation, Operation::Connect | Operation::Send) || uses == 0 {
            let why = format!("`{}` over {protocol} is not about names", self.operation);
            return told(self.operation, destination, Outcome::Invalid, why);
        }
        let mut session = Session::<NameTable>::boxed();
        let resolved = session.resolve(&self.rules, name.as_bytes());
        let key = Key(0);
        let ask = Ask::new(self.operation, uses, Place { key, port });
        match resolved.lookup {
            Lookup::Ask(_) => self.asked(protocol, destination, name, &ask),
            Lookup::Inside(query) => match session.next_inside(&self.rules, query) {
                Some(key) => {
                    let ip = key.ip();
                    let mut it = self.after(&mut session, protocol, SocketAddr::new(ip, port));
                    it.destination = destination;
                    it.remarks.push(format!("looking it up answers {ip}"));
                    it
                }
                None => self.tell(destination, Outcome::Invalid, resolved.rule),
            },
            Lookup::Invalid | Lookup::Deny(_) => {
                let mut it = self.tell(destination, resolved.outcome(), resolved.rule);
                it.remarks
                    .push("the lookup fails, so there is no address to use".to_owned());
                it
            }
        }
    }

    fn after(
        &self,
        session: &mut Session<NameTable>,
        protocol: Protocol,
        address: SocketAddr,
    ) -> Explanation {
        let decision = session.decide(&self.rules, self.operation, protocol, 0, address);
        let mut it = self.tell(String::new(), decision.outcome(), decision.rule);
        if let Verdict::Allow { to } = decision.verdict {
            it.leads_to = Some(format!("{protocol}://{to}"));
        }
        it
    }

    /// A port of a name whose addresses only the host knows.
    fn asked(&self, protocol: Protocol, destination: String, name: &str, ask: &Ask) -> Explanation {
        let bytes = name.as_bytes();
        let default = Outcome::Deny(self.rules.deny_as(self.operation));
        if let Some(rule) = first_named(&self.rules, bytes, Kind::Deny, ask) {
            let record = self.rules.rule(rule).filter(|it| it.names(self.operation));
            let denial = record.and_then(|it| it.deny_as());
            let outcome = denial.map_or(default, Outcome::Deny);
            return self.tell(destination, outcome, RuleRef::Rule(rule));
        }
        if let Some(rule) = first_named(&self.rules, bytes, Kind::Redirect, ask) {
            let mut it = self.tell(destination, Outcome::Allow, RuleRef::Rule(rule));
            let to = target(&self.rules, rule);
            let to = to.map(|to| SocketAddr::new(to.key.ip(), to.port));
            it.leads_to = to.map(|to| format!("{protocol}://{to}"));
            return it;
        }
        let mut matches = NameMatches::new(&self.rules, bytes);
        let allow = matches
            .find(|(_, rule)| rule.kind() == Kind::Allow && applies(&self.rules, *rule, ask));
        let mut it = match allow {
            Some((rule, _)) => self.tell(destination, Outcome::Allow, RuleRef::Rule(rule)),
            None => self.tell(destination, default, RuleRef::NoRule),
        };
        match it.is_allowed() {
            true => it.remarks.extend(self.answers(name)),
            false => it.remarks.push(
                "the name may be looked up; rules on addresses decide about its addresses"
                    .to_owned(),
            ),
        }
        it
    }

    fn tell(&self, destination: String, outcome: Outcome, rule: RuleRef) -> Explanation {
        let because = match rule {
            RuleRef::Rule(_) => "a rule says so".to_owned(),
            RuleRef::NoRule => "no rule allows it".to_owned(),
            RuleRef::Special(bits) => {
                let ranges: Vec<_> = Special::of_bits(bits).map(Special::name).collect();
                format!(
                    "the address is special (`{}`), and the rules that it matches do not name that \
                     range",
                    ranges.join("`, `")
                )
            }
            RuleRef::Invalid => "it is not valid, whatever the policy says".to_owned(),
            RuleRef::Reply => "the socket has sent there before".to_owned(),
            RuleRef::ImplicitBind => {
                "something may go out over this protocol, from any local address".to_owned()
            }
            RuleRef::Literal => "the name is an address, which answers itself".to_owned(),
            RuleRef::Full => "there is no room for more".to_owned(),
        };
        let mut it = told(self.operation, destination, outcome, because);
        if let RuleRef::Rule(index) = rule {
            it.rule = self.rule(index);
        }
        if let Some(rule) = &it.rule {
            it.because = format!("rule `{}`", rule.name);
        }
        it
    }

    fn rule(&self, index: u32) -> Option<RuleText> {
        let record = self.rules.rule(index)?;
        let position = record.position() as usize;
        let named = |id: Option<&String>, list: &str| match id {
            Some(id) => id.clone(),
            None => format!("{list}[{}]", position + 1),
        };
        let policy = self.policy;
        Some(match record.kind() {
            Kind::Allow => {
                let rule = policy.allow.get(position)?;
                RuleText {
                    name: named(rule.id.as_ref(), "allow"),
                    text: rule.to_toml(),
                }
            }
            Kind::Deny => {
                let rule = policy.deny.get(position)?;
                RuleText {
                    name: named(rule.id.as_ref(), "deny"),
                    text: rule.to_toml(),
                }
            }
            Kind::Redirect => {
                let rule = policy.redirect.get(position)?;
                RuleText {
                    name: named(rule.id.as_ref(), "redirect"),
                    text: rule.to_toml(),
                }
            }
            Kind::Host => {
                let host = policy.hosts.get(position)?;
                RuleText {
                    name: named(None, "hosts"),
                    text: host.to_toml(),
                }
            }
        })
    }
}
