//! Decisions on standard error, a line of JSON each.

use crate::contract::Packed;
use core::cell::{Cell, UnsafeCell};
use core::net::Ipv6Addr;
use sockvirt_policy::{Key, Operation, Protocol, Resolved, Rules, Ruling, Subject, write_json};

#[link(wasm_import_module = "log")]
unsafe extern "C" {
    #[link_name = "get-stderr"]
    safe fn get_stderr() -> u32;
    #[link_name = "[method]output-stream.blocking-write-and-flush"]
    safe fn write(stream: u32, at: usize, length: usize, result: usize);
}

pub(crate) fn address(
    rules: &Rules<'_>,
    operation: Operation,
    protocol: Protocol,
    address: Packed,
    Ruling { outcome, rule }: Ruling,
) {
    if rules.logs(outcome) {
        let ip = address
            .key()
            .map_or(Ipv6Addr::from_bits(address.v6()).into(), Key::ip);
        let subject = Subject::Address(protocol, (ip, address.port()).into());
        say(|line| write_json(rules, operation, subject, outcome, rule, line));
    }
}

pub(crate) fn name(rules: &Rules<'_>, name: &[u8], resolved: Resolved) {
    let outcome = resolved.outcome();
    if rules.logs(outcome) {
        let subject = Subject::Name(name);
        let operation = Operation::Resolve;
        say(|line| write_json(rules, operation, subject, outcome, resolved.rule, line));
    }
}

/// The longest line.
const LONGEST: usize = 2048;

struct Log {
    line: UnsafeCell<[u8; LONGEST]>,
    /// The handle of standard error; 0, which no handle is, before there is one.
    stream: Cell<u32>,
    /// Whether a line could not be written. Then none is any more.
    broken: Cell<bool>,
}

// SAFETY: the module has one thread.
unsafe impl Sync for Log {}

static LOG: Log = Log {
    line: UnsafeCell::new([0; LONGEST]),
    stream: Cell::new(0),
    broken: Cell::new(false),
};

fn say(write_line: impl FnOnce(&mut [u8]) -> usize) {
    if LOG.broken.get() {
        return;
    }
    // SAFETY: nothing else has the line, and `write_line` does not come back here.
    let line = unsafe { &mut *LOG.line.get() };
    let length = write_line(line);
    if LOG.stream.get() == 0 {
        LOG.stream.set(get_stderr());
    }
    let mut result = [0_u32; 3];
    let at = line.as_ptr().expose_provenance();
    write(
        LOG.stream.get(),
        at,
        length,
        result.as_mut_ptr().expose_provenance(),
    );
    LOG.broken.set(core::hint::black_box(result)[0] & 0xff != 0);
}
