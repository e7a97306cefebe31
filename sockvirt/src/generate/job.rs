//! What each function has to do: its steps, and all that its types say about it.

use super::core::Body;
use super::emit::{Emitter, Job, Mismatch, Outcome, Task};
use super::link::{Callee, Intrinsic};
use super::store::{self, Contents};
use super::stub::{Definition, StubBuilder};
use crate::error::Error;
use crate::generate::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::generate::step::Step;
use crate::generate::values::parts;
use crate::plan::{Made, Route, exported_function, handle};
use wasm_encoder::{Instruction, ValType};
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType,
};
use wasmparser::{
    ComponentDefinedType as RawDefined, ComponentFuncType as RawFunc, ComponentValType as RawVal,
    PrimitiveValType,
};

impl<'p, 'r> StubBuilder<'p, 'r> {
    /// What the store must have; `None` where nothing needs memory. Functions that are never
    /// reached count too: they cannot be lifted without what their types need.
    pub(super) fn store_contents(&self) -> Result<Option<Contents>, Error> {
        let sockets = self
            .own
            .iter()
            .any(|own| matches!(own.made, Made::Socket(_)));
        let mut contents = Contents {
            sockets,
            heap: false,
        };
        // What is lowered there has results with texts, which are never given.
        contents.heap |= self.route == Route::Network;
        let mut memory = sockets;
        for (name, export) in &self.import.instance.exports {
            let is_function = matches!(export.ty, ComponentEntityType::Func(_));
            if is_function && !self.is_compiled(name) && !self.is_forwarded(name)? {
                let function = self.function(name)?;
                let params = function.params.iter().map(|(_, ty)| *ty);
                let flat: usize = params.clone().map(|ty| self.abi.flat(ty).len()).sum();
                // What is passed in memory needs room too.
                contents.heap |=
                    flat > MAX_FLAT_PARAMS || params.clone().any(|ty| self.has_list(ty));
                memory |= function.async_
                    || function
                        .result
                        .is_some_and(|ty| self.abi.flat(ty).len() > MAX_FLAT_RESULTS);
            }
        }
        Ok((memory || contents.heap).then_some(contents))
    }

    /// The function behind an export, as the validator understands it.
    fn function(&self, name: &str) -> Result<&'p ComponentFuncType, Error> {
        exported_function(self.plan.root, self.import.instance, name)
            .ok_or_else(|| self.mismatch(&format!("`{}`", name), "it is not a function"))
    }

    /// Whether the guest can ever call a function: not if that takes a handle that never exists.
    fn is_reachable(&self, function: &ComponentFuncType) -> bool {
        !function
            .params
            .iter()
            .any(|(_, ty)| self.plan.is_never_made(*ty))
    }

    /// Whether there is a list or a string in a type, for which callers need room.
    fn has_list(&self, ty: ComponentValType) -> bool {
        use ComponentDefinedType as Defined;
        match (self.abi.defined(ty), ty) {
            (None, ComponentValType::Primitive(ty)) => ty == PrimitiveValType::String,
            (Some(Defined::Primitive(ty)), _) => *ty == PrimitiveValType::String,
            (Some(Defined::List { .. } | Defined::Map { .. }), _) => true,
            (Some(defined), _) => parts(defined).into_iter().any(|part| self.has_list(part)),
            (None, _) => false,
        }
    }

    /// The code of one function of the interface.
    pub(super) fn body(&mut self, name: &str, ty: u32) -> Result<Body<Callee>, Error> {
        // The plan has no function without steps.
        let steps = self.import.interface.steps(name).unwrap_or_default();
        let function = self.function(name)?;
        if self.route == Route::Network {
            return self.starting(name, function);
        }
        if !self.is_reachable(function) {
            let mut body = Body::new(self.abi.signature(function));
            body.plain([Instruction::Unreachable]);
            return Ok(body);
        }
        if steps.is_empty() {
            return Err(self.mismatch(
                &format!("`{}`", name),
                "it can be called without the resource it is of",
            ));
        }
        if steps.iter().any(|step| matches!(step, Step::Ready)) {
            self.pollable = function.result.and_then(|ty| handle(self.plan.root, ty));
        }
        let Definition::Func(raw) = self.local(ty)?.definition else {
            return Err(self.mismatch(&format!("`{}`", name), "its type is not one of functions"));
        };
        let wake = function.async_.then(|| self.wake());
        let job = self.job(name, steps, function, raw, wake)?;
        let emitter = Emitter {
            abi: self.abi,
            policy: self.plan.policy,
        };
        let body = emitter.body(&job);
        body.map_err(|Mismatch(reason)| self.mismatch(&format!("`{}`", name), reason))
    }

    fn job(
        &self,
        name: &str,
        steps: &'static [Step],
        function: &ComponentFuncType,
        raw: &RawFunc<'_>,
        wake: Option<u32>,
    ) -> Result<Job<'static>, Error> {
        let mut params = Vec::new();
        let mut drops = Vec::new();
        let mut next = 0;
        for ((_, ty), (_, raw)) in function.params.iter().zip(&raw.params) {
            params.push((next, *ty));
            drops.extend(self.drop_for(*ty, *raw)?.map(|intrinsic| (next, intrinsic)));
            next += self.abi.flat(*ty).len() as u32;
        }
        if next as usize > MAX_FLAT_PARAMS {
            return Err(self.mismatch(&format!("`{}`", name), "it has too many parameters"));
        }
        let Some((outcome, codes)) = self.outcome(function, raw, wake)? else {
            return Err(self.mismatch(
                &format!("`{}`", name),
                "its result is not one that WASI has",
            ));
        };
        Ok(Job {
            steps,
            signature: self.abi.signature(function),
            drops,
            params,
            outcome,
            codes,
            makes: self.makes(function)?,
        })
    }

    /// What drops a parameter that the function owns or borrows from elsewhere. What the interface
    /// itself defines arrives as its representation.
    fn drop_for(&self, ty: ComponentValType, raw: RawVal) -> Result<Option<Intrinsic>, Error> {
        if let Some(id) = handle(self.plan.root, ty) {
            let is_own = self.own.iter().any(|own| own.id == id);
            let index = self.resource_index(id)?;
            return Ok((!is_own).then_some(Intrinsic::ResourceDrop(index)));
        }
        match self.abi.defined(ty) {
            Some(ComponentDefinedType::Stream { .. }) => {
                Ok(Some(Intrinsic::StreamDropReadable(self.index_of(raw)?)))
            }
            _ => Ok(None),
        }
    }

    /// How the function gives its result, and the type of its error codes. An async one has the type of a
    /// stream to wait by.
    #[allow(clippy::type_complexity, reason = "two things that are found together")]
    fn outcome(
        &self,
        function: &ComponentFuncType,
        raw: &RawFunc<'_>,
        wake: Option<u32>,
    ) -> Result<Option<(Outcome, Option<ComponentValType>)>, Error> {
        let (Some(ty), Some(raw)) = (function.result, raw.result) else {
            return Ok(Some((Outcome::Nothing, None)));
        };
        let in_memory = self.abi.flat(ty).len() > MAX_FLAT_RESULTS;
        Ok(match self.abi.defined(ty) {
            Some(ComponentDefinedType::Result { err, .. }) if let Some(wake) = wake => {
                let flat = self.abi.flat(ty);
                let is_plain = flat.iter().all(|it| *it == ValType::I32);
                let fits = is_plain && (2..=MAX_FLAT_PARAMS).contains(&flat.len());
                let task = Task {
                    result: self.index_of(raw)?,
                    count: flat.len() as u32,
                    wake,
                };
                fits.then_some((Outcome::Task(task), *err))
            }
            Some(defined @ ComponentDefinedType::Result { ok, err, .. }) if in_memory => {
                let payload = self.abi.payload_offset(defined);
                let value = ok.map_or(0, |ty| self.abi.layout(ty).size);
                Some((Outcome::Result { payload, value }, *err))
            }
            Some(ComponentDefinedType::Option { .. }) if in_memory => Some((Outcome::Option, None)),
            Some(ComponentDefinedType::Future { .. }) => {
                let future = self.index_of(raw)?;
                self.future_error(ty)
                    .map(|(payload, codes)| (Outcome::Future { future, payload }, Some(codes)))
            }
            Some(ComponentDefinedType::Tuple(tuple)) => match *tuple.types {
                [_, second] => {
                    let (stream, future) = self.indices_of_pair(raw)?;
                    self.future_error(second).map(|(payload, codes)| {
                        let outcome = Outcome::Stream {
                            stream,
                            future,
                            payload,
                        };
                        (outcome, Some(codes))
                    })
                }
                _ => None,
            },
            _ if self.abi.flat(ty) == [ValType::I32] => Some((Outcome::Scalar, None)),
            _ => None,
        })
    }

    /// Where the error code is in what a future ends with, and the type of the code.
    fn future_error(&self, ty: ComponentValType) -> Option<(u32, ComponentValType)> {
        let ComponentDefinedType::Future {
            ty: Some(inner), ..
        } = self.abi.defined(ty)?
        else {
            return None;
        };
        match self.abi.defined(*inner)? {
            defined @ ComponentDefinedType::Result {
                ok: None,
                err: Some(err),
                ..
            } => {
                let fits = self.abi.layout(*inner).size <= store::FUTURE_SIZE
                    && self.case_count(*err) <= store::FUTURE_CODES;
                fits.then(|| (self.abi.payload_offset(defined), *err))
            }
            _ => None,
        }
    }

    fn case_count(&self, ty: ComponentValType) -> u32 {
        match self.abi.defined(ty) {
            Some(ComponentDefinedType::Variant(variant)) => variant.cases.len() as u32,
            Some(ComponentDefinedType::Enum(names)) => names.len() as u32,
            _ => u32::MAX,
        }
    }

    /// The index in the generated component of a type that the guest declares.
    fn index_of(&self, raw: RawVal) -> Result<u32, Error> {
        match raw {
            RawVal::Type(index) => Ok(self.local(index)?.index),
            RawVal::Primitive(_) => Err(self.mismatch("a type", "it is a primitive")),
        }
    }

    fn indices_of_pair(&self, raw: RawVal) -> Result<(u32, u32), Error> {
        if let RawVal::Type(index) = raw
            && let Definition::Defined(RawDefined::Tuple(types)) = self.local(index)?.definition
            && let [first, second] = **types
        {
            return Ok((self.index_of(first)?, self.index_of(second)?));
        }
        Err(self.mismatch("a result", "it is no pair"))
    }

    /// The resource type that the function makes instances of, where it is of this interface.
    fn makes(&self, function: &ComponentFuncType) -> Result<Option<u32>, Error> {
        let made = function.result.and_then(|ty| match self.abi.defined(ty)? {
            ComponentDefinedType::Result { ok: Some(ok), .. } => handle(self.plan.root, *ok),
            _ => None,
        });
        match self.own.iter().find(|own| Some(own.id) == made) {
            Some(own) => Ok(Some(self.resource_index(own.id)?)),
            None => Ok(None),
        }
    }
}
