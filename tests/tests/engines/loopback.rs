//! Programs with a network in memory, on Node.js and on wasmtime, where nobody offers sockets.

use crate::c::c;
use crate::javascript::javascript;
use crate::node::node_3;
use crate::python::{python, python_3};
use crate::tools::tool;
use crate::{End, end_of, end_on_node, end_on_wasmtime};
use anyhow::{Context, Result, ensure};
use sockvirt_tests::guests::{Guest, around_another, beside_another, core_module};
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback::{as_on_a_host, build};
use sockvirt_tests::recording::Recording;
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

type Test = fn() -> Result<()>;

pub(crate) const TESTS: [(&str, Test); 12] = [
    ("local", || same_on_both(&Guest::Local.build()?).map(drop)),
    ("tokio", || {
        same_on_both(&Guest::LocalTokio.build()?).map(drop)
    }),
    ("wstd", || {
        same_on_both(&Guest::LocalWstd.build()?).map(drop)
    }),
    ("clients", || {
        same_on_both(&Guest::LocalClients.build()?).map(drop)
    }),
    ("neighbours", || {
        same_on_both(&Guest::Neighbours.build()?).map(drop)
    }),
    ("python", of_python),
    ("python_of_both", of_python_of_both),
    ("javascript", of_javascript),
    ("c", of_c),
    ("old_component", of_an_old_tool),
    ("local_3", || {
        let args = ["echo", "half", "drops", "many", "states"];
        same_on_both_3(&Guest::Local3.build()?, &args)
    }),
    ("both", of_both),
];

/// What a program prints on Node.js, which is what it prints on wasmtime.
fn same_on_both(component: &[u8]) -> Result<End> {
    let component = build(component)?;
    let wasmtime = end_on_wasmtime(&component, Sockets::None).context("on wasmtime")?;
    ensure!(
        wasmtime.status == 0 && !wasmtime.stdout.is_empty(),
        "{wasmtime:?}"
    );
    let node = end_on_node(&component).context("on Node.js")?;
    ensure!(
        wasmtime == node,
        "on wasmtime: {wasmtime:?}\non Node.js: {node:?}"
    );
    Ok(node)
}

/// The same for a program of WASI 0.3, with arguments.
fn same_on_both_3(component: &[u8], args: &[&str]) -> Result<()> {
    let component = build(component)?;
    let wasmtime = host::run_with(&component, Sockets::None, args).context("on wasmtime")?;
    ensure!(
        wasmtime.status == 0 && !wasmtime.stdout.is_empty(),
        "{wasmtime:?}"
    );
    let node = end_of(node_3(&component, args)?).context("on Node.js")?;
    ensure!(
        (node.stdout == wasmtime.stdout) && node.status == 0,
        "on wasmtime: {wasmtime:?}\non Node.js: {node:?}"
    );
    Ok(())
}

/// Sockets of 0.2 and of 0.3, in one component and in several.
fn of_both() -> Result<()> {
    let both = Guest::Both.build()?;
    let args = ["old-client", "new-client", "half", "queued", "in-use"];
    for component in [
        &both,
        &beside_another(&both)?,
        &around_another(&both, &both)?,
    ] {
        same_on_both_3(component, &args)?;
    }
    Ok(())
}

/// `socketserver` and `asyncio`.
fn of_python() -> Result<()> {
    let said = same_on_both(&python("local")?)?.stdout;
    let expected = "socketserver: b'A LINE\\n'
socketserver over IPv6: b'A LINE\\n'
socketserver of datagrams: b'margatad a'
asyncio: 2800008 bytes
asyncio: nothing came
asyncio: ConnectionRefusedError
";
    ensure!(said == expected, "{said}");
    Ok(())
}

/// The sockets of 0.3, and Python's own, which are of 0.2: as on the kernel's loopback, on Node.js too.
fn of_python_of_both() -> Result<()> {
    let program = python_3("both")?;
    let outcome = as_on_a_host(&program)?;
    same_on_both_3(&program, &[])?;
    let expected = "server of 0.3: b'question'
client of 0.2: b'answer'
server of 0.2: b'question'
client of 0.3: b'answer'
datagram of 0.3: b'a datagram'
datagram of 0.2: b'margatad a'
";
    ensure!(
        outcome.stdout == expected && outcome.status == 0,
        "{outcome:?}"
    );
    Ok(())
}

/// The bindings of WASI as JavaScript has them, in a component inside of another.
fn of_javascript() -> Result<()> {
    let said = same_on_both(&javascript("local")?)?.stdout;
    let expected = "ipv4 stream: true
ipv4 datagram: a datagram
ipv6 stream: true
ipv6 datagram: a datagram
127.0.0.1: ipv4 127.0.0.1 \nnobody listens: connection-refused
";
    ensure!(said == expected, "{said}");
    Ok(())
}

/// What people write C with: blocking and not, with `poll` for both. It is what the kernel's loopback shows.
fn of_c() -> Result<()> {
    let component = c("local")?;
    let said = same_on_both(&component)?.stdout;
    let each = "  it comes from whoever connected: yes
  it is kept alive: yes
  what was said was heard: yes
  then it ends: 0
  a datagram of 10 bytes, from whoever sent it: yes
  and nothing more: yes
";
    let rest = "127.0.0.5: 127.0.0.5 port 80
localhost: 127.0.0.1 port 80
nobody listens: refused
";
    let expected = format!("over IPv4\n{each}over IPv6\n{each}{rest}");
    ensure!(said == expected, "{said}");
    let host = Recording::new()
        .answering("127.0.0.5", ["127.0.0.5"])
        .answering("localhost", ["127.0.0.1"]);
    let bare = host.run(&component, &[])?.outcome;
    ensure!(bare.stdout == said, "{bare:?}");
    Ok(())
}

/// A component that wit-component 0.20.0 has made, which says 0.2.0 of all of WASI.
fn of_an_old_tool() -> Result<()> {
    let jco = tool("node_modules/jco-of-2024/src/jco.js")?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let [module, made] = ["module.wasm", "made.wasm"].map(|name| folder.path().join(name));
    fs::write(&module, core_module()?)?;
    let output = Command::new("node")
        .arg(jco)
        .args([OsStr::new("new"), module.as_os_str()])
        .args([OsStr::new("-o"), made.as_os_str()])
        .output()
        .context("cannot run Node.js")?;
    ensure!(output.status.success(), "{output:?}");
    let old = fs::read(made)?;
    let imports = sockvirt::inspect(&old)?.imports;
    ensure!(
        imports.iter().all(|name| name.ends_with("@0.2.0")),
        "{imports:?}"
    );
    let new = same_on_both(&Guest::Local.build()?)?;
    let old = same_on_both(&old)?;
    ensure!(old == new, "old: {old:?}\nnew: {new:?}");
    Ok(())
}
