//! The sections that are not rules.

use super::keys;
use super::script::has_others;
use super::table::{Table, Text, Value, as_text, as_texts, operation};
use super::{Fault, Result};
use crate::pattern::{address, name};
use crate::{
    Denial, DenyAt, DnsMode, Host, HostAnswer, InvalidPolicy, Log, LoopbackMode, Mistake,
    OnDeadlock, Operation, Policy,
};
use ipnet::Ipv4Net;

/// Reads them. Another file may have told where loopback is.
pub(super) fn read(file: &mut Table<'_>, policy: &mut Policy, told: bool) -> Result<()> {
    if let Some(table) = file.table("policy", &keys::POLICY)? {
        read_policy(&table, policy)?;
    }
    if let Some(table) = file.table("dns", &keys::DNS)? {
        read_dns(&table, policy)?;
    }
    if has_others(file) && !told {
        policy.loopback = LoopbackMode::Virtual;
    }
    match file.table("loopback", &keys::LOOPBACK)? {
        Some(table) => read_loopback(&table, policy),
        None => Ok(()),
    }
}

fn read_policy(table: &Table<'_>, policy: &mut Policy) -> Result<()> {
    if let Some((denial, span)) = table.parse::<Denial>("deny-as")? {
        *policy = std::mem::take(policy).with_deny_as(denial).map_err(|e| {
            Fault::new(span, e).hint(
                "`deny-as` in `[policy]` stands for all operations; \
                 `[policy.deny-as-for]` says it for some",
            )
        })?;
    }
    for (key, value) in table.map("deny-as-for")? {
        let operation = operation(key.text).map_err(|e| Fault::at(key.span.clone(), e))?;
        let Text { text, span } = as_text(value, key.text)?;
        let denial = text.parse::<Denial>();
        let denial = denial.map_err(|e| Fault::new(span.clone(), format!("`{text}` is {e}")))?;
        if operation == Operation::Resolve {
            return Err(
                Fault::new(key.span, "`resolve` has its own `deny-as`").hint("write it in `[dns]`")
            );
        }
        if !denial.fits(operation) {
            let deny_as = denial;
            return Err(Fault::new(
                span,
                InvalidPolicy::Unfit { deny_as, operation },
            ));
        }
        policy.deny_as_for.insert(operation, denial);
    }
    if let Some((deny_at, _)) = table.parse::<DenyAt>("deny-at")? {
        policy.deny_at = deny_at;
    }
    if let Some(log) = table.choice("log", "a setting of `log`", Log::ALL, Log::name)? {
        policy.log = log;
    }
    table.finish()
}

fn read_dns(table: &Table<'_>, policy: &mut Policy) -> Result<()> {
    let mode = table.choice("mode", "a mode of `[dns]`", DnsMode::ALL, DnsMode::name)?;
    policy.dns_mode = mode.unwrap_or_default();
    if let Some((denial, span)) = table.parse::<Denial>("deny-as")? {
        *policy = std::mem::take(policy)
            .with_dns_deny_as(denial)
            .map_err(|e| Fault::new(span, e))?;
    }
    if let Some(Text { text, span }) = table.string("range")? {
        policy.dns_range = range(text).map_err(|e| Fault::at(span, e))?;
    }
    for (key, value) in table.map("hosts")? {
        let name = name(key.text).map_err(|e| Fault::at(key.span.clone(), e))?;
        if policy.hosts.iter().any(|host| host.name == name) {
            return Err(Fault::new(key.span, format!("`{name}` is there twice")));
        }
        let table = Table::of(value, key.text, &keys::HOST)?;
        let answer = read_answer(&table)?;
        policy.hosts.push(Host { name, answer });
    }
    policy.hosts.sort_unstable();
    table.finish()
}

/// Reads the range of synthetic addresses.
fn range(text: &str) -> std::result::Result<Ipv4Net, Mistake> {
    let wrong = || Mistake::new(format!("`{text}` is not a range for synthetic addresses"));
    let net = text.parse::<Ipv4Net>().ok();
    let net = net.filter(|net| net.network() == net.addr());
    match net {
        Some(net) if (8..=20).contains(&net.prefix_len()) => Ok(net),
        Some(net) if net.prefix_len() > 20 => {
            Err(wrong().hint(format!("1,024 names need more: write `{}/20`", net.addr())))
        }
        _ => Err(wrong().hint("write an IPv4 prefix of 8 to 20 bits, such as `198.18.0.0/15`")),
    }
}

/// What a name answers: its addresses, or an error.
pub(super) fn read_answer(table: &Table<'_>) -> Result<HostAnswer> {
    table.finish()?;
    let fail = table.parse::<Denial>("fail")?;
    match (table.get("answer"), fail) {
        (None, Some((denial, span))) => HostAnswer::fail(denial).map_err(|e| Fault::at(span, e)),
        (Some(value), None) => addresses(value, "answer"),
        _ => Err(Fault::new(
            table.span.clone(),
            "a host has either `answer` or `fail`",
        )),
    }
}

/// Addresses that a name answers.
pub(super) fn addresses(value: &Value<'_>, key: &'static str) -> Result<HostAnswer> {
    let mut addresses = Vec::new();
    for text in as_texts(value, key)? {
        let Text { text, span } = text?;
        addresses.push(address(text).map_err(|e| Fault::at(span, e))?);
    }
    HostAnswer::addresses(addresses).map_err(|e| Fault::at(value.span(), e))
}

fn read_loopback(table: &Table<'_>, policy: &mut Policy) -> Result<()> {
    let (all, name) = (LoopbackMode::ALL, LoopbackMode::name);
    if let Some(mode) = table.choice("mode", "a mode of `[loopback]`", all, name)? {
        policy.loopback = mode;
    }
    let (all, name) = (OnDeadlock::ALL, OnDeadlock::name);
    if let Some(end) = table.choice("on-deadlock", "an end of a deadlock", all, name)? {
        if policy.loopback == LoopbackMode::Host {
            let e = "`on-deadlock` is about a network in memory, and there is none";
            return Err(
                Fault::new(table.span.clone(), e).hint("write `mode = \"virtual\"` beside it")
            );
        }
        policy.on_deadlock = end;
    }
    table.finish()
}
