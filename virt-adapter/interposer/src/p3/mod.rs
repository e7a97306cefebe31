//! `wasi:sockets@0.3`, a file for each interface.

mod accept;
mod ip_name_lookup;
mod task;
mod tcp;
mod udp;

use crate::address::Address;
use crate::codes::Code;
use crate::memory::{blocks, fail, load8, load32, result, store32};
use crate::policy::{Denial, Refused};

/// Where the payload of every result here is, and the case of an `error-code` in it.
const PAYLOAD: u32 = 4;

/// What a denied or invalid use of an address ends with, once the host was shown an address that
/// leads nowhere: what it says of the socket, then of the address, then what the policy says.
#[derive(Clone, Copy)]
struct Refusal {
    /// Whether the address that was asked for is of IPv6.
    is_v6: bool,
    refused: Refused,
}

impl Refusal {
    fn new(asked: Address, refused: Refused) -> Self {
        Refusal {
            is_v6: asked.is_v6(),
            refused,
        }
    }

    /// The code to fail with, given the result at `at`; `None` where that says it all.
    fn code(self, at: u32, is_v6: impl FnOnce() -> bool) -> Option<u8> {
        let invalid = Code::INVALID_ARGUMENT.number();
        let failed = load8(at) != 0;
        if failed && load8(at + PAYLOAD) as u8 != invalid {
            return None;
        }
        Some(match self.refused {
            Some(denial) if self.is_v6 == is_v6() => denial.code().number(),
            _ => invalid,
        })
    }
}

/// A decision as a word that a call keeps: 0 where the address is used, 1 where it is invalid, and a
/// denial on top of 2.
fn decision_word(decided: Result<(), Refused>) -> u32 {
    match decided {
        Ok(()) => 0,
        Err(None) => 1,
        Err(Some(denial)) => 2 + denial.number(),
    }
}

fn decision_of(word: u32) -> Result<(), Refused> {
    match word {
        0 => Ok(()),
        1 => Err(None),
        denial => Err(Some(Denial::of_number(denial - 2))),
    }
}

/// What an error carries besides its code: the address and the length of a text, if it has one.
fn text_of(at: u32) -> Option<(u32, u32)> {
    text_behind(at, PAYLOAD)
}

/// As [`text_of`], for a result whose payload is that far behind its start.
fn text_behind(at: u32, payload: u32) -> Option<(u32, u32)> {
    let (given, text) = (at + payload + 4, at + payload + 8);
    let is_given = load8(at) != 0 && load8(given) != 0;
    is_given.then(|| (load32(text), load32(text + 4)))
}

/// Fails a function that is not async.
fn fail_at_once(code: Code) -> u32 {
    clear_error(result());
    fail(PAYLOAD, code.number())
}

/// Makes sure that an error carries nothing.
fn clear_error(at: u32) {
    store32(at + PAYLOAD, 0);
    store32(at + PAYLOAD + 4, 0);
}

/// Frees the text of the last error of a function that is not async. Its caller has read it.
fn begin() {
    blocks::free_last();
}

/// Keeps the text of an error until the next such function begins.
fn end() -> u32 {
    end_behind(PAYLOAD)
}

/// As [`end`], for a result whose payload is that far behind its start.
fn end_behind(payload: u32) -> u32 {
    if let Some((at, size)) = text_behind(result(), payload) {
        blocks::free_later(at, size);
    }
    result()
}
