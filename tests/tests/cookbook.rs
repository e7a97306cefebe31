//! The scripts of `examples/scripts`, played to programs that keep to them and to ones that do not.

use anyhow::Result;
use sockvirt_guest_builder::Guest::{self, ByTokio, Clients, Dialogue};
use sockvirt_tests::script::play;
use std::path::PathBuf;

/// A script, who it is played to, what that says, and what is told of a twin with other arguments.
struct Recipe {
    name: &'static str,
    guest: Guest,
    args: &'static [&'static str],
    stdout: &'static str,
    twin: &'static [&'static str],
    report: &'static str,
}

/// In the order of the book.
const RECIPES: &[Recipe] = &[
    Recipe {
        name: "redis-dribbles",
        guest: Clients,
        args: &["redis", "redis://cache.test/", "greeting", "1"],
        stdout: "hello
",
        twin: &["redis", "redis://cache.test/", "greetinf", "1"],
        report: r#"FAIL peer "cache" tcp 198.18.0.1:6379, connection 1, step 1  (redis-dribbles.test.toml:8)
  expected  \ngreeting\r\n           0a 67 72 65 65 74 69 6e 67 0d 0a
  got       \ngreetinf\r\n           0a 67 72 65 65 74 69 6e 66 0d 0a
                                                             ^ byte 24 (stream offset 24)
  unused: steps 2 and 3
"#,
    },
    Recipe {
        name: "redis-reset",
        guest: Clients,
        args: &["redis", "redis://cache.test/", "greeting", "2"],
        stdout: "I/O error (os error 29)
hello
",
        twin: &["redis", "redis://cache.test/", "greeting", "1"],
        report: r#"FAIL peer "cache" tcp  (redis-reset.test.toml:4)
  unused: connection 2 never opened
FAIL the program ended with status 1
  peer "cache" tcp 198.18.0.1:6379, connection 1, reset by step 3  (redis-reset.test.toml:11)
    it got 27 bytes and sent 7: $5\r\nhel
"#,
    },
    Recipe {
        name: "http-retry",
        guest: Clients,
        args: &["http", "http://web.test/page", "3"],
        stdout: "io: Connection refused (os error 14)
http status: 503
hello after 3 s
",
        twin: &["http", "http://web.test/page", "2"],
        report: r#"FAIL peer "web" tcp  (http-retry.test.toml:4)
  unused: connection 3 never opened
FAIL the program ended with status 1
  peer "web" tcp 198.18.0.1:80, connection 1, refused  (http-retry.test.toml:7)
  peer "web" tcp 198.18.0.1:80, connection 2, done with step 2  (http-retry.test.toml:12)
    it got 75 bytes and sent 74: ..ction: close\r\n\r\n
"#,
    },
    Recipe {
        name: "http-timeout",
        guest: Clients,
        args: &["http", "http://web.test/page", "2"],
        stdout: "timeout: receive response
hello after 11 s
",
        twin: &["http", "http://web.test/page", "1"],
        report: r#"FAIL peer "web" tcp  (http-timeout.test.toml:4)
  unused: connection 2 never opened
FAIL the program ended with status 1
  peer "web" tcp 198.18.0.1:80, connection 1, done with step 3  (http-timeout.test.toml:11)
    it got 75 bytes and sent 0
"#,
    },
    Recipe {
        name: "dns-lost-query",
        guest: Clients,
        args: &["dns", "192.0.2.53:53", "example.test"],
        stdout: "query 1: WouldBlock
192.0.2.7
",
        twin: &["dns", "192.0.2.53:53", "other.test"],
        report: r#"FAIL peer "resolver" udp 192.0.2.53:53, connection 1, step 3  (dns-lost-query.test.toml:10)
  expected  some bytes
  got       \x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05other 00 00 00 01 00 00 00 00 00 00 05 6f 74 68 65 72 ..., which does not contain what it should
  unused: step 4
"#,
    },
    Recipe {
        name: "websocket",
        guest: Clients,
        args: &["websocket", "ws://chat.test:80/x", "hello"],
        stdout: "hello
",
        twin: &["websocket", "ws://chat.test/x", "hello"],
        report: r#"FAIL peer "chat" tcp  (websocket.test.toml:4)
  unused: connection 1 never opened
FAIL name "chat.test"  (websocket.test.toml:6)
  unused: it was never looked up
"#,
    },
    Recipe {
        name: "smtp",
        guest: Clients,
        args: &["mail", "mail.test", "a@example.test", "b@example.test"],
        stdout: "queued
",
        twin: &["mail", "mail.test", "b@example.test", "a@example.test"],
        report: r#"FAIL peer "mail" tcp 198.18.0.1:25, connection 1, step 4  (smtp.test.toml:11)
  expected  MAIL FROM:<a@exa         4d 41 49 4c 20 46 52 4f 4d 3a 3c 61 40 65 78 61
  got       MAIL FROM:<b@exa         4d 41 49 4c 20 46 52 4f 4d 3a 3c 62 40 65 78 61
                                                                      ^ byte 11 (stream offset 27)
  unused: steps 5-15
"#,
    },
    Recipe {
        name: "slow-client",
        guest: ByTokio,
        args: &["site", "0.0.0.0:8080", "600"],
        stdout: "203.0.113.1:40001: served
",
        twin: &["site", "0.0.0.0:8080", "30"],
        report: r#"FAIL client "slow" tcp 203.0.113.1:40001, step 2  (slow-client.test.toml:9)
  expected  a program that reads what is sent
  got       no reader: the program has let the connection go
  unused: steps 3-8
"#,
    },
    Recipe {
        name: "database-refuses",
        guest: ByTokio,
        args: &["database", "database.test:5432", "SELECT 1", "3"],
        stdout: "Connection refused (os error 14)
Connection refused (os error 14)
1 after 4 s
",
        twin: &["database", "database.test:5432", "SELECT 1", "2"],
        report: r#"FAIL peer "database" tcp  (database-refuses.test.toml:4)
  unused: connection 3 never opened
FAIL the program ended with status 1
  peer "database" tcp 198.18.0.1:5432, connection 1, refused  (database-refuses.test.toml:7)
  peer "database" tcp 198.18.0.1:5432, connection 2, refused  (database-refuses.test.toml:7)
"#,
    },
    Recipe {
        name: "half-close",
        guest: Clients,
        args: &["sum", "192.0.2.10:7000", "1 2 3"],
        stdout: "6
",
        twin: &["sum", "192.0.2.10:7000", "1 2"],
        report: r#"FAIL peer "sums" tcp 192.0.2.10:7000, connection 1, step 1  (half-close.test.toml:8)
  expected  1 2 3                    31 20 32 20 33
  got       1 2                      31 20 32, then the end of what the program sends
  unused: steps 2-4
"#,
    },
    Recipe {
        name: "name-fails",
        guest: Clients,
        args: &["http", "http://flaky.test/", "http://moved.test/", "2"],
        stdout: "io: failed to lookup address information: Try again
io: Host is unreachable (os error 23)
old after 1 s
new after 1 s
",
        twin: &["http", "http://flaky.test/", "2"],
        report: r#"FAIL peer "old" tcp  (name-fails.test.toml:8)
  unused: connection 2 never opened
FAIL peer "new" tcp  (name-fails.test.toml:20)
  unused: connection 1 never opened
FAIL name "moved.test"  (name-fails.test.toml:6)
  unused: it was never looked up
"#,
    },
    Recipe {
        name: "ipv6-first",
        guest: Clients,
        args: &["http", "http://both.test/", "1"],
        stdout: "hello after 0 s
",
        twin: &["http", "http://192.0.2.10/", "1"],
        report: r#"FAIL peer "over IPv4" tcp 192.0.2.10:80, connection 1, step 1  (ipv6-first.test.toml:17)
  expected  at most 65536 bytes up to "\r\n\r\n"
  got       GET / HTTP/1.1\r\n       47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a ..., which does not contain what it should
  unused: steps 2 and 3
FAIL peer "over IPv6" tcp  (ipv6-first.test.toml:7)
  unused: connection 1 never opened
FAIL name "both.test"  (ipv6-first.test.toml:5)
  unused: it was never looked up
"#,
    },
];

/// Some of them once more, in the words of a program that does what it is told.
const DIALOGUES: &[Recipe] = &[
    Recipe {
        name: "smtp",
        guest: Dialogue,
        args: &[
            "connect mail.test:25",
            "read 100",
            r"write EHLO here.test\r\n",
            "read 15",
            "read 100",
            r"write MAIL FROM:<a@example.test>\r\n",
            "read 100",
            r"write RCPT TO:<b@example.test>\r\n",
            "read 100",
            r"write DATA\r\n",
            "read 100",
            r"write Subject: hello\r\n\r\nhi\r\n.\r\n",
            "read 100",
            r"write QUIT\r\n",
            "read-all",
        ],
        stdout: r#"connect mail.test:25: done
read 100: "220 mail.test ESMTP\r\n"
write EHLO here.test\r\n: done
read 15: "250-mail.test\r\n"
read 100: "250 SIZE 1000000\r\n"
write MAIL FROM:<a@example.test>\r\n: done
read 100: "250 OK\r\n"
write RCPT TO:<b@example.test>\r\n: done
read 100: "250 OK\r\n"
write DATA\r\n: done
read 100: "354 go on\r\n"
write Subject: hello\r\n\r\nhi\r\n.\r\n: done
read 100: "250 queued\r\n"
write QUIT\r\n: done
read-all: "221 bye\r\n"
"#,
        twin: &[
            "connect mail.test:25",
            "read 100",
            r"write EHLO here.test\r\n",
            "read 15",
            "read 100",
            r"write RCPT TO:<b@example.test>\r\n",
            "read 100",
        ],
        report: r#"FAIL peer "mail" tcp 198.18.0.1:25, connection 1, step 4  (smtp.test.toml:11)
  expected  MAIL FROM:<a@exa         4d 41 49 4c 20 46 52 4f 4d 3a 3c 61 40 65 78 61
  got       RCPT TO:<b@examp         52 43 50 54 20 54 4f 3a 3c 62 40 65 78 61 6d 70
                                     ^ byte 0 (stream offset 16)
  unused: steps 5-15
"#,
    },
    Recipe {
        name: "half-close",
        guest: Dialogue,
        args: &[
            "connect 192.0.2.10:7000",
            "write 1 2 3",
            "shutdown",
            "read-all",
        ],
        stdout: r#"connect 192.0.2.10:7000: done
write 1 2 3: done
shutdown: done
read-all: "6"
"#,
        twin: &["connect 192.0.2.10:7000", "write 1 2 3", "read-all"],
        report: r#"FAIL the program waits for what can never happen
  it waits for tcp 10.0.0.1:32768 -> 192.0.2.10:7000 (reading)
  peer "sums" tcp 192.0.2.10:7000, connection 1, step 2 waits  (half-close.test.toml:9)
"#,
    },
    Recipe {
        name: "name-fails",
        guest: Dialogue,
        args: &[
            "resolve flaky.test",
            "resolve flaky.test",
            "connect 192.0.2.20:80",
            r"write GET / HTTP/1.1\r\n\r\n",
            "read 100",
            "connect moved.test:80",
            "connect moved.test:80",
            r"write GET / HTTP/1.1\r\n\r\n",
            "read 100",
        ],
        stdout: r#"resolve flaky.test: Uncategorized
resolve flaky.test: 192.0.2.20
connect 192.0.2.20:80: done
write GET / HTTP/1.1\r\n\r\n: done
read 100: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"
connect moved.test:80: HostUnreachable
connect moved.test:80: done
write GET / HTTP/1.1\r\n\r\n: done
read 100: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"
"#,
        twin: &[
            "resolve flaky.test",
            "resolve flaky.test",
            "connect 192.0.2.20:80",
            r"write GET / HTTP/1.1\r\n\r\n",
            "read 100",
        ],
        report: r#"FAIL peer "old" tcp  (name-fails.test.toml:8)
  unused: connection 2 never opened
FAIL peer "new" tcp  (name-fails.test.toml:20)
  unused: connection 1 never opened
FAIL name "moved.test"  (name-fails.test.toml:6)
  unused: it was never looked up
"#,
    },
    Recipe {
        name: "ipv6-first",
        guest: Dialogue,
        args: &[
            "connect both.test:80",
            r"write GET / HTTP/1.1\r\nHost: both.test\r\n\r\n",
            "read 100",
        ],
        stdout: r#"connect both.test:80: done
write GET / HTTP/1.1\r\nHost: both.test\r\n\r\n: done
read 100: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
"#,
        twin: &[
            "connect 192.0.2.10:80",
            r"write GET / HTTP/1.1\r\nHost: both.test\r\n\r\n",
            "read 100",
        ],
        report: r#"FAIL peer "over IPv6" tcp  (ipv6-first.test.toml:7)
  unused: connection 1 never opened
FAIL name "both.test"  (ipv6-first.test.toml:5)
  unused: it was never looked up
"#,
    },
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/scripts")
}

/// Plays a script to a program that keeps to it, and to one that does not.
fn keeps(recipe: &Recipe, guest: Guest) -> Result<()> {
    let file = format!("{}.test.toml", recipe.name);
    let script = std::fs::read_to_string(folder().join(&file))?;
    let good = play(guest, &file, &script, recipe.args)?;
    let stdout = String::from_utf8(good.stdout.clone())?;
    let said = (good.status, good.to_string(), stdout);
    let expected = (Some(0), String::new(), recipe.stdout.to_owned());
    assert_eq!(said, expected, "{file}");
    let bad = play(guest, &file, &script, recipe.twin)?;
    assert!(!bad.passed(), "{file}: {bad:?}");
    assert_eq!(bad.to_string(), recipe.report, "{file}: {bad:?}");
    Ok(())
}

#[test]
fn programs_keep_to_the_examples_and_their_twins_do_not() -> Result<()> {
    RECIPES.iter().try_for_each(|it| keeps(it, it.guest))
}

/// The same files, to a program of ours that is there for WASI 0.2 and for 0.3.
#[test]
fn programs_of_both_versions_keep_to_the_examples() -> Result<()> {
    for recipe in DIALOGUES {
        for guest in [recipe.guest, Guest::Dialogue3] {
            keeps(recipe, guest)?;
        }
    }
    Ok(())
}

#[test]
fn every_example_is_played() -> Result<()> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder())? {
        files.push(file?.file_name().to_string_lossy().into_owned());
    }
    files.sort();
    let mut played: Vec<_> = RECIPES
        .iter()
        .map(|it| format!("{}.test.toml", it.name))
        .collect();
    played.sort();
    assert_eq!(files, played);
    Ok(())
}
