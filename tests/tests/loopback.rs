//! Programs that are server and client in one, on a network in memory.

use anyhow::Result;
use sockvirt::policy::{LoopbackMode, OnDeadlock};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_guest_builder::{Guest, beside_another};
use sockvirt_tests::host::{self, Outcome, Pipes, Sockets, State};
use sockvirt_tests::names::Failure;
use sockvirt_tests::recording::Recording;
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::Component;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

/// Builds a guest with a network in memory that answers some names.
fn build(guest: Guest) -> Result<Vec<u8>> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n[dns.hosts]\n\
        \"db.test\" = { answer = [\"127.0.0.9\", \"::1\"] }\n\
        \"gone.test\" = { fail = \"name-unresolvable\" }\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    assert_eq!(policy.loopback(), LoopbackMode::Virtual);
    let built = Virtualizer::new(policy).build(&guest.build()?)?;
    assert_eq!(built.report.mode, Mode::Loopback);
    assert_eq!(built.report.network_imports().count(), 0);
    Ok(built.component)
}

const CONVERSATION: &str = "  what was said was heard
  5000000 bytes arrived
  a question: A QUESTION
  a datagram
";

#[test]
fn a_server_and_its_client_need_no_sockets_of_the_host() -> Result<()> {
    let outcome = host::run(&build(Guest::Local)?, Sockets::None)?;
    let lookups = "127.0.0.1: 127.0.0.1\n::1: ::1\ndb.test: 127.0.0.9, ::1\n\
        gone.test: nothing\nexample.com: nothing\n";
    let failures = "nobody listens: Err(ConnectionRefused)\nbound twice: Err(AddrInUse)\n";
    let expected =
        format!("over 127.0.0.1\n{CONVERSATION}over [::1]\n{CONVERSATION}{lookups}{failures}");
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

/// The network is put into the component that uses it, also where that is inside of another one.
#[test]
fn a_component_inside_of_another_gets_the_network() -> Result<()> {
    let alone = host::run(&build(Guest::Local)?, Sockets::None)?;
    let inside = host::run(&build(Guest::Inside)?, Sockets::None)?;
    assert_eq!(inside.stdout, alone.stdout);
    assert_eq!(inside.status, 0);
    Ok(())
}

/// The same program over the kernel's loopback says the same, but for what the policy answers.
#[test]
fn the_same_happens_on_the_sockets_of_a_host() -> Result<()> {
    let host = Recording::new()
        .answering("db.test", ["127.0.0.9", "::1"])
        .failing("gone.test", Failure::NameUnresolvable)
        .failing("example.com", Failure::NameUnresolvable);
    let bare = host.run(&Guest::Local.build()?, &[])?;
    let inside = host::run(&build(Guest::Local)?, Sockets::None)?;
    assert_eq!(bare.outcome.stdout, inside.stdout);
    assert_eq!(bare.outcome.status, inside.status);
    Ok(())
}

/// No program gets at the host, whatever it asks for.
#[test]
fn nothing_of_it_reaches_the_host() -> Result<()> {
    for guest in [Guest::Std, Guest::Tokio, Guest::Wstd, Guest::Local] {
        let host = Recording::new();
        let run = host.run(&build(guest)?, &[])?;
        assert_eq!(run.reached(), [""; 0], "{}", guest.name());
        assert_eq!(run.names, [""; 0], "{}", guest.name());
    }
    Ok(())
}

/// What is written to the standard input of a program.
fn input() -> String {
    (0..2000).map(|i| format!("line {i}\n")).collect()
}

/// A program with a network that is its own, and with one that it shares with another component.
fn alone_and_shared(guest: Guest, policy: Policy) -> Result<[Vec<u8>; 2]> {
    let virtualizer = Virtualizer::new(policy);
    let alone = guest.build()?;
    let shared = beside_another(&alone)?;
    let built = [virtualizer.build(&alone)?, virtualizer.build(&shared)?];
    Ok(built.map(|built| built.component))
}

/// Runs the guest of streams, and says how it ended: the same, whether its network is shared.
fn streams(policy: Policy, argument: &str) -> Result<(Outcome, Result<i32>)> {
    let components = alone_and_shared(Guest::Streams, policy)?;
    let [alone, shared] = components.map(|component| {
        let pipes = Pipes::new();
        let ended = streams_to(&pipes, &component, argument);
        (pipes.outcome(0), ended)
    });
    assert_eq!(alone.0, shared.0, "{argument}");
    assert_eq!(alone.1.as_ref().ok(), shared.1.as_ref().ok(), "{argument}");
    Ok(alone)
}

fn streams_to(pipes: &Pipes, component: &[u8], argument: &str) -> Result<i32> {
    let component = Component::new(host::engine(), component)?;
    let mut wasi = WasiCtx::builder();
    wasi.args(&["streams", argument])
        .stdin(MemoryInputPipe::new(input()));
    let state = State::new(pipes.attach(&mut wasi).build());
    let store = Store::new(host::engine(), state);
    host::run_to_end(&host::linker(Sockets::None)?, store, &component)
}

fn in_memory() -> Policy {
    Policy::deny_all().with_loopback(LoopbackMode::Virtual)
}

/// One end of each copy is a stream of the host's, in the middle neither is.
#[test]
fn streams_of_the_host_are_spliced_with_those_of_sockets() -> Result<()> {
    for how in ["splice", "blocking-splice"] {
        let (outcome, ended) = streams(in_memory(), how)?;
        assert_eq!(outcome.stderr, "", "{how}");
        assert_eq!(outcome.stdout, input(), "{how}");
        assert_eq!(ended?, 0, "{how}");
    }
    Ok(())
}

/// Timers do not starve while sockets are ready, nor the other way round.
#[test]
fn sockets_and_the_host_are_waited_for_together() -> Result<()> {
    let (outcome, ended) = streams(in_memory(), "together")?;
    let expected = "room: [2]\na timer: [2]\ninput: [1]\nheard: [1]\nall: [0, 1, 3, 4, 5]\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!(ended?, 0);
    Ok(())
}

#[test]
fn who_waits_for_what_never_happens_is_told() -> Result<()> {
    let told =
        |sockets: &str| format!("sockvirt: deadlock: nothing can happen any more on {sockets}\n");
    let (outcome, ended) = streams(in_memory(), "wait-accept")?;
    assert_eq!(outcome.stderr, told("tcp 127.0.0.1:4000 (accepting)"));
    let trap = ended.expect_err("it waits for ever");
    assert!(format!("{trap:?}").contains("unreachable"), "{trap:?}");

    let (outcome, _) = streams(in_memory(), "wait-all")?;
    let [client, server] = [
        "127.0.0.1:32769 -> 127.0.0.1:32768",
        "127.0.0.1:32768 -> 127.0.0.1:32769",
    ];
    let all =
        format!("tcp {client} (reading), tcp {server} (reading), udp 127.0.0.1:5000 (receiving)");
    assert_eq!(outcome.stderr, told(&all));

    let (outcome, ended) = streams(in_memory(), "accept")?;
    assert_eq!(
        (outcome.stderr.as_str(), ended?),
        ("", 0),
        "it does not wait"
    );
    Ok(())
}

#[test]
fn who_is_to_hang_is_told_and_hangs() -> Result<()> {
    let policy = in_memory().with_on_deadlock(OnDeadlock::Hang);
    for component in alone_and_shared(Guest::Streams, policy)? {
        let pipes = Pipes::new();
        let hanging = {
            let pipes = pipes.clone();
            std::thread::spawn(move || streams_to(&pipes, &component, "wait-accept"))
        };
        while !pipes.outcome(0).stderr.ends_with("(accepting)\n") {
            assert!(!hanging.is_finished(), "{:?}", hanging.join());
            std::thread::sleep(Duration::from_millis(10));
        }
        // What ends would do so at once.
        std::thread::sleep(Duration::from_millis(200));
        assert!(!hanging.is_finished(), "{:?}", hanging.join());
    }
    Ok(())
}

/// Every operation that leads elsewhere has the code that the policy says, and nothing gets out.
#[test]
fn what_is_not_in_memory_ends_as_the_policy_says() -> Result<()> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n[dns]\n\
        deny-as = \"name-unresolvable\"\n[policy.deny-as-for]\nbind = \"address-in-use\"\n\
        connect = \"connection-refused\"\nsend = \"drop\"\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    for component in alone_and_shared(Guest::Probe2, policy)? {
        let run = Recording::new().run(
            &component,
            &[
                "resolve example.com",
                "tcp4",
                "connect 93.184.215.14:80",
                "tcp6",
                "bind [2606:2800::1]:80",
                "udp4",
                "bind 93.184.215.14:80",
                "bind 127.0.0.1:4000",
                "udp-connect 93.184.215.14:80",
                "stream",
                "send-to 93.184.215.14:80 lost",
                "send-to 127.0.0.1:4000 heard",
                "receive",
            ],
        )?;
        assert_eq!(
            run.results(),
            [
                "name-unresolvable",
                "ok",
                "connection-refused",
                "ok",
                "address-in-use",
                "ok",
                "address-in-use",
                "ok",
                "connection-refused",
                "ok",
                "ok",
                "ok",
                "heard from 127.0.0.1:4000",
            ]
        );
        assert_eq!(run.reached(), [""; 0]);
        assert_eq!(run.names, [""; 0]);
    }
    Ok(())
}
