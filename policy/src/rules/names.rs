//! Which rules match a name.

use super::matching::{Ask, Matches, applies, covers, special};
use super::record::{EXCEPT, Kind, NameEntry, RuleRecord, Span};
use super::tables::Rules;
use super::{Key, embedded, is_valid_v6, uses};

/// What a guest asked for.
pub(crate) enum Asked<'n> {
    /// A name in its one spelling.
    Name(&'n [u8]),
    /// An address in its own spelling, which answers itself.
    Literal(Key),
    /// Neither, or an address in a spelling that readers disagree on.
    Invalid,
}

/// The longest name, in bytes.
pub(crate) const LONGEST: usize = 253;

/// Reads what a guest asked for: lower-cased, without one dot at the end.
pub(crate) fn read<'n>(asked: &[u8], buffer: &'n mut [u8; LONGEST]) -> Asked<'n> {
    if asked.contains(&b':') {
        let key = parse_v6(asked).map(Key).filter(|key| is_valid_v6(*key));
        return key.map_or(Asked::Invalid, Asked::Literal);
    }
    let asked = asked.strip_suffix(b".").unwrap_or(asked);
    let Some(name) = buffer.get_mut(..asked.len()) else {
        return Asked::Invalid;
    };
    name.copy_from_slice(asked);
    name.make_ascii_lowercase();
    let mut label: &[u8] = &[];
    for next in name.split(|byte| *byte == b'.') {
        label = next;
        let fits = matches!(label.len(), 1..=63)
            && label
                .iter()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !fits {
            return Asked::Invalid;
        }
    }
    if is_number(label) {
        let key = parse_v4(name).map(Key::v4);
        return key.map_or(Asked::Invalid, Asked::Literal);
    }
    Asked::Name(name)
}

/// Reads an IPv4 address: four decimal numbers without zeros in front.
fn parse_v4(text: &[u8]) -> Option<u32> {
    let mut address = 0;
    let mut count = 0;
    for part in text.split(|byte| *byte == b'.') {
        let mut number = 0;
        for byte in part {
            number = number * 10 + u32::from(byte.wrapping_sub(b'0'));
            if !byte.is_ascii_digit() || number > 255 {
                return None;
            }
        }
        if part.is_empty() || (part.len() > 1 && part.starts_with(b"0")) {
            return None;
        }
        address = address << 8 | number;
        count += 1;
    }
    (count == 4).then_some(address)
}

/// Reads an IPv6 address.
fn parse_v6(text: &[u8]) -> Option<u128> {
    let (mut address, mut count) = (0_u128, 0);
    // What stands before `::`, and how many groups that is.
    let mut before = None;
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(b"::") {
        (before, rest) = (Some((0, 0)), after);
    }
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b':');
        let (part, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        if after.is_empty() && part.contains(&b'.') {
            address = address << 32 | u128::from(parse_v4(part)?);
            count += 2;
        } else {
            address = address << 16 | u128::from(hex(part)?);
            count += 1;
        }
        rest = match after {
            [] => break,
            [b':', b':', tail @ ..] if before.is_none() => {
                before = Some((core::mem::take(&mut address), count));
                tail
            }
            [b':', tail @ ..] if !tail.is_empty() && !tail.starts_with(b":") => tail,
            _ => return None,
        };
        if count > 8 {
            return None;
        }
    }
    match before {
        None => (count == 8).then_some(address),
        Some((_, _)) if count > 7 => None,
        Some((_, 0)) => Some(address),
        Some((head, groups)) => Some(head << (16 * (8 - groups)) | address),
    }
}

/// One to four hexadecimal digits.
fn hex(text: &[u8]) -> Option<u16> {
    let mut number = 0;
    for byte in text {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        number = number << 4 | u16::from(digit);
    }
    matches!(text.len(), 1..=4).then_some(number)
}

/// Whether a last label makes host parsers read the whole as an IPv4 address.
pub(crate) fn is_number(label: &[u8]) -> bool {
    match label.strip_prefix(b"0x") {
        Some(hex) => hex.iter().all(u8::is_ascii_hexdigit),
        None => label.iter().all(u8::is_ascii_digit),
    }
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
    let [first, second] = embedded(key);
    [Some(key), first, second].into_iter().flatten().any(|key| {
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
