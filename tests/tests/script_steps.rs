//! Every kind of step, and every setting: a script that a program keeps to, and a twin that it does
//! not keep to. The cases and what is said of them are in `script_steps.txt`; with
//! `SNAPSHOTS=overwrite` in the environment it is written anew.

use anyhow::{Context, Result, ensure};
use sockvirt_guest_builder::Guest;
use sockvirt_tests::script::play;
use std::path::PathBuf;

/// One case, as it stands in the file.
#[derive(Default)]
struct Case {
    name: String,
    /// The script.
    script: String,
    /// What the program is told, and what it must say then.
    args: String,
    stdout: String,
    /// What it is told in the twin, if that is something else.
    twin: Option<String>,
    /// `A => B` for each text that the twin's script has instead of another.
    replace: String,
    /// What is told of the twin.
    report: String,
}

impl Case {
    fn read(text: &str) -> Result<Case> {
        let (name, rest) = text.split_once('\n').context("no name")?;
        let mut parts = rest.split("\n--- ");
        let mut case = Case {
            name: name.to_owned(),
            script: parts.next().unwrap_or_default().to_owned(),
            ..Case::default()
        };
        for part in parts {
            let (title, body) = part.split_once('\n').unwrap_or((part, ""));
            let body = body.to_owned();
            match title {
                "args" => case.args = body,
                "stdout" => case.stdout = body,
                "twin" => case.twin = Some(body),
                "replace" => case.replace = body,
                "report" => case.report = body,
                _ => anyhow::bail!("{name} has a part `{title}`"),
            }
        }
        Ok(case)
    }

    fn write(&self) -> String {
        let Case { name, script, .. } = self;
        let mut text = format!("=== {name}\n{script}");
        let twin = self.twin.clone().unwrap_or_default();
        let parts = [
            ("args", &self.args),
            ("stdout", &self.stdout),
            ("twin", &twin),
            ("replace", &self.replace),
            ("report", &self.report),
        ];
        for (title, body) in parts {
            if !body.is_empty() {
                text.push_str(&format!("\n--- {title}\n{}", body.trim_end()));
            }
        }
        text + "\n"
    }

    /// The script of the twin.
    fn other_script(&self) -> Result<String> {
        let mut script = self.script.clone();
        for line in self.replace.lines().filter(|it| !it.is_empty()) {
            let (from, to) = line.split_once(" => ").context("no `=>`")?;
            ensure!(script.contains(from), "the script has no `{from}`");
            script = script.replace(from, to);
        }
        Ok(script)
    }

    /// Plays both to a guest, and gives what was said of them. `who` is written before what the guest is
    /// told.
    fn play(&self, guest: Guest, who: &str) -> Result<(String, String)> {
        let told = |args: &str| -> Vec<_> { args.lines().map(|it| format!("{who}{it}")).collect() };
        let play = |script: &str, args: &[String]| {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            play(guest, "a.toml", script, &args)
        };
        let args = told(&self.args);
        let good = play(&self.script, &args)?;
        let stdout = String::from_utf8(good.stdout.clone())?;
        ensure!(
            good.passed() && good.failures.is_empty(),
            "{}:\n{good}{stdout}",
            self.name
        );
        let args = match &self.twin {
            Some(twin) => told(twin),
            None => args,
        };
        let bad = play(&self.other_script()?, &args)?;
        let stdout_of_bad = String::from_utf8_lossy(&bad.stdout);
        ensure!(
            !bad.passed(),
            "{}: the twin passes:\n{stdout_of_bad}",
            self.name
        );
        Ok((stdout, bad.to_string()))
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/script_steps.txt")
}

/// What is not the same on WASI 0.3, and why.
const NOT_ON_0_3: [&str; 4] = [
    // Each stream ends by itself there, before its socket does.
    "expect-close, reset",
    "repeat",
    // The programs use what there is no 0.3 for in a script: `exit`.
    "clock, virtual",
    "the exit status of the program",
];

/// A report without the writes of the program: several may be taken at once there, so nobody knows how
/// many they were.
fn without_writes(report: &str) -> String {
    let is_seen = |line: &&str| !line.starts_with("  note: the guest wrote this in ");
    let lines: Vec<_> = report.trim_end().lines().filter(is_seen).collect();
    lines.join("\n")
}

/// The same scripts, to a program that does the same with WASI 0.3.
#[test]
fn every_step_passes_and_fails_on_0_3() -> Result<()> {
    let text = std::fs::read_to_string(path())?;
    let mut wrong = Vec::new();
    let mut left_out = 0;
    for case in text.split("=== ").skip(1).map(Case::read) {
        let case = case?;
        if NOT_ON_0_3.contains(&case.name.as_str()) {
            left_out += 1;
            continue;
        }
        let expected = (
            case.stdout.trim_end().to_owned(),
            without_writes(&case.report),
        );
        match case.play(Guest::Dialogue3, "") {
            Ok((stdout, report))
                if (stdout.trim_end().to_owned(), without_writes(&report)) == expected => {}
            Ok(played) => wrong.push(format!("{}: {played:#?}", case.name)),
            Err(e) => wrong.push(format!("{e:#}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(left_out, NOT_ON_0_3.len());
    Ok(())
}

/// What is not the same for a component beside the one that is run: the sockets that it has when the
/// program ends are not dropped.
const NOT_BESIDE: [&str; 1] = ["repeat"];

/// The same scripts, to one of several components that share the network, and to the one that is run: the
/// same is said of both, to the byte.
#[test]
fn every_step_passes_and_fails_in_each_of_several_components() -> Result<()> {
    let text = std::fs::read_to_string(path())?;
    let mut wrong = Vec::new();
    for case in text.split("=== ").skip(1).map(Case::read) {
        let case = case?;
        let expected = [&case.stdout, &case.report].map(|it| it.trim_end().to_owned());
        let whole = ["", "another: "];
        let count = if NOT_BESIDE.contains(&&*case.name) {
            1
        } else {
            2
        };
        for who in &whole[..count] {
            match case.play(Guest::EnsembleNested, who) {
                Ok((stdout, report)) if [stdout.trim_end(), report.trim_end()] == expected => {}
                Ok(played) => wrong.push(format!("{who}{}: {played:#?}", case.name)),
                Err(e) => wrong.push(format!("{who}{e:#}")),
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_step_passes_and_fails() -> Result<()> {
    let path = path();
    let text = std::fs::read_to_string(&path)?;
    let cases = text.split("=== ").skip(1).map(Case::read);
    let (mut said, mut wrong) = (String::new(), Vec::new());
    for case in cases {
        let mut case = case?;
        match case.play(Guest::Dialogue, "") {
            Ok(played) => (case.stdout, case.report) = played,
            Err(e) => wrong.push(format!("{e:#}")),
        }
        said.push_str(&case.write());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    if std::env::var_os("SNAPSHOTS").is_some_and(|it| it == "overwrite") {
        return Ok(std::fs::write(&path, &said)?);
    }
    similar(&text, &said);
    Ok(())
}

/// Line by line, so that a failure shows where.
fn similar(expected: &str, got: &str) {
    for (number, (expected, got)) in (1..).zip(expected.lines().zip(got.lines())) {
        assert_eq!(expected, got, "script_steps.txt:{number}");
    }
    assert_eq!(expected.lines().count(), got.lines().count());
}
