//! The `sockvirt` command: arguments, files, what is said about them, exit codes. What it does is
//! in the library.
//!
//! Exit status: 0 done, 1 the answer is no, 2 the input or the usage is wrong. `test` and `run` pass on
//! that of the program, where it is not 0.

mod args;
mod build;
mod check;
mod explain;
mod files;
mod inspect;
#[cfg(feature = "run")]
mod junit;
mod policy;
#[cfg(feature = "run")]
mod run;
mod say;
#[cfg(feature = "run")]
mod test;

use args::{Cli, Color, Verb};
use clap::{CommandFactory, Parser};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Mutex;

/// How a verb ended, where it did what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    No,
    /// A program ended with this status.
    #[cfg_attr(
        not(feature = "run"),
        allow(dead_code, reason = "nothing runs programs")
    )]
    Status(i32),
}

/// The exit status of a bug, which is that of a panic in Rust.
const BUG: u8 = 101;

fn main() -> ExitCode {
    let cli = Cli::parse();
    choose_color(cli.color);
    match without_bugs(|| run(&cli)) {
        Some(Ok(Answer::Done)) => ExitCode::SUCCESS,
        Some(Ok(Answer::No)) => ExitCode::from(1),
        // As the shell has it: what does not fit is not 0 all the same.
        Some(Ok(Answer::Status(status))) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Some(Err(e)) => {
            say::error(&e);
            ExitCode::from(2)
        }
        None => ExitCode::from(BUG),
    }
}

/// Runs `work`, and says what panicked where that ended it. Panics that the library turns into
/// errors are not said twice.
fn without_bugs<T>(work: impl FnOnce() -> T) -> Option<T> {
    static PANIC: Mutex<String> = Mutex::new(String::new());
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut said) = PANIC.lock() {
            *said = panic.to_string();
        }
    }));
    let result = std::panic::catch_unwind(AssertUnwindSafe(work)).ok();
    if result.is_none() {
        let said = PANIC.lock().map(|said| said.clone()).unwrap_or_default();
        say::bug(&said);
    }
    result
}

fn choose_color(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}

fn run(cli: &Cli) -> anyhow::Result<Answer> {
    match &cli.verb {
        Verb::Build(args) => build::run(cli, args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Check(args) => check::run(cli, args),
        Verb::Explain(args) => explain::run(args),
        #[cfg(feature = "run")]
        Verb::Test(args) => test::run(cli, args),
        #[cfg(feature = "run")]
        Verb::Run(args) => run::run(args),
        Verb::Schema => {
            files::print(sockvirt::Policy::json_schema().as_bytes())?;
            Ok(Answer::Done)
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "sockvirt", &mut script);
            files::print(&script)?;
            Ok(Answer::Done)
        }
    }
}
