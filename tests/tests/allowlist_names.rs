//! Ways around an allowlist of names by the names themselves, each of them tried in both versions of
//! WASI.

use anyhow::Result;
use sockvirt_tests::allowlist::{allow, deny, local, on_both, public};
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Run, Use};

#[test]
fn a_name_that_is_allowed_is_looked_up_and_reached() -> Result<()> {
    let (greeter, port) = peers::welcome();
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
    let (_, port) = peers::welcome();
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

#[test]
fn names_of_the_file_are_answered_inside() -> Result<()> {
    let (greeter, port) = peers::welcome();
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

/// Names of the file need no rule that has a name, nor any rule at all.
#[test]
fn names_of_the_file_need_no_rule() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let to = |ip: &str| allow(&format!("to = \"{ip}\"\nport = {port}"));
    for (mode, rule) in [
        ("learn", to("127.0.0.1")),
        ("static", to("127.0.0.1")),
        ("virtual", to("127.0.0.1")),
        ("learn", to("127.0.0.2")),
        ("learn", String::new()),
    ] {
        let rules = format!(
            "[policy]\ndeny-at = \"operation\"\n[dns]\nmode = \"{mode}\"\n[dns.hosts]\n\
             \"db.test\" = {{ answer = [\"127.0.0.1\"] }}\n\
             \"gone.test\" = {{ fail = \"temporary-resolver-failure\" }}\n{rule}"
        );
        let script = [
            "resolve DB.test.",
            "resolve gone.test",
            "resolve a.db.test",
            &format!("connect-name db.test:{port}"),
        ];
        let says = match rule.contains("127.0.0.1") {
            true => "ok",
            false => "access-denied",
        };
        on_both(&Recording::new(), &rules, &script, |run| {
            let connected = format!("{greeter} {says}");
            let expected = [
                "[127.0.0.1]",
                "temporary-resolver-failure",
                DENIED,
                &connected,
            ];
            assert_eq!(run.results(), expected, "{rules}");
            assert!(run.names.is_empty());
            assert_eq!(
                run.reached_by(Use::TcpConnect).len(),
                usize::from(says == "ok")
            );
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
