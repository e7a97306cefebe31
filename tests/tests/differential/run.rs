//! The two sides: the guest on the kernel's sockets, and built with a network in memory.

use crate::known::{self, Known, Seen};
use anyhow::Result;
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Pipes, Sockets, State};
use sockvirt_tests::peers::free_port;
use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p3;

/// How long a sequence may take. None of them needs a tenth of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The ports that scripts name.
const LETTERS: [&str; 3] = ["A", "B", "C"];

/// Both sides, compiled.
pub(crate) struct Sides {
    bare: InstancePre<State>,
    inside: InstancePre<State>,
}

impl Sides {
    /// Those of programs of WASI 0.2.
    pub(crate) fn get() -> &'static Sides {
        static SIDES: OnceLock<Sides> = OnceLock::new();
        SIDES.get_or_init(|| Sides::compile(Guest::Sequence).expect("the guest can be built"))
    }

    /// Those of programs of WASI 0.3.
    pub(crate) fn get_3() -> &'static Sides {
        static SIDES: OnceLock<Sides> = OnceLock::new();
        SIDES.get_or_init(|| Sides::compile(Guest::Sequence3).expect("the guest can be built"))
    }

    fn compile(guest: Guest) -> Result<Sides> {
        let guest = guest.build()?;
        let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n";
        let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
        let built = Virtualizer::new(policy).build(&guest)?;
        Ok(Sides {
            bare: prepare(&host::linker_with_sockets(host::engine())?, &guest)?,
            inside: prepare(&host::linker(Sockets::None)?, &built.component)?,
        })
    }

    /// Runs calls on both sides. What they give in memory is what the kernel is waited for.
    pub(crate) fn compare<'s>(&self, calls: &[&'s str]) -> Result<Comparison<'s>> {
        let inside = run(&self.inside, &script(calls, &[]), [1, 2, 3])?;
        // A sequence gets no port that one of the last minute had: the kernel still knows it.
        let free = [(); 3].map(|()| free_port("127.0.0.1"));
        let bare = run(&self.bare, &script(calls, &inside), free)?;
        Ok(Comparison {
            calls: calls.to_vec(),
            bare,
            inside,
        })
    }
}

fn prepare(linker: &Linker<State>, component: &[u8]) -> Result<InstancePre<State>> {
    let component = Component::new(host::engine(), component)?;
    Ok(linker.instantiate_pre(&component)?)
}

/// Runs a program of either version.
async fn run_program(side: &InstancePre<State>, store: &mut Store<State>) -> Result<bool> {
    let instance = side.instantiate_async(&mut *store).await?;
    if let Ok(command) = p3::bindings::Command::new(&mut *store, &instance) {
        let run = async |store: &_| command.wasi_cli_run().call_run(store).await;
        return Ok(store.run_concurrent(run).await??.is_ok());
    }
    let command = Command::new(&mut *store, &instance)?;
    Ok(command.wasi_cli_run().call_run(store).await?.is_ok())
}

/// The script as the guest gets it: in its standard input, or of WASI 0.3 as its first argument.
fn script(calls: &[&str], expected: &[String]) -> String {
    let mut script = String::new();
    for (i, call) in calls.iter().enumerate() {
        script.push_str(call);
        if let Some(expected) = expected.get(i) {
            script.push('\t');
            script.push_str(expected);
        }
        script.push('\n');
    }
    script
}

/// Runs a script in an instance of its own: a line for each call, and how it ended.
fn run(side: &InstancePre<State>, script: &str, ports: [u16; 3]) -> Result<Vec<String>> {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
    }
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    wasi.arg("sequence");
    if side
        .component()
        .get_export_index(None, "wasi:cli/run@0.3.0")
        .is_some()
    {
        wasi.arg(script);
    }
    for (letter, port) in LETTERS.into_iter().zip(ports) {
        wasi.arg(format!("{letter}={port}"));
    }
    wasi.stdin(MemoryInputPipe::new(script.to_owned()))
        .allow_tcp(true)
        .allow_udp(true)
        .allow_ip_name_lookup(true)
        .socket_addr_check(|address, _| {
            let stays = address.ip().is_loopback() || address.ip().is_unspecified();
            Box::pin(async move { stays })
        });
    let mut store = Store::new(host::engine(), State::new(pipes.attach(&mut wasi).build()));
    let ended = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let run = run_program(side, &mut store);
            let ended = tokio::time::timeout(PATIENCE, run).await;
            drop(store);
            anyhow::Ok(ended)
        })
    })?;
    let outcome = pipes.outcome(0);
    let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    match ended {
        Ok(Ok(true)) => {}
        // The guest says why it gives up a script that it cannot read.
        Ok(Err(_)) if outcome.stderr.contains("panicked") => {
            anyhow::bail!("{}", outcome.stderr)
        }
        Ok(Err(_)) => lines.push("trap".to_owned()),
        Ok(Ok(false)) => lines.push("failed".to_owned()),
        Err(_) => lines.push("hang".to_owned()),
    }
    Ok(lines)
}

/// What calls gave on both sides.
pub(crate) struct Comparison<'s> {
    calls: Vec<&'s str>,
    bare: Vec<String>,
    inside: Vec<String>,
}

impl Comparison<'_> {
    fn lines(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let count = self.bare.len().max(self.inside.len());
        let calls = self.calls.iter().copied().chain(std::iter::repeat("(end)"));
        let sides = [&self.bare, &self.inside];
        let [bare, inside] = sides.map(|it| {
            let lines = it.iter().map(String::as_str);
            lines.chain(std::iter::repeat(""))
        });
        let lines = calls.zip(bare).zip(inside).take(count);
        lines.map(|((call, bare), inside)| (call, bare, inside))
    }

    /// Whether they differ in a way that is not known.
    pub(crate) fn differs(&self) -> bool {
        self.known().is_none()
    }

    /// The known differences that they show, or nothing if there are others.
    pub(crate) fn known(&self) -> Option<Vec<&'static Known>> {
        let mut before = Vec::new();
        let mut shown = Vec::new();
        for (call, bare, inside) in self.lines() {
            if bare != inside {
                let seen = Seen {
                    before: &before,
                    call,
                    bare,
                    inside,
                };
                let known = known::find(&seen)?;
                shown.push(known);
                // What comes behind depends on it.
                if known.ends {
                    break;
                }
            }
            before.push((call, inside));
        }
        Some(shown)
    }

    /// Both transcripts, beside each other.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for (call, bare, inside) in self.lines() {
            let mark = if bare == inside { ' ' } else { '!' };
            let both = match bare == inside {
                true => bare.to_owned(),
                false => format!("{bare}   in memory: {inside}"),
            };
            let _ = writeln!(table, "{mark} {call:40} {both}");
        }
        table
    }
}
