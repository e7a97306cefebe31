//! The network that several components share: a component beside them, with three functions of plain
//! numbers (`virt-adapter/hub`). Each of them has the handles itself, and calls this one.

use super::hooks::unsupported;
use super::network::not_as_built;
use super::writer::{Sort, Writer};
use crate::error::Error;
use crate::generate::prebuilt::MOST_PAGES;
use crate::generate::prebuilt::{self, Alone};
use crate::root::Root;
use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeEncoder, ComponentTypeRef,
    ComponentValType as Val, ExportKind, InstanceType, PrimitiveValType,
};

/// Where the network is that a component uses.
#[derive(Default)]
pub(super) enum Place {
    /// In itself.
    #[default]
    Inside,
    /// In this component, which is put into it.
    Here(Vec<u8>),
    /// In an instance that it is given.
    Outside,
}

/// The name by which components are given it.
pub(super) const NAME: &str = "sockvirt:network/hub";

/// Its functions: a call, the next block of what is handed over, and of what is fetched.
pub(super) const FUNCTIONS: [&str; 3] = ["call", "put", "get"];

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

/// The component.
pub(super) fn component(config: &[u8]) -> Result<Vec<u8>, Error> {
    let alone = Alone {
        room: 0,
        most_pages: MOST_PAGES,
        bytes: config,
        functions: &[],
    };
    let part = prebuilt::take_alone(prebuilt::HUB, &FUNCTIONS, &alone).map_err(not_as_built)?;
    let mut component = ComponentBuilder::default();
    let module = component.core_module_raw(None, &part.module);
    let code = component.core_instantiate(None, module, []);
    let memory = component.core_alias_export(None, code, "m", ExportKind::Memory);
    let (block, encoder) = component.ty(None);
    block_type(encoder);
    for (number, function) in FUNCTIONS.into_iter().enumerate() {
        let core = component.core_alias_export(None, code, &number.to_string(), ExportKind::Func);
        let (ty, encoder) = component.ty(None);
        function_type(encoder, function, block);
        let options = [CanonicalOption::Memory(memory)];
        let lifted = component.lift_func(None, core, ty, options);
        component.export(function, ComponentExportKind::Func, lifted, None);
    }
    Ok(component.finish())
}

/// Puts it into a component, and gives its instance.
pub(super) fn instantiate(writer: &mut Writer, component: &[u8]) -> u32 {
    let component = writer.component(component);
    let none: [(&str, ComponentExportKind, u32); 0] = [];
    writer.instances().instantiate(component, none);
    writer.added(Sort::Instance)
}

/// Has a component import it, and gives the instance.
pub(super) fn import(writer: &mut Writer, root: &Root<'_>) -> Result<u32, Error> {
    if root.imports().any(|(_, import)| import.name.name == NAME) {
        return Err(unsupported(
            &format!("import `{NAME}`"),
            "it is one of sockvirt's own, for components that share a network",
        ));
    }
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
