//! Programs that are server and client in one, on a network in memory.

use anyhow::Result;
use sockvirt::policy::LoopbackMode;
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::names::Failure;
use sockvirt_tests::recording::Recording;

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
