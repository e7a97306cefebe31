//! Programs that a script is played to, on a host without sockets.

use crate::host::{self, Outcome, Pipes, State};
use anyhow::{Context, Result};
use sockvirt::Policy;
use sockvirt::run::{Cache, Prepared, Runner, Surroundings, TestReport};
use sockvirt::script::Script;
use sockvirt_guest_builder::Guest;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::{Component, Instance};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

/// A script in which time passes, gates open and datagrams go, and a step is left.
pub const TALK: &str = r#"
schema = 1
[[peer]]
name = "one"
at = "tcp://192.0.2.10:7"
script = [
  { expect = "a" },
  { send = "bcdef", segment = 2, gap = "3ms" },
  { await = "go" },
  { send = "g" },
  { expect = "never" },
]
[[peer]]
name = "two"
at = "udp://192.0.2.11:7"
script = [{ expect = "x" }, { wait = "7ms" }, { signal = "go" }, { send = "y" }]
"#;

/// What `Dialogue` is told to do with it.
pub const TALKS: [&str; 12] = [
    "connect 192.0.2.10:7",
    "bind 0.0.0.0:0",
    "write a",
    "read 9",
    "time",
    "send 192.0.2.11:7 x",
    "read 9",
    "read 9",
    "read 9",
    "time",
    "receive",
    "time",
];

/// What an instance's report says of its script: whether all was as it should be, and what was not.
pub async fn verdict(store: &mut Store<State>, instance: &Instance) -> Result<(bool, String)> {
    const REPORT: &str = "sockvirt:virt/report@0.1.0";
    let report = instance.get_export_index(&mut *store, None, REPORT);
    let mut function = |name| {
        let function = instance.get_export_index(&mut *store, report.as_ref(), name);
        function.context("it has a report")
    };
    let (finish, text) = (function("finish")?, function("text")?);
    let finish = instance.get_typed_func::<(), (bool,)>(&mut *store, finish)?;
    let (is_well,) = finish.call_async(&mut *store, ()).await?;
    let text = instance.get_typed_func::<(), (String,)>(&mut *store, text)?;
    let (text,) = text.call_async(&mut *store, ()).await?;
    Ok((is_well, text))
}

/// Runs a component with arguments.
pub fn run(component: &[u8], args: &[&str]) -> Result<Outcome> {
    run_in(host::runtime()?, component, args, |_| {})
}

/// The same on a host on which only waiting takes time, and that no time at all. Its monotonic clock goes
/// twice as fast as it should, and it is always the same day.
pub fn run_on_odd_clocks(component: &[u8], args: &[&str]) -> Result<Outcome> {
    // Time stands still from when the runtime is there.
    let clock = Fast(Instant::now());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build()?;
    run_in(runtime, component, args, |wasi| {
        wasi.monotonic_clock(clock).wall_clock(Stopped);
    })
}

fn run_in(
    runtime: Runtime,
    component: &[u8],
    args: &[&str],
    set_up: impl FnOnce(&mut WasiCtxBuilder),
) -> Result<Outcome> {
    let component = Component::new(host::engine(), component)?;
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    wasi.arg("program").args(args);
    set_up(&mut wasi);
    let state = State::new(pipes.attach(&mut wasi).build());
    let store = Store::new(host::engine(), state);
    let linker = host::linker_without_sockets(host::engine())?;
    let status = host::run_to_end_in(runtime, &linker, store, &component);
    let status = status.with_context(|| format!("up to there: {:?}", pipes.outcome(-1)))?;
    Ok(pipes.outcome(status))
}

struct Fast(Instant);

impl HostMonotonicClock for Fast {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        2 * self.0.elapsed().as_nanos() as u64
    }
}

struct Stopped;

/// The day that it is there, since that of 1970.
pub const DAY: u64 = 12_345;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_hours(24 * DAY)
    }
}

/// What [`Guest::Both`] talks to, by sockets of 0.2 and of 0.3, where its argument is `asks`.
pub const PEERS_OF_BOTH: &str = r#"
schema = 1
[dns.hosts]
"cache.test" = { answer = ["192.0.2.10"] }
[[peer]]
name = "cache"
at = "tcp://cache.test:6379"
[[peer.connection]]
script = [{ expect = "PING\r\n" }, { wait = "2s" }, { send = "+PONG\r\n", segment = 2, gap = "1s" }]
[[peer.connection]]
script = [{ expect = "PING\r\n" }, { wait = "3s" }, { send = "+PONG\r\n", segment = 2, gap = "1s" }]
[[peer]]
name = "dns"
at = "udp://192.0.2.53:53"
[[peer.connection]]
script = [{ expect = "old" }, { wait = "1s" }, { send = "a" }]
[[peer.connection]]
script = [{ expect = "new" }, { wait = "1s" }, { send = "b" }]
"#;

/// Plays a script to a guest, that is compiled once for each kind of script.
pub fn play(guest: Guest, file: &str, script: &str, args: &[&str]) -> Result<TestReport> {
    let policy = Policy::from_toml_with(script, file, &|name| Err(format!("no {name}")))?;
    let script = policy.script().context("it says nothing")?;
    let mut surroundings = Surroundings::default();
    surroundings.args = args.iter().map(Into::into).collect();
    Ok(prepared(guest, &policy, script)?.play(script, &surroundings)?)
}

/// A guest, on which clock, and whether it is ended with its script.
type Kind = (Guest, bool, bool);

fn prepared(guest: Guest, policy: &Policy, script: &Script) -> Result<&'static Prepared<'static>> {
    static RUNNER: LazyLock<Runner> =
        LazyLock::new(|| Runner::new(Cache::None).expect("an engine can be set up"));
    static ALL: LazyLock<Mutex<HashMap<Kind, &'static Prepared<'static>>>> =
        LazyLock::new(Mutex::default);
    let kind = (guest, script.host_clock, script.ends);
    let mut all = ALL.lock().expect("nobody panics with it");
    if let Some(prepared) = all.get(&kind) {
        return Ok(prepared);
    }
    let prepared = RUNNER.prepare(&guest.build()?, policy)?;
    let prepared: &'static _ = Box::leak(Box::new(prepared));
    all.insert(kind, prepared);
    Ok(prepared)
}
