//! Scripts that are played to programs, on Node.js and on wasmtime: the same script gives the same on
//! both.

use crate::node::{node, node_again};
use crate::python::{python, python_3};
use anyhow::{Context, Result, anyhow, ensure};
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests::{self, Guest};
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::script::{self, TALK, TALKS};
use std::fs;

type Test = fn() -> Result<()>;

pub(crate) const TESTS: [(&str, Test); 5] = [
    ("passes", passes),
    ("fails", fails),
    ("of_both", of_both),
    ("again_and_again", again_and_again),
    ("in_several_components", in_several_components),
];

/// How often the same script is played on Node.js.
const TIMES: usize = 20;

/// What came of a program: what it printed, the script's report, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    stdout: String,
    report: String,
    status: i32,
}

/// The report in what a program has written to standard error, where Node.js tells of its end as well.
fn reports(stderr: &str) -> String {
    let mut report = String::new();
    let mut is_in_one = false;
    for line in stderr.lines() {
        is_in_one = line.starts_with("FAIL ") || is_in_one && line.starts_with("  ");
        if is_in_one {
            report.push_str(line);
            report.push('\n');
        }
    }
    report
}

fn build(script: &str, program: &[u8]) -> Result<Vec<u8>> {
    let policy = Policy::from_toml(script).map_err(|e| anyhow!("{e}"))?;
    Ok(Virtualizer::new(policy).build(program)?.component)
}

/// What comes of the program in Python, which is the same on both.
fn play(change: impl Fn(&str) -> String) -> Result<Played> {
    let script = guests::folder().join("python/scripted.test.toml");
    let script = change(&fs::read_to_string(script)?);
    let component = build(&script, &python("scripted")?)?;
    let outcome = host::run(&component, Sockets::None).context("on wasmtime")?;
    let wasmtime = Played {
        report: reports(&outcome.stderr),
        stdout: outcome.stdout,
        status: outcome.status,
    };
    let run = node(&component).context("on Node.js")?;
    let node = Played {
        report: reports(&String::from_utf8_lossy(&run.output.stderr)),
        stdout: String::from_utf8(run.output.stdout)?,
        status: run.output.status.code().context("a signal ended it")?,
    };
    ensure!(
        wasmtime == node,
        "on wasmtime: {wasmtime:?}\non Node.js: {node:?}"
    );
    Ok(node)
}

/// `redis`, `http.client` and `smtplib`, as pip and Python have them.
fn passes() -> Result<()> {
    let end = play(str::to_owned)?;
    let expected =
        "cache: 'hello'\npage: b'page'\npage, cut off: IncompleteRead\nmail: {}\nnap: 30\n";
    ensure!(end.stdout == expected && end.status == 0, "{end:?}");
    ensure!(end.report.is_empty(), "{end:?}");
    Ok(())
}

/// A mail server that knows another sender.
fn fails() -> Result<()> {
    let end = play(|script| script.replace("a@here", "c@here"))?;
    ensure!(
        end.stdout.contains("mail: SMTPServerDisconnected"),
        "{end:?}"
    );
    ensure!(end.status == 1, "{end:?}");
    let report = "FAIL peer \"mail\" tcp 198.18.0.3:25, connection 1, step 4";
    ensure!(end.report.starts_with(report), "{end:?}");
    Ok(())
}

/// Peers for the sockets of 0.3, and for Python's own, which are of 0.2.
fn of_both() -> Result<()> {
    let script = r#"
schema = 1
[dns.hosts]
"one.test" = { answer = ["192.0.2.1"] }
[[peer]]
name = "one"
at = "tcp://one.test:80"
script = [{ expect = "question" }, { wait = "1m" }, { send = "one" }]
[[peer]]
name = "two"
at = "tcp://192.0.2.2:80"
script = [{ expect = "question" }, { wait = "1m" }, { send = "two" }]
"#;
    let program = python_3("both")?;
    let run =
        |script: &str| host::run_with(&build(script, &program)?, Sockets::None, &["both", "peers"]);
    let end = run(script)?;
    let expected = "peer of 0.2: b'one'\npeer of 0.3: b'two'\n";
    ensure!(end.stdout == expected && end.status == 0, "{end:?}");
    let end = run(&script.replace("two\"", "three\""))?;
    ensure!(
        end.status == 0 && end.stdout.contains("b'three'"),
        "{end:?}"
    );
    let end = run(&script.replace("send = \"two\"", "expect = \"more\""))?;
    ensure!(end.status == 1, "{end:?}");
    ensure!(end.stderr.contains("FAIL peer \"two\""), "{end:?}");
    Ok(())
}

/// The same script says the same each time, and the same on both, to the byte.
fn again_and_again() -> Result<()> {
    same_again(Guest::Dialogue, &TALKS)
}

/// The same for a component beside the one that is run, and one that only sleeps.
fn in_several_components() -> Result<()> {
    let told = TALKS.map(|it| format!("another: {it}"));
    let mut told: Vec<_> = told.iter().map(String::as_str).collect();
    told.extend(["sleeper: sleep 30000", "another: time"]);
    same_again(Guest::Ensemble, &told)
}

fn same_again(guest: Guest, told: &[&str]) -> Result<()> {
    let component = build(TALK, &guest.build()?)?;
    let wasmtime = script::run(&component, told).context("on wasmtime")?;
    let report = reports(&wasmtime.stderr);
    ensure!(
        report == wasmtime.stderr && !report.is_empty(),
        "{wasmtime:?}"
    );
    let run = node_again(&component, TIMES, told).context("on Node.js")?;
    let stderr = String::from_utf8(run.output.stderr)?;
    ensure!(
        run.output.status.code() == Some(wasmtime.status),
        "{stderr}"
    );
    let stdout = String::from_utf8(run.output.stdout)?;
    ensure!(stdout == wasmtime.stdout.repeat(TIMES), "{stdout}");
    ensure!(reports(&stderr) == report.repeat(TIMES), "{stderr}");
    Ok(())
}
