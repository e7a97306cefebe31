//! From [steps](crate::generate::step) to core WebAssembly.

use crate::generate::abi::{Abi, Signature};
use crate::generate::core::{Body, Code, CoreModule, Memory, signature};
use crate::generate::step::{AddressUse, SocketOption, Step};
use crate::generate::store::{
    CONNECTING, EVENT, FAILED, FAILURE, FAMILY, FRESH, FUTURE_SIZE, FUTURES, RESULT, STATE,
    WAITING, option_at, template,
};
use crate::plan::Made;
use sockvirt_policy::{Denial, DenyAt, Operation, Policy, Protocol};
use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};
use wasmparser::component_types::{ComponentDefinedType, ComponentValType};

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
    /// `(code) -> address`: a stream that is at its end, and such a future.
    FailStream {
        stream: u32,
        future: u32,
        payload: u32,
    },
}

/// The flat values of an `ip-socket-address`: the case, then the widest payload.
const FLAT_ADDRESS: usize = 12;

/// How a function gives its result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Nothing,
    /// In one core value.
    Scalar,
    /// An `option`, in memory.
    Option,
    /// A `result`, in memory: where its payload is, and how many bytes a value takes.
    Result {
        payload: u32,
        value: u32,
    },
    /// A `future` of a `result` without a value.
    Future {
        future: u32,
        payload: u32,
    },
    /// A `stream` and such a future, in memory.
    Stream {
        stream: u32,
        future: u32,
        payload: u32,
    },
}

/// What a function must do, with all that its types say.
pub(crate) struct Job<'s> {
    pub(crate) steps: &'s [Step],
    pub(crate) signature: Signature,
    /// Handles among the parameters that are dropped first: the local, and what drops it.
    pub(crate) drops: Vec<(u32, Intrinsic)>,
    /// For each parameter its first local, and its type.
    pub(crate) params: Vec<(u32, ComponentValType)>,
    pub(crate) outcome: Outcome,
    /// The `error-code` type that it fails with.
    pub(crate) codes: Option<ComponentValType>,
    /// The type whose instances it makes, where it makes some here.
    pub(crate) makes: Option<u32>,
}

/// What is not as WASI says.
pub(crate) struct Mismatch(pub(crate) String);

type Result<T> = std::result::Result<T, Mismatch>;

/// Writes function bodies.
pub(crate) struct Emitter<'t> {
    pub(crate) abi: Abi<'t>,
    pub(crate) policy: &'t Policy,
}

impl Emitter<'_> {
    /// The body of a function.
    pub(crate) fn body(&self, job: &Job<'_>) -> Result<Body<Callee>> {
        let mut body = Body::new(job.signature.clone());
        for (local, intrinsic) in &job.drops {
            body.plain([I::LocalGet(*local)]);
            body.call(Callee::Intrinsic(*intrinsic));
        }
        for step in job.steps {
            self.step(job, *step, &mut body)?;
        }
        // Every list of steps ends the function, and a function without steps is never reached.
        body.plain([I::Unreachable]);
        Ok(body)
    }

    fn step(&self, job: &Job<'_>, step: Step, body: &mut Body<Callee>) -> Result<()> {
        match step {
            Step::Idle => {
                body.plain(in_state(CONNECTING));
                self.fail_if(job, "concurrency-conflict", body)
            }
            Step::Fresh => {
                body.plain(in_state(FRESH)).plain([I::I32Eqz]);
                self.fail_if(job, "invalid-state", body)
            }
            Step::Open => self.open(job, body),
            Step::Address(purpose) => {
                self.address(job, purpose, body)?;
                self.fail_if(job, "invalid-argument", body)
            }
            Step::Given => {
                body.plain([I::LocalGet(job.last()?.0), I::I32Eqz]);
                self.fail_if(job, "invalid-argument", body)
            }
            Step::Datagram => {
                let length = job.param(1)?.0 + 1;
                body.plain([I::LocalGet(length), I::I32Const(u16::MAX.into()), I::I32GtU]);
                self.fail_if(job, "datagram-too-large", body)
            }
            Step::NotZero => {
                let (local, ty) = job.last()?;
                body.plain([I::LocalGet(local), self.width(ty)?.eqz()]);
                self.fail_if(job, "invalid-argument", body)
            }
            Step::Clamp(least, most) => {
                let (local, ty) = job.last()?;
                self.width(ty)?.clamp(local, least, most, body);
                Ok(())
            }
            Step::WholeSeconds => {
                let (local, _) = job.last()?;
                let second = crate::generate::step::NANOSECONDS as i64;
                body.plain([
                    I::LocalGet(local),
                    I::I64Const(second - 1),
                    I::I64Add,
                    I::I64Const(second),
                    I::I64DivU,
                    I::I64Const(second),
                    I::I64Mul,
                    I::LocalSet(local),
                ]);
                Ok(())
            }
            Step::Done => job.done(body),
            Step::Set(option) => {
                let (local, ty) = job.last()?;
                body.plain([I::LocalGet(0), I::LocalGet(local)]);
                body.plain([self.width(ty)?.store(option_at(option))]);
                job.done(body)
            }
            Step::Get(option) => job.get(option, body),
            Step::Family => job.scalar(body, [I::LocalGet(0), I::I32Load8U(FAMILY)]),
            Step::No => job.scalar(body, [I::I32Const(0)]),
            Step::Ready => self.ready(job, body),
            Step::Network => {
                body.call(Callee::Intrinsic(Intrinsic::OpenNetwork));
                job.scalar(body, [])
            }
            Step::Create(protocol) => self.create(job, protocol, body),
            Step::Fail(code) => {
                let code = self.code(job, code)?;
                job.fail(&[I::I32Const(code)], body)
            }
            Step::Deny(operation, protocol) => {
                self.deny(job, self.policy.denial(operation, protocol), body)
            }
            Step::StartConnect => match self.denial(Operation::Connect) {
                Denial::Trap => self.deny(job, Denial::Trap, body),
                _ => {
                    body.plain(set_state(CONNECTING));
                    job.done(body)
                }
            },
            Step::FinishConnect => {
                body.plain(in_state(CONNECTING)).plain([I::I32Eqz]);
                self.fail_if(job, "not-in-progress", body)?;
                self.deny_for_good(job, self.denial(Operation::Connect), None, body)
            }
            Step::DenyForGood(operation, protocol) => {
                self.deny_for_good(job, self.policy.denial(operation, protocol), None, body)
            }
            Step::DenyLeaving(operation, protocol, code) => self.deny_for_good(
                job,
                self.policy.denial(operation, protocol),
                Some(code),
                body,
            ),
        }
    }

    fn denial(&self, operation: Operation) -> Denial {
        self.policy.denial(operation, Protocol::Tcp)
    }

    /// The number of an error code, by its name.
    fn code(&self, job: &Job<'_>, name: &str) -> Result<i32> {
        let position = match job.codes.and_then(|ty| self.abi.defined(ty)) {
            Some(ComponentDefinedType::Enum(names)) => {
                names.iter().position(|it| it.as_str() == name)
            }
            Some(ComponentDefinedType::Variant(variant)) => {
                variant.cases.keys().position(|it| it.as_str() == name)
            }
            _ => return Err(Mismatch("its result has no `error-code`".to_owned())),
        };
        match position.map(i32::try_from) {
            Some(Ok(code)) => Ok(code),
            _ => Err(Mismatch(format!("its `error-code` has no case `{name}`"))),
        }
    }

    fn fail_if(&self, job: &Job<'_>, code: &str, body: &mut Body<Callee>) -> Result<()> {
        let code = self.code(job, code)?;
        body.plain([I::If(BlockType::Empty)]);
        job.fail(&[I::I32Const(code)], body)?;
        body.plain([I::End]);
        Ok(())
    }

    fn open(&self, job: &Job<'_>, body: &mut Body<Callee>) -> Result<()> {
        body.plain(in_state(CONNECTING));
        self.fail_if(job, "invalid-state", body)?;
        body.plain(in_state(FAILED))
            .plain([I::If(BlockType::Empty)]);
        job.fail(&[I::LocalGet(0), I::I32Load8U(FAILURE)], body)?;
        body.plain([I::End]);
        Ok(())
    }

    fn address(&self, job: &Job<'_>, purpose: AddressUse, body: &mut Body<Callee>) -> Result<()> {
        let (mut first, mut ty) = job.last()?;
        if let Some(ComponentDefinedType::Option { ty: inner, .. }) = self.abi.defined(ty) {
            (first, ty) = (first + 1, *inner);
        }
        if self.abi.flat(ty) != [ValType::I32; FLAT_ADDRESS] {
            return Err(Mismatch(
                "its last parameter is no `ip-socket-address`".to_owned(),
            ));
        }
        body.plain([
            I::LocalGet(0),
            I::I32Load8U(FAMILY),
            I::I32Const(purpose.unicast.into()),
            I::I32Const(purpose.remote.into()),
        ]);
        body.plain((first..).take(FLAT_ADDRESS).map(I::LocalGet));
        body.call(Callee::Helper(Helper::InvalidAddress));
        Ok(())
    }

    fn ready(&self, job: &Job<'_>, body: &mut Body<Callee>) -> Result<()> {
        // Every state of a socket that is denied is one in which nothing needs to be waited for:
        // the pollable of a moment that is past.
        body.plain([I::I64Const(0)]);
        body.call(Callee::Intrinsic(Intrinsic::Subscribe));
        job.scalar(body, [])
    }

    fn create(&self, job: &Job<'_>, protocol: Protocol, body: &mut Body<Callee>) -> Result<()> {
        if self.policy.deny_at() == DenyAt::Create {
            return self.deny(job, self.policy.create_denial(), body);
        }
        let family = job.param(0)?.0;
        let Some(resource) = job.makes else {
            // The sockets of 0.2 live beside the interface that describes them.
            body.plain([I::LocalGet(family), I::I32Const(RESULT as i32)]);
            body.call(Callee::Intrinsic(Intrinsic::OpenSocket));
            body.plain([I::I32Const(0), I::I32Load8U(at(RESULT))]);
            self.fail_if(job, "new-socket-limit", body)?;
            return job.in_memory(body);
        };
        let slot = body.signature.params.len() as u32;
        body.locals.push(ValType::I32);
        body.plain([I::LocalGet(family), I::I32Const(template(protocol) as i32)]);
        body.call(Callee::Alloc);
        body.plain([I::LocalTee(slot), I::I32Eqz]);
        self.fail_if(job, "out-of-memory", body)?;
        give_new(job, slot, resource, body)
    }

    fn deny(&self, job: &Job<'_>, denial: Denial, body: &mut Body<Callee>) -> Result<()> {
        match denial {
            Denial::Trap => {
                body.plain([I::Unreachable]);
                Ok(())
            }
            Denial::Drop => job.done(body),
            code => {
                let code = self.code(job, code.name())?;
                job.fail(&[I::I32Const(code)], body)
            }
        }
    }

    fn deny_for_good(
        &self,
        job: &Job<'_>,
        denial: Denial,
        leaving: Option<&str>,
        body: &mut Body<Callee>,
    ) -> Result<()> {
        if denial != Denial::Trap {
            let failure = self.code(job, leaving.unwrap_or(denial.name()))?;
            body.plain(set_state(FAILED));
            body.plain([I::LocalGet(0), I::I32Const(failure), I::I32Store8(FAILURE)]);
        }
        self.deny(job, denial, body)
    }

    fn width(&self, ty: ComponentValType) -> Result<Width> {
        Ok(
            match (self.abi.flat(ty).as_slice(), self.abi.layout(ty).size) {
                ([ValType::I32], 1) => Width::Byte,
                ([ValType::I32], 4) => Width::Word,
                ([ValType::I64], 8) => Width::Long,
                _ => return Err(Mismatch("its last parameter is no number".to_owned())),
            },
        )
    }
}

impl Job<'_> {
    fn param(&self, position: usize) -> Result<(u32, ComponentValType)> {
        let param = self.params.get(position).copied();
        param.ok_or_else(|| Mismatch("it has too few parameters".to_owned()))
    }

    fn last(&self) -> Result<(u32, ComponentValType)> {
        self.param(self.params.len().wrapping_sub(1))
    }

    /// Ends the function with an error code, which `code` pushes.
    fn fail(&self, code: &[I<'static>], body: &mut Body<Callee>) -> Result<()> {
        body.plain(code.iter().cloned());
        let helper = match self.outcome {
            Outcome::Result { payload, .. } => {
                body.plain([I::I32Const(payload as i32)]);
                Helper::Fail
            }
            Outcome::Future { future, payload } => Helper::FailFuture { future, payload },
            Outcome::Stream {
                stream,
                future,
                payload,
            } => Helper::FailStream {
                stream,
                future,
                payload,
            },
            _ => return Err(Mismatch("it has no way to fail".to_owned())),
        };
        body.call(Callee::Helper(helper)).plain([I::Return]);
        Ok(())
    }

    /// Ends the function well, without a value.
    fn done(&self, body: &mut Body<Callee>) -> Result<()> {
        match self.outcome {
            Outcome::Nothing => {
                body.plain([I::Return]);
                Ok(())
            }
            Outcome::Result { .. } | Outcome::Option => {
                body.plain([I::I32Const(0), I::I32Const(0), I::I32Store8(at(RESULT))]);
                self.in_memory(body)
            }
            _ => Err(Mismatch("its result has a value".to_owned())),
        }
    }

    /// Ends the function with what is in memory already.
    fn in_memory(&self, body: &mut Body<Callee>) -> Result<()> {
        body.plain([I::I32Const(RESULT as i32), I::Return]);
        Ok(())
    }

    fn get(&self, option: SocketOption, body: &mut Body<Callee>) -> Result<()> {
        let Outcome::Result { payload, value } = self.outcome else {
            return Err(Mismatch("its result is not one that can fail".to_owned()));
        };
        let width = match value {
            1 => Width::Byte,
            4 => Width::Word,
            8 => Width::Long,
            _ => return Err(Mismatch("its result is no number".to_owned())),
        };
        body.plain([I::I32Const(RESULT as i32), I::LocalGet(0)]);
        body.plain([width.load(option_at(option)), width.store(payload.into())]);
        self.done(body)
    }

    /// Ends the function with the core value that `value` pushes, on top of what is there.
    fn scalar<const N: usize>(
        &self,
        body: &mut Body<Callee>,
        value: [I<'static>; N],
    ) -> Result<()> {
        let Outcome::Scalar = self.outcome else {
            return Err(Mismatch("its result is not one value".to_owned()));
        };
        body.plain(value).plain([I::Return]);
        Ok(())
    }
}

/// Ends with a new resource in the result.
fn give_new(job: &Job<'_>, slot: u32, resource: u32, body: &mut Body<Callee>) -> Result<()> {
    let Outcome::Result { payload, .. } = job.outcome else {
        return Err(Mismatch("its result is not one that can fail".to_owned()));
    };
    body.plain([I::I32Const(RESULT as i32), I::LocalGet(slot)]);
    body.call(Callee::Intrinsic(Intrinsic::ResourceNew(resource)));
    body.plain([Width::Word.store(payload.into())]);
    job.done(body)
}

/// The function that makes a resource for the component of another interface.
pub(crate) fn open(made: Made, resource: u32) -> Body<Callee> {
    match made {
        Made::Socket(protocol) => open_socket(protocol, resource),
        Made::Network | Made::Never => open_network(resource),
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
            Intrinsic::OpenNetwork => signature(&[], &[I32]),
            Intrinsic::OpenSocket => signature(&[I32, I32], &[]),
            Intrinsic::Subscribe => signature(&[I64], &[I32]),
        }
    }
}

/// How wide a number is in memory.
#[derive(Clone, Copy, Debug)]
enum Width {
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

    fn load(self, offset: u64) -> I<'static> {
        match self {
            Width::Byte => I::I32Load8U(self.memory(offset)),
            Width::Word => I::I32Load(self.memory(offset)),
            Width::Long => I::I64Load(self.memory(offset)),
        }
    }

    fn store(self, offset: u64) -> I<'static> {
        match self {
            Width::Byte => I::I32Store8(self.memory(offset)),
            Width::Word => I::I32Store(self.memory(offset)),
            Width::Long => I::I64Store(self.memory(offset)),
        }
    }

    fn eqz(self) -> I<'static> {
        match self {
            Width::Long => I::I64Eqz,
            _ => I::I32Eqz,
        }
    }

    /// Moves an unsigned local into a range.
    fn clamp(self, local: u32, least: i64, most: i64, body: &mut Body<Callee>) {
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
fn at(address: u32) -> MemArg {
    MemArg {
        offset: address.into(),
        align: 0,
        memory_index: 0,
    }
}

fn in_state(state: i32) -> [I<'static>; 4] {
    [
        I::LocalGet(0),
        I::I32Load8U(STATE),
        I::I32Const(state),
        I::I32Eq,
    ]
}

fn set_state(state: i32) -> [I<'static>; 3] {
    [I::LocalGet(0), I::I32Const(state), I::I32Store8(STATE)]
}

impl Helper {
    fn body(self) -> Body<Callee> {
        match self {
            Helper::Fail => fail(),
            Helper::InvalidAddress => invalid_address(),
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

/// As wasmtime validates addresses: the family must be the socket's; IPv4-mapped and
/// IPv4-compatible addresses are invalid; the rest depends on the use.
fn invalid_address() -> Body<Callee> {
    let (family, unicast, remote, case, port) = (0, 1, 2, 3, 4);
    let v4 = |byte: u32| I::LocalGet(5 + byte);
    // Behind the port comes the flow info.
    let v6 = |segment: u32| I::LocalGet(6 + segment);
    let mut body = Body::new(signature(
        &[ValType::I32; 3 + FLAT_ADDRESS],
        &[ValType::I32],
    ));
    let invalid = [I::I32Const(1), I::Return, I::End];
    let when = |body: &mut Body<Callee>| {
        body.plain([I::If(BlockType::Empty)]).plain(invalid.clone());
    };
    body.plain([I::LocalGet(family), I::LocalGet(case), I::I32Ne]);
    when(&mut body);
    body.plain([I::LocalGet(remote), I::LocalGet(port), I::I32Eqz, I::I32And]);
    when(&mut body);
    body.plain([
        I::LocalGet(case),
        I::I32Eqz,
        I::If(BlockType::Result(ValType::I32)),
    ]);
    // IPv4: multicast is 224.0.0.0/4, broadcast is all ones, unspecified is all zeros.
    body.plain([
        v4(0),
        I::I32Const(0xf0),
        I::I32And,
        I::I32Const(0xe0),
        I::I32Eq,
    ]);
    body.plain([v4(0), v4(1), I::I32And, v4(2), I::I32And, v4(3), I::I32And]);
    body.plain([
        I::I32Const(0xff),
        I::I32Eq,
        I::I32Or,
        I::LocalGet(unicast),
        I::I32And,
    ]);
    body.plain([
        v4(0),
        v4(1),
        I::I32Or,
        v4(2),
        I::I32Or,
        v4(3),
        I::I32Or,
        I::I32Eqz,
    ]);
    body.plain([I::LocalGet(remote), I::I32And, I::I32Or]);
    body.plain([I::Else]);
    // IPv6: multicast is ff00::/8.
    body.plain([
        v6(0),
        I::I32Const(8),
        I::I32ShrU,
        I::I32Const(0xff),
        I::I32Eq,
    ]);
    body.plain([I::LocalGet(unicast), I::I32And]);
    // ::ffff:0:0/96 is mapped. ::/96 is compatible, but for :: and ::1, and :: is unspecified.
    body.plain([
        v6(0),
        v6(1),
        I::I32Or,
        v6(2),
        I::I32Or,
        v6(3),
        I::I32Or,
        v6(4),
        I::I32Or,
    ]);
    body.plain([
        I::I32Eqz,
        v6(5),
        I::I32Const(0xffff),
        I::I32Eq,
        v6(5),
        I::I32Eqz,
    ]);
    body.plain([
        v6(6),
        I::I32Const(0),
        I::I32Ne,
        v6(7),
        I::I32Const(1),
        I::I32GtU,
        I::I32Or,
    ]);
    body.plain([v6(7), I::I32Eqz, I::LocalGet(remote), I::I32And, I::I32Or]);
    body.plain([I::I32And, I::I32Or, I::I32And, I::I32Or]);
    body.plain([I::End]);
    body
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
