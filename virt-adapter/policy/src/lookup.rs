//! Lookups of names.

use crate::address::{ip_of, store_ip};
use crate::log::{self, Logs};
use crate::state::{self, trap};
use crate::{INVALID, denial};
use core::cell::UnsafeCell;
use sockvirt_policy::Lookup;

/// The longest name that anybody passes: what is longer is refused before.
const LONGEST: usize = 256;

struct Name(UnsafeCell<[u8; LONGEST]>);

// SAFETY: the module has one thread.
unsafe impl Sync for Name {}

static NAME: Name = Name(UnsafeCell::new([0; LONGEST]));

/// `realloc` of the Canonical ABI, for the one string that is ever passed.
#[unsafe(export_name = "[realloc]")]
extern "C" fn realloc(_: usize, _: usize, _: usize, size: usize) -> usize {
    match size <= LONGEST {
        true => NAME.0.get().expose_provenance(),
        false => trap(),
    }
}

/// Decides a lookup: 0 asks the host and 1 answers inside, with the number of the lookup in the
/// first word.
fn resolve<L: Logs>(length: usize) -> u32 {
    // SAFETY: the caller wrote it before this call, and nobody writes to it during the call.
    let name = unsafe { &*NAME.0.get() };
    let Some(name) = name.get(..length) else {
        return INVALID;
    };
    let state = state::named();
    let resolved = state.session.resolve(&state.rules, name);
    L::name(&state.rules, name, resolved);
    let (word, query) = match resolved.lookup {
        Lookup::Ask(query) => (0, query),
        Lookup::Inside(query) => (1, query),
        Lookup::Invalid => (INVALID, 0),
        Lookup::Deny(how) => (denial(how), 0),
    };
    state.words[0] = query;
    word
}

#[unsafe(export_name = "resolve")]
extern "C" fn resolve_quietly(_: usize, length: usize) -> u32 {
    resolve::<log::Off>(length)
}

#[unsafe(export_name = "resolve+log")]
extern "C" fn resolve_aloud(_: usize, length: usize) -> u32 {
    resolve::<log::On>(length)
}

/// Whether the guest may see an answer of the host, which it has learned then.
#[unsafe(export_name = "answered")]
#[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
extern "C" fn answered(
    query: u32,
    w0: u32,
    w1: u32,
    w2: u32,
    w3: u32,
    w4: u32,
    w5: u32,
    w6: u32,
    w7: u32,
    w8: u32,
) -> u32 {
    let state = state::named();
    let ip = ip_of(&[w0, w1, w2, w3, w4, w5, w6, w7, w8]);
    // A name that has an address of its own shows that one, after all the real ones.
    let shown = state.session.answered(&state.rules, query, ip);
    (shown == Some(ip)).into()
}

/// The next answer that is not the host's. Its words are those of an `ip-address`.
#[unsafe(export_name = "next-inside")]
extern "C" fn next_inside(query: u32) -> u32 {
    let state = state::named();
    match state.session.next_inside(&state.rules, query) {
        None => 0,
        Some(ip) => {
            store_ip(&mut state.words, ip);
            1
        }
    }
}

#[unsafe(export_name = "end-lookup")]
extern "C" fn end_lookup(query: u32) {
    state::named().session.end_lookup(query);
}
