//! Buffers that the guest writes to.

use alloc::vec;
use alloc::vec::Vec;

/// The largest: as much is moved at once.
pub(crate) const LARGE: usize = 64 << 10;
/// That of a connection which has not shown that it needs a larger one.
pub(crate) const SMALL: usize = 4 << 10;
/// So much are all together.
const MOST: usize = 12 << 20;

/// All of them.
#[derive(Default)]
pub(crate) struct Buffers {
    used: usize,
    /// One that is not in use.
    spare: Vec<u8>,
}

impl Buffers {
    /// A buffer in exchange for another one: of the size that is wanted, or a smaller one or none
    /// where all have too much already, unless it is needed for a moment only.
    pub(crate) fn exchange(&mut self, old: Vec<u8>, wanted: usize, briefly: bool) -> Vec<u8> {
        let others = self.used.saturating_sub(old.len());
        let wanted = match wanted {
            0 => 0,
            1..=SMALL => SMALL,
            _ => LARGE,
        };
        let sizes = [wanted, wanted.min(SMALL)].into_iter();
        let size = sizes
            .into_iter()
            .find(|size| briefly || others + size <= MOST);
        let size = size.unwrap_or_default();
        if old.len() == size {
            return old;
        }
        self.used = others + size;
        if old.len() == LARGE {
            self.spare = old;
        }
        match size {
            LARGE if !self.spare.is_empty() => core::mem::take(&mut self.spare),
            size => vec![0; size],
        }
    }
}
