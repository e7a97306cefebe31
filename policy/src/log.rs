//! A decision as a line of JSON.
//!
//! Written without `core::fmt`, which would be larger than everything else inside a component.

use crate::rules::Kind;
use crate::{Lookup, Operation, Outcome, Protocol, Resolved, RuleRef, Rules};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a decision was about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An address, over a protocol.
    Address(Protocol, SocketAddr),
    /// A name, as the guest asked for it. At most 253 bytes of it are written.
    Name(&'a [u8]),
}

impl Resolved {
    /// How it was decided.
    pub const fn outcome(&self) -> Outcome {
        match self.lookup {
            Lookup::Ask(_) | Lookup::Inside(_) => Outcome::Allow,
            Lookup::Invalid => Outcome::Invalid,
            Lookup::Deny(denial) => Outcome::Deny(denial),
        }
    }
}

impl Rules<'_> {
    /// Whether the policy wants a decision logged.
    pub fn logs(&self, outcome: Outcome) -> bool {
        match self.log() {
            crate::Log::None => false,
            crate::Log::Denied => outcome != Outcome::Allow,
            crate::Log::All => true,
        }
    }
}

/// Writes a line of JSON, with its line end, and answers how long it is; 0 where `out` has no
/// room for it. 2,048 bytes are enough for any decision.
///
/// ```json
/// {"op":"connect","proto":"tcp","to":"1.2.3.4:443","decision":"deny","as":"timeout","rule":"far"}
/// ```
///
/// `proto` is left out for lookups, `as` for what is not denied. A rule without an id is called by
/// its place in the canonical text, such as `allow[1]` for the first; what no rule decided says
/// `why` in place of `rule`: `no rule`, `special range`, `not valid`, `reply`, `implicit bind`,
/// `literal` or `full`.
pub fn write_json(
    rules: &Rules<'_>,
    operation: Operation,
    subject: Subject<'_>,
    outcome: Outcome,
    rule: RuleRef,
    out: &mut [u8],
) -> usize {
    let mut line = Line { out, length: 0 };
    line.text(b"{\"op\":\"");
    line.text(operation.name().as_bytes());
    match subject {
        Subject::Address(protocol, to) => {
            line.text(b"\",\"proto\":\"");
            line.text(protocol.name().as_bytes());
            line.text(b"\",\"to\":\"");
            line.address(to);
        }
        Subject::Name(name) => {
            line.text(b"\",\"to\":\"");
            line.escaped(name.get(..253).unwrap_or(name));
        }
    }
    line.text(b"\",\"decision\":\"");
    match outcome {
        Outcome::Allow => line.text(b"allow"),
        Outcome::Invalid => line.text(b"invalid"),
        Outcome::Deny(denial) => {
            line.text(b"deny\",\"as\":\"");
            line.text(denial.name().as_bytes());
        }
    }
    line.rule(rules, rule);
    line.text(b"\"}\n");
    if line.length <= line.out.len() {
        line.length
    } else {
        0
    }
}

/// A line that is being written. Its length goes on where there is no room.
struct Line<'o> {
    out: &'o mut [u8],
    length: usize,
}

impl Line<'_> {
    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.out.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    fn text(&mut self, text: &[u8]) {
        for byte in text {
            self.byte(*byte);
        }
    }

    /// Text of a guest or a policy. What is not ASCII stays as it is where it is UTF-8; other bytes
    /// are written as if they were characters of their own.
    fn escaped(&mut self, text: &[u8]) {
        let utf8 = core::str::from_utf8(text).is_ok();
        for &byte in text {
            match byte {
                b'"' | b'\\' => {
                    self.byte(b'\\');
                    self.byte(byte);
                }
                0x80.. if utf8 => self.byte(byte),
                b' '..=b'~' => self.byte(byte),
                _ => {
                    self.text(b"\\u00");
                    self.hex(u16::from(byte >> 4));
                    self.hex(u16::from(byte & 15));
                }
            }
        }
    }

    fn number(&mut self, number: u32) {
        if number > 9 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    fn hex(&mut self, number: u16) {
        if number > 15 {
            self.hex(number >> 4);
        }
        let digit = (number & 15) as u8;
        self.byte(if digit < 10 {
            b'0' + digit
        } else {
            b'a' - 10 + digit
        });
    }

    fn address(&mut self, address: SocketAddr) {
        match address.ip() {
            IpAddr::V4(ip) => {
                for (i, octet) in ip.octets().into_iter().enumerate() {
                    if i > 0 {
                        self.byte(b'.');
                    }
                    self.number(octet.into());
                }
            }
            IpAddr::V6(ip) => {
                self.byte(b'[');
                self.v6(ip);
                self.byte(b']');
            }
        }
        self.byte(b':');
        self.number(address.port().into());
    }

    /// As RFC 5952 asks: the first of the longest runs of zeros is left out.
    fn v6(&mut self, ip: Ipv6Addr) {
        let groups = ip.segments();
        let (mut first, mut longest) = (8, 1);
        for start in 0..8 {
            let run = groups.iter().skip(start).take_while(|it| **it == 0).count();
            if run > longest {
                (first, longest) = (start, run);
            }
        }
        for (i, group) in groups.into_iter().enumerate() {
            if i == first {
                self.text(b"::");
            } else if i < first || i >= first + longest {
                if i > 0 && i != first + longest {
                    self.byte(b':');
                }
                self.hex(group);
            }
        }
    }

    fn rule(&mut self, rules: &Rules<'_>, rule: RuleRef) {
        let why: &[u8] = match rule {
            RuleRef::Rule(index) => {
                self.text(b"\",\"rule\":\"");
                return self.rule_name(rules, index);
            }
            RuleRef::NoRule => b"no rule",
            RuleRef::Special(_) => b"special range",
            RuleRef::Invalid => b"not valid",
            RuleRef::Reply => b"reply",
            RuleRef::ImplicitBind => b"implicit bind",
            RuleRef::Literal => b"literal",
            RuleRef::Full => b"full",
        };
        self.text(b"\",\"why\":\"");
        self.text(why);
    }

    fn rule_name(&mut self, rules: &Rules<'_>, index: u32) {
        let id = rules.id(index);
        if !id.is_empty() {
            return self.escaped(id);
        }
        let Some(rule) = rules.rule(index) else {
            return;
        };
        let list: &[u8] = match rule.kind() {
            Kind::Allow => b"allow[",
            Kind::Deny => b"deny[",
            Kind::Redirect => b"redirect[",
            Kind::Host => b"hosts[",
        };
        self.text(list);
        self.number(rule.position() + 1);
        self.byte(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in [
            "0.0.0.0:0",
            "255.255.255.255:65535",
            "[::]:1",
            "[::1]:80",
            "[1::]:80",
            "[1:0:0:2::3]:80",
            "[1:0:2:0:3:0:4:0]:80",
            "[2001:db8::a:0:0:1]:80",
            "[0:1:2:3:4:5:6:7]:9",
            "[1:2:3:4:5:6:7::]:9",
            "[fe80::1234:5678:9abc:def0]:443",
        ] {
            let address: SocketAddr = text.parse().expect("an address");
            let mut out = [0; 64];
            let mut line = Line {
                out: &mut out,
                length: 0,
            };
            line.address(address);
            let length = line.length;
            assert_eq!(out.get(..length), Some(address.to_string().as_bytes()));
        }
    }
}
