//! Components in one that use sockets share a network in memory.

use anyhow::Result;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback::build;

/// Each of them does what it does alone.
#[test]
fn several_programs_in_one() -> Result<()> {
    let built = build(&Guest::Composed.build()?)?;
    assert!(sockvirt::check(&built)?.passed());
    let alone = host::run(&build(&Guest::Std.build()?)?, Sockets::None)?;
    let outcome = host::run(&built, Sockets::None)?;
    assert_eq!(outcome, alone);
    Ok(())
}
