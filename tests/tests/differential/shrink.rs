//! Makes a script as short as it can be.

use anyhow::Result;

/// Leaves calls out, in ever shorter runs, as long as the script still fails.
pub(crate) fn shrink<'s>(
    calls: &[&'s str],
    fails: impl Fn(&[&'s str]) -> Result<bool>,
) -> Result<Vec<&'s str>> {
    let mut best = calls.to_vec();
    let mut run = best.len().div_ceil(2);
    while run > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < best.len() {
            let mut tried = best.clone();
            tried.drain(at..(at + run).min(best.len()));
            match fails(&tried)? {
                true => {
                    best = tried;
                    shorter = true;
                }
                false => at += run,
            }
        }
        if !shorter || run > 1 {
            run /= 2;
        }
    }
    Ok(best)
}
