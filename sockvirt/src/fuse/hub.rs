//! The network that several components share: a component beside them, with three functions of plain
//! numbers (`virt-adapter/hub`). Each of them has the handles itself, and calls this one.
//!
//! With a script, it has that too: it is asked for the report, tells of it, and ends the program.
//!
//! The network for WASI 0.3 has the same functions, for a component that has sockets of 0.2 besides.

use super::binding::Slot;
use super::hooks::{Played, unsupported};
use super::hosted::{self, Hosted};
use super::network::{REALLOC, foreign, not_as_built};
use super::writer::{Sort, Writer};
use crate::error::Error;
use crate::generate::core::{CoreModule, Memory};
use crate::generate::link::{INTRINSICS, STORE};
use crate::generate::network::report_type;
use crate::generate::prebuilt::{self, Alone, MOST_PAGES, Part};
use crate::generate::told::{EXIT, Told};
use crate::generate::{log, verdict};
use crate::root::Root;
use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeEncoder, ComponentTypeRef,
    ComponentValType as Val, ExportKind, InstanceType, ModuleArg, PrimitiveValType,
};

/// The network that several share.
#[derive(Clone)]
pub(super) struct Hub {
    pub(super) component: Vec<u8>,
    /// What it is given of the host's, where it plays a script: all of one version.
    pub(super) hosted: Hosted,
}

/// Where the network is that a component uses.
#[derive(Default)]
pub(super) enum Place {
    /// In itself.
    #[default]
    Inside,
    /// In this component, which is put into it.
    Here(Hub),
    /// In an instance that it is given.
    Outside,
}

/// The name by which components are given it.
pub(crate) const NAME: &str = "sockvirt:network/hub";

/// Its functions: a call, the next block of what is handed over, and of what is fetched.
pub(crate) const FUNCTIONS: [&str; 3] = ["call", "put", "get"];

const NUMBER: Val = Val::Primitive(PrimitiveValType::U64);
/// The numbers of a block.
const BLOCK: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn block_type(encoder: ComponentTypeEncoder<'_>) {
    encoder.defined_type().tuple([NUMBER; 8]);
}

/// The type of a function, where that of a block is known by an index.
fn function_type(encoder: ComponentTypeEncoder<'_>, function: &str, block: u32) {
    let params: &[&str] = if function == "get" { &[] } else { &BLOCK };
    let params = params.iter().map(|name| (*name, NUMBER));
    let result = (function != "put").then_some(Val::Type(block));
    encoder.function().params(params).result(result);
}

/// The functions that a script's report is asked for by, where one is played.
pub(super) fn reports(script: Option<Played>) -> impl Iterator<Item = &'static str> {
    verdict::reports(script.map(|it| it.loads))
}

impl Hub {
    /// The component, which may play a script and is then given this of the host's.
    pub(super) fn new(
        config: &[u8],
        script: Option<Played>,
        hosted: Hosted,
    ) -> Result<Self, Error> {
        let mut names: Vec<_> = FUNCTIONS.map(str::to_owned).to_vec();
        names.extend(reports(script).map(|name| format!("sockvirt#{name}")));
        names.extend(script.map(|_| REALLOC.to_owned()));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let alone = Alone {
            room: 0,
            most_pages: MOST_PAGES,
            bytes: config,
            functions: &[],
            prefix: script.map_or("", |_| "f"),
        };
        let code = prebuilt::hub(script.is_some());
        let part = prebuilt::take_alone(code, &names, &alone).map_err(not_as_built)?;
        let mut component = ComponentBuilder::default();
        let (memory, code) = add_code(&mut component, &part, &hosted)?;
        let mut options = vec![CanonicalOption::Memory(memory)];
        let mut number = 0;
        let mut core = |component: &mut ComponentBuilder| {
            let name = format!("{}{number}", alone.prefix);
            number += 1;
            component.core_alias_export(None, code, &name, ExportKind::Func)
        };
        let functions = FUNCTIONS.map(|_| core(&mut component));
        export(&mut component, &options, &functions);
        if script.is_some() {
            let realloc = format!("{}{}", alone.prefix, names.len() - 1);
            let realloc = component.core_alias_export(None, code, &realloc, ExportKind::Func);
            options.push(CanonicalOption::Realloc(realloc));
        }
        for name in reports(script) {
            let (core, ty) = (core(&mut component), report_type(&mut component, name));
            let lifted = component.lift_func(None, core, ty, options.iter().copied());
            component.export(name, ComponentExportKind::Func, lifted, None);
        }
        Ok(Hub {
            component: component.finish(),
            hosted,
        })
    }

    /// Puts it into a component, and gives its instance. `instance_of` says where an import is there.
    pub(super) fn instantiate(
        &self,
        writer: &mut Writer,
        instance_of: impl Fn(usize) -> u32,
    ) -> u32 {
        let component = writer.component(&self.component);
        let mut args = Vec::new();
        for (slot, import) in self.hosted.of_version(0) {
            let instance = instance_of(import);
            let name = match slot {
                Slot::Stderr => log::FUNC_GET,
                Slot::BlockingWrite => log::FUNC_WRITE,
                _ => EXIT,
            };
            if slot == Slot::BlockingWrite {
                args.extend(log::TYPES.map(|name| {
                    let ty = writer.alias_type(instance, name);
                    (name, ComponentExportKind::Type, ty)
                }));
            }
            let function = writer.alias_func(instance, hosted::name(slot));
            args.push((name, ComponentExportKind::Func, function));
        }
        writer.instances().instantiate(component, args);
        writer.added(Sort::Instance)
    }
}

/// Instantiates the code: its memory, and the instance. What calls the host needs its memory before.
fn add_code(
    component: &mut ComponentBuilder,
    part: &Part,
    hosted: &Hosted,
) -> Result<(u32, u32), Error> {
    let mut args = Vec::new();
    let mut memory = None;
    if !part.imports.is_empty() {
        let (least, most) = (part.pages, MOST_PAGES);
        let (store, _) = CoreModule::<()>::new(Memory::Own { least, most }).finish();
        let store = component.core_module_raw(None, &store);
        let store = component.core_instantiate(None, store, []);
        let own = component.core_alias_export(None, store, "m", ExportKind::Memory);
        let given = add_host(component, part, hosted, own)?;
        args = vec![
            (STORE, ModuleArg::Instance(store)),
            (INTRINSICS, ModuleArg::Instance(given)),
        ];
        memory = Some(own);
    }
    let module = component.core_module_raw(None, &part.module);
    let code = component.core_instantiate(None, module, args);
    let memory =
        memory.unwrap_or_else(|| component.core_alias_export(None, code, "m", ExportKind::Memory));
    Ok((memory, code))
}

/// Imports what the code calls of the host, as far as it is there.
fn add_host(
    component: &mut ComponentBuilder,
    part: &Part,
    hosted: &Hosted,
    memory: u32,
) -> Result<u32, Error> {
    let told = Told::import(component, hosted.reports, hosted.exits);
    let mut given = Vec::new();
    for (number, import) in part.imports.iter().enumerate() {
        let function = told.lower(component, import, &[CanonicalOption::Memory(memory)]);
        let function = function.ok_or_else(|| foreign(&import.name))?;
        given.push((number.to_string(), function));
    }
    let given = given.iter();
    let given = given.map(|(name, index)| (name.as_str(), ExportKind::Func, *index));
    Ok(component.core_instantiate_exports(None, given))
}

/// Exports the functions, which are these of the core.
pub(crate) fn export(
    component: &mut ComponentBuilder,
    options: &[CanonicalOption],
    functions: &[u32],
) {
    let (block, encoder) = component.ty(None);
    block_type(encoder);
    for (function, core) in FUNCTIONS.into_iter().zip(functions) {
        let (ty, encoder) = component.ty(None);
        function_type(encoder, function, block);
        let lifted = component.lift_func(None, *core, ty, options.iter().copied());
        component.export(function, ComponentExportKind::Func, lifted, None);
    }
}

/// A component whose instance is the functions alone: it exports those that it imports.
pub(crate) fn alone() -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let (block, encoder) = component.ty(None);
    block_type(encoder);
    for function in FUNCTIONS {
        let (ty, encoder) = component.ty(None);
        function_type(encoder, function, block);
        let given = component.import(function, ComponentTypeRef::Func(ty));
        component.export(function, ComponentExportKind::Func, given, None);
    }
    component
}

/// Where a component imports it.
pub(crate) fn imported(root: &Root<'_>) -> Option<usize> {
    let mut imports = root.imports();
    let import = imports.find(|(_, import)| import.name.name == NAME);
    import.map(|(at, _)| at)
}

/// Refuses a component that asks for it by itself.
pub(crate) fn refuse(root: &Root<'_>) -> Result<(), Error> {
    match imported(root) {
        None => Ok(()),
        Some(_) => Err(unsupported(
            &format!("import `{NAME}`"),
            "it is one of sockvirt's own, for components that share a network",
        )),
    }
}

/// Has a component import it, and gives the instance.
pub(super) fn import(writer: &mut Writer, root: &Root<'_>) -> Result<u32, Error> {
    refuse(root)?;
    let mut instance = InstanceType::new();
    block_type(instance.ty());
    for (number, function) in (1..).zip(FUNCTIONS) {
        function_type(instance.ty(), function, 0);
        instance.export(function, ComponentTypeRef::Func(number));
    }
    writer.types().instance(&instance);
    let ty = writer.added(Sort::Type);
    writer
        .imports()
        .import(NAME, ComponentTypeRef::Instance(ty));
    Ok(writer.added(Sort::Instance))
}
