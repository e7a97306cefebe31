//! Lookups of literals, which are all that there is where the policy has no rule for names. A literal
//! is its own answer.

use crate::address::Packed;
use crate::state::{State, name, state};
use crate::{INVALID, denial, log};
use core::cell::Cell;
use sockvirt_policy::{Denial, Key, Lookup, Resolved, RuleRef, literal};

/// A lookup that has not ended.
struct Open {
    taken: Cell<bool>,
    /// The answer, while it is still to be given.
    answer: Cell<Option<Key>>,
}

const MOST: usize = 1024;

struct Lookups([Open; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Lookups {}

static OPEN: Lookups = Lookups(
    [const {
        Open {
            taken: Cell::new(false),
            answer: Cell::new(None),
        }
    }; MOST],
);

/// Decides a lookup: 1 answers inside, with the number of the lookup as the first part.
#[unsafe(export_name = "resolve")]
extern "C" fn resolve(_: usize, length: usize) -> u32 {
    let Some(name) = name(length) else {
        return INVALID;
    };
    let State { rules, said, .. } = state();
    let resolved = literal(rules, name).map_or_else(|refused| refused, begin);
    log::name(rules, name, resolved);
    match resolved.lookup {
        Lookup::Inside(query) => {
            said.tag = query;
            1
        }
        Lookup::Deny(how) => denial(how),
        Lookup::Ask(_) | Lookup::Invalid => INVALID,
    }
}

fn begin(key: Key) -> Resolved {
    let slot = OPEN.0.iter().zip(0..).find(|(slot, _)| !slot.taken.get());
    match slot {
        Some((slot, query)) => {
            slot.taken.set(true);
            slot.answer.set(Some(key));
            Resolved {
                lookup: Lookup::Inside(query),
                rule: RuleRef::Literal,
            }
        }
        None => Resolved {
            lookup: Lookup::Deny(Denial::TemporaryResolverFailure),
            rule: RuleRef::Full,
        },
    }
}

/// The answer, once.
#[unsafe(export_name = "next-inside")]
extern "C" fn next_inside(query: u32) -> u32 {
    let slot = OPEN.0.get(query as usize);
    match slot.and_then(|slot| slot.answer.take()) {
        None => 0,
        Some(key) => {
            state().said = Packed::ip(key);
            1
        }
    }
}

#[unsafe(export_name = "end-lookup")]
extern "C" fn end_lookup(query: u32) {
    if let Some(slot) = OPEN.0.get(query as usize) {
        slot.taken.set(false);
    }
}
