//! Programs with a network in memory, on Node.js and on wasmtime, where nobody offers sockets.

use crate::python::python;
use crate::{End, end_on_node, end_on_wasmtime};
use anyhow::{Context, Result, ensure};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::Sockets;
use sockvirt_tests::loopback::build;

type Test = fn() -> Result<()>;

pub(crate) const TESTS: [(&str, Test); 5] = [
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
    ("python", of_python),
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
