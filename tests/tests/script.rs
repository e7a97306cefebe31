//! Scripts that are played to programs.

use anyhow::Result;
use sockvirt::script::*;
use sockvirt_guest_builder::Guest;
use sockvirt_tests::script::{build, run};

fn smoke() -> Script {
    let bytes = |text: &str| Bytes::literal(text.as_bytes());
    let send = |text: &str| {
        Action::Send(Send {
            bytes: bytes(text),
            segments: Segments::Each(1),
            gap: 5_000_000,
        })
    };
    let expect = |text: &str| {
        Action::Expect(Expect {
            frame: Frame::Exactly(bytes(text)),
            check: Check::default(),
            capture: None,
        })
    };
    let actions = vec![
        expect("PING\r\n"),
        Action::Wait(30_000_000_000),
        send("+PONG\r\n"),
        Action::ExpectClose(Close::Both),
    ];
    let steps: Vec<Step> = (1..)
        .zip(actions)
        .map(|(number, action)| Step {
            number,
            line: number,
            action,
        })
        .collect();
    Script {
        file: "a.toml".into(),
        strict: true,
        names: vec![Name {
            name: "cache.test".into(),
            line: 1,
            first: Found::Addresses(vec![[192, 0, 2, 10].into()]),
            times: None,
            then: None,
            delay: 0,
        }],
        peers: vec![Peer {
            name: "cache".into(),
            line: 2,
            protocol: Protocol::Tcp,
            at: vec![Target {
                net: Some(Net {
                    ip: [192, 0, 2, 10].into(),
                    bits: 32,
                }),
                first: 6379,
                last: 6379,
            }],
            serves: Serves::Connections(vec![Connection {
                line: 2,
                accept: Accept::Now,
                after: 0,
                times: Count::ONCE,
                steps: Run {
                    first: 0,
                    count: steps.len() as u32,
                },
            }]),
        }],
        steps,
        ..Script::default()
    }
}

#[test]
fn a_program_ends_as_its_script_does() -> Result<()> {
    let component = build(Guest::Dialogue, smoke())?;
    let connect = "connect cache.test:6379";
    let reads = ["read 9"; 7];
    let first = [connect, "write PING\\r\\n"];
    let good = run(&component, &[&first[..], &reads, &["time"]].concat())?;
    assert!(
        good.stdout
            .ends_with("read 9: \"\\n\"\n30030 ms have passed\n"),
        "{good:?}"
    );
    assert_eq!((good.stderr.as_str(), good.status), ("", 0));

    let bad = run(&component, &[connect, "write PING\\n", "read 9"])?;
    let expected = "\
FAIL peer \"cache\" tcp 192.0.2.10:6379, connection 1, step 1  (a.toml:1)
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
  peer \"cache\" tcp 192.0.2.10:6379, connection 1, step 1 waits  (a.toml:1)
";
    assert!(stuck.stderr.starts_with(expected), "{stuck:?}");
    assert_eq!(stuck.status, 1);
    Ok(())
}
