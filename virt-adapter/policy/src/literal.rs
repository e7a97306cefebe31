//! Lookups where the policy has no rule for names: a literal is its own answer, and nothing else has
//! one.

use crate::contract::INVALID;
use crate::contract::Packed;
use crate::state::{name, rules, state};
use crate::{denial, log};
use sockvirt_policy::{Lookup, Resolved, RuleRef, literal};

/// Decides a lookup: 1 answers inside, with what `part` gives.
#[unsafe(export_name = "resolve")]
extern "C" fn resolve(_: usize, length: usize) -> u32 {
    let Some(name) = name(length) else {
        return INVALID;
    };
    let rules = &rules();
    let resolved = match literal(rules, name) {
        Ok(key) => {
            state().said = Packed::ip(key);
            Resolved {
                lookup: Lookup::Inside(0),
                rule: RuleRef::Literal,
            }
        }
        Err(refused) => refused,
    };
    log::name(rules, name, resolved);
    match resolved.lookup {
        Lookup::Inside(_) => 1,
        Lookup::Deny(how) => denial(how),
        Lookup::Ask(_) | Lookup::Invalid => INVALID,
    }
}
