//! What programs with a network in memory are tried with, where a policy lets them through to the host.
//!
//! What is the host's must not be on loopback, which is in memory, and is at the address that the
//! machine itself has.

use crate::peers::{own_address, udp_echo_server, upper_case_server};
use crate::recording::Recording;
use anyhow::{Result, ensure};
use sockvirt::Policy;
use sockvirt::policy::Flag;
use std::net::SocketAddr;

/// A server on the machine's own address that answers in upper case.
pub fn server() -> SocketAddr {
    upper_case_server(&own_address().to_string())
}

/// One that answers datagrams with what is in them.
pub fn datagrams() -> SocketAddr {
    udp_echo_server(&own_address().to_string())
}

/// The host that lets programs use the machine's own address.
pub fn open_host() -> Recording {
    Recording::new().letting(own_address())
}

/// Names that are in memory are answered there; the others by the host, if the policy says so, and
/// what they answer can be reached then. `build` makes probes with the policy.
pub fn names_go_to_either(build: impl FnOnce(Policy) -> Result<Vec<Vec<u8>>>) -> Result<()> {
    let (server, own) = (server(), own_address());
    let port = server.port();
    let rule = |name| format!("tcp://{name}.test:{port}#resolves-to={own}");
    let policy = Policy::deny_all()
        .with_flag(Flag::host("here.test=127.0.0.1")?)?
        .with_flag(Flag::host(&format!("there.test={own}"))?)?
        .with_flag(Flag::host("gone.test=!name-unresolvable")?)?
        .with_flag(Flag::allow(&rule("there"))?)?
        .with_flag(Flag::allow(&rule("asked"))?)?;
    let host = open_host().answering("asked.test", [&*own.to_string()]);
    let [there, asked] = ["there", "asked"].map(|it| format!("connect-name {it}.test:{port}"));
    let steps = &[
        "resolve here.test",
        "resolve localhost",
        "resolve 127.0.0.5",
        "resolve gone.test",
        "resolve denied.test",
        &there,
        "send 1",
        "shutdown",
        "receive-all",
        &asked,
        "send 2",
        "shutdown",
        "receive-all",
    ];
    let connected = format!("{server} ok");
    let expected = [
        "[127.0.0.1]",
        "[::1, 127.0.0.1]",
        "[127.0.0.5]",
        "name-unresolvable",
        "permanent-resolver-failure",
        &connected,
        "ok",
        "ok",
        "1",
        &connected,
        "ok",
        "ok",
        "2",
    ];
    for component in build(policy)? {
        let run = host.run(&component, steps)?;
        ensure!(run.results() == expected, "{:?}", run.results());
        ensure!(run.names == ["asked.test"], "{:?}", run.names);
    }
    Ok(())
}
