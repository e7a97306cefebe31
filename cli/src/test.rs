//! `sockvirt test`

use crate::args::{Cli, Test};
use crate::policy::Config;
use crate::{Answer, files, junit};
use anyhow::{Context, ensure};
use serde::Serialize;
use sockvirt::run::{Cache, Prepared, Runner, Surroundings};
use sockvirt::{Policy, TestReport};
use std::fmt::Write;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A script, and what it is called.
pub(crate) struct Case {
    pub(crate) name: String,
    policy: Policy,
    /// Which of the compiled components it is played to.
    program: usize,
}

/// What became of a case.
pub(crate) type Outcome = Result<TestReport, sockvirt::Error>;

pub(crate) fn run(cli: &Cli, args: &Test) -> anyhow::Result<Answer> {
    let paths = scripts(&args.scripts, args.filter.as_deref())?;
    let input = files::read(&args.input)?;
    let cache = match args.no_cache {
        true => Cache::None,
        false => Cache::User,
    };
    let runner = Runner::new(cache)?.patience(args.program.patience());
    let mut cases = Vec::new();
    let mut programs: Vec<(String, Prepared<'_>)> = Vec::new();
    for path in &paths {
        let name = path.display().to_string();
        let policy = Config::read(&args.policy)?.policy(&args.policy, Some(path))?;
        let script = policy
            .script()
            .with_context(|| format!("`{name}` has no script in it"))?;
        // What is compiled depends on the policy, and on no more of the script than that.
        let kind = format!(
            "{} {} {}",
            policy.canonical(),
            script.host_clock,
            script.ends
        );
        let known = programs.iter().position(|(it, _)| *it == kind);
        let program = match known {
            Some(program) => program,
            None => {
                let prepared = runner.prepare(&input, &policy);
                let prepared = prepared.with_context(|| format!("`{}`", args.input.display()))?;
                programs.push((kind, prepared));
                programs.len() - 1
            }
        };
        cases.push(Case {
            name,
            policy,
            program,
        });
    }
    let surroundings = args.program.surroundings();
    let outcomes = play_all(
        &cases,
        &programs,
        &surroundings,
        |case, outcome| match args.json {
            true => Ok(()),
            false => files::print(told(cli, case, outcome).as_bytes()),
        },
    )?;
    if args.json {
        files::print(json(&cases, &outcomes)?.as_bytes())?;
    } else if cases.len() > 1 && !cli.quiet {
        files::print(summary(&outcomes).as_bytes())?;
    }
    if let Some(path) = &args.junit {
        let xml = junit::write(&args.input.display().to_string(), &cases, &outcomes)?;
        fs::write(path, xml).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(answer(&outcomes))
}

/// The files of scripts, those in folders among them, whose path has some text in it.
fn scripts(given: &[PathBuf], filter: Option<&str>) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in given {
        match path.is_dir() {
            true => add_folder(path, &mut found)?,
            false => found.push(path.clone()),
        }
    }
    ensure!(!found.is_empty(), "there is no `*.toml` in the folders");
    if let Some(filter) = filter {
        found.retain(|path| path.display().to_string().contains(filter));
        ensure!(!found.is_empty(), "no script has `{filter}` in its path");
    }
    Ok(found)
}

fn add_folder(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        entries.push(entry.with_context(cannot)?.path());
    }
    entries.sort();
    for path in entries {
        // Links are not followed into folders: they may lead in circles.
        if path.is_dir() && !path.is_symlink() {
            add_folder(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// Plays all, side by side, and tells of each in order as soon as those before it are done.
fn play_all(
    cases: &[Case],
    programs: &[(String, Prepared<'_>)],
    surroundings: &Surroundings,
    tell: impl Fn(&Case, &Outcome) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Done::default());
    let work = || -> anyhow::Result<()> {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed))
            && let (Some(script), Some((_, program))) =
                (case.policy.script(), programs.get(case.program))
        {
            let outcome = program.play(script, surroundings);
            let mut done = done.lock().expect("nobody panics who has it");
            done.early.push((case.name.clone(), outcome));
            done.tell(cases, &tell)?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(cases.len()))
            .map(|_| scope.spawn(work))
            .collect();
        workers
            .into_iter()
            .try_for_each(|it| it.join().unwrap_or(Ok(())))
    })?;
    Ok(done.into_inner().unwrap_or_default().outcomes)
}

/// What became of the first cases, and of some that others come before.
#[derive(Default)]
struct Done {
    outcomes: Vec<Outcome>,
    early: Vec<(String, Outcome)>,
}

impl Done {
    fn tell(
        &mut self,
        cases: &[Case],
        tell: impl Fn(&Case, &Outcome) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some(case) = cases.get(self.outcomes.len())
            && let Some(place) = self.early.iter().position(|(name, _)| *name == case.name)
        {
            let (_, outcome) = self.early.swap_remove(place);
            tell(case, &outcome)?;
            self.outcomes.push(outcome);
        }
        Ok(())
    }
}

fn passed(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(TestReport::passed)
}

/// A line for a case, and what is to be told of it.
fn told(cli: &Cli, case: &Case, outcome: &Outcome) -> String {
    let mut text = String::new();
    let (name, passed) = (&case.name, passed(outcome));
    if cli.quiet && passed {
        return text;
    }
    let verdict = if passed { "ok  " } else { "FAIL" };
    // Writing to a `String` cannot fail.
    match outcome {
        Ok(report) => {
            let time = report.time.as_secs_f64() * 1000.0;
            let _ = writeln!(text, "{verdict}  {name}  {time:.1} ms");
            indent(&mut text, "", &report.to_string());
            if !passed || cli.verbose > 0 {
                indent(
                    &mut text,
                    "stdout | ",
                    &String::from_utf8_lossy(&report.stdout),
                );
                indent(
                    &mut text,
                    "stderr | ",
                    &String::from_utf8_lossy(&report.stderr),
                );
            }
        }
        Err(e) => {
            let _ = writeln!(text, "{verdict}  {name}");
            indent(&mut text, "", &e.to_string());
        }
    }
    text
}

fn indent(text: &mut String, mark: &str, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "    {mark}{line}");
    }
}

fn summary(outcomes: &[Outcome]) -> String {
    let passed = outcomes.iter().filter(|it| passed(it)).count();
    let failed = outcomes.len() - passed;
    format!("{passed} passed, {failed} failed\n")
}

/// One script passes on how its program ended; of several it is told whether all passed.
fn answer(outcomes: &[Outcome]) -> Answer {
    match outcomes {
        [Ok(report)] => match report.status {
            Some(0) => Answer::Done,
            Some(status) => Answer::Status(status),
            None => Answer::No,
        },
        outcomes if outcomes.iter().all(passed) => Answer::Done,
        _ => Answer::No,
    }
}

/// What machines are told of a case.
#[derive(Serialize)]
struct Told<'a> {
    script: &'a str,
    passed: bool,
    status: Option<i32>,
    seconds: Option<f64>,
    failures: Vec<&'a str>,
    ended_by: Option<String>,
}

fn json(cases: &[Case], outcomes: &[Outcome]) -> anyhow::Result<String> {
    let told = cases.iter().zip(outcomes).map(|(case, outcome)| {
        let report = outcome.as_ref().ok();
        Told {
            script: &case.name,
            passed: passed(outcome),
            status: report.and_then(|it| it.status),
            seconds: report.map(|it| it.time.as_secs_f64()),
            failures: report.map_or(Vec::new(), |it| {
                it.failures.iter().map(String::as_str).collect()
            }),
            ended_by: match outcome {
                Ok(report) => report.ended_by.clone(),
                Err(e) => Some(e.to_string()),
            },
        }
    });
    let mut json = serde_json::to_string_pretty(&told.collect::<Vec<_>>())?;
    json.push('\n');
    Ok(json)
}
