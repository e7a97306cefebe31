//! Replies that end early, at each of their bytes, and scripts that are played again and again.

use anyhow::{Context, Result, ensure};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::script::{TALK, TALKS, play};

/// A conversation of one question and one reply, which a client cannot do without.
struct Reply {
    /// What the client is told.
    args: &'static [&'static str],
    port: u16,
    /// What comes before the reply.
    question: &'static str,
    reply: &'static str,
}

const REPLIES: [Reply; 3] = [
    Reply {
        args: &["redis", "redis://server.test/", "key", "1"],
        port: 6379,
        question: r#"{ expect = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n" }"#,
        reply: "$5\r\nhello\r\n",
    },
    Reply {
        args: &["http", "http://server.test/", "1"],
        port: 80,
        question: r#"{ expect-until = "\r\n\r\n" }"#,
        reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    },
    Reply {
        args: &["websocket", "ws://server.test:80/", "hello"],
        port: 80,
        question: r#"{ expect-until = "\r\n\r\n" }"#,
        reply: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    },
];

impl Reply {
    /// The script that sends so many bytes, and then does what `end` says: a line for each step.
    fn until(&self, count: usize, end: &str) -> String {
        let Reply { port, question, .. } = self;
        let bytes: Vec<_> = self.reply.bytes().take(count).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let send = match count {
            0 => String::new(),
            _ => format!("{{ send = {{ hex = \"{hex}\" }} }},\n"),
        };
        format!(
            "schema = 1\n\
             [[peer]]\n\
             name = \"server\"\n\
             at = \"tcp://server.test:{port}\"\n\
             script = [\n\
             {question},\n\
             {send}{end},\n\
             ]\n"
        )
    }

    /// What is told of the program then, around the number of bytes that it has written.
    fn told(&self, count: usize, how: &str) -> (String, String) {
        let (port, step) = (self.port, if count == 0 { 2 } else { 3 });
        let line = step + 5;
        let before = format!(
            "FAIL the program ended with status 1\n  peer \"server\" tcp 198.18.0.1:{port}, \
             connection 1, {how} by step {step}  (a.toml:{line})\n    it got "
        );
        let sent = self.reply.as_bytes().get(..count).unwrap_or_default();
        let last = sent.get(count.saturating_sub(16)..).unwrap_or_default();
        let after = match count {
            0 => " bytes and sent 0\n".to_owned(),
            1..=16 => format!(" bytes and sent {count}: {}\n", last.escape_ascii()),
            _ => format!(" bytes and sent {count}: ..{}\n", last.escape_ascii()),
        };
        (before, after)
    }
}

/// Whatever byte is the last one, the client says what is wrong and ends, and the report says which
/// step was the end of the connection, and behind which bytes.
#[test]
fn a_reply_may_end_at_each_of_its_bytes() -> Result<()> {
    for reply in &REPLIES {
        let ends = [
            ("{ reset = true }", "reset"),
            ("{ close = \"both\" }", "closed"),
        ];
        for (end, how) in ends {
            for count in 0..reply.reply.len() {
                let script = reply.until(count, end);
                let report = play(Guest::Clients, "a.toml", &script, reply.args)?;
                let stdout = String::from_utf8_lossy(&report.stdout);
                let is_orderly = report.status == Some(1) && stdout.starts_with("error: ");
                ensure!(is_orderly, "{script}{stdout}{report:?}");
                let told = report.to_string();
                let (before, after) = reply.told(count, how);
                let got = told.strip_prefix(&before);
                let got = got.and_then(|it| it.strip_suffix(&after)).map(str::parse);
                let has_asked = matches!(got, Some(Ok(20_u32..)));
                ensure!(has_asked, "{script}{stdout}{told}, not {before}N{after}");
            }
        }
    }
    Ok(())
}

/// All that may differ between two of them: nothing.
#[test]
fn a_script_is_played_the_same_way_a_thousand_times() -> Result<()> {
    let mut first = None;
    for round in 0..1000 {
        let report = play(Guest::Dialogue, "a.toml", TALK, &TALKS)?;
        let stdout = String::from_utf8(report.stdout.clone())?;
        let said = (report.status, stdout, report.to_string());
        let first = first.get_or_insert_with(|| said.clone());
        ensure!(*first == said, "round {round}: {said:?}, not {first:?}");
    }
    let (status, stdout, report) = first.context("it was played")?;
    assert_eq!(status, Some(1));
    assert!(
        stdout.ends_with("receive: \"y\" from 192.0.2.11:7\n7 ms have passed\n"),
        "{stdout}"
    );
    assert!(report.contains("step 5  (a.toml:"), "{report}");
    Ok(())
}
