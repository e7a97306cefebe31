//! Functions of the host's that the network calls, in the version that its caller imports.

use super::binding::Slot;
use super::hooks::{Reach, is_0_2, unsupported};
use super::hub::Place;
use super::survey::Survey;
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
const TCP: &str = "wasi:sockets/tcp";
const UDP: &str = "wasi:sockets/udp";

static FUNCTIONS: &[HostFunction] = &[
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
    function(Slot::DropPollable, POLL, "[resource-drop]pollable"),
    function(
        Slot::InstanceNetwork,
        "wasi:sockets/instance-network",
        "instance-network",
    ),
    function(
        Slot::CreateTcp,
        "wasi:sockets/tcp-create-socket",
        "create-tcp-socket",
    ),
    function(
        Slot::CreateUdp,
        "wasi:sockets/udp-create-socket",
        "create-udp-socket",
    ),
    function(Slot::DropUdp, UDP, "[resource-drop]udp-socket"),
    function(Slot::SubscribeTcp, TCP, "[method]tcp-socket.subscribe"),
    function(Slot::SubscribeUdp, UDP, "[method]udp-socket.subscribe"),
    function(Slot::StartBindUdp, UDP, "[method]udp-socket.start-bind"),
    function(Slot::FinishBindUdp, UDP, "[method]udp-socket.finish-bind"),
    function(Slot::StreamUdp, UDP, "[method]udp-socket.stream"),
    function(
        Slot::Receive,
        UDP,
        "[method]incoming-datagram-stream.receive",
    ),
    function(
        Slot::CheckSend,
        UDP,
        "[method]outgoing-datagram-stream.check-send",
    ),
    function(Slot::Send, UDP, "[method]outgoing-datagram-stream.send"),
    function(
        Slot::SubscribeIncoming,
        UDP,
        "[method]incoming-datagram-stream.subscribe",
    ),
    function(
        Slot::SubscribeOutgoing,
        UDP,
        "[method]outgoing-datagram-stream.subscribe",
    ),
    function(
        Slot::DropIncoming,
        UDP,
        "[resource-drop]incoming-datagram-stream",
    ),
    function(
        Slot::DropOutgoing,
        UDP,
        "[resource-drop]outgoing-datagram-stream",
    ),
    function(
        Slot::Backlog,
        TCP,
        "[method]tcp-socket.set-listen-backlog-size",
    ),
    function(
        Slot::KeepAlive,
        TCP,
        "[method]tcp-socket.set-keep-alive-enabled",
    ),
    function(
        Slot::KeepAliveIdle,
        TCP,
        "[method]tcp-socket.set-keep-alive-idle-time",
    ),
    function(
        Slot::KeepAliveInterval,
        TCP,
        "[method]tcp-socket.set-keep-alive-interval",
    ),
    function(
        Slot::KeepAliveCount,
        TCP,
        "[method]tcp-socket.set-keep-alive-count",
    ),
    function(Slot::HopLimitTcp, TCP, "[method]tcp-socket.set-hop-limit"),
    function(
        Slot::ReceiveBufferTcp,
        TCP,
        "[method]tcp-socket.set-receive-buffer-size",
    ),
    function(
        Slot::SendBufferTcp,
        TCP,
        "[method]tcp-socket.set-send-buffer-size",
    ),
    function(
        Slot::HopLimitUdp,
        UDP,
        "[method]udp-socket.set-unicast-hop-limit",
    ),
    function(
        Slot::ReceiveBufferUdp,
        UDP,
        "[method]udp-socket.set-receive-buffer-size",
    ),
    function(
        Slot::SendBufferUdp,
        UDP,
        "[method]udp-socket.set-send-buffer-size",
    ),
    function(Slot::Now, "wasi:clocks/monotonic-clock", "now"),
    function(Slot::Exit, "wasi:cli/exit", "exit"),
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

/// The same where sockets may become ones of the host's: what waits for one then waits for the
/// host.
static CALLS_OUTSIDE: [(&str, &[Slot]); 4] = [
    (
        "wasi:io/poll@0.2#[beside]poll",
        &[Slot::Poll, Slot::Ready, Slot::DropPollable],
    ),
    (
        "wasi:io/poll@0.2#[beside][method]pollable.ready",
        &[Slot::Ready],
    ),
    (
        "wasi:io/poll@0.2#[beside][method]pollable.block",
        &[Slot::Block],
    ),
    (
        "wasi:sockets/udp@0.2#[route]udp-socket.stream",
        &[Slot::Block, Slot::DropPollable],
    ),
];

/// The same where a script is played meanwhile.
static CALLS_PLAYED: [(&str, &[Slot]); 1] = [(
    "wasi:io/poll@0.2#[beside][method]pollable.block",
    &[Slot::Ready],
)];

/// What a script calls that has the host's clock.
static CALLS_CLOCK: [Slot; 5] = [
    Slot::Now,
    Slot::SubscribeDuration,
    Slot::Poll,
    Slot::Ready,
    Slot::DropPollable,
];

/// What time passes by while the host is waited for.
static CALLS_TIME: [Slot; 4] = [
    Slot::SubscribeDuration,
    Slot::Poll,
    Slot::Ready,
    Slot::DropPollable,
];

/// What a socket of the host's is made with. What of it the guest does not import is never needed.
static MAKES_SOCKETS: [Slot; 29] = [
    Slot::DropPollable,
    Slot::InstanceNetwork,
    Slot::CreateTcp,
    Slot::CreateUdp,
    Slot::DropUdp,
    Slot::SubscribeTcp,
    Slot::SubscribeUdp,
    Slot::StartBindUdp,
    Slot::FinishBindUdp,
    Slot::StreamUdp,
    Slot::Receive,
    Slot::CheckSend,
    Slot::Send,
    Slot::SubscribeIncoming,
    Slot::SubscribeOutgoing,
    Slot::DropIncoming,
    Slot::DropOutgoing,
    Slot::Backlog,
    Slot::KeepAlive,
    Slot::KeepAliveIdle,
    Slot::KeepAliveInterval,
    Slot::KeepAliveCount,
    Slot::HopLimitTcp,
    Slot::ReceiveBufferTcp,
    Slot::SendBufferTcp,
    Slot::HopLimitUdp,
    Slot::ReceiveBufferUdp,
    Slot::SendBufferUdp,
    Slot::Ready,
];

/// For imports, by their places among the items, functions that they must have.
pub(super) type Wants = BTreeMap<usize, BTreeSet<&'static str>>;

/// What of the host the network is given.
#[derive(Clone, Default)]
pub(super) struct Hosted {
    /// The import of each function, by version and slot.
    pub(super) imports: BTreeMap<(usize, Slot), usize>,
    /// Whether a deadlock can be told of, whoever runs into it.
    pub(super) reports: bool,
    /// Whether a script can end the program, whoever called last.
    pub(super) exits: bool,
    /// Whether time can pass on the host's clock while the host is waited for.
    pub(super) host_time: bool,
}

impl Hosted {
    /// What is needed where these functions of the network's are called, for each version.
    pub(super) fn of(
        root: &Root<'_>,
        survey: &Survey,
        reach: Reach,
        on_deadlock: OnDeadlock,
        place: &Place,
    ) -> Result<Self, Error> {
        let Survey {
            versions, called, ..
        } = survey;
        // A script that is played elsewhere is told of there, and ends the program there.
        let is_elsewhere = reach.script.is_some() && !matches!(place, Place::Inside);
        let mut hosted = Hosted {
            reports: !is_elsewhere && !versions.is_empty(),
            exits: !is_elsewhere && reach.script.is_some() && !versions.is_empty(),
            host_time: reach.script.is_some() && reach.leads_out && !versions.is_empty(),
            ..Hosted::default()
        };
        for (number, version) in versions.iter().enumerate() {
            let mut slots = BTreeSet::new();
            let outside = reach.any().then_some(CALLS_OUTSIDE);
            let played = reach.script.and(outside).and(Some(CALLS_PLAYED));
            let outside = outside.into_iter().flatten();
            let outside = outside.chain(played.into_iter().flatten());
            for (function, calls) in CALLS.into_iter().chain(outside) {
                if called.contains(&(number, function.to_owned())) {
                    slots.extend(calls);
                }
            }
            if reach.waits_on_host_clock() {
                slots.extend(CALLS_CLOCK);
            }
            if on_deadlock == OnDeadlock::Hang {
                slots.extend([Slot::Block, Slot::SubscribeDuration]);
            }
            for slot in slots {
                let import =
                    import_of(root, slot, version).ok_or_else(|| missing(slot, version))?;
                hosted.imports.insert((number, slot), import);
            }
            if reach.any() {
                hosted.add_makers(root, number, version);
            }
            if !is_elsewhere {
                // Standard error of 0.3 is a stream, which nobody here can write to.
                let teller = versions.iter().find(|it| it.minor == 2);
                let teller = teller.filter(|_| version.minor == 3).unwrap_or(version);
                hosted.add_report(root, number, teller);
            }
            hosted.exits = hosted.exits && hosted.add_all(root, number, version, &[Slot::Exit]);
            // Nobody waits by what is of 0.3.
            hosted.host_time = hosted.host_time
                && (version.minor == 3 || hosted.add_all(root, number, version, &CALLS_TIME));
        }
        Ok(hosted)
    }

    /// What a network is given on which a script is played and which several share: what tells of it,
    /// and what ends the program, of the first version that has it.
    pub(super) fn of_hub(root: &Root<'_>) -> Self {
        let mut hosted = Hosted::default();
        for version in versions_of(root, "wasi:cli/stderr") {
            let streams = import_of(root, Slot::BlockingWrite, &version);
            // The hub says the types again, in which errors are.
            let has_errors = streams.is_some_and(|it| has(root, it, "[resource-drop]error"));
            if !hosted.reports && has_errors {
                hosted.reports = true;
                hosted.add_report(root, 0, &version);
            }
        }
        let mut versions = versions_of(root, "wasi:cli/exit");
        hosted.exits = versions.any(|version| hosted.add_all(root, 0, &version, &[Slot::Exit]));
        hosted
    }

    /// Adds functions where the guest imports all of them, or can, and says whether it does.
    fn add_all(
        &mut self,
        root: &Root<'_>,
        number: usize,
        version: &Version,
        slots: &[Slot],
    ) -> bool {
        let all = slots.iter().map(|slot| {
            let import = import_of(root, *slot, version);
            let import = import.filter(|import| can_have(root, *import, name(*slot)));
            import.map(|import| ((number, *slot), import))
        });
        match all.collect::<Option<Vec<_>>>() {
            Some(all) => {
                self.imports.extend(all);
                true
            }
            None => false,
        }
    }

    /// Adds what makes sockets of the host's, as far as the guest imports it.
    fn add_makers(&mut self, root: &Root<'_>, number: usize, version: &Version) {
        for slot in MAKES_SOCKETS {
            let import = import_of(root, slot, version);
            if let Some(import) = import.filter(|import| has(root, *import, name(slot))) {
                self.imports.insert((number, slot), import);
            }
        }
    }

    /// Adds what a report of a deadlock takes, where the guest imports it.
    fn add_report(&mut self, root: &Root<'_>, number: usize, version: &Version) {
        let [stderr, write] =
            [Slot::Stderr, Slot::BlockingWrite].map(|slot| import_of(root, slot, version));
        match (stderr, write) {
            (Some(stderr), Some(write))
                if has(root, stderr, name(Slot::Stderr))
                    && can_have(root, write, name(Slot::BlockingWrite)) =>
            {
                self.imports.insert((number, Slot::Stderr), stderr);
                self.imports.insert((number, Slot::BlockingWrite), write);
            }
            _ => self.reports = false,
        }
    }

    /// The functions that imports must have, whether the guest asks for them or not.
    pub(super) fn wants(&self) -> Wants {
        let mut wants = Wants::new();
        for ((_, slot), import) in &self.imports {
            let functions = wants.entry(*import).or_default();
            functions.extend(Some(name(*slot)).filter(|it| !it.starts_with(DROP)));
        }
        wants
    }

    /// The slots of a version, and the import that the function of each is in.
    pub(super) fn of_version(&self, version: usize) -> impl Iterator<Item = (Slot, usize)> {
        let all = self.imports.iter();
        let own = all.filter(move |((it, _), _)| *it == version);
        own.map(|((_, slot), import)| (*slot, *import))
    }
}

/// The versions in which an interface is imported, of those that the network serves.
fn versions_of<'r>(root: &'r Root<'_>, interface: &'r str) -> impl Iterator<Item = Version> + 'r {
    let names = root.imports();
    let names = names.filter_map(|(_, import)| InterfaceName::of(&import.name));
    let same = names.filter(move |name| {
        is_0_2(name) && format!("{}/{}", name.package, name.interface) == interface
    });
    same.filter_map(|name| name.version)
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
    let mut types = declarations(root, import);
    match function.strip_prefix(DROP) {
        Some(resource) => types.any(|(_, it)| Widened::from(it).exports_type(resource)),
        None => types.any(|(_, it)| it.iter().any(|it| exports(it, function))),
    }
}

/// What the name of a function that drops a resource begins with.
pub(super) const DROP: &str = "[resource-drop]";

/// Whether an import has a function, or gets it.
fn can_have(root: &Root<'_>, import: usize, function: &'static str) -> bool {
    has(root, import, function)
        || declarations(root, import)
            .any(|(_, it)| Widened::from(it).add_for_network(function).is_some())
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
    wants: &Wants,
    at: usize,
) -> Result<Option<ComponentType<'r>>, Error> {
    for (import, functions) in wants {
        let Some((_, declared)) = declarations(root, *import).find(|(it, _)| *it == at) else {
            continue;
        };
        let mut widened = Widened::from(declared);
        for function in functions {
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
