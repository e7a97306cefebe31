//! The log of decisions, in both versions of WASI.

use anyhow::Result;
use serde_json::Value;
use sockvirt_tests::allowlist::on_both;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Run};

/// Rules with a name and without. The second's is to be quoted.
const RULES: &str = r#"
[[allow]]
id = "greeter"
proto = "tcp"
to = "127.0.0.1"
port = GREETER

[[allow]]
id = 'the "echo" \'
op = ["send"]
to = "127.0.0.1"
port = ECHO

[[allow]]
id = "serve"
op = ["listen"]
to = "127.0.0.1"
port = SERVER

[[allow]]
id = "named"
to = "*.test"
port = GREETER
resolves-to = ["loopback"]

[[deny]]
to = "127.0.0.9"
port = "*"
deny-as = "timeout"

[[deny]]
id = "gone"
op = ["resolve"]
to = "gone.test"
deny-as = "name-unresolvable"
"#;

/// Operations, and what is logged of each, if anything.
const SCRIPT: [(&str, &str); 22] = [
    ("tcp4", ""),
    (
        "connect 127.0.0.9:80",
        r#"{"op":"connect","proto":"tcp","to":"127.0.0.9:80","decision":"deny","as":"timeout","rule":"deny[1]"}"#,
    ),
    (
        "connect 127.0.0.1:9",
        r#"{"op":"connect","proto":"tcp","to":"127.0.0.1:9","decision":"deny","as":"access-denied","why":"no rule"}"#,
    ),
    (
        "connect 127.0.0.1:0",
        r#"{"op":"connect","proto":"tcp","to":"127.0.0.1:0","decision":"invalid","why":"not valid"}"#,
    ),
    (
        "connect 127.0.0.1:GREETER",
        r#"{"op":"connect","proto":"tcp","to":"127.0.0.1:GREETER","decision":"allow","rule":"greeter"}"#,
    ),
    ("receive-all", ""),
    (
        "resolve db.test",
        r#"{"op":"resolve","to":"db.test","decision":"allow","rule":"named"}"#,
    ),
    ("tcp4", ""),
    (
        "connect 127.0.0.2:GREETER",
        r#"{"op":"connect","proto":"tcp","to":"127.0.0.2:GREETER","decision":"allow","rule":"named"}"#,
    ),
    (
        "resolve GONE.test",
        r#"{"op":"resolve","to":"GONE.test","decision":"deny","as":"name-unresolvable","rule":"gone"}"#,
    ),
    (
        "resolve other.example",
        r#"{"op":"resolve","to":"other.example","decision":"deny","as":"permanent-resolver-failure","why":"no rule"}"#,
    ),
    (
        "resolve b\u{fc}\"cher\u{1}.test",
        r#"{"op":"resolve","to":"bü\"cher\u0001.test","decision":"invalid","why":"not valid"}"#,
    ),
    (
        "resolve ::1",
        r#"{"op":"resolve","to":"::1","decision":"allow","why":"literal"}"#,
    ),
    ("tcp4", ""),
    (
        "bind 127.0.0.1:SERVER",
        r#"{"op":"bind","proto":"tcp","to":"127.0.0.1:SERVER","decision":"allow","rule":"serve"}"#,
    ),
    (
        "listen",
        r#"{"op":"listen","proto":"tcp","to":"127.0.0.1:SERVER","decision":"allow","rule":"serve"}"#,
    ),
    ("udp4", ""),
    (
        "bind 0.0.0.0:0",
        r#"{"op":"bind","proto":"udp","to":"0.0.0.0:0","decision":"allow","why":"implicit bind"}"#,
    ),
    (
        "send-to 127.0.0.1:ECHO hi",
        r#"{"op":"send","proto":"udp","to":"127.0.0.1:ECHO","decision":"allow","rule":"the \"echo\" \\"}"#,
    ),
    (
        "receive",
        r#"{"op":"receive","proto":"udp","to":"127.0.0.1:ECHO","decision":"allow","why":"reply"}"#,
    ),
    (
        "send-to 127.0.0.1:9 x",
        r#"{"op":"send","proto":"udp","to":"127.0.0.1:9","decision":"deny","as":"access-denied","why":"no rule"}"#,
    ),
    (
        "udp-connect 192.168.0.1:80",
        r#"{"op":"connect","proto":"udp","to":"192.168.0.1:80","decision":"deny","as":"access-denied","why":"no rule"}"#,
    ),
];

/// Each line of standard error, which must be JSON.
fn logged(run: &Run) -> Vec<Value> {
    run.outcome.stderr.lines().map(json).collect()
}

fn json(line: &str) -> Value {
    let value = serde_json::from_str(line);
    value.unwrap_or_else(|e| panic!("{e}: {line}"))
}

/// What is logged of each operation is what is written above, and nothing else is.
#[test]
fn decisions_are_logged() -> Result<()> {
    let (_, greeter) = peers::welcome();
    let echo = peers::udp_echo_server("127.0.0.1").port();
    let server = peers::free_port("127.0.0.1");
    let fill = |text: &str| {
        [("GREETER", greeter), ("ECHO", echo), ("SERVER", server)]
            .iter()
            .fold(text.to_owned(), |text, (name, port)| {
                text.replace(name, &port.to_string())
            })
    };
    let script = SCRIPT.map(|(op, _)| fill(op));
    let script = script.each_ref().map(String::as_str);
    let lines = SCRIPT.iter().filter(|(_, line)| !line.is_empty());
    let all: Vec<_> = lines.map(|(_, line)| json(&fill(line))).collect();
    let denied = all
        .iter()
        .filter(|line| line["decision"] != "allow")
        .cloned();
    let denied: Vec<_> = denied.collect();
    let host = Recording::new().answering("db.test", ["127.0.0.2"]);
    for (log, expected) in [("all", all), ("denied", denied), ("none", vec![])] {
        let rules = format!("[policy]\nlog = \"{log}\"\n{}", fill(RULES));
        on_both(&host, &rules, &script, |run| {
            assert_eq!(logged(run), expected)
        })?;
    }
    Ok(())
}
