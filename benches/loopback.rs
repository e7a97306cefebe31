//! What a network in memory is worth, beside the kernel's loopback, and what it costs what has
//! nothing to do with it.
//!
//! The same program runs bare, on sockets of the host, and with a network inside, by turns in the
//! same run, on the embedded wasmtime with its optimiser on.

mod by_turns;
mod gzip;

use anyhow::{Context, Result, ensure};
use by_turns::{ROUNDS, Work, build, bytes_added, compare, in_memory, median, nanoseconds};
use sockvirt::policy::Flag;
use sockvirt_guest_builder::Guest;
use sockvirt_tests::host::{self, Pipes, State};
use sockvirt_tests::peers;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Instant;
use wait4::Wait4;
use wasmtime::component::Component;
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    if let (Some("--alone"), Some(count)) = (args.next().as_deref(), args.next()) {
        let built = Component::new(host::fast_engine(), build(Guest::Turns, in_memory())?)?;
        return nanoseconds(&built, &["idle", &count, "1"]).map(drop);
    }
    bytes_added(&[Guest::Std, Guest::Tokio, Guest::Wstd])?;
    beside_the_kernel()?;
    shared()?;
    idle()?;
    the_rest()?;
    start()
}

/// What is done with both ends of connections.
static TURNS: [Work; 5] = [
    (
        "TCP, writes of 64 B",
        &["tcp", "64", "2000000"],
        2.0,
        "MB/s",
    ),
    (
        "TCP, writes of 4 KiB",
        &["tcp", "4096", "50000000"],
        50.0,
        "MB/s",
    ),
    (
        "TCP, writes of 64 KiB",
        &["tcp", "65536", "400000000"],
        400.0,
        "MB/s",
    ),
    (
        "UDP, 1 KiB there and back",
        &["udp", "1024", "5000"],
        5e3,
        "/s",
    ),
    (
        "TCP, connect, accept and close",
        &["connects", "2000"],
        2e3,
        "/s",
    ),
];

fn beside_the_kernel() -> Result<()> {
    let bare = Component::new(host::fast_engine(), Guest::Turns.build()?)?;
    let built = Component::new(host::fast_engine(), build(Guest::Turns, in_memory())?)?;
    println!("\n| what | kernel's loopback | in memory | times as fast |");
    println!("| --- | --- | --- | --- |");
    compare(&TURNS, [&bare, &built], true)
}

/// The same where the network is one that several components share.
fn shared() -> Result<()> {
    let inside = Component::new(host::fast_engine(), build(Guest::Turns, in_memory())?)?;
    let shared = build(Guest::TurnsAndMore, in_memory())?;
    let shared = Component::new(host::fast_engine(), shared)?;
    println!("\n| what | inside | shared | inside / shared |");
    println!("| --- | --- | --- | --- |");
    compare(&TURNS, [&inside, &shared], false)
}

/// What connections cost that nobody uses.
fn idle() -> Result<()> {
    let built = Component::new(host::fast_engine(), build(Guest::Turns, in_memory())?)?;
    println!("\n| idle connections | a round trip and a new connection | more memory |");
    println!("| --- | --- | --- |");
    let empty = peak("0")?;
    for count in ["0", "100", "10000"] {
        let took = median(
            (0..ROUNDS)
                .map(|_| nanoseconds(&built, &["idle", count, "5000"]))
                .collect::<Result<_>>()?,
        );
        let memory = peak(count)?.saturating_sub(empty) as f64 / 1e6;
        println!("| {count} | {:.2} µs | {memory:.1} MB |", took / 5e3 / 1e3);
    }
    Ok(())
}

/// The peak memory of a process that has so many connections.
fn peak(count: &str) -> Result<u64> {
    let program = std::env::current_exe()?;
    let child = Command::new(program).args(["--alone", count]).spawn()?;
    let used = child.wait4()?;
    ensure!(used.status.success(), "it failed");
    Ok(used.rusage.maxrss)
}

/// What has nothing to do with sockets in memory.
fn the_rest() -> Result<()> {
    let bare = Component::new(host::fast_engine(), Guest::Turns.build()?)?;
    let built = Component::new(host::fast_engine(), build(Guest::Turns, in_memory())?)?;
    println!("\n| what | bare | with a network inside | built / bare |");
    println!("| --- | --- | --- | --- |");
    let works: [Work; 3] = [
        (
            "files, reads of 64 KiB",
            &["read", "65536", "2000"],
            131.0,
            "MB/s",
        ),
        (
            "files, writes of 64 KiB",
            &["write", "65536", "2000"],
            131.0,
            "MB/s",
        ),
        ("lines printed", &["print", "50000"], 5e4, "/s"),
    ];
    compare(&works, [&bare, &built], false)?;
    through_the_branch()
}

/// TCP of the host's, beside a network in memory: at the machine's own address.
fn through_the_branch() -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Nothing is sent.
    socket.connect("198.51.100.1:9")?;
    let own = socket.local_addr()?.ip();
    let sink = peers::sink(&own.to_string());
    let policy = in_memory().with_flag(Flag::allow(&format!("tcp://{sink}"))?)?;
    let bare = Component::new(host::fast_engine(), Guest::Probe2.build()?)?;
    let built = Component::new(host::fast_engine(), build(Guest::Probe2, policy)?)?;
    for (name, chunk, count) in [("64 KiB", 65_536, 6_000), ("4 KiB", 4_096, 40_000)] {
        let op = format!("flood {sink} {chunk} {count}");
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            for i in [round % 2, (round + 1) % 2] {
                let component = [&bare, &built][i];
                let engine = host::fast_engine();
                let outcome = sockvirt_tests::recording::run_open(engine, component, &[&op])?;
                let said = outcome.stdout.trim_end().rsplit(" -> ").next();
                let said: Option<f64> = said.and_then(|it| it.parse().ok());
                times[i].push(said.with_context(|| format!("it failed: {outcome:?}"))?);
            }
        }
        let [bare, built] = times.map(median);
        let amount = f64::from(chunk * count) / 1e6;
        println!(
            "| real TCP, writes of {name} | {:.0} MB/s | {:.0} MB/s | {:.2} |",
            amount / (bare / 1e9),
            amount / (built / 1e9),
            built / bare
        );
    }
    Ok(())
}

/// Instantiating a program that does nothing, and answering a request: with pooled instances, as
/// `wasmtime serve` has them.
fn start() -> Result<()> {
    let mut config = wasmtime::Config::new();
    config.allocation_strategy(wasmtime::InstanceAllocationStrategy::pooling());
    let engine = Engine::new(&config)?;
    let linker = host::linker_with_sockets(&engine)?;
    println!("\n| what | bare | with a network inside | built / bare |");
    println!("| --- | --- | --- | --- |");
    for (name, guest) in [
        ("start and end", Guest::Turns),
        ("an HTTP request", Guest::Http),
    ] {
        let bare = Component::new(&engine, guest.build()?)?;
        let built = Component::new(&engine, build(guest, in_memory())?)?;
        let components = [&bare, &built];
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..40 * ROUNDS {
            for i in [round % 2, (round + 1) % 2] {
                let pipes = Pipes::new();
                let mut wasi = WasiCtx::builder();
                wasi.args(&["turns", "nothing"]);
                let state = State::new(pipes.attach(&mut wasi).build());
                let store = Store::new(&engine, state);
                let start = Instant::now();
                match guest {
                    Guest::Http => drop(host::serve_in(&linker, store, components[i])?),
                    _ => ensure!(host::run_to_end(&linker, store, components[i])? == 0),
                }
                times[i].push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        let [bare, built] = times.map(median);
        println!(
            "| {name} | {bare:.0} µs | {built:.0} µs | {:.2} |",
            built / bare
        );
    }
    Ok(())
}
