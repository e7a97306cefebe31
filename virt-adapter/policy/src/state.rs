//! What is kept between calls.

use crate::Known;
use crate::contract::Packed;
use core::cell::UnsafeCell;
use sockvirt_policy::{Place, Rules, Session};

#[link(wasm_import_module = "wire")]
unsafe extern "C" {
    /// Where the wire form is.
    safe fn at() -> usize;
    /// How many bytes it has.
    safe fn length() -> usize;
}

/// What the composition was built with.
pub(crate) fn rules() -> Rules<'static> {
    // SAFETY: the composition put the wire form there, behind all static data, and nothing writes
    // to it.
    let wire =
        unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at()), length()) };
    Rules::trusted(wire)
}

pub(crate) struct State {
    pub(crate) session: Session<Known>,
    /// The address that the last decision led to, or the last answer; or the number of the last
    /// lookup, in the place of the tag.
    pub(crate) said: Packed,
    /// The last address that was allowed: as it was asked for, and the real one.
    pub(crate) last: Option<(Place, Place)>,
}

struct Global<T>(UnsafeCell<T>);

// SAFETY: the module has one thread.
unsafe impl<T> Sync for Global<T> {}

/// The state. Every exported function asks for it once, and none calls another.
pub(crate) fn state() -> &'static mut State {
    // All zeros, which takes no room in the module.
    static STATE: Global<State> = Global(UnsafeCell::new(State {
        session: Session::new(),
        said: Packed::NONE,
        last: None,
    }));
    // SAFETY: exported functions run one at a time, and each takes the state once.
    unsafe { &mut *STATE.0.get() }
}

/// The longest name that anybody passes: what is longer is refused before.
const LONGEST: usize = 256;

static NAME: Global<[u8; LONGEST]> = Global(UnsafeCell::new([0; LONGEST]));

/// `realloc` of the Canonical ABI, for the one string that is ever passed.
#[unsafe(export_name = "[realloc]")]
extern "C" fn realloc(_: usize, _: usize, _: usize, size: usize) -> usize {
    match size <= LONGEST {
        true => NAME.0.get().expose_provenance(),
        false => trap(),
    }
}

/// The name that is passed to `resolve`.
pub(crate) fn name(length: usize) -> Option<&'static [u8]> {
    // SAFETY: the caller wrote it before this call, and nobody writes to it during the call.
    let name = unsafe { &*NAME.0.get() };
    name.get(..length)
}

/// Ends the component.
pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    panic!("a trap");
}
