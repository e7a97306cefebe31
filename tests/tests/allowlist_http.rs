//! Programs that use `wasi:http` beside sockets: the policy is about their sockets alone, and what
//! it is not about is said.

use anyhow::Result;
use sockvirt::{Reach, check};
use sockvirt_tests::allowlist::{self, allow};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};

#[test]
fn requests_are_no_sockets() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let (greeter, elsewhere) = (greeter.to_string(), format!("127.0.0.1:{}", port ^ 1));
    let rules = allow(&format!("to = \"127.0.0.1\"\nport = {port}"));
    let component = allowlist::build(Guest::Web, &rules)?;
    for (to, connected) in [(&greeter, "Ok(())"), (&elsewhere, "Err(PermissionDenied)")] {
        let run = Recording::new().run(&component, &[to])?;
        let lines = run.lines();
        assert_eq!(lines[0], format!("connect: {connected}"));
        // That is what the host says of every request.
        assert!(lines[1].contains("HttpRequestDenied"), "{run:?}");
        let reached = run.reached_by(Use::TcpConnect);
        assert_eq!(reached.contains(to), *to == greeter);
    }
    Ok(())
}

#[test]
fn a_check_finds_requests() -> Result<()> {
    for rules in ["", &allow("to = \"127.0.0.1\"\nport = 9")] {
        let check = check(&allowlist::build(Guest::Web, rules)?)?;
        assert!(!check.passed());
        let [http] = &check.violations[..] else {
            panic!("{check:?}");
        };
        assert!(http.name.starts_with("wasi:http/outgoing-handler@"));
        assert_eq!(http.reach, Reach::Http);
        assert_eq!(check.allowed.is_empty(), rules.is_empty());
        assert!(check.allowed.iter().all(|it| it.reach == Reach::Sockets));
        assert!(check.enforced);
    }
    Ok(())
}

/// A handler sends nothing by itself: its sockets are all that can reach a network.
#[test]
fn a_handler_connects_where_the_policy_says() -> Result<()> {
    for (port, connected) in [(9, "ConnectionRefused"), (10, "PermissionDenied")] {
        let rules = allow(&format!("to = \"127.0.0.1\"\nport = {port}"));
        let component = allowlist::build(Guest::Http, &rules)?;
        let (answer, run) = Recording::new().serve(&component)?;
        assert_eq!(answer, format!("connect: Err({connected})\n"));
        let reached = run.reached_by(Use::TcpConnect);
        assert_eq!(reached.contains(&"127.0.0.1:9".to_owned()), port == 9);
        let check = check(&component)?;
        assert!(check.passed() && !check.allowed.is_empty(), "{check:?}");
    }
    Ok(())
}
