//! Core modules between the guest and the network: a function for each that is replaced, and what
//! copies between the two memories.
//!
//! The guest's memory and the network's are two, and a module that runs on every engine has one.
//! So the glue has the guest's, and moves blocks as numbers, through functions of a module that has
//! the network's ([`movers`]).

use super::hooks::Hook;
use crate::generate::abi::Signature;
use crate::generate::core::{Body, Code, CoreModule, Memory, signature};
use std::convert::Infallible;
use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

/// The module name under which the guest's memory is imported.
pub(super) const GUEST: &str = "g";
/// The module name under which functions are imported, by number, and the network's table.
pub(super) const GIVEN: &str = "i";
/// The name of the network's table there.
pub(super) const TABLE: &str = "t";

/// What code of the glue calls: a function that it is given, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Callee {
    Given(u32),
    CopyIn,
    CopyOut,
}

/// A function of the glue.
pub(super) struct Function {
    pub(super) hook: Hook,
    pub(super) signature: Signature,
    /// The number of the network's function, and of the host's.
    pub(super) inside: Option<u32>,
    pub(super) host: Option<u32>,
    /// The number of the network's function that says where a call goes, and of that which gives a
    /// network of the host's.
    pub(super) route: Option<u32>,
    pub(super) network: Option<u32>,
    /// What the network is told last: the binding.
    pub(super) binding: u32,
}

const HANDLE_BIT: i32 = super::binding::VIRTUAL as i32;

fn at(offset: u64, align: u32) -> MemArg {
    MemArg {
        offset,
        align,
        memory_index: 0,
    }
}

impl Function {
    /// The function's code: the network if the hook says so, else the host.
    pub(super) fn body(&self) -> Body<Callee> {
        let mut body = Body::new(self.signature.clone());
        match &self.hook {
            Hook::Routed { answers, network } => {
                self.routed(&mut body, *answers, *network);
                return body;
            }
            Hook::Inside => {
                self.call_inside(&mut body);
                return body;
            }
            Hook::Exchanged => {
                let params = self.signature.params.len() as u32;
                body.plain((0..params).map(I::LocalGet));
                body.plain([I::I32Const(self.binding as i32)]);
                call_given(&mut body, self.route);
                body.plain((1..params).map(I::LocalGet));
                call_given(&mut body, self.host);
                return body;
            }
            Hook::ByHandle(handles) => {
                for (i, handle) in handles.iter().enumerate() {
                    body.plain([I::LocalGet(*handle)]);
                    body.plain((i > 0).then_some(I::I32Or));
                }
                body.plain([I::I32Const(HANDLE_BIT), I::I32And]);
            }
            Hook::ByList => list_has_virtual(&mut body),
            Hook::NoneByHandle => {
                body.plain([I::LocalGet(0), I::I32Const(HANDLE_BIT), I::I32And]);
            }
        }
        body.plain([I::If(self.block())]);
        match self.hook {
            Hook::NoneByHandle => {
                body.plain([I::LocalGet(1), I::I32Const(0), I::I32Store8(at(0, 0))]);
            }
            _ => self.call_inside(&mut body),
        }
        body.plain([I::Else]);
        self.call(&mut body, self.host);
        body.plain([I::End]);
        body
    }

    fn block(&self) -> BlockType {
        match self.signature.results.first() {
            None => BlockType::Empty,
            Some(ty) => BlockType::Result(*ty),
        }
    }

    /// The host with another first parameter, or the network.
    fn routed(&self, body: &mut Body<Callee>, answers: bool, network: Option<u32>) {
        let first = self.signature.params.len() as u32;
        let host = first;
        body.locals.push(ValType::I32);
        body.plain([I::LocalGet(0), I::I32Const(HANDLE_BIT), I::I32And]);
        body.plain([I::If(BlockType::Result(ValType::I32))]);
        let asked = if answers { first } else { 1 };
        body.plain((0..asked).map(I::LocalGet));
        body.plain([I::I32Const(self.binding as i32)]);
        call_given(body, self.route);
        body.plain([I::Else, I::LocalGet(0), I::End, I::LocalTee(host)]);
        body.plain([I::If(self.block()), I::LocalGet(host)]);
        for param in 1..first {
            if network == Some(param) {
                body.plain([I::I32Const(self.binding as i32)]);
                call_given(body, self.network);
            } else {
                body.plain([I::LocalGet(param)]);
            }
        }
        call_given(body, self.host);
        if !answers {
            body.plain([I::Else]);
            self.call_inside(body);
        }
        body.plain([I::End]);
    }

    fn call_inside(&self, body: &mut Body<Callee>) {
        let params = 0..self.signature.params.len() as u32;
        body.plain(params.map(I::LocalGet));
        body.plain([I::I32Const(self.binding as i32)]);
        call_given(body, self.inside);
    }

    fn call(&self, body: &mut Body<Callee>, number: Option<u32>) {
        let params = 0..self.signature.params.len() as u32;
        body.plain(params.map(I::LocalGet));
        call_given(body, number);
    }
}

/// Calls a function that is given; one that is not is never reached.
fn call_given(body: &mut Body<Callee>, number: Option<u32>) {
    match number {
        Some(number) => body.call(Callee::Given(number)),
        None => body.plain([I::Unreachable]),
    };
}

/// Leaves a number that is not 0 if one of the handles in a list is the network's.
fn list_has_virtual(body: &mut Body<Callee>) {
    let (list, count) = (0, 1);
    let first = body.signature.params.len() as u32;
    let (seen, i) = (first, first + 1);
    body.locals.extend([ValType::I32, ValType::I32]);
    body.plain([
        I::Block(BlockType::Empty),
        I::Loop(BlockType::Empty),
        I::LocalGet(i),
        I::LocalGet(count),
        I::I32GeU,
        I::BrIf(1),
        I::LocalGet(seen),
        I::LocalGet(list),
        I::LocalGet(i),
        I::I32Const(2),
        I::I32Shl,
        I::I32Add,
        I::I32Load(at(0, 2)),
        I::I32Or,
        I::LocalSet(seen),
        I::LocalGet(i),
        I::I32Const(1),
        I::I32Add,
        I::LocalSet(i),
        I::Br(0),
        I::End,
        I::End,
        I::LocalGet(seen),
        I::I32Const(HANDLE_BIT),
        I::I32And,
    ]);
}

/// How many numbers are moved at a time, of eight bytes each.
const LANES: u32 = 8;
const BLOCK: i32 = LANES as i32 * 8;

/// Functions of the module that has the network's memory. Addresses come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mover {
    /// Reads a block, a word of eight bytes, or a byte.
    GetBlock,
    GetWord,
    GetByte,
    /// Writes one.
    PutBlock,
    PutWord,
    PutByte,
}

impl Mover {
    pub(super) const ALL: [Mover; 6] = [
        Mover::GetBlock,
        Mover::GetWord,
        Mover::GetByte,
        Mover::PutBlock,
        Mover::PutWord,
        Mover::PutByte,
    ];

    /// What it moves, and how much that is.
    fn unit(self) -> Unit {
        match self {
            Mover::GetBlock | Mover::PutBlock => Unit::Block,
            Mover::GetWord | Mover::PutWord => Unit::Word,
            Mover::GetByte | Mover::PutByte => Unit::Byte,
        }
    }

    fn gets(self) -> bool {
        matches!(self, Mover::GetBlock | Mover::GetWord | Mover::GetByte)
    }

    fn signature(self) -> Signature {
        let values = self.unit().values();
        if self.gets() {
            signature(&[ValType::I32], &values)
        } else {
            signature(&[&[ValType::I32], &*values].concat(), &[])
        }
    }
}

/// How much is moved at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Block,
    Word,
    Byte,
}

impl Unit {
    const ALL: [Unit; 3] = [Unit::Block, Unit::Word, Unit::Byte];

    fn size(self) -> i32 {
        match self {
            Unit::Block => BLOCK,
            Unit::Word => 8,
            Unit::Byte => 1,
        }
    }

    fn values(self) -> Vec<ValType> {
        match self {
            Unit::Block => vec![ValType::I64; LANES as usize],
            Unit::Word => vec![ValType::I64],
            Unit::Byte => vec![ValType::I32],
        }
    }

    fn lanes(self) -> u32 {
        self.values().len() as u32
    }

    fn get(self) -> Mover {
        match self {
            Unit::Block => Mover::GetBlock,
            Unit::Word => Mover::GetWord,
            Unit::Byte => Mover::GetByte,
        }
    }

    fn put(self) -> Mover {
        match self {
            Unit::Block => Mover::PutBlock,
            Unit::Word => Mover::PutWord,
            Unit::Byte => Mover::PutByte,
        }
    }

    /// Loads one lane from the address on the stack.
    fn load(self, lane: u32) -> I<'static> {
        match self {
            Unit::Byte => I::I32Load8U(at(0, 0)),
            _ => I::I64Load(at(u64::from(lane) * 8, 0)),
        }
    }

    /// Stores one lane, the address and the value on the stack.
    fn store(self, lane: u32) -> I<'static> {
        match self {
            Unit::Byte => I::I32Store8(at(0, 0)),
            _ => I::I64Store(at(u64::from(lane) * 8, 0)),
        }
    }
}

/// The functions of a module that has the network's memory, in the order of [`Mover::ALL`].
pub(super) fn movers() -> [Body<Infallible>; 6] {
    Mover::ALL.map(|mover| {
        let unit = mover.unit();
        let mut body = Body::new(mover.signature());
        for lane in 0..unit.lanes() {
            body.plain([I::LocalGet(0)]);
            match mover.gets() {
                true => body.plain([unit.load(lane)]),
                false => body.plain([I::LocalGet(1 + lane), unit.store(lane)]),
            };
        }
        body
    })
}

/// The glue of one memory of the guest.
pub(super) struct Glue {
    pub(super) functions: Vec<Function>,
    /// The signatures of what it is given, by number.
    pub(super) given: Vec<Signature>,
    /// The number of the first function of the mover; `None` where nothing is copied.
    pub(super) mover: Option<u32>,
    /// What is put into the network's table, and where.
    pub(super) places: Vec<(u32, Callee)>,
}

impl Glue {
    /// The module: its functions are exported by the numbers that are given with it.
    pub(super) fn module(&self, has_memory: bool) -> (Vec<u8>, Vec<u32>) {
        let memory = match has_memory {
            true => Memory::Imported(GUEST),
            false => Memory::None,
        };
        let mut module = CoreModule::new(memory);
        for (number, signature) in (0..).zip(&self.given) {
            let name = number.to_string();
            module.import(Callee::Given(number), GIVEN, name, signature.clone());
        }
        for function in &self.functions {
            module.export_numbered(function.body());
        }
        if let Some(first) = self.mover {
            let mover = |it: Mover| Callee::Given(first + it as u32);
            module.define(Callee::CopyIn, copy(|unit| fetch(unit, &mover)));
            module.define(Callee::CopyOut, copy(|unit| deliver(unit, &mover)));
        }
        if !self.places.is_empty() {
            module.import_table(GIVEN, TABLE);
        }
        for (place, callee) in &self.places {
            module.place(*place, *callee);
        }
        module.finish()
    }
}

fn copy_signature() -> Signature {
    signature(&[ValType::I32; 3], &[])
}

/// The parameters of a copy, and the locals behind them.
const TO: u32 = 0;
const FROM: u32 = 1;
const LENGTH: u32 = 2;
const LANE: u32 = 3;
const BYTE: u32 = LANE + LANES;

/// Copies in the largest units that fit. What is left behind the last whole unit is copied as one
/// more that ends where the bytes end, and so overlaps the one before.
fn copy(move_one: impl Fn(Unit) -> Vec<Code<Callee>>) -> Body<Callee> {
    let mut body = Body::new(copy_signature());
    body.locals.extend([ValType::I64; LANES as usize]);
    body.locals.push(ValType::I32);
    for unit in Unit::ALL {
        let size = unit.size();
        // while length >= size { move; advance }
        // Then, unless nothing is left, go back so far that one whole unit is.
        body.plain([I::LocalGet(LENGTH), I::I32Const(size), I::I32GeU]);
        body.plain([I::If(BlockType::Empty), I::Loop(BlockType::Empty)]);
        body.code.extend(move_one(unit));
        body.plain([
            I::LocalGet(TO),
            I::I32Const(size),
            I::I32Add,
            I::LocalSet(TO),
            I::LocalGet(FROM),
            I::I32Const(size),
            I::I32Add,
            I::LocalSet(FROM),
            I::LocalGet(LENGTH),
            I::I32Const(size),
            I::I32Sub,
            I::LocalTee(LENGTH),
            I::I32Const(size),
            I::I32GeU,
            I::BrIf(0),
            I::End,
        ]);
        body.plain([I::LocalGet(LENGTH), I::If(BlockType::Empty)]);
        for place in [TO, FROM] {
            body.plain([
                I::LocalGet(place),
                I::LocalGet(LENGTH),
                I::I32Add,
                I::I32Const(size),
                I::I32Sub,
                I::LocalSet(place),
            ]);
        }
        body.code.extend(move_one(unit));
        body.plain([I::End, I::Return, I::End]);
    }
    body
}

/// From the guest's memory into the network's.
fn fetch(unit: Unit, mover: &impl Fn(Mover) -> Callee) -> Vec<Code<Callee>> {
    let mut body = Body::new(copy_signature());
    body.plain([I::LocalGet(TO)]);
    for lane in 0..unit.lanes() {
        body.plain([I::LocalGet(FROM), unit.load(lane)]);
    }
    body.call(mover(unit.put()));
    body.code
}

/// From the network's memory into the guest's.
fn deliver(unit: Unit, mover: &impl Fn(Mover) -> Callee) -> Vec<Code<Callee>> {
    let first = if unit == Unit::Byte { BYTE } else { LANE };
    let mut body = Body::new(copy_signature());
    body.plain([I::LocalGet(FROM)]).call(mover(unit.get()));
    body.plain(
        (0..unit.lanes())
            .rev()
            .map(|lane| I::LocalSet(first + lane)),
    );
    for lane in 0..unit.lanes() {
        body.plain([I::LocalGet(TO), I::LocalGet(first + lane), unit.store(lane)]);
    }
    body.code
}
