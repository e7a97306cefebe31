//! Real programs with real libraries against real servers, under a policy that lets them through
//! and under one that does not.

use anyhow::{Context, Result};
use sockvirt_tests::allowlist::{self, allow, bytes, everything};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers::{self, Redis};
use sockvirt_tests::recording::{Recording, Run, Use};
use std::net::SocketAddr;
use std::thread;

fn run(guest: Guest, host: &Recording, rules: &str, args: &[&str]) -> Result<Run> {
    host.run(&allowlist::build(guest, rules)?, args)
}

/// A rule that lets connect there.
fn to(address: SocketAddr) -> String {
    allow(&format!(
        "to = \"{}\"\nport = {}",
        address.ip(),
        address.port()
    ))
}

#[test]
fn redis_is_reached_by_address() -> Result<()> {
    let redis = Redis::start()?;
    let url = format!("redis://{}/", redis.address);
    let bare = Recording::new().run(&bytes(Guest::Redis)?, &[&url])?;
    let expected = "get: hello from a component\nincr: 41\nincr: 42\n\
                    pipeline: 300000 [\"a\", \"b\", \"c\"]\nlarge: true\n";
    assert_eq!(bare.outcome.stdout, expected, "{}", bare.outcome.stderr);

    // Another, which has counted nothing yet.
    let redis = Redis::start()?;
    let url = format!("redis://{}/", redis.address);
    let rules = to(redis.address);
    let allowed = run(Guest::Redis, &Recording::new(), &rules, &[&url])?;
    assert_eq!(allowed.outcome.stdout, expected, "{allowed:?}");
    assert_eq!(
        allowed.reached_by(Use::TcpConnect),
        [redis.address.to_string()]
    );
    Ok(())
}

#[test]
fn redis_is_reached_by_name() -> Result<()> {
    let redis = Redis::start()?;
    let port = redis.address.port();
    let host = Recording::new().answering("cache.test", ["127.0.0.1"]);
    let rules = allow(&format!(
        "to = \"*.test\"\nport = {port}\nresolves-to = [\"loopback\"]"
    ));
    let url = format!("redis://cache.test:{port}/");
    let allowed = run(Guest::Redis, &host, &rules, &[&url])?;
    assert!(
        allowed.outcome.stdout.ends_with("large: true\n"),
        "{allowed:?}"
    );
    assert_eq!(allowed.names, ["cache.test"]);
    Ok(())
}

#[test]
fn redis_on_another_port_is_not_reached() -> Result<()> {
    let redis = Redis::start()?;
    let mut elsewhere = redis.address;
    elsewhere.set_port(redis.address.port() ^ 1);
    let url = format!("redis://{}/", redis.address);
    let denied = run(Guest::Redis, &Recording::new(), &to(elsewhere), &[&url])?;
    assert_eq!(denied.outcome.status, 1, "{denied:?}");
    assert!(denied.outcome.stdout.starts_with("failed: "), "{denied:?}");
    assert!(denied.checks.is_empty(), "{denied:?}");
    Ok(())
}

#[test]
fn http_by_name_and_datagrams() -> Result<()> {
    let (web, dns) = (
        peers::http_server("127.0.0.1"),
        peers::udp_echo_server("127.0.0.1"),
    );
    let host = Recording::new()
        .answering("web.test", ["127.0.0.1"])
        .answering("api.web.test", ["127.0.0.1"]);
    let rules = allow(&format!(
        "to = \"web.test\"\nport = {}\nresolves-to = [\"loopback\"]",
        web.port()
    )) + &allow(&format!(
        "to = \"127.0.0.1\"\nport = {}\nop = [\"send\"]",
        dns.port()
    ));
    let script = [
        &format!("get web.test:{} /page", web.port()),
        &format!("get api.web.test:{} /page", web.port()),
        &format!("connect web.test:{}", web.port() ^ 1),
        &format!("ask 0.0.0.0:0 {dns} question"),
        "ask 0.0.0.0:0 127.0.0.1:9 question",
        "ask 127.0.0.1:0 127.0.0.1:9 question",
        "serve 127.0.0.1:0 1",
    ]
    .map(|op: &str| op.to_owned());
    let script: Vec<_> = script.iter().map(String::as_str).collect();
    let run = run(Guest::ProbeStd, &host, &rules, &script)?;
    let said = run.results();
    assert_eq!(said[0], "GET /page HTTP/1.1");
    assert_ne!(said[1], "GET /page HTTP/1.1");
    assert_eq!(said[2], "PermissionDenied");
    assert_eq!(said[3], format!("question from {dns}"));
    assert_eq!(said[4..], ["PermissionDenied"; 3]);
    assert!(run.names.iter().all(|name| name == "web.test"), "{run:?}");
    assert_eq!(run.reached_by(Use::TcpConnect), [web.to_string()]);
    assert_eq!(run.reached_by(Use::UdpSend), [dns.to_string()]);
    Ok(())
}

/// More at once than fits in any buffer.
#[test]
fn many_connections_at_once() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let args = [&*echo.to_string(), "50", "300000"];
    let allowed = run(Guest::Echo, &Recording::new(), &to(echo), &args)?;
    assert_eq!(allowed.outcome.stdout, "echoed 50\n");
    assert_eq!(allowed.reached_by(Use::TcpConnect).len(), 50);
    let denied = run(
        Guest::Echo,
        &Recording::new(),
        &allow("to = \"127.0.0.1\"\nport = 9"),
        &args,
    )?;
    let expected = "PermissionDenied\n".repeat(50) + "echoed 0\n";
    assert_eq!(denied.outcome.stdout, expected);
    assert!(denied.checks.is_empty());
    Ok(())
}

#[test]
fn a_server_in_the_standard_library() -> Result<()> {
    for (more, clients) in [
        ("", ["127.0.0.1", "127.0.0.2"]),
        ("from = [\"127.0.0.2\"]", ["127.0.0.2", "127.0.0.2"]),
    ] {
        let port = peers::free_port("127.0.0.1");
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let rules = allow(&format!(
            "to = \"127.0.0.1\"\nport = {port}\nop = [\"listen\"]\n{more}"
        ));
        let question = "x".repeat(200_000);
        let asked = question.clone();
        let clients = thread::spawn(move || -> Result<Vec<String>> {
            // Somebody whom only the first policy lets in, and who says nothing.
            let ask = |from: &&str| peers::ask(from, server, &asked);
            clients.iter().map(ask).collect()
        });
        let serve = format!("serve {server} 2");
        let run = run(Guest::ProbeStd, &Recording::new(), &rules, &[&serve])?;
        assert_eq!(run.results(), ["400000 bytes"]);
        assert_eq!(clients.join().expect("no panic")?, [&*question, &question]);
    }
    Ok(())
}

/// Every guest there is, under a policy that allows all: nothing but the components in between
/// tells it from the guest alone, neither to the program nor to the host.
#[test]
fn nothing_changes_where_all_is_allowed() -> Result<()> {
    for guest in Guest::COMMANDS {
        let bare = Recording::new().run(&bytes(guest)?, &[])?;
        let built = allowlist::build(guest, &everything()).with_context(|| guest.name())?;
        let built = Recording::new().run(&built, &[])?;
        let lines = settled(&bare).zip(settled(&built));
        for (number, (bare, built)) in lines.enumerate() {
            let (bare, built) = (without_ports(bare), without_ports(built));
            assert_eq!(bare, built, "{}, line {}", guest.name(), number + 1);
        }
        assert_eq!(bare.lines().len(), built.lines().len());
        assert_eq!(bare.outcome.status, built.outcome.status);
        let reached = |run: &Run| without_ports(&run.reached().join("\n"));
        assert_eq!(reached(&bare), reached(&built), "{}", guest.name());
        // Addresses, and what is no name, are answered before anybody is asked.
        let mut names = bare.names.clone();
        names.retain(|name| name == "example.com");
        assert_eq!(names, built.names, "{}", guest.name());
    }
    Ok(())
}

/// What is printed, less what depends on how fast a connection is refused: one guest asks without
/// waiting, and the standard library's timeout takes a refusal that is late for a success.
fn settled(run: &Run) -> impl Iterator<Item = &str> {
    let mut connecting = false;
    run.lines().into_iter().filter(move |line| {
        connecting = match *line {
            " connects" => true,
            line => connecting && !line.starts_with("udp "),
        };
        !connecting && !line.starts_with("connect timeout")
    })
}

/// The text, less the ports that the system chose.
fn without_ports(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let chosen = digits.parse().is_ok_and(|port: u16| port >= 32_768);
        words.push(match chosen {
            true => word.replacen(digits, "PORT", 1),
            false => word.to_owned(),
        });
    }
    words.concat()
}

/// A program may bring sockets of two versions. Each of them stands under the policy.
#[test]
fn no_version_of_sockets_gets_past() -> Result<()> {
    for guest in [Guest::Versions, Guest::Mixed, Guest::Composed] {
        let rules = allow("to = \"127.0.0.1\"\nport = 10");
        let run = run(guest, &Recording::new(), &rules, &[]).with_context(|| guest.name())?;
        assert!(run.outcome.stdout.contains("PermissionDenied"), "{run:?}");
        assert!(run.reached_by(Use::TcpConnect).is_empty(), "{run:?}");

        let rules = allow("to = \"127.0.0.1\"\nport = 9");
        let run = self::run(guest, &Recording::new(), &rules, &[])?;
        let reached = run.reached_by(Use::TcpConnect);
        assert!(!reached.is_empty(), "{run:?}");
        assert!(reached.iter().all(|to| to == "127.0.0.1:9"), "{run:?}");
        assert!(run.names.is_empty(), "{run:?}");
    }
    Ok(())
}
