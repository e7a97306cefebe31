//! A second engine, and programs in other languages.
//!
//! Every guest of WASI 0.2 and one in Python, composed, on Node.js by way of jco, where nobody
//! offers `wasi:sockets`; and the one in Python, composed, on wasmtime without sockets. Beside each
//! runs the same guest, bare, on a wasmtime that denies sockets: what it prints and how it ends
//! must be the same. And clients in Python, with a library that people use, under policies; and
//! programs under a policy, and with a network in memory, on both engines.

mod allowlist;
mod c;
mod clients;
mod javascript;
mod loopback;
mod node;
mod python;
mod script;
mod tools;

use anyhow::{Context, Result, anyhow, ensure};
use libtest_mimic::{Arguments, Trial};
use node::{NodeRun, node};
use python::python;
use sockvirt::Virtualizer;
use sockvirt::policy::{DenyAt, Policy};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use std::sync::LazyLock;

/// How the runner ends where the program does not end by itself.
const NO_END: i32 = 111;

/// How generated JavaScript takes the sockets of a host. The bare names of the interfaces are in
/// it in any case: a guest's core module calls by them what it is composed with.
const TAKES_SOCKETS: &str = "imports['wasi:sockets/";

/// A program to compose.
#[derive(Clone, Copy)]
enum Program {
    Rust(Guest),
    /// `guests/python`, made a component by componentize-py.
    Python,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Rust(guest) => guest.name(),
            Program::Python => "python",
        }
    }

    fn build(self) -> Result<Vec<u8>> {
        // It takes seconds to build.
        static PYTHON: LazyLock<Result<Vec<u8>, String>> =
            LazyLock::new(|| python("app").map_err(|e| format!("{e:?}")));
        match self {
            Program::Rust(guest) => guest.build(),
            Program::Python => PYTHON.clone().map_err(|e| anyhow!(e)),
        }
    }

    /// Where it runs composed. The other tests run those in Rust on wasmtime.
    fn engines(self) -> &'static [Engine] {
        match self {
            Program::Rust(_) => &[Engine::Node],
            Program::Python => &[Engine::Wasmtime, Engine::Node],
        }
    }
}

/// Where a composed program runs.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Wasmtime,
    Node,
}

/// What a program printed, and the status that it ended with.
#[derive(Debug, PartialEq, Eq)]
struct End {
    stdout: String,
    status: i32,
}

fn main() {
    let rust = Guest::COMMANDS
        .into_iter()
        .filter(|guest| !guest.is_p3())
        .map(Program::Rust);
    let mut trials = Vec::new();
    for program in rust.chain([Program::Python]) {
        let name = program.name();
        for deny_at in DenyAt::ALL {
            let name = format!("{name}::denied_at_{deny_at}");
            trials.push(trial(name, move || {
                like_a_host_that_denies(program, deny_at)
            }));
        }
        let name = format!("{name}::bare_does_not_start");
        trials.push(trial(name, move || bare_does_not_start(program)));
    }
    trials.push(trial("python::clients".to_owned(), clients::under_policies));
    for (name, test) in allowlist::TESTS {
        trials.push(trial(format!("node::{name}"), test));
    }
    for (name, test) in loopback::TESTS {
        trials.push(trial(format!("loopback::{name}"), test));
    }
    for (name, test) in script::TESTS {
        trials.push(trial(format!("script::{name}"), test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: String, test: impl Fn() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || test().map_err(|e| format!("{e:?}").into()))
}

fn like_a_host_that_denies(program: Program, deny_at: DenyAt) -> Result<()> {
    let bytes = program.build()?;
    let denying = match deny_at {
        DenyAt::Create => Sockets::DeniedAtCreate,
        DenyAt::Operation => Sockets::DeniedAtOperation,
    };
    let bare = end_on_wasmtime(&bytes, denying).context("the bare guest")?;
    ensure!(!bare.stdout.is_empty(), "the guest prints nothing");
    let built = Virtualizer::new(Policy::deny_all().with_deny_at(deny_at)).build(&bytes)?;
    ensure!(
        !built.report.removed.is_empty(),
        "the guest imports no sockets"
    );
    for engine in program.engines() {
        let composed = match engine {
            Engine::Wasmtime => end_on_wasmtime(&built.component, Sockets::None),
            Engine::Node => end_on_node(&built.component),
        };
        composed
            .and_then(|composed| same(&bare, &composed))
            .with_context(|| format!("the composed guest on {engine:?}"))?;
    }
    Ok(())
}

fn same(bare: &End, composed: &End) -> Result<()> {
    let mut lines = bare.stdout.lines().zip(composed.stdout.lines());
    if let Some((bare, composed)) = lines.find(|(bare, composed)| bare != composed) {
        anyhow::bail!("the first line that differs:\n  bare:     {bare}\n  composed: {composed}");
    }
    ensure!(bare == composed, "bare: {bare:?}\ncomposed: {composed:?}");
    Ok(())
}

fn end_on_wasmtime(component: &[u8], sockets: Sockets) -> Result<End> {
    let outcome = host::run(component, sockets)?;
    Ok(End {
        stdout: outcome.stdout,
        status: outcome.status,
    })
}

fn end_on_node(component: &[u8]) -> Result<End> {
    end_of(node(component)?)
}

fn end_of(run: NodeRun) -> Result<End> {
    ensure!(
        run.sockets.is_empty() && !run.script.contains(TAKES_SOCKETS),
        "the output takes sockets of its host: {:?}",
        run.sockets
    );
    let stderr = String::from_utf8_lossy(&run.output.stderr);
    let status = run.output.status.code().context("a signal ended Node.js")?;
    ensure!(status != NO_END, "it does not end by itself:\n{stderr}");
    Ok(End {
        stdout: String::from_utf8(run.output.stdout)?,
        status,
    })
}

/// That the runner offers no sockets must matter, or the tests above show nothing.
fn bare_does_not_start(program: Program) -> Result<()> {
    let run = node(&program.build()?)?;
    let stderr = String::from_utf8_lossy(&run.output.stderr);
    ensure!(
        !run.sockets.is_empty() && run.script.contains(TAKES_SOCKETS),
        "the guest takes no sockets of its host"
    );
    ensure!(
        run.output.status.code() == Some(NO_END)
            && stderr.contains("of 'imports.wasi:sockets/")
            && stderr.contains("as it is undefined"),
        "{:?}:\n{stderr}",
        run.output.status
    );
    ensure!(run.output.stdout.is_empty(), "it started");
    Ok(())
}
