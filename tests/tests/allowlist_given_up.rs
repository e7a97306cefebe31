//! Calls of 0.3 that are given up while the host is at them, more of them than there may be at a
//! time. They leave room for the next one.

use anyhow::Result;
use sockvirt_tests::allowlist::{self, allow, local};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Run, Use};

/// More than the 1,024 that can be in flight.
const MANY: usize = 1_100;

/// Operations, each with what is to become of it.
type Script<'s> = &'s [(&'s str, &'s str)];

const GIVEN_UP: &str = "given up";
const OK: &str = "ok";

/// Runs one script many times, and then another.
fn give_up(host: &Recording, rules: &str, begun: Script<'_>, then: Script<'_>) -> Result<Run> {
    let script = [&begun.repeat(MANY)[..], then].concat();
    let (script, expected): (Vec<_>, Vec<_>) = script.into_iter().unzip();
    let run = allowlist::run(Guest::Probe3, host, rules, &script)?;
    let said = run.results();
    let wrong = (0..script.len()).find(|i| said[*i] != expected[*i]);
    assert_eq!(wrong.map(|i| (i, script[i], said[i])), None);
    Ok(run)
}

#[test]
fn lookups() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new()
        .never_answering("slow.test")
        .answering("db.test", ["127.0.0.1"]);
    let begun = [("give-up resolve slow.test", GIVEN_UP)];
    let connect = format!("connect-name db.test:{port}");
    let connected = format!("{greeter} ok");
    let then = [(&*connect, &*connected), ("receive-all", "welcome")];
    let run = give_up(&host, &local("*.test", port), &begun, &then)?;
    // What is given up was asked: it is the host that keeps it waiting.
    assert_eq!(run.names.len(), MANY + 1);
    Ok(())
}

#[test]
fn connects() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let waits = "127.0.0.2:9".parse()?;
    let host = Recording::new().never_deciding(waits);
    let rules = allow(&format!("to = \"loopback\"\nport = [9, {port}]"));
    let wait = format!("give-up connect {waits}");
    let begun = [("tcp4", OK), (&wait, GIVEN_UP), ("drop", OK)];
    let connect = format!("connect {greeter}");
    let then = [("tcp4", OK), (&connect, OK), ("receive-all", "welcome")];
    let run = give_up(&host, &rules, &begun, &then)?;
    let mut reached = vec![waits.to_string(); MANY];
    reached.push(greeter.to_string());
    assert_eq!(run.reached_by(Use::TcpConnect), reached);
    Ok(())
}

/// From sockets that go with them, and from one that stays.
#[test]
fn datagrams() -> Result<()> {
    let echo = peers::udp_echo_server("127.0.0.1");
    let waits = "127.0.0.2:9".parse()?;
    let host = Recording::new().never_deciding(waits);
    let rules = allow("to = \"loopback\"\nport = \"*\"\nop = [\"send\"]");
    let send = format!("give-up send-to {waits} lost");
    let given_up = [(&*send, GIVEN_UP), ("give-up receive", GIVEN_UP)];
    let create = [("udp4", OK), ("bind 0.0.0.0:0", OK)];
    let (send, answer) = (format!("send-to {echo} kept"), format!("kept from {echo}"));
    let talk = [(&*send, OK), ("receive", &answer)];

    let begun = [&create[..], &given_up, &[("drop", OK)]].concat();
    give_up(&host, &rules, &begun, &[&create[..], &talk].concat())?;
    let one = [&create[..], &given_up.repeat(MANY), &talk].concat();
    let (script, expected): (Vec<_>, Vec<_>) = one.into_iter().unzip();
    let run = allowlist::run(Guest::Probe3, &host, &rules, &script)?;
    assert_eq!(run.results(), expected);
    Ok(())
}
