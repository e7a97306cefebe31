//! Numbers in memory and in locals, of the widths that WASI has.

use super::core::Body;
use super::link::Callee;
use wasm_encoder::{BlockType, Instruction as I, MemArg};

/// How wide a number is in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Width {
    Byte,
    Word,
    Long,
}

impl Width {
    fn memory(self, offset: u64) -> MemArg {
        MemArg {
            offset,
            align: match self {
                Width::Byte => 0,
                Width::Word => 2,
                Width::Long => 3,
            },
            memory_index: 0,
        }
    }

    pub(crate) fn load(self, offset: u64) -> I<'static> {
        match self {
            Width::Byte => I::I32Load8U(self.memory(offset)),
            Width::Word => I::I32Load(self.memory(offset)),
            Width::Long => I::I64Load(self.memory(offset)),
        }
    }

    pub(crate) fn store(self, offset: u64) -> I<'static> {
        match self {
            Width::Byte => I::I32Store8(self.memory(offset)),
            Width::Word => I::I32Store(self.memory(offset)),
            Width::Long => I::I64Store(self.memory(offset)),
        }
    }

    pub(crate) fn eqz(self) -> I<'static> {
        match self {
            Width::Long => I::I64Eqz,
            _ => I::I32Eqz,
        }
    }

    /// Moves an unsigned local into a range.
    pub(crate) fn clamp(self, local: u32, least: i64, most: i64, body: &mut Body<Callee>) {
        let long = matches!(self, Width::Long);
        for (bound, beyond) in [
            (least, [I::I64LtU, I::I32LtU]),
            (most, [I::I64GtU, I::I32GtU]),
        ] {
            let [wide, narrow] = beyond;
            let constant = || match long {
                true => I::I64Const(bound),
                false => I::I32Const(bound as i32),
            };
            body.plain([
                I::LocalGet(local),
                constant(),
                if long { wide } else { narrow },
                I::If(BlockType::Empty),
                constant(),
                I::LocalSet(local),
                I::End,
            ]);
        }
    }
}

/// A byte at a fixed address, on top of the address 0.
pub(crate) fn at(address: u32) -> MemArg {
    MemArg {
        offset: address.into(),
        align: 0,
        memory_index: 0,
    }
}
