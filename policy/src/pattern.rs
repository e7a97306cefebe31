//! What a rule is about: addresses and names.

use crate::Mistake;
use crate::Special;
use crate::rules::names::{LONGEST, is_number};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// One entry of `to`, `except`, `from` or `resolves-to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// `*`: every address and every name.
    Any,
    /// A range by its name.
    Range(Special),
    /// An address or a prefix.
    Net(IpNet),
    /// Names.
    Name(NamePattern),
}

/// A pattern of names, in lower-case ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamePattern {
    /// The name itself.
    Exact(String),
    /// `*.x`: one label before it.
    One(String),
    /// `**.x`: one label or more before it.
    Many(String),
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamePattern::Exact(name) => f.write_str(name),
            NamePattern::One(name) => write!(f, "*.{name}"),
            NamePattern::Many(name) => write!(f, "**.{name}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Any => f.write_str("*"),
            Target::Range(range) => write!(f, "{range}"),
            Target::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Target::Net(net) => write!(f, "{net}"),
            Target::Name(name) => write!(f, "{name}"),
        }
    }
}

impl Target {
    /// The addresses that it means; none for names.
    pub fn nets(&self) -> Vec<IpNet> {
        match self {
            Target::Any => vec![Ipv4Net::default().into(), Ipv6Net::default().into()],
            Target::Range(range) => range.nets().collect(),
            Target::Net(net) => vec![*net],
            Target::Name(_) => Vec::new(),
        }
    }
}

impl FromStr for Target {
    type Err = Mistake;

    /// Reads `*`, the name of a range, an address, a prefix or a name pattern.
    ///
    /// # Errors
    ///
    /// [`Mistake`] for anything else, and for what host parsers read differently from each other,
    /// such as `127.1`.
    fn from_str(text: &str) -> Result<Self, Mistake> {
        if text == "*" {
            return Ok(Target::Any);
        }
        if let Ok(range) = text.parse() {
            return Ok(Target::Range(range));
        }
        if text.contains(':')
            && let Some((_, rest)) = text.split_once("://")
        {
            let host = rest.split([':', '/']).next().unwrap_or_default();
            return Err(Mistake::new(format!("`{text}` is a URL"))
                .hint(format!("write `{host}`, and the port into `port`")));
        }
        if let Some((ip, length)) = text.split_once('/') {
            return prefix(text, ip, length).map(Target::Net);
        }
        if text.contains(':') {
            return address(text).map(|ip| Target::Net(ip.into()));
        }
        let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next();
        let last = last.unwrap_or_default().to_ascii_lowercase();
        if !text.is_empty() && is_number(last.as_bytes()) {
            return address(text).map(|ip| Target::Net(ip.into()));
        }
        NamePattern::from_str(text).map(Target::Name)
    }
}

/// Reads an address in its own spelling.
///
/// # Errors
///
/// [`Mistake`] with what to write instead.
pub(crate) fn address(text: &str) -> Result<IpAddr, Mistake> {
    if let Ok(ip) = text.parse() {
        return unmapped(text, ip);
    }
    let wrong = Mistake::new(format!("`{text}` is not an address"));
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    Err(match (text.split_once('%'), bare) {
        (Some((ip, _)), _) => {
            wrong.hint(format!("scopes never matter to a decision: write `{ip}`"))
        }
        (_, Some(bare)) => wrong.hint(format!("write `{bare}`")),
        _ if text.contains("::") => wrong.hint("IPv6 is written as in `fd00::1`"),
        _ if text.contains(':') => wrong.hint("a port does not belong here: it goes into `port`"),
        _ => wrong.hint("IPv4 is written as four decimal numbers, none above 255"),
    })
}

fn unmapped(text: &str, ip: IpAddr) -> Result<IpAddr, Mistake> {
    match ip {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Err(Mistake::new(format!(
                "`{text}` is an IPv4 address inside IPv6, which sockets refuse"
            ))
            .hint(format!("write `{v4}`"))),
            None => Ok(ip),
        },
        IpAddr::V4(_) => Ok(ip),
    }
}

fn prefix(text: &str, ip: &str, length: &str) -> Result<IpNet, Mistake> {
    let ip: IpAddr = address(ip)?;
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = length.parse::<u8>().ok().filter(|it| digits && *it <= bits);
    let Some(parsed) = parsed else {
        return Err(Mistake::new(format!(
            "`/{length}` is not the length of a prefix of `{ip}`"
        ))
        .hint(format!(
            "lengths are 0 to {bits}: `{ip}/{bits}` is this address alone"
        )));
    };
    let net = IpNet::new(ip, parsed).map_err(|e| Mistake::new(format!("`{text}`: {e}")))?;
    if net.network() != ip {
        return Err(
            Mistake::new(format!("`{text}` has bits set behind its prefix")).hint(format!(
                "write `{}` for the whole prefix, or `{ip}` for this address",
                net.trunc()
            )),
        );
    }
    let mapped = IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
    ));
    if mapped.contains(&net) {
        return Err(Mistake::new(format!(
            "`{text}` is IPv4 inside IPv6, which sockets refuse"
        ))
        .hint("write the prefix as IPv4"));
    }
    Ok(net)
}

impl FromStr for NamePattern {
    type Err = Mistake;

    /// Reads a name, `*.` and a name, or `**.` and a name. Unicode becomes punycode.
    fn from_str(text: &str) -> Result<Self, Mistake> {
        let (kind, rest): (fn(String) -> NamePattern, _) =
            match (text.strip_prefix("**."), text.strip_prefix("*.")) {
                (Some(rest), _) => (NamePattern::Many, rest),
                (None, Some(rest)) => (NamePattern::One, rest),
                (None, None) => (NamePattern::Exact, text),
            };
        if let Some(suffix) = text.strip_prefix('*').filter(|_| rest == text) {
            let suffix = suffix.trim_start_matches(['*', '.']);
            return Err(Mistake::new(format!("`{text}` is not a pattern"))
                .hint(format!("`*` stands for a whole label: write `*.{suffix}`")));
        }
        if rest.contains('*') {
            return Err(Mistake::new(format!("`{text}` is not a pattern"))
                .hint("`*.` and `**.` stand at the front, and nowhere else"));
        }
        name(rest).map(kind)
    }
}

impl NamePattern {
    /// Whether it has every name below a public suffix, where strangers can get names.
    pub(crate) fn is_wide(&self) -> bool {
        let (NamePattern::One(name) | NamePattern::Many(name)) = self else {
            return false;
        };
        let suffix = psl::suffix(name.as_bytes());
        suffix.is_some_and(|it| it.is_known() && it.as_bytes() == name.as_bytes())
    }
}

/// A name in its one spelling: lower-case ASCII, no dot at the end.
///
/// # Errors
///
/// [`Mistake`] for what is no name of a host.
pub(crate) fn name(text: &str) -> Result<String, Mistake> {
    let wrong = || Mistake::new(format!("`{text}` is not a name"));
    let ascii = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(text).map_err(|_| wrong().hint("it has no spelling in punycode"))?
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    if ascii.len() > LONGEST {
        return Err(wrong().hint(format!("a name has at most {LONGEST} bytes")));
    }
    for label in ascii.split('.') {
        let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !label.bytes().all(letters) {
            return Err(wrong().hint("names have letters, digits, `-`, `_` and dots"));
        }
        if !matches!(label.len(), 1..=63) {
            return Err(wrong().hint("what is between two dots has 1 to 63 bytes"));
        }
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if is_number(last.as_bytes()) {
        return Err(match ascii.parse::<Ipv4Addr>() {
            Ok(ip) => wrong().hint(format!("it is the address `{ip}`")),
            Err(_) => wrong().hint("names that end with a number are read as addresses"),
        });
    }
    if !text.contains('.')
        && let Some(range) = nearly_a_range(ascii)
    {
        return Err(wrong().hint(format!(
            "did you mean the range `{range}`? Write `{ascii}.` if it is a name"
        )));
    }
    Ok(ascii.to_owned())
}

/// The range that a name of one label is one slip away from.
fn nearly_a_range(name: &str) -> Option<Special> {
    let slip = |range: &Special| strsim::damerau_levenshtein(name, range.name()) == 1;
    Special::ALL.into_iter().find(slip)
}
