//! The tables that a policy becomes. What they hold is in `rules/record.rs`.

use crate::rules::record::{
    DEFAULT_DENIAL, EXCEPT, EXCEPTS_NAMES, FROM, NameEntry, RESOLVES_TO, SpecialNet,
};
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
        let count = policy.count();
        let mut tables = Tables {
            rules: Vec::with_capacity(count),
            entries: Vec::with_capacity(count),
            ..Tables::default()
        };
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
            start: match net {
                IpNet::V4(net) => Key::v4(net.network().to_bits()).0,
                IpNet::V6(net) => net.network().to_bits(),
            },
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
    /// The prefixes that rules name, each with the rule.
    entries: Vec<(Prefix, u32)>,
    /// The names, each with the byte of its kind in front, and the rules that have them.
    names: BTreeMap<Vec<u8>, Vec<u32>>,
    text: Vec<u8>,
    flags: u8,
}

/// The numbers of a rule's record.
struct Record<'r> {
    kind: u8,
    operations: &'r [Operation],
    uses: u8,
    deny_as: u8,
    flags: u8,
    position: u32,
    target_port: u16,
}

impl<'r> Record<'r> {
    fn new(
        kind: u8,
        position: u32,
        operations: &'r [Operation],
        protocol: Option<Protocol>,
    ) -> Self {
        Record {
            kind,
            uses: uses_of(operations, protocol),
            operations,
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
            let mut enter = |net| self.entries.push((Prefix::new(net), rule));
            match target {
                Target::Net(net) => enter(*net),
                Target::Range(_) => target.nets().into_iter().for_each(enter),
                Target::Any => {
                    target.nets().into_iter().for_each(enter);
                    self.name(&NamePattern::Many(String::new()), rule);
                }
                Target::Name(name) => self.name(name, rule),
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

    fn push(&mut self, record: &Record<'_>, lists: Lists<'_>) -> u32 {
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
        let special = special_nets(policy, &self.granted());
        let sections: [&[u8]; _] = [
            self.rules.as_flattened(),
            &self.ports,
            &self.ranges,
            &entries,
            &items,
            &names,
            &self.text,
            &special,
        ];
        let length = sections.iter().map(|section| section.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(HEADER + length);
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
        // The rules come last: behind every record there are as many bytes as are read, then.
        let [rules, others @ ..] = &sections;
        let mut at = HEADER;
        let mut places = vec![HEADER + length - rules.len()];
        for section in others {
            places.push(at);
            at += section.len();
        }
        for ((section, size), at) in sections.iter().zip(SECTIONS).zip(places) {
            bytes.extend_from_slice(&(at as u32).to_le_bytes());
            bytes.extend_from_slice(&((section.len() / size) as u32).to_le_bytes());
        }
        for section in others {
            bytes.extend_from_slice(section);
        }
        bytes.extend_from_slice(rules);
        bytes
    }

    /// The entries, with the special ranges that each lies in.
    fn put_entries(&mut self, items: &mut Vec<u8>) -> Vec<u8> {
        self.entries.sort_unstable();
        self.entries.dedup();
        let mut special = special_prefixes().into_iter().peekable();
        let mut bytes = Vec::with_capacity(self.entries.len() * 32);
        // The prefixes around the one at hand, with the entry that each is or lies in, and what
        // special ranges it lies in.
        let mut around: Vec<(Prefix, u32, u16)> = Vec::new();
        let mut enter = |its: Prefix, number: Option<u32>, bit: u16| {
            while around
                .last()
                .is_some_and(|(outer, ..)| !outer.contains(its))
            {
                around.pop();
            }
            let (parent, inherited) = around.last().map_or((0, 0), |(_, number, s)| (*number, *s));
            let special = inherited | bit;
            around.push((its, number.unwrap_or(parent), special));
            (parent, special)
        };
        for (number, same) in (1..).zip(self.entries.chunk_by(|(a, _), (b, _)| a == b)) {
            let its = same[0].0;
            while let Some((net, bit)) = special.next_if(|(net, _)| *net <= its) {
                enter(net, None, bit);
            }
            let (parent, special) = enter(its, Some(number), 0);
            bytes.extend_from_slice(&its.start.to_le_bytes());
            bytes.extend_from_slice(&parent.to_le_bytes());
            put_items(same.iter().map(|(_, rule)| *rule), items, &mut bytes);
            bytes.extend_from_slice(&special.to_le_bytes());
            bytes.extend_from_slice(&[its.length, 0]);
        }
        bytes
    }

    /// The prefixes that allow rules name, of the sorted entries: those that no other has in it.
    fn granted(&self) -> Vec<Prefix> {
        let is_allow = |rule: u32| self.rules.get(rule as usize).is_some_and(|it| it[0] == 0);
        let entries = self.entries.iter().filter(|(_, rule)| is_allow(*rule));
        let mut granted: Vec<_> = entries.map(|(prefix, _)| *prefix).collect();
        granted.dedup_by(|next, last| last.contains(*next));
        granted
    }

    fn put_names(&mut self, items: &mut Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.names.len() * 16);
        for (key, rules) in &self.names {
            bytes.extend_from_slice(&(self.text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&[0, 0]);
            put_items(rules.iter().copied(), items, &mut bytes);
            self.text.extend_from_slice(key);
        }
        bytes
    }
}

fn put_items(rules: impl Iterator<Item = u32>, items: &mut Vec<u8>, bytes: &mut Vec<u8>) {
    let first = items.len();
    for rule in rules {
        items.extend_from_slice(&rule.to_le_bytes());
    }
    let count = (items.len() - first) / 4;
    bytes.extend_from_slice(&((first / 4) as u32).to_le_bytes());
    bytes.extend_from_slice(&(count as u32).to_le_bytes());
}

/// The prefixes of all special ranges, sorted, each with the bit of its range.
fn special_prefixes() -> Vec<(Prefix, u16)> {
    let ranges = Special::ALL.into_iter();
    let nets = ranges.flat_map(|range| range.nets().map(move |net| (net, range.bit())));
    let mut prefixes: Vec<_> = nets.map(|(net, bit)| (Prefix::new(net), bit)).collect();
    prefixes.sort_unstable();
    prefixes
}

/// As records the prefixes that decisions depend on, those of IPv4 first. Which ranges an address
/// lies in is only asked where an allow rule is about it, by the prefix that the rule names or by a
/// name; a range that has all of the prefix in it is noted with that.
fn special_nets(policy: &Policy, granted: &[Prefix]) -> Vec<u8> {
    // Every IPv6 address that has an IPv4 address in it is in one of these.
    let embeds = |prefix: &Prefix| {
        let heads = [0x2002 << 112, 0x2001 << 112, 0x64_ff9b << 96, 0_u128];
        let heads = heads.map(|start| Prefix {
            v4: false,
            start,
            length: if start == 0 { 96 } else { 16 },
        });
        let overlaps = |head: Prefix| head.contains(*prefix) || prefix.contains(head);
        !prefix.v4 && heads.into_iter().any(overlaps)
    };
    let all = policy.looks_up_names() || granted.iter().any(embeds);
    let is_granted = |net: Prefix| {
        let after = granted.partition_point(|prefix| *prefix <= net);
        let nearest = after.checked_sub(1).and_then(|at| granted.get(at));
        nearest.is_some_and(|prefix| prefix.contains(net))
    };
    let matters = |net: Prefix| all || is_granted(net);
    let mut bytes = Vec::new();
    for v4 in [true, false] {
        let nets = special_prefixes().into_iter();
        for (net, bit) in nets.filter(|(net, _)| net.v4 == v4 && matters(*net)) {
            let number = bit.trailing_zeros() as u8;
            let (first, last, length, number) = match v4 {
                true => (
                    u64::from(net.start as u32),
                    0,
                    net.length - Key::V4_PREFIX,
                    number | SpecialNet::V4,
                ),
                false => (
                    (net.start >> 64) as u64,
                    net.start as u16,
                    net.length,
                    number,
                ),
            };
            bytes.extend_from_slice(&first.to_le_bytes());
            bytes.extend_from_slice(&last.to_le_bytes());
            bytes.extend_from_slice(&[length, number]);
        }
    }
    bytes
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
    if targets.is_empty() {
        return Vec::new();
    }
    let nets = targets.iter().flat_map(Target::nets).map(Prefix::new);
    let mut sorted: Vec<_> = nets.collect();
    sorted.sort_unstable();
    sorted.dedup_by(|next, last| last.contains(*next));
    sorted
}

fn code(denial: Denial) -> u8 {
    denial as u8
}
