//! Scripts that are played to components of which several have to do with the network: a program, two
//! that it tells what to do, one that only sleeps, and one that only exits.

use anyhow::{Result, anyhow, ensure};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::peers::own_address;
use sockvirt_tests::recording::{Recording, Use};
use sockvirt_tests::script::{play, run};
use std::net::{IpAddr, SocketAddr};

/// The program, and the others beside it or deeper: all of WASI 0.2, or the program of 0.3.
const ENSEMBLES: [Guest; 3] = [Guest::Ensemble, Guest::EnsembleNested, Guest::Ensemble3];

/// A server for each of them, of which one takes its time.
const SERVERS: &str = r#"schema = 1
[[peer]]
name = "slow"
at = "tcp://slow.test:7"
script = [
  { expect = "ping" },
  { wait = "30s" },
  { send = "pong" },
  { expect-close = "both" },
]
[[peer]]
name = "other"
at = "tcp://192.0.2.11:7"
script = [{ expect = "ding" }, { send = "dong" }]
[[peer]]
name = "third"
at = "udp://192.0.2.12:7"
script = [{ expect = "who" }, { send = "me" }]
"#;

/// What each says to its own, by turns.
const CALLS: [&str; 11] = [
    "time",
    "player: connect slow.test:7",
    "another: connect 192.0.2.11:7",
    "player: write ping",
    "another: write ding",
    "bind 0.0.0.0:0",
    "send 192.0.2.12:7 who",
    "another: read 9",
    "receive",
    "player: read 9",
    "player: close",
];

const SAID: &str = "\
0 ms have passed
connect slow.test:7: done
connect 192.0.2.11:7: done
write ping: done
write ding: done
bind 0.0.0.0:0: done
send 192.0.2.12:7 who: done
read 9: \"dong\"
receive: \"me\" from 192.0.2.12:7
read 9: \"pong\"
close: done
";

/// A component that is built with a script, which `check` must take for what it is.
fn build(guest: Guest, file: &str, script: &str) -> Result<Vec<u8>> {
    let policy = Policy::from_toml_with(script, file, &|name| Err(format!("no {name}")));
    let policy = policy.map_err(|e| anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&guest.build()?)?;
    assert_eq!(built.report.mode, Mode::Script);
    let check = sockvirt::check(&built.component)?;
    ensure!(check.passed() && check.enforced, "{check:?}");
    ensure!(check.script_digest.is_some(), "{check:?}");
    Ok(built.component)
}

fn stdout_of(report: &sockvirt::TestReport) -> String {
    String::from_utf8_lossy(&report.stdout).into_owned()
}

/// Each has its own conversation, and half a minute passes for all of them at once.
#[test]
fn each_talks_to_its_own_server() -> Result<()> {
    for guest in ENSEMBLES {
        let args = [&CALLS[..], &["time", "another: time"]].concat();
        let report = play(guest, "servers.toml", SERVERS, &args)?;
        assert!(report.passed(), "{report}");
        let all = format!("{SAID}30000 ms have passed\n30000 ms have passed\n");
        assert_eq!(stdout_of(&report), all);
        assert_eq!(report.stderr, b"");
    }
    Ok(())
}

/// The verdict is the exit status of what was built, on any host, and the report on its standard error.
#[test]
fn what_is_built_ends_as_its_script_does() -> Result<()> {
    for guest in [Guest::Ensemble, Guest::Ensemble3] {
        ends_as_its_script_does(&build(guest, "servers.toml", SERVERS)?)?;
    }
    Ok(())
}

fn ends_as_its_script_does(component: &[u8]) -> Result<()> {
    let inspected = sockvirt::inspect(component)?;
    let script = inspected.script.expect("it has one");
    assert_eq!((script.file.as_str(), script.peers), ("servers.toml", 3));

    let good = run(component, &CALLS)?;
    assert_eq!(good.stdout, SAID);
    assert_eq!((good.stderr.as_str(), good.status), ("", 0));

    // Another one than the one that runs is wrong.
    let wrong: Vec<_> = CALLS.iter().map(|it| it.replace("ding", "dang")).collect();
    let wrong: Vec<_> = wrong.iter().map(String::as_str).collect();
    let bad = run(component, &[&wrong[..7], &wrong[9..]].concat())?;
    let expected = "\
FAIL peer \"other\" tcp 192.0.2.11:7, connection 1, step 1  (servers.toml:14)
  expected  ding                     64 69 6e 67
  got       dang                     64 61 6e 67
                                        ^ byte 1 (stream offset 1)
  unused: step 2
";
    assert_eq!((bad.stderr.as_str(), bad.status), (expected, 1));

    // What is told needs nobody who has called.
    let idle = run(component, &[])?;
    let lines: Vec<_> = idle.stderr.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "FAIL peer \"slow\" tcp  (servers.toml:2)",
            "  unused: connection 1 never opened"
        ],
        "{idle:?}"
    );
    assert_eq!(idle.status, 1);
    Ok(())
}

/// A component without sockets sleeps on the script's time, and everybody grows older by it.
#[test]
fn who_has_no_sockets_lives_on_the_script_s_time() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"late\"\nat = \"tcp://192.0.2.10:7\"\n\
                  script = [{ wait = \"10m\" }, { send = \"late\" }]\n";
    let args = [
        "another: time",
        "player: connect 192.0.2.10:7",
        "sleeper: sleep 3600000",
        "sleeper: date",
        "another: time",
        "player: read 9",
        "another: time",
    ];
    for guest in ENSEMBLES {
        let report = play(guest, "late.toml", script, &args)?;
        let expected = "0 ms have passed\nconnect 192.0.2.10:7: done\n\
                        sleep 3600000: 3600000 ms\n20454 days\n3600000 ms have passed\n\
                        read 9: \"late\"\n3600000 ms have passed\n";
        assert_eq!(stdout_of(&report), expected, "{report}");
        assert!(report.passed(), "{report}");
    }
    Ok(())
}

/// Where the one that is run has a clock of 0.3 and no sockets, that is the script's too.
#[test]
fn who_has_a_clock_of_0_3_lives_on_the_script_s_time() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"late\"\nat = \"tcp://192.0.2.10:7\"\n\
                  script = [{ wait = \"10m\" }, { send = \"late\" }]\n";
    let args = [
        "time",
        "another: time",
        "player: connect 192.0.2.10:7",
        "sleep 3600000",
        "date",
        "sleeper: date",
        "player: read 9",
        "sleeper: sleep 3600000",
        "another: time",
        "time",
    ];
    let expected = "0 ms have passed\n0 ms have passed\nconnect 192.0.2.10:7: done\n\
                    sleep 3600000: done\n20454 days\n20454 days\nread 9: \"late\"\n\
                    sleep 3600000: 3600000 ms\n7200000 ms have passed\n7200000 ms have passed\n";
    let report = play(Guest::Conducted, "late.toml", script, &args)?;
    assert_eq!(stdout_of(&report), expected, "{report}");
    assert!(report.passed(), "{report}");
    let component = build(Guest::Conducted, "late.toml", script)?;
    let good = run(&component, &args)?;
    assert_eq!((good.stdout.as_str(), good.status), (expected, 0));
    let bad = run(&component, &args[..2])?;
    let first = "FAIL peer \"late\" tcp  (late.toml:2)\n";
    assert!(bad.stderr.starts_with(first), "{bad:?}");
    assert_eq!(bad.status, 1);
    Ok(())
}

/// Whoever of them exits, the script has the last word.
#[test]
fn who_exits_ends_the_script() -> Result<()> {
    for guest in [Guest::Ensemble, Guest::Ensemble3] {
        let play = |args: &[&str]| play(guest, "servers.toml", SERVERS, args);
        for who in ["", "player: ", "another: ", "sleeper: ", "quitter: "] {
            // `exit` knows well or not.
            for (status, expected) in [("0", 0), ("3", 1)] {
                let exit = format!("{who}exit {status}");
                let bad = play(&[&exit])?;
                assert_eq!(bad.status, Some(1), "{exit}: {bad}");
                let unused = "FAIL peer \"slow\" tcp  (servers.toml:2)";
                assert!(bad.to_string().starts_with(unused), "{exit}: {bad}");
                let good = play(&[&CALLS[..], &[&exit]].concat())?;
                assert_eq!(good.status, Some(expected), "{exit}: {good}");
                let told = "FAIL the program ended with status 1\n";
                let is_told = good.to_string().starts_with(told);
                assert_eq!(is_told, expected == 1, "{exit}: {good}");
            }
        }
    }
    Ok(())
}

/// Who waits for what can never happen is told so, wherever it is.
#[test]
fn who_waits_for_ever_is_told() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"mute\"\nat = \"tcp://192.0.2.10:7\"\n\
                  script = [{ expect = \"never\" }]\n";
    let expected = "\
FAIL the program waits for what can never happen
  it waits for tcp 10.0.0.1:32768 -> 192.0.2.10:7 (reading)
  peer \"mute\" tcp 192.0.2.10:7, connection 1, step 1 waits  (mute.toml:5)
FAIL peer \"mute\" tcp 192.0.2.10:7, connection 1, step 1  (mute.toml:5)
  the program ended before this step was over
";
    for guest in ENSEMBLES {
        for who in ["", "player: ", "another: "] {
            let args = [format!("{who}connect 192.0.2.10:7"), format!("{who}read 9")];
            let stuck = play(guest, "mute.toml", script, &[&args[0], &args[1]])?;
            assert_eq!(stuck.to_string(), expected, "{who}");
            assert_eq!(stuck.status, Some(1));
        }
    }
    for guest in [Guest::Ensemble, Guest::Ensemble3] {
        let component = build(guest, "mute.toml", script)?;
        let args = ["player: connect 192.0.2.10:7", "player: read 9"];
        let stuck = run(&component, &args)?;
        assert_eq!((stuck.stderr.as_str(), stuck.status), (expected, 1));
    }
    Ok(())
}

/// Clients connect to whoever listens, and the program ends when the last one is done: it would serve
/// for ever. They reach each other meanwhile.
#[test]
fn clients_are_served_by_each() -> Result<()> {
    let script = r#"schema = 1
[[client]]
to = "tcp://0.0.0.0:8080"
script = [{ send = "to one" }, { expect = "from one" }, { signal = "next" }]
[[client]]
to = "tcp://0.0.0.0:9090"
script = [{ await = "next" }, { send = "to two" }, { expect = "from two" }, { wait = "5s" }]
"#;
    let args = [
        "player: listen 0.0.0.0:8080",
        "another: listen 0.0.0.0:9090",
        "player: accept",
        "another: accept",
        "player: read 9",
        "player: write from one",
        "another: read 9",
        "another: write from two",
        "connect 127.0.0.1:8080",
        "write inside",
        "player: accept",
        "player: read 9",
        "player: accept",
        "never",
    ];
    let expected = "listen 0.0.0.0:8080: done\nlisten 0.0.0.0:9090: done\n\
                    accept: 203.0.113.1:40001\naccept: 203.0.113.1:40002\n\
                    read 9: \"to one\"\nwrite from one: done\n\
                    read 9: \"to two\"\nwrite from two: done\n\
                    connect 127.0.0.1:8080: done\nwrite inside: done\n";
    for guest in ENSEMBLES {
        let report = play(guest, "clients.toml", script, &args)?;
        let stdout = stdout_of(&report);
        assert!(stdout.starts_with(expected), "{report}{stdout}");
        assert!(
            stdout.ends_with("\nread 9: \"inside\"\n"),
            "{report}{stdout}"
        );
        assert!(report.passed(), "{report}");
    }
    Ok(())
}

/// With `on-mismatch = "trap"` the program is ended, whoever calls next.
#[test]
fn a_mismatch_ends_the_program_wherever_it_is() -> Result<()> {
    let script = "schema = 1\n[report]\non-mismatch = \"trap\"\n\
                  [[peer]]\nname = \"strict\"\nat = \"tcp://192.0.2.10:7\"\n\
                  script = [{ expect = \"good\" }]\n";
    for guest in [Guest::Ensemble, Guest::Ensemble3] {
        let component = build(guest, "strict.toml", script)?;
        let args = [
            "player: connect 192.0.2.10:7",
            "player: write bad",
            "sleeper: sleep 1",
        ];
        let ended = run(&component, &args)?;
        assert_eq!(ended.status, 1, "{ended:?}");
        let first =
            "FAIL peer \"strict\" tcp 192.0.2.10:7, connection 1, step 1  (strict.toml:7)\n";
        assert!(ended.stderr.starts_with(first), "{ended:?}");
        assert!(ended.stdout.ends_with("write bad: done\n"), "{ended:?}");
    }
    Ok(())
}

/// A script of any length is given to the instance, and so is a report.
#[test]
fn a_long_script_is_played() -> Result<()> {
    let long = "x".repeat(100_000);
    let script = format!(
        "schema = 1\n[[peer]]\nname = \"long\"\nat = \"tcp://192.0.2.10:7\"\nscript = [{{ send = \"{long}\" }}]\n"
    );
    let report = play(
        Guest::Ensemble,
        "long.toml",
        &script,
        &["player: connect 192.0.2.10:7", "player: read-all"],
    )?;
    assert!(report.passed(), "{report}");
    assert!(stdout_of(&report).ends_with("read-all: 100000 bytes\n"));
    let peers: String = (0..60)
        .map(|it| {
            format!(
                "[[peer]]\nname = \"{}{it}\"\nat = \"tcp://192.0.2.10:{}\"\n",
                "y".repeat(60),
                it + 1
            )
        })
        .collect();
    let many =
        format!("schema = 1\n{}", peers.replace("\n[[", "\nscript = []\n[[")) + "script = []\n";
    let report = play(Guest::Ensemble, "many.toml", &many, &["player: time"])?;
    assert_eq!(report.failures.len(), 60, "{report}");
    assert!(report.to_string().len() > 4096);
    Ok(())
}

/// Rules that lead to the host stand beside the script, in each of them.
#[test]
fn a_script_stands_beside_what_is_the_hosts() -> Result<()> {
    let ip = own_address();
    let server = sockvirt_tests::peers::echo_server(&ip.to_string());
    let script = format!(
        "schema = 1\n[[allow]]\nto = \"{ip}\"\nport = {}\nproto = \"tcp\"\n\
         [[peer]]\nname = \"peer\"\nat = \"tcp://192.0.2.1:1\"\n\
         script = [{{ expect = \"ping\" }}, {{ wait = \"30s\" }}, {{ send = \"pong\" }}, {{ expect-close = \"both\" }}]\n",
        server.port()
    );
    for guest in [Guest::Ensemble, Guest::Ensemble3, Guest::Conducted] {
        stands_beside_what_is_the_hosts(guest, &script, ip, server)?;
    }
    Ok(())
}

fn stands_beside_what_is_the_hosts(
    guest: Guest,
    script: &str,
    ip: IpAddr,
    server: SocketAddr,
) -> Result<()> {
    let component = build(guest, "some.toml", script)?;
    let connect = format!("another: connect {server}");
    let args = [
        "player: connect 192.0.2.1:1",
        "player: write ping",
        &connect,
        "another: write hello",
        "another: shutdown",
        "another: read 9",
        "player: read 9",
        "another: connect 203.0.113.1:80",
        "player: close",
    ];
    let run = Recording::new().letting(ip).run(&component, &args)?;
    let said = run.lines();
    assert_eq!(
        said[5..7],
        ["read 9: \"hello\"", "read 9: \"pong\""],
        "{run:?}"
    );
    assert!(said[7].ends_with("PermissionDenied"), "{run:?}");
    assert_eq!(
        (run.outcome.status, run.outcome.stderr.as_str()),
        (0, ""),
        "{run:?}"
    );
    assert_eq!(run.reached_by(Use::TcpConnect), [server.to_string()]);
    Ok(())
}

/// As `docs/scripts.md` has it, for a component that is made of several.
#[test]
fn a_test_is_three_lines() -> Result<()> {
    let script = Policy::from_toml(
        "schema = 1\n[[peer]]\nname = \"p\"\nat = \"tcp://192.0.2.1:1\"\nscript = []\n",
    );
    let report = sockvirt::test(
        &Guest::Ensemble.build()?,
        &script.map_err(|e| anyhow!("{e}"))?,
    )?;
    assert!(!report.passed());
    let expected = "FAIL peer \"p\" tcp  (line 2)\n  unused: connection 1 never opened\n";
    assert_eq!(report.to_string(), expected);
    Ok(())
}
