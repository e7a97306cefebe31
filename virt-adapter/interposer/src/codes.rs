//! Error codes, by what they mean. Their numbers are those of the guest's own `error-code`, which
//! the component around looks up by name.

use crate::policy::{Denial, Refused};

#[link(wasm_import_module = "codes")]
unsafe extern "C" {
    safe fn code(name: u32) -> u32;
}

/// What a function fails with. The numbers up to 15 are those of `Denial::ALL` in the policy crate;
/// the others are this module's own.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Code(u32);

/// How many numbers are kept for denials.
const DENIALS: u32 = 16;

impl Code {
    pub(crate) const INVALID_ARGUMENT: Code = Code(DENIALS);
    pub(crate) const OUT_OF_MEMORY: Code = Code(DENIALS + 1);

    pub(crate) const fn of_denial(denial: u32) -> Self {
        Code(denial)
    }

    /// What a refused use of an address fails with. Traps where the denial is one.
    pub(crate) fn of_refusal(refused: Refused) -> Self {
        refused.map_or(Code::INVALID_ARGUMENT, Denial::code)
    }

    /// The number that the guest's `error-code` has for it.
    pub(crate) fn number(self) -> u8 {
        code(self.0) as u8
    }
}
