//! What an allowlist costs: where the program meets it, and in bytes.
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
use std::net::SocketAddr;
use wasmtime::component::Component;

/// How often each is measured. The tables show medians.
const ROUNDS: usize = 15;

fn main() -> Result<()> {
    bytes_added()?;
    run_time()
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

/// What is added to guests that import all seven interfaces of 0.2, and to one that imports fewer.
fn bytes_added() -> Result<()> {
    let rules = |proto: &str, to: [&str; 3]| {
        to.map(|to| format!("[[allow]]\nto = \"{to}\"\nport = 443\n{proto}"))
            .concat()
    };
    let addresses = ["93.184.216.34", "10.0.0.0/8", "2606:2800:21f::/48"];
    let names = ["api.example.com", "*.example.com", "**.example.net"];
    let tcp = "proto = \"tcp\"\n";
    let both = rules("", addresses) + &rules("", names);
    let policies = [
        ("no rule", String::new()),
        ("three addresses, TCP", rules(tcp, addresses)),
        ("three addresses, TCP and UDP", rules("", addresses)),
        ("three names, TCP", rules(tcp, names)),
        ("three names, TCP and UDP", rules("", names)),
        ("three of each, TCP and UDP", both.clone()),
        (
            "the same, with a log",
            format!("[policy]\nlog = \"all\"\n{both}"),
        ),
    ];
    println!("\n| guest | rules for | bytes added | gzipped |");
    println!("| --- | --- | --- | --- |");
    for guest in [Guest::Std, Guest::Wstd, Guest::Wasip3] {
        let bytes = guest.build()?;
        for (name, rules) in &policies {
            let built = Virtualizer::new(policy(rules)?).build(&bytes)?;
            let gzipped = gzip(&built.component)? - gzip(&bytes)?;
            let added = built.report.bytes_added();
            println!("| {} | {name} | {added} | {gzipped} |", guest.name());
        }
    }
    Ok(())
}
