//! Programs with sockets of WASI 0.2 and of 0.3 on one network in memory, beside the same programs on
//! the kernel's loopback.

use anyhow::Result;
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests::{Guest, around_another, beside_another, running_second};
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback::{as_on_a_host_with, build};
use sockvirt_tests::recording::Recording;

/// What the program does for an argument is as on a host, and says this.
fn same(argument: &str, expected: &str) -> Result<()> {
    let outcome = as_on_a_host_with(&Guest::Both.build()?, &[argument])?;
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

#[test]
fn a_client_of_0_2_asks_a_server_of_0_3() -> Result<()> {
    same("old-client", "client: Ok(\"answer\")")
}

#[test]
fn a_client_of_0_3_asks_a_server_of_0_2() -> Result<()> {
    same("new-client", "client: Ok(\"answer\")")
}

#[test]
fn more_than_buffers_hold() -> Result<()> {
    same("bulk", "bulk: (0, true, true, Ok(()), Ok(()))")
}

#[test]
fn each_end_says_when_nothing_more_comes() -> Result<()> {
    same("half", "answer: \"answer\"")
}

#[test]
fn an_end_goes_with_everything_on_its_way() -> Result<()> {
    same("queued", "from new: Ok(100000)")
}

#[test]
fn a_listener_goes_with_connections_that_nobody_took() -> Result<()> {
    same("unaccepted", "received: Err(ErrorCode::ConnectionReset)")
}

#[test]
fn the_old_wait_for_what_the_new_have_done() -> Result<()> {
    same("behind", "at the end: Ok(0)")
}

/// On a host that takes seconds: the kernel's clients try again after one.
#[test]
fn clients_wait_for_room() -> Result<()> {
    let built = build(&Guest::Both.build()?)?;
    let outcome = host::run_with(&built, Sockets::None, &["backlog"])?;
    assert_eq!(outcome.stdout, "connected: (200, 200)\n", "{outcome:?}");
    Ok(())
}

#[test]
fn datagrams() -> Result<()> {
    same("datagrams", "came: (60000, 7, true)")
}

#[test]
fn addresses_in_use() -> Result<()> {
    same("in-use", "udp of 0.3: Err(AddrInUse)")
}

#[test]
fn names_lead_to_the_same_addresses() -> Result<()> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n[dns.hosts]\n\
        \"cache.test\" = { answer = [\"127.0.0.2\", \"127.0.0.3\"] }\n\
        \"gone.test\" = { fail = \"name-unresolvable\" }\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Both.build()?)?;
    let outcome = host::run_with(&built.component, Sockets::None, &["names"])?;
    let expected = "127.0.0.1: Ok([\"127.0.0.1\"])\n".repeat(2)
        + &"cache.test: Ok([\"127.0.0.2\", \"127.0.0.3\"])\n".repeat(2)
        + "gone.test: Err(\"failed to lookup address information: Name does not resolve\")\n"
        + "gone.test: Err(ErrorCode::NameUnresolvable)\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    Ok(())
}

/// On a host this would wait for ever.
#[test]
fn what_can_never_come_is_told() -> Result<()> {
    let built = build(&Guest::Both.build()?)?;
    let ended = host::run_with(&built, Sockets::None, &["stuck"]).expect_err("it waits for ever");
    let told =
        "deadlock: nothing can happen any more on tcp 127.0.0.1:32769 -> 127.0.0.1:32768 (reading)";
    assert!(format!("{ended:?}").contains(told), "{ended:?}");
    Ok(())
}

/// What was built is known for what it is.
#[test]
fn the_policy_is_enforced() -> Result<()> {
    let checked = sockvirt::check(&build(&Guest::Both.build()?)?)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    Ok(())
}

/// Nobody gets at the network by asking for it.
#[test]
fn what_asks_for_the_network_is_refused() -> Result<()> {
    let asks = wat::parse_str(
        r#"(component
            (import "wasi:sockets/types@0.3.0" (instance))
            (import "sockvirt:network/hub" (instance)))"#,
    )?;
    let refused = build(&asks).expect_err("it is refused").to_string();
    assert!(refused.contains("`sockvirt:network/hub`"), "{refused}");
    Ok(())
}

/// Builds a component with a network in memory that answers a name.
fn build_with_a_name(component: &[u8]) -> Result<Vec<u8>> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n[dns.hosts]\n\
        \"db.test\" = { answer = [\"127.0.0.9\", \"::1\"] }\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(component)?;
    assert_eq!(built.report.network_imports().count(), 0);
    let checked = sockvirt::check(&built.component)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    Ok(built.component)
}

/// A component with sockets of 0.3, and two beside it with those of 0.2, however deep they are: each reaches
/// each.
#[test]
fn components_in_one_reach_each_other() -> Result<()> {
    let bare = Guest::Neighbours3.build()?;
    let host = Recording::new().answering("db.test", ["127.0.0.9", "::1"]);
    let refused = "nobody listens: Err(ErrorCode::ConnectionRefused)";
    // On the kernel's loopback somebody else may be given a port as soon as it is free: another test.
    let mut outcome = host.run(&bare, &[])?.outcome;
    for _ in 0..10 {
        if outcome.stdout.contains(refused) {
            break;
        }
        outcome = host.run(&bare, &[])?.outcome;
    }
    for line in [
        "another has its port: true",
        "it said: \"A QUESTION\"",
        "it said: \"AN ANSWER\"",
        "came back: (true, true)",
        "it finds: [\"127.0.0.9\", \"::1\"]",
        "they meet: true",
        refused,
    ] {
        assert!(outcome.stdout.contains(line), "{outcome:?}");
    }
    assert_eq!(outcome.status, 0);
    for component in [bare, Guest::Nested3.build()?] {
        assert_eq!(
            host::run(&build_with_a_name(&component)?, Sockets::None)?,
            outcome
        );
    }
    Ok(())
}

/// What is composed does not touch the sockets of a host that has them.
#[test]
fn nothing_of_it_reaches_the_host() -> Result<()> {
    let component = build_with_a_name(&Guest::Neighbours3.build()?)?;
    let run = Recording::new().run(&component, &[])?;
    assert_eq!(run.outcome.status, 0);
    assert_eq!(run.reached(), [""; 0]);
    assert_eq!(run.names, [""; 0]);
    Ok(())
}

/// One with sockets of both, beside another one that has them too, around one, and inside of one.
#[test]
fn the_same_wherever_it_is() -> Result<()> {
    let both = Guest::Both.build()?;
    let arguments = ["old-client", "new-client", "half", "datagrams", "in-use"];
    let outcome = as_on_a_host_with(&both, &arguments)?;
    let around = around_another(&both, &both)?;
    for component in [&beside_another(&both)?, &around, &running_second(&around)?] {
        let inside = host::run_with(&build(component)?, Sockets::None, &arguments)?;
        assert_eq!(inside, outcome);
    }
    Ok(())
}
