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
    pub(crate) name: &'static str,
    /// Whether what comes behind it is no longer the same.
    pub(crate) ends: bool,
    /// Whether a call shows it.
    shows: fn(&Seen<'_>) -> bool,
}

const KNOWN: [Known; 12] = [
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
        name: "pollables of input streams that nothing has come to",
        ends: false,
        shows: |it| it.is_only_of(|stream| it.is_stale(stream)),
    },
    Known {
        name: "a datagram that an incoming stream was asked for before it was dropped",
        ends: true,
        shows: |it| {
            it.is_of(|stream| it.was_asked_and_dropped(stream)) && it.bare != "connection-refused"
        },
    },
    Known {
        name: "debug strings of errors of input streams",
        ends: false,
        shows: |it| {
            it.verb() == "debug"
                && it.bare == "ok ConnectionReset"
                && it.inside == "ok connection-reset (error 15)"
        },
    },
    Known {
        name: "when it is known that something has come, or that a peer is gone",
        ends: true,
        shows: |it| {
            // A second write waits until the first is acknowledged, and may so come to a peer that
            // has gone meanwhile.
            let is_told = matches!(it.bare, "closed" | "failed") && it.inside.starts_with("ok");
            is_told && it.is_write() && it.writes_before() >= 2
        },
    },
    Known {
        name: "0.3: how receiving has ended, behind a read that was taken back",
        ends: false,
        shows: |it| {
            let was_read = |stream: &str| {
                let (read, none) = (format!("read r{stream} "), format!("read-none r{stream}"));
                let mut before = it.before.iter();
                before.any(|(call, gave)| {
                    (call.starts_with(&read) || *call == none) && *gave == "waits"
                })
            };
            // It is told once.
            let is_early = it.bare == "waits" && matches!(it.inside, "ok" | "connection-reset");
            let of = it.call.strip_prefix("end e");
            (is_early || it.inside == "absent") && of.is_some_and(was_read)
        },
    },
    Known {
        name: "0.3: a read of no bytes where nothing has come",
        ends: false,
        shows: |it| it.verb() == "read-none" && (it.bare, it.inside) == ("ok", "waits"),
    },
    Known {
        name: "0.3: a read of no bytes at the end of a stream",
        ends: true,
        shows: |it| it.verb() == "read-none" && (it.bare, it.inside) == ("ok", "dropped"),
    },
    Known {
        name: "0.3: writes while the peer goes away",
        ends: true,
        shows: |it| {
            let count = it
                .call
                .strip_prefix("write w")
                .and_then(|it| it.split(' ').nth(1));
            let is_in_parts = count.and_then(|it| it.parse().ok()) > Some(4_096);
            match (it.bare, it.inside) {
                ("dropped", "ok") => count.is_some(),
                ("ok", "dropped") => is_in_parts,
                _ => false,
            }
        },
    },
    Known {
        name: "a connect between the addresses of a connection that only the client has ended",
        ends: true,
        shows: |it| {
            let is_dropped = |(call, _): &(&str, &str)| call.starts_with("drop t");
            it.verb() == "finish-connect"
                && it.inside == "address-not-bindable"
                && it.before.iter().any(is_dropped)
        },
    },
    Known {
        name: "`localhost`, where no rule says what it stands for",
        ends: false,
        shows: |it| {
            // Of 0.3 it is a call with its answer.
            let name = match it.verb() {
                "resolve" if it.inside.starts_with("ok ") => it.args().next(),
                "next" => it.args().next().and_then(|lookup| it.looked_up(lookup)),
                _ => None,
            };
            name.is_some_and(|it| it.eq_ignore_ascii_case("localhost"))
        },
    },
    Known {
        name: "names in Unicode, and with percent signs",
        ends: false,
        shows: |it| {
            let is_encoded = it.call.contains('%') || !it.call.is_ascii();
            it.verb() == "resolve" && is_encoded && it.inside == "invalid-argument"
        },
    },
];

impl Seen<'_> {
    fn verb(&self) -> &str {
        self.call.split(' ').next().unwrap_or_default()
    }

    fn is_write(&self) -> bool {
        let verb = self.verb();
        ["write", "zeroes", "splice"]
            .iter()
            .any(|it| verb.ends_with(it))
    }

    /// How often the output stream of a call was written to before.
    fn writes_before(&self) -> usize {
        let stream = self.args().next();
        let writes = self.before.iter().filter(|(call, gave)| {
            let mut words = call.split(' ');
            let verb = words.next().unwrap_or_default();
            let is_write = verb.ends_with("write") || verb.ends_with("zeroes");
            is_write && *gave == "ok" && words.next() == stream
        });
        writes.count()
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

    /// The name that a lookup is of.
    fn looked_up(&self, lookup: &str) -> Option<&str> {
        let mut before = self.before.iter().rev();
        before.find_map(|(call, _)| {
            let looked_up = call.strip_prefix("resolve ")?;
            looked_up.strip_prefix(lookup)?.strip_prefix(' ')
        })
    }

    /// Whether an input stream may be ready with nothing to read: one of an accepted connection that
    /// nothing was read from, and any until a read finds nothing.
    fn is_stale(&self, stream: &str) -> bool {
        let Some(number) = stream.strip_prefix('i') else {
            return false;
        };
        for (call, gave) in self.before.iter().rev() {
            let (verb, args) = call.split_once(' ').unwrap_or_default();
            let mut args = args.split(' ');
            let of = args.any(|it| it == stream);
            let reads = ["read", "skip", "splice"]
                .iter()
                .any(|it| verb.ends_with(it));
            if reads
                && of
                && !call.ends_with(" 0")
                && gave.starts_with("ok ")
                && *gave != "ok would wait"
            {
                return !matches!(*gave, "ok 0" | "ok 0 0");
            }
            if verb == "accept" && call.ends_with(&format!(" {number}")) {
                return true;
            }
        }
        false
    }

    /// Whether all that is ready on the kernel's only are such streams.
    fn is_only_of(&self, is_such: impl Fn(&str) -> bool) -> bool {
        let such = |pollable: &str| self.subject(pollable).is_some_and(&is_such);
        match self.verb() {
            "ready" => self.bare == "ok true" && self.args().any(such),
            "block" => self.inside == "ok would wait" && self.args().any(such),
            "poll" => {
                let names: Vec<&str> = self.args().collect();
                let (bare, inside) = (positions(self.bare), positions(self.inside));
                let is_more = inside.iter().all(|it| bare.contains(it));
                let more: Vec<usize> = bare.into_iter().filter(|it| !inside.contains(it)).collect();
                is_more && !more.is_empty() && more.iter().all(|it| such(names[*it]))
            }
            _ => self.bare == "ok ready" && self.args().any(is_such),
        }
    }

    /// Whether a call is one of such a stream, or of its pollable.
    fn is_of(&self, is_such: impl Fn(&str) -> bool) -> bool {
        let mut args = self.args();
        args.any(|it| is_such(it) || self.subject(it).is_some_and(&is_such))
    }

    /// Whether it is an incoming stream that had one of its name before it that was looked at.
    fn was_asked_and_dropped(&self, stream: &str) -> bool {
        if !stream.starts_with("in") {
            return false;
        }
        let dropped = format!("drop {stream}");
        let dropped = self.before.iter().rposition(|(call, _)| *call == dropped);
        let earlier = self.before.get(..dropped.unwrap_or(0)).unwrap_or_default();
        let asked = |(call, _): &(&str, &str)| {
            ["receive", "subscribe"].iter().any(|verb| {
                let rest = call.strip_prefix(verb).and_then(|it| it.strip_prefix(' '));
                rest.and_then(|it| it.split(' ').next()) == Some(stream)
            })
        };
        earlier.iter().any(asked)
    }
}

/// The positions that a poll gave.
fn positions(result: &str) -> Vec<usize> {
    let list = result
        .strip_prefix("ok [")
        .and_then(|it| it.strip_suffix(']'));
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
