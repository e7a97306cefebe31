//! Lookups of names.

use crate::contract::INVALID;
use crate::contract::Packed;
use crate::state::{State, name, rules, state};
use crate::{denial, log};
use sockvirt_policy::Lookup;

/// Decides a lookup: 0 asks the host and 1 answers inside, with the number of the lookup as the
/// first part.
#[unsafe(export_name = "resolve")]
extern "C" fn resolve(_: usize, length: usize) -> u32 {
    let Some(name) = name(length) else {
        return INVALID;
    };
    let State { session, said, .. } = state();
    let rules = &rules();
    let resolved = session.resolve(rules, name);
    log::name(rules, name, resolved);
    let (number, query) = match resolved.lookup {
        Lookup::Ask(query) => (0, query),
        Lookup::Inside(query) => (1, query),
        Lookup::Invalid => (INVALID, 0),
        Lookup::Deny(how) => (denial(how), 0),
    };
    said.tag = query;
    number
}

/// Whether the guest may see an answer of the host, which it has learned then.
#[unsafe(export_name = "answered")]
extern "C" fn answered(query: u32, tag: u32, high: u64, low: u64) -> u32 {
    let (rules, session) = (&rules(), &mut state().session);
    let Some(key) = (Packed { tag, high, low }).key() else {
        return 0;
    };
    // A name that has an address of its own shows that one, after all the real ones.
    let shown = session.answered(rules, query, key);
    (shown == Some(key)).into()
}

/// The next answer that is not the host's. `part` gives it.
#[unsafe(export_name = "next-inside")]
extern "C" fn next_inside(query: u32) -> u32 {
    let State { session, said, .. } = state();
    match session.next_inside(&rules(), query) {
        None => 0,
        Some(key) => {
            *said = Packed::ip(key);
            1
        }
    }
}

#[unsafe(export_name = "end-lookup")]
extern "C" fn end_lookup(query: u32) {
    state().session.end_lookup(query);
}
