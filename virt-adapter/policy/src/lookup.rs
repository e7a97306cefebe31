//! Lookups of names.

use crate::address::{ip_of, store_ip};
use crate::log::{self, Logs};
use crate::state::{self, trap};
use crate::{INVALID, denial};
use core::cell::UnsafeCell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use sockvirt_policy::{Denial, Lookup, Resolved, RuleRef, literal};

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

/// What is passed to `resolve`.
fn name(length: usize) -> Option<&'static [u8]> {
    // SAFETY: the caller wrote it before this call, and nobody writes to it during the call.
    let name = unsafe { &*NAME.0.get() };
    name.get(..length)
}

/// Decides a lookup: 0 asks the host and 1 answers inside, with the number of the lookup in the
/// first word.
fn resolve<L: Logs>(length: usize) -> u32 {
    let Some(name) = name(length) else {
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

#[unsafe(export_name = "resolve+names")]
extern "C" fn resolve_quietly(_: usize, length: usize) -> u32 {
    resolve::<log::Off>(length)
}

#[unsafe(export_name = "resolve+names+log")]
extern "C" fn resolve_aloud(_: usize, length: usize) -> u32 {
    resolve::<log::On>(length)
}

/// A lookup of a literal, which answers itself, where the policy has no rule for names.
#[derive(Clone, Copy)]
struct Open {
    taken: bool,
    /// Whether the answer is still to be given.
    pending: bool,
    is_v6: bool,
    octets: [u8; 16],
}

struct Literals(UnsafeCell<[Open; LITERALS]>);

const LITERALS: usize = 1024;

// SAFETY: the module has one thread.
unsafe impl Sync for Literals {}

// All zeros, which takes no room in the module.
static OPEN: Literals = Literals(UnsafeCell::new(
    [Open {
        taken: false,
        pending: false,
        is_v6: false,
        octets: [0; 16],
    }; LITERALS],
));

fn open() -> &'static mut [Open; LITERALS] {
    // SAFETY: exported functions run one at a time, and each asks once.
    unsafe { &mut *OPEN.0.get() }
}

impl Open {
    fn new(ip: IpAddr) -> Self {
        let octets = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_compatible().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        Open {
            taken: true,
            pending: true,
            is_v6: ip.is_ipv6(),
            octets,
        }
    }

    fn ip(&self) -> IpAddr {
        let ip = Ipv6Addr::from(self.octets);
        match self.is_v6 {
            true => IpAddr::V6(ip),
            false => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() as u32)),
        }
    }
}

/// As [`resolve`], where there are no rules for names.
fn resolve_literal<L: Logs>(length: usize) -> u32 {
    let Some(name) = name(length) else {
        return INVALID;
    };
    let state = state::plain();
    let resolved = literal(&state.rules, name).map(|ip| {
        let slot = open().iter_mut().zip(0..).find(|(slot, _)| !slot.taken);
        match slot {
            Some((slot, query)) => {
                *slot = Open::new(ip);
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
    });
    let resolved = resolved.unwrap_or_else(|refused| refused);
    L::name(&state.rules, name, resolved);
    let (word, query) = match resolved.lookup {
        Lookup::Inside(query) => (1, query),
        Lookup::Deny(how) => (denial(how), 0),
        Lookup::Ask(_) | Lookup::Invalid => (INVALID, 0),
    };
    state.words[0] = query;
    word
}

#[unsafe(export_name = "resolve")]
extern "C" fn resolve_literal_quietly(_: usize, length: usize) -> u32 {
    resolve_literal::<log::Off>(length)
}

#[unsafe(export_name = "resolve+log")]
extern "C" fn resolve_literal_aloud(_: usize, length: usize) -> u32 {
    resolve_literal::<log::On>(length)
}

/// Whether the guest may see an answer of the host, which it has learned then.
#[unsafe(export_name = "answered+names")]
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
#[unsafe(export_name = "next-inside+names")]
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

/// A literal is its own answer, once.
#[unsafe(export_name = "next-inside")]
extern "C" fn next_literal(query: u32) -> u32 {
    match open().get_mut(query as usize) {
        Some(slot) if slot.pending => {
            slot.pending = false;
            store_ip(&mut state::plain().words, slot.ip());
            1
        }
        _ => 0,
    }
}

#[unsafe(export_name = "end-lookup+names")]
extern "C" fn end_lookup(query: u32) {
    state::named().session.end_lookup(query);
}

#[unsafe(export_name = "end-lookup")]
extern "C" fn end_literal(query: u32) {
    if let Some(slot) = open().get_mut(query as usize) {
        slot.taken = false;
    }
}
