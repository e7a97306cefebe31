//! Puts the network into a component of WASI 0.2.
//!
//! Where the guest lowers a function of `wasi:io` or `wasi:sockets`, or drops one of their handles,
//! a function of *glue* takes the place of the lowered one. It looks at the handle: those that the
//! network gave have a bit that no handle of the host's has. With it the call goes to the network,
//! a core module with a memory of its own; without it, to the host as before. Nothing else of the
//! guest is touched, so whatever has nothing to do with sockets costs what it did.
//!
//! The guest's core modules are copied as they are. Imports of `wasi:sockets` that nobody needs any
//! more are left out.

#[path = "../../../virt-adapter/binding.rs"]
pub(crate) mod binding;
mod config;
mod escape;
mod glue;
mod hooks;
mod hosted;
mod left_out;
mod nested;
mod network;
mod renumber;
mod survey;
mod table;
mod writer;

use crate::error::Error;
use crate::generate::abi::Signature;
use crate::guard::guard;
use crate::name::InterfaceName;
use crate::read::{Bodies, read};
use crate::root::Root;
use binding::Slot;
use glue::{Callee, Function, GIVEN, GUEST, Glue, TABLE};
use hooks::{Hook, Hooked, NETWORK, Reach, Surface, unsupported};
use hosted::{Hosted, Wants};
use left_out::LeftOut;
use nested::Nested;
use network::{Given, Network};
use renumber::{LEFT_OUT, Maps};
use sockvirt_policy::Policy;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use survey::{Binding, Replaced, Survey, broken, outermost};
use wasm_encoder::reencode::{ReencodeComponent, component_utils};
use wasm_encoder::{CanonicalOption, ExportKind};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentInstance, ComponentType, ComponentTypeRef,
    Instance, Payload,
};
use writer::{Sort, Writer};

pub(crate) use escape::verify;

/// Whether something is the host's beside a network in memory.
pub(crate) fn leads_to_host(policy: &Policy) -> bool {
    Reach::of(policy).any()
}

/// A component with a network inside.
pub(crate) struct Fused {
    pub(crate) component: Vec<u8>,
    reach: Reach,
    /// The modules that may call the host's functions.
    glue: Vec<Vec<u8>>,
    /// For imports, functions that they must have for the network.
    wants: Vec<(String, BTreeSet<&'static str>)>,
    /// The component inside that the network is in, if it is not this one.
    inner: Option<Box<Fused>>,
}

/// Puts a network into the component, or into the one inside of it that uses sockets, set up by the
/// policy. `evidence` goes into a custom section of this name, where nothing is put around the
/// component that has it.
pub(crate) fn fuse(
    root: &Root<'_>,
    policy: &Policy,
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    refuse_other_sockets(root)?;
    let reach = Reach::of(policy);
    let surface = Surface::of(root, reach);
    let survey = Survey::of(root, &surface)?;
    if let Some(nested) = nested::find(root, &survey)? {
        let inner = read(nested.bytes, Bodies::All).map_err(|e| {
            unsupported(
                "a component that is composed of several",
                &format!("the one that uses `wasi:sockets` does not stand alone: {e}"),
            )
        })?;
        let inner = fuse(&inner, policy, None)?;
        return fuse_around(root, nested, inner, evidence);
    }
    surface.refuse_exports()?;
    let hosted = Hosted::of(root, &survey, reach, policy.on_deadlock())?;
    let config = config::write(policy, reach, hosted.reports);
    fuse_as(root, &survey, &hosted, reach, &config, evidence)
}

/// Copies a component with another one for the one inside of it.
fn fuse_around(
    root: &Root<'_>,
    nested: Nested<'_>,
    inner: Fused,
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    let (survey, hosted) = (Survey::default(), Hosted::default());
    let wants = nested.of_root(root, &inner.wants);
    let mut fuser = Fuser::new(root, &survey, &hosted, &[], wants);
    if !inner.reach.any() {
        fuser.left_out = LeftOut::of(root, &fuser.surface, Some(&nested))?;
    }
    fuser.nested = Some((nested, &inner));
    let mut fused = fuser.finish(inner.reach, evidence)?;
    fused.inner = Some(Box::new(inner));
    Ok(fused)
}

/// Refuses sockets of another generation of WASI, which the network does not serve.
fn refuse_other_sockets(root: &Root<'_>) -> Result<(), Error> {
    for (_, import) in root.imports() {
        let name = InterfaceName::of(&import.name).filter(InterfaceName::is_sockets);
        if let Some(name) = name
            && hooks::key(&name).is_none()
        {
            return Err(unsupported(
                &format!("import `{name}`"),
                "a network in memory is only there for `wasi:sockets` 0.2",
            ));
        }
    }
    Ok(())
}

fn fuse_as(
    root: &Root<'_>,
    survey: &Survey,
    hosted: &Hosted,
    reach: Reach,
    config: &[u8],
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    let mut fuser = Fuser::new(root, survey, hosted, config, hosted.wants());
    if !reach.any() {
        fuser.left_out = LeftOut::of(root, &fuser.surface, None)?;
    }
    fuser.finish(reach, evidence)
}

/// A canonical function that was left out, and whose stand-in is not written yet.
struct Pending {
    /// Its index in the guest.
    index: u32,
    replaced: Replaced,
    original: CanonicalFunction,
}

/// Copies the outermost scope of the guest, with the functions replaced.
///
/// Stand-ins are written as late as can be, so that those that need the same memory share a module:
/// when somebody uses one. A bag of exports with one in it is put off as well.
struct Fuser<'a> {
    root: &'a Root<'a>,
    config: &'a [u8],
    surface: Surface<'a>,
    survey: &'a Survey,
    hosted: &'a Hosted,
    /// The lowered functions of the host's that the network calls, by version and slot.
    given_by_host: HashMap<(usize, Slot), u32>,
    left_out: LeftOut,
    writer: Writer,
    maps: Maps,
    /// The place among the root's items of what comes next.
    at: usize,
    /// The position of the next canonical function.
    canonical: usize,
    functions: Vec<Pending>,
    /// Bags of exports that are put off: their index in the guest, and what they are.
    bags: Vec<(u32, Instance<'a>)>,
    network: Option<Network>,
    /// The bindings that are in the table.
    bound: HashSet<Binding>,
    /// The modules that were given functions of the host's.
    glue: Vec<Vec<u8>>,
    /// Functions that imports must have for the network.
    wants: Wants,
    /// The component inside that gets the network, and what it is then.
    nested: Option<(Nested<'a>, &'a Fused)>,
}

type Failed = wasm_encoder::reencode::Error;

fn failed(e: Failed) -> Error {
    Error::Unsupported {
        item: "the input".to_owned(),
        reason: format!("it cannot be copied: {e}"),
    }
}

impl<'a> Fuser<'a> {
    fn new(
        root: &'a Root<'a>,
        survey: &'a Survey,
        hosted: &'a Hosted,
        config: &'a [u8],
        wants: Wants,
    ) -> Self {
        Fuser {
            root,
            config,
            left_out: LeftOut::default(),
            surface: Surface::of(root, Reach::default()),
            survey,
            hosted,
            given_by_host: HashMap::new(),
            writer: Writer::default(),
            maps: Maps::default(),
            at: 0,
            canonical: 0,
            functions: Vec::new(),
            bags: Vec::new(),
            network: None,
            bound: HashSet::new(),
            glue: Vec::new(),
            wants,
            nested: None,
        }
    }

    /// Copies the whole component.
    fn finish(mut self, reach: Reach, evidence: Option<(&str, &str)>) -> Result<Fused, Error> {
        guard("wasm-encoder", || {
            for payload in outermost(self.root.bytes) {
                self.add(payload?)?;
            }
            self.flush()
        })?;
        if let Some(interface) = self.left_out.first().filter(|_| self.maps.has_missed()) {
            return Err(Error::Entangled {
                item: "a part of it that is not replaced".to_owned(),
                interface: Box::new(interface.clone()),
            });
        }
        if let Some((section, evidence)) = evidence {
            self.writer.section(&wasm_encoder::CustomSection {
                name: section.into(),
                data: evidence.as_bytes().into(),
            });
        }
        let wants = self.wants.into_iter().filter_map(|(at, functions)| {
            let mut imports = self.root.imports();
            let import = imports.find(|(it, _)| *it == at);
            import.map(|(_, import)| (import.name.name.to_owned(), functions))
        });
        Ok(Fused {
            wants: wants.collect(),
            component: self.writer.finish(),
            reach,
            glue: self.glue,
            inner: None,
        })
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<(), Error> {
        match payload {
            Payload::ModuleSection {
                unchecked_range, ..
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                let index = self.writer.core_module(&self.root.bytes[range]);
                self.maps.push(Sort::CoreModule, index);
            }
            Payload::ComponentSection {
                parser,
                unchecked_range,
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                self.component(parser, &self.root.bytes[range])?;
            }
            Payload::CoreTypeSection(section) => {
                for ty in section {
                    self.core_type(ty.map_err(broken)?)?;
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    self.ty(ty.map_err(broken)?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.import(import.map_err(broken)?)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.export(export.map_err(broken)?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(alias.map_err(broken)?)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for canonical in section {
                    self.canonical(canonical.map_err(broken)?)?;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.core_instance(instance.map_err(broken)?)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let instance = self.with_network(instance.map_err(broken)?);
                    let mut renumber = self.maps.renumber();
                    renumber
                        .parse_component_instance(self.writer.instances(), instance)
                        .map_err(failed)?;
                    self.copied(Sort::Instance);
                    self.at += 1;
                }
            }
            // Names of items, by indices that are no longer theirs.
            Payload::CustomSection(section) if section.name() == "component-name" => {}
            Payload::CustomSection(section) => {
                self.writer.section(&wasm_encoder::CustomSection {
                    name: section.name().into(),
                    data: section.data().into(),
                });
            }
            Payload::ComponentStartSection { .. } => {
                return Err(unsupported("a component", "it has a start function"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes that the guest's next item of a sort was copied.
    fn copied(&mut self, sort: Sort) {
        let index = self.writer.added(sort);
        self.maps.push(sort, index);
    }

    /// An instance of a component that has a network inside is given no sockets.
    fn with_network(&self, instance: ComponentInstance<'a>) -> ComponentInstance<'a> {
        match (&self.nested, instance) {
            (
                Some((nested, fused)),
                ComponentInstance::Instantiate {
                    component_index, ..
                },
            ) if nested.at == self.at && !fused.reach.any() => ComponentInstance::Instantiate {
                component_index,
                args: nested.args_without_sockets(),
            },
            (_, instance) => instance,
        }
    }

    fn component(&mut self, parser: wasmparser::Parser, bytes: &[u8]) -> Result<(), Error> {
        if let Some((nested, fused)) = &self.nested
            && nested.component == self.maps.count(Sort::Component)
        {
            let id = wasm_encoder::ComponentSectionId::Component as u8;
            let data = &fused.component;
            self.writer.section(&wasm_encoder::RawSection { id, data });
            self.copied(Sort::Component);
            return Ok(());
        }
        let mut nested = wasm_encoder::Component::new();
        let mut renumber = self.maps.renumber();
        renumber.push_depth();
        let whole = self.root.bytes;
        let parsed =
            component_utils::parse_component(&mut renumber, &mut nested, parser, bytes, whole);
        parsed.map_err(failed)?;
        self.writer
            .section(&wasm_encoder::NestedComponentSection(&nested));
        self.copied(Sort::Component);
        Ok(())
    }

    fn core_type(&mut self, ty: wasmparser::CoreType<'a>) -> Result<(), Error> {
        let count = match &ty {
            wasmparser::CoreType::Rec(group) => group.types().len(),
            _ => 1,
        };
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_core_type(self.writer.core_types().ty(), ty)
            .map_err(failed)?;
        for _ in 0..count {
            self.copied(Sort::CoreType);
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the next item is left out, which is noted.
    fn leaves_out(&mut self, sort: Sort) -> bool {
        let leaves_out = self.left_out.contains(self.at);
        self.at += 1;
        if leaves_out {
            self.maps.push(sort, LEFT_OUT);
        }
        leaves_out
    }

    fn ty(&mut self, ty: ComponentType<'a>) -> Result<(), Error> {
        let at = self.at;
        if self.leaves_out(Sort::Type) {
            return Ok(());
        }
        if let ComponentType::Resource { .. } = ty {
            self.flush()?;
        }
        let ty = hosted::widened(self.root, &self.wants, at)?.unwrap_or(ty);
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_type(self.writer.types().ty(), ty)
            .map_err(failed)?;
        self.copied(Sort::Type);
        Ok(())
    }

    fn import(&mut self, import: wasmparser::ComponentImport<'a>) -> Result<(), Error> {
        let sort = sort_of_ref(import.ty);
        if self.leaves_out(sort) {
            return Ok(());
        }
        let ty = self.maps.renumber().component_type_ref(import.ty);
        let ty = ty.map_err(failed)?;
        self.writer.imports().import(import.name, ty);
        self.copied(sort);
        Ok(())
    }

    fn export(&mut self, export: wasmparser::ComponentExport<'a>) -> Result<(), Error> {
        let sort = sort_of(export.kind);
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_export(self.writer.exports(), export)
            .map_err(failed)?;
        self.copied(sort);
        self.at += 1;
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), Error> {
        let sort = match &alias {
            ComponentAlias::InstanceExport { kind, .. } => sort_of(*kind),
            ComponentAlias::CoreInstanceExport {
                kind,
                instance_index,
                ..
            } => {
                self.need_core_instance(*instance_index)?;
                match kind {
                    wasmparser::ExternalKind::Table => Sort::CoreTable,
                    wasmparser::ExternalKind::Memory => Sort::CoreMemory,
                    wasmparser::ExternalKind::Global => Sort::CoreGlobal,
                    wasmparser::ExternalKind::Tag => Sort::CoreTag,
                    _ => Sort::CoreFunc,
                }
            }
            ComponentAlias::Outer { kind, .. } => match kind {
                wasmparser::ComponentOuterAliasKind::CoreModule => Sort::CoreModule,
                wasmparser::ComponentOuterAliasKind::CoreType => Sort::CoreType,
                wasmparser::ComponentOuterAliasKind::Type => Sort::Type,
                wasmparser::ComponentOuterAliasKind::Component => Sort::Component,
            },
        };
        if sort == Sort::Type && self.aliases_elsewhere() {
            return Ok(());
        }
        if self.leaves_out(sort) {
            return Ok(());
        }
        let alias = self.maps.renumber().component_alias(alias);
        self.writer.aliases().alias(alias.map_err(failed)?);
        self.copied(sort);
        Ok(())
    }

    /// Whether the next item is an alias of a type through an import that is left out. It is then
    /// one of the same type through the import that defines it.
    fn aliases_elsewhere(&mut self) -> bool {
        if !self.left_out.is_moved(self.at) {
            return false;
        }
        let Some((import, name)) = self.surface.defined_elsewhere(self.at) else {
            return false;
        };
        let instance = self.root.instance_index(import);
        let instance = instance.map_or(LEFT_OUT, |it| self.maps.get(Sort::Instance, it));
        let index = self.writer.alias_type(instance, name);
        self.maps.push(Sort::Type, index);
        self.at += 1;
        true
    }

    fn canonical(&mut self, canonical: CanonicalFunction) -> Result<(), Error> {
        let replaced = self.survey.canonicals.get(self.canonical).cloned();
        self.canonical += 1;
        if let Some(replaced) = replaced.flatten() {
            self.functions.push(Pending {
                index: self.maps.count(Sort::CoreFunc),
                replaced,
                original: canonical,
            });
            self.maps.push(Sort::CoreFunc, LEFT_OUT);
            return Ok(());
        }
        let is_lift = matches!(canonical, CanonicalFunction::Lift { .. });
        if is_lift {
            self.flush()?;
            self.at += 1;
        }
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_canonical(self.writer.canonicals(), canonical)
            .map_err(failed)?;
        self.copied(match is_lift {
            true => Sort::Func,
            false => Sort::CoreFunc,
        });
        Ok(())
    }

    fn core_instance(&mut self, instance: Instance<'a>) -> Result<(), Error> {
        match &instance {
            Instance::FromExports(exports) => {
                let waits = exports.iter().any(|export| {
                    let pending = |it: &Pending| it.index == export.index;
                    export.kind == wasmparser::ExternalKind::Func
                        && self.functions.iter().any(pending)
                });
                if waits {
                    self.bags
                        .push((self.maps.count(Sort::CoreInstance), instance));
                    self.maps.push(Sort::CoreInstance, LEFT_OUT);
                    return Ok(());
                }
            }
            Instance::Instantiate { args, .. } => {
                for arg in args {
                    self.need_core_instance(arg.index)?;
                }
            }
        }
        let index = self.write_core_instance(instance)?;
        self.maps.push(Sort::CoreInstance, index);
        Ok(())
    }

    fn write_core_instance(&mut self, instance: Instance<'a>) -> Result<u32, Error> {
        let mut renumber = self.maps.renumber();
        renumber
            .parse_instance(self.writer.core_instances(), instance)
            .map_err(failed)?;
        Ok(self.writer.added(Sort::CoreInstance))
    }

    /// Writes what was put off if a core instance is part of it.
    fn need_core_instance(&mut self, index: u32) -> Result<(), Error> {
        match self.bags.iter().any(|(it, _)| *it == index) {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes all that was put off: the stand-ins, a module for each memory, and the bags.
    fn flush(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.functions);
        let with_memory = pending.iter().find_map(|it| it.replaced.binding);
        let any = with_memory.map(|binding| binding.memory);
        let mut groups: BTreeMap<Option<u32>, Vec<Pending>> = BTreeMap::new();
        for it in pending {
            // What needs no memory goes with any.
            let memory = it.replaced.binding.map(|binding| binding.memory).or(any);
            groups.entry(memory).or_default().push(it);
        }
        for (memory, functions) in groups {
            self.add_glue(memory, functions)?;
        }
        for (index, bag) in std::mem::take(&mut self.bags) {
            let written = self.write_core_instance(bag)?;
            self.maps.settle(Sort::CoreInstance, index, written);
        }
        Ok(())
    }

    /// The network; the first who asks has it instantiated.
    fn network(&mut self) -> Result<Network, Error> {
        match self.network.take() {
            Some(network) => Ok(network),
            None => Network::add(
                &mut self.writer,
                &self.survey.inside,
                self.survey.bindings.len() as u32,
                self.config,
            ),
        }
    }

    fn add_glue(&mut self, memory: Option<u32>, pending: Vec<Pending>) -> Result<(), Error> {
        let network = self.network()?;
        let mut given = Vec::new();
        let mut functions = Vec::new();
        for it in &pending {
            let function = self.glue_function(&network, it, &mut given)?;
            functions.push(function);
        }
        let mover = memory.map(|_| given.len() as u32);
        let mut places = Vec::new();
        if memory.is_some() {
            given.extend(network.mover.iter().cloned());
            places = self.bind(&network, &pending, &mut given);
        }
        let glue = Glue {
            functions,
            given: given.iter().map(|it| it.signature.clone()).collect(),
            mover,
            places,
        };
        let (module, numbers) = glue.module(memory.is_some());
        let instance = self.instantiate_glue(&network, &module, memory, &given);
        self.glue.push(module);
        let mut exported = HashMap::new();
        for (it, number) in pending.iter().zip(&numbers) {
            let index = *exported.entry(*number).or_insert_with(|| {
                self.writer
                    .core_alias(instance, &number.to_string(), ExportKind::Func)
            });
            self.maps.settle(Sort::CoreFunc, it.index, index);
        }
        self.network = Some(network);
        Ok(())
    }

    fn instantiate_glue(
        &mut self,
        network: &Network,
        module: &[u8],
        memory: Option<u32>,
        given: &[Given],
    ) -> u32 {
        let module = self.writer.core_module(module);
        let mut items: Vec<_> = (0..)
            .zip(given)
            .map(|(number, it): (u32, _)| (number.to_string(), ExportKind::Func, it.index))
            .collect();
        if memory.is_some() {
            items.push((TABLE.to_owned(), ExportKind::Table, network.table));
        }
        let mut args = vec![(GIVEN, self.writer.core_bag(&items))];
        if let Some(memory) = memory {
            let memory = self.maps.get(Sort::CoreMemory, memory);
            let bag = [("m".to_owned(), ExportKind::Memory, memory)];
            args.push((GUEST, self.writer.core_bag(&bag)));
        }
        self.writer.core_instantiate(module, &args)
    }

    /// What stands in for one function, and what it must be given.
    fn glue_function(
        &mut self,
        network: &Network,
        pending: &Pending,
        given: &mut Vec<Given>,
    ) -> Result<Function, Error> {
        let Hooked {
            hook,
            inside,
            route,
            signature,
        } = &pending.replaced.hooked;
        let mut give = |it: Given| {
            given.push(it);
            given.len() as u32 - 1
        };
        let mut of_network = |name: Option<&str>, signature: &Signature| {
            let function = name.map(|name| network.function(name, signature));
            function.transpose().map(|it| it.map(&mut give))
        };
        let inside = of_network(inside.as_deref(), signature)?;
        let (route, network_of) = match hook {
            Hook::Routed {
                answers,
                network: parameter,
            } => {
                let asked = if *answers { signature.params.len() } else { 1 };
                let gives_handle = |params: usize| Signature {
                    params: signature.params.iter().take(params).copied().collect(),
                    results: vec![wasm_encoder::ValType::I32],
                };
                let named = parameter.map(|_| NETWORK);
                (
                    of_network(route.as_deref(), &gives_handle(asked))?,
                    of_network(named, &gives_handle(0))?,
                )
            }
            _ => (None, None),
        };
        let host = match hook {
            Hook::Inside => None,
            _ => Some(give(Given {
                index: self.write_original(&pending.original)?,
                signature: signature.clone(),
            })),
        };
        let binding = self.survey.goes_by(&pending.replaced);
        Ok(Function {
            hook: hook.clone(),
            signature: signature.clone(),
            inside,
            host,
            route,
            network: network_of,
            binding: binding.map_or(0, |position| network.place(position)),
        })
    }

    /// Writes a canonical function as the guest has it.
    fn write_original(&mut self, original: &CanonicalFunction) -> Result<u32, Error> {
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_canonical(self.writer.canonicals(), original.clone())
            .map_err(failed)?;
        Ok(self.writer.added(Sort::CoreFunc))
    }

    /// What the bindings of these functions put into the table, where they are not there yet.
    fn bind(
        &mut self,
        network: &Network,
        pending: &[Pending],
        given: &mut Vec<Given>,
    ) -> Vec<(u32, Callee)> {
        let mut places = Vec::new();
        for binding in pending.iter().filter_map(|it| it.replaced.binding) {
            if !self.bound.insert(binding) {
                continue;
            }
            let position = self.survey.bindings.iter().position(|it| *it == binding);
            let first = network.place(position.unwrap_or_default());
            let mut put = |slot: Slot, callee| places.push((first + slot as u32, callee));
            let mut give = |slot: Slot, index| {
                let signature = table::signature(slot);
                given.push(Given { index, signature });
                Callee::Given(given.len() as u32 - 1)
            };
            put(Slot::CopyIn, Callee::CopyIn);
            put(Slot::CopyOut, Callee::CopyOut);
            if let Some(realloc) = binding.realloc {
                let realloc = self.maps.get(Sort::CoreFunc, realloc);
                put(Slot::Allocate, give(Slot::Allocate, realloc));
            }
            for (slot, import) in self.hosted.of_version(binding.version) {
                let key = (binding.version, slot);
                let known = self.given_by_host.get(&key).copied();
                let index = known.unwrap_or_else(|| self.lower_host(network, slot, import));
                self.given_by_host.insert(key, index);
                put(slot, give(slot, index));
            }
        }
        places
    }

    /// Lowers a function of the host's for the network.
    fn lower_host(&mut self, network: &Network, slot: Slot, import: usize) -> u32 {
        let instance = self.root.instance_index(import);
        let instance = instance.map(|index| self.maps.get(Sort::Instance, index));
        let instance = instance.unwrap_or(LEFT_OUT);
        if let Some(resource) = hosted::name(slot).strip_prefix(hosted::DROP) {
            let ty = self.writer.alias_type(instance, resource);
            return self.writer.resource_drop(ty);
        }
        let function = self.writer.alias_func(instance, hosted::name(slot));
        let options = [
            CanonicalOption::UTF8,
            CanonicalOption::Memory(network.memory),
            CanonicalOption::Realloc(network.realloc),
        ];
        self.writer.lower(function, &options)
    }
}

fn sort_of(kind: wasmparser::ComponentExternalKind) -> Sort {
    use wasmparser::ComponentExternalKind as Kind;
    match kind {
        Kind::Module => Sort::CoreModule,
        Kind::Func => Sort::Func,
        Kind::Value => Sort::Value,
        Kind::Type => Sort::Type,
        Kind::Instance => Sort::Instance,
        Kind::Component => Sort::Component,
    }
}

fn sort_of_ref(ty: ComponentTypeRef) -> Sort {
    sort_of(crate::root::kind_of(ty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_guest::{guest, versions};
    use sockvirt_policy::Flag;

    /// Why a component in which this is replaced is refused; nothing if it is not.
    fn refused(root: &Root<'_>, survey: &Survey, reach: Reach) -> String {
        let hosted = Hosted::of(root, survey, reach, Default::default()).expect("it has them");
        let config = config::write(&Policy::deny_all(), reach, hosted.reports);
        let Ok(fused) = fuse_as(root, survey, &hosted, reach, &config, None) else {
            return "not written".to_owned();
        };
        let output = match read(&fused.component, Bodies::All) {
            Ok(output) => output,
            Err(e) => return e.to_string(),
        };
        match verify(&fused, &output) {
            Ok(()) => String::new(),
            Err(e) => e.to_string(),
        }
    }

    /// A rewriter that forgets a function is caught, whichever it is.
    #[test]
    fn a_forgotten_function_is_found() {
        let [(resolve, world), _] = versions();
        let bytes = guest(&resolve, world);
        let root = read(&bytes, Bodies::All).expect("it is valid");
        let everywhere = Policy::deny_all()
            .with_flag(Flag::allow("tcp://*:*").expect("a flag"))
            .expect("a rule")
            .with_flag(Flag::allow("send=udp://*:*").expect("a flag"))
            .expect("a rule");
        for policy in [Policy::deny_all(), everywhere] {
            let reach = Reach::of(&policy);
            let survey = || Survey::of(&root, &Surface::of(&root, reach)).expect("it can be fused");
            assert_eq!(refused(&root, &survey(), reach), "");
            let count = survey().canonicals.iter().flatten().count();
            assert!(count > 80, "only {count} functions");
            for forgotten in 0..survey().canonicals.len() {
                let mut survey = survey();
                if survey.canonicals[forgotten].take().is_some() {
                    assert_ne!(refused(&root, &survey, reach), "", "function {forgotten}");
                }
            }
        }
    }
}
