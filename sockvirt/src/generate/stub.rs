//! The component for one import: its types, what it imports, and its functions.

use super::compiled::Trampolines;
use super::core::{Body, Code};
use super::link::{self, Callee, Intrinsic};
use super::network::Labels;
use super::store::{self, Contents};
use super::values::Naming;
use super::{Arg, OPEN, helpers};
use crate::error::Error;
use crate::generate::abi::Abi;
use crate::plan::{Made, Plan, Route, SocketImport, exported_resource};
use crate::root::{Reindex, Space};
use crate::stand_in::StandIns;
use std::collections::HashMap;
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    Alias, CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind,
    ComponentTypeRef as Ref, ComponentValType as Val, ExportKind, ModuleArg, PrimitiveValType,
    TypeBounds, ValType,
};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentDefinedTypeId, ResourceId};
use wasmparser::{
    ComponentAlias, ComponentDefinedType as RawDefined, ComponentFuncType as RawFunc,
    ComponentType, ComponentTypeRef, InstanceTypeDeclaration, TypeBounds as RawBounds,
};

/// A type that the guest declares in the import's type, and what became of it.
#[derive(Clone)]
pub(super) struct Local<'r> {
    /// Its index in the generated component.
    pub(super) index: u32,
    /// Its index on the side of the component's imports, once that is known.
    pub(super) around: Option<u32>,
    pub(super) source: Source<'r>,
    pub(super) definition: Definition<'r>,
    /// The resource type that it is, where it is one.
    pub(super) resource: Option<ResourceId>,
}

/// What declares a type.
#[derive(Clone, Copy)]
pub(super) enum Source<'r> {
    /// The guest's outermost scope, under the first index; under the second in the component around.
    Outer(u32, u32),
    Type(&'r ComponentType<'r>),
    /// An export of this name, of another type if it is no new resource.
    Export(&'r str, Option<u32>),
}

#[derive(Clone, Copy)]
pub(super) enum Definition<'r> {
    Func(&'r RawFunc<'r>),
    Defined(&'r RawDefined<'r>),
    /// A resource, or something of the scope around.
    Opaque,
}

/// Core indices of an instantiated store.
#[derive(Clone, Copy)]
struct Store {
    instance: u32,
    memory: u32,
    realloc: Option<u32>,
    free: Option<u32>,
}

/// A resource type that the interface defines and that is made.
#[derive(Clone, Copy)]
pub(super) struct Own<'r> {
    pub(super) name: &'r str,
    pub(super) id: ResourceId,
    pub(super) made: Made,
}

pub(super) struct StubBuilder<'p, 'r> {
    pub(super) plan: &'p Plan<'r>,
    pub(super) import: &'p SocketImport<'r>,
    /// Who serves the import, and the code for it.
    pub(super) route: Route,
    pub(super) stand_ins: &'p StandIns,
    /// What exports are called.
    pub(super) labels: Labels,
    /// The resources of an interface that was said before in another version, which are those of this one.
    pub(super) shared: HashMap<&'p str, u32>,
    /// Whether nothing of the scope around is there yet.
    pub(super) is_first: bool,
    pub(super) abi: Abi<'p>,
    pub(super) own: Vec<Own<'p>>,
    pub(super) component: ComponentBuilder,
    pub(super) args: Vec<(String, Arg)>,
    /// For each type index of the import's type.
    pub(super) locals: Vec<Local<'p>>,
    /// The functions that are declared: the name, and the local type.
    pub(super) functions: Vec<(&'p str, u32)>,
    /// The host's functions that are imported.
    pub(super) host_funcs: HashMap<&'p str, u32>,
    /// Value types that were said again.
    pub(super) said: HashMap<(ComponentDefinedTypeId, Naming), u32>,
    pub(super) trampolines: Option<Trampolines>,
    store: Option<Store>,
    /// The resource type of the pollables that `subscribe` gives.
    pub(super) pollable: Option<ResourceId>,
    /// The type of streams of nothing, once it is there.
    wake: Option<u32>,
}

impl<'p, 'r> StubBuilder<'p, 'r> {
    pub(super) fn new(plan: &'p Plan<'r>, import: &'p SocketImport<'r>) -> Self {
        let own =
            import
                .declarations
                .of_guest()
                .iter()
                .filter_map(|declaration| match declaration {
                    InstanceTypeDeclaration::Export {
                        name,
                        ty: ComponentTypeRef::Type(RawBounds::SubResource),
                    } => {
                        let id = exported_resource(import.instance, name.name)?;
                        let made = *plan.resources.get(&id)?;
                        (!matches!(made, Made::Never | Made::Host)).then_some(Own {
                            name: name.name,
                            id,
                            made,
                        })
                    }
                    _ => None,
                });
        StubBuilder {
            plan,
            import,
            route: match import.route {
                // The network decides, and not what is before it.
                Route::Mixed => Route::Network,
                route => route,
            },
            stand_ins: &import.stand_ins,
            labels: Labels::default(),
            shared: HashMap::new(),
            is_first: false,
            abi: Abi(plan.root.types()),
            own: own.collect(),
            component: ComponentBuilder::default(),
            args: Vec::new(),
            locals: Vec::new(),
            functions: Vec::new(),
            host_funcs: HashMap::new(),
            said: HashMap::new(),
            trampolines: None,
            store: None,
            pollable: None,
            wake: None,
        }
    }

    pub(super) fn mismatch(&self, item: &str, reason: impl Into<String>) -> Error {
        Error::UnexpectedType {
            interface: Box::new(self.import.name.clone()),
            item: item.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn local(&self, index: u32) -> Result<&Local<'p>, Error> {
        self.locals
            .get(index as usize)
            .ok_or_else(|| self.mismatch("a type", "it is not declared"))
    }

    /// The index in the generated component of a resource type.
    pub(super) fn resource_index(&self, id: ResourceId) -> Result<u32, Error> {
        // The last: where the interface exports the type, that is the name that it goes by.
        let local = self.locals.iter().rfind(|local| local.resource == Some(id));
        match local {
            Some(local) => Ok(local.index),
            None => Err(self.mismatch("a resource", "it is not declared")),
        }
    }

    pub(super) fn add_store(&mut self, contents: Contents) {
        let module = self
            .component
            .core_module_raw(None, &store::module(contents));
        let instance = self.component.core_instantiate(None, module, []);
        let mut alias =
            |name: &str, kind| self.component.core_alias_export(None, instance, name, kind);
        self.store = Some(Store {
            instance,
            memory: alias("m", ExportKind::Memory),
            realloc: contents.heap.then(|| alias("realloc", ExportKind::Func)),
            free: contents.sockets.then(|| alias("free", ExportKind::Func)),
        });
    }

    /// Copies the guest's declarations, one after the other. Functions are left for later: their
    /// code needs all the types.
    pub(super) fn add_declarations(
        &mut self,
        outer_type: impl Fn(u32) -> u32,
    ) -> Result<(), Error> {
        let import = self.import;
        for declaration in import.declarations.all() {
            match declaration {
                InstanceTypeDeclaration::Type(ty) => self.add_type(ty)?,
                InstanceTypeDeclaration::Alias(ComponentAlias::Outer {
                    count: 1, index, ..
                }) => {
                    self.add_outer(*index, outer_type(*index))?;
                }
                InstanceTypeDeclaration::Export { name, ty } => match *ty {
                    ComponentTypeRef::Func(ty) => self.functions.push((name.name, ty)),
                    ComponentTypeRef::Type(bounds) => self.add_exported_type(name.name, bounds)?,
                    _ => {
                        return Err(self.mismatch(
                            &format!("`{}`", name.name),
                            "it is no type and no function",
                        ));
                    }
                },
                _ => return Err(self.mismatch("the type", "it declares what WIT cannot say")),
            }
        }
        Ok(())
    }

    fn add_type(&mut self, ty: &'p ComponentType<'p>) -> Result<(), Error> {
        let definition = match ty {
            ComponentType::Func(ty) => Definition::Func(ty),
            ComponentType::Defined(ty) => Definition::Defined(ty),
            _ => return Err(self.mismatch("a type", "it is no type of values or functions")),
        };
        let locals = &self.locals;
        let mut reindex = Reindex::new(|space, index| match (space, locals.get(index as usize)) {
            (Space::Type, Some(local)) => local.index,
            _ => index,
        });
        let (index, encoder) = self.component.ty(None);
        if reindex.parse_component_type(encoder, ty.clone()).is_err() {
            return Err(self.mismatch("a type", "it cannot be encoded"));
        }
        self.locals.push(Local {
            index,
            around: None,
            source: Source::Type(ty),
            definition,
            resource: None,
        });
        Ok(())
    }

    /// A type of the guest's outermost scope. Resources, which no component can take from around
    /// it, are imported; values are taken, or said again where that does not do.
    fn add_outer(&mut self, guest_index: u32, outer_index: u32) -> Result<(), Error> {
        let (index, resource) = match self.plan.root.types().component_any_type_at(guest_index) {
            ComponentAnyTypeId::Resource(resource) => {
                let ty = Ref::Type(TypeBounds::SubResource);
                let index = self.import_arg(Arg::Type(outer_index), ty);
                (index, Some(resource.resource()))
            }
            ComponentAnyTypeId::Defined(id) if self.is_first || self.has_names_inside(id) => {
                (self.say_again(id, Naming::Export)?, None)
            }
            _ => {
                let alias = Alias::Outer {
                    kind: ComponentOuterAliasKind::Type,
                    count: 1,
                    index: outer_index,
                };
                (self.component.alias(None, alias), None)
            }
        };
        self.locals.push(Local {
            index,
            around: None,
            source: Source::Outer(guest_index, outer_index),
            definition: Definition::Opaque,
            resource,
        });
        Ok(())
    }

    fn add_exported_type(&mut self, name: &'p str, bounds: RawBounds) -> Result<(), Error> {
        let mut local = match bounds {
            RawBounds::Eq(index) => Local {
                source: Source::Export(name, Some(index)),
                around: None,
                ..self.local(index)?.clone()
            },
            RawBounds::SubResource => self.add_resource(name),
        };
        if !self.import.declarations.is_added(name) {
            let name = self.labels.label(name);
            local.index =
                self.component
                    .export(&name, ComponentExportKind::Type, local.index, None);
        }
        self.locals.push(local);
        Ok(())
    }

    fn add_resource(&mut self, name: &'p str) -> Local<'p> {
        let resource = exported_resource(self.import.instance, name);
        let source = Source::Export(name, None);
        let made = resource.and_then(|id| self.plan.resources.get(&id));
        let is_wrapped = self.destructor(name).is_some();
        let is_host = made == Some(&Made::Host) && self.route != Route::Inside && !is_wrapped;
        // What the host makes, and what is made around it, comes in from around.
        let is_from_around = is_host || is_wrapped && self.route == Route::Checked;
        let around = is_from_around.then(|| {
            let arg = Arg::HostType(name.to_owned());
            self.import_arg(arg, Ref::Type(TypeBounds::SubResource))
        });
        let index = match around {
            Some(around) if is_host => around,
            _ if let Some(shared) = self.shared.get(name) => *shared,
            _ => {
                let destructor = self.destructor(name).or_else(|| self.free(name));
                self.component.type_resource(None, ValType::I32, destructor)
            }
        };
        Local {
            index,
            around,
            source,
            definition: Definition::Opaque,
            resource,
        }
    }

    /// What frees a socket of the store.
    fn free(&self, resource: &str) -> Option<u32> {
        let own = self.own.iter().find(|own| own.name == resource)?;
        let is_socket = matches!(own.made, Made::Socket(_));
        self.store?.free.filter(|_| is_socket)
    }

    /// Writes the code of all functions, and exports them.
    pub(super) fn add_functions(&mut self) -> Result<(), Error> {
        let mut bodies = Vec::new();
        let mut lifts = Vec::new();
        let mut exports = Vec::new();
        self.import_host_funcs()?;
        for (name, ty) in self.functions.clone() {
            if self.import.declarations.is_added(name) || self.is_compiled(name) {
                continue;
            }
            if self.is_forwarded(name)? {
                exports.push((name, self.host_func(name)?, Some(self.local(ty)?.index)));
                continue;
            }
            let body = self.body(name, ty)?;
            lifts.push((name, self.local(ty)?.index, is_task(&body)));
            bodies.push(body);
        }
        let opens = self.import.interface.opens_for_others();
        for own in self.own.clone().into_iter().filter(|_| opens) {
            if own.made == Made::Wrapped {
                continue;
            }
            let resource = self.resource_index(own.id)?;
            bodies.push(helpers::open(own.made, resource));
            lifts.push((OPEN, self.open_type(own.made, resource), false));
        }
        if !bodies.is_empty() {
            if lifts.iter().any(|(_, _, is_task)| *is_task) {
                bodies.push(helpers::called_back());
            }
            let functions = self.instantiate(bodies)?;
            let callback = functions.last().copied().map(CanonicalOption::Callback);
            for ((name, ty, is_task), function) in lifts.into_iter().zip(&functions) {
                let mut options = self.lift_options();
                if is_task {
                    options.push(CanonicalOption::Async);
                    options.extend(callback);
                }
                let lifted = self.component.lift_func(None, *function, ty, options);
                exports.push((name, lifted, None));
            }
        }
        exports.extend(self.add_compiled()?);
        // Kind by kind: each change of kind begins a new section.
        for (name, function, ty) in exports {
            let ty = ty.map(Ref::Func);
            self.component
                .export(name, ComponentExportKind::Func, function, ty);
        }
        Ok(())
    }

    fn lift_options(&self) -> Vec<CanonicalOption> {
        let memory = self
            .store
            .map(|store| CanonicalOption::Memory(store.memory));
        let realloc = self.store.and_then(|store| store.realloc);
        memory
            .into_iter()
            .chain(realloc.map(CanonicalOption::Realloc))
            .collect()
    }

    /// Instantiates the code with what it calls, and gives the core function for each body.
    fn instantiate(&mut self, bodies: Vec<Body<Callee>>) -> Result<Vec<u32>, Error> {
        let code = link::module(bodies, self.store.is_some());
        let mut intrinsics = Vec::new();
        for intrinsic in code.intrinsics {
            let index = self.add_intrinsic(intrinsic)?;
            intrinsics.push((intrinsics.len().to_string(), index));
        }
        let mut args = Vec::new();
        args.extend(
            self.store
                .map(|store| (link::STORE, ModuleArg::Instance(store.instance))),
        );
        if !intrinsics.is_empty() {
            let exports: Vec<_> = intrinsics
                .iter()
                .map(|(name, index)| (name.as_str(), ExportKind::Func, *index))
                .collect();
            let instance = self.component.core_instantiate_exports(None, exports);
            args.push((link::INTRINSICS, ModuleArg::Instance(instance)));
        }
        let module = self.component.core_module_raw(None, &code.module);
        let instance = self.component.core_instantiate(None, module, args);
        let distinct = code.numbers.iter().max().map_or(0, |most| most + 1);
        let functions: Vec<_> = (0..distinct)
            .map(|number| {
                let name = number.to_string();
                self.component
                    .core_alias_export(None, instance, &name, ExportKind::Func)
            })
            .collect();
        Ok(code
            .numbers
            .into_iter()
            .map(|number| functions[number as usize])
            .collect())
    }

    /// The type of streams of nothing, by which async functions wait for what has happened already.
    pub(super) fn wake(&mut self) -> u32 {
        let component = &mut self.component;
        *self.wake.get_or_insert_with(|| {
            let (stream, encoder) = component.type_defined(None);
            encoder.stream(None);
            stream
        })
    }

    fn add_intrinsic(&mut self, intrinsic: Intrinsic) -> Result<u32, Error> {
        let memory = self
            .store
            .map(|store| CanonicalOption::Memory(store.memory));
        let component = &mut self.component;
        Ok(match intrinsic {
            Intrinsic::ResourceNew(ty) => component.resource_new(ty),
            Intrinsic::ResourceDrop(ty) => component.resource_drop(ty),
            Intrinsic::StreamNew(ty) => component.stream_new(ty),
            Intrinsic::StreamDropReadable(ty) => component.stream_drop_readable(ty),
            Intrinsic::StreamDropWritable(ty) => component.stream_drop_writable(ty),
            Intrinsic::FutureNew(ty) => component.future_new(ty),
            Intrinsic::FutureWrite(ty) => {
                let options = memory.into_iter().chain([CanonicalOption::Async]);
                component.future_write(ty, options.collect::<Vec<_>>())
            }
            Intrinsic::FutureDropWritable(ty) => component.future_drop_writable(ty),
            Intrinsic::WaitableSetNew => component.waitable_set_new(),
            Intrinsic::WaitableSetPoll => {
                let memory = self.store.map(|store| store.memory).unwrap_or_default();
                component.waitable_set_poll(false, memory)
            }
            Intrinsic::WaitableJoin => component.waitable_join(),
            Intrinsic::OpenNetwork | Intrinsic::OpenSocket => {
                let function = self.import_open()?;
                self.component.lower_func(None, function, memory)
            }
            Intrinsic::Subscribe => {
                let function = self.import_clock()?;
                self.component.lower_func(None, function, [])
            }
            Intrinsic::Drive => self.import_drive(),
            Intrinsic::TaskReturn(ty, _) => component.task_return(Some(Val::Type(ty)), memory),
            Intrinsic::StreamRead(ty) => component.stream_read(ty, [CanonicalOption::Async]),
            Intrinsic::StreamWrite(ty) => component.stream_write(ty, [CanonicalOption::Async]),
            Intrinsic::Served(function) => {
                let function = self.served(function)?;
                let realloc = self.store.and_then(|store| store.realloc);
                let options = memory
                    .into_iter()
                    .chain(realloc.map(CanonicalOption::Realloc));
                let options: Vec<_> = options.collect();
                self.component.lower_func(None, function, options)
            }
        })
    }

    /// Imports the function that makes what this interface gives out.
    fn import_open(&mut self) -> Result<u32, Error> {
        let foreign = self.locals.iter().find_map(|local| {
            let id = local.resource?;
            let made = *self.plan.resources.get(&id)?;
            (made != Made::Never && self.creates(made)).then_some((id, made, local.index))
        });
        let Some((id, made, index)) = foreign else {
            return Err(self.mismatch("the type", "what it makes is not of `wasi:sockets`"));
        };
        let ty = self.open_type(made, index);
        Ok(self.import_arg(Arg::Open(id), Ref::Func(ty)))
    }

    /// Whether the interface is the one that gives out what is made like this.
    fn creates(&self, made: Made) -> bool {
        let is_network = made == Made::Network;
        is_network == self.import.interface.gives_networks()
    }

    /// The type of the function that makes a resource: `() -> own<network>`, or
    /// `(family: u32) -> result<own<socket>>`.
    fn open_type(&mut self, made: Made, resource: u32) -> u32 {
        let (own, encoder) = self.component.type_defined(None);
        encoder.own(resource);
        if made == Made::Network {
            let (ty, mut encoder) = self.component.type_function(None);
            encoder
                .params([] as [(&str, Val); 0])
                .result(Some(Val::Type(own)));
            return ty;
        }
        let (result, encoder) = self.component.type_defined(None);
        encoder.result(Some(Val::Type(own)), None);
        let (ty, mut encoder) = self.component.type_function(None);
        let family = Val::Primitive(PrimitiveValType::U32);
        encoder
            .params([("family", family)])
            .result(Some(Val::Type(result)));
        ty
    }

    /// Imports the function of a clock that gives pollables.
    pub(super) fn import_clock(&mut self) -> Result<u32, Error> {
        let no_pollable = || Error::NoPollable {
            interface: Box::new(self.import.name.clone()),
        };
        let pollable = self.pollable.ok_or_else(no_pollable)?;
        let clock = self.plan.clocks.get(&pollable).ok_or_else(no_pollable)?;
        // The first: what an import is made of must be imported itself.
        let resource = self
            .locals
            .iter()
            .find(|local| local.resource == Some(pollable));
        let resource = resource.ok_or_else(no_pollable)?.index;
        let (own, encoder) = self.component.type_defined(None);
        encoder.own(resource);
        let (ty, mut encoder) = self.component.type_function(None);
        let moment = Val::Primitive(PrimitiveValType::U64);
        encoder
            .params([(clock.param.as_str(), moment)])
            .result(Some(Val::Type(own)));
        Ok(self.import_arg(Arg::Clock(clock.clone()), Ref::Func(ty)))
    }
}

/// Whether a function gives its result before it ends.
fn is_task(body: &Body<Callee>) -> bool {
    body.code.iter().any(|code| {
        let callee = match code {
            Code::Call(Callee::Intrinsic(intrinsic)) => Some(intrinsic),
            _ => None,
        };
        matches!(callee, Some(Intrinsic::TaskReturn(..)))
    })
}
