//! Copies a component, but for what the network takes the place of.

use super::Fused;
use super::binding::Slot;
use super::hooks::{Reach, Surface, unsupported};
use super::hosted::{self, Hosted, Wants};
use super::hub::{self, Place};
use super::left_out::LeftOut;
use super::nested::Child;
use super::network::Network;
use super::renumber::{LEFT_OUT, Maps};
use super::stand_in::Pending;
use super::survey::{Binding, Survey, broken, outermost};
use super::writer::{Sort, Writer};
use crate::error::Error;
use crate::guard::guard;
use crate::root::Root;
use std::collections::{HashMap, HashSet};
use wasm_encoder::ComponentExportKind;
use wasm_encoder::reencode::{ReencodeComponent, component_utils};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentInstance, ComponentType, ComponentTypeRef,
    Instance, Payload,
};

/// Copies the outermost scope of the guest, with the functions replaced.
///
/// Stand-ins are written as late as can be, so that those that need the same memory share a module:
/// when somebody uses one. A bag of exports with one in it is put off as well.
pub(super) struct Fuser<'a> {
    pub(super) root: &'a Root<'a>,
    pub(super) config: &'a [u8],
    pub(super) surface: Surface<'a>,
    pub(super) survey: &'a Survey,
    pub(super) hosted: &'a Hosted,
    /// The lowered functions of the host's that the network calls, by version and slot.
    pub(super) given_by_host: HashMap<(usize, Slot), u32>,
    pub(super) left_out: LeftOut,
    pub(super) writer: Writer,
    pub(super) maps: Maps,
    /// The place among the root's items of what comes next.
    pub(super) at: usize,
    /// The position of the next canonical function.
    pub(super) canonical: usize,
    pub(super) functions: Vec<Pending>,
    /// Bags of exports that are put off: their index in the guest, and what they are.
    pub(super) bags: Vec<(u32, Instance<'a>)>,
    pub(super) network: Option<Network>,
    /// The bindings that are in the table.
    pub(super) bound: HashSet<Binding>,
    /// The modules that were given functions of the host's.
    pub(super) glue: Vec<Vec<u8>>,
    /// Functions that imports must have for the network.
    pub(super) wants: Wants,
    /// The components inside that use sockets, and what they are then.
    pub(super) children: Vec<(&'a Child<'a>, &'a Fused)>,
    /// Where the network is, and the instance that has it if that is the hub's.
    pub(super) place: Place,
    hub: Option<u32>,
}

type Failed = wasm_encoder::reencode::Error;

pub(super) fn failed(e: Failed) -> Error {
    Error::Unsupported {
        item: "the input".to_owned(),
        reason: format!("it cannot be copied: {e}"),
    }
}

impl<'a> Fuser<'a> {
    pub(super) fn new(
        root: &'a Root<'a>,
        surface: Surface<'a>,
        survey: &'a Survey,
        hosted: &'a Hosted,
        config: &'a [u8],
        wants: Wants,
    ) -> Self {
        Fuser {
            root,
            config,
            left_out: LeftOut::default(),
            surface,
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
            children: Vec::new(),
            place: Place::default(),
            hub: None,
        }
    }

    /// Copies the whole component.
    pub(super) fn finish(
        mut self,
        reach: Reach,
        evidence: Option<(&str, &str)>,
    ) -> Result<Fused, Error> {
        guard("wasm-encoder", || {
            for payload in outermost(self.root.bytes) {
                self.add(payload?)?;
            }
            self.flush()?;
            match reach.script {
                Some(_) => self.add_report(),
                None => Ok(()),
            }
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
            is_replaced: self.children.is_empty() || self.network.is_some(),
            needs_hub: self.hub.is_some() && matches!(self.place, Place::Outside),
            place: self.place,
            inner: Vec::new(),
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
                    self.instance(instance.map_err(broken)?)?;
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

    /// The instance of the hub, which the first who asks gets here; `None` where the network is in
    /// the component itself.
    pub(super) fn hub(&mut self) -> Result<Option<u32>, Error> {
        if self.hub.is_none() {
            self.hub = match &self.place {
                Place::Inside => None,
                Place::Here(hub) => {
                    let (root, maps) = (self.root, &self.maps);
                    let instance_of = |import| {
                        let instance = root.instance_index(import);
                        instance.map_or(LEFT_OUT, |it| maps.get(Sort::Instance, it))
                    };
                    Some(hub.instantiate(&mut self.writer, instance_of))
                }
                Place::Outside => Some(hub::import(&mut self.writer, self.root)?),
            };
        }
        Ok(self.hub)
    }

    /// An instance of a component that has a network is given no sockets, and the hub if it needs it.
    fn instance(&mut self, instance: ComponentInstance<'a>) -> Result<(), Error> {
        let at = self.at;
        let with_network = self.children.iter().find_map(|(child, fused)| {
            let nested = child.instances.iter().find(|it| it.at == at);
            nested.map(|nested| (nested, *fused))
        });
        if let Some((nested, fused)) = with_network {
            let hub = match fused.needs_hub {
                true => self.hub()?,
                false => None,
            };
            let mut renumber = self.maps.renumber();
            let mut args = Vec::new();
            for arg in nested.args(fused.reach.any()) {
                let index = renumber.component_external_index(arg.kind, arg.index);
                args.push((arg.name, arg.kind.into(), index));
            }
            args.extend(hub.map(|hub| (hub::NAME, ComponentExportKind::Instance, hub)));
            let component = renumber.component_index(nested.component);
            self.writer.instances().instantiate(component, args);
        } else {
            let mut renumber = self.maps.renumber();
            renumber
                .parse_component_instance(self.writer.instances(), instance)
                .map_err(failed)?;
        }
        self.copied(Sort::Instance);
        self.at += 1;
        Ok(())
    }

    fn component(&mut self, parser: wasmparser::Parser, bytes: &[u8]) -> Result<(), Error> {
        let index = self.maps.count(Sort::Component);
        let mut children = self.children.iter();
        if let Some((_, fused)) = children.find(|(child, _)| child.component == index) {
            let index = self.writer.component(&fused.component);
            self.maps.push(Sort::Component, index);
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

    pub(super) fn write_core_instance(&mut self, instance: Instance<'a>) -> Result<u32, Error> {
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
