//! How denied operations end in a policy that allows others, in both versions of WASI.

use anyhow::{Context, Result};
use sockvirt::policy::{Denial, Operation};
use sockvirt_tests::allowlist::{self, allow, deny, local, on_both};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};

/// An operation that [`policy`] denies.
struct Case {
    operation: Operation,
    /// What a deny rule says that is about it.
    rule: &'static str,
    /// What leads to it, and it.
    script: &'static [&'static str],
}

const CASES: [Case; 7] = [
    Case {
        operation: Operation::Connect,
        rule: "to = \"127.0.0.1\"\nport = 9\nproto = \"tcp\"",
        script: &["tcp4", "connect 127.0.0.1:9"],
    },
    Case {
        operation: Operation::Connect,
        rule: "to = \"127.0.0.1\"\nport = 10\nproto = \"udp\"",
        script: &["udp4", "bind 0.0.0.0:0", "udp-connect 127.0.0.1:10"],
    },
    Case {
        operation: Operation::Bind,
        rule: "to = \"127.0.0.1\"\nport = 11\nproto = \"tcp\"",
        script: &["tcp4", "bind 127.0.0.1:11"],
    },
    Case {
        operation: Operation::Bind,
        rule: "to = \"127.0.0.1\"\nport = 12\nproto = \"udp\"",
        script: &["udp4", "bind 127.0.0.1:12"],
    },
    Case {
        operation: Operation::Listen,
        rule: "to = \"127.0.0.1\"\nport = \"*\"",
        script: &["tcp4", "bind 127.0.0.1:0", "listen"],
    },
    Case {
        operation: Operation::Send,
        rule: "to = \"127.0.0.1\"\nport = 13",
        script: &["udp4", "bind 0.0.0.0:0", "send-to 127.0.0.1:13 x"],
    },
    Case {
        operation: Operation::Resolve,
        rule: "to = \"denied.test\"",
        script: &["resolve denied.test"],
    },
];

/// What says how a denied operation ends.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The deny rule that is about it.
    Rule,
    /// The policy, for what no rule allows.
    Default,
}

/// Settings that deny the cases like this, each as often as it is said, and rules that allow to
/// connect to one port and to bind any.
fn policy(by: By, port: u16, denials: impl Fn(Operation) -> Denial) -> String {
    let allowed = allow(&format!("to = \"127.0.0.1\"\nport = {port}"))
        + &allow("to = \"127.0.0.1\"\nport = 0\nop = [\"bind\"]")
        + &local("*.test", port);
    let resolve = denials(Operation::Resolve);
    match by {
        By::Rule => {
            let rules = CASES.map(|case| {
                let op = case.operation;
                let deny_as = denials(op);
                deny(&format!(
                    "{}\nop = [\"{op}\"]\ndeny-as = \"{deny_as}\"",
                    case.rule
                ))
            });
            allowed + &rules.concat()
        }
        By::Default => {
            let codes = CASES.map(|case| case.operation).into_iter();
            let mut codes: Vec<_> = codes.filter(|op| *op != Operation::Resolve).collect();
            codes.dedup();
            let codes = codes
                .iter()
                .map(|op| format!("{op} = \"{}\"\n", denials(*op)));
            let codes: String = codes.collect();
            let named = allowed.replace("*.test", "good.test");
            format!("[policy.deny-as-for]\n{codes}[dns]\ndeny-as = \"{resolve}\"\n{named}")
        }
    }
}

/// How many ways to deny the operation has that has most, but for a trap.
const MOST: usize = 5;

/// One of the ways to deny an operation but for a trap, so that [`MOST`] rounds try them all.
fn of_round(operation: Operation, round: usize) -> Denial {
    let fitting = Denial::fitting(operation).filter(|denial| *denial != Denial::Trap);
    let fitting: Vec<_> = fitting.collect();
    assert!(fitting.len() <= MOST);
    fitting[round % fitting.len()]
}

#[test]
fn operations_fail_as_the_policy_says() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new().answering("good.test", ["127.0.0.1"]);
    let connect = format!("connect {greeter}");
    let then = ["resolve good.test", "tcp4", &connect, "receive-all"];
    let script = [&CASES.map(|case| case.script).concat()[..], &then].concat();
    for by in [By::Rule, By::Default] {
        for round in 0..MOST {
            let rules = policy(by, port, |operation| of_round(operation, round));
            on_both(&host, &rules, &script, |run| {
                let mut said = run.results().into_iter();
                for case in CASES {
                    let (subject, before) = case.script.split_last().expect("it is not empty");
                    let before: Vec<_> = before.iter().zip(&mut said).collect();
                    assert!(before.iter().all(|(_, said)| *said == "ok"), "{before:?}");
                    let expected = match of_round(case.operation, round) {
                        Denial::Drop => "ok",
                        denial => denial.name(),
                    };
                    assert_eq!(said.next(), Some(expected), "{subject} by {by:?}");
                }
                let said: Vec<_> = said.collect();
                assert_eq!(said, ["[127.0.0.1]", "ok", "ok", "welcome"]);
                assert_eq!(run.names, ["good.test"]);
                assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
                for what in [Use::UdpSend, Use::TcpListen] {
                    assert!(run.reached_by(what).is_empty());
                }
            })?;
        }
    }
    Ok(())
}

/// What is allowed works; the first use that is denied is the last thing that the program does.
#[test]
fn a_denied_operation_traps_where_the_policy_says() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new().answering("good.test", ["127.0.0.1"]);
    let connect = format!("connect {greeter}");
    let first = ["resolve good.test", "tcp4", &connect, "receive-all"];
    for by in [By::Rule, By::Default] {
        let rules = policy(by, port, |_| Denial::Trap);
        for probe in Guest::PROBES {
            let component = allowlist::build(probe, &rules)?;
            let run = host.run(&component, &first)?;
            let named = || format!("{} by {by:?}", probe.name());
            assert_eq!(run.results()[2..], ["ok", "welcome"], "{}", named());
            for case in CASES {
                let script = [&first[..], case.script, &["tcp4"]].concat();
                let trapped = host.run(&component, &script);
                let trapped = trapped.err().with_context(named).context(case.operation)?;
                let trapped = format!("{trapped:?}");
                let (subject, before) = case.script.split_last().expect("it is not empty");
                for op in first.iter().chain(before) {
                    assert!(trapped.contains(&format!("{op} -> ")), "{trapped}");
                }
                assert!(!trapped.contains(&format!("{subject} -> ")), "{trapped}");
                let how = "wasm `unreachable` instruction executed";
                assert!(trapped.contains(how), "{trapped}");
            }
        }
    }
    Ok(())
}

/// Nor does it trap that somebody else sends what is not let in.
#[test]
fn what_comes_in_never_traps() -> Result<()> {
    for probe in Guest::PROBES {
        let (peer, talk) = peers::peer_and_stranger();
        let to = format!("to = \"127.0.0.1\"\nport = {}", peer.port());
        let rules = format!(
            "[policy]\ndeny-as = \"trap\"\n{}",
            allow(&format!("{to}\nop = [\"send\"]"))
        );
        let send = format!("send-to {peer} hello");
        let script = ["udp4", "bind 0.0.0.0:0", &send, "receive"];
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        talk.join().expect("no panic")?;
        assert_eq!(run.results()[3], format!("from a peer from {peer}"));
    }
    Ok(())
}
