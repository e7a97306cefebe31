//! What can be said on the command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use sockvirt::policy::{Denial, DenyAt, DnsMode, Flag, Log, Mistake, Operation};
#[cfg(feature = "run")]
use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "run")]
use std::time::Duration;

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
    /// Without a policy everything is denied: creating a socket is `access-denied`, a lookup is
    /// `permanent-resolver-failure`. A preview1 module is made a component first.
    Build(Box<Build>),
    /// Say what a file is, what it imports, which hosts run it and what `build` would do.
    Inspect(Inspect),
    /// List the imports that can still reach a network.
    ///
    /// Exits with 1 where there is one that the component's policy does not allow.
    Check(Check),
    /// Say what a component's policy decides, and which rule makes it so.
    ///
    /// Nothing is run: the policy that the component carries is asked.
    Explain(Explain),
    /// Play scripts to a program, and say whether it did as they say.
    ///
    /// Exits with 1 where one failed. With a single script the program's own status is passed on.
    #[cfg(feature = "run")]
    Test(Test),
    /// Compose virtual sockets into a program and run it.
    ///
    /// Its sockets are real only where the policy leads to the host. It exits as the program does.
    #[cfg(feature = "run")]
    Run(Run),
    /// Print the JSON Schema of the policy file.
    Schema,
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

    #[command(flatten)]
    pub(crate) script: ScriptArg,

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

/// A script, for verbs that take one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct ScriptArg {
    /// Read from a file who else is on the network: peers, clients, names and time.
    ///
    /// It may have a policy too, and each section of it that `--config` does not have. Files that it
    /// names are looked for in its own folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
}

#[cfg(feature = "run")]
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The component or preview1 module; `-` for standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// A script, or a folder of them; may be given several times.
    #[arg(long = "script", value_name = "FILE", required = true)]
    pub(crate) scripts: Vec<PathBuf>,

    /// Play only scripts that have this in their path.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    /// Write the results as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Do not keep the compiled component for the next time.
    #[arg(long)]
    pub(crate) no_cache: bool,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,
}

#[cfg(feature = "run")]
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The component or preview1 module; `-` for standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) script: ScriptArg,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,
}

/// What the program is given.
#[cfg(feature = "run")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Program")]
pub(crate) struct ProgramArgs {
    /// A variable of the program's environment.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    /// A folder that the program can read and write, and what it calls it.
    #[arg(long, value_name = "HOST[::GUEST]", value_parser = folder)]
    dir: Vec<(PathBuf, String)>,

    /// How many seconds the program may take; 0 for as many as it likes.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout: u32,

    /// Arguments of the program.
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

#[cfg(feature = "run")]
impl ProgramArgs {
    pub(crate) fn surroundings(&self) -> sockvirt::run::Surroundings {
        let mut surroundings = sockvirt::run::Surroundings::default();
        surroundings.args.clone_from(&self.args);
        surroundings.env.clone_from(&self.env);
        surroundings.dirs.clone_from(&self.dir);
        surroundings
    }

    /// How long the program may take, if there is a limit.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.timeout > 0).then(|| Duration::from_secs(self.timeout.into()))
    }
}

#[cfg(feature = "run")]
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("a variable is `NAME=VALUE`".to_owned()),
    }
}

#[cfg(feature = "run")]
fn folder(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    Ok((PathBuf::from(host), guest.to_owned()))
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// Read the policy from a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Allow a destination, such as `tcp://api.example.com:443`, `listen=tcp://0.0.0.0:8080` or
    /// `tcp://[fd00::/8]:21,35000-35999#resolves-to=private`.
    ///
    /// Without an operation it is `connect`. After `#`, joined by `&`, come `id`, `except`, `from`,
    /// `resolves-to` and `wide`.
    #[arg(long, value_name = "[OP[,OP]=]URL", value_parser = |text: &str| flag(Flag::allow(text)))]
    pub(crate) allow: Vec<Flag>,

    /// Deny a destination, whatever allows it, such as `tcp://10.96.0.0/12:*`.
    ///
    /// After `#`, joined by `&`, come `id` and `deny-as`.
    #[arg(long, value_name = "[OP[,OP]=]URL", value_parser = |text: &str| flag(Flag::deny(text)))]
    pub(crate) deny: Vec<Flag>,

    /// Allow lookups of names, such as `**.example.com`, and nothing else.
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_parser = |text: &str| flag(Flag::allow_resolve(text)))]
    pub(crate) allow_resolve: Vec<Flag>,

    /// Lead a destination elsewhere, such as `tcp://db.internal:5432->127.0.0.1:5432`.
    #[arg(long, value_name = "FROM->TO", value_parser = |text: &str| flag(Flag::redirect(text)))]
    pub(crate) redirect: Vec<Flag>,

    /// Answer lookups of a name inside, such as `db.test=192.0.2.5` or
    /// `gone.test=!name-unresolvable`.
    #[arg(long, value_name = "NAME=ANSWER", value_parser = |text: &str| flag(Flag::host(text)))]
    pub(crate) host: Vec<Flag>,

    /// Allow connecting, sending, binding and listening at these addresses, at every port, such as
    /// `1.2.0.0/15,fd00::/8`.
    #[arg(long, value_name = "ADDRESS[/LENGTH],..", value_parser = |text: &str| flag(Flag::addr_pool(text)))]
    pub(crate) addr_pool: Vec<Flag>,

    /// Have loopback in memory: 127.0.0.0/8, ::1 and sockets bound to a wildcard are a network of
    /// the component's own.
    #[arg(long)]
    pub(crate) loopback: bool,

    /// How names are looked up.
    #[arg(long, value_name = "MODE", value_parser = dns_mode())]
    pub(crate) dns: Option<DnsMode>,

    /// Which decisions are logged, as lines of JSON on standard error.
    #[arg(long, value_name = "WHICH", value_parser = log())]
    pub(crate) log: Option<Log>,

    /// Where a protocol is denied that no rule allows: `create` or `operation`.
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

/// What is wrong with a flag, and what to write.
fn flag(parsed: Result<Flag, Mistake>) -> Result<Flag, String> {
    parsed.map_err(|e| match e.suggestion() {
        Some(hint) => format!("{e}\nhint: {hint}"),
        None => e.to_string(),
    })
}

fn dns_mode() -> impl TypedValueParser<Value = DnsMode> {
    let names = PossibleValuesParser::new(DnsMode::ALL.map(DnsMode::name));
    names.map(|name| {
        let mut all = DnsMode::ALL.into_iter();
        all.find(|it| it.name() == name).unwrap_or_default()
    })
}

fn log() -> impl TypedValueParser<Value = Log> {
    let names = PossibleValuesParser::new(Log::ALL.map(Log::name));
    names.map(|name| {
        let mut all = Log::ALL.into_iter();
        all.find(|it| it.name() == name).unwrap_or_default()
    })
}

fn operation(name: &str) -> Result<Operation, String> {
    let parsed = name.parse::<Operation>();
    parsed.map_err(|e| format!("`{name}` is {e}"))
}

fn deny_as(text: &str) -> Result<DenyAs, String> {
    let (operations, code) = match text.split_once('=') {
        Some((operations, code)) => (operations.split(',').collect(), code),
        None => (Vec::new(), text),
    };
    Ok(DenyAs {
        operations: operations
            .into_iter()
            .map(operation)
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

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The component; `-` for standard input.
    #[arg(value_name = "OUT")]
    pub(crate) input: PathBuf,

    /// The operation: resolve, connect, bind, listen, accept, send or receive.
    #[arg(value_name = "OP", value_parser = operation)]
    pub(crate) operation: Operation,

    /// What it is about: `tcp://1.2.3.4:443`, `udp://example.com:53`, or for `resolve` a name.
    ///
    /// It is the local address for `bind` and `listen`, and the peer for `accept` and `receive`.
    #[arg(value_name = "DEST")]
    pub(crate) destination: String,

    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Exit with 1 where it is not allowed.
    #[arg(long)]
    pub(crate) exit_code: bool,
}
