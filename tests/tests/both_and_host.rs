//! Programs with sockets of WASI 0.2 and of 0.3 that have one network in memory, and beside it what a
//! policy lets through to the host: to the sockets there of the generation that the program used. As in
//! `loopback_and_host.rs`, what is the host's is at the address that the machine itself has.

use anyhow::Result;
use sockvirt::policy::{Flag, LoopbackMode};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback_and_host::{datagrams, open_host, server};
use sockvirt_tests::peers::{self, own_address};
use sockvirt_tests::recording::{Run, Use};
use sockvirt_tests::script::{PEERS_OF_BOTH, play};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

fn policy<const N: usize>(flags: [&str; N]) -> Result<Policy> {
    let mut policy = Policy::deny_all();
    for flag in flags {
        policy = policy.with_flag(Flag::allow(flag)?)?;
    }
    Ok(policy.with_loopback(LoopbackMode::Virtual))
}

/// A program under a policy, which imports of sockets what it did, and no more than it did of all.
fn build(guest: Guest, policy: Policy, mode: Mode) -> Result<Vec<u8>> {
    let bytes = guest.build()?;
    let built = Virtualizer::new(policy).build(&bytes)?;
    assert_eq!(built.report.mode, mode);
    let checked = sockvirt::check(&built.component)?;
    assert!(checked.enforced && checked.passed(), "{checked:?}");
    let [before, after] = [&bytes, &built.component].map(|it| sockvirt::inspect(it));
    let (before, after) = (before?.imports, after?.imports);
    let mut added = after.iter().filter(|it| !before.contains(it));
    // What tells of a script.
    let is_known = |it: &String| mode == Mode::Script && !it.starts_with("wasi:sockets");
    assert!(added.all(is_known), "{before:?} {after:?}");
    Ok(built.component)
}

fn run<const N: usize>(flags: [&str; N], argument: &str) -> Result<Run> {
    let component = build(Guest::Both, policy(flags)?, Mode::Loopback)?;
    let run = open_host().run(&component, &[argument])?;
    assert_eq!(run.outcome.status, 0, "{run:?}");
    Ok(run)
}

/// Somebody who must hear nothing, and where that is.
fn nobody() -> Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((own_address(), 0))?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

#[test]
fn both_reach_a_server_of_the_hosts() -> Result<()> {
    let (server, denied) = (server(), server());
    let run = run(
        [&*format!("tcp://{server}")],
        &format!("outside {server} {denied}"),
    )?;
    let expected = "old: \"OLD\"\nnew: Ok(\"NEW\")\nold denied: Err(PermissionDenied)\n\
        new denied: Err(ErrorCode::AccessDenied)\n";
    assert_eq!(run.outcome.stdout, expected);
    let server = server.to_string();
    assert_eq!(
        run.reached_by(Use::TcpConnect),
        [&*server, &server],
        "{run:?}"
    );
    Ok(())
}

#[test]
fn what_is_in_memory_goes_on_with_what_the_host_says() -> Result<()> {
    let server = server();
    let run = run([&*format!("tcp://{server}")], &format!("relays {server}"))?;
    let expected = "left: 0\nanswer: Ok(8)\nanswer: \"QUESTION\"\n\
        results: (Ok(()), (Ok(()), Ok(())), Ok(()))\nanswer: Ok(\"AT LENGTH\")\n";
    assert_eq!(run.outcome.stdout, expected);
    Ok(())
}

#[test]
fn datagrams_of_both_go_where_they_lead() -> Result<()> {
    let (server, (unheard, denied)) = (datagrams(), nobody()?);
    let rules = [
        &*format!("send=udp://{server}"),
        &*format!("connect=udp://{server}"),
    ];
    let run = run(rules, &format!("reach {server} {denied}"))?;
    let round = format!(
        "old: (3, {server})\nnew: (Ok(\"new\"), {server})\n\
         near: (Ok(\"to new\"), 127.0.0.1:9000)\nnear: (6, 127.0.0.1:9001)\n"
    );
    let rest = "old denied: Err(PermissionDenied)\nnew denied: Err(ErrorCode::AccessDenied)\nold: 5\nnew: 5\n";
    assert_eq!(run.outcome.stdout, round.repeat(2) + rest);
    let mut reached = run.reached();
    reached.sort();
    reached.dedup();
    let [receives, sends] = ["receive", "send"].map(|it| format!("udp-{it} {server}"));
    assert_eq!(reached, ["udp-bind 0.0.0.0:0", &receives, &sends]);
    let heard = unheard.recv_from(&mut [0; 10]).map_err(|e| e.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn listeners_of_both_have_clients_of_the_hosts() -> Result<()> {
    let own = own_address().to_string();
    let [old, new] = [(); 2].map(|()| SocketAddr::new(own_address(), peers::free_port(&own)));
    let from = own.clone();
    let clients = thread::spawn(move || -> Result<_> {
        let first = peers::ask(&from, old, "to old")?;
        Ok([first, peers::ask(&from, new, "to new")?])
    });
    let rules = [old, new].map(|it| format!("listen=tcp://{it}"));
    let run = run([&*rules[0], &rules[1]], &format!("listens {old} {new}"))?;
    let expected = "old: true\nold: \"to old\"\nnew: (Ok(\"to new\"), Ok(\"near\"))\nleft: 0\n";
    assert_eq!(run.outcome.stdout, expected);
    assert_eq!(clients.join().expect("no panic")?, ["of old", "of new"]);
    let [old, new] = [old, new].map(|it| it.to_string());
    assert_eq!(run.reached_by(Use::TcpListen), [&*old, &new], "{run:?}");
    Ok(())
}

/// What a name stands for may be asked where the name may be, whoever of both has looked it up.
#[test]
fn names_of_both_go_to_either() -> Result<()> {
    let (server, own) = (server(), own_address());
    let port = server.port();
    let rule = |name| Flag::allow(&format!("tcp://{name}.test:{port}#resolves-to={own}"));
    let policy = policy([])?
        .with_flag(Flag::host(&format!("there.test={own}"))?)?
        .with_flag(Flag::host("here.test=127.0.0.1")?)?
        .with_flag(rule("there")?)?
        .with_flag(rule("asked")?)?;
    let host = open_host().answering("asked.test", [&*own.to_string()]);
    let names = ["there", "asked", "here", "other"].map(|it| format!("finds {it}.test {port}"));
    let names = names.each_ref().map(String::as_str);
    let run = host.run(&build(Guest::Both, policy, Mode::Loopback)?, &names)?;
    let expected = "old: Ok(\"OLD\")\nnew: Ok(\"NEW\")\n".repeat(2)
        + "old: Err(ConnectionRefused)\nnew: Err(ErrorCode::ConnectionRefused)\n"
        + "old: Err(Uncategorized)\nnew: ErrorCode::PermanentResolverFailure\n";
    assert_eq!(run.outcome.stdout, expected);
    assert_eq!(run.names, ["asked.test"; 2]);
    Ok(())
}

#[test]
fn what_is_in_memory_and_what_is_the_hosts_are_waited_for_together() -> Result<()> {
    let server = server();
    let run = run([&*format!("tcp://{server}")], &format!("polls {server}"))?;
    let expected = "left: 0\npoll: [0]\nnear: Ok(\"one\")\nleft: 0\npoll: [0]\nnear: Ok(\"two\")\n\
        poll: [2]\npoll: [1]\nfar: Ok(\"FAR\")\nleft: 0\nnear: Ok(\"three\")\n";
    assert_eq!(run.outcome.stdout, expected);
    Ok(())
}

#[test]
fn everything_is_waited_for_at_once() -> Result<()> {
    let server = slow_server()?;
    let run = run([&*format!("tcp://{server}")], &format!("at-once {server}"))?;
    assert_eq!(run.outcome.stdout, "at once: (11, 0, (4, true, true))\n");
    Ok(())
}

/// Whatever leads to the host, what is in memory is as it is without.
#[test]
fn what_is_in_memory_is_the_same() -> Result<()> {
    let rules = ["tcp://203.0.113.9:80", "udp://203.0.113.9:80"];
    let mixed = build(Guest::Both, policy(rules)?, Mode::Loopback)?;
    let alone = build(Guest::Both, policy([])?, Mode::Loopback)?;
    let names = [
        "old-client",
        "new-client",
        "bulk",
        "half",
        "queued",
        "unaccepted",
        "backlog",
        "behind",
        "datagrams",
        "in-use",
    ];
    let alone = host::run_with(&alone, Sockets::None, &names)?;
    let run = open_host().run(&mixed, &names)?;
    assert_eq!(run.outcome, alone);
    assert_eq!(run.reached(), [""; 0]);
    Ok(())
}

/// The rules, and peers for both.
fn script(rules: &str) -> Result<Policy> {
    Policy::from_toml(&(PEERS_OF_BOTH.to_owned() + rules)).map_err(|e| anyhow::anyhow!("{e}"))
}

fn rule(address: SocketAddr, proto: &str, op: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("[[allow]]\nto = \"{ip}\"\nport = {port}\nproto = \"{proto}\"\n{op}\n")
}

/// Some destinations are played, some are the host's, and the rest is denied.
#[test]
fn a_script_stands_beside_what_is_the_hosts() -> Result<()> {
    let (server, denied) = (server(), server());
    let (outside, (unheard, lost)) = (datagrams(), nobody()?);
    let rules = rule(server, "tcp", "") + &rule(outside, "udp", "op = [\"send\", \"connect\"]");
    let component = build(Guest::Both, script(&rules)?, Mode::Script)?;
    let arguments = [
        &*format!("outside {server} {denied}"),
        &format!("reach {outside} {lost}"),
        "asks",
    ];
    let run = open_host().run(&component, &arguments)?;
    let said = &run.outcome.stdout;
    assert!(
        said.starts_with("old: \"OLD\"\nnew: Ok(\"NEW\")\nold denied: Err"),
        "{run:?}"
    );
    assert!(
        said.contains(&format!(
            "old: (3, {outside})\nnew: (Ok(\"new\"), {outside})\n"
        )),
        "{run:?}"
    );
    assert!(said.ends_with("sent: Ok(())\nnew: Ok([98])\n"), "{run:?}");
    assert_eq!(
        (run.outcome.status, &*run.outcome.stderr),
        (0, ""),
        "{run:?}"
    );
    let connected = run.reached_by(Use::TcpConnect);
    assert_eq!(
        connected,
        [server.to_string(), server.to_string()],
        "{run:?}"
    );
    let sent = run.reached_by(Use::UdpSend);
    assert!(sent.iter().all(|it| *it == outside.to_string()), "{run:?}");
    let heard = unheard.recv_from(&mut [0; 10]).map_err(|e| e.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    // Who has not asked the peers is told so.
    let run = open_host().run(&component, &arguments[..1])?;
    assert_eq!(run.outcome.status, 1, "{run:?}");
    assert!(
        run.outcome.stderr.contains("FAIL peer \"cache\""),
        "{run:?}"
    );
    Ok(())
}

/// Who waits for the host's datagrams has time pass for those that are played.
#[test]
fn a_socket_has_datagrams_of_the_hosts_and_of_a_script() -> Result<()> {
    let outside = datagrams();
    let policy = rule(outside, "udp", "op = \"send\"")
        + "[[peer]]\nat = \"udp://192.0.2.53:53\"\n\
            [[peer.connection]]\nscript = [{ expect = \"old\" }, { wait = \"20ms\" }, { send = \"a\" }]\n\
            [[peer.connection]]\nscript = [{ expect = \"new\" }, { wait = \"30ms\" }, { send = \"b\" }]\n";
    let policy = format!("schema = 1\n{policy}");
    let policy = Policy::from_toml(&policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let component = build(Guest::Both, policy, Mode::Script)?;
    let run = open_host().run(&component, &[&format!("asks-two {outside} 192.0.2.53:53")])?;
    let both = format!("old: (3, {outside})\nnew: (3, {outside})\n");
    let played = "old: (1, 192.0.2.53:53)\nnew: (1, 192.0.2.53:53)\n";
    assert_eq!(
        run.outcome.stdout,
        format!("{both}{played}{both}"),
        "{run:?}"
    );
    assert_eq!((run.outcome.status, &*run.outcome.stderr), (0, ""));
    Ok(())
}

/// A server that says something twice, each time a while after, and waits to be left.
fn slow_server() -> Result<SocketAddr> {
    let listener = TcpListener::bind((own_address(), 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            thread::spawn(move || -> std::io::Result<()> {
                for text in ["first", "second"] {
                    thread::sleep(Duration::from_millis(200));
                    stream.write_all(text.as_bytes())?;
                }
                stream.read(&mut [0]).map(drop)
            });
        }
        std::io::Result::Ok(())
    });
    Ok(address)
}

/// While a program has sockets of the host's, time is the host's; before and after, it is skipped.
#[test]
fn time_of_a_script_is_not_skipped_while_the_host_may_be_waited_for() -> Result<()> {
    let server = slow_server()?;
    let component = build(Guest::Both, script(&rule(server, "tcp", ""))?, Mode::Script)?;
    let run = open_host().run(&component, &[&*format!("late {server}"), "asks"])?;
    let expected = "blocking: Ok(())\nlooking: (6, true)\nnew: 5\nhours: (0, 20)\n";
    assert!(run.outcome.stdout.starts_with(expected), "{run:?}");
    assert_eq!(
        (run.outcome.status, &*run.outcome.stderr),
        (0, ""),
        "{run:?}"
    );
    Ok(())
}

/// Whoever of both does something, the script goes on with it.
#[test]
fn a_script_goes_on_while_the_host_is_waited_for() -> Result<()> {
    let server = slow_server()?;
    let policy = "schema = 1\n".to_owned()
        + &rule(server, "tcp", "")
        + r#"
[[peer]]
at = "tcp://192.0.2.1:1"
script = [{ await = "go" }, { send = "gone" }]
[[peer]]
at = "tcp://192.0.2.2:2"
script = [{ expect = "x" }, { wait = "20ms" }, { signal = "go" }]
"#;
    let signals = format!("signals {server} 192.0.2.1:1 192.0.2.2:2");
    let arguments = [&*signals, &format!("at-once {server}")];
    let component = Policy::from_toml(&policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let component = build(Guest::Both, component, Mode::Script)?;
    let run = open_host().run(&component, &arguments)?;
    let expected = "gone: Ok(\"gone\")\nat once: (11, 0, (4, true, true))\n";
    assert_eq!(run.outcome.stdout, expected, "{run:?}");
    assert_eq!((run.outcome.status, &*run.outcome.stderr), (0, ""));
    // The same of one that is compiled once for any script.
    let good = play(Guest::Both, "a.toml", &policy, &arguments)?;
    assert!(good.passed(), "{good:?}");
    assert_eq!(good.stdout, expected.as_bytes());
    let bad = play(Guest::Both, "a.toml", &policy, &arguments[1..])?;
    assert!(bad.to_string().starts_with("FAIL peer "), "{bad}");
    Ok(())
}

/// A server that goes on for ever ends with its script, whatever it waits for.
#[test]
fn servers_end_with_their_script() -> Result<()> {
    let script = r#"schema = 1
[[allow]]
to = "203.0.113.9"
port = 80
[[client]]
to = "tcp://127.0.0.1:80"
script = [{ expect = "old" }]
[[client]]
to = "tcp://127.0.0.1:82"
script = [{ wait = "1m" }, { expect = "new" }]
"#;
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let component = build(Guest::Both, policy, Mode::Script)?;
    for argument in ["for-ever-in-0.2", "for-ever-in-0.3"] {
        let run = open_host().run(&component, &[argument])?;
        let ended = (run.outcome.status, &*run.outcome.stderr);
        assert_eq!(ended, (0, ""), "{argument}");
    }
    Ok(())
}

/// On a host this would wait for ever.
#[test]
fn what_can_never_come_is_told() -> Result<()> {
    let component = build(
        Guest::Both,
        policy(["tcp://203.0.113.9:80"])?,
        Mode::Loopback,
    )?;
    let ended = open_host()
        .run(&component, &["stuck"])
        .expect_err("it waits for ever");
    let told = "deadlock: nothing can happen any more on tcp 127.0.0.1:32769 -> 127.0.0.1:32768";
    assert!(format!("{ended:?}").contains(told), "{ended:?}");
    Ok(())
}

/// The clock of 0.2 and `exit` of both are the script's too where sockets of 0.3 lead to the host.
#[test]
fn a_clock_of_0_2_and_any_exit_are_the_scripts_beside_what_is_the_hosts() -> Result<()> {
    let (server, denied) = (slow_server()?, slow_server()?);
    let build = |steps: &str| -> Result<Vec<u8>> {
        let peer = "[[peer]]\nname = \"p\"\nat = \"tcp://192.0.2.10:7\"\n";
        let policy = format!(
            "schema = 1\n{}{peer}script = [{steps}]\n",
            rule(server, "tcp", "")
        );
        let policy = Policy::from_toml(&policy).map_err(|e| anyhow::anyhow!("{e}"))?;
        build(Guest::Naps3, policy, Mode::Script)
    };
    let good = "{ expect = \"hello\" }, { send = \"there\" }";
    let [well, ill] = [good, &format!("{good}, {{ expect = \"more\" }}")].map(build);
    let (well, ill) = (well?, ill?);
    let said = "(60, 60) (Ok(20454), 20454) [116, 104, 101, 114, 101]\n";
    let heard = "(Ok([102, 105, 114, 115, 116]), 2)\n";
    for argument in ["", "exits", "exits-3"] {
        let arguments = [argument, &server.to_string()];
        let run = open_host().run(&well, &arguments)?;
        assert_eq!(run.outcome.stdout, said.to_owned() + heard, "{argument}");
        assert_eq!(
            (run.outcome.status, &*run.outcome.stderr),
            (0, ""),
            "{argument}"
        );
        assert_eq!(
            run.reached_by(Use::TcpConnect),
            [server.to_string()],
            "{argument}"
        );
        let run = open_host().run(&ill, &arguments)?;
        assert_eq!(run.outcome.status, 1, "{run:?}");
        assert!(run.outcome.stderr.starts_with("FAIL peer \"p\""), "{run:?}");
    }
    let run = open_host().run(&well, &["", &denied.to_string()])?;
    assert_eq!(
        run.outcome.stdout,
        said.to_owned() + "(Err(ErrorCode::AccessDenied), 0)\n"
    );
    assert_eq!(run.reached_by(Use::TcpConnect), [""; 0]);
    Ok(())
}
