//! Things by number.

use alloc::vec::Vec;

/// Things that have small numbers, no more than a limit of them. The number of one that is gone is
/// used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
    limit: u32,
}

impl<T> Slab<T> {
    pub(crate) const fn new(limit: u32) -> Self {
        Slab {
            entries: Vec::new(),
            free: Vec::new(),
            limit,
        }
    }

    /// How many things there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether there is room for so many more.
    pub(crate) fn has_room(&self, count: usize) -> bool {
        self.len() + count <= self.limit as usize
    }

    /// Puts a thing in, or gives nothing where the limit is reached.
    pub(crate) fn insert(&mut self, thing: T) -> Option<u32> {
        if !self.has_room(1) {
            return None;
        }
        if let Some(number) = self.free.pop() {
            *self.entries.get_mut(number as usize)? = Some(thing);
            return Some(number);
        }
        let number = self.entries.len() as u32;
        self.entries.push(Some(thing));
        Some(number)
    }

    /// A number above all that are in use.
    pub(crate) fn numbers(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.entries.get(number as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.entries.get_mut(number as usize)?.as_mut()
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let thing = self.entries.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_bounded() {
        let mut slab = Slab::new(2);
        assert_eq!(slab.insert('a'), Some(0));
        assert_eq!(slab.insert('b'), Some(1));
        assert_eq!(slab.insert('c'), None);
        assert_eq!(slab.remove(0), Some('a'));
        assert_eq!(slab.remove(0), None);
        assert_eq!((slab.get(0), slab.len()), (None, 1));
        assert_eq!(slab.insert('d'), Some(0));
        assert_eq!(slab.get(7), None);
        assert_eq!(slab.remove(7), None);
    }
}
