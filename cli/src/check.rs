//! `sockvirt check`

use crate::args::{Check, Cli};
use crate::{Answer, files};
use anyhow::Context;

pub(crate) fn run(cli: &Cli, args: &Check) -> anyhow::Result<Answer> {
    let input = files::read(&args.input)?;
    let mut check =
        sockvirt::check(&input).with_context(|| format!("`{}`", args.input.display()))?;
    if args.deny_network {
        check.violations.append(&mut check.allowed);
    }
    check
        .violations
        .retain(|import| !args.ignore.contains(&import.name));
    if args.json {
        let mut json = serde_json::to_string_pretty(&check)?;
        json.push('\n');
        files::print(json.as_bytes())?;
    } else {
        let lines: String = check
            .violations
            .iter()
            .map(|import| format!("{} ({})\n", import.name, import.reach))
            .collect();
        files::print(lines.as_bytes())?;
        if !cli.quiet {
            anstream::eprintln!("{}", verdict(&check, args.deny_network));
        }
    }
    Ok(if check.passed() {
        Answer::Done
    } else {
        Answer::No
    })
}

fn verdict(check: &sockvirt::Check, deny_network: bool) -> String {
    let asked = match &check.policy_digest {
        _ if deny_network => "`--deny-network` allows none".to_owned(),
        Some(digest) if check.enforced => format!("the policy sha256:{digest} does not allow"),
        Some(digest) => format!(
            "the policy sha256:{digest} says nothing, for the component is not what \
             this version builds with it"
        ),
        None => "the component carries no policy that allows any".to_owned(),
    };
    let asked = match (check.violations.len(), check.enforced && !deny_network) {
        (1, true) => format!("{asked} it"),
        (_, true) => format!("{asked} them"),
        _ => asked,
    };
    match (check.violations.len(), check.allowed.len()) {
        (0, 0) => "no import can reach a network".to_owned(),
        (0, 1) => "1 import can reach a network, and the policy allows it".to_owned(),
        (0, many) => format!("{many} imports can reach a network, and the policy allows them"),
        (1, _) => format!("1 import can reach a network; {asked}"),
        (many, _) => format!("{many} imports can reach a network; {asked}"),
    }
}
