//! The `sockvirt` command: arguments, files, what is said about them, exit codes. What it does is
//! in the library.
//!
//! Exit status: 0 done, 1 the answer is no, 2 the input or the usage is wrong.

mod args;
mod build;
mod check;
mod files;
mod inspect;
mod policy;
mod say;

use args::{Cli, Color, Verb};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

/// How a verb ended, where it did what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    No,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    choose_color(cli.color);
    match run(&cli) {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(e) => {
            say::error(&e);
            ExitCode::from(2)
        }
    }
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
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "sockvirt", &mut script);
            files::print(&script)?;
            Ok(Answer::Done)
        }
    }
}
