//! Guests under a policy, on a host that writes down what reaches it.

use crate::guests::Guest;
use crate::recording::{Recording, Run, Use};
use anyhow::{Context, Result, ensure};
use sockvirt::Virtualizer;
use sockvirt::policy::Policy;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

/// The ranges that no rule allows by accident, by their names.
pub const SPECIAL: [&str; 10] = [
    "loopback",
    "unspecified",
    "link-local",
    "metadata",
    "private",
    "cgnat",
    "multicast",
    "broadcast",
    "documentation",
    "reserved",
];

/// The bytes of a guest, built once for all tests of a process.
pub fn bytes(guest: Guest) -> Result<Arc<[u8]>> {
    type Built = Mutex<HashMap<Guest, Arc<[u8]>>>;
    static BUILT: LazyLock<Built> = LazyLock::new(Built::default);
    let mut built = BUILT
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(bytes) = built.get(&guest) {
        return Ok(bytes.clone());
    }
    let bytes: Arc<[u8]> = guest.build()?.into();
    built.insert(guest, bytes.clone());
    Ok(bytes)
}

/// The policy of a file that says this after its first line.
pub fn policy(rules: &str) -> Result<Policy> {
    let text = format!("schema = 1\n{rules}");
    Policy::from_toml(&text).map_err(|e| anyhow::anyhow!("line {}: {e}\n{text}", e.line()))
}

/// A guest, composed with these rules.
pub fn build(guest: Guest, rules: &str) -> Result<Vec<u8>> {
    let built = Virtualizer::new(policy(rules)?).build(&bytes(guest)?)?;
    Ok(built.component)
}

/// Runs a script on a probe with these rules.
pub fn run(probe: Guest, host: &Recording, rules: &str, script: &[&str]) -> Result<Run> {
    let named = || format!("{} with\n{rules}", probe.name());
    let component = build(probe, rules).with_context(named)?;
    let run = host.run(&component, script).with_context(named)?;
    ensure!(run.lines().len() == script.len(), "it ended early: {run:?}");
    Ok(run)
}

/// Runs a script on both probes with these rules, and has both runs looked at.
pub fn on_both(host: &Recording, rules: &str, script: &[&str], look: impl Fn(&Run)) -> Result<()> {
    for probe in Guest::PROBES {
        let run = run(probe, host, rules, script)?;
        // What the assertions are about, where one fails.
        println!("{}: {run:#?}", probe.name());
        look(&run);
    }
    Ok(())
}

/// A rule that allows, with these lines in it.
pub fn allow(lines: &str) -> String {
    format!("[[allow]]\n{lines}\n")
}

/// A rule that denies, with these lines in it.
pub fn deny(lines: &str) -> String {
    format!("[[deny]]\n{lines}\n")
}

/// Rules that allow everything there is.
pub fn everything() -> String {
    let ranges = SPECIAL.map(|range| format!(", \"{range}\"")).concat();
    let all = r#"op = ["resolve", "connect", "bind", "listen", "accept", "send", "receive"]"#;
    allow(&format!("to = [\"*\"{ranges}]\nport = \"*\"\n{all}"))
}

/// A rule for a name whose addresses are on loopback.
pub fn local(name: &str, port: u16) -> String {
    let to = format!("to = \"{name}\"\nport = {port}");
    allow(&format!(
        "{to}\nop = [\"connect\"]\nresolves-to = [\"loopback\"]"
    ))
}

/// A rule for a name that is to be a public one.
pub fn public(name: &str) -> String {
    allow(&format!("to = \"{name}\"\nport = 443\nop = [\"connect\"]"))
}

/// Everything that is not special, by any means of getting out.
pub fn anywhere() -> String {
    allow("to = \"*\"\nport = \"*\"\nop = [\"connect\", \"send\"]")
}

/// Runs a script in which every operation but the making of sockets is to give this, and of which
/// nothing is to reach the host but what binds.
pub fn all_give(code: &str, rules: &str, script: &[&str]) -> Result<()> {
    on_both(&Recording::new(), rules, script, |run| {
        let results = script.iter().zip(run.results());
        for (op, result) in results {
            let made = op.starts_with("tcp") || op.starts_with("udp4") || op.starts_with("udp6");
            let expected = if made || op.starts_with("bind ") {
                "ok"
            } else {
                code
            };
            assert_eq!(result, expected, "{op}");
        }
        for check in &run.checks {
            assert!(matches!(check.what, Use::TcpBind | Use::UdpBind), "{check}");
            assert!(check.address.ip().is_unspecified(), "{check}");
        }
    })
}
