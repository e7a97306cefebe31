//! Core modules of generated functions: what they call by what it is, given out as imports and
//! helpers at the end.

use super::core::{Body, Code, CoreModule, Memory, signature};
use crate::generate::abi::Signature;
use wasm_encoder::ValType;

/// What generated code calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Callee {
    Intrinsic(Intrinsic),
    /// `alloc` of the store.
    Alloc,
    Helper(Helper),
}

/// What the component around the core module gives it. Numbers are type indices of that component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Intrinsic {
    ResourceNew(u32),
    ResourceDrop(u32),
    StreamNew(u32),
    StreamDropReadable(u32),
    StreamDropWritable(u32),
    FutureNew(u32),
    FutureWrite(u32),
    FutureDropWritable(u32),
    WaitableSetNew,
    WaitableSetPoll,
    WaitableJoin,
    /// The function that makes networks, lowered.
    OpenNetwork,
    /// The function that makes sockets, lowered.
    OpenSocket,
    /// A function of a clock that gives a pollable, lowered.
    Subscribe,
    /// The function that drives a network in memory, lowered with `async`.
    Drive,
    /// A function of that network's, by its place among those of the interface, lowered.
    Served(u32),
    /// What gives the result of an async function: its type, and how many core values that is.
    TaskReturn(u32, u32),
    /// Reads and writes of a stream of nothing.
    StreamRead(u32),
    StreamWrite(u32),
}

/// Functions that others share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Helper {
    /// `(code, payload offset) -> address`: writes an error as the result.
    Fail,
    /// `(family, unicast, remote, address...) -> invalid`
    InvalidAddress,
    /// `(code) -> future`: a future that ends with an error.
    FailFuture { future: u32, payload: u32 },
    /// `() -> code`: what an async function returns that has given its result, by a stream of this type.
    Later { stream: u32 },
    /// `(code) -> address`: a stream that is at its end, and such a future.
    FailStream {
        stream: u32,
        future: u32,
        payload: u32,
    },
}

/// Functions as a core module.
pub(crate) struct Functions {
    pub(crate) module: Vec<u8>,
    /// For each function the number that it is exported under. Equal functions share one.
    pub(crate) numbers: Vec<u32>,
    /// What it imports besides the store, under numbers.
    pub(crate) intrinsics: Vec<Intrinsic>,
}

/// The functions as a core module.
pub(crate) fn module(functions: Vec<Body<Callee>>, store: bool) -> Functions {
    let memory = if store {
        Memory::Imported(STORE)
    } else {
        Memory::None
    };
    let mut module = CoreModule::new(memory);
    let mut called = Vec::new();
    for body in &functions {
        note_calls(body, &mut called);
    }
    let mut next = 0;
    let mut helpers = Vec::new();
    while let Some(&callee) = called.get(next) {
        if let Callee::Helper(helper) = callee {
            let body = helper.body();
            note_calls(&body, &mut called);
            helpers.push((callee, body));
        }
        next += 1;
    }
    let mut intrinsics = Vec::new();
    for callee in called {
        match callee {
            Callee::Intrinsic(intrinsic) => {
                let name = intrinsics.len().to_string();
                module.import(callee, INTRINSICS, name, intrinsic.signature());
                intrinsics.push(intrinsic);
            }
            Callee::Alloc => {
                let signature = signature(&[ValType::I32, ValType::I32], &[ValType::I32]);
                module.import(callee, STORE, "alloc", signature);
            }
            Callee::Helper(_) => {}
        }
    }
    for (callee, body) in helpers {
        module.define(callee, body);
    }
    for body in functions {
        module.export_numbered(body);
    }
    let (module, numbers) = module.finish();
    Functions {
        module,
        numbers,
        intrinsics,
    }
}

/// The module name under which the store is imported.
pub(crate) const STORE: &str = "s";
/// The module name under which intrinsics are imported, by their position.
pub(crate) const INTRINSICS: &str = "i";

fn note_calls(body: &Body<Callee>, called: &mut Vec<Callee>) {
    for code in &body.code {
        if let Code::Call(callee) = code
            && !called.contains(callee)
        {
            called.push(*callee);
        }
    }
}

impl Intrinsic {
    fn signature(self) -> Signature {
        use ValType::{I32, I64};
        match self {
            Intrinsic::ResourceNew(_) => signature(&[I32], &[I32]),
            Intrinsic::ResourceDrop(_)
            | Intrinsic::FutureDropWritable(_)
            | Intrinsic::StreamDropReadable(_)
            | Intrinsic::StreamDropWritable(_) => signature(&[I32], &[]),
            Intrinsic::StreamNew(_) | Intrinsic::FutureNew(_) => signature(&[], &[I64]),
            Intrinsic::FutureWrite(_) | Intrinsic::WaitableSetPoll => {
                signature(&[I32, I32], &[I32])
            }
            Intrinsic::WaitableSetNew => signature(&[], &[I32]),
            Intrinsic::WaitableJoin => signature(&[I32, I32], &[]),
            Intrinsic::OpenNetwork | Intrinsic::Drive => signature(&[], &[I32]),
            Intrinsic::OpenSocket | Intrinsic::Served(_) => signature(&[I32, I32], &[]),
            Intrinsic::Subscribe => signature(&[I64], &[I32]),
            Intrinsic::TaskReturn(_, count) => signature(&vec![I32; count as usize], &[]),
            Intrinsic::StreamRead(_) | Intrinsic::StreamWrite(_) => {
                signature(&[I32, I32, I32], &[I32])
            }
        }
    }
}
