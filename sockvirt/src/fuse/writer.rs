//! Writing a component item by item: like items in a row share a section.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection,
    ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentInstanceSection,
    ComponentTypeSection, CoreTypeSection, ExportKind, InstanceSection, ModuleArg, RawSection,
};

/// The index spaces of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    CoreFunc,
    CoreTable,
    CoreMemory,
    CoreGlobal,
    CoreTag,
    CoreType,
    CoreModule,
    CoreInstance,
    Func,
    Value,
    Type,
    Component,
    Instance,
}

impl Sort {
    pub(super) const COUNT: usize = Sort::Instance as usize + 1;
}

/// The section that items are being added to.
#[derive(Default)]
enum Open {
    #[default]
    None,
    Types(ComponentTypeSection),
    CoreTypes(CoreTypeSection),
    Imports(ComponentImportSection),
    Exports(ComponentExportSection),
    Aliases(ComponentAliasSection),
    Canonicals(CanonicalFunctionSection),
    CoreInstances(InstanceSection),
    Instances(ComponentInstanceSection),
}

/// A component in the making, and how many items of each sort it has.
#[derive(Default)]
pub(super) struct Writer {
    component: Component,
    open: Open,
    counts: [u32; Sort::COUNT],
}

/// Gives the open section of one kind, after it has opened one if need be.
macro_rules! sections {
    ($($name:ident $case:ident $section:ident;)*) => {$(
        pub(super) fn $name(&mut self) -> &mut $section {
            if !matches!(self.open, Open::$case(_)) {
                self.close();
                self.open = Open::$case($section::new());
            }
            match &mut self.open {
                Open::$case(section) => section,
                _ => unreachable!("it was opened just now"),
            }
        }
    )*};
}

impl Writer {
    sections! {
        types Types ComponentTypeSection;
        core_types CoreTypes CoreTypeSection;
        imports Imports ComponentImportSection;
        exports Exports ComponentExportSection;
        aliases Aliases ComponentAliasSection;
        canonicals Canonicals CanonicalFunctionSection;
        core_instances CoreInstances InstanceSection;
        instances Instances ComponentInstanceSection;
    }

    /// Notes that an item was added, and gives its index.
    pub(super) fn added(&mut self, sort: Sort) -> u32 {
        let count = &mut self.counts[sort as usize];
        *count += 1;
        *count - 1
    }

    fn close(&mut self) {
        let component = &mut self.component;
        match std::mem::take(&mut self.open) {
            Open::None => {}
            Open::Types(section) => drop(component.section(&section)),
            Open::CoreTypes(section) => drop(component.section(&section)),
            Open::Imports(section) => drop(component.section(&section)),
            Open::Exports(section) => drop(component.section(&section)),
            Open::Aliases(section) => drop(component.section(&section)),
            Open::Canonicals(section) => drop(component.section(&section)),
            Open::CoreInstances(section) => drop(component.section(&section)),
            Open::Instances(section) => drop(component.section(&section)),
        }
    }

    /// Adds a whole section.
    pub(super) fn section(&mut self, section: &impl wasm_encoder::ComponentSection) {
        self.close();
        self.component.section(section);
    }

    pub(super) fn core_module(&mut self, module: &[u8]) -> u32 {
        let id = wasm_encoder::ComponentSectionId::CoreModule as u8;
        self.section(&RawSection { id, data: module });
        self.added(Sort::CoreModule)
    }

    pub(super) fn component(&mut self, component: &[u8]) -> u32 {
        let id = wasm_encoder::ComponentSectionId::Component as u8;
        let data = component;
        self.section(&RawSection { id, data });
        self.added(Sort::Component)
    }

    pub(super) fn core_instantiate(&mut self, module: u32, args: &[(&str, u32)]) -> u32 {
        let args = args
            .iter()
            .map(|(name, instance)| (*name, ModuleArg::Instance(*instance)));
        self.core_instances().instantiate(module, args);
        self.added(Sort::CoreInstance)
    }

    /// A core instance that is a bag of exports, under their numbers but for those with names.
    pub(super) fn core_bag(&mut self, items: &[(String, ExportKind, u32)]) -> u32 {
        let items = items
            .iter()
            .map(|(name, kind, index)| (name.as_str(), *kind, *index));
        self.core_instances()
            .export_items(items.collect::<Vec<_>>());
        self.added(Sort::CoreInstance)
    }

    pub(super) fn core_alias(&mut self, instance: u32, name: &str, kind: ExportKind) -> u32 {
        self.aliases().alias(Alias::CoreInstanceExport {
            instance,
            kind,
            name,
        });
        self.added(match kind {
            ExportKind::Table => Sort::CoreTable,
            ExportKind::Memory => Sort::CoreMemory,
            _ => Sort::CoreFunc,
        })
    }

    pub(super) fn alias_func(&mut self, instance: u32, name: &str) -> u32 {
        self.aliases().alias(Alias::InstanceExport {
            instance,
            kind: ComponentExportKind::Func,
            name,
        });
        self.added(Sort::Func)
    }

    pub(super) fn alias_type(&mut self, instance: u32, name: &str) -> u32 {
        self.aliases().alias(Alias::InstanceExport {
            instance,
            kind: ComponentExportKind::Type,
            name,
        });
        self.added(Sort::Type)
    }

    pub(super) fn resource_drop(&mut self, ty: u32) -> u32 {
        self.canonicals().resource_drop(ty);
        self.added(Sort::CoreFunc)
    }

    pub(super) fn lower(&mut self, func: u32, options: &[CanonicalOption]) -> u32 {
        self.canonicals().lower(func, options.iter().copied());
        self.added(Sort::CoreFunc)
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.component.finish()
    }
}
