//! The memory behind the functions of an interface, and the sockets in it.
//!
//! It is a core module of its own because what it gives (a memory for lowered functions, the
//! destructor of a resource type) must be there before what the functions import can be made.
//!
//! | address | what |
//! | --- | --- |
//! | [`RESULT`] | the result of the call that is returning |
//! | [`WAITING`], [`EVENT`] | the set of futures that nobody has read yet, and what happened to one |
//! | [`STARTED`] | whether a network in memory was started |
//! | [`WAKE`] | what async functions wait by that are done |
//! | [`TEMPLATES`] | a new TCP socket and a new UDP socket |
//! | [`FUTURES`] | what futures end with, an entry for each error code |
//! | [`SLOTS`] | sockets, [`CAPACITY`] of them |
//! | [`HEAP`] | strings and lists that callers pass; overwritten with each call |

use crate::generate::core::{Body, CoreModule, Memory, signature};
use crate::generate::step::SocketOption;
use sockvirt_policy::Protocol;
use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

/// Where results are written. They are at most 64 bytes long.
pub(crate) const RESULT: u32 = 16;
/// Where the handle of a waitable set is kept; 0 before there is one.
pub(crate) const WAITING: u32 = 96;
/// Where the two words of an event are written.
pub(crate) const EVENT: u32 = 104;
/// A word that says whether the task of a network in memory was started.
pub(crate) const STARTED: u32 = 112;
/// The set of what async functions wait by, the ends of the stream that is in it, and whether it was
/// written to.
pub(crate) const WAKE: Wake = Wake {
    set: 120,
    readable: 124,
    writable: 128,
    is_written: 132,
};

/// Where the words of [`WAKE`] are.
pub(crate) struct Wake {
    pub(crate) set: u32,
    pub(crate) readable: u32,
    pub(crate) writable: u32,
    pub(crate) is_written: u32,
}
const TEMPLATES: u32 = 512;
/// Where the values of futures are written, [`FUTURE_SIZE`] bytes for each error code.
pub(crate) const FUTURES: u32 = 1024;
/// How far apart the values of futures are.
pub(crate) const FUTURE_SIZE: u32 = 32;
/// How many error codes can end a future.
pub(crate) const FUTURE_CODES: u32 = (SLOTS - FUTURES) / FUTURE_SIZE;
const SLOTS: u32 = 2048;
const SLOT_SIZE: u32 = 64;
/// How many sockets there can be at a time, of both protocols together where they share an
/// interface. It is the usual limit of open files of a process.
const CAPACITY: u32 = 1024;
const SLOTS_END: u32 = SLOTS + CAPACITY * SLOT_SIZE;
const HEAP: u32 = SLOTS_END;
const PAGE: u32 = 64 * 1024;
/// Arguments of a call may take up to this much memory, in pages: 64 MiB.
const MOST_PAGES: u64 = 1024;

/// A socket's address family, as the case of `ip-address-family`.
pub(crate) const FAMILY: MemArg = byte_at(0);
/// A socket's state, one of the three below.
pub(crate) const STATE: MemArg = byte_at(1);
/// The error code that a failed socket failed with.
pub(crate) const FAILURE: MemArg = byte_at(2);

/// Nothing was done with the socket but setting options. Becomes connecting or failed.
pub(crate) const FRESH: i32 = 0;
/// A connect was started and not finished. Becomes failed.
pub(crate) const CONNECTING: i32 = 1;
/// Connecting or listening failed. Stays so.
pub(crate) const FAILED: i32 = 2;

/// Where a socket keeps an option.
pub(crate) const fn option_at(option: SocketOption) -> u64 {
    8 + 8 * option as u64
}

const fn byte_at(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 0,
        memory_index: 0,
    }
}

/// A word at no offset.
pub(crate) const WORD: MemArg = MemArg {
    offset: 0,
    align: 2,
    memory_index: 0,
};

/// The template of a new socket.
pub(crate) const fn template(protocol: Protocol) -> u32 {
    TEMPLATES + protocol as u32 * SLOT_SIZE
}

/// What a store has besides its memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contents {
    /// Sockets: `alloc` and `free`.
    pub(crate) sockets: bool,
    /// Room for arguments: `realloc`.
    pub(crate) heap: bool,
}

/// The store as a core module. It calls nothing.
pub(crate) fn module(contents: Contents) -> Vec<u8> {
    let least = match contents {
        Contents {
            sockets: false,
            heap: false,
        } => 1,
        _ => SLOTS_END.div_ceil(PAGE).into(),
    };
    let most = if contents.heap { MOST_PAGES } else { least };
    let mut module = CoreModule::<()>::new(Memory::Own { least, most });
    if contents.heap {
        module.export("realloc", realloc());
    }
    if contents.sockets {
        for protocol in Protocol::ALL {
            module.data(template(protocol), template_bytes(protocol));
        }
        let free = module.global(0);
        let next = module.global(SLOTS as i32);
        module.export("alloc", alloc(free, next));
        module.export("free", release(free));
    }
    module.finish().0
}

fn template_bytes(protocol: Protocol) -> Vec<u8> {
    let mut bytes = vec![0; SLOT_SIZE as usize];
    for option in SocketOption::ALL {
        let at = option_at(option) as usize;
        bytes[at..at + 8].copy_from_slice(&option.default(protocol).to_le_bytes());
    }
    bytes
}

/// `alloc(family, template) -> slot`, 0 where all are taken.
fn alloc(free: u32, next: u32) -> Body<()> {
    let (family, template, slot) = (0, 1, 2);
    let mut body = Body::new(signature(&[ValType::I32, ValType::I32], &[ValType::I32]));
    body.locals.push(ValType::I32);
    body.plain([
        I::GlobalGet(free),
        I::LocalTee(slot),
        I::If(BlockType::Empty),
        // The first word of a free slot leads to the next.
        I::LocalGet(slot),
        I::I32Load(WORD),
        I::GlobalSet(free),
        I::Else,
        I::GlobalGet(next),
        I::I32Const(SLOTS_END as i32),
        I::I32Eq,
        I::If(BlockType::Empty),
        I::I32Const(0),
        I::Return,
        I::End,
        I::GlobalGet(next),
        I::LocalTee(slot),
        I::I32Const(SLOT_SIZE as i32),
        I::I32Add,
        I::GlobalSet(next),
        I::End,
        I::LocalGet(slot),
        I::LocalGet(template),
        I::I32Const(SLOT_SIZE as i32),
        I::MemoryCopy {
            src_mem: 0,
            dst_mem: 0,
        },
        I::LocalGet(slot),
        I::LocalGet(family),
        I::I32Store8(FAMILY),
        I::LocalGet(slot),
    ]);
    body
}

/// `free(slot)`
fn release(free: u32) -> Body<()> {
    let slot = 0;
    let mut body = Body::new(signature(&[ValType::I32], &[]));
    body.plain([
        I::LocalGet(slot),
        I::GlobalGet(free),
        I::I32Store(WORD),
        I::LocalGet(slot),
        I::GlobalSet(free),
    ]);
    body
}

/// `realloc(old, old_size, align, size) -> address`
///
/// Every block is at the same address: nobody reads what callers pass, it must only fit. A size
/// that does not fit traps, as the Canonical ABI has it where memory runs out.
fn realloc() -> Body<()> {
    let (size, missing) = (3, 4);
    let mut body = Body::new(signature(&[ValType::I32; 4], &[ValType::I32]));
    body.locals.push(ValType::I32);
    body.plain([
        // missing = ceil((HEAP + size) / PAGE) - pages, in 64 bits so that nothing wraps
        I::LocalGet(size),
        I::I64ExtendI32U,
        I::I64Const((HEAP + PAGE - 1).into()),
        I::I64Add,
        I::I64Const(16),
        I::I64ShrU,
        I::I32WrapI64,
        I::MemorySize(0),
        I::I32Sub,
        I::LocalTee(missing),
        I::I32Const(0),
        I::I32GtS,
        I::If(BlockType::Empty),
        I::LocalGet(missing),
        I::MemoryGrow(0),
        I::I32Const(-1),
        I::I32Eq,
        I::If(BlockType::Empty),
        I::Unreachable,
        I::End,
        I::End,
        I::I32Const(HEAP as i32),
    ]);
    body
}
