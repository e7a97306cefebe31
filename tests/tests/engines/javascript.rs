//! Programs in JavaScript, made components with QuickJS by componentize-qjs.

use crate::python::wasi_wit;
use crate::tools::tool;
use anyhow::{Context, Result, ensure};
use sockvirt_tests::guests;
use std::fs;
use std::process::Command;

/// Builds a program of `guests/javascript`.
pub(crate) fn javascript(name: &str) -> Result<Vec<u8>> {
    let componentize = tool("node_modules/.bin/componentize-qjs")?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let made = folder.path().join("made.wasm");
    let file = format!("{name}.js");
    let output = Command::new(componentize)
        .args(["--sync", "--world", "wasi:cli/command", "--wit"])
        .arg(wasi_wit("wasip2")?)
        .args(["--js", &file, "--output"])
        .arg(&made)
        .current_dir(guests::folder().join("javascript"))
        .output()
        .context("cannot run componentize-qjs")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot build `{file}`:\n{said}");
    fs::read(made).context("componentize-qjs made no file")
}
