//! What a network in memory is worth to programs of WASI 0.3, beside the kernel's loopback.
//!
//! The same program runs bare, on sockets of the host, and with a network beside it, by turns in the
//! same run, on the embedded wasmtime with its optimiser on.

mod by_turns;
mod gzip;

use anyhow::{Context, Result, ensure};
use by_turns::{Work, build, bytes_added, compare, in_memory, nanoseconds};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::host;
use std::process::Command;
use wasmtime::component::Component;

/// What is done with both ends of connections.
static WORKS: [Work; 5] = [
    (
        "TCP, writes of 64 KiB",
        &["tcp", "65536", "400000000"],
        400.0,
        "MB/s",
    ),
    (
        "TCP, writes of 4 KiB",
        &["tcp", "4096", "50000000"],
        50.0,
        "MB/s",
    ),
    ("TCP, a byte there and back", &["pings", "5000"], 5e3, "/s"),
    (
        "TCP, connect, accept, a byte and close",
        &["connects", "2000"],
        2e3,
        "/s",
    ),
    (
        "TCP, 1,000 connections that echo 64 KiB each",
        &["echoes", "1000", "65536"],
        65.5,
        "MB/s",
    ),
];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["--alone", side, count] = args[..] {
        return alone(side, count);
    }
    if let [only, "--bench"] = args[..] {
        let works: Vec<Work> = WORKS.iter().filter(|it| it.1[0] == only).copied().collect();
        let [bare, built] = both_sides()?;
        return compare(&works, [&bare, &built], true);
    }
    bytes_added(&[
        Guest::Wasip3,
        Guest::Local3,
        Guest::Turns3,
        Guest::Mixed,
        Guest::Both,
    ])?;
    let [bare, built] = both_sides()?;
    println!("\n| what | kernel's loopback | in memory | times as fast |");
    println!("| --- | --- | --- | --- |");
    compare(&WORKS, [&bare, &built], true)?;
    memory()
}

fn both_sides() -> Result<[Component; 2]> {
    let bare = Component::new(host::fast_engine(), Guest::Turns3.build()?)?;
    let built = Component::new(host::fast_engine(), build(Guest::Turns3, in_memory())?)?;
    Ok([bare, built])
}

/// What processes need that have connections on which something is on its way.
fn memory() -> Result<()> {
    println!("\n| connections that echo 64 KiB each | kernel's loopback | in memory |");
    println!("| --- | --- | --- |");
    for count in ["1", "1000"] {
        let [bare, built] = [peak("bare", count)?, peak("built", count)?];
        println!("| {count} | {bare:.1} MB | {built:.1} MB |");
    }
    Ok(())
}

/// The peak memory of a process that does nothing else.
fn peak(side: &str, count: &str) -> Result<f64> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args(["--alone", side, count])
        .output()?;
    ensure!(output.status.success(), "it failed: {output:?}");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Prints the most memory, in megabytes, that this process has once everything is compiled.
fn alone(side: &str, count: &str) -> Result<()> {
    let [bare, built] = both_sides()?;
    let component = if side == "bare" { bare } else { built };
    // From here on, says Linux.
    std::fs::write("/proc/self/clear_refs", "5")?;
    nanoseconds(&component, &["echoes", count, "65536"])?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|it| it.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.context("no peak")?.parse()?;
    println!("{:.1}", kilobytes * 1024.0 / 1e6);
    Ok(())
}
