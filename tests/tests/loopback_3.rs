//! Programs of WASI 0.3 on a network in memory, beside the same programs on the kernel's loopback.

use anyhow::Result;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Pipes, Sockets, State};
use sockvirt_tests::loopback::{as_on_a_host_with, build};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Store};
use wasmtime_wasi::WasiCtx;

/// What the program does for an argument is as on a host, and says this.
fn same(argument: &str, expected: &str) -> Result<()> {
    let outcome = as_on_a_host_with(&Guest::Local3.build()?, &[argument])?;
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

#[test]
fn bytes_come_back() -> Result<()> {
    same("echo", "((Ok(()), Ok(())), (0, true, Ok(()), Ok(())))")
}

#[test]
fn each_end_says_when_nothing_more_comes() -> Result<()> {
    same("half", "server: 8")
}

#[test]
fn ends_go_away() -> Result<()> {
    same("drops", "writing ends: true")
}

#[test]
fn a_listener_goes_with_connections_that_nobody_took() -> Result<()> {
    same(
        "unaccepted",
        "unaccepted: ([], Err(ErrorCode::ConnectionReset))",
    )
}

#[test]
fn reads_and_writes_are_taken_back() -> Result<()> {
    same("cancel", "the last: [108, 97, 115, 116]")
}

#[test]
fn reads_and_writes_of_nothing() -> Result<()> {
    same("readiness", "something else: [101, 108, 115, 101]")
}

/// A read of nothing waits when bytes come.
#[test]
fn reads_of_nothing_behind_other_connections() -> Result<()> {
    let outcome = as_on_a_host_with(&Guest::Local3.build()?, &["echo", "readiness"])?;
    assert_eq!(outcome.status, 0, "{outcome:?}");
    Ok(())
}

#[test]
fn a_peer_goes_with_everything_on_its_way() -> Result<()> {
    same("queued", "queued: 200000")
}

/// On a host all of this takes its time.
#[test]
fn connects_are_given_up() -> Result<()> {
    let built = build(&Guest::Local3.build()?)?;
    let outcome = host::run_with(&built, Sockets::None, &["connects"])?;
    let expected = [
        "connected: Some(Ok(()))\n".repeat(3),
        "connected: None\ngiven up: false\n".repeat(2),
        "server: [120]\n".repeat(3),
        "nobody: true\nanother: true\n".to_owned(),
    ];
    assert_eq!(outcome.stdout, expected.concat(), "{outcome:?}");
    Ok(())
}

#[test]
fn datagrams() -> Result<()> {
    same("datagrams", "datagram: (60000, true)")
}

#[test]
fn literal_names() -> Result<()> {
    same("names", "127.0.0.1: Ok([")
}

#[test]
fn sockets_in_other_states() -> Result<()> {
    same("states", "refused: Err(ErrorCode::ConnectionRefused)")
}

/// More than the backlog at once. On a host that takes seconds: the kernel's clients try again after
/// one.
#[test]
fn many_connections() -> Result<()> {
    let built = build(&Guest::Local3.build()?)?;
    let outcome = host::run_with(&built, Sockets::None, &["many"])?;
    assert_eq!(outcome.stdout, "many: 500\n", "{outcome:?}");
    Ok(())
}

#[test]
fn thousands_of_connections() -> Result<()> {
    let built = build(&Guest::Local3.build()?)?;
    let outcome = host::run_with(&built, Sockets::None, &["thousands"])?;
    assert_eq!(outcome.stdout, "many: 4000\n", "{outcome:?}");
    Ok(())
}

/// With the engine's defaults, and with instances that are pooled.
#[test]
fn on_engines_with_defaults() -> Result<()> {
    let built = build(&Guest::Local3.build()?)?;
    let mut pooling = Config::new();
    pooling.allocation_strategy(InstanceAllocationStrategy::pooling());
    for config in [Config::new(), pooling] {
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, &built)?;
        let linker = host::linker_without_sockets(&engine)?;
        let pipes = Pipes::new();
        let mut wasi = WasiCtx::builder();
        wasi.args(&["local-3", "drops", "cancel", "datagrams", "many"]);
        let state = State::new(pipes.attach(&mut wasi).build());
        let status = host::run_to_end(&linker, Store::new(&engine, state), &component)?;
        let outcome = pipes.outcome(status);
        assert!(outcome.stdout.ends_with("many: 500\n"), "{outcome:?}");
    }
    Ok(())
}

/// Sockets of two versions are on one network.
#[test]
fn two_versions_of_sockets() -> Result<()> {
    let versions = Guest::Versions3.build()?;
    let said = as_on_a_host_with(&versions, &[])?.stdout;
    assert_eq!(said, "query answer datagram (1, 1)\n");
    let checked = sockvirt::check(&build(&versions)?)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    Ok(())
}

/// What was built is known for what it is.
#[test]
fn the_policy_is_enforced() -> Result<()> {
    let checked = sockvirt::check(&build(&Guest::Local3.build()?)?)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    Ok(())
}
