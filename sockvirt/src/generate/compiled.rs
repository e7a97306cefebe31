//! Compiled functions in a generated component: what they import, and how they are exported.

use super::Arg;
use super::link::{INTRINSICS, STORE};
use super::network;
use super::prebuilt::{self, Import, Part};
use super::stub::{Definition, Source, StubBuilder};
use super::trampoline::{self, Late};
use super::{codes, policy};
use crate::error::Error;
use crate::generate::abi::Signature;
use crate::plan::{Route, exported_function, handle};
use crate::stand_in::{REALLOC, callback, destructor, host_function};
use sockvirt_policy::Protocol;
use wasm_encoder::{
    CanonicalOption, ComponentTypeRef as Ref, ComponentValType as Val, ExportKind, ModuleArg,
    ValType,
};
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType,
};
use wasmparser::{
    ComponentDefinedType as RawDefined, ComponentValType as RawVal, PrimitiveValType,
};

/// The module that is there before the code, instantiated.
#[derive(Clone)]
pub(super) struct Trampolines {
    instance: u32,
    memory: u32,
    /// What goes through the table: the name among the compiled functions, the kind, and the
    /// function to call.
    late: Vec<(String, Late, u32)>,
}

/// The memory of compiled code may grow up to this, in pages of 64 KiB: 80 MiB.
const MOST_PAGES: u64 = 1280;

/// An export of a component: its name, the function, and the type that it must be given.
pub(super) type Export<'p> = (&'p str, u32, Option<u32>);

impl<'p> StubBuilder<'p, '_> {
    /// Adds what the compiled code needs before it can be there.
    pub(super) fn add_trampolines(&mut self) {
        let stand_ins = self.stand_ins;
        let Some(part) = &stand_ins.part else {
            return;
        };
        let mut late: Vec<_> = stand_ins
            .names()
            .filter(|name| name.starts_with("[dtor]"))
            .map(|name| (name.to_owned(), Late::Destructor))
            .collect();
        late.extend(
            stand_ins
                .position(REALLOC)
                .map(|_| (REALLOC.to_owned(), Late::Realloc)),
        );
        let kinds: Vec<_> = late.iter().map(|(_, kind)| *kind).collect();
        let most_pages = match self.plan.network {
            Some(_) => prebuilt::MOST_PAGES,
            None => MOST_PAGES,
        };
        let first = trampoline::first(&kinds, part.pages, most_pages);
        let module = self.component.core_module_raw(None, &first);
        let instance = self.component.core_instantiate(None, module, []);
        let mut alias =
            |name: &str, kind| self.component.core_alias_export(None, instance, name, kind);
        let memory = alias("m", ExportKind::Memory);
        let late = late.into_iter().enumerate();
        let late = late
            .map(|(i, (name, kind))| (name, kind, alias(&i.to_string(), ExportKind::Func)))
            .collect();
        self.trampolines = Some(Trampolines {
            instance,
            memory,
            late,
        });
    }

    fn late(&self, name: &str) -> Option<u32> {
        let mut late = self.trampolines.iter().flat_map(|it| &it.late);
        late.find(|(it, _, _)| it == name)
            .map(|(_, _, index)| *index)
    }

    /// The compiled destructor of a resource, where there is one.
    pub(super) fn destructor(&self, resource: &str) -> Option<u32> {
        self.late(&destructor(resource))
    }

    pub(super) fn is_compiled(&self, function: &str) -> bool {
        self.position(function).is_some()
    }

    /// The position of a function of the interface among the exports of its code.
    fn position(&self, function: &str) -> Option<usize> {
        self.stand_ins.position(&self.labels.label(function))
    }

    /// Whether a function is the host's own, as it is.
    pub(super) fn is_forwarded(&self, function: &str) -> Result<bool, Error> {
        let reached = |protocol| self.plan.needs.reaches_host(protocol);
        let is_reached = match function {
            _ if self.route == Route::Network => return Ok(!network::starts(function)),
            _ if self.route != Route::Checked => false,
            _ if function.contains("tcp-socket") => reached(Protocol::Tcp),
            _ if function.contains("udp-socket") => reached(Protocol::Udp),
            _ => true,
        };
        match exported_function(self.plan.root, self.import.instance, function) {
            Some(ty) if is_reached && self.carries_an_address(ty) => {
                Err(self.mismatch(&format!("`{function}`"), "nothing checks what it is given"))
            }
            found => Ok(is_reached && found.is_some()),
        }
    }

    /// Whether a parameter could hold an address or a name: anything but handles, numbers and the
    /// cases of an enum.
    fn carries_an_address(&self, function: &ComponentFuncType) -> bool {
        use ComponentDefinedType as Defined;
        function
            .params
            .iter()
            .any(|(_, ty)| match self.abi.defined(*ty) {
                None => matches!(ty, ComponentValType::Primitive(PrimitiveValType::String)),
                Some(Defined::Primitive(ty)) => *ty == PrimitiveValType::String,
                Some(
                    Defined::Own(_)
                    | Defined::Borrow(_)
                    | Defined::Enum(_)
                    | Defined::Stream { .. }
                    | Defined::Future { .. },
                ) => false,
                Some(_) => true,
            })
    }

    /// Adds the compiled code, and gives what is to be exported of it.
    pub(super) fn add_compiled(&mut self) -> Result<Vec<Export<'p>>, Error> {
        let Some(part) = &self.stand_ins.part else {
            return Ok(Vec::new());
        };
        let mut given = Vec::new();
        for import in &part.imports {
            given.push(self.core_import(import)?);
        }
        let code = self.instantiate_code(part, &given);
        self.lift_all(code)
    }

    /// Instantiates the compiled code with what it imports.
    pub(super) fn instantiate_code(&mut self, part: &Part, given: &[u32]) -> u32 {
        let store = self.trampolines.as_ref().map_or(u32::MAX, |it| it.instance);
        let given: Vec<_> = (0..given.len()).map(|i| i.to_string()).zip(given).collect();
        let given = given
            .iter()
            .map(|(name, index)| (name.as_str(), ExportKind::Func, **index));
        let given = self.component.core_instantiate_exports(None, given);
        let module = self.component.core_module_raw(None, &part.module);
        let args = [
            (STORE, ModuleArg::Instance(store)),
            (INTRINSICS, ModuleArg::Instance(given)),
        ];
        let code = self.component.core_instantiate(None, module, args);
        self.fill_table(code);
        code
    }

    /// Lifts the functions of the interface that the code has.
    pub(super) fn lift_all(&mut self, code: u32) -> Result<Vec<Export<'p>>, Error> {
        let stand_ins = self.stand_ins;
        let mut exports = Vec::new();
        for (name, ty) in self.functions.clone() {
            if let (Some(position), Some(part)) = (self.position(name), &stand_ins.part) {
                let signature = &part.exports[position];
                exports.push((
                    name,
                    self.lift_compiled(name, ty, code, position, signature)?,
                    None,
                ));
            }
        }
        Ok(exports)
    }

    pub(super) fn core_export(&mut self, code: u32, position: usize) -> u32 {
        let name = position.to_string();
        self.component
            .core_alias_export(None, code, &name, ExportKind::Func)
    }

    fn fill_table(&mut self, code: u32) {
        let Some(Trampolines { instance, late, .. }) = &self.trampolines else {
            return;
        };
        let (instance, late) = (*instance, late.clone());
        if late.is_empty() {
            return;
        }
        let mut entries = Vec::new();
        for (i, (name, _, _)) in late.iter().enumerate() {
            let position = self.stand_ins.position(name).unwrap_or_default();
            entries.push((
                i.to_string(),
                ExportKind::Func,
                self.core_export(code, position),
            ));
        }
        let table = self
            .component
            .core_alias_export(None, instance, "t", ExportKind::Table);
        entries.push(("t".to_owned(), ExportKind::Table, table));
        let entries = entries
            .iter()
            .map(|(name, kind, index)| (name.as_str(), *kind, *index));
        let entries = self.component.core_instantiate_exports(None, entries);
        let kinds: Vec<_> = late.iter().map(|(_, kind, _)| *kind).collect();
        let module = self
            .component
            .core_module_raw(None, &trampoline::last(&kinds));
        let args = [(STORE, ModuleArg::Instance(entries))];
        self.component.core_instantiate(None, module, args);
    }

    /// The memory of the compiled code, and its `realloc` where it has one.
    pub(super) fn options(&self) -> Vec<CanonicalOption> {
        let memory = self
            .trampolines
            .iter()
            .map(|it| CanonicalOption::Memory(it.memory));
        let realloc = self.late(REALLOC).map(CanonicalOption::Realloc);
        memory.chain(realloc).collect()
    }

    fn lift_compiled(
        &mut self,
        name: &str,
        ty: u32,
        code: u32,
        position: usize,
        signature: &Signature,
    ) -> Result<u32, Error> {
        let function = exported_function(self.plan.root, self.import.instance, name);
        let function =
            function.ok_or_else(|| self.mismatch(&format!("`{name}`"), "it is not a function"))?;
        let mut expected = self.abi.signature(function);
        let mut options = self.options();
        if function.async_ {
            expected.results = vec![ValType::I32];
            let callback = self.position(&callback(name));
            let callback =
                callback.ok_or_else(|| self.mismatch(&format!("`{name}`"), "it is async"))?;
            let callback = self.core_export(code, callback);
            options.extend([CanonicalOption::Async, CanonicalOption::Callback(callback)]);
        }
        if *signature != expected {
            return Err(self.mismatch(&format!("`{name}`"), "its parameters are others"));
        }
        let function = self.core_export(code, position);
        let ty = self.local(ty)?.index;
        Ok(self.component.lift_func(None, function, ty, options))
    }

    /// The core function behind an import of the compiled code.
    pub(super) fn core_import(&mut self, import: &Import) -> Result<u32, Error> {
        let builtin = import
            .name
            .split_once(']')
            .filter(|_| import.name.starts_with('['));
        match (import.module.as_str(), builtin) {
            ("policy", _) => {
                let ty =
                    policy::function_type(&mut self.component, &import.name, &import.signature);
                let arg = Arg::Policy(import.name.clone());
                let function = self.import_arg(arg, Ref::Func(ty));
                let options = self.options();
                Ok(self.component.lower_func(None, function, options))
            }
            ("codes", _) => self.code_numbers(),
            ("clock", _) => {
                self.pollable = self.pollable_of_subscribe();
                let function = self.import_clock()?;
                Ok(self.component.lower_func(None, function, []))
            }
            ("own", Some(("[resource-new", resource))) => {
                let ty = self.local(self.exported_local(resource)?)?.index;
                Ok(self.component.resource_new(ty))
            }
            ("own", Some(("[resource-drop", resource))) => {
                let ty = self.local(self.exported_local(resource)?)?.index;
                Ok(self.component.resource_drop(ty))
            }
            (_, Some(("[resource-drop", resource))) => {
                let ty = self.around(self.exported_local(resource)?)?;
                Ok(self.component.resource_drop(ty))
            }
            ("canon", _) => self.canonical_builtin(import),
            ("around", Some((builtin, function))) => self.end_builtin(builtin, function, true),
            _ => self.lower_host(import),
        }
    }

    /// A built-in for a stream of nothing.
    fn wake_builtin(&mut self, name: &str) -> u32 {
        let stream = self.wake();
        match name {
            "[stream-new]wake" => self.component.stream_new(stream),
            "[stream-read]wake" => self.component.stream_read(stream, [CanonicalOption::Async]),
            "[stream-write]wake" => self
                .component
                .stream_write(stream, [CanonicalOption::Async]),
            _ => self.component.stream_cancel_read(stream, false),
        }
    }

    /// A built-in of the Canonical ABI for async functions.
    fn canonical_builtin(&mut self, import: &Import) -> Result<u32, Error> {
        let name = import.name.as_str();
        let options = self.options();
        let component = &mut self.component;
        Ok(match name {
            // Not async, which hosts do not have by default. The host gives up at once.
            "[subtask-cancel]" => component.subtask_cancel(false),
            "[subtask-drop]" => component.subtask_drop(),
            "[task-cancel]" => component.task_cancel(),
            "[waitable-set-new]" => component.waitable_set_new(),
            "[waitable-set-drop]" => component.waitable_set_drop(),
            "[waitable-join]" => component.waitable_join(),
            "[waitable-set-poll]" => {
                let memory = self.trampolines.as_ref().map_or(u32::MAX, |it| it.memory);
                component.waitable_set_poll(false, memory)
            }
            "[context-get-0]" => component.context_get(ValType::I32, 0),
            "[context-set-0]" => component.context_set(ValType::I32, 0),
            _ if name.ends_with("]wake") => self.wake_builtin(name),
            _ => match name.split_once(']') {
                Some(("[task-return", function)) => {
                    let result = self.result_of(function)?;
                    if self.returned(function) != import.signature.params {
                        return Err(
                            self.mismatch(&format!("`{function}`"), "its result is another")
                        );
                    }
                    let memory = options.into_iter().take(1).collect::<Vec<_>>();
                    self.component.task_return(result, memory)
                }
                Some((builtin, function)) => self.end_builtin(builtin, function, false)?,
                None => return Err(self.mismatch("the code", "it is not as it was built")),
            },
        })
    }

    /// The core values that `task.return` takes for a function's result.
    fn returned(&self, function: &str) -> Vec<ValType> {
        let function = exported_function(self.plan.root, self.import.instance, function);
        let result = function.and_then(|function| function.result);
        result.map_or(Vec::new(), |ty| self.abi.flat(ty))
    }

    /// A built-in for the stream or the future that a function takes or gives, or that the host's of this
    /// name does.
    fn end_builtin(
        &mut self,
        builtin: &str,
        function: &str,
        is_around: bool,
    ) -> Result<u32, Error> {
        let stream = self.type_in(function, |ty| matches!(ty, RawDefined::Stream(_)));
        let future = self.type_in(function, |ty| matches!(ty, RawDefined::Future(_)));
        let mut ends = [stream, future];
        for local in ends.iter_mut().flatten() {
            *local = match is_around {
                true => self.around(*local)?,
                false => self.local(*local)?.index,
            };
        }
        let [stream, future] = ends;
        let missing = self.mismatch(&format!("`{function}`"), "its types are others");
        let memory: Vec<_> = self.options().into_iter().take(1).collect();
        let copies = memory.iter().copied().chain([CanonicalOption::Async]);
        let copies: Vec<_> = copies.collect();
        let component = &mut self.component;
        Ok(match (builtin, stream, future) {
            ("[stream-read", Some(stream), _) => component.stream_read(stream, copies),
            ("[stream-write", Some(stream), _) => component.stream_write(stream, copies),
            ("[future-new", _, Some(future)) => component.future_new(future),
            ("[future-write", _, Some(future)) => component.future_write(future, copies),
            ("[future-drop-writable", _, Some(future)) => component.future_drop_writable(future),
            ("[stream-new", Some(stream), _) => component.stream_new(stream),
            ("[stream-drop-writable", Some(stream), _) => component.stream_drop_writable(stream),
            ("[stream-drop-readable", Some(stream), _) => component.stream_drop_readable(stream),
            ("[future-drop-readable", _, Some(future)) => component.future_drop_readable(future),
            _ => return Err(missing),
        })
    }

    /// The first such local type among the parameters and in the result of a function.
    fn type_in(&self, function: &str, is: impl Fn(&RawDefined<'_>) -> bool) -> Option<u32> {
        let (_, ty) = self.functions.iter().find(|(it, _)| *it == function)?;
        let Definition::Func(func) = self.local(*ty).ok()?.definition else {
            return None;
        };
        let defined = |index: u32| match self.local(index).ok()?.definition {
            Definition::Defined(defined) => Some(defined),
            _ => None,
        };
        let mut types: Vec<RawVal> = func.params.iter().map(|(_, ty)| *ty).collect();
        types.extend(func.result);
        if let Some(RawVal::Type(result)) = func.result {
            match defined(result) {
                Some(RawDefined::Tuple(parts)) => types.extend(parts.iter().copied()),
                Some(RawDefined::Result { ok, .. }) => types.extend(*ok),
                _ => {}
            }
        }
        types.into_iter().find_map(|ty| match ty {
            RawVal::Type(index) if defined(index).is_some_and(&is) => Some(index),
            _ => None,
        })
    }

    /// The result type of a function, as it is exported.
    fn result_of(&self, function: &str) -> Result<Option<Val>, Error> {
        let declared = self.functions.iter().find(|(it, _)| *it == function);
        let missing = || self.mismatch(&format!("`{function}`"), "it is not declared");
        let (_, ty) = declared.ok_or_else(missing)?;
        let Definition::Func(func) = self.local(*ty)?.definition else {
            return Err(missing());
        };
        Ok(match func.result {
            None => None,
            Some(RawVal::Type(index)) => Some(Val::Type(self.local(index)?.index)),
            Some(RawVal::Primitive(_)) => return Err(missing()),
        })
    }

    fn lower_host(&mut self, import: &Import) -> Result<u32, Error> {
        let name = host_function(&import.name);
        let is_async = name != import.name;
        let missing = || self.mismatch(&format!("`{name}`"), "it is not as its code expects");
        let declared = self.functions.iter().find(|(it, _)| *it == name);
        let (name, _) = *declared.ok_or_else(missing)?;
        let function = exported_function(self.plan.root, self.import.instance, name);
        // What is not the guest's was added to the import, in the types of what is.
        if let Some(function) = function
            && self.abi.lowered(function, is_async) != import.signature
        {
            return Err(missing());
        }
        let function = self.host_func(name)?;
        let mut options = self.options();
        options.extend(is_async.then_some(CanonicalOption::Async));
        Ok(self.component.lower_func(None, function, options))
    }

    /// The local type under which a resource is exported.
    pub(super) fn exported_local(&self, resource: &str) -> Result<u32, Error> {
        let declares = |source| matches!(source, Source::Export(name, _) if name == resource);
        let local = self.locals.iter().rposition(|local| declares(local.source));
        local
            .map(|local| local as u32)
            .ok_or_else(|| self.mismatch(&format!("`{resource}`"), "it is not declared"))
    }

    /// The resource type of what `subscribe` gives.
    fn pollable_of_subscribe(&self) -> Option<wasmparser::component_types::ResourceId> {
        let mut functions = self.import.instance.exports.keys();
        let subscribe = functions.find(|name| name.ends_with(".subscribe"))?;
        let function = exported_function(self.plan.root, self.import.instance, subscribe)?;
        handle(self.plan.root, function.result?)
    }

    /// The function that knows the numbers of the interface's error codes.
    fn code_numbers(&mut self) -> Result<u32, Error> {
        let exports = self.import.instance.exports.iter();
        let functions = exports.filter(|(name, item)| {
            matches!(item.ty, ComponentEntityType::Func(_)) && self.is_compiled(name)
        });
        let error = functions
            .filter_map(|(name, _)| {
                let function = exported_function(self.plan.root, self.import.instance, name)?;
                match self.abi.defined(function.result?)? {
                    ComponentDefinedType::Result { err, .. } => *err,
                    _ => None,
                }
            })
            .next();
        let names: Vec<&str> = match error.and_then(|ty| self.abi.defined(ty)) {
            Some(ComponentDefinedType::Enum(names)) => names.iter().map(|it| it.as_str()).collect(),
            Some(ComponentDefinedType::Variant(variant)) => {
                variant.cases.keys().map(|it| it.as_str()).collect()
            }
            _ => return Err(self.mismatch("a result", "it has no `error-code`")),
        };
        let module = codes::module(&names)
            .ok_or_else(|| self.mismatch("`error-code`", "it has no case `access-denied`"))?;
        let module = self.component.core_module_raw(None, &module);
        let instance = self.component.core_instantiate(None, module, []);
        Ok(self.core_export(instance, 0))
    }
}
