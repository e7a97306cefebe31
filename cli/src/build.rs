//! `sockvirt build`

use crate::args::{Build, Cli, ReportFormat};
use crate::files::{self, Target};
use crate::policy::Config;
use crate::{Answer, say};
use anyhow::Context;
use sockvirt::{Guest, Mode, Report, Virtualizer};
use std::fmt::Write;
use std::io::IsTerminal;
use std::mem;
use std::panic::resume_unwind;
use std::thread;

/// Inputs larger than this show progress on a terminal, in bytes.
const LARGE: usize = 16 * 1024 * 1024;

pub(crate) fn run(cli: &Cli, args: &Build) -> anyhow::Result<Answer> {
    let target = Target::choose(args.output.as_deref(), !args.text)?;
    let config = Config::read(&args.policy)?;
    let input = files::read(&args.input)?;
    let progress = Progress::new(cli, input.len());
    progress.say("composing");
    let policy = || config.policy(&args.policy, args.script.script.as_deref());
    // A thread of its own pays more for memory, and a guest takes it in more pieces than rules do.
    let (guest, policy) = match config.is_long() {
        true => meanwhile(|| Guest::read(&input), policy),
        false => {
            let policy = policy()?;
            (Guest::read(&input), Ok(policy))
        }
    };
    let virtualizer = Virtualizer::new(policy?).adapt(!args.no_adapt);
    let built = guest
        .and_then(|guest| virtualizer.build_guest(guest))
        .with_context(|| format!("`{}`", args.input.display()))?;
    drop(input);
    progress.say("writing");
    if args.text {
        let text = wasmprinter::print_bytes(&built.component).context("cannot print the output")?;
        target.write(text.as_bytes())?;
    } else {
        target.write(&built.component)?;
    }
    progress.clear();
    report(cli, args, &target, &built.report)?;
    // The process ends: ten thousand rules need not be freed one by one before.
    mem::forget((virtualizer, config, built));
    Ok(Answer::Done)
}

/// Does two things at once.
fn meanwhile<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        // A panic goes on to where it is caught.
        (
            one,
            other.join().unwrap_or_else(|panic| resume_unwind(panic)),
        )
    })
}

/// Says how far a long build is, where somebody watches.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new(cli: &Cli, size: usize) -> Self {
        Progress {
            shown: size > LARGE && !cli.quiet && std::io::stderr().is_terminal(),
        }
    }

    fn say(&self, stage: &str) {
        if self.shown {
            anstream::eprint!("\r\x1b[K{stage} ...");
        }
    }

    fn clear(&self) {
        if self.shown {
            anstream::eprint!("\r\x1b[K");
        }
    }
}

fn report(cli: &Cli, args: &Build, target: &Target, report: &Report) -> anyhow::Result<()> {
    if args.json || args.report == ReportFormat::Json {
        let mut json = serde_json::to_string_pretty(report)?;
        json.push('\n');
        match target {
            Target::Stdout => anstream::eprint!("{json}"),
            Target::File(_) => files::print(json.as_bytes())?,
        }
    } else if !cli.quiet {
        anstream::eprint!("{}", text(report, cli.verbose > 0));
        for note in &report.notes {
            say::note(note);
        }
    }
    Ok(())
}

/// The report for people.
fn text(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    let mode = match report.mode {
        Mode::Copied => "nothing to do",
        Mode::DenyAtCreate => "deny all sockets, at creation",
        Mode::DenyAtOperation => "deny all sockets, at each operation",
        Mode::Allowlist => "sockets only where the policy says",
        Mode::Loopback => "sockets on a network in memory",
        Mode::Script => "sockets on a network in memory, where a script is played",
        _ => "done",
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "mode:     {mode}");
    let _ = writeln!(
        text,
        "bytes:    {} ({:+})",
        report.bytes_out,
        report.bytes_added()
    );
    for (i, name) in report.removed.iter().enumerate() {
        let _ = writeln!(
            text,
            "{}{name}",
            if i == 0 { "removed:  " } else { "          " }
        );
    }
    let reach: Vec<_> = report
        .network_imports()
        .filter_map(|import| Some(format!("{} ({})", import.name, import.reach?)))
        .collect();
    let left = if reach.is_empty() {
        "none".to_owned()
    } else {
        reach.join("\n          ")
    };
    let _ = writeln!(text, "network:  {left}");
    if verbose && !report.imports.is_empty() {
        let names: Vec<_> = report
            .imports
            .iter()
            .map(|import| import.name.as_str())
            .collect();
        let _ = writeln!(text, "host:     {}", names.join("\n          "));
    } else {
        let _ = writeln!(text, "host:     {}", imports(report.imports.len()));
    }
    text
}

fn imports(count: usize) -> String {
    match count {
        0 => "nothing is imported".to_owned(),
        1 => "1 import (-v names it)".to_owned(),
        many => format!("{many} imports (-v names them)"),
    }
}
