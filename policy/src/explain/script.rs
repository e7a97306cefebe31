//! What a script says of an operation: who takes it, or which fault it meets.

use super::{Destination, Explanation, RuleText, told};
use crate::canonical::{Quoted, Text};
use crate::rules::names::{Asked as Read, read};
use crate::{Denial, Operation, Outcome, Policy, Protocol};
use sockvirt_netstack::ErrorCode;
use sockvirt_netstack::script::{
    Accept, Client, Connection, Found, Name, Peer, Protocol as Played, Script, Serves, ServiceKind,
    Target,
};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// No more is said of a peer's connections.
const MOST: usize = 16;

impl Policy {
    /// Where an operation is the script's: with a peer, a client or a name of it, or with nobody, where
    /// nothing leads to the host.
    pub(super) fn explain_in_script(
        &self,
        operation: Operation,
        destination: &Destination,
    ) -> Option<Explanation> {
        let script = self.script()?;
        let leads_out =
            self.asks_resolver() || Protocol::ALL.iter().any(|it| self.reaches_host(*it));
        let asked = Asked {
            script,
            operation,
            leads_out,
            unknown: self.resolve_denial(),
        };
        match destination {
            Destination::Address(protocol, address) => asked.address(*protocol, *address),
            Destination::Named(protocol, name, port) => asked.named(*protocol, name, *port),
            Destination::Name(name) => asked.name(name),
        }
    }
}

/// What is asked of a script.
struct Asked<'s> {
    script: &'s Script,
    operation: Operation,
    /// Whether the host is there for what the script does not have.
    leads_out: bool,
    /// How lookups of other names end.
    unknown: Denial,
}

impl Asked<'_> {
    fn goes_out(&self) -> bool {
        matches!(self.operation, Operation::Connect | Operation::Send)
    }

    fn address(&self, protocol: Protocol, address: SocketAddr) -> Option<Explanation> {
        let played = match protocol {
            Protocol::Tcp => Played::Tcp,
            Protocol::Udp => Played::Udp,
        };
        let destination = format!("{protocol}://{address}");
        let is_from_there = self.goes_out() || self.operation == Operation::Receive;
        let peer = self.script.peer_at(played, address);
        let peer = peer.and_then(|it| self.script.peers.get(it as usize));
        if let Some(peer) = peer.filter(|_| is_from_there) {
            return Some(self.peer(destination, peer));
        }
        let mut clients = self.script.clients.iter();
        let is_its = |it: &&Client| {
            it.protocol == played
                && match self.operation {
                    Operation::Connect => false,
                    Operation::Bind | Operation::Listen => it.to == address,
                    _ => it.from == address,
                }
        };
        if let Some(client) = clients.find(is_its) {
            return Some(self.client(destination, client));
        }
        let is_inside = address.ip().is_loopback();
        if is_inside || self.leads_out || !self.goes_out() {
            return None;
        }
        let denial = match protocol {
            Protocol::Tcp => Denial::ConnectionRefused,
            Protocol::Udp => Denial::Drop,
        };
        let because = "no peer of the script is there".to_owned();
        let outcome = Outcome::Deny(denial);
        Some(told(self.operation, destination, outcome, because))
    }

    fn peer(&self, destination: String, peer: &Peer) -> Explanation {
        let because = format!("peer \"{}\" of the script is there", peer.name);
        let mut it = told(self.operation, destination, Outcome::Allow, because);
        it.leads_to = Some(format!("peer \"{}\"", peer.name));
        it.remarks = self.serves(peer);
        it.rule = Some(RuleText {
            name: peer.name.clone(),
            text: text_of(peer),
        });
        it
    }

    fn client(&self, destination: String, client: &Client) -> Explanation {
        let Client {
            name, from, line, ..
        } = client;
        let place = self.place(*line);
        let because = match self.operation {
            Operation::Bind | Operation::Listen => {
                format!("client \"{name}\" of the script connects there, from {from}{place}")
            }
            _ => format!("client \"{name}\" of the script is there{place}"),
        };
        told(self.operation, destination, Outcome::Allow, because)
    }

    /// A port of a name: the lookup, and whoever is at what it answers.
    fn named(&self, protocol: Protocol, name: &str, port: u16) -> Option<Explanation> {
        let mut lookup = self.name(name)?;
        if !self.goes_out() {
            return None;
        }
        let destination = format!("{protocol}://{name}:{port}");
        if !lookup.is_allowed() {
            lookup.operation = self.operation.name();
            lookup.destination = destination;
            lookup
                .remarks
                .push("the lookup fails, so there is no address to use".to_owned());
            return Some(lookup);
        }
        let ips = self.found(name).map(|it| addresses(&it.first));
        let mut answers = ips.unwrap_or_default().iter();
        // A program tries one after the other.
        let all = answers
            .clone()
            .filter_map(|ip| self.address(protocol, (*ip, port).into()));
        let mut taken: Vec<_> = all.collect();
        let place = taken.iter().position(Explanation::is_allowed).unwrap_or(0);
        let mut it = match place < taken.len() {
            true => taken.swap_remove(place),
            // The host's rules decide about the address.
            false => return answers.next().and(None),
        };
        it.destination = destination;
        it.remarks.extend(lookup.remarks);
        Some(it)
    }

    /// A lookup.
    fn name(&self, name: &str) -> Option<Explanation> {
        if !matches!(read(name.as_bytes()), Read::Name(_)) {
            return None;
        }
        let Some(found) = self.found(name) else {
            if self.leads_out || is_localhost(name) {
                return None;
            }
            let because = "`[dns.hosts]` does not have it, and nobody else is asked".to_owned();
            let outcome = Outcome::Deny(self.unknown);
            return Some(told(self.operation, name.to_owned(), outcome, because));
        };
        let place = self.place(found.line);
        let mut it = match &found.first {
            Found::Addresses(_) => {
                let because = format!("the script answers it{place}");
                told(self.operation, name.to_owned(), Outcome::Allow, because)
            }
            Found::Fail(code) => {
                let because = format!("the script has it fail{place}");
                let outcome = Outcome::Deny(denial(*code));
                told(self.operation, name.to_owned(), outcome, because)
            }
        };
        it.remarks = answers_of(found);
        Some(it)
    }

    fn found(&self, name: &str) -> Option<&Name> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.script.names.iter().find(|it| it.name == name)
    }

    /// Where the file says something.
    fn place(&self, line: u32) -> String {
        match line {
            0 => String::new(),
            line if self.script.file.is_empty() => format!(" (line {line})"),
            line => format!(" ({}:{line})", self.script.file),
        }
    }

    /// What a peer does, connection by connection.
    fn serves(&self, peer: &Peer) -> Vec<String> {
        match &peer.serves {
            Serves::Connections(all) => self.connections(all),
            Serves::Stubs(stubs) => {
                let place = self.place(peer.line);
                vec![format!(
                    "it has {} answers, in no order{place}",
                    stubs.stubs.len()
                )]
            }
            Serves::Service(service) => {
                let kind = match service.kind {
                    ServiceKind::Echo => "echo",
                    ServiceKind::Discard => "discard",
                    ServiceKind::Blackhole => "blackhole",
                };
                let place = self.place(peer.line);
                vec![format!("it is the service `{kind}`{place}")]
            }
        }
    }

    fn connections(&self, all: &[Connection]) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut first = 1_u32;
        for connection in all.iter().take(MOST) {
            let next = connection.times.most.map(|most| first.saturating_add(most));
            let which = match next {
                None => format!("connections {first} and up"),
                Some(next) if next == first + 1 => format!("connection {first}"),
                Some(next) => format!("connections {first}-{}", next.saturating_sub(1)),
            };
            let what = match connection.accept {
                Accept::Now => format!("{} steps", connection.steps.count),
                Accept::Refuse => "refused".to_owned(),
                Accept::Timeout => "times out".to_owned(),
                Accept::Unreachable => "unreachable".to_owned(),
                Accept::Reset => "reset".to_owned(),
            };
            let after = match connection.after {
                0 => String::new(),
                time => format!(" after {:?}", Duration::from_nanos(time)),
            };
            let place = self.place(connection.line);
            remarks.push(format!("{which}: {what}{after}{place}"));
            first = next.unwrap_or(first);
        }
        if all.len() > MOST {
            remarks.push(format!("and {} more", all.len() - MOST));
        }
        remarks
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
}

fn addresses(found: &Found) -> &[IpAddr] {
    match found {
        Found::Addresses(ips) => ips,
        Found::Fail(_) => &[],
    }
}

/// What a name answers, now and later.
fn answers_of(name: &Name) -> Vec<String> {
    let words = |found: &Found| match found {
        Found::Addresses(ips) => {
            let ips: Vec<_> = ips.iter().map(IpAddr::to_string).collect();
            format!("answers {}", ips.join(", "))
        }
        Found::Fail(code) => format!("fails, as {}", denial(*code)),
    };
    let mut remarks = Vec::new();
    if let Found::Addresses(_) = name.first {
        remarks.push(format!("looking it up {}", words(&name.first)));
    }
    if let (Some(then), Some(times)) = (&name.then, name.times) {
        let after = match times {
            1 => "from the second time on".to_owned(),
            times => format!("after {times} times"),
        };
        remarks.push(format!("{after} looking it up {}", words(then)));
    }
    if name.delay > 0 {
        let delay = Duration::from_nanos(name.delay);
        remarks.push(format!("that takes {delay:?}"));
    }
    remarks
}

fn denial(code: ErrorCode) -> Denial {
    match code {
        ErrorCode::AccessDenied => Denial::AccessDenied,
        ErrorCode::NameUnresolvable => Denial::NameUnresolvable,
        ErrorCode::TemporaryResolverFailure => Denial::TemporaryResolverFailure,
        _ => Denial::PermanentResolverFailure,
    }
}

/// Who a peer is and where, as a file says it.
fn text_of(peer: &Peer) -> String {
    let protocol = match peer.protocol {
        Played::Tcp => "tcp",
        Played::Udp => "udp",
    };
    let mut text = Text::default();
    text.head("[[peer]]");
    text.line("name", Quoted(&peer.name));
    text.list("at", &peer.at, |text, target| {
        text.push_str(&format!("{protocol}://{}", place(target)));
    });
    text.0.trim_start().to_owned()
}

/// An address, a prefix or `*`, and ports.
fn place(target: &Target) -> String {
    let all = |ip: IpAddr| if ip.is_ipv4() { 32 } else { 128 };
    let host = match target.net {
        None => "*".to_owned(),
        Some(net) => {
            let ip = match net.bits == all(net.ip) {
                true => net.ip.to_string(),
                false => format!("{}/{}", net.ip, net.bits),
            };
            match net.ip {
                IpAddr::V4(_) => ip,
                IpAddr::V6(_) => format!("[{ip}]"),
            }
        }
    };
    match (target.first, target.last) {
        (0 | 1, u16::MAX) => format!("{host}:*"),
        (first, last) if first == last => format!("{host}:{first}"),
        (first, last) => format!("{host}:{first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who takes an operation: a peer, a client, a fault, the host's rules, or nobody.
    #[test]
    fn operations_are_explained_by_who_is_there() {
        let script = "schema = 1\n[dns.hosts]\n'a.test' = { answer = ['192.0.2.1', '192.0.2.2'] }\n\
                      'gone.test' = { fail = 'name-unresolvable', times = 2, then = ['192.0.2.2'] }\n\
                      [[peer]]\nname = 'near'\nat = 'tcp://192.0.2.0/24:1-9'\nservice = 'echo'\n\
                      [[peer]]\nname = 'two'\nat = 'tcp://192.0.2.2:80'\n\
                      [[peer.connection]]\naccept = 'timeout'\nafter = '3s'\nrepeat = 2\n\
                      [[peer.connection]]\nrepeat = '1+'\n\
                      [[client]]\nname = 'c'\nto = 'tcp://127.0.0.1:80'\nscript = [{ send = 'x' }]\n";
        let rules = "[[allow]]\nto = 'b.test'\nport = 443\n";
        let alone = Policy::from_toml(script).expect("a script");
        let beside = Policy::from_toml(&format!("{script}{rules}")).expect("a script and a rule");
        let told = |policy: &Policy, operation, text: &str| {
            let destination = Destination::parse(operation, text).expect("a destination");
            let it = policy.explain(operation, &destination);
            let remarks = it.remarks.join("; ");
            format!(
                "{}: {} [{remarks}]",
                it.deny_as.unwrap_or(it.decision),
                it.because
            )
        };
        let cases = [
            (
                Operation::Connect,
                "tcp://192.0.2.7:3",
                "allow: peer \"near\" of the script is there \
              [it is the service `echo` (line 5)]",
            ),
            (
                Operation::Connect,
                "tcp://a.test:80",
                "allow: peer \"two\" of the script is there \
              [connections 1-2: times out after 3s (line 12); connections 3 and up: 0 steps (line 16); \
              looking it up answers 192.0.2.1, 192.0.2.2]",
            ),
            (
                Operation::Resolve,
                "GONE.test.",
                "name-unresolvable: the script has it fail (line 4) \
              [after 2 times looking it up answers 192.0.2.2]",
            ),
            (
                Operation::Accept,
                "tcp://203.0.113.1:40001",
                "allow: client \"c\" of the script is there \
              (line 18) []",
            ),
            (
                Operation::Listen,
                "tcp://127.0.0.1:80",
                "allow: client \"c\" of the script connects there, \
              from 203.0.113.1:40001 (line 18) []",
            ),
            (
                Operation::Connect,
                "tcp://127.0.0.1:81",
                "allow: it is on the network in memory, inside of \
              the component []",
            ),
        ];
        for policy in [&alone, &beside] {
            for (operation, text, expected) in cases {
                assert_eq!(told(policy, operation, text), expected, "{text}");
            }
        }
        let nobody = told(&alone, Operation::Connect, "tcp://192.0.2.1:80");
        assert_eq!(
            nobody,
            "connection-refused: no peer of the script is there []"
        );
        let unknown = told(&alone, Operation::Connect, "tcp://b.test:443");
        assert!(
            unknown.starts_with("permanent-resolver-failure: `[dns.hosts]` does not"),
            "{unknown}"
        );
        let by_rule = told(&beside, Operation::Connect, "tcp://b.test:443");
        assert!(by_rule.starts_with("allow: rule `allow[1]`"), "{by_rule}");
        let no_rule = told(&beside, Operation::Connect, "tcp://192.0.2.1:80");
        assert!(
            no_rule.contains("no rule allows it") || no_rule.contains("special"),
            "{no_rule}"
        );
    }
}
