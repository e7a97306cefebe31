//! What tests by scripts cost: whole processes of `sockvirt test`, many scripts at once, bytes through
//! steps, and long scripts.
//!
//! The command is built in release mode first. `wasmtime compile` is measured where it is on the path,
//! and the same compiler inside of this process otherwise.

use anyhow::{Result, ensure};
use sockvirt::Virtualizer;
use sockvirt::policy::Policy;
use sockvirt::run::{Cache, Runner, Surroundings};
use sockvirt_guest_builder::Guest;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often each is measured. The tables show medians.
const ROUNDS: usize = 7;

fn main() -> Result<()> {
    let sockvirt = build_command()?;
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("program.wasm");
    fs::write(&program, Guest::Dialogue.build()?)?;
    processes(&sockvirt, &program, folder.path())?;
    many(&sockvirt, &program, folder.path())?;
    bytes()?;
    long()
}

/// Builds the command in release mode.
fn build_command() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "-p", "sockvirt-cli"])
        .current_dir(&workspace)
        .status()?;
    ensure!(status.success(), "the command does not build");
    Ok(workspace.join("target/release/sockvirt"))
}

/// A script of one conversation, in which `pings` are answered.
fn pings(count: usize) -> String {
    let mut text = "schema = 1\n[[peer]]\nat = \"tcp://192.0.2.1:1\"\nscript = [\n".to_owned();
    for _ in 0..count {
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "{{ expect = \"ping\\n\" }},\n{{ send = \"pong\\n\" }},\n"
        );
    }
    text.push_str("{ expect-close = \"both\" },\n]\n");
    text
}

/// The program's side of it.
fn pinging(count: usize) -> Vec<&'static str> {
    let mut args = vec!["connect 192.0.2.1:1"];
    args.extend(["write ping\\n", "read 5"].repeat(count));
    args
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn time(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

fn command(command: &mut Command) -> Result<Duration> {
    let begin = Instant::now();
    let output = command.output()?;
    let took = begin.elapsed();
    ensure!(output.status.success(), "{output:?}");
    Ok(took)
}

/// One small script, the first time and later, beside compiling the same component.
fn processes(sockvirt: &Path, program: &Path, folder: &Path) -> Result<()> {
    let script = folder.join("one.test.toml");
    fs::write(&script, pings(1))?;
    let built = folder.join("built.wasm");
    let mut build = Command::new(sockvirt);
    build.arg("build").arg(program).arg("--script").arg(&script);
    command(build.arg("-q").arg("-o").arg(&built))?;
    let has_wasmtime = Command::new("wasmtime").arg("--version").output().is_ok();
    let engine = wasmtime::Engine::default();
    let component = fs::read(&built)?;
    let test = |cached: bool| {
        let mut test = Command::new(sockvirt);
        test.arg("test").arg(program).arg("--script").arg(&script);
        test.args((!cached).then_some("--no-cache"))
            .arg("--")
            .args(pinging(1));
        command(&mut test)
    };
    test(true)?;
    let [mut compiles, mut first, mut later] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        compiles.push(match has_wasmtime {
            true => command(
                Command::new("wasmtime")
                    .arg("compile")
                    .arg(&built)
                    .arg("-o")
                    .arg(folder.join("built.cwasm")),
            )?,
            false => time(|| Ok(engine.precompile_component(&component).map(drop)?))?,
        });
        first.push(test(false)?);
        later.push(test(true)?);
    }
    println!("| one small script, the whole process | ms |");
    println!("| --- | --- |");
    let how = if has_wasmtime {
        "`wasmtime compile`"
    } else {
        "compiling alone, in a process that runs"
    };
    println!("| {how} | {:.1} |", median(compiles));
    println!("| `sockvirt test`, nothing kept | {:.1} |", median(first));
    println!(
        "| `sockvirt test`, compiled before | {:.1} |",
        median(later)
    );
    Ok(())
}

/// Many scripts on one component.
fn many(sockvirt: &Path, program: &Path, folder: &Path) -> Result<()> {
    const COUNT: usize = 200;
    let scripts = folder.join("many");
    fs::create_dir(&scripts)?;
    for i in 0..COUNT {
        fs::write(scripts.join(format!("{i}.test.toml")), pings(1))?;
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut test = Command::new(sockvirt);
        test.arg("test").arg(program).arg("--script").arg(&scripts);
        times.push(command(test.arg("--no-cache").arg("--").args(pinging(1)))?);
    }
    let all = median(times);
    println!(
        "\n{COUNT} scripts, nothing kept: {all:.0} ms, {:.2} ms each",
        all / COUNT as f64
    );
    Ok(())
}

/// Bytes that a peer sends, and expects back.
fn bytes() -> Result<()> {
    const ROUNDS_OF_64_KIB: usize = 1600;
    let script = format!(
        "schema = 1\n[[peer]]\nat = \"tcp://192.0.2.1:1\"\nscript = [\n\
         {{ repeat = {ROUNDS_OF_64_KIB}, steps = [\n\
         {{ send = [{{ fill = \"61\", len = 65535 }}, \"\\n\"] }},\n\
         {{ expect-until = \"\\n\", max = 70000 }} ] }},\n\
         {{ close = \"send\" }},\n{{ expect-close = \"both\" }},\n]\n"
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let runner = Runner::new(Cache::None)?;
    let prepared = runner.prepare(&Guest::Dialogue.build()?, &policy)?;
    let mut surroundings = Surroundings::default();
    surroundings.args = ["connect 192.0.2.1:1", "copy", "close"]
        .map(Into::into)
        .into();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let script = policy.script().expect("it has one");
        let report = prepared.play(script, &surroundings)?;
        ensure!(report.passed(), "{report}");
        times.push(report.time);
    }
    let mebibytes = (ROUNDS_OF_64_KIB * 65536) as f64 / (1 << 20) as f64;
    let speed = mebibytes / median(times) * 1000.0;
    println!(
        "\n{mebibytes:.0} MiB there and back, by `send` and `expect-until`: {speed:.0} MiB/s each way"
    );
    Ok(())
}

/// Scripts with many steps.
fn long() -> Result<()> {
    println!("\n| steps | read | build | run |");
    println!("| --- | --- | --- | --- |");
    let guest = Guest::Dialogue.build()?;
    let runner = Runner::new(Cache::None)?;
    for pings_in_it in [500, 5_000] {
        let text = pings(pings_in_it);
        let [mut reads, mut builds, mut runs] = [const { Vec::new() }; 3];
        let read = || Policy::from_toml(&text).map_err(|e| anyhow::anyhow!("{e}"));
        let policy = read()?;
        let prepared = runner.prepare(&guest, &policy)?;
        let mut surroundings = Surroundings::default();
        surroundings.args = pinging(pings_in_it).into_iter().map(Into::into).collect();
        for _ in 0..ROUNDS {
            reads.push(time(|| read().map(drop))?);
            builds.push(time(|| {
                Ok(Virtualizer::new(policy.clone()).build(&guest).map(drop)?)
            })?);
            let script = policy.script().expect("it has one");
            let report = prepared.play(script, &surroundings)?;
            ensure!(report.passed(), "{report}");
            runs.push(report.time);
        }
        let [read, build, run] = [reads, builds, runs].map(median);
        println!(
            "| {} | {read:.1} ms | {build:.1} ms | {run:.1} ms |",
            2 * pings_in_it + 1
        );
    }
    Ok(())
}
