//! Memory for what is on its way.

use crate::Limits;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// The smallest buffer.
pub(crate) const SMALLEST: usize = 512;
/// The largest buffer that is kept for the next who needs one.
const LARGEST_SPARE: usize = 64 << 10;
/// How many sizes of spare buffers there are: powers of two.
const SIZES: usize = (LARGEST_SPARE / SMALLEST).ilog2() as usize + 1;
/// How many spare buffers there are of a size: 1 MiB in all.
const SPARES: usize = 8;

/// Counts the memory of all buffers, and keeps some that are not in use. A connection that has
/// nothing on its way so needs no buffer, and one that is busy no allocator.
#[derive(Debug)]
pub(crate) struct Memory {
    used: usize,
    soft: usize,
    hard: usize,
    spares: [Vec<Box<[u8]>>; SIZES],
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Memory {
            used: 0,
            soft: limits.buffered,
            hard: limits.buffered_at_most.max(limits.buffered),
            spares: Default::default(),
        }
    }

    /// How many bytes are in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether so many more bytes stay below the limit.
    pub(crate) fn is_ample_for(&self, bytes: usize) -> bool {
        self.used.saturating_add(bytes) <= self.soft
    }

    /// Counts bytes that someone else allocates.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Counts bytes that someone else gave back.
    pub(crate) fn discharge(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// A buffer of a size, which is a power of two, or nothing where there is no memory left.
    pub(crate) fn take(&mut self, size: usize) -> Option<Box<[u8]>> {
        if self.used.checked_add(size)? > self.hard {
            return None;
        }
        self.used += size;
        let spare = self.spares_of(size).and_then(Vec::pop);
        Some(spare.unwrap_or_else(|| vec![0; size].into_boxed_slice()))
    }

    /// Takes a buffer back.
    pub(crate) fn put(&mut self, buffer: Box<[u8]>) {
        self.discharge(buffer.len());
        if let Some(spares) = self.spares_of(buffer.len())
            && spares.len() < SPARES
        {
            spares.push(buffer);
        }
    }

    fn spares_of(&mut self, size: usize) -> Option<&mut Vec<Box<[u8]>>> {
        let index = (size / SMALLEST).checked_ilog2()?;
        self.spares.get_mut(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_counted_kept_and_bounded() {
        let mut memory = Memory::new(&Limits {
            buffered: 4096,
            buffered_at_most: 8192,
            ..Limits::new()
        });
        let first = memory.take(4096).unwrap();
        assert!(!memory.is_ample_for(1));
        let second = memory.take(4096).unwrap();
        assert!(memory.take(512).is_none());
        let place = first.as_ptr();
        memory.put(first);
        memory.put(second);
        assert_eq!(memory.used(), 0);
        memory.take(4096).unwrap();
        let again = memory.take(4096).unwrap();
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn spares_are_few_and_not_large() {
        let mut memory = Memory::new(&Limits::new());
        let buffers: Vec<_> = (0..100).map(|_| memory.take(SMALLEST).unwrap()).collect();
        buffers.into_iter().for_each(|buffer| memory.put(buffer));
        let large = memory.take(2 * LARGEST_SPARE).unwrap();
        memory.put(large);
        assert_eq!(memory.spares.iter().map(Vec::len).sum::<usize>(), SPARES);
    }
}
