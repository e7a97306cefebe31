//! Components on Node.js, by way of jco.

use crate::tools::{tool, tools};
use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

/// What became of a component on Node.js.
pub(crate) struct NodeRun {
    pub(crate) output: Output,
    /// The interfaces of `wasi:sockets` that it imports.
    pub(crate) sockets: Vec<String>,
    /// What jco made of it.
    pub(crate) script: String,
}

/// Has jco make JavaScript of a component, and Node.js run it where nobody offers sockets.
pub(crate) fn node(component: &[u8]) -> Result<NodeRun> {
    run("node", component, &[], &[])
}

/// As [`node`], with sockets and with these arguments after the program's name.
pub(crate) fn node_with_sockets(component: &[u8], args: &[&str]) -> Result<NodeRun> {
    run("node", component, &["--sockets"], args)
}

/// As [`node`], so many times, with these arguments after the program's name.
pub(crate) fn node_again(component: &[u8], times: usize, args: &[&str]) -> Result<NodeRun> {
    run("node", component, &["--again", &times.to_string()], args)
}

/// As [`node`], for a program of WASI 0.3, with these arguments after its name. It takes a Node.js that can
/// have a module wait.
pub(crate) fn node_3(component: &[u8], args: &[&str]) -> Result<NodeRun> {
    run(tool("node_modules/.bin/node")?, component, &["--0.3"], args)
}

fn run(
    node: impl AsRef<OsStr>,
    component: &[u8],
    options: &[&str],
    args: &[&str],
) -> Result<NodeRun> {
    tool("node_modules/.bin/jco")?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("component.wasm");
    let made = folder.path().join("made");
    fs::write(&file, component)?;
    let is_new = options.contains(&"--0.3");
    let output = Command::new(node)
        .args(is_new.then_some("--experimental-wasm-jspi"))
        .arg(tools().join("run.mjs"))
        .args(options)
        .args([&file, &made])
        .args(args)
        .output()
        .context("cannot run Node.js")?;
    let read = |name| {
        fs::read_to_string(made.join(name)).with_context(|| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            format!("jco made no `{name}`:\n{stderr}")
        })
    };
    let imports: Vec<String> = serde_json::from_str(&read("imports.json")?)?;
    let script = read("guest.js")?;
    ensure!(!imports.is_empty(), "jco says of no import");
    let sockets = imports
        .into_iter()
        .filter(|name| name.starts_with("wasi:sockets/"))
        .collect();
    Ok(NodeRun {
        output,
        sockets,
        script,
    })
}
