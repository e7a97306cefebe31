//! `wasi:sockets/ip-name-lookup@0.2`
//!
//! The streams of answers are made here: each answer is shown to the policy before the guest sees
//! it, and some answers are the policy's own.

use super::{HANDLE, UNIT};
use crate::address::Ip;
use crate::codes::Code;
use crate::memory::{call, fail, load8, load32, result, store8, store32, trap};
use crate::policy::{self, Denial, Lookup};
use core::cell::Cell;

#[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.2")]
unsafe extern "C" {
    #[link_name = "resolve-addresses"]
    safe fn host_resolve_addresses(network: u32, name: u32, length: u32, result: u32);
    #[link_name = "[method]resolve-address-stream.resolve-next-address"]
    safe fn host_resolve_next_address(stream: u32, result: u32);
    #[link_name = "[method]resolve-address-stream.subscribe"]
    safe fn host_subscribe(stream: u32) -> u32;
    #[link_name = "[resource-drop]resolve-address-stream"]
    safe fn drop_host_stream(stream: u32);
    #[link_name = "[resource-drop]network"]
    safe fn drop_network(network: u32);
}

#[link(wasm_import_module = "own")]
unsafe extern "C" {
    #[link_name = "[resource-new]resolve-address-stream"]
    safe fn new_stream(representation: u32) -> u32;
}

#[link(wasm_import_module = "clock")]
unsafe extern "C" {
    /// A pollable that is ready, where the moment is past.
    safe fn subscribe(moment: u64) -> u32;
}

/// A lookup that the guest holds a stream of. It is represented by its place in [`STREAMS`],
/// counted from 1.
struct Stream {
    taken: Cell<bool>,
    /// What the policy knows it by, one more than that; 0 where it knows nothing of it.
    query: Cell<u32>,
    /// The host's stream; [`NONE`] where there is none.
    host: Cell<u32>,
    /// Whether the host has no more answers.
    ended: Cell<bool>,
}

/// No handle is 0.
const NONE: u32 = 0;
/// As many as the policy keeps account of.
const MOST: usize = 1024;

struct Streams([Stream; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Streams {}

static STREAMS: Streams = Streams(
    [const {
        Stream {
            taken: Cell::new(false),
            query: Cell::new(0),
            host: Cell::new(NONE),
            ended: Cell::new(false),
        }
    }; MOST],
);

impl Stream {
    fn of(representation: u32) -> &'static Stream {
        match STREAMS.0.get((representation as usize).wrapping_sub(1)) {
            Some(stream) => stream,
            None => trap(),
        }
    }

    fn query(&self) -> u32 {
        self.query.get().wrapping_sub(1)
    }

    /// Tells the policy which lookups have ended. Destructors leave that for later: there are
    /// engines on which they cannot call another component.
    fn sweep() {
        for stream in STREAMS.0.iter().filter(|stream| !stream.taken.get()) {
            match stream.query.replace(0) {
                0 => {}
                query => policy::end_lookup(query - 1),
            }
        }
    }
}

/// Looks up a name, if the policy has not the answers itself.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#resolve-addresses")]
extern "C" fn resolve_addresses(network: u32, name: u32, length: u32) -> u32 {
    Stream::sweep();
    let lookup = policy::resolve(name, length);
    let result = look_up(lookup, |result| {
        let length = crate::name::canonical(name, length);
        host_resolve_addresses(network, name, length, result);
    });
    call::end();
    drop_network(network);
    result
}

/// As [`resolve_addresses`], where the policy never asks the host.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#resolve-addresses inside")]
extern "C" fn resolve_addresses_inside(network: u32, name: u32, length: u32) -> u32 {
    Stream::sweep();
    let result = look_up(policy::resolve(name, length), |_| trap());
    call::end();
    drop_network(network);
    result
}

fn look_up(lookup: Lookup, ask: impl FnOnce(u32)) -> u32 {
    let (query, ended) = match lookup {
        Lookup::Invalid => return fail(HANDLE, Code::INVALID_ARGUMENT.number()),
        Lookup::Deny(denial) => return fail(HANDLE, denial.code().number()),
        Lookup::Ask(query) => (query, false),
        Lookup::Inside(query) => (query, true),
    };
    let Some(at) = STREAMS.0.iter().position(|stream| !stream.taken.get()) else {
        policy::end_lookup(query);
        return fail(HANDLE, Code::OUT_OF_MEMORY.number());
    };
    let stream = Stream::of(at as u32 + 1);
    stream.host.set(NONE);
    if !ended {
        ask(result());
        if load8(result()) != 0 {
            policy::end_lookup(query);
            return result();
        }
        stream.host.set(load32(result() + HANDLE));
    }
    stream.taken.set(true);
    stream.query.set(query.wrapping_add(1));
    stream.ended.set(ended);
    store8(result(), 0);
    store32(result() + HANDLE, new_stream(at as u32 + 1));
    result()
}

/// The destructor of `resolve-address-stream`.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[dtor]resolve-address-stream")]
extern "C" fn drop_stream(representation: u32) {
    drop_inside(representation);
    let host = Stream::of(representation).host.replace(NONE);
    if host != NONE {
        drop_host_stream(host);
    }
}

/// As [`drop_stream`], where the policy never asks the host.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[dtor]resolve-address-stream inside")]
extern "C" fn drop_inside(representation: u32) {
    Stream::of(representation).taken.set(false);
}

/// The host's answers that the policy lets through, then the policy's own.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.resolve-next-address")]
extern "C" fn resolve_next_address(representation: u32) -> u32 {
    let stream = Stream::of(representation);
    while !stream.ended.get() {
        host_resolve_next_address(stream.host.get(), result());
        if load8(result()) != 0 {
            return result();
        }
        if load8(result() + OPTION) == 0 {
            stream.ended.set(true);
        } else if policy::answered(stream.query(), Ip::load(result() + ANSWER)) {
            return result();
        }
    }
    resolve_next_inside(representation)
}

/// Where the option of an answer is in a `result<option<ip-address>, error-code>`.
const OPTION: u32 = 2;
/// Where the answer is in it.
const ANSWER: u32 = 4;

/// As [`resolve_next_address`], where the policy never asks the host.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.resolve-next-address inside")]
extern "C" fn resolve_next_inside(representation: u32) -> u32 {
    store_answer(policy::next_inside(Stream::of(representation).query()))
}

/// Writes an answer, or that there are no more.
fn store_answer(answer: Option<Ip>) -> u32 {
    const { assert!(UNIT < OPTION) };
    store8(result(), 0);
    match answer {
        None => store8(result() + OPTION, 0),
        Some(ip) => {
            store8(result() + OPTION, 1);
            ip.store(result() + ANSWER);
        }
    }
    result()
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.subscribe")]
extern "C" fn subscribe_stream(representation: u32) -> u32 {
    match Stream::of(representation).host.get() {
        NONE => subscribe_inside(representation),
        host => host_subscribe(host),
    }
}

/// As [`subscribe_stream`], where the policy never asks the host.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.subscribe inside")]
extern "C" fn subscribe_inside(_: u32) -> u32 {
    subscribe(0)
}

/// A literal that the guest looks up, where the policy has no rule for names. It is represented by
/// its place in [`LITERALS`], counted from 1.
struct Literal {
    taken: Cell<bool>,
    /// The answer, while it is still to be given.
    answer: Cell<Option<Ip>>,
}

struct Literals([Literal; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Literals {}

static LITERALS: Literals = Literals(
    [const {
        Literal {
            taken: Cell::new(false),
            answer: Cell::new(None),
        }
    }; MOST],
);

impl Literal {
    fn of(representation: u32) -> &'static Literal {
        match LITERALS.0.get((representation as usize).wrapping_sub(1)) {
            Some(literal) => literal,
            None => trap(),
        }
    }

    /// A stream with one answer, or the error code of having too many.
    fn open(answer: Ip) -> Result<u32, Code> {
        let mut literals = LITERALS.0.iter().zip(1..);
        let free = literals.find(|(literal, _)| !literal.taken.get());
        let (literal, representation) = free.ok_or(Code::OUT_OF_MEMORY)?;
        literal.taken.set(true);
        literal.answer.set(Some(answer));
        Ok(new_stream(representation))
    }
}

/// As [`resolve_addresses`], where the policy has no rule for names.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#resolve-addresses literal")]
extern "C" fn resolve_literal(network: u32, name: u32, length: u32) -> u32 {
    let answer = policy::resolve_literal(name, length);
    let refused = |denial: Option<Denial>| denial.map_or(Code::INVALID_ARGUMENT, Denial::code);
    match answer.map_err(refused).and_then(Literal::open) {
        Err(code) => {
            fail(HANDLE, code.number());
        }
        Ok(stream) => {
            store8(result(), 0);
            store32(result() + HANDLE, stream);
        }
    }
    call::end();
    drop_network(network);
    result()
}

/// As [`drop_stream`], for literals.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[dtor]resolve-address-stream literal")]
extern "C" fn drop_literal(representation: u32) {
    Literal::of(representation).taken.set(false);
}

/// As [`resolve_next_address`], for literals.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.2#[method]resolve-address-stream.resolve-next-address literal")]
extern "C" fn resolve_next_literal(representation: u32) -> u32 {
    store_answer(Literal::of(representation).answer.take())
}
