//! The recording host and the probes by themselves: what the other tests rest on.

use anyhow::{Context, Result};
use sockvirt_tests::allowlist;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::names::Failure;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Run};
use std::net::SocketAddr;
use std::thread;

/// Runs a script on both probes, bare.
fn on_both(host: &Recording, script: &[&str], check: impl Fn(Guest, &Run)) -> Result<()> {
    for probe in Guest::PROBES {
        let run = host.run(&allowlist::bytes(probe)?, script);
        let run = run.with_context(|| probe.name())?;
        assert_eq!(run.lines().len(), script.len(), "{run:?}");
        check(probe, &run);
    }
    Ok(())
}

#[test]
fn tcp_reaches_the_host() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let script = [
        "tcp4",
        &format!("connect {echo}"),
        "hop-limit 7",
        "send hello",
        "receive",
        "remote",
        "send again",
        "shutdown",
        "receive-all",
        "drop",
    ];
    on_both(&Recording::new(), &script, |_, run| {
        let echo = echo.to_string();
        let expected = [
            "ok", "ok", "7", "ok", "hello", &echo, "ok", "ok", "again", "ok",
        ];
        assert_eq!(run.results(), expected);
        let connect = format!("tcp-connect {echo}");
        assert_eq!(run.reached(), ["tcp-bind 0.0.0.0:0", &connect]);
        assert!(run.names.is_empty());
    })
}

#[test]
fn servers_accept() -> Result<()> {
    for ip in ["127.0.0.1", "::1"] {
        let server = SocketAddr::new(ip.parse()?, peers::free_port(ip));
        let tcp = if server.is_ipv4() { "tcp4" } else { "tcp6" };
        let bind = format!("bind {server}");
        let script = [
            tcp,
            &bind,
            "listen",
            "local",
            "accept",
            "use 1",
            "receive",
            "send got it",
            "drop",
        ];
        for probe in Guest::PROBES {
            let client = thread::spawn(move || peers::ask(ip, server, "a question"));
            let run = Recording::new().run(&allowlist::bytes(probe)?, &script)?;
            assert_eq!(client.join().expect("no panic")?, "got it");
            assert_eq!(run.results()[6], "a question");
            let reached = run.reached();
            assert_eq!(reached[0], format!("tcp-bind {server}"));
            assert_eq!(reached[1], format!("tcp-listen {server}"));
            assert!(reached[2].starts_with("tcp-accept "), "{reached:?}");
        }
    }
    Ok(())
}

#[test]
fn datagrams_reach_the_host() -> Result<()> {
    let (one, two) = (
        peers::udp_echo_server("127.0.0.1"),
        peers::udp_echo_server("127.0.0.1"),
    );
    let script = [
        "udp4",
        "bind 127.0.0.1:0",
        &format!("send-to {one} one"),
        "receive",
        &format!("send-to {two} two"),
        "receive",
        &format!("udp-connect {one}"),
        "remote",
        "send three",
        "receive",
        &format!("send-to {two} four"),
        "stream",
        &format!("send-to {two} five"),
        "receive",
    ];
    on_both(&Recording::new(), &script, |_, run| {
        let from = |text: &str, peer: SocketAddr| format!("{text} from {peer}");
        let said = run.results();
        assert_eq!(said[3], from("one", one));
        assert_eq!(said[5], from("two", two));
        assert_eq!(said[7], one.to_string());
        assert_eq!(said[9], from("three", one));
        assert_eq!(said[10], "invalid-argument");
        assert_eq!(said[13], from("five", two));
        assert!(run.reached().contains(&format!("udp-send {one}")));
    })
}

#[test]
fn names_are_answered_from_the_table() -> Result<()> {
    let greeter = peers::greeter("127.0.0.1", "welcome");
    let host = Recording::new()
        .answering("db.test", ["127.0.0.2", "::1"])
        .answering("moves.test", ["127.0.0.2"])
        .answering("moves.test", ["127.0.0.3"])
        .answering("Up.test", ["127.0.0.1"])
        .failing("later.test", Failure::Temporary)
        .never_answering("never.test");
    let connect = format!("connect-name Up.test:{}", greeter.port());
    let script = [
        "resolve db.test",
        "resolve moves.test",
        "resolve moves.test",
        "resolve moves.test",
        "resolve later.test",
        "resolve up.test",
        "resolve 127.0.0.9",
        "abandon never.test",
        "resolve-many 3 .test",
        "resolve no name",
        &connect,
        "receive-all",
    ];
    on_both(&host, &script, |_, run| {
        let connected = format!("{greeter} ok");
        let expected = [
            "[127.0.0.2, ::1]",
            "[127.0.0.2]",
            "[127.0.0.3]",
            "[127.0.0.3]",
            "temporary-resolver-failure",
            "name-unresolvable",
            "[127.0.0.9]",
            "pending",
            "0",
            "invalid-argument",
            &connected,
            "welcome",
        ];
        assert_eq!(run.results(), expected);
        let asked = [
            "db.test",
            "moves.test",
            "moves.test",
            "moves.test",
            "later.test",
            "up.test",
            "127.0.0.9",
            "never.test",
            "n0.test",
            "n1.test",
            "n2.test",
            "no name",
            "Up.test",
        ];
        assert_eq!(run.names, asked);
    })
}

/// Scopes and flows get through, and what would leave the machine does not.
#[test]
fn addresses_arrive_whole() -> Result<()> {
    let script = [
        "udp6",
        "bind [::]:0",
        "send-to [fe80::1%1]:9#7 x",
        "tcp4",
        "connect 192.0.2.1:9",
    ];
    on_both(&Recording::new(), &script, |_, run| {
        assert_eq!(run.results()[2], "access-denied");
        assert_eq!(run.results()[4], "access-denied");
        let sent = run.checks[1].address;
        let SocketAddr::V6(sent) = sent else {
            panic!("{sent}");
        };
        assert_eq!((sent.scope_id(), sent.flowinfo()), (1, 7));
        assert_eq!(run.checks[3].to_string(), "tcp-connect 192.0.2.1:9");
    })
}

/// The probe of the standard library and the one with tokio.
#[test]
fn libraries_get_through() -> Result<()> {
    let (http, echo, udp) = (
        peers::http_server("127.0.0.1"),
        peers::echo_server("127.0.0.1"),
        peers::udp_echo_server("127.0.0.1"),
    );
    let host = Recording::new().answering("web.test", ["127.0.0.1"]);
    let get = format!("get web.test:{} /page", http.port());
    let ask = format!("ask 127.0.0.1:0 {udp} question");
    let run = host.run(&Guest::ProbeStd.build()?, &[&get, &ask])?;
    let answer = format!("question from {udp}");
    assert_eq!(run.results(), ["GET /page HTTP/1.1", &answer]);
    assert_eq!(run.names, ["web.test"]);

    let run = host.run(&Guest::Echo.build()?, &[&echo.to_string(), "20", "100000"])?;
    assert_eq!(run.outcome.stdout, "echoed 20\n");
    Ok(())
}
