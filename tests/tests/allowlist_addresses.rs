//! Ways around an allowlist of addresses, each of them tried in both versions of WASI.

use anyhow::Result;
use sockvirt_tests::allowlist::{self, all_give, allow, anywhere, deny, on_both};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};
use std::net::SocketAddr;
use std::thread;

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_invalid() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let port = echo.port();
    let rules = allow("to = \"loopback\"\nport = \"*\"") + &anywhere();
    let script = [
        "tcp6",
        &format!("connect [::ffff:127.0.0.1]:{port}"),
        "connect [::ffff:93.184.216.34]:80",
        "connect [::127.0.0.1]:80",
        "udp6",
        "bind [::]:0",
        &format!("send-to [::ffff:127.0.0.1]:{port} x"),
        "udp-connect [::ffff:127.0.0.1]:80",
        "udp-connect [::93.184.216.34]:80",
    ];
    all_give("invalid-argument", &rules, &script)
}

/// An allow for IPv4 says nothing about addresses that embed it: 6to4, Teredo, NAT64.
#[test]
fn an_embedded_address_is_not_allowed_by_its_ipv4() -> Result<()> {
    let rules = allow("to = [\"0.0.0.0/0\", \"93.184.216.34\", \"127.0.0.1\"]\nport = \"*\"");
    let script = [
        "tcp6",
        "connect [64:ff9b::93.184.216.34]:80",
        "connect [64:ff9b::127.0.0.1]:80",
        "connect [2002:5db8:d822::1]:80",
        "connect [2001:0:5db8:d822:0:ffff:a247:27dd]:80",
        "connect [2001:db8::1]:80",
    ];
    all_give("access-denied", &rules, &script)
}

/// Linux takes a connection to it for one to loopback.
#[test]
fn nobody_is_at_the_unspecified_address() -> Result<()> {
    let port = peers::echo_server("127.0.0.1").port();
    let ranges = "to = [\"*\", \"unspecified\", \"0.0.0.0\", \"::\", \"loopback\"]";
    let rules = allow(&format!("{ranges}\nport = \"*\""));
    let script = [
        "tcp4",
        &format!("connect 0.0.0.0:{port}"),
        "connect 127.0.0.1:0",
        "tcp6",
        &format!("connect [::]:{port}"),
        "connect [::1]:0",
        "udp4",
        "bind 0.0.0.0:0",
        &format!("send-to 0.0.0.0:{port} x"),
        "send-to 127.0.0.1:0 x",
        &format!("udp-connect 0.0.0.0:{port}"),
    ];
    all_give("invalid-argument", &rules, &script)
}

#[test]
fn what_is_invalid_is_invalid_where_the_policy_denies_it_too() -> Result<()> {
    let rules = allow("to = \"127.0.0.1\"\nport = 9");
    let script = [
        "tcp4",
        "connect [::1]:80",
        "connect 224.0.0.1:80",
        "connect 255.255.255.255:80",
        "tcp6",
        "connect 127.0.0.1:80",
        "connect [ff02::1]:80",
        "udp4",
        "bind 0.0.0.0:0",
        "send-to [::1]:80 x",
    ];
    all_give("invalid-argument", &rules, &script)
}

#[test]
fn scopes_and_flows_change_no_decision() -> Result<()> {
    let rules =
        allow("to = \"link-local\"\nport = \"*\"") + &deny("to = \"fe80::1\"\nport = \"*\"");
    let denied = [
        "tcp6",
        "connect [fe80::1]:80",
        "connect [fe80::1%1]:80",
        "connect [fe80::1%7]:80#9",
        "udp6",
        "bind [::]:0",
        "send-to [fe80::1%1]:80#5 x",
        "udp-connect [fe80::1%1]:80",
    ];
    all_give("access-denied", &rules, &denied)?;
    let allowed = ["tcp6", "connect [fe80::2%3]:80#9"];
    on_both(&Recording::new(), &rules, &allowed, |run| {
        let connects = run
            .checks
            .iter()
            .filter(|check| check.what == Use::TcpConnect);
        let connects: Vec<_> = connects.map(|check| check.address).collect();
        let [SocketAddr::V6(address)] = connects[..] else {
            panic!("{connects:?}");
        };
        // What is allowed arrives as it was.
        assert_eq!((address.scope_id(), address.flowinfo()), (3, 9));
    })
}

#[test]
fn a_udp_socket_that_may_send_to_one_may_not_send_to_another() -> Result<()> {
    let (one, two) = (
        peers::udp_echo_server("127.0.0.1"),
        peers::udp_echo_server("127.0.0.1"),
    );
    let rules = allow(&format!(
        "to = \"127.0.0.1\"\nport = {}\nop = [\"send\"]",
        one.port()
    ));
    let script = [
        "udp4",
        "bind 0.0.0.0:0",
        &format!("send-to {one} first"),
        "receive",
        &format!("send-to {two} second"),
        &format!("udp-connect {two}"),
        &format!("udp-connect {one}"),
        "send third",
        "receive",
        &format!("send-to {two} fourth"),
        "stream",
        &format!("send-to {two} fifth"),
        &format!("send-to {one} sixth"),
        "receive",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let echo = |text: &str| format!("{text} from {one}");
        let said = run.results();
        assert_eq!(said[3], echo("first"));
        assert_eq!(said[4..6], ["access-denied", "access-denied"]);
        assert_eq!(said[8], echo("third"));
        // A connected socket has one place to send to, whatever the policy says.
        assert_eq!(said[9], "invalid-argument");
        assert_eq!(said[11], "access-denied");
        assert_eq!(said[13], echo("sixth"));
        let two = two.to_string();
        assert!(
            run.checks
                .iter()
                .all(|check| check.address.to_string() != two)
        );
    })
}

/// However often it was the same one: that nobody asks the policy again is no door for others.
#[test]
fn a_udp_socket_that_has_heard_from_one_hears_from_no_other() -> Result<()> {
    for probe in Guest::PROBES {
        let (peer, talk) = peers::peer_and_late_stranger(3);
        let to = format!("to = \"127.0.0.1\"\nport = {}", peer.port());
        let send = format!("send-to {peer} hello");
        let round = [&*send, "receive"];
        let script = [
            &["udp4", "bind 0.0.0.0:0"][..],
            &round.repeat(4),
            &["send-to 127.0.0.1:9 hello"],
        ]
        .concat();
        let rules = allow(&format!("{to}\nop = [\"send\"]"));
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        talk.join().expect("no panic")?;
        let heard = format!("from a peer from {peer}");
        let said = run.results();
        assert_eq!(said[2..10], ["ok", &*heard].repeat(4));
        assert_eq!(said[10], "access-denied");
        assert_eq!(
            run.reached_by(Use::UdpSend),
            [(); 4].map(|()| peer.to_string())
        );
    }
    Ok(())
}

#[test]
fn who_is_heard_by_a_rule_is_not_answered_without_one() -> Result<()> {
    for probe in Guest::PROBES {
        let (peer, other) = (
            peers::udp_socket("127.0.0.1"),
            peers::udp_socket("127.0.0.2"),
        );
        let (to, from) = (peer.local_addr()?, other.local_addr()?);
        let talk = thread::spawn(move || -> std::io::Result<()> {
            let (_, program) = peer.recv_from(&mut [0; 64])?;
            for text in [b"one", b"two"] {
                other.send_to(text, program)?;
            }
            Ok(())
        });
        let (send, port) = ("op = [\"send\"]", to.port());
        let rules = allow(&format!("to = \"127.0.0.1\"\nport = {port}\n{send}"))
            + &allow("to = \"127.0.0.2\"\nport = \"*\"\nop = [\"receive\"]");
        let script = [
            "udp4",
            "bind 0.0.0.0:0",
            &format!("send-to {to} hello"),
            "receive",
            "receive",
            &format!("send-to {from} hello"),
        ];
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        talk.join().expect("no panic")?;
        let heard = ["one", "two"].map(|text| format!("{text} from {from}"));
        assert_eq!(run.results()[3..5], heard);
        assert_eq!(run.results()[5], "access-denied");
        assert_eq!(run.reached_by(Use::UdpSend), [to.to_string()]);
    }
    Ok(())
}

#[test]
fn what_may_connect_may_not_listen() -> Result<()> {
    let rules = allow("to = [\"loopback\", \"*\"]\nport = \"*\"\nop = [\"connect\", \"send\"]");
    let script = [
        "tcp4",
        "bind 127.0.0.1:0",
        "bind 0.0.0.0:8080",
        // What a connect does by itself, said aloud.
        "bind 0.0.0.0:0",
        "listen",
        "udp4",
        "bind 127.0.0.1:0",
        "bind 0.0.0.0:53",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let no = "access-denied";
        assert_eq!(run.results(), ["ok", no, no, "ok", no, "ok", no, no]);
        assert_eq!(run.reached(), ["tcp-bind 0.0.0.0:0"]);
    })?;
    // Not bound at all: in 0.2 that is no state to listen in, in 0.3 it would bind.
    on_both(&Recording::new(), &rules, &["tcp4", "listen"], |run| {
        assert_ne!(run.results()[1], "ok");
        assert!(run.checks.is_empty());
    })
}

#[test]
fn what_may_listen_may_not_connect() -> Result<()> {
    let (here, echo) = (
        peers::free_port("127.0.0.1"),
        peers::echo_server("127.0.0.1"),
    );
    let rules = allow(&format!(
        "to = \"127.0.0.1\"\nport = [{here}, {}]\nop = [\"listen\"]",
        echo.port()
    ));
    let script = [
        "tcp4",
        &format!("connect {echo}"),
        &format!("bind 127.0.0.1:{here}"),
        &format!("connect {echo}"),
        "listen",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let no = "access-denied";
        assert_eq!(run.results(), ["ok", no, "ok", no, "ok"]);
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// In wasmtime a refused connect is the end of a socket; here the socket never set out.
#[test]
fn a_denied_connect_leaves_the_socket_as_it_was() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let rules = allow(&format!("to = \"127.0.0.1\"\nport = {}", echo.port()));
    let script = [
        "tcp4",
        "connect 127.0.0.1:9",
        "hop-limit 9",
        &format!("connect {echo}"),
        "send hi",
        "receive",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let no = "access-denied";
        assert_eq!(run.results(), ["ok", no, "9", "ok", "ok", "hi"]);
        assert_eq!(run.reached_by(Use::TcpConnect), [echo.to_string()]);
    })
}

#[test]
fn ports_are_what_the_rule_says() -> Result<()> {
    let rules = allow("to = \"127.0.0.1\"\nport = [7, \"20-22\"]");
    let connects = [6, 7, 8, 19, 20, 21, 22, 23].map(|port| format!("connect 127.0.0.1:{port}"));
    let mut script = Vec::new();
    for connect in &connects {
        script.extend(["tcp4", connect]);
    }
    on_both(&Recording::new(), &rules, &script, |run| {
        let ports = [7, 20, 21, 22].map(|port| format!("127.0.0.1:{port}"));
        assert_eq!(run.reached_by(Use::TcpConnect), ports);
    })
}

#[test]
fn any_deny_wins_and_exceptions_stay_in_their_rule() -> Result<()> {
    let wide = "to = \"127.0.0.0/8\"\nport = \"*\"";
    let rules = [
        deny("to = \"127.0.0.0/24\"\nport = 80"),
        allow(&format!("{wide}\nexcept = [\"127.0.1.0/24\"]")),
        // More specific than what denies, and after it.
        allow("to = \"127.0.0.1\"\nport = 80"),
        allow("to = \"127.0.1.9\"\nport = 80"),
    ];
    let script = [
        "tcp4",
        "connect 127.0.0.1:80",
        "connect 127.0.1.1:80",
        "connect 127.0.1.9:80",
        "tcp4",
        "connect 127.0.2.1:80",
    ];
    let forwards = rules.concat();
    let backwards: String = rules.iter().rev().map(String::as_str).collect();
    for rules in [forwards, backwards] {
        on_both(&Recording::new(), &rules, &script, |run| {
            assert_eq!(run.results()[1..3], ["access-denied", "access-denied"]);
            let reached = run.reached_by(Use::TcpConnect);
            assert_eq!(reached, ["127.0.1.9:80", "127.0.2.1:80"]);
        })?;
    }
    Ok(())
}

/// A protocol that no rule allows is not to be had at all, unless the policy says otherwise.
#[test]
fn a_protocol_without_rules_fails_where_the_policy_says() -> Result<()> {
    let tcp = allow("to = \"127.0.0.1\"\nport = 9\nproto = \"tcp\"");
    let script = ["udp4", "tcp4"];
    on_both(&Recording::new(), &tcp, &script, |run| {
        assert_eq!(run.results(), ["access-denied", "ok"]);
    })?;
    let later = format!("[policy]\ndeny-at = \"operation\"\n{tcp}");
    let script = ["udp4", "bind 0.0.0.0:0", "send-to 127.0.0.1:9 x"];
    on_both(&Recording::new(), &later, &script, |run| {
        assert_eq!(run.results()[..2], ["ok", "access-denied"]);
        assert_ne!(run.results()[2], "ok");
        assert!(run.checks.is_empty());
    })
}
