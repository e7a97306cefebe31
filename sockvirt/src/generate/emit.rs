//! From [steps](crate::generate::step) to core WebAssembly.

use super::core::Body;
use super::helpers::FLAT_ADDRESS;
use super::link::{Callee, Helper, Intrinsic};
use super::store::{
    CONNECTING, FAILED, FAILURE, FAMILY, FRESH, RESULT, STATE, option_at, template,
};
use super::width::{Width, at};
use crate::generate::abi::{Abi, Signature};
use crate::generate::step::{AddressUse, NANOSECONDS, SocketOption, Step};
use sockvirt_policy::{Denial, DenyAt, Operation, Policy, Protocol};
use wasm_encoder::{BlockType, Instruction as I, ValType};
use wasmparser::component_types::{ComponentDefinedType, ComponentValType};

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
    /// A `result` of an async function, which gives it to the engine.
    Task(Task),
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

/// How an async function gives its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    /// The result's type, and how many core values it is.
    pub(crate) result: u32,
    pub(crate) count: u32,
    /// The type of the stream by which it waits before it ends.
    pub(crate) wake: u32,
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
            Step::Address(purpose) => self.address(job, purpose, body),
            Step::Given => self.given(job, body),
            Step::Datagram => self.datagram(job, body),
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
            Step::WholeSeconds => self.whole_seconds(job, body),
            ending => self.end(job, ending, body),
        }
    }

    /// The steps that end a function.
    fn end(&self, job: &Job<'_>, ending: Step, body: &mut Body<Callee>) -> Result<()> {
        match ending {
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
            Step::StartConnect => match self.connect_denial() {
                Denial::Trap => self.deny(job, Denial::Trap, body),
                _ => {
                    body.plain(set_state(CONNECTING));
                    job.done(body)
                }
            },
            Step::FinishConnect => {
                body.plain(in_state(CONNECTING)).plain([I::I32Eqz]);
                self.fail_if(job, "not-in-progress", body)?;
                self.deny_for_good(job, self.connect_denial(), None, body)
            }
            Step::DenyForGood(operation, protocol) => {
                self.deny_for_good(job, self.policy.denial(operation, protocol), None, body)
            }
            Step::DenyLeaving(operation, protocol, code) => {
                let denial = self.policy.denial(operation, protocol);
                self.deny_for_good(job, denial, Some(code), body)
            }
            // What is left is `Done`, and the checks, which end nothing.
            _ => job.done(body),
        }
    }

    fn connect_denial(&self) -> Denial {
        self.policy.denial(Operation::Connect, Protocol::Tcp)
    }

    fn given(&self, job: &Job<'_>, body: &mut Body<Callee>) -> Result<()> {
        let (local, ty) = job.last()?;
        let Some(ComponentDefinedType::Option { .. }) = self.abi.defined(ty) else {
            return Err(Mismatch("its last parameter is no option".to_owned()));
        };
        body.plain([I::LocalGet(local), I::I32Eqz]);
        self.fail_if(job, "invalid-argument", body)
    }

    fn datagram(&self, job: &Job<'_>, body: &mut Body<Callee>) -> Result<()> {
        let (address, ty) = job.param(1)?;
        let Some(ComponentDefinedType::List { .. }) = self.abi.defined(ty) else {
            return Err(Mismatch("its datagram is no list".to_owned()));
        };
        let length = address + 1;
        body.plain([I::LocalGet(length), I::I32Const(u16::MAX.into()), I::I32GtU]);
        self.fail_if(job, "datagram-too-large", body)
    }

    fn whole_seconds(&self, job: &Job<'_>, body: &mut Body<Callee>) -> Result<()> {
        let (local, ty) = job.last()?;
        let Width::Long = self.width(ty)? else {
            return Err(Mismatch("its last parameter is no duration".to_owned()));
        };
        body.plain([
            I::LocalGet(local),
            I::I64Const(NANOSECONDS as i64 - 1),
            I::I64Add,
            I::I64Const(NANOSECONDS as i64),
            I::I64DivU,
            I::I64Const(NANOSECONDS as i64),
            I::I64Mul,
            I::LocalSet(local),
        ]);
        Ok(())
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
        self.fail_if(job, "invalid-argument", body)
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
        let (family, ty) = job.param(0)?;
        if self.abi.flat(ty) != [ValType::I32] {
            return Err(Mismatch(
                "its first parameter is no `ip-address-family`".to_owned(),
            ));
        }
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
        let is_number = match self.abi.defined(ty) {
            None => true,
            Some(defined) => matches!(defined, ComponentDefinedType::Primitive(_)),
        };
        match (self.abi.flat(ty).as_slice(), self.abi.layout(ty).size) {
            ([ValType::I32], 1) if is_number => Ok(Width::Byte),
            ([ValType::I32], 4) if is_number => Ok(Width::Word),
            ([ValType::I64], 8) if is_number => Ok(Width::Long),
            _ => Err(Mismatch("its last parameter is no number".to_owned())),
        }
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
        if let Outcome::Task(task) = self.outcome {
            body.plain([I::I32Const(1)]).plain(code.iter().cloned());
            return task.give(2, body);
        }
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
            Outcome::Task(task) => task.give(0, body),
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

impl Task {
    /// Gives the result, with zeros behind so many core values that are there.
    fn give(self, given: u32, body: &mut Body<Callee>) -> Result<()> {
        let zeros = given..self.count;
        body.plain(zeros.map(|_| I::I32Const(0)));
        let Task {
            result,
            count,
            wake,
        } = self;
        body.call(Callee::Intrinsic(Intrinsic::TaskReturn(result, count)));
        body.call(Callee::Helper(Helper::Later { stream: wake }));
        body.plain([I::Return]);
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
