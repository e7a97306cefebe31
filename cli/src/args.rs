//! What can be said on the command line.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use sockvirt::policy::{Denial, DenyAt, Operation};
use std::path::PathBuf;

/// Gives WebAssembly components a network of their own.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// Say nothing but errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    /// Where a terminal reads them and `NO_COLOR` is not set.
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Compose virtual sockets into a component.
    ///
    /// Without a flag everything is denied: creating a socket is `access-denied`, a lookup is
    /// `permanent-resolver-failure`. A preview1 module is made a component first.
    Build(Build),
    /// Say what a file is, what it imports, which hosts run it and what `build` would do.
    Inspect(Inspect),
    /// List the imports that can still reach a network.
    ///
    /// Exits with 1 where there is one that the component's policy does not allow.
    Check(Check),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The component or preview1 module; `-` for standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Where the component goes; standard output without it, or with `-`.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,

    /// Write the component as text.
    #[arg(short = 't', long)]
    pub(crate) text: bool,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Refuse preview1 modules instead of making components of them.
    #[arg(long)]
    pub(crate) no_adapt: bool,

    /// How to report what was done.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) report: ReportFormat,

    /// The same as `--report json`.
    #[arg(long, conflicts_with = "report")]
    pub(crate) json: bool,
}

/// How to report what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people, on standard error.
    Text,
    /// For machines, on standard output, or on standard error where the component goes to
    /// standard output.
    Json,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// Read the policy from a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where sockets are denied: `create` or `operation`.
    #[arg(long, value_name = "WHERE")]
    pub(crate) deny_at: Option<DenyAt>,

    /// How denied operations end, such as `trap` for all of sockets, `connect=connection-refused`
    /// or `resolve=name-unresolvable`.
    #[arg(long, value_name = "[OP[,OP]=]CODE", value_parser = deny_as)]
    pub(crate) deny_as: Vec<DenyAs>,
}

/// A value of `--deny-as`.
#[derive(Clone, Debug)]
pub(crate) struct DenyAs {
    /// The operations; empty for all of sockets.
    pub(crate) operations: Vec<Operation>,
    pub(crate) denial: Denial,
}

fn deny_as(text: &str) -> Result<DenyAs, String> {
    let (operations, code) = match text.split_once('=') {
        Some((operations, code)) => (operations.split(',').collect(), code),
        None => (Vec::new(), text),
    };
    let parse = |name: &str| {
        let parsed = name.parse::<Operation>();
        parsed.map_err(|e| format!("`{name}` is {e}"))
    };
    Ok(DenyAs {
        operations: operations
            .into_iter()
            .map(parse)
            .collect::<Result<_, _>>()?,
        denial: code.parse().map_err(|e| format!("`{code}` is {e}"))?,
    })
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The file; `-` for standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The component; `-` for standard input.
    #[arg(value_name = "OUT")]
    pub(crate) input: PathBuf,

    /// Allow no import that can reach a network, whatever the component's policy says.
    #[arg(long)]
    pub(crate) deny_network: bool,

    /// An import that is known not to reach a network; may be given several times.
    #[arg(long, value_name = "IMPORT")]
    pub(crate) ignore: Vec<String>,

    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
