//! Programs with a network in memory, beside the same programs bare.

use crate::host::{self, Outcome, Sockets};
use crate::recording::Recording;
use anyhow::{Context, Result, ensure};
use sockvirt::{Mode, Policy, Reach, Virtualizer};

/// Puts a network in memory into a component, and nothing else.
pub fn build(component: &[u8]) -> Result<Vec<u8>> {
    let policy = "schema = 1\n[loopback]\nmode = \"virtual\"\n";
    let policy = Policy::from_toml(policy).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(component)?;
    ensure!(built.report.mode == Mode::Loopback, "{:?}", built.report);
    let mut reached = built.report.network_imports();
    ensure!(!reached.any(|import| import.reach == Some(Reach::Sockets)));
    Ok(built.component)
}

/// What a program prints over the kernel's loopback, and the same on a host without sockets with a
/// network in memory.
pub fn as_on_a_host(component: &[u8]) -> Result<Outcome> {
    as_on_a_host_with(component, &[])
}

/// As [`as_on_a_host`], with arguments.
pub fn as_on_a_host_with(component: &[u8], arguments: &[&str]) -> Result<Outcome> {
    let inside = host::run_with(&build(component)?, Sockets::None, arguments);
    let inside = inside.context("in memory")?;
    let bare = Recording::new().run(component, arguments).context("bare")?;
    ensure!(
        bare.outcome == inside,
        "bare: {:#?}\nin memory: {inside:#?}",
        bare.outcome
    );
    Ok(inside)
}
