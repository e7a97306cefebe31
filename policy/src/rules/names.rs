//! Which rules match a name.

use super::matching::{Ask, Matches, applies, covers, special};
use super::record::{EXCEPT, Kind, NameEntry, RuleRecord, Span};
use super::tables::Rules;
use super::{Forms, Key, uses};

/// What a guest asked for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// A name of so many bytes, without the dot at its end.
    Name(usize),
    /// An address in its own spelling, which answers itself.
    Literal(Key),
    /// Neither, or an address in a spelling that readers disagree on.
    Invalid,
}

/// The longest name, in bytes.
pub(crate) const LONGEST: usize = 253;

/// Reads what a guest asked for.
#[allow(
    clippy::manual_contains,
    reason = "`contains` is made for speed, and several times as long in wasm"
)]
pub(crate) fn read(asked: &[u8]) -> Asked {
    let literal = |key: Option<Key>| key.map_or(Asked::Invalid, Asked::Literal);
    if asked.iter().any(|byte| *byte == b':') {
        return literal(parse_v6(asked).and_then(Key::v6));
    }
    let name = match asked {
        [name @ .., b'.'] => name,
        name => name,
    };
    // Where the label at hand begins.
    let mut start = 0;
    for (at, byte) in name.iter().enumerate() {
        match byte {
            b'.' if at == start => return Asked::Invalid,
            b'.' => start = at + 1,
            b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if at - start < 63 => {}
            _ => return Asked::Invalid,
        }
    }
    match name.get(start..) {
        Some(label @ [_, ..]) if name.len() <= LONGEST => match is_number(label) {
            true => literal(parse_v4(name).map(Key::v4)),
            false => Asked::Name(name.len()),
        },
        _ => Asked::Invalid,
    }
}

/// Reads an IPv4 address: four decimal numbers without zeros in front.
fn parse_v4(text: &[u8]) -> Option<u32> {
    let (mut address, mut dots) = (0_u32, 0_u32);
    let (mut number, mut digits) = (0_u32, 0_u32);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        match *byte {
            b'.' if digits > 0 => {
                address = address << 8 | number;
                (dots, number, digits) = (dots + 1, 0, 0);
            }
            _ if digit < 10 && (digits == 0 || number > 0) => {
                number = number * 10 + u32::from(digit);
                digits += 1;
            }
            _ => return None,
        }
        if number > 255 {
            return None;
        }
    }
    (dots == 3 && digits > 0).then_some(address << 8 | number)
}

/// Reads an IPv6 address.
fn parse_v6(text: &[u8]) -> Option<u128> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let mut groups = [0_u16; 8];
    let mut count = 0;
    // How many groups are before `::`.
    let mut gap = None;
    let mut at = 0;
    if byte(0) == b':' && byte(1) == b':' {
        gap = Some(0);
        at = 2;
    }
    while at < text.len() {
        let start = at;
        let mut group = 0;
        while let Some(digit) = hex(byte(at)).filter(|_| at < start + 4) {
            group = group << 4 | u16::from(digit);
            at += 1;
        }
        if byte(at) == b'.' {
            let v4 = parse_v4(text.get(start..)?)?;
            *groups.get_mut(count)? = (v4 >> 16) as u16;
            count += 1;
            group = v4 as u16;
            at = text.len();
        } else if at == start {
            return None;
        }
        *groups.get_mut(count)? = group;
        count += 1;
        if at == text.len() {
            break;
        }
        if byte(at) != b':' || at + 1 == text.len() {
            return None;
        }
        at += 1;
        if byte(at) == b':' && gap.is_none() {
            gap = Some(count);
            at += 1;
        }
    }
    let (gap, zeros) = match gap {
        None if count == 8 => (8, 0),
        Some(gap) if count < 8 => (gap, 8 - count),
        _ => return None,
    };
    let group = |i: usize| match i {
        _ if i < gap => groups.get(i),
        _ if i < gap + zeros => None,
        _ => groups.get(i - zeros),
    };
    let groups = (0..8).map(|i| group(i).copied().unwrap_or(0));
    Some(groups.fold(0, |address, group| address << 16 | u128::from(group)))
}

/// The value of a hexadecimal digit.
fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        _ => match byte | 0x20 {
            letter @ b'a'..=b'f' => Some(letter - b'a' + 10),
            _ => None,
        },
    }
}

/// Whether a last label makes host parsers read the whole as an IPv4 address.
pub(crate) fn is_number(label: &[u8]) -> bool {
    let (digits, is_hex) = match label {
        [b'0', b'x' | b'X', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    let mut digits = digits.iter();
    digits.all(|byte| hex(*byte).is_some_and(|digit| is_hex || digit < 10))
}

/// The rules that have a pattern for a name, the exact ones first, then the longest pattern.
pub(crate) struct NameMatches<'r, 'w, 'n> {
    rules: &'r Rules<'w>,
    name: &'n [u8],
    /// What is left of the name for the patterns that come next.
    rest: Option<&'n [u8]>,
    kind: u8,
    items: Span,
    /// Looks for what takes the name out of rules.
    exceptions: bool,
}

impl<'r, 'w, 'n> NameMatches<'r, 'w, 'n> {
    pub(crate) fn new(rules: &'r Rules<'w>, name: &'n [u8]) -> Self {
        NameMatches {
            rules,
            name,
            rest: Some(name),
            kind: NameEntry::EXACT,
            items: Span::default(),
            exceptions: false,
        }
    }

    /// The items of the next pattern that the name has.
    fn turn(&mut self) -> Option<()> {
        let rest = self.rest?;
        self.items = self.rules.pattern(self.kind, rest);
        match self.kind {
            NameEntry::EXACT => {
                self.kind = NameEntry::ONE;
                self.rest = Some(after_dot(rest));
            }
            NameEntry::ONE => self.kind = NameEntry::MANY,
            _ => self.rest = (!rest.is_empty()).then(|| after_dot(rest)),
        }
        Some(())
    }
}

fn after_dot(name: &[u8]) -> &[u8] {
    let dot = name.iter().position(|byte| *byte == b'.');
    dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default()
}

impl<'w> Iterator for NameMatches<'_, 'w, '_> {
    type Item = (u32, RuleRecord<'w>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while self.items.count == 0 {
                self.turn()?;
            }
            let item = self.rules.item(self.items.first)?;
            self.items.first += 1;
            self.items.count -= 1;
            let rule = self.rules.rule(item & !EXCEPT)?;
            if self.exceptions {
                if item & EXCEPT != 0 {
                    return Some((item & !EXCEPT, rule));
                }
            } else if item & EXCEPT == 0
                && !(rule.excepts_names() && excepted(self.rules, self.name, item))
            {
                return Some((item, rule));
            }
        }
    }
}

fn excepted(rules: &Rules<'_>, name: &[u8], rule: u32) -> bool {
    let mut exceptions = NameMatches {
        exceptions: true,
        ..NameMatches::new(rules, name)
    };
    exceptions.any(|(index, _)| index == rule)
}

/// The first rule of a kind that is about a name and a use.
pub(crate) fn first_named(rules: &Rules<'_>, name: &[u8], kind: Kind, ask: &Ask) -> Option<u32> {
    let mut found = None;
    for (index, rule) in NameMatches::new(rules, name) {
        if rule.kind() != kind || !applies(rules, rule, ask) {
            continue;
        }
        if rule.names(ask.operation) {
            return Some(index);
        }
        found = found.or(Some(index));
    }
    found
}

/// The deny rule that denies lookups of a name.
pub(crate) fn lookup_denied(rules: &Rules<'_>, name: &[u8]) -> Option<u32> {
    let mut matches = NameMatches::new(rules, name);
    let found = matches.find(|(_, it)| it.kind() == Kind::Deny && it.uses() & uses::RESOLVE != 0);
    found.map(|(index, _)| index)
}

/// The first rule of `[dns.hosts]`, or the first redirect, that is about a name.
pub(crate) fn first_of_kind(rules: &Rules<'_>, name: &[u8], kind: Kind) -> Option<u32> {
    let mut matches = NameMatches::new(rules, name);
    let found = matches.find(|(_, rule)| rule.kind() == kind);
    found.map(|(index, _)| index)
}

/// The allow rule that grants something to who comes by a name; or the deny rule that denies all
/// that allow rules would.
pub(crate) fn live(rules: &Rules<'_>, name: &[u8]) -> Result<u32, Option<u32>> {
    let mut killer = None;
    for (index, rule) in NameMatches::new(rules, name) {
        if rule.kind() == Kind::Allow {
            match killed(rules, name, rule) {
                None => return Ok(index),
                found => killer = found,
            }
        }
    }
    Err(killer)
}

/// The deny rule that denies a name all that an allow rule would grant it.
fn killed(rules: &Rules<'_>, name: &[u8], allow: RuleRecord<'_>) -> Option<u32> {
    let mut matches = NameMatches::new(rules, name);
    let found = matches.find(|(_, deny)| {
        deny.kind() == Kind::Deny && covers(rules, *deny, allow, uses::OUT | uses::RESOLVE)
    });
    found.map(|(index, _)| index)
}

/// An address that a name has.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) key: Key,
    /// Whether the policy itself gives it, so that special ranges do not matter.
    pub(crate) given: bool,
}

impl Answer {
    /// Whether an allow rule takes this address for a name of its.
    fn suits(self, rules: &Rules<'_>, rule: RuleRecord<'_>, special: u16) -> bool {
        let lies = match rule.has_resolves_to() {
            true => rules.list_contains(rule.resolves_to(), self.key),
            false => special == 0 || self.given,
        };
        lies && !rules.list_contains(rule.addresses(), self.key)
    }
}

/// The allow rule that grants an address because of a name.
pub(crate) fn grants(rules: &Rules<'_>, name: &[u8], ask: &Ask, answer: Answer) -> Option<u32> {
    let special = special(rules, answer.key);
    let mut matches = NameMatches::new(rules, name);
    let found = matches.find(|(_, rule)| {
        rule.kind() == Kind::Allow
            && applies(rules, *rule, ask)
            && answer.suits(rules, *rule, special)
    });
    found.map(|(index, _)| index)
}

/// Whether an answer of the host is shown to the guest: whether some rule would grant something
/// to it, or a redirect takes it anyway.
pub(crate) fn keeps(rules: &Rules<'_>, name: &[u8], key: Key) -> bool {
    let special = special(rules, key);
    let answer = Answer { key, given: false };
    let by_name = NameMatches::new(rules, name).any(|(_, rule)| match rule.kind() {
        Kind::Redirect => true,
        Kind::Allow => {
            killed(rules, name, rule).is_none()
                && answer.suits(rules, rule, special)
                && !denied_wholly(rules, key, rule)
        }
        Kind::Deny | Kind::Host => false,
    });
    by_name || keeps_by_address(rules, key, special)
}

/// Whether a rule on addresses lets something out to one.
fn keeps_by_address(rules: &Rules<'_>, key: Key, special: u16) -> bool {
    let mut matches = Matches::new(rules, key);
    while let Some((_, rule)) = matches.next() {
        if rule.kind() == Kind::Allow
            && rule.uses() & uses::OUT != 0
            && special & !matches.inside == 0
            && !rules.list_contains(rule.addresses(), key)
            && !denied_wholly(rules, key, rule)
        {
            return true;
        }
    }
    false
}

/// Whether a deny rule on addresses denies an address all that an allow rule would grant.
fn denied_wholly(rules: &Rules<'_>, key: Key, allow: RuleRecord<'_>) -> bool {
    Forms::of(key).iter().any(|key| {
        Matches::new(rules, key)
            .any(|(_, deny)| deny.kind() == Kind::Deny && covers(rules, deny, allow, uses::OUT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn ipv4_is_read_as_the_standard_library_reads_it(
            text in "(([0-9]{1,3}|0x1|25[4-9])[.]?){0,5}",
        ) {
            let expected = text.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits);
            prop_assert_eq!(parse_v4(text.as_bytes()), expected, "{}", text);
        }

        #[test]
        fn ipv6_is_read_as_the_standard_library_reads_it(
            text in "::?|(([0-9a-fA-Fg]{1,5}|[0-9a-f]{1,3}|0)(:|:|:|::)){0,9}([0-9a-f]{1,4}|1.2.3.4)?",
            front in "(::|:)?",
        ) {
            for text in [text.clone(), front + &text] {
                let expected = text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits);
                prop_assert_eq!(parse_v6(text.as_bytes()), expected, "{}", text);
            }
        }

        #[test]
        fn ipv6_is_read_back(address in any::<u128>(), zeros in any::<u8>()) {
            let mut groups = Ipv6Addr::from_bits(address).segments();
            for (i, group) in groups.iter_mut().enumerate() {
                *group *= u16::from(zeros >> i & 1);
            }
            let ip = Ipv6Addr::from(groups);
            prop_assert_eq!(parse_v6(ip.to_string().as_bytes()), Some(ip.to_bits()));
        }
    }
}
