//! Programs that are run by turns, with a network in memory or without.

use crate::gzip::gzip;
use anyhow::{Context, Result};
use sockvirt::Virtualizer;
use sockvirt::policy::{LoopbackMode, Policy};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::host::{self, Pipes, State};
use wasmtime::Store;
use wasmtime::component::Component;
use wasmtime_wasi::{FsPerms, WasiCtx};

/// How often each is measured. The tables show medians.
pub(crate) const ROUNDS: usize = 11;

pub(crate) fn in_memory() -> Policy {
    Policy::deny_all().with_loopback(LoopbackMode::Virtual)
}

pub(crate) fn build(guest: Guest, policy: Policy) -> Result<Vec<u8>> {
    Ok(Virtualizer::new(policy).build(&guest.build()?)?.component)
}

/// Runs a program of its own, with sockets and with a folder, and gives what it says that it took.
pub(crate) fn nanoseconds(component: &Component, args: &[&str]) -> Result<f64> {
    let pipes = Pipes::new();
    let folder = tempfile::tempdir()?;
    let mut wasi = WasiCtx::builder();
    wasi.arg("turns").args(args);
    wasi.allow_tcp(true).allow_udp(true).inherit_network();
    wasi.preopened_dir(folder.path(), "/", FsPerms::ReadWrite)?;
    let state = State::new(pipes.attach(&mut wasi).build());
    let linker = host::linker_with_sockets(host::fast_engine())?;
    let status = host::run_to_end(&linker, Store::new(host::fast_engine(), state), component)?;
    let outcome = pipes.outcome(status);
    let said = outcome.stderr.trim().parse();
    said.with_context(|| format!("the program failed: {outcome:?}"))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The times of two programs, by turns, each first every other time.
pub(crate) fn both(components: [&Component; 2], args: [&[&str]; 2]) -> Result<[f64; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for i in [round % 2, (round + 1) % 2] {
            times[i].push(nanoseconds(components[i], args[i])?);
        }
    }
    Ok(times.map(median))
}

/// What is done, how much of a unit one run does, and the unit.
pub(crate) type Work = (&'static str, &'static [&'static str], f64, &'static str);

pub(crate) fn compare(works: &[Work], [bare, built]: [&Component; 2], of_bare: bool) -> Result<()> {
    for (name, args, amount, unit) in works {
        let [bare, built] = both([bare, built], [args, args])?;
        let per_second = |time: f64| format!("{:.0} {unit}", amount / (time / 1e9));
        let ratio = if of_bare { bare / built } else { built / bare };
        println!(
            "| {name} | {} | {} | {ratio:.2} |",
            per_second(bare),
            per_second(built)
        );
    }
    Ok(())
}

pub(crate) fn bytes_added(guests: &[Guest]) -> Result<()> {
    println!("| guest | bytes added | gzipped |\n| --- | --- | --- |");
    for guest in guests {
        let bytes = guest.build()?;
        let built = build(*guest, in_memory())?;
        let added = built.len() - bytes.len();
        let gzipped = gzip(&built)? - gzip(&bytes)?;
        println!("| {} | {added} | {gzipped} |", guest.name());
    }
    Ok(())
}
