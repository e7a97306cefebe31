//! Functions that generated functions share.

use super::core::{Body, signature};
use super::link::{Callee, Helper, Intrinsic};
use super::store::{EVENT, FUTURE_SIZE, FUTURES, RESULT, WAITING, WAKE, template};
use super::width::{Width, at};
use crate::generate::abi::{EXIT, WAIT};
use crate::plan::Made;
use sockvirt_policy::Protocol;
use wasm_encoder::{BlockType, Instruction as I, ValType};

/// The flat values of an `ip-socket-address`: the case, then the widest payload.
pub(crate) const FLAT_ADDRESS: usize = 12;

impl Helper {
    /// Its code.
    pub(crate) fn body(self) -> Body<Callee> {
        match self {
            Helper::Fail => fail(),
            Helper::InvalidAddress => invalid_address(),
            Helper::Later { stream } => later(stream),
            Helper::FailFuture { future, payload } => fail_future(future, payload),
            Helper::FailStream {
                stream,
                future,
                payload,
            } => fail_stream(stream, future, payload),
        }
    }
}

fn fail() -> Body<Callee> {
    let (code, payload) = (0, 1);
    let mut body = Body::new(signature(&[ValType::I32, ValType::I32], &[ValType::I32]));
    body.plain([
        // `err` is case 1.
        I::I32Const(0),
        I::I32Const(1),
        I::I32Store8(at(RESULT)),
        // Eight bytes, so that what a code may carry (`other`'s option) is zero: none.
        I::LocalGet(payload),
        I::LocalGet(code),
        I::I64ExtendI32U,
        I::I64Store(at(RESULT)),
        I::I32Const(RESULT as i32),
    ]);
    body
}

/// The parameters of [`invalid_address`]: what it is told of the socket and of the use, then the
/// flat address.
mod address {
    pub(super) const FAMILY: u32 = 0;
    pub(super) const UNICAST: u32 = 1;
    pub(super) const REMOTE: u32 = 2;
    pub(super) const CASE: u32 = 3;
    pub(super) const PORT: u32 = 4;
    /// The bytes of an IPv4 address.
    pub(super) const V4: u32 = 5;
    /// The segments of an IPv6 address. Before them is the flow info.
    pub(super) const V6: u32 = 6;
}

/// As wasmtime validates addresses: the family must be the socket's; IPv4-mapped and
/// IPv4-compatible addresses are invalid; the rest depends on the use.
fn invalid_address() -> Body<Callee> {
    use address::{CASE, FAMILY, PORT, REMOTE};
    let params = [ValType::I32; 3 + FLAT_ADDRESS];
    let mut body = Body::new(signature(&params, &[ValType::I32]));
    let conditions: [&[I<'static>]; 2] = [
        &[I::LocalGet(FAMILY), I::LocalGet(CASE), I::I32Ne],
        &[I::LocalGet(REMOTE), I::LocalGet(PORT), I::I32Eqz, I::I32And],
    ];
    for condition in conditions {
        body.plain(condition.iter().cloned());
        body.plain([I::If(BlockType::Empty), I::I32Const(1), I::Return, I::End]);
    }
    let boolean = BlockType::Result(ValType::I32);
    body.plain([I::LocalGet(CASE), I::I32Eqz, I::If(boolean)]);
    invalid_v4(&mut body);
    body.plain([I::Else]);
    invalid_v6(&mut body);
    body.plain([I::End]);
    body
}

/// Folds locals that follow each other into one value.
fn fold(locals: std::ops::Range<u32>, with: &I<'static>, body: &mut Body<Callee>) {
    for (i, local) in locals.enumerate() {
        body.plain([I::LocalGet(local)]);
        body.plain((i > 0).then(|| with.clone()));
    }
}

/// Multicast is 224.0.0.0/4, broadcast is all ones, unspecified is all zeros.
fn invalid_v4(body: &mut Body<Callee>) {
    use address::{REMOTE, UNICAST, V4};
    body.plain([I::LocalGet(V4), I::I32Const(0xf0), I::I32And]);
    body.plain([I::I32Const(0xe0), I::I32Eq]);
    fold(V4..V4 + 4, &I::I32And, body);
    body.plain([
        I::I32Const(0xff),
        I::I32Eq,
        I::I32Or,
        I::LocalGet(UNICAST),
        I::I32And,
    ]);
    fold(V4..V4 + 4, &I::I32Or, body);
    body.plain([I::I32Eqz, I::LocalGet(REMOTE), I::I32And, I::I32Or]);
}

/// Multicast is ff00::/8. ::ffff:0:0/96 is mapped. ::/96 is compatible but for :: and ::1, of which
/// :: is unspecified.
fn invalid_v6(body: &mut Body<Callee>) {
    use address::{REMOTE, UNICAST, V6};
    body.plain([
        I::LocalGet(V6),
        I::I32Const(8),
        I::I32ShrU,
        I::I32Const(0xff),
        I::I32Eq,
    ]);
    body.plain([I::LocalGet(UNICAST), I::I32And]);
    // If the first five segments are zero, then by the sixth:
    fold(V6..V6 + 5, &I::I32Or, body);
    body.plain([
        I::I32Eqz,
        I::LocalGet(V6 + 5),
        I::I32Const(0xffff),
        I::I32Eq,
    ]);
    // zero, and what follows is neither 0 nor 1, or is 0 where that is unspecified
    body.plain([I::LocalGet(V6 + 5), I::I32Eqz]);
    body.plain([I::LocalGet(V6 + 6), I::I32Const(0), I::I32Ne]);
    body.plain([I::LocalGet(V6 + 7), I::I32Const(1), I::I32GtU, I::I32Or]);
    body.plain([
        I::LocalGet(V6 + 7),
        I::I32Eqz,
        I::LocalGet(REMOTE),
        I::I32And,
        I::I32Or,
    ]);
    body.plain([I::I32And, I::I32Or, I::I32And, I::I32Or]);
}

fn fail_future(future: u32, payload: u32) -> Body<Callee> {
    let (code, ends, value, writable) = (0, 1, 2, 3);
    let mut body = Body::new(signature(&[ValType::I32], &[ValType::I32]));
    body.locals
        .extend([ValType::I64, ValType::I32, ValType::I32]);
    drop_read_futures(future, &mut body);
    body.plain([
        // The value stays where it is until somebody reads it, and is the same for all who do.
        I::LocalGet(code),
        I::I32Const(FUTURE_SIZE as i32),
        I::I32Mul,
        I::LocalTee(value),
        I::I32Const(1),
        I::I32Store8(at(FUTURES)),
        I::LocalGet(value),
        I::LocalGet(code),
        I::I32Store8(at(FUTURES + payload)),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::FutureNew(future)));
    body.plain([
        // The low half is the readable end, the high half the writable one.
        I::LocalTee(ends),
        I::I64Const(32),
        I::I64ShrU,
        I::I32WrapI64,
        I::LocalTee(writable),
        I::LocalGet(value),
        I::I32Const(FUTURES as i32),
        I::I32Add,
    ]);
    // The write waits for a reader: nobody has the readable end yet.
    body.call(Callee::Intrinsic(Intrinsic::FutureWrite(future)));
    body.plain([
        I::Drop,
        I::LocalGet(writable),
        I::I32Const(0),
        I::I32Load(at(WAITING)),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::WaitableJoin));
    body.plain([I::LocalGet(ends), I::I32WrapI64]);
    body
}

/// Drops the writable ends of futures that were read or dropped since, so that no more of them are
/// kept than somebody can still read.
fn drop_read_futures(future: u32, body: &mut Body<Callee>) {
    body.plain([
        I::I32Const(0),
        I::I32Load(at(WAITING)),
        I::I32Eqz,
        I::If(BlockType::Empty),
        I::I32Const(0),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::WaitableSetNew));
    body.plain([
        I::I32Store(at(WAITING)),
        I::End,
        I::Loop(BlockType::Empty),
        I::I32Const(0),
        I::I32Load(at(WAITING)),
        I::I32Const(EVENT as i32),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::WaitableSetPoll));
    // Event 0 is none. The first word of all others is the waitable.
    body.plain([
        I::If(BlockType::Empty),
        I::I32Const(0),
        I::I32Load(at(EVENT)),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::FutureDropWritable(future)));
    body.plain([I::Br(1), I::End, I::End]);
}

fn fail_stream(stream: u32, future: u32, payload: u32) -> Body<Callee> {
    let (code, ends) = (0, 1);
    let mut body = Body::new(signature(&[ValType::I32], &[ValType::I32]));
    body.locals.push(ValType::I64);
    body.call(Callee::Intrinsic(Intrinsic::StreamNew(stream)));
    body.plain([
        I::LocalTee(ends),
        I::I64Const(32),
        I::I64ShrU,
        I::I32WrapI64,
    ]);
    body.call(Callee::Intrinsic(Intrinsic::StreamDropWritable(stream)));
    body.plain([I::I32Const(RESULT as i32), I::LocalGet(ends), I::I32WrapI64]);
    body.plain([
        Width::Word.store(0),
        I::I32Const(RESULT as i32),
        I::LocalGet(code),
    ]);
    body.call(Callee::Helper(Helper::FailFuture { future, payload }));
    body.plain([Width::Word.store(4), I::I32Const(RESULT as i32)]);
    body
}

/// The function that makes a resource for the component of another interface.
pub(crate) fn open(made: Made, resource: u32) -> Body<Callee> {
    match made {
        Made::Socket(protocol) => open_socket(protocol, resource),
        _ => open_network(resource),
    }
}

/// `(family) -> result<own<socket>>`
fn open_socket(protocol: Protocol, resource: u32) -> Body<Callee> {
    let (family, slot) = (0, 1);
    let mut body = Body::new(signature(&[ValType::I32], &[ValType::I32]));
    body.locals.push(ValType::I32);
    body.plain([I::LocalGet(family), I::I32Const(template(protocol) as i32)]);
    body.call(Callee::Alloc);
    body.plain([
        // `error` is case 1.
        I::LocalTee(slot),
        I::I32Eqz,
        I::If(BlockType::Empty),
        I::I32Const(0),
        I::I32Const(1),
        I::I32Store8(at(RESULT)),
        I::Else,
        I::I32Const(0),
        I::I32Const(0),
        I::I32Store8(at(RESULT)),
        I::I32Const(0),
        I::LocalGet(slot),
    ]);
    body.call(Callee::Intrinsic(Intrinsic::ResourceNew(resource)));
    body.plain([
        I::I32Store(at(RESULT + 4)),
        I::End,
        I::I32Const(RESULT as i32),
    ]);
    body
}

/// `() -> own<network>`. Networks are all alike, so one representation does for all of them. It is
/// not 0, which jco 1.35 takes for none.
fn open_network(resource: u32) -> Body<Callee> {
    let mut body = Body::new(signature(&[], &[ValType::I32]));
    body.plain([I::I32Const(1)]);
    body.call(Callee::Intrinsic(Intrinsic::ResourceNew(resource)));
    body
}

/// An async function that is done waits for something that has happened already, and ends then: wasmtime
/// 48.0.8 keeps a task for ever that ends before its caller knows of its result. One at a time does.
fn later(stream: u32) -> Body<Callee> {
    let ends = 0;
    let mut body = Body::new(signature(&[], &[ValType::I32]));
    body.locals.push(ValType::I64);
    let word = |address| [I::I32Const(0), I::I32Load(at(address))];
    let intrinsic = Callee::Intrinsic;
    body.plain(word(WAKE.is_written)).plain([
        I::If(BlockType::Empty),
        I::I32Const(EXIT),
        I::Return,
        I::End,
    ]);
    body.plain(word(WAKE.set))
        .plain([I::I32Eqz, I::If(BlockType::Empty), I::I32Const(0)]);
    body.call(intrinsic(Intrinsic::StreamNew(stream)));
    // The readable end is in the lower half.
    body.plain([
        I::LocalTee(ends),
        I::I64Store32(at(WAKE.readable)),
        I::I32Const(0),
        I::LocalGet(ends),
        I::I64Const(32),
        I::I64ShrU,
        I::I64Store32(at(WAKE.writable)),
        I::I32Const(0),
    ]);
    body.call(intrinsic(Intrinsic::WaitableSetNew));
    body.plain([I::I32Store(at(WAKE.set))]);
    body.plain(word(WAKE.readable)).plain(word(WAKE.set));
    body.call(intrinsic(Intrinsic::WaitableJoin))
        .plain([I::End]);
    for (end, moves) in [
        (WAKE.readable, Intrinsic::StreamRead(stream)),
        (WAKE.writable, Intrinsic::StreamWrite(stream)),
    ] {
        body.plain(word(end))
            .plain([I::I32Const(0), I::I32Const(1)]);
        body.call(intrinsic(moves)).plain([I::Drop]);
    }
    body.plain([
        I::I32Const(0),
        I::I32Const(1),
        I::I32Store(at(WAKE.is_written)),
    ]);
    body.plain(word(WAKE.set));
    body.plain([I::I32Const(4), I::I32Shl, I::I32Const(WAIT), I::I32Or]);
    body
}

/// What such a function is called back for.
pub(super) fn called_back() -> Body<Callee> {
    let mut body = Body::new(signature(&[ValType::I32; 3], &[ValType::I32]));
    body.plain([
        I::I32Const(0),
        I::I32Const(0),
        I::I32Store(at(WAKE.is_written)),
    ]);
    body.plain([I::I32Const(EXIT)]);
    body
}
