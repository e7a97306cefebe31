//! The chores of this repository: `cargo xtask CHORE`.

mod demo;
mod engines;
mod layout;
mod prebuilt;
mod wit;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// The chores of this repository.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Write the declarations of WASI in `wit/` from the crates that ship them.
    Wit {
        /// Write nothing, and fail where what is there differs.
        #[arg(long)]
        check: bool,
    },
    /// Write where the Canonical ABI puts things in memory, for the code that travels inside
    /// components, from `wit/`.
    Layout {
        /// Write nothing, and fail where what is there differs.
        #[arg(long)]
        check: bool,
    },
    /// Build the code that travels inside components into `sockvirt/prebuilt`.
    Prebuilt {
        /// Write nothing, and fail where what is there differs.
        #[arg(long)]
        check: bool,
    },
    /// Take the network out of an example and run it on a host without sockets.
    Demo,
    /// Install what the tests behind the feature `engines` need: jco and componentize-py.
    Engines,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Wit { check } => wit::run(check),
        Chore::Layout { check } => layout::run(check),
        Chore::Prebuilt { check } => prebuilt::run(check),
        Chore::Demo => demo::run(),
        Chore::Engines => engines::run(),
    }
}

/// The folder of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
