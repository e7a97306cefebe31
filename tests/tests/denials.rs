//! What a program sees of each way to deny, on a host without sockets.

use anyhow::{Context, Result};
use sockvirt::policy::{Denial, DenyAt, DenyRule, Operation, Policy};
use sockvirt::{BuildForecast, InputKind, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Outcome, Sockets};

fn run(guest: Guest, policy: Policy) -> Result<Outcome> {
    let built = Virtualizer::new(policy).build(&guest.build()?)?;
    host::run(&built.component, Sockets::None)
}

/// Denies an operation in one way, and all others as usual.
fn policy(operation: Operation, deny_as: Denial) -> Policy {
    let rule = DenyRule::new([operation], None, deny_as).expect("it fits");
    let policy = Policy::deny_all().with_deny_at(DenyAt::Operation);
    policy.with_rule(rule).expect("there is no other")
}

/// Every denial that an operation has is an error of its own to the standard library.
#[test]
fn connects_fail_as_the_policy_says() -> Result<()> {
    for (deny_as, kind) in [
        (Denial::AccessDenied, "PermissionDenied"),
        (Denial::ConnectionRefused, "ConnectionRefused"),
        (Denial::RemoteUnreachable, "HostUnreachable"),
        (Denial::Timeout, "TimedOut"),
        (Denial::ConnectionReset, "ConnectionReset"),
    ] {
        let outcome = run(Guest::Std, policy(Operation::Connect, deny_as))?;
        for line in ["connect v4", "connect v6", "connect timeout"] {
            let expected = format!("{line}: {kind} ");
            assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
        }
        assert!(
            outcome.stdout.contains("listen v4: PermissionDenied"),
            "{}",
            outcome.stdout
        );
    }
    Ok(())
}

#[test]
fn binds_fail_as_the_policy_says() -> Result<()> {
    for (deny_as, kind) in [
        (Denial::AddressInUse, "AddrInUse"),
        (Denial::AddressNotBindable, "AddrNotAvailable"),
    ] {
        let outcome = run(Guest::Std, policy(Operation::Bind, deny_as))?;
        for line in ["listen v4", "listen v6", "udp v4", "udp v6"] {
            let expected = format!("{line}: {kind} ");
            assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
        }
        assert!(
            outcome.stdout.contains("connect v4: PermissionDenied"),
            "{}",
            outcome.stdout
        );
    }
    Ok(())
}

#[test]
fn lookups_fail_as_the_policy_says() -> Result<()> {
    for (deny_as, code) in [
        (Denial::AccessDenied, "access-denied"),
        (Denial::NameUnresolvable, "name-unresolvable"),
        (
            Denial::TemporaryResolverFailure,
            "temporary-resolver-failure",
        ),
        (
            Denial::PermanentResolverFailure,
            "permanent-resolver-failure",
        ),
    ] {
        let policy = Policy::deny_all().with_dns_deny_as(deny_as)?;
        let outcome = run(Guest::Wasip2, policy.clone())?;
        let lookups: Vec<_> = outcome
            .stdout
            .lines()
            .filter(|line| line.starts_with("lookup "))
            .collect();
        assert_eq!(lookups.len(), 4);
        let name = format!("name: \"{code}\"");
        assert!(
            lookups.iter().all(|line| line.contains(&name)),
            "{lookups:?}"
        );

        let outcome = run(Guest::Wasip3, policy)?;
        let code = code.replace('-', "").to_lowercase();
        let lookup = outcome
            .stdout
            .lines()
            .next()
            .context("it prints")?
            .to_lowercase();
        assert!(lookup.contains(&code), "{lookup}");
    }
    Ok(())
}

/// The operations that only 0.3 can get to while nothing may be bound.
#[test]
fn listens_and_sends_fail_as_the_policy_says() -> Result<()> {
    let listens = run(
        Guest::Wasip3,
        policy(Operation::Listen, Denial::AddressInUse),
    )?;
    assert!(
        listens
            .stdout
            .contains("listen: Err(ErrorCode::AddressInUse)"),
        "{}",
        listens.stdout
    );
    let sends = run(Guest::Wasip3, policy(Operation::Send, Denial::Drop))?;
    assert!(
        sends.stdout.contains("\nsend: Ok(())\n"),
        "{}",
        sends.stdout
    );
    assert!(
        sends
            .stdout
            .contains("send nowhere: Err(ErrorCode::InvalidArgument)")
    );
    assert!(
        sends
            .stdout
            .contains("send large: Err(ErrorCode::DatagramTooLarge)")
    );
    Ok(())
}

#[test]
fn nothing_traps_unless_asked_to() -> Result<()> {
    let policies = [
        Policy::deny_all().with_deny_as(Denial::Trap)?,
        Policy::deny_all().with_dns_deny_as(Denial::Trap)?,
        policy(Operation::Connect, Denial::Trap),
        policy(Operation::Bind, Denial::Trap),
    ];
    for guest in [Guest::Std, Guest::Wasip2, Guest::Wasip3] {
        for policy in &policies {
            let trapped = match run(guest, policy.clone()) {
                Ok(outcome) => anyhow::bail!("{} ran on: {outcome:?}", guest.name()),
                Err(e) => format!("{e:?}"),
            };
            assert!(
                trapped.contains("wasm `unreachable` instruction executed"),
                "{trapped}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_preview1_module_becomes_a_component_without_sockets() -> Result<()> {
    let module = Guest::Preview1.build()?;
    let inspection = sockvirt::inspect(&module)?;
    assert_eq!(inspection.kind, InputKind::Preview1Module);
    assert_eq!(inspection.build, BuildForecast::Adapt);
    let built = Virtualizer::new(Policy::deny_all()).build(&module)?;
    assert!(built.report.adapted);
    assert!(
        built
            .report
            .notes
            .iter()
            .any(|note| note.contains("wasm32-wasip2"))
    );
    let outcome = host::run(&built.component, Sockets::None)?;
    assert!(
        outcome
            .stdout
            .starts_with("hello from a program with sockets\n")
    );
    assert!(
        outcome.stdout.contains("connect v4: Unsupported"),
        "{}",
        outcome.stdout
    );
    // The program exits with 8, and the adapter's `exit` of WASI 0.2.0 knows only success and failure.
    assert_eq!(outcome.status, 1);
    Ok(())
}
