//! What the host gives a script by, and asks for its report: the same for each generation of WASI.

use crate::memory::trap;
use alloc::string::String;
use core::cell::Cell;
use sockvirt_netstack::Network;
use sockvirt_netstack::script::Script;

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

/// The script that the host gave, or that of these bytes.
pub(crate) fn script(own: &[u8]) -> Script {
    match Script::from_bytes(given().unwrap_or(own)) {
        Some(script) => script,
        None => trap(),
    }
}

/// The bytes that the host gave.
fn given() -> Option<&'static [u8]> {
    let (at, length) = LOADED.0.get()?;
    let first: *const u8 = core::ptr::with_exposed_provenance(at);
    // SAFETY: the host wrote so many bytes there, in a block that it got from `realloc` and that
    // nobody gives back.
    Some(unsafe { core::slice::from_raw_parts(first, length) })
}

/// What is told of a script once its program has ended.
#[derive(Default)]
pub(crate) struct Report {
    /// Nothing if all was as it should be.
    text: String,
    is_over: bool,
    /// Where the text is, and how long: what the host is given.
    place: [u32; 2],
}

impl Report {
    /// Ends the script, unless it has ended, and gives what is to be told of it.
    pub(crate) fn end(&mut self, network: &mut Network) -> Option<&str> {
        if self.is_over {
            return None;
        }
        self.is_over = true;
        self.text = network.end_script().unwrap_or_default();
        Some(&*self.text).filter(|it| !it.is_empty())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether all was as it should be.
    pub(crate) fn is_well(&self) -> bool {
        self.text.is_empty()
    }

    /// The text, as a `string` is given back: the address of two words, where it is and how long.
    pub(crate) fn text(&mut self) -> u32 {
        let at = self.text.as_ptr().expose_provenance();
        self.place = [at as u32, self.text.len() as u32];
        self.place.as_ptr().expose_provenance() as u32
    }
}
