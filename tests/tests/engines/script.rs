//! Scripts that are played to programs, on Node.js and on wasmtime: the same script gives the same on
//! both.

use crate::python::python;
use crate::{End, end_on_node, end_on_wasmtime};
use anyhow::{Context, Result, anyhow, ensure};
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests;
use sockvirt_tests::host::Sockets;
use std::fs;

type Test = fn() -> Result<()>;

pub(crate) const TESTS: [(&str, Test); 2] = [("passes", passes), ("fails", fails)];

/// What the program prints and how it ends, which is the same on both.
fn play(change: impl Fn(&str) -> String) -> Result<End> {
    let script = guests::folder().join("python/scripted.test.toml");
    let script = change(&fs::read_to_string(script)?);
    let policy = Policy::from_toml(&script).map_err(|e| anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&python("scripted")?)?;
    eprintln!(
        "DBG {}",
        sockvirt_tests::host::run(&built.component, Sockets::None)?.stderr
    );
    let wasmtime = end_on_wasmtime(&built.component, Sockets::None).context("on wasmtime")?;
    let node = end_on_node(&built.component).context("on Node.js")?;
    ensure!(
        wasmtime == node,
        "on wasmtime: {wasmtime:?}\non Node.js: {node:?}"
    );
    Ok(node)
}

/// `redis`, `http.client` and `smtplib`, as pip and Python have them.
fn passes() -> Result<()> {
    let end = play(str::to_owned)?;
    let expected =
        "cache: 'hello'\npage: b'page'\npage, cut off: IncompleteRead\nmail: {}\nnap: 30\n";
    ensure!(end.stdout == expected && end.status == 0, "{end:?}");
    Ok(())
}

/// A mail server that knows another sender.
fn fails() -> Result<()> {
    let end = play(|script| script.replace("a@here", "c@here"))?;
    ensure!(
        end.stdout.contains("mail: SMTPServerDisconnected"),
        "{end:?}"
    );
    ensure!(end.status == 1, "{end:?}");
    Ok(())
}
