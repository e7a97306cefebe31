//! Ways around an allowlist of names, each of them tried in both versions of WASI.

use anyhow::Result;
use sockvirt_tests::allowlist::{self, allow, deny, on_both};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::names::Failure;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Run, Use};
use std::net::SocketAddr;

/// A rule for a name whose addresses are on loopback.
fn local(name: &str, port: u16) -> String {
    let to = format!("to = \"{name}\"\nport = {port}");
    allow(&format!(
        "{to}\nop = [\"connect\"]\nresolves-to = [\"loopback\"]"
    ))
}

/// A rule for a name that is to be a public one.
fn public(name: &str) -> String {
    allow(&format!("to = \"{name}\"\nport = 443\nop = [\"connect\"]"))
}

fn greeter() -> (SocketAddr, u16) {
    let greeter = peers::greeter("127.0.0.1", "welcome");
    (greeter, greeter.port())
}

#[test]
fn a_name_that_is_allowed_is_looked_up_and_reached() -> Result<()> {
    let (greeter, port) = greeter();
    let host = Recording::new().answering("db.test", ["127.0.0.1"]);
    let script = [&format!("connect-name db.test:{port}"), "receive-all"];
    on_both(&host, &local("db.test", port), &script, |run| {
        assert_eq!(run.results(), [&format!("{greeter} ok"), "welcome"]);
        assert_eq!(run.names, ["db.test"]);
        assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
    })
}

#[test]
fn a_name_allows_no_other_port_and_no_other_protocol() -> Result<()> {
    let (_, port) = greeter();
    let host = Recording::new().answering("db.test", ["127.0.0.1"]);
    let rules = format!(
        "{}proto = \"tcp\"\n{}",
        local("db.test", port),
        local("b.test", 9)
    );
    let script = [
        &format!("connect-name db.test:{}", port ^ 1),
        "udp4",
        "bind 0.0.0.0:0",
        &format!("send-to 127.0.0.1:{port} x"),
    ];
    on_both(&host, &rules, &script, |run| {
        let denied = format!("127.0.0.1:{} access-denied", port ^ 1);
        assert_eq!(run.results()[0], denied);
        assert_eq!(run.results()[3], "access-denied");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
        assert!(run.reached_by(Use::UdpSend).is_empty());
    })
}

#[test]
fn nothing_is_reached_before_it_is_learned() -> Result<()> {
    let (greeter, port) = greeter();
    let host = Recording::new().answering("db.test", ["127.0.0.1"]);
    let connect = format!("connect {greeter}");
    let script = ["tcp4", &connect, "resolve db.test", &connect];
    on_both(&host, &local("db.test", port), &script, |run| {
        let expected = ["ok", "access-denied", "[127.0.0.1]", "ok"];
        assert_eq!(run.results(), expected);
        assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
    })
}

#[test]
fn looking_an_address_up_teaches_nothing() -> Result<()> {
    let (greeter, port) = greeter();
    let rules = local("**.test", port) + &public("*.example");
    let connect = format!("connect {greeter}");
    let script = ["resolve 127.0.0.1", "tcp4", &connect, "resolve ::1", "tcp6"];
    on_both(&Recording::new(), &rules, &script, |run| {
        assert_eq!(run.results()[0], "[127.0.0.1]");
        assert_eq!(run.results()[2], "access-denied");
        assert_eq!(run.results()[3], "[::1]");
        assert!(run.names.is_empty());
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// What a resolver might read as a number is no name, whatever the rules say of names.
#[test]
fn a_number_is_no_name() -> Result<()> {
    let rules = allow("to = \"*\"\nport = \"*\"") + &local("**.test", 80);
    let script = [
        "resolve 2130706433",
        "resolve 0x7f000001",
        "resolve 017700000001",
        "resolve 127.1",
        "resolve 127.0.1",
        "resolve 0x7f.1",
        "resolve 0177.0.0.1",
        "resolve 0x7f.0.0.0x1",
        "resolve ::ffff:127.0.0.1",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        for (op, result) in script.iter().zip(run.results()) {
            assert_eq!(result, "invalid-argument", "{op}");
        }
        assert!(run.names.is_empty());
    })
}

/// The rule's name is in the hands of somebody else, who answers with what is inside.
#[test]
fn an_answer_that_points_inside_is_left_out() -> Result<()> {
    let inside = [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "64:ff9b::a9fe:a9fe",
    ];
    let host = Recording::new()
        .answering("evil.test", inside)
        .answering("mixed.test", ["127.0.0.1", "93.184.216.34", "10.0.0.1"]);
    let mut script = vec![
        "resolve evil.test".to_owned(),
        "resolve mixed.test".to_owned(),
    ];
    for ip in inside {
        let (tcp, ip) = match ip.contains(':') {
            true => ("tcp6", format!("[{ip}]")),
            false => ("tcp4", ip.to_owned()),
        };
        script.extend([tcp.to_owned(), format!("connect {ip}:443")]);
    }
    let script: Vec<_> = script.iter().map(String::as_str).collect();
    on_both(&host, &public("*.test"), &script, |run| {
        let evil = run.results()[0];
        assert!(["[]", "name-unresolvable"].contains(&evil), "{evil}");
        assert_eq!(run.results()[1], "[93.184.216.34]");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// A name may be said to live in one range, and is not let into another.
#[test]
fn a_name_stays_where_it_resolves_to() -> Result<()> {
    let host = Recording::new().answering("db.test", ["10.1.1.1", "127.0.0.1", "192.168.1.1"]);
    let to = "to = \"db.test\"\nport = 5432\nresolves-to = [\"10.0.0.0/8\"]";
    let script = [
        "resolve db.test",
        "tcp4",
        "connect 127.0.0.1:5432",
        "connect 192.168.1.1:5432",
        "connect 10.1.1.1:5432",
    ];
    on_both(&host, &allow(to), &script, |run| {
        assert_eq!(run.results()[0], "[10.1.1.1]");
        assert_eq!(run.reached_by(Use::TcpConnect), ["10.1.1.1:5432"]);
    })
}

/// What was good at the first lookup does not vouch for what the second one says.
#[test]
fn a_changed_answer_is_looked_at_again() -> Result<()> {
    let (_, port) = greeter();
    let host = Recording::new()
        .answering("moves.test", ["127.0.0.1"])
        .answering("moves.test", ["169.254.169.254", "127.0.0.2"]);
    let script = [
        "resolve moves.test",
        "tcp4",
        &format!("connect 127.0.0.2:{port}"),
        "resolve moves.test",
        &format!("connect 169.254.169.254:{port}"),
        &format!("connect 127.0.0.2:{port}"),
        "tcp4",
        // The first answer still holds: connections may outlive an address.
        &format!("connect 127.0.0.1:{port}"),
    ];
    on_both(&host, &local("moves.test", port), &script, |run| {
        let said = run.results();
        assert_eq!(said[2], "access-denied");
        assert_eq!(said[3], "[127.0.0.2]");
        assert_eq!(said[4], "access-denied");
        assert_eq!(said[7], "ok");
        let reached = [2, 1].map(|last| format!("127.0.0.{last}:{port}"));
        assert_eq!(run.reached_by(Use::TcpConnect), reached);
    })
}

/// A thousand addresses are remembered, not ten thousand; nothing that is open is cut.
#[test]
fn ten_thousand_names_do_not_cut_a_connection() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let port = echo.port();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("*.many.test", ["127.0.0.3"]);
    let rules = local("db.test", port) + &local("*.many.test", 9);
    let again = format!("connect {echo}");
    let script = [
        &format!("connect-name db.test:{port}"),
        "send before",
        "receive",
        "resolve-many 10000 .many.test",
        "send after",
        "receive",
        "tcp4",
        &again,
        "resolve db.test",
        &again,
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert_eq!(said[2], "before");
        assert_eq!(said[3], "10000");
        assert_eq!(said[5], "after");
        // It was the oldest, and is forgotten until it is asked for again.
        assert_eq!(said[7..], ["access-denied", "[127.0.0.1]", "ok"]);
        assert_eq!(run.names.len(), 10_002);
    })
}

#[test]
fn case_and_a_last_dot_make_no_other_name() -> Result<()> {
    let host = Recording::new().answering("db.test", ["127.0.0.1"]);
    let rules =
        local("DB.Test", 80) + &deny("to = \"Secret.Test\"\nport = \"*\"") + &local("*.test", 80);
    let script = [
        "resolve DB.test",
        "resolve db.TEST.",
        "resolve SECRET.test",
        "resolve secret.test.",
        "resolve db.test..",
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert_eq!(said[..2], ["[127.0.0.1]", "[127.0.0.1]"]);
        assert_eq!(said[2], said[3]);
        assert_ne!(said[2], "name-unresolvable", "the host was asked");
        assert_eq!(said[4], "invalid-argument");
        assert_eq!(run.names, ["db.test", "db.test"]);
    })
}

/// Looks names up of which the policy denies every one.
fn none_is_asked_for(rules: &str, code: &str, names: &[&str]) -> Result<()> {
    let script: Vec<_> = names.iter().map(|name| format!("resolve {name}")).collect();
    let script: Vec<_> = script.iter().map(String::as_str).collect();
    on_both(&Recording::new(), rules, &script, |run: &Run| {
        for (op, result) in script.iter().zip(run.results()) {
            assert_eq!(result, code, "{op}");
        }
        assert!(run.names.is_empty());
    })
}

const DENIED: &str = "permanent-resolver-failure";

#[test]
fn a_pattern_matches_whole_labels() -> Result<()> {
    let rules = public("*.example.com");
    let names = [
        "evilexample.com",
        "example.com",
        "a.b.example.com",
        "example.com.evil.test",
        "a.example.com.evil.test",
        "com",
    ];
    none_is_asked_for(&rules, DENIED, &names)?;
    none_is_asked_for(
        &public("**.example.com"),
        DENIED,
        &["evilexample.com", "example.com"],
    )?;
    let host = Recording::new().answering("a.b.example.com", ["93.184.216.34"]);
    on_both(
        &host,
        &public("**.example.com"),
        &["resolve a.b.example.com"],
        |run| {
            assert_eq!(run.results(), ["[93.184.216.34]"]);
        },
    )
}

/// Some resolvers take these for dots and letters.
#[test]
fn a_name_that_is_not_ascii_is_invalid() -> Result<()> {
    let rules = public("*.test") + &allow("to = \"*\"\nport = \"*\"");
    let names = [
        "db\u{3002}test",
        "db\u{ff0e}test",
        "db\u{ff61}test",
        "\u{ff44}b.test",
        "b\u{fc}cher.test",
        "a b.test",
        ".test",
        "a..test",
        "a/b.test",
        "a%2etest",
        "",
    ];
    none_is_asked_for(&rules, "invalid-argument", &names)
}

#[test]
fn a_denied_name_never_reaches_the_resolver() -> Result<()> {
    let names = ["exfiltrated-secret.evil.test", "other.test", "localhost"];
    none_is_asked_for(&public("db.test"), DENIED, &names)?;
    let chosen = format!(
        "[dns]\ndeny-as = \"name-unresolvable\"\n{}",
        public("db.test")
    );
    none_is_asked_for(&chosen, "name-unresolvable", &names)?;
    let ruled = public("**.test") + &deny("to = \"**.evil.test\"\nop = [\"resolve\"]");
    none_is_asked_for(&ruled, DENIED, &names[..1])?;
    let abandoned = ["abandon other.test", "resolve other.test"];
    on_both(&Recording::new(), &public("db.test"), &abandoned, |run| {
        assert!(run.names.is_empty());
    })
}

/// A deny by address holds for what a name leads to.
#[test]
fn a_denied_address_has_no_names() -> Result<()> {
    let (_, port) = greeter();
    let host = Recording::new().answering("db.test", ["127.0.0.2", "127.0.0.1"]);
    let rules = local("db.test", port) + &deny("to = \"127.0.0.1\"\nport = \"*\"");
    let script = [
        "resolve db.test",
        "tcp4",
        &format!("connect 127.0.0.1:{port}"),
    ];
    on_both(&host, &rules, &script, |run| {
        assert_eq!(run.results()[0], "[127.0.0.2]");
        assert_eq!(run.results()[2], "access-denied");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

#[test]
fn lookups_fail_as_the_host_says() -> Result<()> {
    let host = Recording::new()
        .failing("later.test", Failure::Temporary)
        .failing("never.test", Failure::Permanent)
        .answering("db.test", ["127.0.0.1"])
        .answering("empty.test", []);
    let script = [
        "resolve later.test",
        "resolve never.test",
        "resolve gone.test",
        "resolve empty.test",
        "resolve db.test",
    ];
    on_both(&host, &local("*.test", 80), &script, |run| {
        let said = run.results();
        assert_eq!(said[0], "temporary-resolver-failure");
        assert_eq!(said[1], "permanent-resolver-failure");
        assert_eq!(said[2], "name-unresolvable");
        assert!(
            ["[]", "name-unresolvable"].contains(&said[3]),
            "{}",
            said[3]
        );
        assert_eq!(said[4], "[127.0.0.1]");
        assert_eq!(run.names.len(), script.len());
    })
}

/// Two thousand lookups that nobody waits for, one that never ends among them, leave room for the
/// next one.
#[test]
fn lookups_that_are_given_up_leave_nothing_behind() -> Result<()> {
    let host = Recording::new()
        .never_answering("slow.test")
        .answering("db.test", ["127.0.0.1"]);
    let mut script = ["abandon slow.test", "abandon db.test"].repeat(1_000);
    script.push("resolve db.test");
    let rules = local("*.test", 80);
    let run = allowlist::run(Guest::Probe2, &host, &rules, &script)?;
    let said = run.results();
    assert_eq!(said.last(), Some(&"[127.0.0.1]"));
    assert!(said[..2_000].iter().all(|said| *said == "pending"));
    Ok(())
}

#[test]
fn names_of_the_file_are_answered_inside() -> Result<()> {
    let (greeter, port) = greeter();
    for mode in ["learn", "static"] {
        let rules = format!(
            "[dns]\nmode = \"{mode}\"\n[dns.hosts]\n\
             \"db.test\" = {{ answer = [\"127.0.0.1\"] }}\n\
             \"two.test\" = {{ answer = [\"192.0.2.1\", \"2001:db8::1\"] }}\n\
             \"gone.test\" = {{ fail = \"name-unresolvable\" }}\n{}",
            local("db.test", port)
        );
        let script = [
            &format!("connect-name db.test:{port}"),
            "resolve two.test",
            "resolve GONE.test.",
            "resolve other.example",
        ];
        on_both(&Recording::new(), &rules, &script, |run| {
            let expected = [
                &format!("{greeter} ok"),
                "[192.0.2.1, 2001:db8::1]",
                "name-unresolvable",
                DENIED,
            ];
            assert_eq!(run.results(), expected);
            assert!(run.names.is_empty());
        })?;
    }
    Ok(())
}

#[test]
fn modes_that_do_not_ask_do_not_ask() -> Result<()> {
    for mode in ["off", "static"] {
        let rules = format!("[dns]\nmode = \"{mode}\"\n{}", public("*.test"));
        none_is_asked_for(&rules, DENIED, &["db.test", "localhost", "db.test."])?;
    }
    Ok(())
}

/// Programs see addresses of the adapter's own; what they stand for is not to be had by itself.
#[test]
fn virtual_names_hide_their_addresses() -> Result<()> {
    let (greeter, port) = greeter();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("neighbour.test", ["127.0.0.1"])
        .answering("inside.test", ["169.254.169.254"]);
    let rules = format!(
        "[dns]\nmode = \"virtual\"\n{}{}",
        local("db.test", port),
        local("neighbour.test", port ^ 1)
    ) + &local("inside.test", 80);
    let script = [
        "resolve db.test",
        "tcp4",
        &format!("connect {greeter}"),
        &format!("connect-name neighbour.test:{port}"),
        &format!("connect-name db.test:{port}"),
        "receive-all",
        "resolve inside.test",
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert!(said[0].starts_with("[198.1"), "{}", said[0]);
        assert_eq!(said[2], "access-denied");
        assert!(said[3].ends_with(" access-denied"), "{}", said[3]);
        assert!(
            said[4].starts_with("198.1") && said[4].ends_with(" ok"),
            "{}",
            said[4]
        );
        assert_eq!(said[5], "welcome");
        assert!(!said[6].contains("169.254"), "{}", said[6]);
        assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
    })
}

/// What is dialled is what was checked: an answer that turns bad does not lead there.
#[test]
fn a_virtual_name_that_turns_bad_leads_nowhere_bad() -> Result<()> {
    let (_, port) = greeter();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("db.test", ["169.254.169.254"]);
    let rules = format!("[dns]\nmode = \"virtual\"\n{}", local("db.test", port));
    let connect = format!("connect-name db.test:{port}");
    let script = [&*connect, "receive-all", &connect];
    on_both(&host, &rules, &script, |run| {
        assert_eq!(run.results()[1], "welcome");
        let reached = run.reached_by(Use::TcpConnect);
        let good = format!("127.0.0.1:{port}");
        assert!(
            reached.iter().all(|address| *address == good),
            "{reached:?}"
        );
    })
}

#[test]
fn a_redirect_is_the_only_way_to_its_target() -> Result<()> {
    let (greeter, port) = greeter();
    let rules = format!(
        "[[redirect]]\nid = \"sidecar\"\nfrom = \"tcp://metrics.internal:9000\"\nto = \"{greeter}\"\n\
         [[redirect]]\nfrom = \"tcp://127.0.0.5:9001\"\nto = \"{greeter}\"\n"
    );
    let script = [
        "connect-name metrics.internal:9000",
        "receive-all",
        "tcp4",
        "connect 127.0.0.5:9001",
        "receive-all",
        "tcp4",
        &format!("connect {greeter}"),
        &format!("connect-name metrics.internal:{port}"),
        "tcp4",
        "connect 127.0.0.5:9000",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let said = run.results();
        assert!(said[0].ends_with(" ok"), "{}", said[0]);
        assert_eq!(said[1], "welcome");
        assert_eq!(said[3..5], ["ok", "welcome"]);
        assert_eq!(said[6], "access-denied");
        assert!(said[7].ends_with(" access-denied"), "{}", said[7]);
        assert_eq!(said[9], "access-denied");
        let reached = [greeter.to_string(), greeter.to_string()];
        assert_eq!(run.reached_by(Use::TcpConnect), reached);
        assert!(run.names.is_empty());
    })
}

#[test]
fn a_redirect_is_denied_on_both_its_ends() -> Result<()> {
    let (greeter, port) = greeter();
    let redirect = format!("[[redirect]]\nfrom = \"tcp://127.0.0.5:9001\"\nto = \"{greeter}\"\n");
    for denied in [
        format!("to = \"127.0.0.1\"\nport = {port}"),
        "to = \"127.0.0.5\"\nport = 9001".into(),
    ] {
        let rules = redirect.clone() + &deny(&denied);
        let script = ["tcp4", "connect 127.0.0.5:9001"];
        on_both(&Recording::new(), &rules, &script, |run| {
            assert_eq!(run.results()[1], "access-denied");
            assert!(run.reached_by(Use::TcpConnect).is_empty());
        })?;
    }
    Ok(())
}

#[test]
fn redirects_do_not_go_in_circles() {
    let redirect =
        |from: &str, to: &str| format!("[[redirect]]\nfrom = \"tcp://{from}\"\nto = \"{to}\"\n");
    let circles = [
        redirect("10.0.0.1:1", "10.0.0.2:2") + &redirect("10.0.0.2:2", "10.0.0.1:1"),
        redirect("10.0.0.1:1", "10.0.0.2:2") + &redirect("10.0.0.0/8:2", "10.0.0.3:3"),
    ];
    for circle in circles {
        assert!(allowlist::policy(&circle).is_err(), "{circle}");
    }
}
