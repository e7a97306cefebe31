//! `sockvirt inspect`

use crate::args::Inspect;
use crate::{Answer, files};
use anyhow::Context;
use sockvirt::{BuildForecast, InputKind, Inspection};
use std::fmt::Write;

pub(crate) fn run(args: &Inspect) -> anyhow::Result<Answer> {
    let input = files::read(&args.input)?;
    let inspection =
        sockvirt::inspect(&input).with_context(|| format!("`{}`", args.input.display()))?;
    let out = if args.json {
        serde_json::to_string_pretty(&inspection)? + "\n"
    } else {
        text(&inspection)
    };
    files::print(out.as_bytes())?;
    Ok(Answer::Done)
}

fn text(it: &Inspection) -> String {
    let mut text = String::new();
    let kind = match it.kind {
        InputKind::CoreModule => "core module without WASI",
        InputKind::Preview1Module => "core module for WASI preview1",
        InputKind::Component => "component",
        _ => "unknown",
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "kind:     {kind}{}", wasi(it));
    if let Some(digest) = &it.policy_digest {
        let _ = writeln!(text, "policy:   sha256:{digest}");
    }
    if let Some(script) = &it.script {
        let counted = |count, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let counts = [
            counted(script.peers, "peer"),
            counted(script.clients, "client"),
            counted(script.steps, "step"),
        ];
        let file = if script.file.is_empty() {
            "no file"
        } else {
            &script.file
        };
        let _ = writeln!(text, "script:   {file}, {}", counts.join(", "));
        let _ = writeln!(text, "          sha256:{}", script.digest);
    }
    let mut network = it.network.iter().map(|import| {
        let functions = match import.functions.len() {
            0 => "types only".to_owned(),
            1 => "1 function".to_owned(),
            many => format!("{many} functions"),
        };
        let mut line = format!("{} ({}; {functions})", import.name, import.reach);
        for function in &import.functions {
            let _ = write!(line, "\n            {function}");
        }
        line
    });
    let first = network
        .next()
        .unwrap_or_else(|| "no import reaches one".to_owned());
    let _ = writeln!(text, "network:  {first}");
    for line in network {
        let _ = writeln!(text, "          {line}");
    }
    for (i, host) in it.hosts.iter().enumerate() {
        let head = if i == 0 { "hosts:    " } else { "          " };
        let verdict = match host.runs() {
            true => "runs it".to_owned(),
            false => host.missing.join("; "),
        };
        let _ = writeln!(text, "{head}{}: {verdict}", host.host);
    }
    let _ = writeln!(text, "build:    {}", forecast(&it.build));
    text
}

/// The versions of WASI that a component imports.
fn wasi(it: &Inspection) -> String {
    let has = |minor: &str| {
        it.imports.iter().any(|import| {
            import.starts_with("wasi:")
                && import
                    .split('@')
                    .nth(1)
                    .is_some_and(|v| v.starts_with(minor))
        })
    };
    match (has("0.2"), has("0.3")) {
        (true, true) => ", WASI 0.2 and 0.3".to_owned(),
        (true, false) => ", WASI 0.2".to_owned(),
        (false, true) => ", WASI 0.3".to_owned(),
        (false, false) => String::new(),
    }
}

fn forecast(build: &BuildForecast) -> String {
    match build {
        BuildForecast::Replace(names) => format!("replaces {}", names.join(", ")),
        BuildForecast::Copy => "copies it as it is: it imports no `wasi:sockets`".to_owned(),
        BuildForecast::Adapt => "makes it a component, which opens no sockets".to_owned(),
        BuildForecast::Refuse(reason) => format!("refuses: {reason}"),
        _ => "unknown".to_owned(),
    }
}
