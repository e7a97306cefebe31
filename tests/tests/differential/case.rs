//! Scripts in files. Behind `# known: ` is the name of a difference that a script shows, and behind
//! `# known at times: ` of one that it shows on some hosts.

use crate::run::Sides;
use anyhow::{Context, Result, ensure};

/// The calls of a script, without comments and empty lines.
pub(crate) fn calls(script: &str) -> Vec<&str> {
    let lines = script.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Checks that a script shows the differences that it names, and no others.
pub(crate) fn shows_what_it_says(sides: &Sides, script: &str) -> Result<()> {
    let named = |prefix| script.lines().filter_map(move |it| it.strip_prefix(prefix));
    let comparison = sides.compare(&calls(script))?;
    let shown = comparison.known().context("it differs at times")?;
    for name in named("# known: ") {
        let is_shown = shown.iter().any(|it| it.name == name);
        ensure!(is_shown, "nothing shows `{name}`:\n{}", comparison.table());
    }
    for known in shown {
        let mut all = named("# known: ").chain(named("# known at times: "));
        let is_named = all.any(|it| it == known.name);
        ensure!(
            is_named,
            "it shows `{}`:\n{}",
            known.name,
            comparison.table()
        );
    }
    Ok(())
}
