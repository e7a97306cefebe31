//! What became of a program that a script was played to.

use super::host::Pipes;
use std::fmt;
use std::time::Duration;
use wasmtime::{Result, Trap};

/// What became of a program that a script was played to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestReport {
    /// The exit status of the program, or of its script where that failed; `None` where it did not
    /// end by itself.
    pub status: Option<i32>,
    /// Why it did not end by itself: a trap, or that it took too long.
    pub ended_by: Option<String>,
    /// What was not as the script says, one by one.
    pub failures: Vec<String>,
    /// What the program wrote to standard output.
    pub stdout: Vec<u8>,
    /// What the program wrote to standard error, without the report.
    pub stderr: Vec<u8>,
    /// How long it took, without compiling it.
    pub time: Duration,
}

impl TestReport {
    /// `report` is what was told besides what stands in standard error.
    pub(super) fn new(ended: Result<i32>, pipes: Pipes, report: &str, time: Duration) -> Self {
        let (status, ended_by) = match ended {
            Ok(status) => (Some(status), None),
            Err(e) if e.downcast_ref() == Some(&Trap::Interrupt) => (
                None,
                Some(format!("it did not end within {} s", time.as_secs())),
            ),
            Err(e) => (None, Some(format!("{:#}", e.root_cause()))),
        };
        let stderr = pipes.stderr.contents();
        let (stderr, mut failures) = split(&stderr);
        failures.extend(split(report.as_bytes()).1);
        TestReport {
            status,
            ended_by,
            failures,
            stdout: pipes.stdout.contents().to_vec(),
            stderr: stderr.to_vec(),
            time,
        }
    }

    /// Whether the program ended well, and did all that the script says and nothing else.
    pub fn passed(&self) -> bool {
        self.status == Some(0)
    }
}

/// The report for people: what went wrong, and nothing if nothing did.
impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            f.write_str(failure)?;
        }
        match (&self.ended_by, self.status) {
            (Some(why), _) => writeln!(f, "the program was ended: {why}"),
            (None, Some(status @ 1..)) if self.failures.is_empty() => {
                writeln!(f, "the program ended with status {status}")
            }
            _ => Ok(()),
        }
    }
}

/// Splits what the network has told last off what the program wrote before.
fn split(stderr: &[u8]) -> (&[u8], Vec<String>) {
    let mut begin = stderr.len();
    let mut failures = Vec::new();
    let mut end = begin;
    for (at, line) in lines_from_the_end(stderr) {
        if line.starts_with(FAIL) {
            let text = stderr.get(at..end).unwrap_or_default();
            failures.push(String::from_utf8_lossy(text).into_owned());
            (begin, end) = (at, at);
        } else if !line.starts_with(b"  ") {
            break;
        }
    }
    failures.reverse();
    (stderr.get(..begin).unwrap_or_default(), failures)
}

/// How each failure begins.
const FAIL: &[u8] = b"FAIL ";

/// The lines, the last one first, and where each begins.
fn lines_from_the_end(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut end = text.len();
    std::iter::from_fn(move || {
        if end == 0 {
            return None;
        }
        let body = text.get(..end - 1)?;
        let begin = body
            .iter()
            .rposition(|it| *it == b'\n')
            .map_or(0, |it| it + 1);
        let line = text.get(begin..end)?;
        end = begin;
        Some((begin, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_from_what_the_program_wrote() {
        let text = b"FAIL is a word\nof mine\nFAIL a\n  b\n  c\nFAIL d\n";
        let (stderr, failures) = split(text);
        assert_eq!(stderr, b"FAIL is a word\nof mine\n");
        assert_eq!(failures, ["FAIL a\n  b\n  c\n", "FAIL d\n"]);
        assert_eq!(split(b"a\n"), (&b"a\n"[..], Vec::new()));
        assert_eq!(split(b""), (&b""[..], Vec::new()));
    }
}
