//! What the rules of an allowlist cost in build time, by how many there are.
//!
//! Inside of one process: reading the policy, and building with it, one after the other. And the
//! whole command, which reads a long policy while it reads the guest. All by turns, in the same run.

mod command;
mod sized;

use anyhow::Result;
use command::{build_command, measure, median, milliseconds, workspace};
use sized::sized;
use sockvirt::Virtualizer;
use sockvirt::policy::Policy;
use sockvirt_guest_builder::Guest;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How often each is measured. The table shows medians.
const ROUNDS: usize = 31;

fn main() -> Result<()> {
    let sockvirt = build_command(&workspace().join("target"))?;
    println!(
        "| guest | rules | reading | building | / with none | the command | / with none | bytes added |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, guest) in [("std", Guest::Std.build()?), ("1 MB", sized(1 << 20)?)] {
        let mut all = [0, 3, 10_000].map(Measured::new);
        for _ in 0..ROUNDS {
            for measured in &mut all {
                measured.build(&guest)?;
                measured.run(&sockvirt, &guest)?;
            }
        }
        let [none, ..] = &all;
        for measured in &all {
            println!(
                "| {name} | {} | {} | {} | {:.2} | {} | {:.2} | {} |",
                measured.count,
                milliseconds(measured.reading()),
                milliseconds(measured.building()),
                ratio(measured.alone(), none.alone()),
                milliseconds(measured.command()),
                ratio(measured.command(), none.command()),
                measured.added,
            );
        }
    }
    Ok(())
}

/// A number of rules, and how long each took.
struct Measured {
    count: usize,
    rules: String,
    readings: Vec<Duration>,
    buildings: Vec<Duration>,
    commands: Vec<Duration>,
    added: i64,
}

impl Measured {
    fn new(count: usize) -> Self {
        let mut rules = "schema = 1\n".to_owned();
        for i in 0..count {
            let to = format!("11.{}.{}.0/24", i / 256, i % 256);
            // Writing to a `String` cannot fail.
            let _ = write!(
                rules,
                "[[allow]]\nto = \"{to}\"\nport = 443\nop = [\"connect\"]\n"
            );
        }
        Measured {
            count,
            rules,
            readings: Vec::new(),
            buildings: Vec::new(),
            commands: Vec::new(),
            added: 0,
        }
    }

    /// Inside of this process.
    fn build(&mut self, guest: &[u8]) -> Result<()> {
        let start = Instant::now();
        let policy = Policy::from_toml(&self.rules)?;
        self.readings.push(start.elapsed());
        let start = Instant::now();
        let built = Virtualizer::new(policy).build(guest)?;
        self.buildings.push(start.elapsed());
        self.added = built.report.bytes_added();
        Ok(())
    }

    /// The whole command, with files.
    fn run(&mut self, sockvirt: &Path, guest: &[u8]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name);
        let (config, input) = (path("sockvirt.toml"), path("in.wasm"));
        fs::write(&config, &self.rules)?;
        fs::write(&input, guest)?;
        let mut build = Command::new(sockvirt);
        build.arg("build").arg(&input).arg("--config").arg(&config);
        build.arg("-q").arg("-o").arg(path("out.wasm"));
        let (time, _) = measure(&mut build)?;
        self.commands.push(time);
        Ok(())
    }

    fn reading(&self) -> Duration {
        median(self.readings.iter().copied())
    }

    fn building(&self) -> Duration {
        median(self.buildings.iter().copied())
    }

    fn alone(&self) -> Duration {
        self.reading() + self.building()
    }

    fn command(&self) -> Duration {
        median(self.commands.iter().copied())
    }
}

fn ratio(with: Duration, without: Duration) -> f64 {
    with.as_secs_f64() / without.as_secs_f64()
}
