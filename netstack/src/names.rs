//! Lookups of names.

use crate::{Answer, Config, ErrorCode, Host, LookupId, Network};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What `localhost` stands for unless the hosts say otherwise, in the order of `getaddrinfo`, which
/// prefers IPv6.
const LOCALHOST: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::LOCALHOST),
];

/// A lookup that goes on.
#[derive(Debug)]
pub(crate) struct Lookup {
    found: Found,
    /// How many addresses were already given.
    given: u32,
    /// How it ends, where that takes time.
    #[cfg(feature = "script")]
    fails: Option<ErrorCode>,
    /// When it gives something.
    #[cfg(feature = "script")]
    pub(crate) due: u64,
}

/// Where the addresses of a lookup are.
#[derive(Clone, Copy, Debug)]
enum Found {
    Literal(IpAddr),
    Localhost,
    /// At this place among the hosts.
    Host(u32),
    #[cfg(feature = "script")]
    Scripted(crate::script::Scripted),
    #[cfg(feature = "script")]
    Nothing,
}

#[cfg(feature = "script")]
impl Lookup {
    /// One that gives something later, or fails.
    fn later(found: Result<crate::script::Scripted, ErrorCode>, due: u64) -> Self {
        Lookup {
            found: found.map_or(Found::Nothing, Found::Scripted),
            given: 0,
            fails: found.err(),
            due,
        }
    }
}

/// The hosts, sorted by names in lower case.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<Host>);

impl Hosts {
    /// Of several with one name, the first counts.
    pub(crate) fn new(hosts: Vec<Host>) -> Self {
        let mut sorted: Vec<Host> = Vec::with_capacity(hosts.len());
        for mut host in hosts {
            host.name.make_ascii_lowercase();
            if host.name.ends_with('.') {
                host.name.pop();
            }
            // They come sorted as a rule, so that each goes to the end. A sort is 7 KB of code.
            if let Err(place) = sorted.binary_search_by(|other| other.name.cmp(&host.name)) {
                sorted.insert(place, host);
            }
        }
        Hosts(sorted)
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let order = |host: &Host| compare(host.name.as_bytes(), name);
        self.0.binary_search_by(order).ok()
    }
}

/// Compares a name in lower case with one in any.
pub(crate) fn compare(lower: &[u8], name: &[u8]) -> Ordering {
    lower
        .iter()
        .copied()
        .cmp(name.iter().map(u8::to_ascii_lowercase))
}

impl Network {
    /// Looks a name up, or an address in any spelling that wasmtime takes.
    ///
    /// # Errors
    ///
    /// What the name stands for, where that is an error; [`Config::deny_resolve`] for a name that
    /// nobody knows; [`ErrorCode::InvalidArgument`] for what is none; and
    /// [`ErrorCode::TemporaryResolverFailure`] at the limit of lookups.
    pub fn lookup(&mut self, name: &[u8]) -> Result<LookupId, ErrorCode> {
        let found = match read(name)? {
            Asked::Literal(ip) => Found::Literal(ip),
            Asked::Name(name) => {
                #[cfg(feature = "script")]
                if let Some((found, due)) = self.play.as_mut().and_then(|it| it.look_up(name)) {
                    return self.begin_lookup(Lookup::later(found, due));
                }
                self.find(name)?
            }
        };
        self.begin_lookup(Lookup {
            found,
            given: 0,
            #[cfg(feature = "script")]
            fails: None,
            #[cfg(feature = "script")]
            due: 0,
        })
    }

    fn begin_lookup(&mut self, lookup: Lookup) -> Result<LookupId, ErrorCode> {
        let number = self.lookups.insert(lookup);
        number
            .map(LookupId)
            .ok_or(ErrorCode::TemporaryResolverFailure)
    }

    fn find(&mut self, name: &[u8]) -> Result<Found, ErrorCode> {
        let Some(place) = self.hosts.find(name) else {
            if compare(b"localhost", name) == Ordering::Equal {
                return Ok(Found::Localhost);
            }
            #[cfg(feature = "script")]
            if let Some(play) = self.play.as_mut().filter(|_| !self.config.leads_out) {
                play.stage.unexpected_lookup(name);
            }
            return Err(self.config.deny_resolve);
        };
        match self.hosts.0.get(place).map(|host| &host.answer) {
            Some(Answer::Fail(code)) => Err(*code),
            _ => Ok(Found::Host(place as u32)),
        }
    }

    /// The next address of a lookup, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] where there is no such lookup.
    pub fn next_address(&mut self, id: LookupId) -> Result<Option<IpAddr>, ErrorCode> {
        let lookup = self.lookups.get(id.0).ok_or(ErrorCode::InvalidState)?;
        #[cfg(feature = "script")]
        if lookup.due > self.now() {
            return Err(ErrorCode::WouldBlock);
        }
        #[cfg(feature = "script")]
        if let Some(code) = lookup.fails {
            return Err(code);
        }
        let addresses = match &lookup.found {
            #[cfg(feature = "script")]
            Found::Scripted(scripted) => self.scripted(*scripted),
            #[cfg(feature = "script")]
            Found::Nothing => &[],
            Found::Literal(ip) => core::slice::from_ref(ip),
            Found::Localhost => &LOCALHOST,
            Found::Host(place) => match self.hosts.0.get(*place as usize).map(|it| &it.answer) {
                Some(Answer::Addresses(addresses)) => addresses.as_slice(),
                _ => &[],
            },
        };
        let next = addresses.get(lookup.given as usize).copied();
        if let Some(lookup) = self.lookups.get_mut(id.0) {
            lookup.given += u32::from(next.is_some());
        }
        Ok(next)
    }

    /// Ends a lookup.
    pub fn drop_lookup(&mut self, id: LookupId) {
        self.lookups.remove(id.0);
    }
}

/// What a guest asked for.
#[derive(Debug, PartialEq)]
enum Asked<'a> {
    /// A name, without the dot at its end.
    Name(&'a [u8]),
    /// An address, which answers itself.
    Literal(IpAddr),
}

/// Reads what a guest asked for, as `url::Host::parse` and `Ipv6Addr::from_str` do in wasmtime. What
/// they would decode first is invalid here: percent signs, and letters beyond ASCII.
fn read(asked: &[u8]) -> Result<Asked<'_>, ErrorCode> {
    if let [b'[', ip @ .., b']'] = asked {
        return v6(ip).map(Asked::Literal).ok_or(ErrorCode::InvalidArgument);
    }
    if asked.contains(&b':') {
        return v6(asked)
            .map(Asked::Literal)
            .ok_or(ErrorCode::InvalidArgument);
    }
    if asked.is_empty() || asked.iter().any(|byte| is_forbidden(*byte)) {
        return Err(ErrorCode::InvalidArgument);
    }
    let name = asked.strip_suffix(b".").unwrap_or(asked);
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let digits = !last.is_empty() && last.iter().all(u8::is_ascii_digit);
    if digits || number(last).is_some() {
        return v4(name)
            .map(Asked::Literal)
            .ok_or(ErrorCode::InvalidArgument);
    }
    Ok(Asked::Name(name))
}

/// Whether a byte is in no name. The rest can be asked for, as it can be of a resolver.
fn is_forbidden(byte: u8) -> bool {
    !byte.is_ascii_graphic() || b"#%/:<>?@[\\]^|".contains(&byte)
}

fn v6(text: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(text).ok()?;
    text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Reads an IPv4 address of one to four numbers, the last of which fills what is left.
fn v4(text: &[u8]) -> Option<IpAddr> {
    let mut address = 0;
    // How many bytes the last number fills.
    let mut left = 4_u32;
    let mut last = None;
    for part in text.split(|byte| *byte == b'.') {
        // A number that is too large has a form, but no value.
        let Some(before) = last.replace(number(part)??) else {
            continue;
        };
        left = left.checked_sub(1)?;
        address |= u32::from(u8::try_from(before).ok()?) << (8 * left);
    }
    let last = last?;
    let fits = match left {
        0 => false,
        4 => true,
        _ => last >> (8 * left) == 0,
    };
    fits.then(|| IpAddr::V4(Ipv4Addr::from_bits(address | last)))
}

/// Reads a number, decimal, octal or hexadecimal. `None` if it has the form of none of them,
/// and nothing within if it is too large.
fn number(text: &[u8]) -> Option<Option<u32>> {
    let (digits, radix) = match text {
        [] => return None,
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        digits => (digits, 10),
    };
    let mut value = Some(0_u32);
    for byte in digits {
        let digit = char::from(*byte).to_digit(radix)?;
        value = value
            .and_then(|value| value.checked_mul(radix))
            .and_then(|value| value.checked_add(digit));
    }
    Some(value)
}

/// The hosts of a configuration, taken out of it.
pub(crate) fn hosts(config: &mut Config) -> Hosts {
    Hosts::new(core::mem::take(&mut config.hosts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn literal(text: &str) -> Option<IpAddr> {
        match read(text.as_bytes()) {
            Ok(Asked::Literal(ip)) => Some(ip),
            _ => None,
        }
    }

    /// Each of these is what `url` 2.5 and the standard library say.
    #[test]
    fn addresses_are_read_in_every_spelling() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("10.1.65535", "10.1.255.255"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0x7F000001", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("0x", "0.0.0.0"),
            ("0", "0.0.0.0"),
            ("4294967295", "255.255.255.255"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ] {
            assert_eq!(literal(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_invalid() {
        for text in [
            "",
            "[::1",
            "::1]",
            "[127.0.0.1]",
            "::g",
            "fe80::1%lo",
            "256.0.0.1",
            "1.256.0.1",
            "1.2.3.4.5",
            "1.2.3.256",
            "4294967296",
            "1..2",
            "a.08",
            "a.1",
            "a b",
            "a/b",
            "a%62",
            "caf\u{e9}",
            "a:80",
            "127.0.65536",
            "0.0.0.0.0",
        ] {
            let read = read(text.as_bytes());
            assert_eq!(read, Err(ErrorCode::InvalidArgument), "{text}");
        }
    }

    #[test]
    fn names_are_names() {
        for text in [
            "localhost",
            "a",
            "a.b.",
            "xn--caf-dma",
            "a_b-c",
            "1.2.3.4a",
            "0x.g",
            "a!",
        ] {
            let name = text.strip_suffix('.').unwrap_or(text).as_bytes();
            assert_eq!(read(text.as_bytes()), Ok(Asked::Name(name)), "{text}");
        }
    }

    fn network() -> Network {
        Network::new(Config {
            hosts: alloc::vec![
                Host::new(
                    "DB.test.",
                    ["127.0.0.9".parse().unwrap(), "::1".parse().unwrap()]
                ),
                Host::failing("gone.test", ErrorCode::PermanentResolverFailure),
                Host::new("db.test", []),
                Host::new("empty.test", []),
            ],
            deny_resolve: ErrorCode::AccessDenied,
            ..Config::default()
        })
    }

    fn addresses(network: &mut Network, name: &str) -> Result<Vec<String>, ErrorCode> {
        let id = network.lookup(name.as_bytes())?;
        let mut found = Vec::new();
        while let Some(ip) = network.next_address(id)? {
            found.push(alloc::format!("{ip}"));
        }
        assert_eq!(network.next_address(id), Ok(None));
        network.drop_lookup(id);
        assert_eq!(network.next_address(id), Err(ErrorCode::InvalidState));
        Ok(found)
    }

    #[test]
    fn names_stand_for_what_the_hosts_say() {
        let mut network = network();
        let mut check = |name: &str, expected: Result<&[&str], ErrorCode>| {
            let expected = expected.map(|it| it.iter().copied().map(String::from).collect());
            assert_eq!(addresses(&mut network, name), expected, "{name}");
        };
        check("db.test", Ok(&["127.0.0.9", "::1"]));
        check("db.TEST.", Ok(&["127.0.0.9", "::1"]));
        check("gone.test", Err(ErrorCode::PermanentResolverFailure));
        check("empty.test", Ok(&[]));
        check("other.test", Err(ErrorCode::AccessDenied));
        check("db.test..", Err(ErrorCode::AccessDenied));
        check("LocalHost", Ok(&["::1", "127.0.0.1"]));
        check("192.0.2.1", Ok(&["192.0.2.1"]));
        assert_eq!(network.usage().lookups, 0);
    }

    #[test]
    fn lookups_are_bounded() {
        let mut network = network();
        for _ in 0..1024 {
            network.lookup(b"db.test").unwrap();
        }
        let error = network.lookup(b"db.test");
        assert_eq!(error, Err(ErrorCode::TemporaryResolverFailure));
    }
}
