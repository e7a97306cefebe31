//! Functions of the host's that the network calls, in the version that its caller imports.

use super::binding::Slot;
use super::hooks::{key, unsupported};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::root::{Item, Root};
use crate::widen::{Widened, exports};
use semver::Version;
use sockvirt_policy::OnDeadlock;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{ComponentType, InstanceTypeDeclaration};

/// A function of the host's.
struct HostFunction {
    slot: Slot,
    interface: &'static str,
    name: &'static str,
}

const fn function(slot: Slot, interface: &'static str, name: &'static str) -> HostFunction {
    HostFunction {
        slot,
        interface,
        name,
    }
}

const POLL: &str = "wasi:io/poll";
const STREAMS: &str = "wasi:io/streams";

static FUNCTIONS: [HostFunction; 10] = [
    function(Slot::Poll, POLL, "poll"),
    function(Slot::Ready, POLL, "[method]pollable.ready"),
    function(Slot::Block, POLL, "[method]pollable.block"),
    function(
        Slot::SubscribeDuration,
        "wasi:clocks/monotonic-clock",
        "subscribe-duration",
    ),
    function(Slot::Stderr, "wasi:cli/stderr", "get-stderr"),
    function(
        Slot::BlockingWrite,
        STREAMS,
        "[method]output-stream.blocking-write-and-flush",
    ),
    function(
        Slot::CheckWrite,
        STREAMS,
        "[method]output-stream.check-write",
    ),
    function(Slot::Write, STREAMS, "[method]output-stream.write"),
    function(Slot::Read, STREAMS, "[method]input-stream.read"),
    function(
        Slot::BlockingRead,
        STREAMS,
        "[method]input-stream.blocking-read",
    ),
];

/// The function of a slot.
pub(super) fn name(slot: Slot) -> &'static str {
    let function = FUNCTIONS.iter().find(|it| it.slot == slot);
    function.map_or("", |it| it.name)
}

/// What each function of the network's calls.
static CALLS: [(&str, &[Slot]); 3] = [
    ("wasi:io/poll@0.2#poll", &[Slot::Poll, Slot::Ready]),
    (
        "wasi:io/streams@0.2#[method]output-stream.splice",
        &[Slot::CheckWrite, Slot::Write, Slot::Read],
    ),
    (
        "wasi:io/streams@0.2#[method]output-stream.blocking-splice",
        &[Slot::BlockingWrite, Slot::BlockingRead],
    ),
];

/// What of the host the network is given.
#[derive(Default)]
pub(super) struct Hosted {
    /// The import of each function, by version and slot.
    pub(super) imports: BTreeMap<(usize, Slot), usize>,
    /// Whether a deadlock can be told of, whoever runs into it.
    pub(super) reports: bool,
}

impl Hosted {
    /// What is needed where these functions of the network's are called, for each version.
    pub(super) fn of(
        root: &Root<'_>,
        versions: &[Version],
        called: &BTreeSet<(usize, String)>,
        on_deadlock: OnDeadlock,
    ) -> Result<Self, Error> {
        let mut hosted = Hosted {
            reports: !versions.is_empty(),
            ..Hosted::default()
        };
        for (number, version) in versions.iter().enumerate() {
            let mut slots = BTreeSet::new();
            for (function, calls) in CALLS {
                if called.contains(&(number, function.to_owned())) {
                    slots.extend(calls);
                }
            }
            if on_deadlock == OnDeadlock::Hang {
                slots.extend([Slot::Block, Slot::SubscribeDuration]);
            }
            for slot in slots {
                let import =
                    import_of(root, slot, version).ok_or_else(|| missing(slot, version))?;
                hosted.imports.insert((number, slot), import);
            }
            hosted.add_report(root, number, version);
        }
        Ok(hosted)
    }

    /// Adds what a report of a deadlock takes, where the guest imports it.
    fn add_report(&mut self, root: &Root<'_>, number: usize, version: &Version) {
        let [stderr, write] =
            [Slot::Stderr, Slot::BlockingWrite].map(|slot| import_of(root, slot, version));
        match (stderr, write) {
            (Some(stderr), Some(write))
                if has(root, stderr, name(Slot::Stderr)) && can_write(root, write) =>
            {
                self.imports.insert((number, Slot::Stderr), stderr);
                self.imports.insert((number, Slot::BlockingWrite), write);
            }
            _ => self.reports = false,
        }
    }

    /// The functions that an import must have, whether the guest asks for them or not.
    pub(super) fn of_import(&self, import: usize) -> impl Iterator<Item = &'static str> {
        let slots = self.imports.iter().filter(move |(_, it)| **it == import);
        slots.map(|((_, slot), _)| name(*slot))
    }

    /// The slots of a version, and the import that the function of each is in.
    pub(super) fn of_version(&self, version: usize) -> impl Iterator<Item = (Slot, usize)> {
        let all = self.imports.iter();
        let own = all.filter(move |((it, _), _)| *it == version);
        own.map(|((_, slot), import)| (*slot, *import))
    }
}

/// The import that the function of a slot is in.
fn import_of(root: &Root<'_>, slot: Slot, version: &Version) -> Option<usize> {
    let function = FUNCTIONS.iter().find(|it| it.slot == slot)?;
    let mut imports = root.imports();
    imports.find_map(|(at, import)| {
        let name = InterfaceName::of(&import.name)?;
        let is = format!("{}/{}", name.package, name.interface) == function.interface
            && name.version.as_ref() == Some(version);
        is.then_some(at)
    })
}

fn has(root: &Root<'_>, import: usize, function: &str) -> bool {
    declarations(root, import).any(|(_, it)| it.iter().any(|it| exports(it, function)))
}

/// Whether an import of `wasi:io/streams` has the function that writes a report, or gets it.
fn can_write(root: &Root<'_>, import: usize) -> bool {
    let function = name(Slot::BlockingWrite);
    declarations(root, import).any(|(_, it)| {
        let mut widened = Widened::from(it);
        widened.all().any(|it| exports(it, function)) || widened.add_for_network(function).is_some()
    })
}

/// The types that an import is declared with, by their places among the items.
fn declarations<'r>(
    root: &'r Root<'r>,
    import: usize,
) -> impl Iterator<Item = (usize, &'r [InstanceTypeDeclaration<'r>])> {
    let types = root.references(import).into_iter();
    types.filter_map(|at| match root.items.get(at) {
        Some(Item::Type(ComponentType::Instance(declared))) => Some((at, &**declared)),
        _ => None,
    })
}

/// The type at a place, with the functions in it that the network calls; `None` if it needs none.
pub(super) fn widened<'r>(
    root: &'r Root<'r>,
    hosted: &Hosted,
    at: usize,
) -> Result<Option<ComponentType<'r>>, Error> {
    let imports: BTreeSet<usize> = hosted.imports.values().copied().collect();
    for import in imports {
        let Some((_, declared)) = declarations(root, import).find(|(it, _)| *it == at) else {
            continue;
        };
        let mut widened = Widened::from(declared);
        for function in hosted.of_import(import) {
            let has = widened.all().any(|it| exports(it, function));
            if !has && widened.add_for_network(function).is_none() {
                return Err(unsupported(
                    &format!("the import of `{function}`"),
                    "the network needs it, and the input has no types for it",
                ));
            }
        }
        return Ok(widened.widened());
    }
    Ok(None)
}

fn missing(slot: Slot, version: &Version) -> Error {
    let function = FUNCTIONS.iter().find(|it| it.slot == slot);
    let (interface, name) = function.map_or(("", ""), |it| (it.interface, it.name));
    unsupported(
        "a component",
        &format!(
            "a network in memory needs `{name}` of `{interface}@{version}`, and it is not imported"
        ),
    )
}

/// The version of an interface that the network has a part in.
pub(super) fn version(name: &InterfaceName) -> Option<&Version> {
    key(name).and(name.version.as_ref())
}
