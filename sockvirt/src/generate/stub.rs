//! The component for one import: its types, what it imports, and its functions.

use super::core::Body;
use super::link::{self, Callee, Intrinsic};
use super::store::{self, Contents};
use super::{Arg, OPEN, helpers};
use crate::error::Error;
use crate::generate::abi::Abi;
use crate::plan::{Made, Plan, SocketImport, exported_resource};
use crate::root::{Reindex, Space};
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    Alias, CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind,
    ComponentTypeRef as Ref, ComponentValType as Val, ExportKind, ModuleArg, PrimitiveValType,
    TypeBounds, ValType,
};
use wasmparser::component_types::{ComponentAnyTypeId, ResourceId};
use wasmparser::{
    ComponentAlias, ComponentDefinedType as RawDefined, ComponentFuncType as RawFunc,
    ComponentType, ComponentTypeRef, InstanceTypeDeclaration, TypeBounds as RawBounds,
};

/// A type that the guest declares in the import's type, and what became of it.
#[derive(Clone)]
pub(super) struct Local<'r> {
    /// Its index in the generated component.
    pub(super) index: u32,
    pub(super) definition: Definition<'r>,
    /// The resource type that it is, where it is one.
    pub(super) resource: Option<ResourceId>,
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
    pub(super) abi: Abi<'p>,
    pub(super) own: Vec<Own<'r>>,
    pub(super) component: ComponentBuilder,
    pub(super) args: Vec<(String, Arg)>,
    /// For each type index of the import's type.
    locals: Vec<Local<'r>>,
    /// The functions that are exported: the name, and the local type.
    functions: Vec<(&'r str, u32)>,
    store: Option<Store>,
    /// The resource type of the pollables that `subscribe` gives.
    pub(super) pollable: Option<ResourceId>,
}

impl<'p, 'r> StubBuilder<'p, 'r> {
    pub(super) fn new(plan: &'p Plan<'r>, import: &'p SocketImport<'r>) -> Self {
        let own = import
            .declarations
            .iter()
            .filter_map(|declaration| match declaration {
                InstanceTypeDeclaration::Export {
                    name,
                    ty: ComponentTypeRef::Type(RawBounds::SubResource),
                } => {
                    let id = exported_resource(import.instance, name.name)?;
                    let made = *plan.resources.get(&id)?;
                    (made != Made::Never).then_some(Own {
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
            abi: Abi(plan.root.types()),
            own: own.collect(),
            component: ComponentBuilder::default(),
            args: Vec::new(),
            locals: Vec::new(),
            functions: Vec::new(),
            store: None,
            pollable: None,
        }
    }

    pub(super) fn mismatch(&self, item: &str, reason: impl Into<String>) -> Error {
        Error::UnexpectedType {
            interface: Box::new(self.import.name.clone()),
            item: item.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn local(&self, index: u32) -> Result<&Local<'r>, Error> {
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
        for declaration in self.import.declarations {
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

    fn add_type(&mut self, ty: &'r ComponentType<'r>) -> Result<(), Error> {
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
                let name = format!("resource{}", self.args.len());
                self.args.push((name.clone(), Arg::Type(outer_index)));
                let index = self
                    .component
                    .import(&name, Ref::Type(TypeBounds::SubResource));
                (index, Some(resource.resource()))
            }
            ComponentAnyTypeId::Defined(id) if self.has_names_inside(id) => {
                (self.say_again(id)?, None)
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
            definition: Definition::Opaque,
            resource,
        });
        Ok(())
    }

    fn add_exported_type(&mut self, name: &'r str, bounds: RawBounds) -> Result<(), Error> {
        let mut local = match bounds {
            RawBounds::Eq(index) => self.local(index)?.clone(),
            RawBounds::SubResource => self.add_resource(name),
        };
        local.index = self
            .component
            .export(name, ComponentExportKind::Type, local.index, None);
        self.locals.push(local);
        Ok(())
    }

    fn add_resource(&mut self, name: &str) -> Local<'r> {
        let own = self.own.iter().find(|own| own.name == name);
        let is_socket = own.is_some_and(|own| matches!(own.made, Made::Socket(_)));
        let free = self
            .store
            .and_then(|store| store.free)
            .filter(|_| is_socket);
        Local {
            index: self.component.type_resource(None, ValType::I32, free),
            definition: Definition::Opaque,
            resource: exported_resource(self.import.instance, name),
        }
    }

    /// Writes the code of all functions, and exports them.
    pub(super) fn add_functions(&mut self) -> Result<(), Error> {
        let mut bodies = Vec::new();
        let mut lifts = Vec::new();
        for (name, ty) in std::mem::take(&mut self.functions) {
            bodies.push(self.body(name, ty)?);
            lifts.push((name, self.local(ty)?.index));
        }
        let opens = self.import.interface.opens_for_others();
        for own in self.own.clone().into_iter().filter(|_| opens) {
            let resource = self.resource_index(own.id)?;
            bodies.push(helpers::open(own.made, resource));
            lifts.push((OPEN, self.open_type(own.made, resource)));
        }
        if bodies.is_empty() {
            return Ok(());
        }
        let functions = self.instantiate(bodies)?;
        // Kind by kind: each change of kind begins a new section.
        let options = self.lift_options();
        let mut lifted = Vec::new();
        for ((_, ty), function) in lifts.iter().zip(functions) {
            lifted.push(
                self.component
                    .lift_func(None, function, *ty, options.clone()),
            );
        }
        for ((name, _), function) in lifts.into_iter().zip(lifted) {
            self.component
                .export(name, ComponentExportKind::Func, function, None);
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
        self.args.push((OPEN.to_owned(), Arg::Open(id)));
        Ok(self.component.import(OPEN, Ref::Func(ty)))
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
    fn import_clock(&mut self) -> Result<u32, Error> {
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
        self.args
            .push((clock.function.to_owned(), Arg::Clock(clock.clone())));
        Ok(self.component.import(clock.function, Ref::Func(ty)))
    }
}
