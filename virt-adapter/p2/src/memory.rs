//! The allocator of this module, and `realloc` for what the host gives back.
//!
//! Blocks have sizes that are powers of two; those that are free are in a list for each size. Small
//! ones are cut from pages. That suits what is allocated here: buffers that double, and records of
//! few sizes.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

const PAGE: usize = 65_536;
/// The smallest block, as a power of two: it has room for the link of a list.
const SMALLEST: u32 = 4;
/// The largest is 512 MiB.
const CLASSES: usize = 30;

struct Blocks {
    /// For each size the first free block; 0 for none.
    free: [usize; CLASSES],
    /// What was taken from the engine and never given out.
    next: usize,
    end: usize,
}

struct Allocator(UnsafeCell<Blocks>);

// SAFETY: the module has one thread.
unsafe impl Sync for Allocator {}

#[cfg_attr(target_family = "wasm", global_allocator)]
static ALLOCATOR: Allocator = Allocator(UnsafeCell::new(Blocks {
    free: [0; CLASSES],
    next: 0,
    end: 0,
}));

fn class(size: usize) -> usize {
    (size.next_power_of_two().trailing_zeros()).max(SMALLEST) as usize
}

impl Blocks {
    /// A block of a class; 0 where there is no memory for it.
    fn allocate(&mut self, class: usize) -> usize {
        let Some(first) = self.free.get_mut(class) else {
            return 0;
        };
        if *first != 0 {
            let block = *first;
            // SAFETY: it is a free block, whose first word links to the next one.
            *first = unsafe { link(block).read() };
            return block;
        }
        self.cut(1 << class)
    }

    fn cut(&mut self, size: usize) -> usize {
        if self.next == 0 {
            self.next = crate::config::end().next_multiple_of(1 << SMALLEST);
            self.end = pages() * PAGE;
        }
        let end = match self.next.checked_add(size) {
            Some(end) => end,
            None => return 0,
        };
        if end > self.end && !self.grow(end) {
            return 0;
        }
        let block = self.next;
        self.next = end;
        block
    }

    fn grow(&mut self, end: usize) -> bool {
        let more = (end - self.end).div_ceil(PAGE);
        if !grow(more) {
            return false;
        }
        self.end += more * PAGE;
        true
    }

    fn free(&mut self, block: usize, class: usize) {
        if let Some(first) = self.free.get_mut(class) {
            // SAFETY: the block is nobody's any more, and large enough.
            unsafe { link(block).write(*first) };
            *first = block;
        }
    }
}

fn link(block: usize) -> *mut usize {
    core::ptr::with_exposed_provenance_mut(block)
}

#[cfg(target_family = "wasm")]
fn pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

#[cfg(target_family = "wasm")]
fn grow(pages: usize) -> bool {
    core::arch::wasm32::memory_grow(0, pages) != usize::MAX
}

#[cfg(not(target_family = "wasm"))]
fn pages() -> usize {
    0
}

#[cfg(not(target_family = "wasm"))]
fn grow(_: usize) -> bool {
    false
}

// SAFETY: blocks are of the size that was asked for at least, are aligned to their size or to 16,
// and are not given out twice. Nothing here asks for more than 16.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the module has one thread, and the allocator calls nobody.
        let blocks = unsafe { &mut *self.0.get() };
        core::ptr::with_exposed_provenance_mut(blocks.allocate(class(layout.size())))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let blocks = unsafe { &mut *self.0.get() };
        blocks.free(block.expose_provenance(), class(layout.size()));
    }
}

/// `realloc` of the Canonical ABI, for lists that the host gives back. It traps where memory runs
/// out. Whoever called the host gives the block to [`release`].
#[unsafe(export_name = "[realloc]")]
extern "C" fn realloc(_: usize, _: usize, _: usize, size: usize) -> usize {
    // SAFETY: the module has one thread, and the allocator calls nobody.
    let blocks = unsafe { &mut *ALLOCATOR.0.get() };
    match blocks.allocate(class(size)) {
        0 => trap(),
        block => block,
    }
}

/// Frees a block that the host was given by `realloc`.
pub(crate) fn release(block: usize, size: usize) {
    // SAFETY: as above.
    let blocks = unsafe { &mut *ALLOCATOR.0.get() };
    blocks.free(block, class(size));
}

/// Ends the component.
pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    panic!("a trap");
}
