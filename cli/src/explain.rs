//! `sockvirt explain`

use crate::args::Explain;
use crate::{Answer, files, say};
use anyhow::Context;
use sockvirt::Explained;
use sockvirt::policy::Destination;
use std::fmt::Write;

pub(crate) fn run(args: &Explain) -> anyhow::Result<Answer> {
    let destination = Destination::parse(args.operation, &args.destination)?;
    let input = files::read(&args.input)?;
    let path = args.input.display();
    let explained = sockvirt::explain(&input, args.operation, &destination)
        .with_context(|| format!("`{path}`"))?;
    let Some(explained) = explained else {
        anyhow::bail!("`{path}`: the component carries no policy: give what `sockvirt build` made");
    };
    let out = if args.json {
        serde_json::to_string_pretty(&explained)? + "\n"
    } else {
        text(&explained)
    };
    files::print(out.as_bytes())?;
    if !explained.enforced && !args.json {
        say::note(
            "this sockvirt does not build this component with the policy that it carries, \
             so it may do otherwise",
        );
    }
    Ok(
        match args.exit_code && !explained.explanation.is_allowed() {
            true => Answer::No,
            false => Answer::Done,
        },
    )
}

fn text(it: &Explained) -> String {
    let it = &it.explanation;
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "asked:    {} {}", it.operation, it.destination);
    let _ = match it.deny_as {
        Some(code) => writeln!(text, "decision: {}, as {code}", it.decision),
        None => writeln!(text, "decision: {}", it.decision),
    };
    if let Some(to) = &it.leads_to {
        let _ = writeln!(text, "leads to: {to}");
    }
    let _ = writeln!(text, "because:  {}", it.because);
    for remark in &it.remarks {
        let _ = writeln!(text, "          {remark}");
    }
    if let Some(rule) = &it.rule {
        let _ = writeln!(text, "\n{}", rule.text.trim_end());
    }
    text
}
