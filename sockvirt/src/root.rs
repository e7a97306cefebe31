//! The outermost scope of a component: what it declares, imports and exports, and what of that
//! depends on what.
//!
//! Later stages declare parts of this scope again, in the component that is generated around the
//! guest. They never look at types and rebuild them: they copy the guest's own declarations, with
//! indices changed and nothing else.

use std::collections::BTreeSet;
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{ComponentBuilder, ComponentTypeSection, CoreTypeSection};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternName,
    ComponentExternalKind, ComponentImport, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, CoreType, Payload,
};

/// One thing that the outermost scope of a component says, in the order in which it says them.
#[derive(Clone, Debug)]
pub(crate) enum Item<'a> {
    CoreType(CoreType<'a>),
    Type(ComponentType<'a>),
    Alias(ComponentAlias<'a>),
    Import(ComponentImport<'a>),
    Export(ComponentExport<'a>),
    /// `canon lift`, with the index of the type that the function gets.
    Lift(u32),
    /// An instance that the component makes itself, with the functions and instances that it is put
    /// together from, if it is.
    Instance(Vec<(Space, u32)>),
}

/// An index space that is kept track of: what types, imports and exports can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    CoreType,
    Type,
    Instance,
    Func,
}

/// The outermost scope of a component.
pub(crate) struct Root<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) items: Vec<Item<'a>>,
    /// For each [`Space`], the item behind each index.
    spaces: [Vec<usize>; 4],
    custom: Vec<(&'a str, &'a [u8])>,
    /// The components directly inside.
    components: Vec<&'a [u8]>,
    /// How many indices of components there are, those of components from elsewhere among them.
    component_indices: usize,
    /// The instances that the last component is given where it is instantiated, by name.
    instantiation: Vec<(&'a str, u32)>,
    validated: Option<Types>,
}

impl<'a> Root<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Root {
            bytes,
            items: Vec::new(),
            spaces: Default::default(),
            custom: Vec::new(),
            components: Vec::new(),
            component_indices: 0,
            instantiation: Vec::new(),
            validated: None,
        }
    }

    pub(crate) fn with_types(mut self, types: Types) -> Self {
        self.validated = Some(types);
        self
    }

    /// Frees what the validator knows of the scope, which is of the order of its code.
    pub(crate) fn forget_types(&mut self) {
        self.validated = None;
    }

    /// What the validator knows of the scope. It is there from the moment reading ends.
    pub(crate) fn types(&self) -> TypesRef<'_> {
        match &self.validated {
            Some(types) => types.as_ref(),
            None => unreachable!("nobody asks for types before they are read or after the end"),
        }
    }

    /// Takes down one section of the scope.
    pub(crate) fn add(&mut self, payload: &Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::CoreTypeSection(section) => {
                for ty in section.clone() {
                    self.push(Item::CoreType(ty?));
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section.clone() {
                    self.push(Item::Type(ty?));
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.push(Item::Alias(alias?));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.push(Item::Import(import?));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.push(Item::Export(export?));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    let instance = instance?;
                    // What was defined before the last component stands beside it.
                    if let ComponentInstance::Instantiate {
                        args,
                        component_index,
                    } = &instance
                        && *component_index as usize + 1 == self.component_indices
                    {
                        let instances = args
                            .iter()
                            .filter(|arg| arg.kind == ComponentExternalKind::Instance);
                        self.instantiation = instances.map(|arg| (arg.name, arg.index)).collect();
                    }
                    self.push(Item::Instance(put_together_from(&instance)));
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for canonical in section.clone() {
                    if let CanonicalFunction::Lift { type_index, .. } = canonical? {
                        self.push(Item::Lift(type_index));
                    }
                }
            }
            Payload::ComponentSection {
                unchecked_range, ..
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                self.component_indices += 1;
                self.components.extend(self.bytes.get(range));
            }
            Payload::CustomSection(section) => self.custom.push((section.name(), section.data())),
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, item: Item<'a>) {
        let indices = match &item {
            Item::CoreType(CoreType::Rec(group)) => group.types().len(),
            _ => 1,
        };
        self.component_indices += usize::from(adds_component(&item));
        if let Some(space) = space_of(&item) {
            let at = self.items.len();
            self.spaces[space as usize].extend(std::iter::repeat_n(at, indices));
        }
        self.items.push(item);
    }

    /// The item behind an index.
    pub(crate) fn item_at(&self, space: Space, index: u32) -> Option<usize> {
        self.spaces[space as usize].get(index as usize).copied()
    }

    /// The index of the instance that an item is.
    pub(crate) fn instance_index(&self, at: usize) -> Option<u32> {
        self.index_of(Space::Instance, at)
    }

    /// The first index of an item in a space.
    pub(crate) fn index_of(&self, space: Space, at: usize) -> Option<u32> {
        let mut items = self.spaces[space as usize].iter();
        items.position(|it| *it == at).map(|it| it as u32)
    }

    /// The imports, each with its place among the items.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (usize, &ComponentImport<'a>)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| match item {
                Item::Import(import) => Some((at, import)),
                _ => None,
            })
    }

    /// The exports, each with its place among the items.
    pub(crate) fn exports(&self) -> impl Iterator<Item = (usize, &ComponentExport<'a>)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| match item {
                Item::Export(export) => Some((at, export)),
                _ => None,
            })
    }

    /// Whether these bytes are a component directly inside.
    pub(crate) fn has_component(&self, bytes: &[u8]) -> bool {
        self.components.contains(&bytes)
    }

    /// The last of the components directly inside.
    pub(crate) fn last_component(&self) -> Option<&'a [u8]> {
        self.components.last().copied()
    }

    /// The instances that the last component is given where it is instantiated, by name.
    pub(crate) fn last_instantiation(&self) -> &[(&'a str, u32)] {
        &self.instantiation
    }

    /// The contents of the custom section `name`, the first where there are several.
    pub(crate) fn custom_section(&self, name: &str) -> Option<&'a [u8]> {
        let mut sections = self.custom.iter();
        sections.find(|(it, _)| *it == name).map(|(_, data)| *data)
    }

    /// The type that a function was made with in this scope; `None` where it comes from an instance
    /// with its type.
    pub(crate) fn func_type(&self, index: u32) -> Option<ComponentTypeRef> {
        let mut at = self.item_at(Space::Func, index)?;
        loop {
            match self.items.get(at)? {
                Item::Lift(ty) => return Some(ComponentTypeRef::Func(*ty)),
                Item::Import(import) => return Some(import.ty),
                // An export without a type has that of an earlier function. The walk ends.
                Item::Export(export) if export.ty.is_none() => {
                    at = self.item_at(Space::Func, export.index)?;
                }
                Item::Export(export) => return export.ty,
                _ => return None,
            }
        }
    }

    /// The declaration of an instance type, where the index leads to one.
    pub(crate) fn instance_type(
        &self,
        index: u32,
    ) -> Option<&[wasmparser::InstanceTypeDeclaration<'a>]> {
        let mut at = self.item_at(Space::Type, index)?;
        loop {
            at = match self.items.get(at)? {
                Item::Type(ComponentType::Instance(declarations)) => return Some(declarations),
                // Outer aliases of the outermost scope can only mean that scope itself, and go
                // back; so does an export. The walk ends.
                Item::Alias(ComponentAlias::Outer { index, .. }) => {
                    self.item_at(Space::Type, *index)?
                }
                Item::Export(export) => self.item_at(Space::Type, export.index)?,
                _ => return None,
            };
        }
    }

    /// The items that the declaration of the item at `at` refers to, directly.
    pub(crate) fn references(&self, at: usize) -> Vec<usize> {
        let mut references = Vec::new();
        let mut record = Reindex::new(|space, index| {
            references.extend(self.item_at(space, index));
            index
        });
        // Only the references count. What is written is thrown away.
        let written = match &self.items[at] {
            Item::CoreType(ty) => {
                record.parse_component_core_type(CoreTypeSection::new().ty(), ty.clone())
            }
            Item::Type(ty) => {
                record.parse_component_type(ComponentTypeSection::new().ty(), ty.clone())
            }
            Item::Alias(alias) => record.component_alias(alias.clone()).map(drop),
            Item::Import(import) => record.component_type_ref(import.ty).map(drop),
            Item::Lift(ty) => {
                record.component_type_index(*ty);
                Ok(())
            }
            Item::Instance(parts) => {
                return parts
                    .iter()
                    .filter_map(|(space, index)| self.item_at(*space, *index))
                    .collect();
            }
            // The type that an export makes stands for itself.
            Item::Export(export) if export.kind == ComponentExternalKind::Type => Ok(()),
            Item::Export(export) => {
                let space = space_of_kind(export.kind);
                return space
                    .and_then(|it| self.item_at(it, export.index))
                    .into_iter()
                    .collect();
            }
        };
        drop(written);
        references
    }

    /// The items that a type reference refers to.
    pub(crate) fn references_of(&self, ty: ComponentTypeRef) -> Vec<usize> {
        let mut references = Vec::new();
        let mut record = Reindex::new(|space, index| {
            references.extend(self.item_at(space, index));
            index
        });
        drop(record.component_type_ref(ty));
        references
    }

    /// The seeds and everything that they refer to, directly or not, in the order of the guest.
    ///
    /// `known` tells what need not be followed, because it is there already.
    pub(crate) fn closure(
        &self,
        seeds: impl IntoIterator<Item = usize>,
        known: impl Fn(usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut open: Vec<usize> = seeds.into_iter().filter(|at| !known(*at)).collect();
        let mut closure = BTreeSet::new();
        while let Some(at) = open.pop() {
            if closure.insert(at) {
                open.extend(self.references(at).into_iter().filter(|it| !known(*it)));
            }
        }
        closure
    }
}

/// How to call an import: its name, or the interface that it says it implements.
pub(crate) fn import_label(name: &ComponentExternName<'_>) -> String {
    let suffix = name.version_suffix.unwrap_or_default();
    match name.implements {
        Some(interface) => interface.to_owned(),
        None => format!("{}{suffix}", name.name),
    }
}

/// The kind of thing that a type reference describes.
pub(crate) fn kind_of(ty: ComponentTypeRef) -> ComponentExternalKind {
    match ty {
        ComponentTypeRef::Module(_) => ComponentExternalKind::Module,
        ComponentTypeRef::Func(_) => ComponentExternalKind::Func,
        ComponentTypeRef::Value(_) => ComponentExternalKind::Value,
        ComponentTypeRef::Type(_) => ComponentExternalKind::Type,
        ComponentTypeRef::Instance(_) => ComponentExternalKind::Instance,
        ComponentTypeRef::Component(_) => ComponentExternalKind::Component,
    }
}

/// Copies declarations with the indices that mean the outermost scope changed.
pub(crate) struct Reindex<F> {
    map: F,
    /// How many type scopes deep the declaration is that is being copied. Only at depth 0 do plain
    /// indices mean the outermost scope.
    depth: u32,
}

impl<F: FnMut(Space, u32) -> u32> Reindex<F> {
    pub(crate) fn new(map: F) -> Self {
        Reindex { map, depth: 0 }
    }

    fn at_depth(&mut self, count: u32, space: Space, index: u32) -> u32 {
        match count == self.depth {
            true => (self.map)(space, index),
            false => index,
        }
    }
}

impl<F: FnMut(Space, u32) -> u32> Reencode for Reindex<F> {
    type Error = std::convert::Infallible;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at_depth(0, Space::CoreType, index))
    }
}

impl<F: FnMut(Space, u32) -> u32> ReencodeComponent for Reindex<F> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        self.at_depth(0, Space::Type, index)
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        self.at_depth(0, Space::Instance, index)
    }

    fn outer_type_index(&mut self, count: u32, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at_depth(count, Space::CoreType, index))
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        self.at_depth(count, Space::Type, index)
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }
}

/// Whether an item is a component from elsewhere.
fn adds_component(item: &Item<'_>) -> bool {
    use wasmparser::ComponentOuterAliasKind;
    match item {
        Item::Import(import) => matches!(import.ty, ComponentTypeRef::Component(_)),
        Item::Export(export) => export.kind == ComponentExternalKind::Component,
        Item::Alias(ComponentAlias::InstanceExport { kind, .. }) => {
            *kind == ComponentExternalKind::Component
        }
        Item::Alias(ComponentAlias::Outer { kind, .. }) => {
            *kind == ComponentOuterAliasKind::Component
        }
        _ => false,
    }
}

/// The index space that an item adds to, of those that are kept track of.
pub(crate) fn space_of(item: &Item<'_>) -> Option<Space> {
    let kind = match item {
        Item::CoreType(_) => return Some(Space::CoreType),
        Item::Type(_) => ComponentExternalKind::Type,
        Item::Instance(_) => ComponentExternalKind::Instance,
        Item::Lift(_) => ComponentExternalKind::Func,
        Item::Import(import) => kind_of(import.ty),
        Item::Export(export) => export.kind,
        Item::Alias(ComponentAlias::InstanceExport { kind, .. }) => *kind,
        Item::Alias(ComponentAlias::CoreInstanceExport { .. }) => return None,
        Item::Alias(ComponentAlias::Outer { kind, .. }) => match kind {
            ComponentOuterAliasKind::CoreType => return Some(Space::CoreType),
            ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
            ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
            ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
        },
    };
    space_of_kind(kind)
}

fn space_of_kind(kind: ComponentExternalKind) -> Option<Space> {
    match kind {
        ComponentExternalKind::Type => Some(Space::Type),
        ComponentExternalKind::Instance => Some(Space::Instance),
        ComponentExternalKind::Func => Some(Space::Func),
        _ => None,
    }
}

/// The functions and instances in an instance that is a bag of exports.
fn put_together_from(instance: &ComponentInstance<'_>) -> Vec<(Space, u32)> {
    let exports = match instance {
        ComponentInstance::FromExports(exports) => exports,
        ComponentInstance::Instantiate { .. } => return Vec::new(),
    };
    let parts = exports
        .iter()
        .filter(|export| export.kind != ComponentExternalKind::Type);
    parts
        .filter_map(|export| Some((space_of_kind(export.kind)?, export.index)))
        .collect()
}

/// Declares an item in another component's outermost scope, with `map` for its references. Gives
/// the index that it has there; `None` for items that cannot stand elsewhere.
pub(crate) fn declare(
    builder: &mut ComponentBuilder,
    item: &Item<'_>,
    map: impl FnMut(Space, u32) -> u32,
) -> Option<u32> {
    let mut reindex = Reindex::new(map);
    match item {
        Item::CoreType(ty) => {
            let (index, encoder) = builder.core_type(None);
            reindex
                .parse_component_core_type(encoder, ty.clone())
                .ok()?;
            Some(index)
        }
        // A resource is a new type wherever it is defined.
        Item::Type(ComponentType::Resource { .. }) => None,
        Item::Type(ty) => {
            let (index, encoder) = builder.ty(None);
            reindex.parse_component_type(encoder, ty.clone()).ok()?;
            Some(index)
        }
        Item::Alias(alias) => {
            let alias = reindex.component_alias(alias.clone()).ok()?;
            Some(builder.alias(None, alias))
        }
        Item::Import(import) => {
            let ty = reindex.component_type_ref(import.ty).ok()?;
            Some(builder.import(import.name, ty))
        }
        Item::Export(_) | Item::Lift(_) | Item::Instance(_) => None,
    }
}
