//! Scripts in files.

/// The calls of a script, without comments and empty lines.
pub(crate) fn calls(script: &str) -> Vec<&str> {
    let lines = script.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}
