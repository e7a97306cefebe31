//! Bytes on their way in one direction of a connection.

use crate::memory::{Memory, SMALLEST};
use alloc::boxed::Box;

/// A ring that has no memory while it is empty, and as much as it needs otherwise.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    buffer: Box<[u8]>,
    head: usize,
    len: usize,
    /// Whether somebody has the first run for longer than a call.
    is_lent: bool,
    /// The buffer that he has it in, if that is another by now.
    lent: Box<[u8]>,
}

impl Pipe {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first bytes that wait, no more than `max`, as at most two runs.
    pub(crate) fn runs(&self, max: usize) -> [&[u8]; 2] {
        let count = max.min(self.len);
        let end = self.head + count;
        let first = self.buffer.get(self.head..end.min(self.buffer.len()));
        let second = self.buffer.get(..end.saturating_sub(self.buffer.len()));
        [first.unwrap_or_default(), second.unwrap_or_default()]
    }

    /// Takes bytes out. The buffer goes with the last one.
    pub(crate) fn consume(&mut self, count: usize, memory: &mut Memory) {
        let count = count.min(self.len);
        self.len -= count;
        self.head = self.wrap(self.head + count);
        if self.len == 0 {
            self.clear(memory);
        }
    }

    /// Lends the first run that waits, no more than `max`, until [`take_back`](Self::take_back): it
    /// stays where it is.
    pub(crate) fn lend(&mut self, max: usize) -> &[u8] {
        self.is_lent = true;
        let [first, _] = self.runs(max);
        first
    }

    /// Ends what [`lend`](Self::lend) began.
    pub(crate) fn take_back(&mut self, memory: &mut Memory) {
        self.is_lent = false;
        if !self.lent.is_empty() {
            memory.put(core::mem::take(&mut self.lent));
        }
    }

    /// Gives the buffer back, whatever is in it.
    pub(crate) fn clear(&mut self, memory: &mut Memory) {
        self.take_back(memory);
        if !self.buffer.is_empty() {
            memory.put(core::mem::take(&mut self.buffer));
        }
        self.head = 0;
        self.len = 0;
    }

    /// Makes room for so many bytes behind those that wait, unless there is no memory left.
    pub(crate) fn reserve(&mut self, count: usize, memory: &mut Memory) -> bool {
        match self.len.checked_add(count) {
            Some(needed) if needed > self.buffer.len() => self.grow(needed, memory).is_some(),
            Some(_) => true,
            None => false,
        }
    }

    /// Room that was [reserved](Self::reserve), as at most two runs. It counts as written from now
    /// on, so the caller fills it.
    pub(crate) fn extend(&mut self, count: usize) -> Option<[&mut [u8]; 2]> {
        let tail = self.wrap(self.head + self.len);
        let until_end = self.buffer.len().checked_sub(tail)?;
        let (front, back) = self.buffer.split_at_mut_checked(tail)?;
        let first = back.get_mut(..count.min(until_end))?;
        let second = front.get_mut(..count.saturating_sub(until_end))?;
        self.len += count;
        Some([first, second])
    }

    /// Moves to a larger buffer.
    fn grow(&mut self, needed: usize, memory: &mut Memory) -> Option<()> {
        let size = needed.checked_next_power_of_two()?.max(SMALLEST);
        let mut larger = memory.take(size)?;
        let [first, second] = self.runs(self.len);
        let (begin, rest) = larger.split_at_mut_checked(first.len())?;
        begin.copy_from_slice(first);
        rest.get_mut(..second.len())?.copy_from_slice(second);
        let smaller = core::mem::replace(&mut self.buffer, larger);
        if self.is_lent && self.lent.is_empty() {
            self.lent = smaller;
        } else if !smaller.is_empty() {
            memory.put(smaller);
        }
        self.head = 0;
        Some(())
    }

    fn wrap(&self, position: usize) -> usize {
        match position.checked_sub(self.buffer.len()) {
            Some(wrapped) => wrapped,
            None => position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn memory() -> Memory {
        Memory::new(&Limits::new())
    }

    fn write(pipe: &mut Pipe, memory: &mut Memory, bytes: &[u8]) {
        assert!(pipe.reserve(bytes.len(), memory));
        let [first, second] = pipe.extend(bytes.len()).unwrap();
        let (left, right) = bytes.split_at(first.len());
        first.copy_from_slice(left);
        second.copy_from_slice(right);
    }

    #[test]
    fn an_empty_pipe_has_no_memory() {
        let (mut pipe, mut memory) = (Pipe::default(), memory());
        write(&mut pipe, &mut memory, &[7; 600]);
        assert_eq!((pipe.buffer.len(), memory.used()), (1024, 1024));
        pipe.consume(600, &mut memory);
        assert_eq!((pipe.buffer.len(), memory.used()), (0, 0));
    }

    #[test]
    fn without_memory_nothing_is_written() {
        let mut pipe = Pipe::default();
        let mut memory = Memory::new(&Limits {
            buffered: 0,
            buffered_at_most: 512,
            ..Limits::new()
        });
        write(&mut pipe, &mut memory, &[7; 500]);
        assert!(!pipe.reserve(100, &mut memory));
        assert!(!pipe.reserve(usize::MAX, &mut memory));
        assert_eq!((pipe.len(), memory.used()), (500, 512));
        assert_eq!(pipe.runs(usize::MAX), [&[7; 500][..], &[]]);
    }

    #[test]
    fn what_is_lent_stays_until_it_is_taken_back() {
        let (mut pipe, mut memory) = (Pipe::default(), memory());
        write(&mut pipe, &mut memory, &[7; 500]);
        let place = pipe.lend(400).as_ptr();
        write(&mut pipe, &mut memory, &[8; 1000]);
        write(&mut pipe, &mut memory, &[9; 1000]);
        assert_eq!(pipe.lent.as_ptr(), place);
        assert_eq!(pipe.lent[..500], [7; 500]);
        assert_eq!(memory.used(), 512 + 4096);
        pipe.take_back(&mut memory);
        pipe.consume(400, &mut memory);
        assert_eq!((pipe.len(), memory.used()), (2100, 4096));
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            steps in prop::collection::vec((0_usize..3000, 0_usize..3000), 0..60),
        ) {
            let (mut pipe, mut memory) = (Pipe::default(), memory());
            let mut model = VecDeque::new();
            let mut next = 0_u8;
            for (written, read) in steps {
                let bytes: Vec<u8> = (0..written)
                    .map(|_| { next = next.wrapping_add(1); next })
                    .collect();
                write(&mut pipe, &mut memory, &bytes);
                model.extend(&bytes);
                let got = pipe.runs(read).concat();
                pipe.consume(got.len(), &mut memory);
                let expected: Vec<u8> = model.drain(..read.min(model.len())).collect();
                prop_assert_eq!(got, expected);
                prop_assert_eq!(pipe.len(), model.len());
                prop_assert_eq!(memory.used(), pipe.buffer.len());
                prop_assert_eq!(pipe.buffer.is_empty(), model.is_empty());
            }
        }
    }
}
