//! The network in memory beside the kernel's loopback: sequences of calls, made at random from a
//! seed, must give the same on both, call by call, but for differences that have a name.
//!
//! Where the machine permits it, all of it happens in a network namespace of its own (`namespace.rs`).
//!
//! `SEQUENCES` says how many sequences are tried, `SEED` which is the first; with `SHOW` all that they
//! give is printed. A sequence that shows a difference is made as short as it can be and printed;
//! what it shows is fixed, or becomes a line in `known.rs` and in `docs/differences.md`. It then goes
//! to `cases/`, or of WASI 0.3 to `cases_3/`, whose sequences are tried as they are.

mod case;
mod generate;
mod generate_3;
mod known;
mod namespace;
mod random;
mod run;
mod shrink;

use anyhow::{Context, Result, bail};
use libtest_mimic::{Arguments, Trial};
use run::{Comparison, Sides};
use std::path::PathBuf;

/// The sequences that every run of the tests tries.
const SEQUENCES: u64 = 400;
/// So many are one test.
const BATCH: u64 = 20;

fn main() -> Result<()> {
    namespace::enter()?;
    let count = number("SEQUENCES")?.unwrap_or(SEQUENCES);
    let first = number("SEED")?.unwrap_or(0);
    let mut trials = vec![trial(
        "every_known_difference_is_documented".to_owned(),
        known::all_are_documented,
    )];
    for path in cases("cases")? {
        let name = path.file_stem().context("a file")?.to_string_lossy();
        trials.push(trial(format!("case::{name}"), move || {
            let script = std::fs::read_to_string(&path)?;
            same(Sides::get(), &script)?;
            case::shows_what_it_says(Sides::get(), &script)
        }));
    }
    for path in cases("cases_3")? {
        let name = path.file_stem().context("a file")?.to_string_lossy();
        trials.push(trial(format!("case_3::{name}"), move || {
            let script = std::fs::read_to_string(&path)?;
            same(Sides::get_3(), &script)?;
            case::shows_what_it_says(Sides::get_3(), &script)
        }));
    }
    for start in (first..first + count).step_by(BATCH as usize) {
        let end = (start + BATCH).min(first + count);
        trials.push(trial(format!("random::{start}"), move || {
            (start..end).try_for_each(|seed| {
                let script = generate::sequence(seed);
                same(Sides::get(), &script).with_context(|| format!("the sequence of SEED={seed}"))
            })
        }));
        // Each takes several times as long.
        let end = start + BATCH.min(end - start).div_ceil(4);
        trials.push(trial(format!("random_3::{start}"), move || {
            (start..end).try_for_each(|seed| {
                let script = generate_3::sequence(seed);
                same(Sides::get_3(), &script)
                    .with_context(|| format!("the sequence of 0.3 of SEED={seed}"))
            })
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: String, test: impl Fn() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || test().map_err(|e| format!("{e:?}").into()))
}

fn number(variable: &str) -> Result<Option<u64>> {
    let value = std::env::var(variable).ok();
    let number = value.map(|it| it.parse());
    number
        .transpose()
        .with_context(|| format!("`{variable}` is no number"))
}

fn cases(folder: &str) -> Result<Vec<PathBuf>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/differential")
        .join(folder);
    let files = std::fs::read_dir(folder)?.map(|file| Ok(file?.path()));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Checks that a script gives the same on both sides.
fn same(sides: &Sides, script: &str) -> Result<()> {
    let calls: Vec<&str> = case::calls(script);
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{}", sides.compare(&calls)?.table());
    }
    if difference(sides, &calls)?.is_none() {
        return Ok(());
    }
    let shortest = shrink::shrink(&calls, |calls| Ok(difference(sides, calls)?.is_some()))?;
    let comparison = difference(sides, &shortest)?;
    let table = comparison.map(|it| it.table()).unwrap_or_default();
    bail!("they differ:\n{table}")
}

/// How calls differ, if they do each time. The kernel is late at times, with what has come or with
/// what is gone; the network in memory never is, and what the kernel gives at times is right.
fn difference<'s>(sides: &Sides, calls: &[&'s str]) -> Result<Option<Comparison<'s>>> {
    let mut last = None;
    for _ in 0..3 {
        let comparison = sides.compare(calls)?;
        if !comparison.differs() {
            return Ok(None);
        }
        last = Some(comparison);
    }
    Ok(last)
}
