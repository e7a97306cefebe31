//! Names, and what looking them up gives.

use super::draft::Draft;
use crate::file::keys;
use crate::file::table::{Table, Value};
use crate::file::tree::Data;
use crate::file::{Fault, Result, sections};
use crate::pattern::name;
use crate::session::RESERVED;
use crate::{Denial, Host, HostAnswer, Policy};
use core::net::{IpAddr, Ipv4Addr};
use core::ops::Range;
use ipnet::Ipv4Net;
use sockvirt_netstack::ErrorCode;
use sockvirt_netstack::script::{Found, Name};
use std::collections::{HashMap, HashSet};

/// All names that a script knows.
pub(super) struct Names {
    names: Vec<Name>,
    numbers: HashMap<String, usize>,
    /// Whether a name answers differently later, or late.
    pub(super) change: bool,
    /// Addresses that stand for names which nobody listed.
    free: Free,
    /// Where a lookup is to trap, which a script cannot say.
    trap: Option<Range<usize>>,
}

impl Names {
    /// The names that the policy lists, with what only scripts say of them.
    pub(super) fn read(file: &Table<'_>, policy: &Policy, draft: &Draft<'_>) -> Result<Self> {
        let mut names = Names {
            names: Vec::new(),
            numbers: HashMap::new(),
            change: false,
            free: Free::new(policy.dns_range),
            trap: None,
        };
        for host in &policy.hosts {
            names.list(host);
        }
        let dns = file.table("dns", &keys::DNS)?;
        let hosts = dns.map(|dns| dns.map("hosts")).transpose()?;
        for (key, value) in hosts.unwrap_or_default() {
            let table = Table::of(value, key.text, &keys::HOST)?;
            let name = name(key.text).map_err(|e| Fault::at(key.span.clone(), e))?;
            names.script(&name, &table, draft.line(&key.span))?;
        }
        for name in &names.names {
            names.free.take(&name.first);
            name.then.iter().for_each(|found| names.free.take(found));
        }
        Ok(names)
    }

    fn list(&mut self, host: &Host) {
        let first = match &host.answer {
            HostAnswer::Addresses(addresses) => Found::Addresses(addresses.clone()),
            HostAnswer::Fail(denial) => match code(*denial) {
                Some(code) => Found::Fail(code),
                None => {
                    self.trap = Some(0..0);
                    Found::Fail(ErrorCode::PermanentResolverFailure)
                }
            },
        };
        self.add(&host.name, 0, first);
    }

    fn add(&mut self, name: &str, line: u32, first: Found) {
        self.numbers.insert(name.to_owned(), self.names.len());
        self.names.push(Name {
            name: name.to_owned(),
            line,
            first,
            times: None,
            then: None,
            delay: 0,
        });
    }

    /// What only scripts say of a name.
    fn script(&mut self, name: &str, table: &Table<'_>, line: u32) -> Result<()> {
        let number = self.numbers.get(name);
        let Some(entry) = number.and_then(|it| self.names.get_mut(*it)) else {
            return Ok(());
        };
        entry.line = line;
        entry.delay = table.time("delay")?.unwrap_or_default();
        let times = table.number("times", 1..=u32::MAX.into())?;
        let then = table.get("then").map(found).transpose()?;
        if times.is_some() && then.is_none() {
            return Err(Fault::new(
                table.span.clone(),
                "`times` is how often, and nothing follows",
            )
            .hint("write `then = [\"192.0.2.11\"]` beside it"));
        }
        let times = times.and_then(|it| u32::try_from(it).ok());
        entry.times = then.is_some().then_some(times.unwrap_or(1));
        entry.then = then;
        self.change |= ["times", "then", "delay"].iter().any(|key| table.has(key));
        if matches!(table.string("fail")?, Some(code) if code.text == Denial::Trap.name()) {
            self.trap = table.get("fail").map(|it| it.span());
        }
        Ok(())
    }

    /// The addresses that a name stands for. One that nobody listed gets an address of its own.
    pub(super) fn addresses(
        &mut self,
        name: &str,
        span: &Range<usize>,
        line: u32,
    ) -> Result<Vec<IpAddr>> {
        let number = self.numbers.get(name);
        let Some(entry) = number.and_then(|it| self.names.get(*it)) else {
            let ip = self.free.next().ok_or_else(|| {
                let message = format!("no address is left to stand for `{name}`");
                Fault::new(span.clone(), message).hint("list it in `[dns.hosts]`")
            })?;
            self.add(name, line, Found::Addresses(vec![ip.into()]));
            return Ok(vec![ip.into()]);
        };
        let mut all = Vec::new();
        for found in [Some(&entry.first), entry.then.as_ref()] {
            if let Some(Found::Addresses(addresses)) = found {
                let new = addresses.iter().filter(|ip| !all.contains(*ip));
                let new: Vec<_> = new.copied().collect();
                all.extend(new);
            }
        }
        match all.is_empty() {
            false => Ok(all),
            true => {
                let message = format!("looking `{name}` up always fails, so nobody gets there");
                Err(Fault::new(span.clone(), message).hint("leave it out of `[dns.hosts]`"))
            }
        }
    }

    /// All names, sorted.
    pub(super) fn finish(mut self) -> Result<Vec<Name>> {
        if let Some(span) = self.trap {
            return Err(
                Fault::new(span, "a lookup of a script cannot end in a trap")
                    .hint("write `fail = \"permanent-resolver-failure\"`"),
            );
        }
        self.names.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.names)
    }
}

/// What a name answers later.
fn found(value: &Value<'_>) -> Result<Found> {
    let answer = match &value.data {
        Data::Table(_) => {
            let table = Table::of(value, "then", &keys::LATER)?;
            sections::read_answer(&table)?
        }
        _ => sections::addresses(value, "then")?,
    };
    match answer {
        HostAnswer::Addresses(addresses) => Ok(Found::Addresses(addresses)),
        HostAnswer::Fail(denial) => code(denial).map(Found::Fail).ok_or_else(|| {
            Fault::new(value.span(), "a lookup of a script cannot end in a trap")
                .hint("write `fail = \"permanent-resolver-failure\"`")
        }),
    }
}

/// The error code of a denial; a trap has none.
fn code(denial: Denial) -> Option<ErrorCode> {
    match denial {
        Denial::AccessDenied => Some(ErrorCode::AccessDenied),
        Denial::NameUnresolvable => Some(ErrorCode::NameUnresolvable),
        Denial::TemporaryResolverFailure => Some(ErrorCode::TemporaryResolverFailure),
        Denial::PermanentResolverFailure => Some(ErrorCode::PermanentResolverFailure),
        _ => None,
    }
}

/// Addresses that stand for names, in their order: those that stand for no name of the rules.
struct Free {
    range: Ipv4Net,
    next: u32,
    taken: HashSet<Ipv4Addr>,
}

impl Free {
    fn new(range: Ipv4Net) -> Self {
        Free {
            range,
            next: 1,
            taken: HashSet::new(),
        }
    }

    /// Notes that somebody has said what an address is.
    fn take(&mut self, found: &Found) {
        if let Found::Addresses(addresses) = found {
            let v4 = addresses.iter().filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(*ip),
                IpAddr::V6(_) => None,
            });
            self.taken.extend(v4);
        }
    }

    fn next(&mut self) -> Option<Ipv4Addr> {
        while self.next < RESERVED {
            // A range has more of them.
            let ip = Ipv4Addr::from(u32::from(self.range.network()) + self.next);
            self.next += 1;
            if !self.taken.contains(&ip) {
                return Some(ip);
            }
        }
        None
    }
}
