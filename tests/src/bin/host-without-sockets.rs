//! Runs a command component on a host that offers WASI 0.2, 0.3 and HTTP, and no sockets.

use anyhow::{Context, Result};
use sockvirt_tests::host::{Sockets, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run_file() {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_file() -> Result<i32> {
    let path = std::env::args_os()
        .nth(1)
        .context("usage: host-without-sockets COMPONENT")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
    let outcome = run(&bytes, Sockets::None)?;
    print!("{}", outcome.stdout);
    eprint!("{}", outcome.stderr);
    Ok(outcome.status)
}
