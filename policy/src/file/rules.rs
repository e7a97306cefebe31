//! The rules.

use super::keys::{self, Section};
use super::table::{Table, Text};
use super::{Fault, Result};
use crate::flag::{place, socket_address};
use crate::rule::{check_targets, check_uses};
use crate::{AllowRule, Denial, DenyRule, InvalidPolicy, Operation, Policy, Ports, Redirect};
use core::ops::Range;
use std::collections::HashMap;

/// The lists of rules.
const LISTS: [(&str, &Section); 3] = [
    ("deny", &keys::DENY),
    ("allow", &keys::ALLOW),
    ("redirect", &keys::REDIRECT),
];

/// What is in a list of this name, if it is rules.
pub(super) fn section(name: &str) -> Option<&'static Section> {
    let list = LISTS.iter().find(|(key, _)| *key == name);
    list.map(|(_, section)| *section)
}

/// Adds the rule of a table in one of the lists.
pub(super) fn add(policy: &mut Policy, list: &str, table: &Table<'_>, ids: &mut Ids) -> Result<()> {
    match list {
        "deny" => {
            let added = std::mem::take(policy).with_rule(read_deny(table, ids)?);
            *policy = added.map_err(|e| Fault::new(table.span.clone(), e))?;
        }
        "allow" => policy.allow.push(read_allow(table, ids)?),
        _ => policy.redirect.push(read_redirect(table, ids)?),
    }
    Ok(())
}

/// Where the rules stand in the file.
#[derive(Default)]
struct Spans {
    deny: Vec<Range<usize>>,
    allow: Vec<Range<usize>>,
    redirect: Vec<Range<usize>>,
}

/// Reads the rules that are in the tree, and checks them with those that were added before.
pub(super) fn read(file: &Table<'_>, policy: &mut Policy, mut ids: Ids) -> Result<()> {
    let mut spans = Spans::default();
    for (key, section) in LISTS {
        for table in file.tables(key, section)? {
            add(policy, key, &table, &mut ids)?;
            let spans = match key {
                "deny" => &mut spans.deny,
                "allow" => &mut spans.allow,
                _ => &mut spans.redirect,
            };
            spans.push(table.span.clone());
        }
    }
    lead_somewhere(policy, &spans.redirect)?;
    beside_memory(policy, &spans)?;
    reached(policy, &spans.deny)
}

/// Checks that rules go with a loopback that is a network in memory.
fn beside_memory(policy: &Policy, spans: &Spans) -> Result<()> {
    let Err(e) = policy.check_loopback() else {
        return Ok(());
    };
    let span = match &e {
        InvalidPolicy::LoopbackInMemory {
            table, position, ..
        } => {
            let spans = match *table {
                "deny" => &spans.deny,
                "allow" => &spans.allow,
                _ => &spans.redirect,
            };
            spans.get(*position).cloned()
        }
        _ => None,
    };
    let hint = "leave the rule out, or write `mode = \"host\"` in `[loopback]`";
    Err(Fault::new(span.unwrap_or_default(), e).hint(hint))
}

/// Checks that no rule is about sockets that are never created.
fn reached(policy: &Policy, spans: &[Range<usize>]) -> Result<()> {
    for (rule, span) in policy.deny.iter().zip(spans) {
        if let Some(operation) = policy.never_reached(rule) {
            let e = InvalidPolicy::NeverReached { operation };
            return Err(
                Fault::new(span.clone(), e).hint("set `deny-at = \"operation\"` in `[policy]`")
            );
        }
    }
    Ok(())
}

/// Checks that redirects make no loop and contradict none.
fn lead_somewhere(policy: &Policy, spans: &[Range<usize>]) -> Result<()> {
    let Err(e) = policy.check_redirects() else {
        return Ok(());
    };
    let (hint, at) = match &e {
        InvalidPolicy::Chain { to, .. } => {
            let mut rules = policy.redirect.iter();
            let at = rules.position(|rule| rule.to.to_string() == *to);
            ("write where the last of them leads", at)
        }
        InvalidPolicy::Fork(from) => {
            let mut rules = policy.redirect.iter();
            let at = rules.rposition(|rule| rule.from.to_string() == *from);
            ("keep one of them", at)
        }
        _ => ("see `sockvirt schema`", None),
    };
    let span = at.and_then(|at| spans.get(at)).cloned();
    Err(Fault::new(span.unwrap_or_default(), e).hint(hint))
}

/// The ids of rules, and where they stand.
pub(super) type Ids = HashMap<String, Range<usize>>;

fn id(table: &Table<'_>, ids: &mut Ids) -> Result<Option<String>> {
    let Some(Text { text, span }) = table.string("id")? else {
        return Ok(None);
    };
    let id = crate::flag::id(text).map_err(|e| Fault::at(span.clone(), e))?;
    match ids.insert(id.clone(), span.clone()) {
        Some(other) => Err(Fault::new(span, InvalidPolicy::SameId(id)).beside(other)),
        None => Ok(Some(id)),
    }
}

/// The ports of a rule: written out, unless it is about lookups alone, which have none.
fn ports(table: &Table<'_>, operations: &[Operation]) -> Result<Ports> {
    let lookups = operations == [Operation::Resolve];
    match table.ports()? {
        None if lookups => Ok(Ports::all()),
        None => Err(table
            .missing("port")
            .hint("write `port = \"*\"` for all of them")),
        Some(ports) if lookups && !ports.is_all() => {
            Err(Fault::new(table.span.clone(), "a lookup has no port").hint("leave `port` out"))
        }
        Some(ports) => Ok(ports),
    }
}

fn read_deny(table: &Table<'_>, ids: &mut Ids) -> Result<DenyRule> {
    table.finish()?;
    let id = id(table, ids)?;
    let operations = table.operations()?;
    let protocol = table.protocol()?;
    let to = table.targets("to")?;
    if to.is_empty() {
        return Err(table
            .missing("to")
            .hint("write `to = \"*\"` for all of them"));
    }
    let ports = ports(table, &operations)?;
    let deny_as = match table.parse::<Denial>("deny-as")? {
        None => None,
        Some((deny_as, span)) => match operations.iter().find(|op| !deny_as.fits(**op)) {
            None => Some(deny_as),
            Some(&operation) => {
                return Err(Fault::new(
                    span,
                    InvalidPolicy::Unfit { deny_as, operation },
                ));
            }
        },
    };
    let checked = check_uses(&operations, protocol);
    let checked = checked.and_then(|()| check_targets(&operations, &to));
    checked.map_err(|e| table.fault(e))?;
    Ok(DenyRule {
        id,
        operations,
        protocol,
        to,
        ports,
        deny_as,
    })
}

fn read_allow(table: &Table<'_>, ids: &mut Ids) -> Result<AllowRule> {
    table.finish()?;
    let id = id(table, ids)?;
    let operations = table.operations()?;
    let to = table.targets("to")?;
    if to.is_empty() {
        return Err(table
            .missing("to")
            .hint("write `to = \"*\"` for all of them"));
    }
    let rule = AllowRule {
        id,
        protocol: table.protocol()?,
        to,
        ports: ports(table, &operations)?,
        operations,
        except: table.targets("except")?.into_boxed_slice(),
        from: table.targets("from")?.into_boxed_slice(),
        resolves_to: table.targets("resolves-to")?.into_boxed_slice(),
        wide: table.flag("wide")?,
    };
    rule.check().map_err(|e| table.fault(e))?;
    Ok(rule)
}

fn read_redirect(table: &Table<'_>, ids: &mut Ids) -> Result<Redirect> {
    table.finish()?;
    let id = id(table, ids)?;
    let text = |key, example: &str| -> Result<Text<'_>> {
        let text = table.string(key)?;
        text.ok_or_else(|| {
            table
                .missing(key)
                .hint(format!("write `{key} = \"{example}\"`"))
        })
    };
    let from = text("from", "tcp://db.internal:5432")?;
    let to = text("to", "127.0.0.1:5432")?;
    let place = place(from.text).map_err(|e| Fault::at(from.span.clone(), e))?;
    let to = socket_address(to.text).map_err(|e| Fault::at(to.span, e))?;
    let rule = Redirect {
        id,
        wide: table.flag("wide")?,
        ..Redirect::new(place, to).map_err(|e| Fault::at(from.span, e))?
    };
    rule.check().map_err(|e| table.fault(e))?;
    Ok(rule)
}
