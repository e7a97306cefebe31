//! Programs of WASI 0.3 that have a network in memory, and beside it what a policy lets through to the
//! host. As in `loopback_and_host.rs`, what is the host's is at the address that the machine itself has.

use anyhow::Result;
use sockvirt::policy::{Destination, Flag, Log, LoopbackMode, Operation};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback_and_host::{datagrams, names_go_to_either, open_host, server};
use sockvirt_tests::peers::{
    self, own_address, own_address_of_6, udp_echo_server, upper_case_server,
};
use sockvirt_tests::recording::{Recording, Use};
use sockvirt_tests::script::play;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

fn build<const N: usize>(guest: Guest, flags: [&str; N]) -> Result<Vec<u8>> {
    let mut policy = Policy::deny_all();
    for flag in flags {
        policy = policy.with_flag(Flag::allow(flag)?)?;
    }
    build_with(guest, policy)
}

fn build_with(guest: Guest, policy: Policy) -> Result<Vec<u8>> {
    let policy = policy.with_loopback(LoopbackMode::Virtual);
    let built = Virtualizer::new(policy).build(&guest.build()?)?;
    assert_eq!(built.report.mode, Mode::Loopback);
    let checked = sockvirt::check(&built.component)?;
    assert!(checked.enforced && checked.passed(), "{checked:?}");
    Ok(built.component)
}

#[test]
#[rustfmt::skip]
fn an_address_is_either_in_memory_or_the_hosts() -> Result<()> {
    let (server, datagrams) = (server(), datagrams());
    let rules = [
        &*format!("tcp://{server}"),
        &*format!("connect=udp://{datagrams}"),
    ];
    let component = build(Guest::Probe3, rules)?;
    let [connect, udp_connect] = [
        format!("connect {server}"),
        format!("udp-connect {datagrams}"),
    ];
    let run = open_host().run(
        &component,
        &[
            "tcp4",
            "bind 127.0.0.1:80",
            "listen",
            "tcp4",
            "connect 127.0.0.1:80",
            "send inside",
            "shutdown",
            "use 0",
            "accept",
            "use 2",
            "receive-all",
            "tcp4",
            &connect,
            "send outside",
            "shutdown",
            "receive-all",
            "udp4",
            "bind 127.0.0.1:90",
            "udp4",
            "bind 127.0.0.1:91",
            "send-to 127.0.0.1:90 inside",
            "use 4",
            "receive",
            "udp4",
            "bind 0.0.0.0:0",
            &udp_connect,
            "send outside",
            "receive",
            "tcp4",
            "connect 203.0.113.9:80",
            "tcp4",
            "bind 203.0.113.9:80",
            "connect 127.0.0.1:80",
            "udp4",
            "bind 203.0.113.9:80",
            "udp4",
            "bind 0.0.0.0:0",
            "udp-connect 203.0.113.9:80",
            "send-to 203.0.113.9:80 denied",
        ],
    )?;
    let lines = run.lines().join("\n");
    let expected = [
        "tcp4 -> ok", "bind 127.0.0.1:80 -> ok", "listen -> ok",
        "tcp4 -> ok", "connect 127.0.0.1:80 -> ok", "send inside -> ok", "shutdown -> ok",
        "use 0 -> ok", "accept -> 127.0.0.1:32768", "use 2 -> ok", "receive-all -> inside",
        "tcp4 -> ok", &format!("{connect} -> ok"), "send outside -> ok", "shutdown -> ok",
        "receive-all -> OUTSIDE",
        "udp4 -> ok", "bind 127.0.0.1:90 -> ok",
        "udp4 -> ok", "bind 127.0.0.1:91 -> ok",
        "send-to 127.0.0.1:90 inside -> ok",
        "use 4 -> ok", "receive -> inside from 127.0.0.1:91",
        "udp4 -> ok", "bind 0.0.0.0:0 -> ok", &format!("{udp_connect} -> ok"),
        "send outside -> ok", &format!("receive -> outside from {datagrams}"),
        "tcp4 -> ok", "connect 203.0.113.9:80 -> access-denied",
        "tcp4 -> ok", "bind 203.0.113.9:80 -> access-denied", "connect 127.0.0.1:80 -> ok",
        "udp4 -> ok", "bind 203.0.113.9:80 -> access-denied",
        "udp4 -> ok", "bind 0.0.0.0:0 -> ok", "udp-connect 203.0.113.9:80 -> access-denied",
        "send-to 203.0.113.9:80 denied -> access-denied",
    ];
    assert_eq!(lines, expected.join("\n"));
    // Nothing of what is in memory, or denied.
    let mut reached = run.reached();
    reached.sort();
    reached.dedup();
    assert_eq!(
        reached,
        [
            "tcp-bind 0.0.0.0:0", &format!("tcp-connect {server}"), "udp-bind 0.0.0.0:0",
            &format!("udp-receive {datagrams}"), &format!("udp-send {datagrams}"),
        ]
    );
    Ok(())
}

/// Whatever leads to the host, what is in memory is as it is without.
#[test]
fn what_is_in_memory_is_the_same() -> Result<()> {
    let rules = ["tcp://203.0.113.9:80", "udp://203.0.113.9:80"];
    let mixed = build(Guest::Local3, rules)?;
    let alone = build(Guest::Local3, [])?;
    let names = [
        "echo",
        "half",
        "drops",
        "cancel",
        "readiness",
        "queued",
        "connects",
        "many",
        "datagrams",
        "names",
        "states",
    ];
    let alone = host::run_with(&alone, Sockets::None, &names)?;
    let run = open_host().run(&mixed, &names)?;
    assert_eq!(run.outcome, alone);
    assert_eq!(run.reached(), [""; 0]);
    Ok(())
}

/// Sockets of two versions are in memory, or the host's of one of them.
#[test]
fn two_versions_of_sockets() -> Result<()> {
    let (server, datagrams) = (server(), datagrams());
    let rules = [
        &*format!("tcp://{server}"),
        &*format!("send=udp://{datagrams}"),
    ];
    let component = build(Guest::Versions3, rules)?;
    let imports = sockvirt::inspect(&component)?.imports;
    let types = imports
        .iter()
        .filter(|it| it.starts_with("wasi:sockets/types@0.3"));
    assert_eq!(types.count(), 1, "{imports:?}");
    let inside = open_host().run(&component, &[])?;
    let said = "query answer datagram (1, 1)\n";
    assert_eq!(
        (inside.outcome.stdout.as_str(), inside.outcome.status),
        (said, 0)
    );
    assert_eq!(inside.reached(), [""; 0]);
    let addresses = [server, datagrams].map(|it| it.to_string());
    let run = open_host().run(&component, &addresses.each_ref().map(String::as_str))?;
    assert_eq!(run.outcome.stdout, "NEWER OLDER datagram\n", "{run:?}");
    assert_eq!(run.reached_by(Use::TcpConnect), [&*addresses[0]; 2]);
    assert_eq!(run.reached_by(Use::UdpSend), [&*addresses[1]]);
    Ok(())
}

/// What it reaches can be asked of a component.
#[test]
fn a_component_says_what_it_reaches() -> Result<()> {
    let component = build(Guest::Probe3, ["tcp://203.0.113.9:80"])?;
    let inspected = sockvirt::inspect(&component)?;
    let names = inspected.network.iter().map(|it| it.name.split('@').next());
    let names: Vec<_> = names.collect();
    assert_eq!(names, [Some("wasi:sockets/types")]);
    for (to, decision) in [
        ("tcp://203.0.113.9:80", "allow"),
        ("tcp://203.0.113.9:81", "deny"),
    ] {
        let to = Destination::parse(Operation::Connect, to)?;
        let explained = sockvirt::explain(&component, Operation::Connect, &to)?;
        let explained = explained.expect("it has a policy");
        assert!(explained.enforced);
        assert_eq!(explained.explanation.decision, decision, "{explained:?}");
    }
    Ok(())
}

/// What is denied ends as the policy says, also where it is lost without a word.
#[test]
fn what_is_denied_ends_as_the_policy_says() -> Result<()> {
    let (own, outside) = (own_address(), datagrams());
    let unheard = UdpSocket::bind((own, 0))?;
    unheard.set_nonblocking(true)?;
    let sends = format!("send-to {} lost", unheard.local_addr()?);
    for (ends, shown) in [("drop", "ok"), ("access-denied", "access-denied")] {
        let policy = Policy::from_toml(&format!(
            "schema = 1\n[policy.deny-as-for]\nconnect = \"connection-refused\"\n\
            send = \"{ends}\"\n[[allow]]\nproto = \"udp\"\nop = [\"send\"]\n\
            to = [\"{}\"]\nport = {}\n",
            outside.ip(),
            outside.port()
        ));
        let policy = policy.map_err(|e| anyhow::anyhow!("{e}"))?;
        let steps = [
            "udp4",
            "bind 0.0.0.0:0",
            &sends,
            "tcp4",
            "connect 203.0.113.9:80",
        ];
        let run = open_host().run(&build_with(Guest::Probe3, policy)?, &steps)?;
        assert_eq!(run.results()[2], shown);
        assert_eq!(run.results()[4], "connection-refused");
        assert_eq!(run.reached_by(Use::UdpSend), [""; 0], "{run:?}");
        assert_eq!(run.reached_by(Use::TcpConnect), [""; 0], "{run:?}");
    }
    let heard = unheard.recv_from(&mut [0; 10]).map_err(|e| e.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn a_socket_that_becomes_the_hosts_keeps_what_it_was_told() -> Result<()> {
    let server = server();
    let component = build(Guest::Local3, [&*format!("tcp://{server}")])?;
    let run = open_host().run(&component, &[&format!("outside {server}")])?;
    let options = "(7, true, 5000000000, 3)";
    let expected = format!(
        "before: {options}\nfamily: IpAddressFamily::Ipv4\nconnected: Ok(())\nafter: {options}\n\
        remote: Ok(\"{server}\")\nagain: Err(ErrorCode::InvalidState)\n\
        bound: Err(ErrorCode::InvalidState)\nlistens: false\n\
        listening: Err(ErrorCode::InvalidState)\n\
        received twice: Err(ErrorCode::InvalidState)\nsent: (0, Ok(()))\nheard: \"HELLO\"\n\
        received: Ok(())\n"
    );
    assert_eq!(run.outcome.stdout, expected);
    assert_eq!(run.outcome.status, 0);
    Ok(())
}

/// A socket of UDP on a wildcard address, or on none, reaches both.
#[test]
fn a_socket_on_a_wildcard_address_reaches_both() -> Result<()> {
    let outside = datagrams();
    let unheard = UdpSocket::bind((own_address(), 0))?;
    unheard.set_nonblocking(true)?;
    let denied = unheard.local_addr()?;
    let rules = [
        &*format!("send=udp://{outside}"),
        &*format!("connect=udp://{outside}"),
    ];
    let component = build(Guest::Local3, rules)?;
    let run = open_host().run(&component, &[&format!("beside {outside} {denied}")])?;
    let expected = [
        "inside: Ok(())",
        "outside: Ok(())",
        "denied: Err(ErrorCode::AccessDenied)",
        "too long: Err(ErrorCode::DatagramTooLarge)",
        "from outside: Ok((\"b\", \"OUTSIDE\"))",
        "server: Ok((\"a\", \"127.0.0.1:9000\"))",
        "from inside: Ok((\"e\", \"127.0.0.1:90\"))",
        "from outside: Ok((\"f\", \"OUTSIDE\"))",
        "from outside: Ok((\"g\", \"OUTSIDE\"))",
        "two: [Ok((\"h\", \"127.0.0.1:90\")), Ok((\"i\", \"OUTSIDE\"))]",
        "local: Ok(9000)",
        "remote: Err(ErrorCode::InvalidState)",
        "hops: Ok(8)",
        "fairly: true",
        "denied: Err(ErrorCode::AccessDenied)",
        "local: Ok(9001)",
        "connected: Ok(())",
        "remote: Ok(\"OUTSIDE\")",
        "sent: Ok(())",
        "elsewhere: Err(ErrorCode::InvalidArgument)",
        "from outside: Ok((\"j\", \"OUTSIDE\"))",
        "connected: Ok(())",
        "remote: Ok(\"127.0.0.1:90\")",
        "sent: Ok(())",
        "server: \"l\"",
        "from inside: Ok((\"m\", \"127.0.0.1:90\"))",
        "elsewhere: Err(ErrorCode::InvalidArgument)",
        "connected: Ok(())",
        "disconnected: Ok(())",
        "disconnected: Err(ErrorCode::InvalidState)",
        "sent: Ok(())",
        "server: Ok(\"o\")",
        "sent: Ok(())",
        "from outside: Ok((\"p\", \"OUTSIDE\"))",
        "bound: Err(ErrorCode::InvalidState)",
        "remote: Ok(\"OUTSIDE\")",
        "received: Err(ErrorCode::InvalidState)",
        "sent: Ok(())",
        "from outside: Ok((\"r\", \"OUTSIDE\"))",
        "bound: true",
        "sent: Ok(())",
        "server: Ok(\"s\")",
        "connected: Ok(())",
        "sent: Ok(())",
        "from outside: Ok((\"t\", \"OUTSIDE\"))",
        "from loopback: Err(ErrorCode::AccessDenied)",
    ];
    let expected = expected.join("\n").replace("OUTSIDE", &outside.to_string());
    assert_eq!(run.outcome.stdout.trim_end(), expected);
    // The host is asked for any port, and hears of nothing that is in memory or denied.
    let mut reached = run.reached();
    reached.sort();
    reached.dedup();
    let [receives, sends] = ["receive", "send"].map(|it| format!("udp-{it} {outside}"));
    assert_eq!(reached, ["udp-bind 0.0.0.0:0", &receives, &sends]);
    let heard = unheard.recv_from(&mut [0; 10]).map_err(|e| e.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    Ok(())
}

/// The same over IPv6, where the machine has an address of it.
#[test]
fn sockets_of_6_reach_both() -> Result<()> {
    let Some(own) = own_address_of_6() else {
        eprintln!("nothing is tried: the machine has no address of IPv6 but loopback");
        return Ok(());
    };
    let server = upper_case_server(&own.to_string());
    let outside = udp_echo_server(&own.to_string());
    let rules = [
        &*format!("tcp://{server}"),
        &*format!("send=udp://{outside}"),
    ];
    let [connect, send] = [
        format!("connect {server}"),
        format!("send-to {outside} far"),
    ];
    let steps = [
        "tcp6",
        &connect,
        "remote",
        "send hello",
        "shutdown",
        "receive-all",
        "udp6",
        "bind [::1]:90",
        "udp6",
        "bind [::]:9000",
        &send,
        "receive",
        "send-to [::1]:90 near",
        "use 1",
        "receive",
    ];
    let run = Recording::new()
        .letting(own)
        .run(&build(Guest::Probe3, rules)?, &steps)?;
    let results = run.results();
    assert_eq!(results[2], server.to_string());
    assert_eq!(results[5], "HELLO");
    assert_eq!(results[11], format!("far from {outside}"));
    assert_eq!(results[14], "near from [::1]:9000");
    Ok(())
}

/// Connections from the host and from memory come to the listener that each is for.
#[test]
fn a_listener_is_either_in_memory_or_the_hosts() -> Result<()> {
    let own = own_address().to_string();
    let server = SocketAddr::new(own_address(), peers::free_port(&own));
    let from = own.clone();
    let clients = thread::spawn(move || -> Result<_> {
        let first = peers::ask(&from, server, "first")?;
        Ok([first, peers::ask(&from, server, "second")?])
    });
    let component = build(Guest::Probe3, [&*format!("listen=tcp://{server}")])?;
    let bind = format!("bind {server}");
    let steps = [
        "tcp4",
        &bind,
        "local",
        &bind,
        "listen",
        "accept",
        "use 1",
        "local",
        "receive-all",
        "send one",
        "shutdown",
        "drop",
        "tcp4",
        "bind 127.0.0.1:80",
        "listen",
        "tcp4",
        "connect 127.0.0.1:80",
        "send inside",
        "shutdown",
        "use 2",
        "accept",
        "use 4",
        "receive-all",
        "use 0",
        "accept",
        "use 5",
        "receive-all",
        "send two",
        "shutdown",
    ];
    let run = open_host().run(&component, &steps)?;
    let results = run.results();
    let server = server.to_string();
    assert_eq!(results[..5], ["ok", "ok", &server, "invalid-state", "ok"]);
    assert!(results[5].starts_with(&own), "{run:?}");
    assert_eq!(results[7..11], [&server, "first", "ok", "ok"]);
    assert_eq!(results[22], "inside", "{run:?}");
    assert!(results[24].starts_with(&own), "{run:?}");
    assert_eq!(results[26..], ["second", "ok", "ok"]);
    assert_eq!(clients.join().expect("no panic")?, ["one", "two"]);
    for what in [Use::TcpListen, Use::TcpBind] {
        assert_eq!(run.reached_by(what), [&*server]);
    }
    Ok(())
}

/// Some destinations are played, some are the host's, and the rest is denied.
#[test]
fn a_script_stands_beside_what_is_the_hosts() -> Result<()> {
    let (real, named) = (server(), server());
    let played = |at| {
        format!(
            "[[peer]]\nat = \"tcp://{at}\"\nscript = [{{ expect = \"ping\" }}, {{ wait = \"1h\" }}, \
             {{ send = \"pong\" }}, {{ expect-close = \"both\" }}]\n"
        )
    };
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{}\"\nport = {}\nproto = \"tcp\"\n\
         [[allow]]\nto = \"named.test\"\nport = {}\nproto = \"tcp\"\nresolves-to = [\"{}\"]\n\
         {}{}",
        real.ip(),
        real.port(),
        named.port(),
        named.ip(),
        played("192.0.2.1:1"),
        played("peer.test:1")
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue3.build()?)?;
    assert_eq!(built.report.mode, Mode::Script);
    let check = sockvirt::check(&built.component)?;
    assert!(check.passed() && check.enforced, "{check:?}");
    assert!(check.script_digest.is_some(), "{check:?}");
    let away = SocketAddr::new(real.ip(), 9);
    let [to_real, to_away] = [real, away].map(|it| format!("connect {it}"));
    let to_named = format!("connect named.test:{}", named.port());
    let played = ["connect 192.0.2.1:1", "write ping", "read 9", "close"];
    let by_name = ["connect peer.test:1", "write ping", "read 9", "close"];
    let at_host = [to_real.as_str(), "write hello", "shutdown", "read 9"];
    let by_answer = [to_named.as_str(), "write named", "shutdown", "read 9"];
    let denied = [to_away.as_str(), "connect 203.0.113.1:80"];
    let args = [&played[..], &by_name, &at_host, &by_answer, &denied].concat();
    let host = open_host().answering("named.test", [&*named.ip().to_string()]);
    let run = host.run(&built.component, &args)?;
    let said: Vec<_> = run.lines();
    assert_eq!(said[2], "read 9: \"pong\"", "{run:?}");
    assert_eq!(said[6], "read 9: \"pong\"", "{run:?}");
    assert_eq!(said[11], "read 9: \"HELLO\"", "{run:?}");
    assert_eq!(said[15], "read 9: \"NAMED\"", "{run:?}");
    for line in &said[16..] {
        assert!(line.ends_with("AccessDenied"), "{run:?}");
    }
    assert_eq!(run.outcome.status, 0, "{run:?}");
    // Nothing but the two addresses and the one name has got to the host.
    let reached = run.reached_by(Use::TcpConnect);
    assert_eq!(reached, [real.to_string(), named.to_string()], "{run:?}");
    assert_eq!(run.names, ["named.test"]);
    Ok(())
}

/// What a script says of a program that reaches the host besides is told in the end.
#[test]
fn a_script_beside_what_is_the_hosts_has_its_verdict() -> Result<()> {
    let real = server();
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{}\"\nport = {}\nproto = \"tcp\"\n\
         [[peer]]\nname = \"peer\"\nat = \"tcp://192.0.2.1:1\"\n\
         script = [{{ expect = \"ping\" }}]\n",
        real.ip(),
        real.port()
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue3.build()?)?;
    let to_real = format!("connect {real}");
    let args = [&*to_real, "write a", "shutdown", "read 9"];
    let run = open_host().run(&built.component, &args)?;
    assert_eq!(run.lines()[3], "read 9: \"A\"");
    assert_eq!(run.outcome.status, 1);
    assert!(
        run.outcome.stderr.starts_with("FAIL peer \"peer\""),
        "{run:?}"
    );
    // The same of one that is compiled once for any script.
    let played = ["connect 192.0.2.1:1", "write ping"];
    let good = play(
        Guest::Dialogue3,
        "a.toml",
        &script,
        &[&args[..], &played].concat(),
    )?;
    assert!(good.passed(), "{good}");
    let said = String::from_utf8_lossy(&good.stdout);
    assert!(said.contains("read 9: \"A\"\n"), "{said}");
    let bad = play(Guest::Dialogue3, "a.toml", &script, &args)?;
    assert!(bad.to_string().starts_with("FAIL peer \"peer\""), "{bad}");
    Ok(())
}

/// While a program has sockets of the host's, time is the host's; before and after, it is skipped.
#[test]
fn time_of_a_script_is_not_skipped_while_the_host_may_be_waited_for() -> Result<()> {
    let listener = TcpListener::bind((own_address(), 0))?;
    let real = listener.local_addr()?;
    let slow = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        thread::sleep(Duration::from_millis(300));
        stream.write_all(b"late")?;
        // It has hung up by then.
        stream.read_exact(&mut [0; 3])
    });
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{}\"\nport = {}\nproto = \"tcp\"\n\
         [[peer]]\nat = \"tcp://192.0.2.1:1\"\nscript = [{{ expect = \"ping\" }}, {{ wait = \"30ms\" }}, \
         {{ send = \"pong\" }}, {{ wait = \"10h\" }}, {{ send = \"more\" }}, {{ expect-close = \"both\" }}]\n",
        real.ip(),
        real.port()
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue3.build()?)?;
    let to_real = format!("connect {real}");
    let steps = [
        "sleep 36000000",
        "timeout 60000",
        &to_real,
        "read 9",
        "sleep 20",
        "write bye",
        "close",
        "timeout 86400000",
        "connect 192.0.2.1:1",
        "write ping",
        "read 9",
        "read 9",
        "close",
        "time",
    ];
    let run = open_host().run(&built.component, &steps)?;
    let said = run.lines();
    assert_eq!(said[3], "read 9: \"late\"", "{run:?}");
    assert_eq!(
        said[10..12],
        ["read 9: \"pong\"", "read 9: \"more\""],
        "{run:?}"
    );
    assert!(said[13].starts_with("720"), "{run:?}");
    assert_eq!(run.outcome.status, 0, "{run:?}");
    slow.join().expect("no panic")?;
    Ok(())
}

/// With the host's clock, which the program itself need not have, the script goes by that all the time.
#[test]
fn a_script_on_the_hosts_clock_stands_beside_what_is_the_hosts() -> Result<()> {
    let real = server();
    let script = format!(
        "schema = 1\n[clock]\nmode = \"host\"\n\
         [[allow]]\nto = \"{}\"\nport = {}\nproto = \"tcp\"\n\
         [[peer]]\nat = \"tcp://192.0.2.1:1\"\nscript = [{{ expect = \"ping\" }}, {{ wait = \"20ms\" }}, \
         {{ send = \"pong\" }}, {{ wait = \"20ms\" }}, {{ send = \"more\" }}]\n",
        real.ip(),
        real.port()
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Probe3.build()?)?;
    let checked = sockvirt::check(&built.component)?;
    assert!(checked.enforced && checked.passed(), "{checked:?}");
    let to_real = format!("connect {real}");
    let steps = [
        "tcp4",
        "connect 192.0.2.1:1",
        "send ping",
        "shutdown",
        "receive-all",
        "tcp4",
        &to_real,
        "send outside",
        "shutdown",
        "receive-all",
    ];
    let run = open_host().run(&built.component, &steps)?;
    let results = run.results();
    assert_eq!((results[4], results[9]), ("pongmore", "OUTSIDE"), "{run:?}");
    assert_eq!(run.outcome.status, 0, "{run:?}");
    Ok(())
}

/// Who waits for the host may stop waiting, and go on with something else.
#[test]
fn calls_of_the_host_are_given_up() -> Result<()> {
    let (server, outside) = (server(), datagrams());
    let policy = Policy::deny_all()
        .with_flag(Flag::allow("tcp://203.0.113.9:80")?)?
        .with_flag(Flag::allow(&format!("tcp://{server}"))?)?
        .with_flag(Flag::allow("send=udp://203.0.113.9:90")?)?
        .with_flag(Flag::allow(&format!("send=udp://{outside}"))?)?
        .with_flag(Flag::allow("tcp://slow.test:80#resolves-to=203.0.113.9")?)?;
    let host = open_host()
        .never_deciding("203.0.113.9:80".parse()?)
        .never_deciding("203.0.113.9:90".parse()?)
        .never_answering("slow.test");
    let [connect, to_outside] = [
        format!("connect {server}"),
        format!("send-to {outside} here"),
    ];
    let steps = [
        "tcp4",
        "give-up connect 203.0.113.9:80",
        "remote",
        "connect 127.0.0.1:80",
        "drop",
        "udp4",
        "give-up send-to 203.0.113.9:90 lost",
        &to_outside,
        "receive",
        "give-up receive",
        "drop",
        "give-up resolve slow.test",
        "abandon slow.test",
        "resolve localhost",
        "tcp4",
        &connect,
        "send still there",
        "shutdown",
        "receive-all",
    ];
    let run = host.run(&build_with(Guest::Probe3, policy)?, &steps)?;
    let received = format!("here from {outside}");
    assert_eq!(
        run.results(),
        [
            "ok",
            "given up",
            "invalid-state",
            "invalid-state",
            "ok",
            "ok",
            "given up",
            "ok",
            &received,
            "given up",
            "ok",
            "given up",
            "pending",
            "[::1, 127.0.0.1]",
            "ok",
            "ok",
            "ok",
            "ok",
            "STILL THERE",
        ]
    );
    Ok(())
}

/// What the rules are asked is logged, and what happens in memory is not.
#[test]
fn the_log_has_what_may_lead_to_the_host() -> Result<()> {
    let server = server();
    let policy = Policy::deny_all()
        .with_log(Log::All)
        .with_flag(Flag::allow(&format!("tcp://{server}"))?)?;
    let steps = [
        "tcp4",
        "bind 127.0.0.1:80",
        "listen",
        "tcp4",
        "connect 127.0.0.1:80",
        "tcp4",
        &format!("connect {server}"),
        "tcp4",
        "connect 203.0.113.9:80",
        "udp4",
        "bind 203.0.113.9:80",
    ];
    let run = open_host().run(&build_with(Guest::Probe3, policy)?, &steps)?;
    let expected = format!(
        "{{\"op\":\"connect\",\"proto\":\"tcp\",\"to\":\"{server}\",\"decision\":\"allow\",\
        \"rule\":\"allow[1]\"}}\n\
        {{\"op\":\"connect\",\"proto\":\"tcp\",\"to\":\"203.0.113.9:80\",\"decision\":\"deny\",\
        \"as\":\"access-denied\",\"why\":\"no rule\"}}\n"
    );
    assert_eq!(run.outcome.stderr, expected);
    Ok(())
}

#[test]
fn a_name_is_either_in_memory_or_the_hosts() -> Result<()> {
    names_go_to_either(|policy| Ok(vec![build_with(Guest::Probe3, policy)?]))
}
