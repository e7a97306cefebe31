//! Flags: one rule each, in the spelling that WASI's own sockets proposal sketches.

use crate::file::table::operation;
use crate::mistake::suggest;
use crate::pattern::{address, name};
use crate::rule::{Operations, Targets, check_targets, check_uses};
use crate::{
    AllowRule, Denial, DenyRule, Host, HostAnswer, InvalidPolicy, Mistake, Operation, Policy,
    Ports, Protocol, Redirect, Target,
};
use smallvec::smallvec;
use std::net::SocketAddr;

/// What one flag adds to a policy. Flags only add; nothing that is denied becomes allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag(Adds);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Adds {
    Allow(AllowRule),
    Deny(DenyRule),
    Redirect(Redirect),
    Host(Host),
}

impl Flag {
    /// `--allow [OP[,OP]=]URL[#KEY=VALUE&...]`
    ///
    /// Without an operation it is `connect`. The keys are those of `[[allow]]` that a URL does not
    /// say: `id`, `except`, `from`, `resolves-to`, `wide`.
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn allow(text: &str) -> Result<Flag, Mistake> {
        let (operations, url, fragment) = parts(text)?;
        let place = place(url)?;
        let mut rule = AllowRule {
            id: None,
            protocol: protocol(&operations, place.protocol),
            ports: ports(&operations, place.ports, url)?,
            operations,
            to: smallvec![place.host],
            except: Box::default(),
            from: Box::default(),
            resolves_to: Box::default(),
            wide: false,
        };
        for (key, value) in settings(fragment) {
            match key {
                "id" => rule.id = Some(id(value)?),
                "except" => rule.except = targets(value)?.into_boxed_slice(),
                "from" => rule.from = targets(value)?.into_boxed_slice(),
                "resolves-to" => rule.resolves_to = targets(value)?.into_boxed_slice(),
                "wide" if matches!(value, "" | "true") => rule.wide = true,
                "wide" if value == "false" => rule.wide = false,
                _ => {
                    return Err(unknown(
                        key,
                        value,
                        &["id", "except", "from", "resolves-to", "wide"],
                    ));
                }
            }
        }
        rule.check().map_err(hint_for_flags)?;
        Ok(Flag(Adds::Allow(rule)))
    }

    /// `--deny [OP[,OP]=]URL[#KEY=VALUE&...]`, with the keys `id` and `deny-as`.
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn deny(text: &str) -> Result<Flag, Mistake> {
        let (operations, url, fragment) = parts(text)?;
        let place = place(url)?;
        let mut rule = DenyRule {
            id: None,
            protocol: protocol(&operations, place.protocol),
            ports: ports(&operations, place.ports, url)?,
            operations,
            to: smallvec![place.host],
            deny_as: None,
        };
        for (key, value) in settings(fragment) {
            match key {
                "id" => rule.id = Some(id(value)?),
                "deny-as" => rule.deny_as = Some(denial(value, &rule.operations)?),
                _ => return Err(unknown(key, value, &["id", "deny-as"])),
            }
        }
        check_uses(&rule.operations, rule.protocol)?;
        check_targets(&rule.operations, &rule.to)?;
        Ok(Flag(Adds::Deny(rule)))
    }

    /// `--allow-resolve PATTERN[,PATTERN]`
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn allow_resolve(text: &str) -> Result<Flag, Mistake> {
        let rule = AllowRule {
            operations: smallvec![Operation::Resolve],
            ..everywhere(targets(text)?)
        };
        rule.check()?;
        Ok(Flag(Adds::Allow(rule)))
    }

    /// `--addr-pool ADDRESS[/LENGTH][,...]`, as WAMR has it: each address may be connected, sent
    /// and bound to and listened on, over both protocols, at every port.
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn addr_pool(text: &str) -> Result<Flag, Mistake> {
        let to = targets(text)?;
        if let Some(other) = to.iter().find(|it| !matches!(it, Target::Net(_))) {
            return Err(
                Mistake::new(format!("`{other}` is not an address or a prefix"))
                    .hint("write `1.2.3.4` or `1.2.0.0/16`"),
            );
        }
        Ok(Flag(Adds::Allow(everywhere(to))))
    }

    /// `--redirect FROM->TO`, as `tcp://db.internal:5432->127.0.0.1:5432`
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn redirect(text: &str) -> Result<Flag, Mistake> {
        let Some((from, to)) = text.split_once("->") else {
            return Err(
                Mistake::new(format!("`{text}` does not say where it leads"))
                    .hint("write `tcp://db.internal:5432->127.0.0.1:5432`"),
            );
        };
        let (url, fragment) = from.split_once('#').unwrap_or((from, ""));
        let mut rule = Redirect::new(place(url.trim())?, socket_address(to.trim())?)?;
        for (key, value) in settings(fragment) {
            match key {
                "id" => rule.id = Some(id(value)?),
                "wide" if matches!(value, "" | "true") => rule.wide = true,
                _ => return Err(unknown(key, value, &["id", "wide"])),
            }
        }
        rule.check()?;
        Ok(Flag(Adds::Redirect(rule)))
    }

    /// `--host NAME=ADDRESS[,ADDRESS]` or `--host NAME=!CODE`
    ///
    /// # Errors
    ///
    /// [`Mistake`] with what to write instead.
    pub fn host(text: &str) -> Result<Flag, Mistake> {
        let Some((host, answer)) = text.split_once('=') else {
            return Err(
                Mistake::new(format!("`{text}` does not say what it answers"))
                    .hint("write `db.test=192.0.2.5` or `gone.test=!name-unresolvable`"),
            );
        };
        let answer = match answer.strip_prefix('!') {
            Some(code) => HostAnswer::fail(denial(code, &[Operation::Resolve])?)?,
            None => {
                let addresses = answer.split(',').map(|text| address(text.trim()));
                HostAnswer::addresses(addresses.collect::<Result<_, _>>()?)?
            }
        };
        let name = name(host)?;
        Ok(Flag(Adds::Host(Host { name, answer })))
    }
}

impl Policy {
    /// Adds what a flag says.
    ///
    /// # Errors
    ///
    /// [`Mistake`] where it contradicts what is there. What only the whole policy can show is for
    /// [`check`](Policy::check).
    pub fn with_flag(mut self, flag: Flag) -> Result<Self, Mistake> {
        match flag.0 {
            Adds::Allow(rule) => self.allow.push(rule),
            Adds::Deny(rule) => return self.with_rule(rule).map_err(Mistake::new),
            Adds::Redirect(rule) => self.redirect.push(rule),
            Adds::Host(host) => match self.hosts.iter().find(|it| it.name == host.name) {
                None => self.hosts.push(host),
                Some(same) if *same == host => {}
                Some(_) => {
                    let name = host.name;
                    return Err(Mistake::new(format!("`{name}` already answers otherwise"))
                        .hint("a flag adds to the file and takes nothing away"));
                }
            },
        }
        Ok(self)
    }
}

/// The rule of pools and patterns: everything, at every port.
fn everywhere(to: Targets) -> AllowRule {
    AllowRule {
        id: None,
        operations: smallvec![
            Operation::Connect,
            Operation::Bind,
            Operation::Listen,
            Operation::Send,
        ],
        protocol: None,
        to,
        ports: Ports::all(),
        except: Box::default(),
        from: Box::default(),
        resolves_to: Box::default(),
        wide: false,
    }
}

/// Operations, URL and fragment of a flag.
fn parts(text: &str) -> Result<(Operations, &str, &str), Mistake> {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let scheme = rest.find("://").unwrap_or(rest.len());
    let (operations, url) = match rest.find('=').filter(|at| *at < scheme) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("connect", rest),
    };
    let parsed = operations.split(',').map(|name| operation(name.trim()));
    let mut operations = parsed.collect::<Result<Operations, _>>()?;
    operations.sort_unstable();
    operations.dedup();
    Ok((operations, url, fragment))
}

/// Lookups have no protocol, so that a URL's does not count for them.
fn protocol(operations: &[Operation], protocol: Protocol) -> Option<Protocol> {
    (operations != [Operation::Resolve]).then_some(protocol)
}

fn ports(operations: &[Operation], ports: Option<Ports>, url: &str) -> Result<Ports, Mistake> {
    let lookups = operations == [Operation::Resolve];
    match ports {
        Some(ports) if !lookups || ports.is_all() => Ok(ports),
        Some(_) => Err(Mistake::new("a lookup has no port").hint("leave the port out")),
        None if lookups => Ok(Ports::all()),
        None => Err(Mistake::new(format!("`{url}` has no port"))
            .hint(format!("write `{url}:443`, or `{url}:*` for every port"))),
    }
}

fn settings(fragment: &str) -> impl Iterator<Item = (&str, &str)> {
    let each = fragment.split('&').filter(|it| !it.is_empty());
    each.map(|it| it.split_once('=').unwrap_or((it, "")))
}

fn unknown(key: &str, value: &str, known: &[&str]) -> Mistake {
    match known.contains(&key) {
        true => Mistake::new(format!("`{key}` cannot be `{value}`")),
        false => Mistake::new(format!("a flag has no key `{key}`")).hint(suggest(key, known)),
    }
}

/// A list with commas, sorted.
fn targets(text: &str) -> Result<Targets, Mistake> {
    let parsed = text.split(',').map(|it| it.trim().parse());
    let mut targets = parsed.collect::<Result<Targets, _>>()?;
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

pub(crate) fn id(text: &str) -> Result<String, Mistake> {
    label(text, "an id")
}

/// What logs and reports call something.
pub(crate) fn label(text: &str, what: &str) -> Result<String, Mistake> {
    let length = text.chars().count();
    if !(1..=64).contains(&length) || text.chars().any(char::is_control) {
        return Err(Mistake::new(format!("`{text}` is not {what}"))
            .hint(format!("{what} has 1 to 64 characters on one line")));
    }
    Ok(text.to_owned())
}

fn denial(code: &str, operations: &[Operation]) -> Result<Denial, Mistake> {
    let parsed = code.parse::<Denial>();
    let deny_as = parsed.map_err(|e| Mistake::new(format!("`{code}` is {e}")))?;
    match operations.iter().find(|op| !deny_as.fits(**op)) {
        None => Ok(deny_as),
        Some(&operation) => Err(Mistake::new(InvalidPolicy::Unfit { deny_as, operation })),
    }
}

/// The file's way to say it, said as a flag does.
fn hint_for_flags(e: Mistake) -> Mistake {
    match e.suggestion() {
        Some(hint) if hint.contains("wide = true") => Mistake::new(e.message())
            .hint("anybody can get a name there: end it with `#wide` if you mean it"),
        Some(hint) if hint.contains("op = ") => {
            Mistake::new(e.message()).hint("write `listen=` in front, or leave `from` out")
        }
        _ => e,
    }
}

/// What a URL means.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) protocol: Protocol,
    pub(crate) host: Target,
    pub(crate) ports: Option<Ports>,
}

/// Reads `tcp://HOST:PORTS` or `udp://HOST:PORTS`.
pub(crate) fn place(url: &str) -> Result<Place, Mistake> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Mistake::new(format!("`{url}` is not a URL"))
            .hint(format!("write `tcp://{url}` or `udp://{url}`")));
    };
    let mut protocols = Protocol::ALL.into_iter();
    let Some(protocol) = protocols.find(|it| it.name() == scheme) else {
        return Err(
            Mistake::new(format!("`{scheme}` is not a protocol")).hint(match scheme {
                "http" | "https" => "write `tcp://` and the port: HTTP goes over TCP",
                _ => "write `tcp://` or `udp://`",
            }),
        );
    };
    let (host, ports) = split_ports(url, rest)?;
    let ports = ports.map(|text| {
        let ranges = text.split(',').map(|it| match it.trim() {
            "*" => Ok(0..=u16::MAX),
            range => Ports::parse_range(range),
        });
        ranges.collect::<Result<Vec<_>, _>>().map(Ports::new)
    });
    Ok(Place {
        protocol,
        host: host.parse()?,
        ports: ports.transpose()?,
    })
}

/// Host and ports. What is in brackets is IPv6.
fn split_ports<'t>(url: &str, rest: &'t str) -> Result<(&'t str, Option<&'t str>), Mistake> {
    if let Some(inside) = rest.strip_prefix('[') {
        let Some((ip, after)) = inside.split_once(']') else {
            return Err(
                Mistake::new(format!("`{url}` has no `]`")).hint("write `tcp://[fd00::1]:443`")
            );
        };
        return match (after, after.strip_prefix(':')) {
            ("", _) => Ok((ip, None)),
            (_, Some(ports)) => Ok((ip, Some(ports))),
            _ if after.starts_with('/') => Err(Mistake::new(format!(
                "`{url}` has the length of the prefix outside of the brackets"
            ))
            .hint("write `[fd00::/8]`")),
            _ => Err(Mistake::new(format!("`{after}` is not a port")).hint("write `]:443`")),
        };
    }
    if rest.matches(':').count() > 1 {
        return Err(Mistake::new(format!("`{url}` is IPv6 without brackets"))
            .hint("write `tcp://[fd00::1]:443`"));
    }
    let (host, ports) = match rest.split_once(':') {
        Some((host, ports)) => (host, Some(ports)),
        None => (rest, None),
    };
    if ports.is_some_and(|ports| ports.contains('/')) || host.ends_with('/') {
        return Err(Mistake::new(format!("`{url}` has a path")).hint("a policy ends at the port"));
    }
    Ok((host, ports))
}

/// Reads an address and a port.
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, Mistake> {
    let parsed: SocketAddr = text.parse().map_err(|_| {
        Mistake::new(format!("`{text}` is not an address and a port"))
            .hint("write `127.0.0.1:5432` or `[::1]:5432`")
    })?;
    address(&parsed.ip().to_string())?;
    Ok(SocketAddr::new(parsed.ip(), parsed.port()))
}
