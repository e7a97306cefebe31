//! The module's memory: where results are written, and where arguments of callers lie.
//!
//! Addresses are plain numbers here, as in the Canonical ABI. What is read or written is the
//! result area, and blocks that `realloc` gave out.

use core::cell::UnsafeCell;

/// Room for the largest result, of which there is one at a time: a function that returns in memory
/// writes it last, and its caller reads it first.
#[repr(C, align(8))]
struct Area(UnsafeCell<[u8; 64]>);

// SAFETY: the module has one thread.
unsafe impl Sync for Area {}

static RESULT: Area = Area(UnsafeCell::new([0; 64]));

/// Where results are written.
pub(crate) fn result() -> u32 {
    RESULT.0.get() as usize as u32
}

fn pointer<T>(at: u32) -> *mut T {
    core::ptr::with_exposed_provenance_mut(at as usize)
}

macro_rules! access {
    ($($load:ident $store:ident $ty:ty;)*) => {$(
        pub(crate) fn $load(at: u32) -> u32 {
            // SAFETY: see the module's documentation. A stray address is at worst one of this
            // module's own memory or a trap: nobody else's memory is in reach.
            unsafe { pointer::<$ty>(at).read_unaligned().into() }
        }

        pub(crate) fn $store(at: u32, value: u32) {
            // SAFETY: as above.
            unsafe { pointer::<$ty>(at).write_unaligned(value as $ty) }
        }
    )*};
}

access! {
    load8 store8 u8;
    load16 store16 u16;
    load32 store32 u32;
}

/// Moves a block, which may overlap itself.
pub(crate) fn move_block(to: u32, from: u32, size: u32) {
    // SAFETY: as above.
    unsafe { core::ptr::copy(pointer::<u8>(from), pointer::<u8>(to), size as usize) }
}

/// Writes an error as the result, whose payload is that far behind its start.
pub(crate) fn fail(payload: u32, code: u8) -> u32 {
    let at = result();
    store8(at, 1);
    store8(at + payload, code.into());
    at
}

/// Blocks that live until the function that is called returns: the arguments that a caller passes
/// in memory, and what the host gives back. Functions that are not async run one at a time.
pub(crate) mod call {
    use core::cell::Cell;

    const PAGE: usize = 65_536;
    /// Blocks may take up to this much together.
    const MOST: usize = 64 << 20;

    struct Next(Cell<usize>);

    // SAFETY: the module has one thread.
    unsafe impl Sync for Next {}

    static NEXT: Next = Next(Cell::new(0));

    unsafe extern "C" {
        /// The linker's: where static data ends.
        #[cfg(target_family = "wasm")]
        static __heap_base: u8;
    }

    #[cfg(target_family = "wasm")]
    fn start() -> usize {
        (&raw const __heap_base) as usize
    }

    #[cfg(not(target_family = "wasm"))]
    fn start() -> usize {
        0
    }

    /// Frees all blocks. What is in them stays until the next call.
    pub(crate) fn end() {
        NEXT.0.set(0);
    }

    /// A new block.
    pub(crate) fn carve(size: u32) -> u32 {
        take(16, size as usize) as u32
    }

    fn take(align: usize, size: usize) -> usize {
        let next = NEXT.0.get().max(start());
        let at = next.next_multiple_of(align.max(1));
        let Some(end) = at.checked_add(size).filter(|end| *end <= start() + MOST) else {
            trap();
        };
        grow(end);
        NEXT.0.set(end);
        at
    }

    /// `realloc` of the Canonical ABI. It traps where memory runs out.
    #[unsafe(export_name = "wasi:sockets@0.2[realloc]")]
    extern "C" fn realloc(old: usize, old_size: usize, align: usize, size: usize) -> usize {
        let at = take(align, size);
        if old_size > 0 {
            super::move_block(at as u32, old as u32, old_size.min(size) as u32);
        }
        at
    }

    #[cfg(target_family = "wasm")]
    fn grow(end: usize) {
        let pages = end.div_ceil(PAGE);
        let have = core::arch::wasm32::memory_size(0);
        if pages > have && core::arch::wasm32::memory_grow(0, pages - have) == usize::MAX {
            trap();
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn grow(_: usize) {
        let _ = PAGE;
    }

    use super::trap;
}

/// Blocks that are freed one by one: async functions have theirs at the same time.
///
/// Blocks have sizes that are powers of two, and those that are free are in a list for each.
pub(crate) mod blocks {
    use super::{load32, store32, trap};
    use core::cell::Cell;

    /// The smallest block has room for the link of a list.
    const SMALLEST: u32 = 4;
    /// No block is larger than 64 MiB.
    const LARGEST: u32 = 26;

    struct Lists([Cell<u32>; LARGEST as usize + 1]);
    struct Last(Cell<(u32, u32)>);

    // SAFETY: the module has one thread.
    unsafe impl Sync for Lists {}
    // SAFETY: as above.
    unsafe impl Sync for Last {}

    static FREE: Lists = Lists([const { Cell::new(0) }; LARGEST as usize + 1]);
    static LAST: Last = Last(Cell::new((0, 0)));

    fn list(size: u32) -> (&'static Cell<u32>, u32) {
        let class = size.next_power_of_two().trailing_zeros().max(SMALLEST);
        match FREE.0.get(class as usize) {
            Some(list) if size <= 1 << LARGEST => (list, class),
            _ => trap(),
        }
    }

    /// A block of this size; an address that nobody reads where that is 0.
    pub(crate) fn allocate(size: u32) -> u32 {
        if size == 0 {
            return 1 << SMALLEST;
        }
        let (list, class) = list(size);
        match list.get() {
            0 => super::call::carve(1 << class),
            at => {
                list.set(load32(at));
                at
            }
        }
    }

    /// Frees a block of this size. Where there is none, nothing happens.
    pub(crate) fn free(at: u32, size: u32) {
        if at == 0 || size == 0 {
            return;
        }
        let (list, _) = list(size);
        store32(at, list.get());
        list.set(at);
    }

    /// Notes a block that is freed by [`free_last`].
    pub(crate) fn free_later(at: u32, size: u32) {
        LAST.0.set((at, size));
    }

    pub(crate) fn free_last() {
        let (at, size) = LAST.0.replace((0, 0));
        free(at, size);
    }

    /// `realloc` of the Canonical ABI. It traps where memory runs out.
    #[unsafe(export_name = "wasi:sockets@0.3[realloc]")]
    extern "C" fn realloc(old: u32, old_size: u32, _: u32, size: u32) -> u32 {
        let at = allocate(size);
        if old_size > 0 {
            super::move_block(at, old, old_size.min(size));
            free(old, old_size);
        }
        at
    }
}

/// Ends the component.
pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    panic!("a trap");
}
