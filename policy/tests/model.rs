//! Compiled rules decide as a model does that goes through all rules, one by one.

use ipnet::IpNet;
use proptest::prelude::*;
use sockvirt_policy::{
    Key, NameTable, NoNames, Operation, Policy, Protocol, Rules, Session, Special, Verdict,
};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Clone, Debug)]
struct Rule {
    allows: bool,
    operations: Vec<Operation>,
    protocol: Option<Protocol>,
    to: Vec<String>,
    ports: Option<(u16, u16)>,
    except: Vec<String>,
    from: Vec<String>,
}

const TARGETS: [&str; 26] = [
    "*",
    "0.0.0.0/0",
    "::/0",
    "8.0.0.0/8",
    "8.8.0.0/16",
    "8.8.8.8",
    "8.8.8.9",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "127.0.0.1",
    "loopback",
    "private",
    "link-local",
    "metadata",
    "169.254.169.254",
    "0.0.0.0",
    "unspecified",
    "::",
    "2001:db8::/32",
    "2606::/16",
    "2606::1",
    "2002::/16",
    "64:ff9b::/96",
    "multicast",
    "broadcast",
];

const ADDRESSES: [&str; 27] = [
    "8.8.8.8",
    "8.8.8.9",
    "8.8.1.1",
    "8.1.1.1",
    "9.9.9.9",
    "10.1.2.3",
    "10.1.9.9",
    "10.9.9.9",
    "127.0.0.1",
    "127.0.0.2",
    "169.254.169.254",
    "169.254.1.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "2606::1",
    "2606::2",
    "2001:db8::1",
    "2002:808:808::1",
    "2002:a01:203::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::10.1.2.3",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "fe80::1",
];

const PORTS: [u16; 4] = [0, 1, 80, 443];

fn operations(rule: bool) -> Vec<Vec<Operation>> {
    use Operation::{Accept, Bind, Connect, Listen, Receive, Send};
    let mut all = vec![
        vec![Connect],
        vec![Send],
        vec![Bind],
        vec![Listen],
        vec![Connect, Bind],
        vec![Connect, Send],
        vec![Connect, Bind, Listen, Accept, Send, Receive],
    ];
    if rule {
        all.extend([vec![Accept], vec![Receive], vec![Accept, Receive]]);
    }
    all
}

fn targets(count: usize) -> impl Strategy<Value = Vec<String>> {
    let one = prop::sample::select(TARGETS.to_vec());
    prop::collection::vec(one.prop_map(str::to_owned), 0..=count)
}

fn rule() -> impl Strategy<Value = Rule> {
    let parts = (
        prop::bool::weighted(0.7),
        prop::sample::select(operations(true)),
        prop::option::of(prop::sample::select(Protocol::ALL.to_vec())),
        targets(3),
        prop::sample::select(vec![
            None,
            Some((0, 0)),
            Some((80, 80)),
            Some((1, 100)),
            Some((0, 443)),
        ]),
        targets(1),
        targets(1),
    );
    parts.prop_filter_map(
        "no rule",
        |(allows, operations, protocol, to, ports, except, from)| {
            let udp = protocol == Some(Protocol::Udp);
            let listens = operations.contains(&Operation::Listen);
            let listener = listens || operations.contains(&Operation::Accept);
            let only = |wanted: &[Operation]| operations.iter().all(|op| wanted.contains(op));
            let useless = udp && listener
                || protocol == Some(Protocol::Tcp) && only(&[Operation::Send, Operation::Receive]);
            (!to.is_empty() && !useless).then(|| Rule {
                except: if allows { except } else { Vec::new() },
                from: if allows && listens { from } else { Vec::new() },
                allows,
                operations,
                protocol,
                to,
                ports,
            })
        },
    )
}

fn text(rules: &[Rule]) -> String {
    let mut text = "schema = 1\n[policy]\ndeny-at = 'operation'\n".to_owned();
    for rule in rules {
        let kind = if rule.allows { "allow" } else { "deny" };
        let operations: Vec<_> = rule.operations.iter().map(|op| op.name()).collect();
        let _ = writeln!(text, "[[{kind}]]\nop = {operations:?}\nto = {:?}", rule.to);
        if let Some(protocol) = rule.protocol {
            let _ = writeln!(text, "proto = '{protocol}'");
        }
        let _ = match rule.ports {
            None => writeln!(text, "port = '*'"),
            Some((low, high)) => writeln!(text, "port = '{low}-{high}'"),
        };
        for (key, list) in [("except", &rule.except), ("from", &rule.from)] {
            if !list.is_empty() {
                let _ = writeln!(text, "{key} = {list:?}");
            }
        }
    }
    text
}

fn nets(target: &str) -> Vec<IpNet> {
    if target == "*" {
        return vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    }
    if let Ok(special) = target.parse::<Special>() {
        return special.nets().collect();
    }
    let net = target.parse::<IpNet>();
    vec![net.unwrap_or_else(|_| target.parse::<IpAddr>().unwrap().into())]
}

fn embedded(ip: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = ip else {
        return Vec::new();
    };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match s {
        [0x2002, high, low, ..] => vec![v4(high, low)],
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => vec![v4(high, low)],
        _ => Vec::new(),
    }
}

/// The special ranges that an address is in.
fn special(ip: IpAddr) -> Vec<Special> {
    let in_range = |special: &Special| {
        let mut nets = special.nets();
        let all: Vec<_> = embedded(ip).into_iter().chain([ip]).collect();
        nets.any(|net| all.iter().any(|ip| net.contains(ip)))
    };
    Special::ALL.into_iter().filter(in_range).collect()
}

impl Rule {
    fn is_about(&self, operation: Operation, protocol: Protocol, port: u16) -> bool {
        let out = [Operation::Connect, Operation::Send];
        let udp = protocol == Protocol::Udp;
        let operation = self.operations.contains(&operation)
            || udp && out.contains(&operation) && self.operations.iter().any(|op| out.contains(op));
        let ports = self
            .ports
            .is_none_or(|(low, high)| (low..=high).contains(&port));
        operation && ports && self.protocol.is_none_or(|it| it == protocol)
    }

    fn denies(&self, operation: Operation, protocol: Protocol, at: SocketAddr) -> bool {
        let ips: Vec<_> = embedded(at.ip()).into_iter().chain([at.ip()]).collect();
        let mut nets = self.to.iter().flat_map(|to| nets(to));
        !self.allows
            && self.is_about(operation, protocol, at.port())
            && nets.any(|net| ips.iter().any(|ip| net.contains(ip)))
    }

    fn grants(&self, operation: Operation, protocol: Protocol, at: SocketAddr) -> bool {
        let excepted = self
            .except
            .iter()
            .flat_map(|to| nets(to))
            .any(|net| net.contains(&at.ip()));
        let special = special(at.ip());
        let suits = |net: IpNet| {
            net.contains(&at.ip())
                && special
                    .iter()
                    .all(|special| special.nets().any(|it| it.contains(&net)))
        };
        self.allows
            && !excepted
            && self.is_about(operation, protocol, at.port())
            && self.to.iter().flat_map(|to| nets(to)).any(suits)
    }
}

struct Model<'r>(&'r [Rule]);

impl Model<'_> {
    fn denied(&self, operation: Operation, protocol: Protocol, at: SocketAddr) -> bool {
        self.0
            .iter()
            .any(|rule| rule.denies(operation, protocol, at))
    }

    fn granted(&self, operation: Operation, protocol: Protocol, at: SocketAddr) -> bool {
        self.0
            .iter()
            .any(|rule| rule.grants(operation, protocol, at))
    }

    /// Whether an operation is allowed; nothing where it is invalid.
    fn decide(&self, operation: Operation, protocol: Protocol, at: SocketAddr) -> Option<bool> {
        let tcp = protocol == Protocol::Tcp;
        let unicast = !at.ip().is_multicast() && at.ip() != IpAddr::V4(Ipv4Addr::BROADCAST);
        if let IpAddr::V6(v6) = at.ip()
            && v6.to_ipv4().is_some()
            && !v6.is_unspecified()
            && !v6.is_loopback()
        {
            return None;
        }
        let denied = self.denied(operation, protocol, at);
        let granted = self.granted(operation, protocol, at);
        match operation {
            Operation::Connect | Operation::Send if !tcp || operation == Operation::Connect => {
                let remote = at.port() != 0 && !at.ip().is_unspecified() && (unicast || !tcp);
                remote.then_some(granted && !denied)
            }
            Operation::Bind if unicast || !tcp => {
                let out = |rule: &Rule| {
                    let mut ports = 0..=u16::MAX;
                    rule.allows
                        && ports.any(|port| rule.is_about(Operation::Connect, protocol, port))
                };
                let implicit = at.ip().is_unspecified() && at.port() == 0 && self.0.iter().any(out);
                let listens = tcp && self.granted(Operation::Listen, protocol, at);
                Some(!denied && (granted || listens || implicit))
            }
            Operation::Listen if unicast && tcp => Some(!denied && self.listens(at, None)),
            Operation::Accept if tcp => Some(!denied && granted),
            Operation::Receive if !tcp => Some(!denied && granted),
            _ => None,
        }
    }

    fn listens(&self, at: SocketAddr, peer: Option<IpAddr>) -> bool {
        let zero = SocketAddr::new(at.ip(), 0);
        let serves = |at: SocketAddr| {
            self.0.iter().any(|rule| {
                let mut from = rule.from.iter().flat_map(|to| nets(to));
                rule.grants(Operation::Listen, Protocol::Tcp, at)
                    && (rule.from.is_empty()
                        || peer.is_none_or(|peer| from.any(|net| net.contains(&peer))))
            })
        };
        let by_number = self.granted(Operation::Bind, Protocol::Tcp, at)
            || self.granted(Operation::Listen, Protocol::Tcp, at);
        serves(at) || (!by_number && serves(zero))
    }

    fn accepts(&self, local: SocketAddr, peer: SocketAddr) -> Option<bool> {
        self.decide(Operation::Bind, Protocol::Udp, local)?;
        let by_peer = self.decide(Operation::Accept, Protocol::Tcp, peer)?;
        let denied = self.denied(Operation::Accept, Protocol::Tcp, peer);
        Some(by_peer || !denied && self.listens(local, Some(peer.ip())))
    }
}

fn questions() -> impl Iterator<Item = (Operation, Protocol, SocketAddr)> {
    let addresses = ADDRESSES.iter().flat_map(|ip| {
        let ip: IpAddr = ip.parse().unwrap();
        PORTS.map(|port| SocketAddr::new(ip, port))
    });
    addresses.flat_map(|at| {
        Operation::ALL
            .into_iter()
            .flat_map(move |op| Protocol::ALL.map(|protocol| (op, protocol, at)))
    })
}

fn answer(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Allow { .. } => Some(true),
        Verdict::Deny(_) => Some(false),
        Verdict::Invalid => None,
    }
}

fn answers(policy: &Policy) -> Vec<Option<bool>> {
    let wire = policy.wire();
    let rules = Rules::read(&wire).expect("rules");
    let mut session = Session::<NoNames>::boxed();
    questions()
        .map(|(op, protocol, at)| answer(session.decide(&rules, op, protocol, 0, at).verdict))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn compiled_rules_decide_as_the_model(rules in prop::collection::vec(rule(), 0..6)) {
        let policy = Policy::from_toml(&text(&rules)).expect("a policy");
        let model = Model(&rules);
        for ((op, protocol, at), answer) in questions().zip(answers(&policy)) {
            prop_assert_eq!(answer, model.decide(op, protocol, at), "{} {} {}", op, protocol, at);
        }
    }

    #[test]
    fn listeners_accept_as_the_model(rules in prop::collection::vec(rule(), 1..5)) {
        let policy = Policy::from_toml(&text(&rules)).expect("a policy");
        let wire = policy.wire();
        let read = Rules::read(&wire).expect("rules");
        let mut session = Session::<NoNames>::boxed();
        for local in ["0.0.0.0:80", "127.0.0.1:0", "10.1.2.3:443", "[::]:80", "8.8.8.8:5000"] {
            for peer in ADDRESSES {
                let local = local.parse().unwrap();
                let peer = SocketAddr::new(peer.parse().unwrap(), 80);
                let accepted = answer(session.accept(&read, local, peer).verdict);
                prop_assert_eq!(accepted, Model(&rules).accepts(local, peer), "{} {}", local, peer);
            }
        }
    }

    /// Names make no difference to who has none.
    #[test]
    fn sessions_with_names_decide_alike(rules in prop::collection::vec(rule(), 0..4)) {
        let policy = Policy::from_toml(&text(&rules)).expect("a policy");
        let wire = policy.wire();
        let read = Rules::read(&wire).expect("rules");
        let mut session = Session::<NameTable>::boxed();
        for ((op, protocol, at), expected) in questions().zip(answers(&policy)) {
            prop_assert_eq!(answer(session.decide(&read, op, protocol, 0, at).verdict), expected);
        }
    }

    #[test]
    fn a_deny_never_allows_more(rules in prop::collection::vec(rule(), 0..5), mut deny in rule()) {
        let before = answers(&Policy::from_toml(&text(&rules)).expect("a policy"));
        deny.allows = false;
        deny.except.clear();
        deny.from.clear();
        let rules: Vec<_> = rules.into_iter().chain([deny]).collect();
        let after = answers(&Policy::from_toml(&text(&rules)).expect("a policy"));
        for (((op, _, at), before), after) in questions().zip(before).zip(after) {
            prop_assert!(after != Some(true) || before == Some(true), "{} {}", op, at);
        }
    }

    /// What is read back is the same policy, with the same decisions, to the byte.
    #[test]
    fn canonical_text_and_wire_are_the_policy(rules in prop::collection::vec(rule(), 0..6)) {
        let policy = Policy::from_toml(&text(&rules)).expect("a policy");
        let canonical = policy.canonical();
        let again = Policy::from_toml(&canonical).expect("canonical text can be read");
        prop_assert_eq!(again.canonical(), canonical);
        prop_assert_eq!(again.wire(), policy.wire());
        let backwards: Vec<_> = rules.iter().rev().cloned().collect();
        let backwards = Policy::from_toml(&text(&backwards)).expect("a policy");
        prop_assert_eq!(backwards.wire(), policy.wire());
    }

    /// Bytes that are damaged never make anything panic.
    #[test]
    fn damage_never_panics(
        rules in prop::collection::vec(rule(), 0..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in any::<prop::sample::Index>(),
        cuts in prop::bool::weighted(0.1),
    ) {
        let policy = text(&rules) + "[[allow]]\nto = ['**.test', 'a.b.test']\nport = '*'\n\
            [[redirect]]\nfrom = 'tcp://c.test:1'\nto = '9.9.9.9:1'\n[dns.hosts]\n'd.test' = { answer = ['9.9.9.9'] }";
        let mut wire = Policy::from_toml(&policy).expect("a policy").wire();
        for (at, byte) in damage {
            *at.get_mut(&mut wire) = byte;
        }
        if cuts {
            wire.truncate(cut.index(wire.len()));
        }
        for rules in [Rules::read(&wire).ok(), Some(Rules::trusted(&wire))].into_iter().flatten() {
            let mut session = Session::<NameTable>::boxed();
            for name in ["a.b.test", "c.test", "d.test", "1.2.3.4"] {
                let lookup = session.resolve(&rules, name.as_bytes()).lookup;
                if let sockvirt_policy::Lookup::Ask(query) | sockvirt_policy::Lookup::Inside(query) = lookup {
                    session.answered(&rules, query, Key::v4(0x0909_0909));
                    session.next_inside(&rules, query);
                    session.end_lookup(query);
                }
            }
            for (op, protocol, at) in questions() {
                session.decide(&rules, op, protocol, 0, at);
            }
        }
    }
}
