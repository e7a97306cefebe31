//! The numbers of error codes, for code that knows them by what they mean.

use super::core::{Body, CoreModule, Memory, signature};
use sockvirt_policy::Denial;
use wasm_encoder::{Instruction as I, ValType};

/// How many numbers are kept for denials. Behind them are [`OTHERS`].
const DENIALS: usize = 16;

/// What compiled code fails with besides denials, each with what stands in for it where an
/// interface has no such code. The order is that of `codes.rs` in `virt-adapter/interposer`.
const OTHERS: [&[&str]; 3] = [
    &["invalid-argument"],
    &["out-of-memory", "temporary-resolver-failure"],
    &["invalid-state"],
];

/// A module whose function `0` gives the number of an error code; `None` where the interface has
/// no `access-denied`, which stands in for what it does not have.
pub(super) fn module(names: &[&str]) -> Option<Vec<u8>> {
    let number = |name: &str| names.iter().position(|it| *it == name);
    let fallback = number("access-denied")? as u8;
    let mut numbers = [fallback; 24];
    for (slot, denial) in numbers.iter_mut().zip(Denial::ALL) {
        *slot = number(denial.name()).map_or(fallback, |number| number as u8);
    }
    for (slot, others) in numbers[DENIALS..].iter_mut().zip(OTHERS) {
        let found = others.iter().find_map(|name| number(name));
        *slot = found.map_or(fallback, |number| number as u8);
    }
    let [first, second, third] = [0, 8, 16].map(|from| {
        let bytes = numbers[from..from + 8].try_into().unwrap_or_default();
        I::I64Const(i64::from_le_bytes(bytes))
    });
    let below = |bound| [I::LocalGet(0), I::I32Const(bound), I::I32LtU, I::Select];
    let mut body = Body::new(signature(&[ValType::I32], &[ValType::I32]));
    // The word that the number is in, by its upper bits; then the byte of it, by its lower bits.
    body.plain([first, second, third]);
    body.plain(below(16)).plain(below(8));
    body.plain([
        I::LocalGet(0),
        I::I32Const(7),
        I::I32And,
        I::I32Const(3),
        I::I32Shl,
        I::I64ExtendI32U,
        I::I64ShrU,
        I::I32WrapI64,
        I::I32Const(0xff),
        I::I32And,
    ]);
    let mut module = CoreModule::<()>::new(Memory::None);
    module.export_numbered(body);
    Some(module.finish().0)
}
