//! The caller's side of a call: its memory, and the host's functions in the version that it
//! imports.

use crate::binding::Slot;
use crate::memory::release;
use crate::state::away;
use alloc::vec::Vec;

/// The binding that a call came by.
#[derive(Clone, Copy)]
pub(crate) struct Guest(u32);

type Copy3 = extern "C" fn(u32, u32, u32);
type Realloc = extern "C" fn(u32, u32, u32, u32) -> u32;
type Ready = extern "C" fn(u32) -> u32;

impl Guest {
    pub(crate) fn new(binding: u32) -> Self {
        Guest(binding)
    }

    fn place(self, slot: Slot) -> usize {
        (self.0 + slot as u32) as usize
    }

    /// Writes into the caller's memory.
    pub(crate) fn write(self, to: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        // SAFETY: a function pointer is a place in the table. What stands in this one has this
        // signature, and reads no more of this module's memory than it is told to.
        let copy_out: Copy3 = unsafe { core::mem::transmute(self.place(Slot::CopyOut)) };
        copy_out(
            to,
            bytes.as_ptr().expose_provenance() as u32,
            bytes.len() as u32,
        );
    }

    /// Reads from the caller's memory.
    pub(crate) fn read(self, from: u32, into: &mut [u8]) {
        if into.is_empty() {
            return;
        }
        // SAFETY: as above; it writes no more of this module's memory than it is told to, which is
        // what the slice borrows.
        let copy_in: Copy3 = unsafe { core::mem::transmute(self.place(Slot::CopyIn)) };
        copy_in(
            into.as_mut_ptr().expose_provenance() as u32,
            from,
            into.len() as u32,
        );
    }

    /// A new block in the caller's memory.
    pub(crate) fn allocate(self, align: u32, size: u32) -> u32 {
        // SAFETY: as above.
        let realloc: Realloc = unsafe { core::mem::transmute(self.place(Slot::Allocate)) };
        away(|| realloc(0, 0, align, size))
    }

    /// Waits for the first of these pollables of the host, and gives the positions of those that
    /// are ready.
    pub(crate) fn poll(self, pollables: &[u32]) -> Vec<u32> {
        let mut result = [0u32; 2];
        // SAFETY: as above. The host reads the list, and writes where its result is.
        let poll: Copy3 = unsafe { core::mem::transmute(self.place(Slot::Poll)) };
        poll(
            pollables.as_ptr().expose_provenance() as u32,
            pollables.len() as u32,
            result.as_mut_ptr().expose_provenance() as u32,
        );
        let [at, count] = result.map(|it| it as usize);
        let first: *const u32 = core::ptr::with_exposed_provenance(at);
        // SAFETY: the host wrote so many numbers there, in a block that it got from `realloc`.
        let ready = unsafe { core::slice::from_raw_parts(first, count) }.to_vec();
        release(at, count * 4);
        ready
    }

    /// Whether a pollable of the host is ready.
    pub(crate) fn is_ready(self, pollable: u32) -> bool {
        // SAFETY: as above.
        let ready: Ready = unsafe { core::mem::transmute(self.place(Slot::Ready)) };
        ready(pollable) != 0
    }
}
