//! Programs that have a network in memory, and beside it what a policy lets through to the host.
//!
//! What is the host's must not be on loopback, which is in memory. So these tests use the address
//! that the machine itself has. Each program is tried alone, and beside another one that uses sockets, where
//! the network is one that both share.

use anyhow::Result;
use sockvirt::policy::{Flag, Log, LoopbackMode};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_guest_builder::{Guest, beside_another};
use sockvirt_tests::loopback_and_host::{datagrams, names_go_to_either, open_host, server};
use sockvirt_tests::peers::{own_address, own_address_of_6, udp_echo_server};
use sockvirt_tests::recording::Recording;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// A program with a network that is its own, and with one that is shared.
fn build<const N: usize>(guest: Guest, flags: [&str; N]) -> Result<[Vec<u8>; 2]> {
    let mut policy = Policy::deny_all();
    for flag in flags {
        policy = policy.with_flag(Flag::allow(flag)?)?;
    }
    build_with(guest, &policy)
}

fn build_with(guest: Guest, policy: &Policy) -> Result<[Vec<u8>; 2]> {
    let policy = policy.clone().with_loopback(LoopbackMode::Virtual);
    policy.check()?;
    let virtualizer = Virtualizer::new(policy);
    let build = |component: &[u8]| -> Result<Vec<u8>> {
        let built = virtualizer.build(component)?;
        assert_eq!(built.report.mode, Mode::Loopback);
        let checked = sockvirt::check(&built.component)?;
        assert!(checked.enforced && checked.passed(), "{checked:?}");
        Ok(built.component)
    };
    let alone = guest.build()?;
    Ok([build(&alone)?, build(&beside_another(&alone)?)?])
}

#[test]
fn an_address_is_either_in_memory_or_the_hosts() -> Result<()> {
    let (server, datagrams) = (server(), datagrams());
    let rules = [
        &*format!("tcp://{server}"),
        &*format!("connect=udp://{datagrams}"),
    ];
    for component in build(Guest::Probe2, rules)? {
        goes_to_either(&component, server, datagrams)?;
    }
    Ok(())
}

#[rustfmt::skip]
fn goes_to_either(component: &[u8], server: SocketAddr, datagrams: SocketAddr) -> Result<()> {
    let [connect, udp_connect] = [
        format!("connect {server}"),
        format!("udp-connect {datagrams}"),
    ];
    let host = open_host();
    let run = host.run(
        component,
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
            "stream",
            "udp4",
            "bind 127.0.0.1:91",
            "stream",
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
            "udp4",
            "bind 203.0.113.9:80",
            "udp4",
            "bind 0.0.0.0:0",
            "udp-connect 203.0.113.9:80",
        ],
    )?;
    let lines = run.lines().join("\n");
    let expected = [
        "tcp4 -> ok", "bind 127.0.0.1:80 -> ok", "listen -> ok",
        "tcp4 -> ok", "connect 127.0.0.1:80 -> ok", "send inside -> ok", "shutdown -> ok",
        "use 0 -> ok", "accept -> 127.0.0.1:32768", "use 2 -> ok", "receive-all -> inside",
        "tcp4 -> ok", &format!("{connect} -> ok"), "send outside -> ok", "shutdown -> ok",
        "receive-all -> OUTSIDE",
        "udp4 -> ok", "bind 127.0.0.1:90 -> ok", "stream -> ok",
        "udp4 -> ok", "bind 127.0.0.1:91 -> ok", "stream -> ok",
        "send-to 127.0.0.1:90 inside -> ok",
        "use 4 -> ok", "receive -> inside from 127.0.0.1:91",
        "udp4 -> ok", "bind 0.0.0.0:0 -> ok", &format!("{udp_connect} -> ok"),
        "send outside -> ok", &format!("receive -> outside from {datagrams}"),
        "tcp4 -> ok", "connect 203.0.113.9:80 -> access-denied",
        "tcp4 -> ok", "bind 203.0.113.9:80 -> access-denied",
        "udp4 -> ok", "bind 203.0.113.9:80 -> access-denied",
        "udp4 -> ok", "bind 0.0.0.0:0 -> ok", "udp-connect 203.0.113.9:80 -> access-denied",
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

/// What the rules are asked is logged, and what happens in memory is not.
#[test]
fn the_log_has_what_may_lead_to_the_host() -> Result<()> {
    let server = server();
    let policy = Policy::deny_all()
        .with_log(Log::All)
        .with_flag(Flag::allow(&format!("tcp://{server}"))?)?;
    let connect = format!("connect {server}");
    let steps = [
        "tcp4",
        "bind 127.0.0.1:80",
        "listen",
        "tcp4",
        "connect 127.0.0.1:80",
        "tcp4",
        &connect,
        "tcp4",
        "connect 203.0.113.9:80",
        "udp4",
        "bind 203.0.113.9:80",
    ];
    for component in build_with(Guest::Probe2, &policy)? {
        let host = open_host();
        let run = host.run(&component, &steps)?;
        let expected = format!(
            "{{\"op\":\"connect\",\"proto\":\"tcp\",\"to\":\"{server}\",\"decision\":\"allow\",\
            \"rule\":\"allow[1]\"}}\n\
            {{\"op\":\"connect\",\"proto\":\"tcp\",\"to\":\"203.0.113.9:80\",\"decision\":\"deny\",\
            \"as\":\"access-denied\",\"why\":\"no rule\"}}\n"
        );
        assert_eq!(run.outcome.stderr, expected);
    }
    let in_memory = Policy::deny_all()
        .with_log(Log::All)
        .with_loopback(LoopbackMode::Virtual);
    let notes = Virtualizer::new(in_memory)
        .build(&Guest::Probe2.build()?)?
        .report
        .notes;
    assert!(notes[0].starts_with("nothing will be logged"), "{notes:?}");
    Ok(())
}

#[test]
fn a_name_is_either_in_memory_or_the_hosts() -> Result<()> {
    names_go_to_either(|policy| Ok(build_with(Guest::Probe2, &policy)?.into()))
}

/// A socket of UDP on a wildcard address, which is not connected, reaches both.
fn beside(own: IpAddr, shown_here: &str) -> Result<()> {
    let outside = udp_echo_server(&own.to_string());
    let unheard = UdpSocket::bind((own, 0))?;
    let denied = unheard.local_addr()?;
    let components = build(
        Guest::Streams,
        [
            &*format!("send=udp://{outside}"),
            &*format!("connect=udp://{outside}"),
        ],
    )?;
    let host = Recording::new().letting(own);
    let expected = [
        // Something is in memory, something outside, and what is denied ends it.
        "ready: false true",
        "sent: Ok(2)",
        "denied: Err(\"access-denied\")",
        "too long: Err(\"datagram-too-large\")",
        "ready: true true",
        "none: []",
        "from outside: [(\"b\", OUTSIDE)]",
        "inside: [(\"a\", HERE:9000)]",
        "local: 9000",
        "hops: 8",
        "one by one: [\"g\", \"h\"]",
        "the rest: ggggggggggggggg",
        "one by one: [\"g\", \"h\"]",
        "the rest: ggggggggggggggg",
        "at once: [\"i\", \"j\"]",
        "host: [2]",
        "all: [0, 2, 3]",
        "[(\"l\", HERE:90)] [(\"k\", OUTSIDE)]",
        "connected: Ok(1)",
        "elsewhere: Err(\"invalid-argument\")",
        "inside: [(\"m\", HERE:9000)]",
        "again: Ok(1)",
        "from outside: [(\"o\", OUTSIDE)]",
        "denied: Some(\"access-denied\")",
        "both: Ok(2)",
        "[(\"p\", HERE:9000)] [(\"q\", OUTSIDE)]",
        "connected: Ok(1)",
        "from outside: [(\"r\", OUTSIDE)]",
        "remote: OUTSIDE",
        "dropped: Ok(())",
        "permit: Ok(16)",
        "nobody reads: Ok(1)",
    ];
    let expected = expected.join("\n").replace("OUTSIDE", &outside.to_string());
    let expected = expected.replace("HERE", shown_here);
    for component in components {
        let run = host.run(
            &component,
            &["beside", &outside.to_string(), &denied.to_string()],
        )?;
        let stdout = run.outcome.stdout.trim_end();
        assert_eq!(stdout, expected);
        // The host is asked for any port, and hears of nothing that is in memory or denied.
        let mut reached = run.reached();
        reached.sort();
        reached.dedup();
        let any = match own {
            IpAddr::V4(_) => "udp-bind 0.0.0.0:0",
            IpAddr::V6(_) => "udp-bind [::]:0",
        };
        let [receives, sends] = ["receive", "send"].map(|it| format!("udp-{it} {outside}"));
        assert_eq!(reached, [any, &receives, &sends]);
    }
    unheard.set_nonblocking(true)?;
    let heard = unheard.recv_from(&mut [0; 10]).map_err(|e| e.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn a_socket_on_a_wildcard_address_reaches_both() -> Result<()> {
    beside(own_address(), "127.0.0.1")
}

/// The same over IPv6, where the machine has an address of it.
#[test]
fn a_socket_on_a_wildcard_address_of_6_reaches_both() -> Result<()> {
    match own_address_of_6() {
        Some(own) => beside(own, "[::1]"),
        None => {
            eprintln!("nothing is tried: the machine has no address of IPv6 but loopback");
            Ok(())
        }
    }
}

/// Where the host has no room, the program is told so, and can wait for it.
#[test]
fn a_host_that_has_no_room_is_waited_for() -> Result<()> {
    let outside = datagrams();
    let host = Recording::new().never_deciding(outside);
    for component in build(Guest::Streams, [&*format!("send=udp://{outside}")])? {
        let run = host.run(&component, &["beside-full", &outside.to_string()])?;
        assert_eq!(
            run.outcome.stdout,
            "sent: Ok(2)\npermit: Ok(0)\nready: false\nsoon: [1]\n\
            inside: [(\"b\", 127.0.0.1:9000)]\nheard: [(\"d\", 127.0.0.1:90)]\n"
        );
    }
    Ok(())
}

/// Two of its kind, and nothing leads out: there is nobody left who could send, and no socket of the
/// host's was made for one that sends nothing there.
#[test]
fn a_socket_that_sends_nothing_out_has_nothing_of_the_hosts() -> Result<()> {
    let outside = datagrams();
    let components = build(Guest::Probe2, [&*format!("send=udp://{outside}")])?;
    let steps = [
        "udp4",
        "bind 0.0.0.0:90",
        "stream",
        "udp4",
        "bind 0.0.0.0:91",
        "stream",
    ];
    let talk = ["send-to 127.0.0.1:90 inside", "use 0", "receive"];
    let host = open_host();
    for component in components {
        let run = host.run(&component, &[&steps[..], &talk[..]].concat())?;
        assert_eq!(run.results()[8], "inside from 127.0.0.1:91");
        assert_eq!(run.reached(), [""; 0]);
        let waits = host.run(&component, &[&steps[..], &["receive"]].concat());
        assert!(format!("{:?}", waits.expect_err("it ends")).contains("deadlock"));
    }
    Ok(())
}

/// A datagram that is denied ends as the policy says, also where it is lost without a word.
#[test]
fn what_is_denied_ends_as_the_policy_says() -> Result<()> {
    let (outside, own) = (datagrams(), own_address());
    let denied = UdpSocket::bind((own, 0))?;
    denied.set_nonblocking(true)?;
    let sends = format!("send-to {} lost", denied.local_addr()?);
    for (ends, shown) in [("drop", "ok"), ("access-denied", "access-denied")] {
        let policy = Policy::from_toml(&format!(
            "schema = 1\n[policy.deny-as-for]\n\
            send = \"{ends}\"\n[[allow]]\nproto = \"udp\"\nop = [\"send\"]\n\
            to = [\"{}\"]\nport = {}\n",
            outside.ip(),
            outside.port()
        ));
        let policy = policy.map_err(|e| anyhow::anyhow!("{e}"))?;
        let host = Recording::new().letting(own);
        let steps = ["udp4", "bind 0.0.0.0:0", "stream", &sends];
        for component in build_with(Guest::Probe2, &policy)? {
            let run = host.run(&component, &steps)?;
            assert_eq!(run.results()[3], shown);
            assert!(!run.reached().join(" ").contains("udp-send"), "{run:?}");
        }
        let heard = denied.recv_from(&mut [0; 10]).map_err(|e| e.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock));
    }
    Ok(())
}

/// The same by what programs are written with.
#[test]
fn the_standard_library_and_tokio_reach_both() -> Result<()> {
    let outside = datagrams();
    let rule = format!("send=udp://{outside}");
    let host = open_host();
    for component in build(Guest::ProbeStd, [&*rule])? {
        let run = host.run(&component, &[&*format!("both 127.0.0.1:90 {outside}")])?;
        assert_eq!(
            run.outcome.stdout,
            format!(
                "both 127.0.0.1:90 {outside} -> there from {outside}, here from 127.0.0.1:90, there \
                from {outside}, Err(WouldBlock)\n"
            )
        );
    }
    for component in build(Guest::LocalTokio, [&*rule])? {
        let run = host.run(&component, &[&*outside.to_string()])?;
        assert_eq!(
            run.outcome.stdout,
            "outside [1, 2, 3], inside [1, 2, 3]\nnothing more: true\n"
        );
    }
    Ok(())
}

/// What was set, and subscribed to, before it was known that a socket would be the host's, holds.
#[test]
fn a_socket_that_becomes_the_hosts_keeps_what_it_was_told() -> Result<()> {
    let server = server();
    let host = open_host();
    let options = "(7, true, 5000000000, 3)";
    for component in build(Guest::Streams, [&*format!("tcp://{server}")])? {
        let run = host.run(&component, &["outside", &server.to_string()])?;
        assert_eq!(
            run.outcome.stdout,
            format!(
                "before: {options}\nconnected: [1]\nafter: {options}\nremote: true\n\
                heard: HELLO\nready: true\n"
            )
        );
    }
    Ok(())
}

/// Some destinations are played, some are the host's, and the rest is denied.
#[test]
fn a_script_stands_beside_what_is_the_hosts() -> Result<()> {
    let real = server();
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{}\"\nport = {}\nproto = \"tcp\"\n\
         [[peer]]\nname = \"peer\"\nat = \"tcp://192.0.2.1:1\"\n\
         script = [{{ expect = \"ping\" }}, {{ send = \"pong\" }}, {{ expect-close = \"both\" }}]\n",
        real.ip(),
        real.port()
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue.build()?)?;
    assert_eq!(built.report.mode, Mode::Script);
    let check = sockvirt::check(&built.component)?;
    assert!(check.passed() && check.enforced, "{check:?}");
    let away = SocketAddr::new(real.ip(), 9);
    let [to_real, to_away] = [real, away].map(|it| format!("connect {it}"));
    let played = ["connect 192.0.2.1:1", "write ping", "read 9"];
    let at_host = [to_real.as_str(), "write hello", "shutdown", "read 9"];
    let denied = [to_away.as_str(), "connect 203.0.113.1:80"];
    let args = [&played[..], &at_host, &denied].concat();
    let host = open_host();
    let run = host.run(&built.component, &args)?;
    let said: Vec<_> = run.lines();
    assert_eq!(said[2], "read 9: \"pong\"", "{run:?}");
    assert_eq!(said[6], "read 9: \"HELLO\"", "{run:?}");
    for line in &said[7..] {
        assert!(line.ends_with("PermissionDenied"), "{run:?}");
    }
    assert_eq!(run.outcome.status, 0, "{run:?}");
    // Nothing but the one address has got to the host.
    let reached = run.reached_by(sockvirt_tests::recording::Use::TcpConnect);
    assert_eq!(reached, [real.to_string()], "{run:?}");
    Ok(())
}

/// Who waits for the host's datagrams has time pass for those that are played.
#[test]
fn a_socket_has_datagrams_of_the_hosts_and_of_a_script() -> Result<()> {
    let outside = datagrams();
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{}\"\nport = {}\nproto = \"udp\"\nop = \"send\"\n\
         [[peer]]\nat = \"udp://192.0.2.1:1\"\n\
         script = [{{ expect = \"ping\" }}, {{ wait = \"20ms\" }}, {{ send = \"pong\" }}]\n",
        outside.ip(),
        outside.port()
    );
    let policy = Policy::from_toml(&script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue.build()?)?;
    let to_outside = format!("send {outside} far");
    let ask = [to_outside.as_str(), "receive"];
    let steps = [
        &["bind 0.0.0.0:0"],
        &ask[..],
        &["send 192.0.2.1:1 ping", "receive"],
        &ask,
    ];
    let run = open_host().run(&built.component, &steps.concat())?;
    let far = format!("receive: \"far\" from {outside}");
    let said = run.lines();
    assert_eq!(said[2], far, "{run:?}");
    assert_eq!(said[4], "receive: \"pong\" from 192.0.2.1:1", "{run:?}");
    assert_eq!(said[6], far, "{run:?}");
    assert_eq!(run.outcome.status, 0, "{run:?}");
    Ok(())
}
