//! Programs that are made up do with a network in memory what they do without.

use anyhow::{Context, Result};
use arbitrary::Unstructured;
use sockvirt_tests::made_up::{Program, behaves_as_before};
use std::env;

/// Bytes that look random: `splitmix64`.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < 1 << 14 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = state;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((n ^ (n >> 31)).to_le_bytes());
    }
    bytes
}

/// `PROGRAMS` of them, or a few.
#[test]
fn they_do_what_they_did() -> Result<()> {
    let count = env::var("PROGRAMS").ok().and_then(|it| it.parse().ok());
    let count = count.unwrap_or(25);
    let (mut built, mut asked) = (0, 0);
    for seed in 0..count {
        let program = Program::of(&mut Unstructured::new(&bytes(seed)))?;
        let trace = behaves_as_before(&program).with_context(|| format!("program {seed}"))?;
        if let Some(trace) = trace {
            built += 1;
            asked += trace.asked.len();
        }
    }
    println!("{built} of {count} were built, and asked the host {asked} times");
    // Hardly any is refused, and they do something.
    assert!(built * 10 > count * 8 && asked > 20 * built as usize);
    Ok(())
}
