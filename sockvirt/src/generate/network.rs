//! A network in memory for WASI 0.3: one component with the network, and one for each import of the
//! guest that is served by it.
//!
//! The streams and futures of 0.3 go on while nobody calls the network, so a task of its own must be
//! running. A function that is not async can start one, in another component than its own. So what
//! the guest gets is a component before the network's: it has the network's types and functions as
//! they are, but for those that every program begins with. These start the network's task first.

use super::abi::Signature;
use super::core::{Body, CoreModule, Memory, signature};
use super::link::{Callee, Intrinsic};
use super::prebuilt::Import;
use super::store::{RESULT, STARTED, WORD};
use super::stub::{Source, StubBuilder};
use super::told::{self, Told};
use super::verdict::{self, FINISH, LOAD};
use super::{Arg, Stub};
use crate::error::Error;
use crate::fuse::hub;
use crate::plan::{Beside, NOW, Plan, Route, SocketImport, SocketInterface, Timer, WAIT_FOR};
use crate::stand_in::{DRIVE, ENDED, StandIns, callback, host_function};
use std::collections::HashMap;
use wasm_encoder::{
    BlockType, CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef as Ref,
    ComponentValType as Val, ExportKind, Instruction as I, PrimitiveValType, ValType,
};
use wasmparser::component_types::ComponentFuncType;

/// Whether a function is one that the network's task must run for: it gives a socket.
pub(super) fn starts(function: &str) -> bool {
    matches!(
        function,
        "[static]tcp-socket.create" | "[static]udp-socket.create"
    )
}

/// What the network calls what it exports for an import.
#[derive(Clone, Copy, Default)]
pub(crate) struct Labels {
    /// What stands before the names.
    prefix: &'static str,
    /// How many imports are of the same interface in another version, and come before.
    earlier: usize,
}

impl Labels {
    /// Those for one of these imports.
    pub(crate) fn of(import: &SocketImport<'_>, all: &[&SocketImport<'_>]) -> Self {
        let prefix = match import.interface {
            SocketInterface::IpNameLookup3 => "lookup-",
            SocketInterface::MonotonicClock3 => "monotonic-",
            SocketInterface::SystemClock3 => "system-",
            _ => "",
        };
        let earlier = all.iter().take_while(|it| it.at != import.at);
        let earlier = earlier.filter(|it| it.interface == import.interface);
        Labels {
            prefix,
            earlier: earlier.count(),
        }
    }

    /// The label for a name. Only one method can be called as methods are.
    pub(crate) fn label(self, name: &str) -> String {
        let Labels { prefix, earlier } = self;
        match earlier {
            0 => format!("{prefix}{name}"),
            _ => {
                let plain = name.replace('[', "").replace([']', '.'], "-");
                format!("again{earlier}-{prefix}{plain}")
            }
        }
    }
}

/// The component with the network, for these imports, and for each of its arguments the import that it
/// belongs to. `outer_type` gives the index that a type of the guest's outermost scope has in the
/// component around.
pub(crate) fn component(
    plan: &Plan<'_>,
    imports: &[&SocketImport<'_>],
    outer_type: &dyn Fn(u32) -> u32,
) -> Result<(Stub, Vec<usize>), Error> {
    let Some(beside) = &plan.network else {
        return Ok(Default::default());
    };
    let stand_ins = StandIns::of_network(imports, beside)?;
    let builders = imports.iter().map(|import| {
        let mut builder = StubBuilder::new(plan, import);
        builder.route = match import.route {
            Route::Mixed => Route::Checked,
            _ => Route::Inside,
        };
        builder.stand_ins = &stand_ins;
        builder.labels = Labels::of(import, imports);
        builder.is_first = true;
        builder
    });
    let mut network = Network {
        builders: builders.collect(),
        at: 0,
        owners: Vec::new(),
    };
    network.declare(outer_type)?;
    let code = network.add_code(beside)?;
    network.export(code, beside)?;
    network.builder(0);
    let StubBuilder {
        component, args, ..
    } = network.builders.swap_remove(0);
    Ok((Stub { component, args }, network.owners))
}

/// The type of a function of a script's report.
pub(crate) fn report_type(component: &mut ComponentBuilder, name: &str) -> u32 {
    let (bytes, encoder) = component.type_defined(None);
    encoder.list(Val::Primitive(PrimitiveValType::U8));
    let param = match name {
        LOAD => Some(("script", Val::Type(bytes))),
        verdict::ENDED => Some(("status", Val::Primitive(PrimitiveValType::U8))),
        _ => None,
    };
    let result = match name {
        LOAD | verdict::ENDED => None,
        FINISH => Some(Val::Primitive(PrimitiveValType::Bool)),
        _ => Some(Val::Primitive(PrimitiveValType::String)),
    };
    let (ty, mut encoder) = component.type_function(None);
    encoder.params(param).result(result);
    ty
}

/// What stands for a function that is not there: it is never called.
pub(crate) fn never(component: &mut ComponentBuilder, signature: &Signature) -> u32 {
    let mut module = CoreModule::<()>::new(Memory::None);
    let mut body = Body::new(signature.clone());
    body.plain([I::Unreachable]);
    module.export_numbered(body);
    let module = component.core_module_raw(None, &module.finish().0);
    let instance = component.core_instantiate(None, module, []);
    component.core_alias_export(None, instance, "0", ExportKind::Func)
}

/// A component whose instance is the report alone: it exports the functions that it imports.
pub(crate) fn report(names: &[&str]) -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    for name in names {
        let ty = report_type(&mut component, name);
        let function = component.import(*name, Ref::Func(ty));
        component.export(*name, ComponentExportKind::Func, function, None);
    }
    component
}

/// The builders of the interfaces. One at a time has the component that all of them write.
struct Network<'p, 'r> {
    builders: Vec<StubBuilder<'p, 'r>>,
    at: usize,
    /// For each argument of the component the builder whose interface it is of.
    owners: Vec<usize>,
}

impl<'p, 'r> Network<'p, 'r> {
    /// The builder of an interface, with the component.
    fn builder(&mut self, at: usize) -> &mut StubBuilder<'p, 'r> {
        let before = &mut self.builders[self.at];
        let component = std::mem::take(&mut before.component);
        let args = std::mem::take(&mut before.args);
        self.owners.resize(args.len(), self.at);
        self.at = at;
        let builder = &mut self.builders[at];
        (builder.component, builder.args) = (component, args);
        builder
    }

    /// Declares the types of all interfaces.
    fn declare(&mut self, outer_type: &dyn Fn(u32) -> u32) -> Result<(), Error> {
        self.builders[0].add_trampolines();
        let trampolines = self.builders[0].trampolines.clone();
        let mut shared = HashMap::new();
        for at in 0..self.builders.len() {
            let builder = self.builder(at);
            builder.trampolines = trampolines.clone();
            builder.shared = shared;
            builder.add_declarations(outer_type)?;
            shared = builder.own_resources();
        }
        Ok(())
    }

    /// Instantiates the network's code.
    fn add_code(&mut self, beside: &Beside) -> Result<u32, Error> {
        let Some(part) = &self.builders[self.at].stand_ins.part else {
            return Err(self.builders[self.at].mismatch("the code", "there is none"));
        };
        let told = beside.tells().then(|| {
            let component = &mut self.builders[self.at].component;
            Told::import(component, true, beside.exit.is_some())
        });
        let mut given = Vec::new();
        for import in &part.imports {
            given.push(match &told {
                Some(told) if import.module == told::HOST => self.told_import(told, import)?,
                _ => self.core_import(import)?,
            });
        }
        Ok(self.builders[self.at].instantiate_code(part, &given))
    }

    /// The core function behind one that tells of a script, or ends the program.
    fn told_import(&mut self, told: &Told, import: &Import) -> Result<u32, Error> {
        let builder = &mut self.builders[self.at];
        let options = builder.options();
        let function = told.lower(&mut builder.component, import, &options);
        function.ok_or_else(|| builder.mismatch("the code", "it tells in a way of its own"))
    }

    /// The core function behind an import of the code, from the interface that has what it is about.
    fn core_import(&mut self, import: &Import) -> Result<u32, Error> {
        if import.module.contains(':') {
            return self.host_import(import);
        }
        let subject = import.name.split_once(']').map(|(_, subject)| subject);
        match subject.filter(|it| !it.is_empty()) {
            None | Some("wake") => self.builders[self.at].core_import(import),
            Some(DRIVE | ENDED) => Ok(self.builders[self.at].component.task_return(None, [])),
            Some(subject) => {
                // What is added is the host's.
                let is_around = import.module == "around";
                let has = |it: &StubBuilder<'_, '_>| {
                    it.declares(subject) && (is_around || !it.import.declarations.is_added(subject))
                };
                match self.builders.iter().position(has) {
                    Some(at) => self.builder(at).core_import(import),
                    None => Ok(self.never(&import.signature)),
                }
            }
        }
    }

    /// The core function behind a function of the host's that the code calls, or what drops a resource of
    /// the host's. What the guest does not import, it has no way to need.
    fn host_import(&mut self, import: &Import) -> Result<u32, Error> {
        if import.module == SocketInterface::MonotonicClock3.key() {
            return Ok(self.timer_import(import));
        }
        let name = host_function(&import.name);
        let name = name.strip_prefix("[resource-drop]").unwrap_or(name);
        let has = |it: &StubBuilder<'_, '_>| {
            it.import.interface.key() == import.module && it.declares(name)
        };
        match self.builders.iter().position(has) {
            Some(at) => self.builder(at).core_import(import),
            None => Ok(self.never(&import.signature)),
        }
    }

    /// The core function behind one of the clock that the network goes by, if it does.
    fn timer_import(&mut self, import: &Import) -> u32 {
        let builder = &mut self.builders[self.at];
        let Some(beside) = builder.plan.network.as_ref() else {
            return self.never(&import.signature);
        };
        match (host_function(&import.name), &builder.plan.timer) {
            (WAIT_FOR, Some(timer)) => builder.import_wait_for(timer),
            (NOW, Some(_)) if beside.host_clock => builder.import_now(),
            _ => self.never(&import.signature),
        }
    }

    /// What stands for a built-in of a function that the guest does not import.
    fn never(&mut self, signature: &Signature) -> u32 {
        never(&mut self.builders[self.at].component, signature)
    }

    /// Lifts and exports the functions of all interfaces, and what drives the network.
    fn export(&mut self, code: u32, beside: &Beside) -> Result<(), Error> {
        for at in 0..self.builders.len() {
            let builder = self.builder(at);
            for (name, function, _) in builder.lift_all(code)? {
                let name = builder.labels.label(name);
                let kind = ComponentExportKind::Func;
                builder.component.export(&name, kind, function, None);
            }
        }
        let builder = &mut self.builders[self.at];
        builder.export_task(code, DRIVE)?;
        if beside.plays.is_some() {
            builder.export_task(code, ENDED)?;
        }
        beside
            .reports()
            .try_for_each(|name| builder.export_report(code, name))?;
        match beside.shared {
            Some(_) => builder.export_hub(code),
            None => Ok(()),
        }
    }
}

impl<'p> StubBuilder<'p, '_> {
    /// The resources that are defined in the component so far, by name.
    fn own_resources(&self) -> HashMap<&'p str, u32> {
        let own = self.locals.iter().filter_map(|local| match local.source {
            Source::Export(name, None) => Some((name, local.index)),
            _ => None,
        });
        self.shared
            .iter()
            .map(|(name, at)| (*name, *at))
            .chain(own)
            .collect()
    }

    /// Whether the interface has a function, or a resource, of this name.
    fn declares(&self, name: &str) -> bool {
        let mut functions = self.functions.iter();
        functions.any(|(it, _)| *it == name) || self.exported_local(name).is_ok()
    }

    /// The type of what drives the network, and of what waits for the end.
    fn task_type(&mut self) -> u32 {
        let (ty, mut encoder) = self.component.type_function(None);
        let none: [(&str, Val); 0] = [];
        encoder.async_(true).params(none).result(None);
        ty
    }

    fn export_task(&mut self, code: u32, name: &str) -> Result<(), Error> {
        let positions = [name, &callback(name)].map(|name| self.stand_ins.position(name));
        let [Some(function), Some(callback)] = positions else {
            return Err(self.mismatch("the code", "nothing drives it"));
        };
        let ty = self.task_type();
        let function = self.core_export(code, function);
        let callback = CanonicalOption::Callback(self.core_export(code, callback));
        let mut options = self.options();
        options.extend([CanonicalOption::Async, callback]);
        let lifted = self.component.lift_func(None, function, ty, options);
        self.component
            .export(name, ComponentExportKind::Func, lifted, None);
        Ok(())
    }

    /// Exports a function of the script's report.
    fn export_report(&mut self, code: u32, name: &str) -> Result<(), Error> {
        let Some(position) = self.stand_ins.position(name) else {
            return Err(self.mismatch("the code", "it has no report"));
        };
        let function = self.core_export(code, position);
        let ty = report_type(&mut self.component, name);
        let options = self.options();
        let lifted = self.component.lift_func(None, function, ty, options);
        self.component
            .export(name, ComponentExportKind::Func, lifted, None);
        Ok(())
    }

    /// Exports the functions that sockets of 0.2 in the guest call.
    fn export_hub(&mut self, code: u32) -> Result<(), Error> {
        let mut functions = Vec::new();
        for name in hub::FUNCTIONS {
            let Some(position) = self.stand_ins.position(name) else {
                return Err(self.mismatch("the code", "nobody can share it"));
            };
            functions.push(self.core_export(code, position));
        }
        let options = self.options();
        hub::export(&mut self.component, &options, &functions);
        Ok(())
    }

    /// Imports what waits for time to pass on the host's clock, lowered.
    fn import_wait_for(&mut self, timer: &Timer) -> u32 {
        let (ty, mut encoder) = self.component.type_function(None);
        let duration = (timer.param.as_str(), Val::Primitive(PrimitiveValType::U64));
        encoder.async_(true).params([duration]).result(None);
        let function = self.import_arg(Arg::Timer(WAIT_FOR), Ref::Func(ty));
        let options = [CanonicalOption::Async];
        self.component.lower_func(None, function, options)
    }

    /// Imports what says what time it is on the host's clock, lowered.
    fn import_now(&mut self) -> u32 {
        let (ty, mut encoder) = self.component.type_function(None);
        let none: [(&str, Val); 0] = [];
        let result = Val::Primitive(PrimitiveValType::U64);
        encoder.params(none).result(Some(result));
        let function = self.import_arg(Arg::Timer(NOW), Ref::Func(ty));
        self.component.lower_func(None, function, [])
    }

    /// Imports what drives the network, lowered.
    pub(super) fn import_drive(&mut self) -> u32 {
        let ty = self.task_type();
        let arg = Arg::HostFunc(DRIVE.to_owned());
        let function = self.import_arg(arg, Ref::Func(ty));
        let options = [CanonicalOption::Async];
        self.component.lower_func(None, function, options)
    }

    /// The network's function at a place among those of the interface.
    pub(super) fn served(&mut self, place: u32) -> Result<u32, Error> {
        match self.functions.get(place as usize) {
            Some((name, _)) => self.host_func(name),
            None => Err(self.mismatch("a function", "it is not declared")),
        }
    }

    /// The code of a function that starts the network's task, and then is the network's.
    pub(super) fn starting(
        &self,
        name: &str,
        function: &ComponentFuncType,
    ) -> Result<Body<Callee>, Error> {
        let place = self.functions.iter().position(|(it, _)| *it == name);
        let signature = signature(&[ValType::I32], &[ValType::I32]);
        let (Some(place), true) = (place, self.abi.signature(function) == signature) else {
            return Err(self.mismatch(&format!("`{name}`"), "its parameters are others"));
        };
        let mut body = Body::new(signature);
        body.plain([
            I::I32Const(STARTED as i32),
            I::I32Load(WORD),
            I::I32Eqz,
            I::If(BlockType::Empty),
            I::I32Const(STARTED as i32),
            I::I32Const(1),
            I::I32Store(WORD),
        ]);
        body.call(Callee::Intrinsic(Intrinsic::Drive));
        // The task goes on, and nobody asks how it ends.
        body.plain([I::Drop, I::End, I::LocalGet(0), I::I32Const(RESULT as i32)]);
        body.call(Callee::Intrinsic(Intrinsic::Served(place as u32)));
        body.plain([I::I32Const(RESULT as i32)]);
        Ok(body)
    }
}
