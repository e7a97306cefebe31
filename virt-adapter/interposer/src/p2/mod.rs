//! `wasi:sockets@0.2`, a file for each interface.

mod ip_name_lookup;
mod tcp;
mod udp;

use crate::codes::Code;
use crate::memory::{fail, load8, result};
use crate::policy::Refused;

/// Where the payload of a result is, by the alignment of what it holds: the one byte of an
/// `error-code`, or four.
const UNIT: u32 = 1;
const HANDLE: u32 = 4;

/// What a denied or invalid use of an address ends with, once the host was shown an address that
/// leads nowhere: what it says of the socket, then of the address, then what the policy says.
struct Refusal {
    /// Where the error code is in the function's result.
    payload: u32,
    /// Whether the address that was asked for is of IPv6.
    is_v6: bool,
    refused: Refused,
}

impl Refusal {
    /// Ends with the right code. The host's result is in the result area, and `is_v6` gives the
    /// family of the socket.
    fn end(self, is_v6: impl FnOnce() -> bool) {
        let invalid = Code::INVALID_ARGUMENT.number();
        let failed = load8(result()) != 0;
        if failed && load8(result() + self.payload) as u8 != invalid {
            return;
        }
        let code = match self.refused {
            Some(denial) if self.is_v6 == is_v6() => denial.code().number(),
            _ => invalid,
        };
        fail(self.payload, code);
    }
}
