//! What an allowlist costs: where the program meets it, in bytes, and in build time.
//!
//! Everything is measured bare and built in the same run, by turns, on the embedded wasmtime with
//! its optimiser on and with sockets on loopback. Ratios are of times: 1.00 is no cost.

mod gzip;

use anyhow::{Context, Result};
use gzip::gzip;
use sockvirt::Virtualizer;
use sockvirt::policy::Policy;
use sockvirt_guest_builder::Guest;
use sockvirt_tests::{host, peers, recording};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use wasmtime::component::Component;

/// How often each is measured. The tables show medians.
const ROUNDS: usize = 15;

fn main() -> Result<()> {
    run_time()?;
    bytes_added()?;
    build_time()
}

/// What is done so often, and in what it is counted.
struct Work {
    name: &'static str,
    op: String,
    /// How much of the unit one run does.
    amount: f64,
    unit: &'static str,
}

fn works(tcp: SocketAddr, udp: SocketAddr) -> [Work; 4] {
    let flood = |name, chunk: usize, count: usize| Work {
        name,
        op: format!("flood {tcp} {chunk} {count}"),
        amount: (chunk * count) as f64 / 1e6,
        unit: "MB/s",
    };
    [
        flood("TCP, writes of 64 KiB", 65_536, 8_000),
        flood("TCP, writes of 4 KiB", 4_096, 60_000),
        Work {
            name: "TCP, connect and close",
            op: format!("connects {tcp} 1000"),
            amount: 1_000.0,
            unit: "/s",
        },
        Work {
            name: "UDP, 1 KiB there and back",
            op: format!("pings {udp} 1024 10000"),
            amount: 10_000.0,
            unit: "/s",
        },
    ]
}

fn run_time() -> Result<()> {
    let (tcp, udp) = (
        peers::sink("127.0.0.1"),
        peers::udp_echo_server("127.0.0.1"),
    );
    let rules = format!(
        "{}{}{}",
        allow("127.0.0.1", tcp.port(), "connect"),
        allow("127.0.0.1", udp.port(), "send"),
        allow("10.0.0.0/8", 443, "connect"),
    );
    println!("| on WASI | what | bare | built | built / bare |");
    println!("| --- | --- | --- | --- | --- |");
    for (wasi, probe) in [("0.2", Guest::Probe2), ("0.3", Guest::Probe3)] {
        let guest = probe.build()?;
        let composed = Virtualizer::new(policy(&rules)?).build(&guest)?.component;
        let alone = Component::new(host::fast_engine(), guest)?;
        let composed = Component::new(host::fast_engine(), composed)?;
        for work in works(tcp, udp) {
            let (mut bares, mut builts) = (Vec::new(), Vec::new());
            // By turns, so that whatever else the machine does hits both, and each first every
            // other time: one finds what the other has left behind.
            for round in 0..ROUNDS {
                let mut runs = [(&alone, &mut bares), (&composed, &mut builts)];
                if round % 2 == 1 {
                    runs.reverse();
                }
                for (component, times) in runs {
                    times.push(seconds(component, &work)?);
                }
            }
            let (bare, built) = (median(bares), median(builts));
            let per_second = |time| format!("{:.0} {}", work.amount / time, work.unit);
            println!(
                "| {wasi} | {} | {} | {} | {:.2} |",
                work.name,
                per_second(bare),
                per_second(built),
                built / bare
            );
        }
    }
    Ok(())
}

/// How long the program itself says that it took.
fn seconds(component: &Component, work: &Work) -> Result<f64> {
    let outcome = recording::run_open(host::fast_engine(), component, &[&work.op])?;
    let said = outcome.stdout.trim_end().rsplit(" -> ").next();
    let nanoseconds: f64 = said
        .and_then(|said| said.parse().ok())
        .with_context(|| format!("the program failed: {outcome:?}"))?;
    Ok(nanoseconds / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn policy(rules: &str) -> Result<Policy> {
    Policy::from_toml(&format!("schema = 1\n{rules}")).map_err(|e| anyhow::anyhow!("{e}"))
}

fn allow(to: &str, port: u16, op: &str) -> String {
    format!("[[allow]]\nto = \"{to}\"\nport = {port}\nop = [\"{op}\"]\n")
}

/// What is added to the guest that imports all seven interfaces of 0.2.
fn bytes_added() -> Result<()> {
    let addresses = allow("93.184.216.34", 443, "connect")
        + &allow("10.0.0.0/8", 5_432, "connect")
        + &allow("1.1.1.1", 53, "send");
    let names = allow("api.example.com", 443, "connect")
        + &allow("*.example.com", 443, "connect")
        + &allow("**.example.net", 443, "connect");
    let guest = Guest::Std.build()?;
    println!("\n| `std` with | bytes added | gzipped |");
    println!("| --- | --- | --- |");
    for (name, rules) in [
        ("no rule", String::new()),
        ("three rules for addresses", addresses.clone()),
        ("three rules for names", names.clone()),
        ("both", addresses + &names),
    ] {
        let built = Virtualizer::new(policy(&rules)?).build(&guest)?;
        let gzipped = gzip(&built.component)? - gzip(&guest)?;
        println!("| {name} | {} | {gzipped} |", built.report.bytes_added());
    }
    Ok(())
}

/// Reading a policy and building with it, by the number of its rules.
fn build_time() -> Result<()> {
    let guest = Guest::Std.build()?;
    println!("\n| rules | reading the file | building `std` | bytes added |");
    println!("| --- | --- | --- | --- |");
    for count in [0, 3, 10_000] {
        let mut rules = String::new();
        for i in 0..count {
            let to = format!("11.{}.{}.0/24", i / 256, i % 256);
            write!(rules, "{}", allow(&to, 443, "connect"))?;
        }
        let (mut reads, mut builds, mut added) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let policy = policy(&rules)?;
            reads.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            let built = Virtualizer::new(policy).build(&guest)?;
            builds.push(start.elapsed().as_secs_f64());
            added = built.report.bytes_added();
        }
        let milliseconds = |times| {
            let time = Duration::from_secs_f64(median(times));
            format!("{:.1} ms", time.as_secs_f64() * 1e3)
        };
        println!(
            "| {count} | {} | {} | {added} |",
            milliseconds(reads),
            milliseconds(builds)
        );
    }
    Ok(())
}
