//! What the host gives a script by, and asks for its report: the same for each generation of WASI.

use core::cell::Cell;

/// Where the script is that the host gave, and how long.
struct Loaded(Cell<Option<(usize, usize)>>);

// SAFETY: the module has one thread.
unsafe impl Sync for Loaded {}

static LOADED: Loaded = Loaded(Cell::new(None));

/// Takes a script of the host's instead of the one that the component was built with. What comes after
/// the program has begun is no more looked at.
#[unsafe(export_name = "sockvirt#load")]
extern "C" fn load(at: usize, length: usize) {
    LOADED.0.set(Some((at, length)));
}

/// The script that the host gave.
pub(crate) fn loaded() -> Option<&'static [u8]> {
    let (at, length) = LOADED.0.get()?;
    let first: *const u8 = core::ptr::with_exposed_provenance(at);
    // SAFETY: the host wrote so many bytes there, in a block that it got from `realloc` and that
    // nobody gives back.
    Some(unsafe { core::slice::from_raw_parts(first, length) })
}

/// Where a text is and how long, as a `string` is given back: the address of the two words.
pub(crate) fn place_of(text: Option<&str>, words: &mut [u32; 2]) -> u32 {
    let text = text.unwrap_or_default();
    let at = match text.is_empty() {
        true => 0,
        false => text.as_ptr().expose_provenance() as u32,
    };
    *words = [at, text.len() as u32];
    words.as_ptr().expose_provenance() as u32
}
