//! The tables that a policy becomes. What they hold is in `rules/record.rs`.

use crate::rules::record::{DEFAULT_DENIAL, EXCEPT, EXCEPTS_NAMES, FROM, NameEntry, RESOLVES_TO};
use crate::rules::{HEADER, Key, MAGIC, SECTIONS, VERSION, flag, use_of, uses};
use crate::{
    AllowRule, Denial, DenyRule, Host, HostAnswer, NamePattern, Operation, Policy, Ports, Protocol,
    Redirect, Special, Target,
};
use ipnet::IpNet;
use std::collections::BTreeMap;

impl Policy {
    /// The policy as the code inside a component reads it, with [`Rules::read`](crate::Rules::read).
    ///
    /// Policies with the same canonical text have the same bytes.
    pub fn wire(&self) -> Vec<u8> {
        let policy = self.sorted();
        let mut tables = Tables::default();
        for special in Special::ALL {
            for net in special.nets() {
                tables.entry(net);
            }
        }
        for (position, rule) in (0..).zip(&policy.deny) {
            tables.deny(rule, position);
        }
        for (position, rule) in (0..).zip(&policy.allow) {
            tables.allow(rule, position);
        }
        for (position, rule) in (0..).zip(&policy.redirect) {
            tables.redirect(rule, position);
        }
        for (position, host) in (0..).zip(&policy.hosts) {
            tables.host(host, position);
        }
        tables.finish(&policy)
    }
}

/// A prefix as the tables have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix {
    /// IPv4 sorts behind IPv6, because IPv6 prefixes around its place do not mean it.
    v4: bool,
    start: u128,
    length: u8,
}

impl Prefix {
    fn new(net: IpNet) -> Self {
        let v4 = matches!(net, IpNet::V4(_));
        Prefix {
            v4,
            start: Key::of(net.network()).0,
            length: net.prefix_len() + if v4 { Key::V4_PREFIX } else { 0 },
        }
    }

    fn contains(self, inner: Prefix) -> bool {
        let common = (self.start ^ inner.start).leading_zeros();
        self.v4 == inner.v4 && self.length <= inner.length && common >= self.length.into()
    }
}

#[derive(Default)]
struct Tables {
    rules: Vec<[u8; 48]>,
    ports: Vec<u8>,
    ranges: Vec<u8>,
    /// The prefixes, and the rules that name them.
    entries: BTreeMap<Prefix, Vec<u32>>,
    /// The names, each with the byte of its kind in front, and the rules that have them.
    names: BTreeMap<Vec<u8>, Vec<u32>>,
    text: Vec<u8>,
    flags: u8,
}

/// The numbers of a rule's record.
struct Record {
    kind: u8,
    operations: Vec<Operation>,
    uses: u8,
    deny_as: u8,
    flags: u8,
    position: u32,
    target_port: u16,
}

impl Record {
    fn new(kind: u8, position: u32, operations: &[Operation], protocol: Option<Protocol>) -> Self {
        Record {
            kind,
            uses: uses_of(operations, protocol),
            operations: operations.to_vec(),
            deny_as: DEFAULT_DENIAL,
            flags: 0,
            position,
            target_port: 0,
        }
    }
}

/// The lists of a rule's record.
#[derive(Default)]
struct Lists<'a> {
    id: Option<&'a str>,
    ports: Option<&'a Ports>,
    addresses: Vec<Prefix>,
    from: Vec<Prefix>,
    resolves_to: Vec<Prefix>,
}

impl Tables {
    fn entry(&mut self, net: IpNet) -> &mut Vec<u32> {
        self.entries.entry(Prefix::new(net)).or_default()
    }

    fn deny(&mut self, rule: &DenyRule, position: u32) {
        let record = Record {
            deny_as: rule.deny_as.map_or(DEFAULT_DENIAL, code),
            ..Record::new(1, position, &rule.operations, rule.protocol)
        };
        let lists = Lists {
            id: rule.id.as_deref(),
            ports: Some(&rule.ports),
            ..Lists::default()
        };
        let number = self.push(&record, lists);
        self.targets(&rule.to, number);
    }

    fn allow(&mut self, rule: &AllowRule, position: u32) {
        let mut record = Record::new(0, position, &rule.operations, rule.protocol);
        if !rule.resolves_to.is_empty() {
            record.flags |= RESOLVES_TO;
        }
        if !rule.from.is_empty() {
            record.flags |= FROM;
        }
        let lists = Lists {
            id: rule.id.as_deref(),
            ports: Some(&rule.ports),
            addresses: prefixes(&rule.except),
            from: prefixes(&rule.from),
            resolves_to: prefixes(&rule.resolves_to),
        };
        if rule.except.iter().any(|it| matches!(it, Target::Name(_))) {
            record.flags |= EXCEPTS_NAMES;
        }
        self.lets_out(record.uses);
        let number = self.push(&record, lists);
        self.targets(&rule.to, number);
        for target in &rule.except {
            if let Target::Name(name) = target {
                self.name(name, number | EXCEPT);
            }
        }
    }

    fn redirect(&mut self, rule: &Redirect, position: u32) {
        let record = Record {
            target_port: rule.to.port(),
            ..Record::new(2, position, rule.operations(), Some(rule.protocol))
        };
        let lists = Lists {
            id: rule.id.as_deref(),
            ports: Some(&rule.ports),
            addresses: vec![Prefix::new(rule.to.ip().into())],
            ..Lists::default()
        };
        self.lets_out(record.uses);
        let number = self.push(&record, lists);
        self.targets(std::slice::from_ref(&rule.from), number);
    }

    fn host(&mut self, host: &Host, position: u32) {
        let mut record = Record::new(3, position, &[Operation::Resolve], None);
        let mut lists = Lists::default();
        match &host.answer {
            HostAnswer::Fail(denial) => record.deny_as = code(*denial),
            HostAnswer::Addresses(addresses) => {
                let nets = addresses.iter().map(|ip| Prefix::new((*ip).into()));
                lists.addresses = nets.collect();
            }
        }
        let number = self.push(&record, lists);
        self.name(&NamePattern::Exact(host.name.clone()), number);
    }

    fn lets_out(&mut self, its: u8) {
        if its & uses::TCP_CONNECT != 0 {
            self.flags |= flag::TCP_OUT;
        }
        if its & uses::UDP_OUT != 0 {
            self.flags |= flag::UDP_OUT;
        }
    }

    fn targets(&mut self, targets: &[Target], rule: u32) {
        for target in targets {
            for net in target.nets() {
                let items = self.entry(net);
                if items.last() != Some(&rule) {
                    items.push(rule);
                }
            }
            match target {
                Target::Any => self.name(&NamePattern::Many(String::new()), rule),
                Target::Name(name) => self.name(name, rule),
                Target::Range(_) | Target::Net(_) => {}
            }
        }
    }

    fn name(&mut self, name: &NamePattern, item: u32) {
        let (kind, text) = match name {
            NamePattern::Exact(text) => (NameEntry::EXACT, text),
            NamePattern::One(text) => (NameEntry::ONE, text),
            NamePattern::Many(text) => (NameEntry::MANY, text),
        };
        let mut key = vec![kind];
        key.extend_from_slice(text.as_bytes());
        let items = self.names.entry(key).or_default();
        if items.last() != Some(&item) {
            items.push(item);
        }
    }

    fn push(&mut self, record: &Record, lists: Lists<'_>) -> u32 {
        let number = self.rules.len() as u32;
        let mut bytes = [0; 48];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let operations = record.operations.iter();
        let operations = operations.fold(0, |bits, op| bits | 1 << *op as u8);
        put(0, &[record.kind, record.uses, operations, record.deny_as]);
        let (first, count) = self.put_ports(lists.ports);
        put(4, &first.to_le_bytes());
        put(8, &count.to_le_bytes());
        let id = lists.id.unwrap_or_default().as_bytes();
        put(10, &[record.flags, id.len() as u8]);
        put(12, &(self.text.len() as u32).to_le_bytes());
        self.text.extend_from_slice(id);
        for (at, list) in [
            (16, lists.addresses),
            (24, lists.from),
            (32, lists.resolves_to),
        ] {
            let first = (self.ranges.len() / 20) as u32;
            put(at, &first.to_le_bytes());
            put(at + 4, &(list.len() as u32).to_le_bytes());
            for Prefix { start, length, .. } in list {
                self.ranges.extend_from_slice(&start.to_le_bytes());
                self.ranges.extend_from_slice(&[length, 0, 0, 0]);
            }
        }
        put(40, &record.position.to_le_bytes());
        put(44, &record.target_port.to_le_bytes());
        self.rules.push(bytes);
        number
    }

    fn put_ports(&mut self, ports: Option<&Ports>) -> (u32, u16) {
        let first = (self.ports.len() / 4) as u32;
        let mut count = 0;
        for (low, high) in ports.into_iter().flat_map(Ports::ranges) {
            self.ports.extend_from_slice(&low.to_le_bytes());
            self.ports.extend_from_slice(&high.to_le_bytes());
            count += 1;
        }
        (first, count)
    }

    fn finish(mut self, policy: &Policy) -> Vec<u8> {
        let mut items = Vec::new();
        let entries = self.put_entries(&mut items);
        let names = self.put_names(&mut items);
        let sections = [
            self.rules.concat(),
            self.ports,
            self.ranges,
            entries,
            items,
            names,
            self.text,
        ];
        let mut bytes = Vec::with_capacity(HEADER + sections.iter().map(Vec::len).sum::<usize>());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[
            VERSION,
            policy.dns_mode as u8,
            policy.log as u8,
            self.flags,
            0,
            0,
            0,
            0,
        ]);
        let range = policy.dns_range;
        bytes.extend_from_slice(&range.network().to_bits().to_le_bytes());
        bytes.push(range.prefix_len());
        bytes.extend(Operation::ALL.map(|op| code(policy.default_denial(op))));
        let mut at = HEADER;
        for (section, size) in sections.iter().zip(SECTIONS) {
            bytes.extend_from_slice(&(at as u32).to_le_bytes());
            bytes.extend_from_slice(&((section.len() / size) as u32).to_le_bytes());
            at += section.len();
        }
        bytes.extend(sections.iter().flatten());
        bytes
    }

    fn put_entries(&self, items: &mut Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 32);
        let special: Vec<_> = Special::ALL
            .into_iter()
            .flat_map(|special| {
                special
                    .nets()
                    .map(move |net| (Prefix::new(net), special.bit()))
            })
            .collect();
        // The prefixes around the one at hand, with what special ranges each lies in.
        let mut around: Vec<(Prefix, u32, u16)> = Vec::new();
        for (number, (&its, rules)) in (1..).zip(&self.entries) {
            while around
                .last()
                .is_some_and(|(outer, ..)| !outer.contains(its))
            {
                around.pop();
            }
            let (parent, inherited) = around.last().map_or((0, 0), |(_, number, s)| (*number, *s));
            let mask = special
                .iter()
                .filter(|(net, _)| *net == its)
                .fold(inherited, |mask, (_, bit)| mask | bit);
            bytes.extend_from_slice(&its.start.to_le_bytes());
            bytes.extend_from_slice(&parent.to_le_bytes());
            put_items(rules, items, &mut bytes);
            bytes.extend_from_slice(&mask.to_le_bytes());
            bytes.extend_from_slice(&[its.length, 0]);
            around.push((its, number, mask));
        }
        bytes
    }

    fn put_names(&mut self, items: &mut Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.names.len() * 16);
        for (key, rules) in &self.names {
            bytes.extend_from_slice(&(self.text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&[0, 0]);
            put_items(rules, items, &mut bytes);
            self.text.extend_from_slice(key);
        }
        bytes
    }
}

fn put_items(rules: &[u32], items: &mut Vec<u8>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&((items.len() / 4) as u32).to_le_bytes());
    bytes.extend_from_slice(&(rules.len() as u32).to_le_bytes());
    for rule in rules {
        items.extend_from_slice(&rule.to_le_bytes());
    }
}

/// What some operations are uses of.
pub(crate) fn uses_of(operations: &[Operation], protocol: Option<Protocol>) -> u8 {
    let protocols = Protocol::ALL.into_iter();
    let protocols = protocols.filter(|it| protocol.is_none_or(|protocol| protocol == *it));
    protocols
        .flat_map(|protocol| operations.iter().map(move |op| use_of(*op, protocol)))
        .fold(0, |all, its| all | its)
}

/// The addresses of a list, sorted, without those that others in it have anyway.
fn prefixes(targets: &[Target]) -> Vec<Prefix> {
    let nets = targets.iter().flat_map(Target::nets).map(Prefix::new);
    let mut sorted: Vec<_> = nets.collect();
    sorted.sort_unstable();
    sorted.dedup_by(|next, last| last.contains(*next));
    sorted
}

fn code(denial: Denial) -> u8 {
    denial as u8
}
