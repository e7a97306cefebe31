//! Scripts that are played to programs with sockets of WASI 0.2 and of 0.3.

use anyhow::Result;
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_tests::guests::{Guest, around_another, beside_another, running_second};
use sockvirt_tests::host::{self, Outcome, Sockets};
use sockvirt_tests::script::{DAY, PEERS_OF_BOTH, play, run_on_odd_clocks};
use std::collections::BTreeSet;

fn build(script: &str) -> Result<Vec<u8>> {
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Both.build()?)?;
    let report = built.report;
    assert_eq!(report.mode, Mode::Script);
    let said: BTreeSet<_> = report.imports.iter().map(|it| it.name.clone()).collect();
    let imports = sockvirt::inspect(&built.component)?.imports;
    assert_eq!(said, imports.into_iter().collect());
    Ok(built.component)
}

/// What the program does for an argument, on a host without sockets.
fn run(script: &str, argument: &str) -> Result<Outcome> {
    host::run_with(&build(script)?, Sockets::None, &[argument])
}

#[test]
fn both_ask_peers() -> Result<()> {
    let outcome = run(PEERS_OF_BOTH, "asks")?;
    let expected = "old: Ok(())\nanswer: Ok(\"+PONG\\r\\n\")\nleft: 0\nnew: Ok(\"+PONG\\r\\n\")\n\
        seconds: 11\nold: Ok((1, 192.0.2.53:53))\nsent: Ok(())\nnew: Ok([98])\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    Ok(())
}

/// The same where another one is beside it that has sockets, or inside of it, and where it is inside.
#[test]
fn both_ask_peers_wherever_they_are() -> Result<()> {
    let both = Guest::Both.build()?;
    let around = around_another(&both, &both)?;
    let expected = run(PEERS_OF_BOTH, "asks")?;
    let wrong = PEERS_OF_BOTH.replace("expect = \"new\"", "expect = \"old\"");
    for component in [&beside_another(&both)?, &around, &running_second(&around)?] {
        let run = |script: &str| -> Result<Outcome> {
            let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
            let built = Virtualizer::new(policy).build(component)?;
            let checked = sockvirt::check(&built.component)?;
            assert!(checked.passed() && checked.enforced, "{checked:?}");
            assert!(checked.script_digest.is_some(), "{checked:?}");
            host::run_with(&built.component, Sockets::None, &["asks"])
        };
        assert_eq!(run(PEERS_OF_BOTH)?, expected);
        let outcome = run(&wrong)?;
        assert!(
            outcome.stderr.starts_with("FAIL peer \"dns\""),
            "{outcome:?}"
        );
        assert_eq!(outcome.status, 1);
    }
    Ok(())
}

#[test]
fn clients_ask_both() -> Result<()> {
    let script = r#"
schema = 1
[[client]]
to = "tcp://127.0.0.1:80"
script = [{ send = "on", segment = 1 }, { wait = "1h" }, { send = "e.." }, { expect = "answer" }]
[[client]]
to = "tcp://127.0.0.1:81"
script = [{ send = "two.." }, { expect = "answer" }]
[[client]]
to = "tcp://127.0.0.1:82"
script = [{ wait = "2h" }, { send = "three" }, { expect = "answer" }]
[report]
when-done = "stay"
"#;
    let outcome = run(script, "serves")?;
    let expected = "old: Ok(\"one..\")\nold: Ok(\"two..\")\nnew: (5, 0)\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    Ok(())
}

/// A server that goes on for ever ends with its script, whatever it waits for.
#[test]
fn servers_end_with_their_script() -> Result<()> {
    let script = r#"
schema = 1
[[client]]
to = "tcp://127.0.0.1:80"
script = [{ expect = "old" }]
[[client]]
to = "tcp://127.0.0.1:82"
script = [{ wait = "1m" }, { expect = "new" }]
"#;
    for argument in ["for-ever-in-0.2", "for-ever-in-0.3"] {
        let outcome = run(script, argument)?;
        assert_eq!(
            (outcome.status, outcome.stderr.as_str()),
            (0, ""),
            "{argument}"
        );
        let outcome = run(&script.replace("new", "old"), argument)?;
        assert_eq!(outcome.status, 1, "{argument}: {outcome:?}");
        assert!(
            outcome.stderr.starts_with("FAIL client \"client 2\""),
            "{outcome:?}"
        );
    }
    Ok(())
}

#[test]
fn time_is_the_same_for_both() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nat = \"tcp://192.0.2.1:1\"\nconnections = \"0+\"\n\
        service = \"discard\"\n";
    let outcome = run(script, "naps")?;
    let expected = "date: 1767229260\nseconds: (60, 60)\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    Ok(())
}

/// The same with the host's clock: each waits on that of its own generation, and the script on either.
#[test]
fn both_go_by_the_hosts_clock() -> Result<()> {
    let component = build(&(PEERS_OF_BOTH.to_owned() + "[clock]\nmode = \"host\"\n"))?;
    let asked = run_on_odd_clocks(&component, &["asks"])?;
    let expected = "old: Ok(())\nanswer: Ok(\"+PONG\\r\\n\")\nleft: 0\nnew: Ok(\"+PONG\\r\\n\")\n\
        seconds: 22\nold: Ok((1, 192.0.2.53:53))\nsent: Ok(())\nnew: Ok([98])\n";
    assert_eq!(asked.stdout, expected, "{asked:?}");
    assert_eq!((asked.status, asked.stderr.as_str()), (0, ""));
    let script = "schema = 1\n[clock]\nmode = \"host\"\n";
    let naps = run_on_odd_clocks(&build(script)?, &["naps"])?;
    let expected = format!("date: {}\nseconds: (110, 110)\n", DAY * 86_400);
    assert_eq!((naps.status, naps.stdout), (0, expected));
    Ok(())
}

#[test]
fn what_went_wrong_is_told_whoever_it_was() -> Result<()> {
    for wrong in [
        "PONG\\r\\n\" }, { wait = \"2s\"",
        "PONG\\r\\n\" }, { wait = \"3s\"",
    ] {
        let script = PEERS_OF_BOTH.replace(&wrong.replace("PONG", "PING"), wrong);
        assert_ne!(script, PEERS_OF_BOTH);
        let ended = run(&script, "asks");
        let told = match &ended {
            Ok(outcome) => format!("{} {}", outcome.status, outcome.stderr),
            Err(e) => format!("{e:?}"),
        };
        assert!(
            told.contains("FAIL peer \"cache\" tcp 192.0.2.10:6379"),
            "{told}"
        );
        assert!(!told.starts_with('0'), "{told}");
    }
    Ok(())
}

/// A program that ends itself is not done with its script.
#[test]
fn an_exit_is_seen() -> Result<()> {
    let outcome = run(PEERS_OF_BOTH, "exits")?;
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("FAIL peer \"cache\""),
        "{outcome:?}"
    );
    Ok(())
}

#[test]
fn what_can_never_come_is_told() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"cache\"\nat = \"tcp://cache.test:6379\"\n\
        script = [{ expect = \"PING\\r\\n\" }, { hang = true }]\n";
    let outcome = run(script, "waits")?;
    let told = "FAIL the program waits for what can never happen\n  it waits for tcp ";
    assert!(outcome.stderr.starts_with(told), "{outcome:?}");
    assert_eq!(outcome.status, 1);
    Ok(())
}

/// The same by `sockvirt test`, where the script comes when the component is there.
#[test]
fn another_script_is_given() -> Result<()> {
    let report = play(Guest::Both, "a.toml", PEERS_OF_BOTH, &["asks"])?;
    assert_eq!(
        (report.status, report.to_string().as_str()),
        (Some(0), ""),
        "{report:?}"
    );
    let script = PEERS_OF_BOTH.replace("expect = \"new\"", "expect = \"old\"");
    let report = play(Guest::Both, "a.toml", &script, &["asks"])?;
    assert!(
        report.to_string().starts_with("FAIL peer \"dns\""),
        "{report:?}"
    );
    Ok(())
}

#[test]
fn the_script_is_the_one_that_it_says() -> Result<()> {
    let checked = sockvirt::check(&build(PEERS_OF_BOTH)?)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    assert!(checked.script_digest.is_some(), "{checked:?}");
    Ok(())
}

/// A program of 0.2 has sockets of both too. Those of 0.3 it must not wait for, as on any host.
#[test]
fn a_program_of_0_2_asks_peers_with_both() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"cache\"\nat = \"tcp://192.0.2.10:6379\"\n\
        [[peer.connection]]\nrepeat = 2\nscript = [{ expect = \"PING\\r\\n\" }, { wait = \"2s\" }, \
        { send = \"+PONG\\r\\n\", segment = 2, gap = \"1s\" }]\n";
    let asks = ["asks", "192.0.2.10:6379"];
    let said = "0.2: Ok(()) Ok(\"+PONG\\r\\n\")\n0.3: (0, \"+PONG\\r\\n\")\n";
    let built = |script: &str| -> Result<Vec<u8>> {
        let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
        let component = Virtualizer::new(policy)
            .build(&Guest::Mixed.build()?)?
            .component;
        let checked = sockvirt::check(&component)?;
        assert!(checked.passed() && checked.enforced, "{checked:?}");
        Ok(component)
    };
    let good = host::run_with(&built(script)?, Sockets::None, &asks)?;
    assert_eq!((good.stdout.as_str(), good.stderr.as_str()), (said, ""));
    assert_eq!(good.status, 0);
    let played = play(Guest::Mixed, "a.toml", script, &asks)?;
    assert!(played.passed(), "{played}");

    // Its second connection, which is of 0.3, is one that leaves a step.
    let more = script.replace("gap = \"1s\" }", "gap = \"1s\" }, { expect = \"more\" }");
    let told = "FAIL peer \"cache\" tcp 192.0.2.10:6379, connection 1, step 4";
    let bad = host::run_with(&built(&more)?, Sockets::None, &asks)?;
    assert_eq!((bad.stdout.as_str(), bad.status), (said, 1));
    assert!(bad.stderr.starts_with(told), "{bad:?}");
    let played = play(Guest::Mixed, "a.toml", &more, &asks)?;
    assert_eq!((played.status, played.failures.len()), (Some(1), 2));
    assert!(played.to_string().starts_with(told), "{played}");

    let waits = play(
        Guest::Mixed,
        "a.toml",
        script,
        &["waits", "192.0.2.10:6379"],
    )?;
    let why = waits.ended_by.as_deref().unwrap_or_default();
    assert!(why.contains("cannot block a synchronous task"), "{waits}");
    Ok(())
}

/// The same of one that has sockets of 0.3 alone, and nothing else that a script takes the place of.
#[test]
fn a_program_of_0_2_has_its_verdict_with_sockets_of_0_3_alone() -> Result<()> {
    for (expected, status) in [("question", 0), ("answer", 1)] {
        let script = format!(
            "schema = 1\n[[peer]]\nname = \"dns\"\nat = \"udp://192.0.2.53:53\"\n\
             script = [{{ expect = \"{expected}\" }}]\n"
        );
        let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
        let built = Virtualizer::new(policy).build(&Guest::Run2.build()?)?;
        let ended = host::run(&built.component, Sockets::None)?;
        let played = play(Guest::Run2, "a.toml", &script, &[])?;
        assert_eq!((ended.status, played.status), (status, Some(status)));
        let told = [ended.stderr, played.to_string()];
        let is_told = told.map(|it| it.starts_with("FAIL peer \"dns\""));
        assert_eq!(is_told, [status == 1; 2]);
        let rule = "[[allow]]\nto = \"203.0.113.9\"\nport = 1\nproto = \"udp\"\n";
        let policy = Policy::from_toml(&(script + rule)).map_err(|e| anyhow::anyhow!("{e}"))?;
        let built = Virtualizer::new(policy).build(&Guest::Run2.build()?)?;
        let checked = sockvirt::check(&built.component)?;
        assert!(checked.passed() && checked.enforced, "{checked:?}");
        let ended = host::run(&built.component, Sockets::DeniedAtOperation)?;
        assert_eq!(ended.status, status);
        assert_eq!(ended.stderr.matches("FAIL").count(), status as usize);
    }
    Ok(())
}

/// The clock of 0.2 and `exit` of both are the script's too where all sockets are of 0.3.
#[test]
fn a_clock_of_0_2_and_any_exit_are_the_scripts_beside_sockets_of_0_3() -> Result<()> {
    let run = |steps: &str, argument: &str| -> Result<Outcome> {
        let script = format!(
            "schema = 1\n[[peer]]\nname = \"p\"\nat = \"tcp://192.0.2.10:7\"\nscript = [{steps}]\n"
        );
        let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
        let built = Virtualizer::new(policy).build(&Guest::Naps3.build()?)?;
        let checked = sockvirt::check(&built.component)?;
        assert!(checked.passed() && checked.enforced, "{checked:?}");
        host::run_with(&built.component, Sockets::None, &[argument])
    };
    let good = "{ expect = \"hello\" }, { send = \"there\" }";
    let said = "(60, 60) (Ok(20454), 20454) [116, 104, 101, 114, 101]\n";
    for argument in ["", "exits", "exits-3"] {
        let outcome = run(good, argument)?;
        assert_eq!(
            (
                outcome.status,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (0, said, ""),
            "{argument}"
        );
        let outcome = run(&format!("{good}, {{ expect = \"more\" }}"), argument)?;
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.starts_with("FAIL peer \"p\""), "{outcome:?}");
    }
    Ok(())
}

/// Whoever has a clock of 0.3 beside sockets of 0.2 goes by the script's, whether it has anything else of
/// the network or not.
#[test]
fn no_clock_of_0_3_stays_the_hosts() -> Result<()> {
    let imports = r#"
        (import "wasi:sockets/network@0.2.6" (instance $network
            (export "network" (type (sub resource)))))
        (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
            (export "now" (func (result u64)))))"#;
    let alone = r#"
        (alias export $clock "now" (func $now))
        (core func (canon lower (func $now)))"#;
    let composed = r#"
        (component $talks
            (import "wasi:sockets/network@0.2.6" (instance
                (export "network" (type (sub resource))))))
        (instance (instantiate $talks
            (with "wasi:sockets/network@0.2.6" (instance $network))))
        (component $looks
            (import "wasi:clocks/monotonic-clock@0.3.0" (instance
                (export "now" (func (result u64))))))
        (instance (instantiate $looks
            (with "wasi:clocks/monotonic-clock@0.3.0" (instance $clock))))"#;
    for parts in [alone, composed] {
        let component = wat::parse_str(format!("(component {imports} {parts})"))?;
        let policy = Policy::from_toml(PEERS_OF_BOTH).map_err(|e| anyhow::anyhow!("{e}"))?;
        let built = Virtualizer::new(policy).build(&component)?;
        let imports = sockvirt::inspect(&built.component)?.imports;
        assert!(
            !imports.iter().any(|it| it.contains("clock")),
            "{imports:?}"
        );
        let checked = sockvirt::check(&built.component)?;
        assert!(checked.passed() && checked.enforced, "{checked:?}");
    }
    Ok(())
}

/// A clock of 0.3 that is waited for is refused where nothing would begin what has time pass.
#[test]
fn what_never_passes_is_refused() -> Result<()> {
    let waits = r#"(component
        (import "wasi:sockets/network@0.2.6" (instance (export "network" (type (sub resource)))))
        (import "wasi:clocks/monotonic-clock@0.3.0" (instance
            (export "wait-for" (func async (param "how-long" u64))))))"#;
    let policy = Policy::from_toml(PEERS_OF_BOTH).map_err(|e| anyhow::anyhow!("{e}"))?;
    let refused = Virtualizer::new(policy).build(&wat::parse_str(waits)?);
    let waits = refused.expect_err("it is refused").to_string();
    assert!(waits.contains("export `run` of 0.3"), "{waits}");
    Ok(())
}
