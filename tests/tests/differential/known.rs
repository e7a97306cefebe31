//! Differences between the kernel's loopback and the network in memory that are meant to be.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// A call that gave something else on the kernel's loopback than in memory.
pub(crate) struct Seen<'s> {
    /// The calls before it, and what they gave in memory.
    pub(crate) before: &'s [(&'s str, &'s str)],
    pub(crate) call: &'s str,
    /// What it gave on the kernel's.
    pub(crate) bare: &'s str,
    /// What it gave in memory.
    pub(crate) inside: &'s str,
}

/// A difference that has a name.
pub(crate) struct Known {
    /// What it is called in `docs/differences.md`.
    name: &'static str,
    /// Whether what comes behind it is no longer the same.
    pub(crate) ends: bool,
    /// Whether a call shows it.
    shows: fn(&Seen<'_>) -> bool,
}

const KNOWN: [Known; 2] = [
    Known {
        name: "sizes of socket buffers, and what they are clamped to",
        ends: false,
        shows: |it| {
            it.verb() == "get"
                && it.call.ends_with("-buffer")
                && it.bare.starts_with("ok ")
                && it.inside.starts_with("ok ")
        },
    },
    Known {
        name: "the input stream of an accepted connection that nothing was read from, before \
            anything has come",
        ends: false,
        shows: |it| it.is_of_unread_stream(),
    },
];

impl Seen<'_> {
    fn verb(&self) -> &str {
        self.call.split(' ').next().unwrap_or_default()
    }

    fn args(&self) -> impl Iterator<Item = &str> {
        self.call.split(' ').skip(1)
    }

    /// The name of what a pollable is of.
    fn subject(&self, pollable: &str) -> Option<&str> {
        let mut before = self.before.iter().rev();
        before.find_map(|(call, _)| {
            let subscribed = call.strip_prefix("subscribe ")?;
            subscribed.strip_suffix(pollable)?.strip_suffix(' ')
        })
    }

    /// Whether a stream is an input stream of an accepted connection, which nothing has read.
    fn is_unread(&self, stream: &str) -> bool {
        let Some(number) = stream.strip_prefix('i') else {
            return false;
        };
        let accepted = |(call, _): &(&str, &str)| {
            call.strip_prefix("accept ")
                .is_some_and(|it| it.ends_with(&format!(" {number}")))
        };
        let reads = |(call, gave): &(&str, &str)| {
            let mut words = call.split(' ');
            let verb = words.next().unwrap_or_default();
            let is_read = ["read", "skip", "splice"].iter().any(|it| verb.ends_with(it));
            let is_made = *gave != "ok would wait" && !call.ends_with(" 0");
            is_read && is_made && words.any(|it| it == stream)
        };
        self.before.iter().any(accepted) && !self.before.iter().any(reads)
    }

    /// Whether all that is ready on the kernel's only are such streams.
    fn is_of_unread_stream(&self) -> bool {
        match self.verb() {
            "ready" | "block" => {
                let of = self.args().next().and_then(|it| self.subject(it));
                matches!(self.bare, "ok true" | "ok") && of.is_some_and(|it| self.is_unread(it))
            }
            "poll" => {
                let names: Vec<&str> = self.args().collect();
                let (bare, inside) = (positions(self.bare), positions(self.inside));
                let is_more = inside.iter().all(|it| bare.contains(it)) && !bare.is_empty();
                let mut more = bare.iter().filter(|it| !inside.contains(it));
                is_more
                    && more.all(|it| {
                        let of = names.get(*it).and_then(|it| self.subject(it));
                        of.is_some_and(|it| self.is_unread(it))
                    })
            }
            _ => self.bare == "ok ready" && self.args().any(|it| self.is_unread(it)),
        }
    }
}

/// The positions that a poll gave.
fn positions(result: &str) -> Vec<usize> {
    let list = result.strip_prefix("ok [").and_then(|it| it.strip_suffix(']'));
    let list = list.unwrap_or_default().split(", ");
    list.filter_map(|it| it.parse().ok()).collect()
}

/// The difference that a call shows, if it is known.
pub(crate) fn find(seen: &Seen<'_>) -> Option<&'static Known> {
    KNOWN.iter().find(|it| (it.shows)(seen))
}

pub(crate) fn all_are_documented() -> Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/differences.md");
    let text = std::fs::read_to_string(path)?;
    let section = text.split("## A network in memory").nth(1);
    let section = section.context("there is no section about a network in memory")?;
    for known in &KNOWN {
        let line = format!("| {} |", known.name);
        ensure!(section.contains(&line), "there is no line `{line}`");
    }
    Ok(())
}
