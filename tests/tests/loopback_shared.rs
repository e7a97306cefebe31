//! Components in one that use sockets share a network in memory.

use anyhow::Result;
use sockvirt::policy::{Flag, LoopbackMode};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Outcome, Pipes, Sockets, State};
use sockvirt_tests::names::Failure;
use sockvirt_tests::peers::{echo_server, own_address, udp_echo_server};
use sockvirt_tests::recording::{Recording, Use};
use std::net::SocketAddr;
use wasmtime::Store;
use wasmtime::component::Component;
use wasmtime_wasi::WasiCtx;

/// Builds a component with a network in memory that answers a name.
fn build(component: &[u8]) -> Result<Vec<u8>> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n[dns.hosts]\n\
        \"db.test\" = { answer = [\"127.0.0.9\", \"::1\"] }\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(component)?;
    assert_eq!(built.report.mode, Mode::Loopback);
    assert_eq!(built.report.network_imports().count(), 0);
    let check = sockvirt::check(&built.component)?;
    assert!(check.passed(), "{check:?}");
    Ok(built.component)
}

/// The same, with rules that lead to the host: by TCP to one address, and by UDP to another.
fn build_with_rules(component: &[u8], stream: &str, datagram: &str) -> Result<Vec<u8>> {
    let policy = Policy::deny_all()
        .with_loopback(LoopbackMode::Virtual)
        .with_flag(Flag::host("db.test=127.0.0.9,::1")?)?
        .with_flag(Flag::allow(&format!("tcp://{stream}"))?)?
        .with_flag(Flag::allow(&format!("send=udp://{datagram}"))?)?;
    policy.check()?;
    let built = Virtualizer::new(policy).build(component)?;
    assert_eq!(built.report.mode, Mode::Loopback);
    let check = sockvirt::check(&built.component)?;
    assert!(check.passed(), "{check:?}");
    Ok(built.component)
}

const CONVERSATION: &str = "  its port is taken: Err(AddrInUse)
  what was said came back
  it heard: Ok(\"a question\")
  it said: A QUESTION
  datagrams came back
  nobody to talk to: Err(\"NotConnected\")
  it finds [\"127.0.0.9\", \"::1\"]
  not twice: Err(\"AddrInUse\")
";

const END: &str = "each has its own: true
here: [\"127.0.0.9\", \"::1\"]
nobody listens: Err(ConnectionRefused)
its port is free: Ok(())
";

fn expected() -> String {
    format!("service\n{CONVERSATION}another\n{CONVERSATION}{END}")
}

/// A client, and a server beside it that is there twice: as over the kernel's loopback.
#[test]
fn neighbours_reach_each_other() -> Result<()> {
    let bare = Guest::Neighbours.build()?;
    let inside = host::run(&build(&bare)?, Sockets::None)?;
    assert_eq!(inside.stdout, expected(), "{inside:?}");
    assert_eq!(inside.status, 0);
    let host = Recording::new()
        .answering("db.test", ["127.0.0.9", "::1"])
        .failing("example.com", Failure::NameUnresolvable);
    assert_eq!(host.run(&bare, &[])?.outcome, inside);
    Ok(())
}

/// However deep they are.
#[test]
fn neighbours_are_found_inside_of_components() -> Result<()> {
    let inside = host::run(&build(&Guest::Nested.build()?)?, Sockets::None)?;
    assert_eq!(inside.stdout, expected(), "{inside:?}");
    assert_eq!(inside.status, 0);
    Ok(())
}

/// What is composed does not touch the sockets of a host that has them.
#[test]
fn nothing_of_it_reaches_the_host() -> Result<()> {
    let run = Recording::new().run(&build(&Guest::Neighbours.build()?)?, &[])?;
    assert_eq!(run.reached(), [""; 0]);
    assert_eq!(run.names, [""; 0]);
    Ok(())
}

/// Where rules lead to the host besides, what is on loopback is in memory as ever.
#[test]
fn nothing_on_loopback_reaches_the_host_that_rules_lead_to() -> Result<()> {
    let component = build_with_rules(&Guest::Neighbours.build()?, "192.0.2.1:80", "192.0.2.1:53")?;
    let run = Recording::new().run(&component, &[])?;
    assert_eq!(run.outcome.stdout, expected(), "{run:?}");
    assert_eq!(run.reached(), [""; 0]);
    assert_eq!(run.names, [""; 0]);
    Ok(())
}

/// Each of them has sockets of the host's where a rule says so, beside those that they share.
#[test]
fn each_neighbour_reaches_the_host_as_the_rules_say() -> Result<()> {
    let own = own_address();
    let denied = SocketAddr::new(own, 9).to_string();
    for guest in [Guest::Neighbours, Guest::Nested] {
        let bare = guest.build()?;
        let ip = own.to_string();
        let [stream, datagram] = [echo_server(&ip), udp_echo_server(&ip)].map(|it| it.to_string());
        let component = build_with_rules(&bare, &stream, &datagram)?;
        let host = Recording::new().letting(own);
        let run = host.run(&component, &["outside", &stream, &datagram, &denied])?;
        let expected = [
            "it hears: Ok(())",
            "one: Ok(\"a neighbour\")",
            "two: Ok(\"a neighbour\")",
            "denied: Err(\"PermissionDenied\")",
            "denied: Err(PermissionDenied)",
            "inside: Ok(\"a question\")",
            "answered: A QUESTION",
            "answered: the client",
            "replied: Ok(())",
            "heard: [(false, \"outside\"), (true, \"inside\")]",
        ];
        assert_eq!(run.lines(), expected, "{run:?}");
        // The host hears of nothing else.
        let connected = run.reached_by(Use::TcpConnect);
        assert_eq!(connected, vec![stream; 3]);
        assert_eq!(run.reached_by(Use::UdpSend), vec![datagram; 1]);
        assert!(run.reached_by(Use::TcpListen).is_empty(), "{run:?}");
    }
    Ok(())
}

/// Who waits while nobody else can do anything is told of it.
#[test]
fn who_waits_for_what_never_happens_is_told() -> Result<()> {
    let component = Component::new(host::engine(), build(&Guest::Neighbours.build()?)?)?;
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    wasi.args(&["neighbours", "wait"]);
    let state = State::new(pipes.attach(&mut wasi).build());
    let store = Store::new(host::engine(), state);
    let ended = host::run_to_end(&host::linker(Sockets::None)?, store, &component);
    let trap = format!("{:?}", ended.expect_err("it waits for ever"));
    assert!(trap.contains("unreachable"), "{trap}");
    let Outcome { stdout, stderr, .. } = pipes.outcome(0);
    assert_eq!(stdout, expected());
    let told =
        "sockvirt: deadlock: nothing can happen any more on tcp 127.0.0.1:32768 (accepting)\n";
    assert_eq!(stderr, told);
    Ok(())
}

/// Programs of two libraries in one, at two versions of WASI: the first does what it does alone.
#[test]
fn programs_that_have_nothing_to_do_with_each_other() -> Result<()> {
    let policy = Policy::deny_all().with_loopback(LoopbackMode::Virtual);
    let run = |guest: Guest| -> Result<Outcome> {
        let built = Virtualizer::new(policy.clone()).build(&guest.build()?)?;
        host::run(&built.component, Sockets::None)
    };
    assert_eq!(run(Guest::Composed)?, run(Guest::Std)?);
    Ok(())
}
