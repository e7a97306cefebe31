//! Programs and scripts in one component, whose exit status is the verdict.

use anyhow::{Result, anyhow};
use sockvirt::{Mode, Policy, Virtualizer};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::script::{play, run};

const SCRIPT: &str = r#"schema = 1
[dns.hosts]
"cache.test" = { answer = ["192.0.2.10"] }
[[peer]]
name = "cache"
at = "tcp://cache.test:6379"
script = [
  { expect = "PING\r\n" },
  { wait = "30s" },
  { send = "+PONG\r\n", segment = 1, gap = "5ms" },
  { expect-close = "both" },
]
"#;

#[test]
fn a_program_ends_as_its_script_does() -> Result<()> {
    let policy = Policy::from_toml_with(SCRIPT, "a.toml", &|name| Err(format!("no {name}")));
    let policy = policy.map_err(|e| anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue.build()?)?;
    assert_eq!(built.report.mode, Mode::Script);
    assert_eq!(built.report.network_imports().count(), 0);
    let check = sockvirt::check(&built.component)?;
    assert!(check.passed() && check.enforced, "{check:?}");
    let component = built.component;
    // It is what it is: no second verdict goes around it.
    let again = Virtualizer::new(Policy::deny_all()).build(&component)?;
    assert_eq!(again.report.mode, Mode::Copied);
    assert!(again.component == component);

    let connect = "connect cache.test:6379";
    let reads = ["read 9"; 7];
    let first = [connect, "write PING\\r\\n"];
    let good = run(&component, &[&first[..], &reads, &["time"]].concat())?;
    let end = "read 9: \"\\n\"\n30030 ms have passed\n";
    assert!(good.stdout.ends_with(end), "{good:?}");
    assert_eq!((good.stderr.as_str(), good.status), ("", 0));

    let bad = run(&component, &[connect, "write PING\\n", "read 9"])?;
    let expected = "\
FAIL peer \"cache\" tcp 192.0.2.10:6379, connection 1, step 1  (a.toml:8)
  expected  PING\\r\\n                 50 49 4e 47 0d 0a
  got       PING\\n                   50 49 4e 47 0a
                                                 ^ byte 4 (stream offset 4)
  note: equal if LF is replaced by CRLF
  unused: steps 2-4
";
    assert_eq!((bad.stderr.as_str(), bad.status), (expected, 1));

    let stuck = run(&component, &[connect, "write PI", "read 9"])?;
    let expected = "\
FAIL the program waits for what can never happen
  it waits for tcp 10.0.0.1:32768 -> 192.0.2.10:6379 (reading)
  peer \"cache\" tcp 192.0.2.10:6379, connection 1, step 1 waits  (a.toml:8)
";
    assert!(stuck.stderr.starts_with(expected), "{stuck:?}");
    assert_eq!(stuck.status, 1);
    Ok(())
}

/// What stands for the name of a peer is nothing that a redirect gives a name of its own.
#[test]
fn names_of_peers_and_of_redirects_have_addresses_of_their_own() -> Result<()> {
    let script = "schema = 1\n[[peer]]\nname = \"near\"\nat = \"tcp://near.test:7\"\n\
                  script = [{ send = \"near\" }]\n\
                  [[redirect]]\nfrom = \"tcp://far.test:7\"\nto = \"192.0.2.1:7\"\n";
    let args = [
        "resolve far.test",
        "resolve near.test",
        "connect near.test:7",
        "read 9",
    ];
    let report = play(Guest::Dialogue, "a.toml", script, &args)?;
    let stdout = String::from_utf8(report.stdout.clone())?;
    let expected = "resolve far.test: 198.18.4.0\nresolve near.test: 198.18.0.1\n\
                    connect near.test:7: done\nread 9: \"near\"\n";
    assert_eq!(stdout, expected, "{report}");
    assert!(report.passed(), "{report}");
    Ok(())
}

/// tokio, with a hundred connections at once.
#[test]
fn many_connections_are_echoed() -> Result<()> {
    let script = |connections: &str| {
        format!(
            "schema = 1\n[[peer]]\nname = \"echo\"\nat = \"tcp://192.0.2.1:7\"\n\
             service = \"echo\"\nconnections = \"{connections}\"\n"
        )
    };
    let args = ["192.0.2.1:7", "100", "100000"];
    let all = play(Guest::Echo, "all.toml", &script("100"), &args)?;
    assert!(all.passed(), "{all}");
    assert_eq!(all.stdout, b"echoed 100\n");
    let few = play(Guest::Echo, "few.toml", &script("1-99"), &args)?;
    assert_eq!(few.stdout, b"ConnectionRefused\nechoed 99\n");
    let expected = "\
FAIL peer \"echo\" tcp 192.0.2.1:7, connection 100  (few.toml:2)
  this connection was not expected
";
    assert_eq!(few.to_string(), expected);
    Ok(())
}
