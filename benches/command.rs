//! The command, built and measured.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the command in release mode.
pub(crate) fn build_command(target: &Path) -> Result<PathBuf> {
    let status = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--release",
            "-p",
            "sockvirt-cli",
            "--no-default-features",
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace())
        .status()?;
    ensure!(status.success(), "the command does not build");
    Ok(target.join("release/sockvirt"))
}

/// Runs a process: how long it took, and the most memory that it held, in bytes.
pub(crate) fn measure(command: &mut Command) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let child = command.stdout(Stdio::null()).spawn().context("it starts")?;
    let end = child.wait4()?;
    ensure!(end.status.success(), "{command:?} failed");
    Ok((start.elapsed(), end.rusage.maxrss))
}

pub(crate) fn median(times: impl IntoIterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort();
    times[times.len() / 2]
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
