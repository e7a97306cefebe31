//! What a build costs: bytes added, time and memory, beside `wasm-tools validate` in the same run.
//!
//! `cargo bench -p sockvirt-benches` prints the tables of `docs/performance.md`. It builds the
//! command in release mode first, and measures `wasm-tools` where that is on the path.
//! `SOCKVIRT_BENCH_COLD=1` adds how long the command takes to build from nothing.

mod command;
mod gzip;
mod sized;

use anyhow::Result;
use command::{build_command, measure, median, milliseconds, workspace};
use gzip::gzip;
use sized::sized;
use sockvirt::Virtualizer;
use sockvirt::policy::{DenyAt, Policy};
use sockvirt_guest_builder::Guest;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// How often each process is run. The tables show medians.
const RUNS: usize = 15;

fn main() -> Result<()> {
    let sockvirt = build_command(&workspace().join("target"))?;
    bytes_added()?;
    processes(&sockvirt)?;
    command(&sockvirt)
}

/// What composing adds to real guests.
fn bytes_added() -> Result<()> {
    println!("| guest | bytes | added at create | gzipped | added at operation | gzipped |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for guest in [
        Guest::Std,
        Guest::Tokio,
        Guest::Wstd,
        Guest::Wasip3,
        Guest::Mixed,
        Guest::Http,
    ] {
        let bytes = guest.build()?;
        let mut row = format!("| {} | {}", guest.name(), bytes.len());
        for deny_at in DenyAt::ALL {
            let policy = Policy::deny_all().with_deny_at(deny_at);
            match Virtualizer::new(policy).build(&bytes) {
                Ok(built) => {
                    let gzipped = gzip(&built.component)? - gzip(&bytes)?;
                    row += &format!(" | {} | {gzipped}", built.report.bytes_added());
                }
                Err(_) => row += " | needs a clock | ",
            }
        }
        println!("{row} |");
    }
    Ok(())
}

/// Time and memory of whole processes, by the guest's size: with everything denied, and with a
/// network in memory. The sizes ascend, because what the kernel says of a process's memory counts
/// this one's from before it.
fn processes(sockvirt: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (input, output) = (
        folder.path().join("in.wasm"),
        folder.path().join("out.wasm"),
    );
    let has_wasm_tools = Command::new("wasm-tools").arg("--version").output().is_ok();
    println!(
        "\n| guest | flags | build | `wasm-tools validate` | ratio | peak memory | per byte |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for megabytes in [1, 4, 20, 64] {
        let bytes = sized(megabytes * 1_000_000)?;
        fs::write(&input, &bytes)?;
        let [mut denies, mut fuses, mut validates] = [const { Vec::new() }; 3];
        // By turns, so that whatever else the machine does hits all.
        for _ in 0..RUNS {
            for (flag, runs) in [(None, &mut denies), (Some("--loopback"), &mut fuses)] {
                let mut build = Command::new(sockvirt);
                build.arg("build").arg(&input).args(flag);
                build.arg("-q").arg("-o").arg(&output);
                runs.push(measure(&mut build)?);
            }
            if has_wasm_tools {
                let mut validate = Command::new("wasm-tools");
                validates.push(measure(validate.arg("validate").arg(&input))?);
            }
        }
        for (flag, runs) in [("", &denies), ("`--loopback`", &fuses)] {
            let memory = runs
                .iter()
                .map(|(_, memory)| *memory)
                .max()
                .unwrap_or_default();
            let build = median(runs.iter().map(|(time, _)| *time));
            let (validate, ratio) = match validates.is_empty() {
                true => ("not installed".to_owned(), String::new()),
                false => {
                    let validate = median(validates.iter().map(|(time, _)| *time));
                    let ratio = build.as_secs_f64() / validate.as_secs_f64();
                    (milliseconds(validate), format!("{ratio:.2}"))
                }
            };
            println!(
                "| {megabytes} MB | {flag} | {} | {validate} | {ratio} | {:.1} MB | {:.2} |",
                milliseconds(build),
                memory as f64 / 1e6,
                memory as f64 / bytes.len() as f64,
            );
        }
    }
    Ok(())
}

/// The command itself.
fn command(sockvirt: &Path) -> Result<()> {
    println!("\n| the command | |");
    println!("| --- | --- |");
    println!(
        "| size, stripped | {:.1} MB |",
        fs::metadata(sockvirt)?.len() as f64 / 1e6
    );
    if std::env::var_os("SOCKVIRT_BENCH_COLD").is_some() {
        let target = tempfile::tempdir()?;
        let start = Instant::now();
        build_command(target.path())?;
        println!(
            "| built from nothing, release | {:.0} s |",
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
