//! A network of the kernel's for the tests alone: with nothing but loopback, and with ports that no
//! other program takes.

use anyhow::{Context, Result};
use sockvirt_tests::guests::Guest;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Whether this is the inside.
const INSIDE: &str = "SOCKVIRT_IN_NAMESPACE";
/// Has loopback in a namespace of its own, and goes on as what follows. There, whoever runs this is
/// root.
const UNSHARE: [&str; 6] = [
    "--user",
    "--map-root-user",
    "--net",
    "sh",
    "-c",
    "ip link set lo up && exec \"$0\" \"$@\"",
];

/// Begins again in a network namespace, unless this is one or the machine does not permit it, which
/// is said then.
pub(crate) fn enter() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let tried = Command::new("unshare")
        .args(UNSHARE)
        .arg("true")
        .stdin(Stdio::null())
        .output();
    let why = match &tried {
        Ok(tried) if tried.status.success() => return begin_again(),
        Ok(tried) => String::from_utf8_lossy(&tried.stderr).trim().to_owned(),
        Err(e) => format!("`unshare`: {e}"),
    };
    eprintln!("the sockets are those of the machine, which permits no network namespace: {why}");
    Ok(())
}

fn begin_again() -> Result<()> {
    // Inside, nothing can be downloaded.
    Guest::Sequence.build()?;
    Guest::Sequence3.build()?;
    let error = Command::new("unshare")
        .args(UNSHARE)
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("`unshare` is there no more")
}
