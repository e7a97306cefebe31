//! What stands around a program that a script is played to: it ends well only if the script does.
//!
//! `run` of the program is called, and then the script is ended; only if both went well does it end
//! well. It is a component beside the program's: one around it could not call it.

use super::abi::Signature;
use super::core::{Body, CoreModule, Memory, signature};
use wasm_encoder::{
    ComponentBuilder, ComponentExportKind as Kind, ComponentTypeRef as Ref,
    ComponentValType as Val, ExportKind, Instruction as I, ModuleArg, PrimitiveValType, ValType,
};

/// The interface that a component exports which a script is played in.
pub(crate) const REPORT: &str = "sockvirt:virt/report@0.1.0";
/// Ends the script with its program, and says whether all was as it should be: `func() -> bool`.
pub(crate) const FINISH: &str = "finish";
/// What was not: `func() -> string`.
pub(crate) const TEXT: &str = "text";
/// Takes another script, before the program runs, where there may be one: `func(script: list<u8>)`.
pub(crate) const LOAD: &str = "load";
/// The function of `wasi:cli/run`: `func() -> result`.
pub(crate) const RUN: &str = "run";

/// The component, which imports [`RUN`] and [`FINISH`] and exports [`RUN`].
pub(crate) fn component() -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let none: [(&str, Val); 0] = [];
    let (result, encoder) = component.type_defined(None);
    encoder.result(None, None);
    let (run, mut encoder) = component.type_function(None);
    encoder.params(none).result(Some(Val::Type(result)));
    let (finish, mut encoder) = component.type_function(None);
    encoder
        .params(none)
        .result(Some(Val::Primitive(PrimitiveValType::Bool)));
    let mut lowered = Vec::new();
    for (name, ty) in [(RUN, run), (FINISH, finish)] {
        let function = component.import(name, Ref::Func(ty));
        let lower = component.lower_func(None, function, []);
        lowered.push((name, ExportKind::Func, lower));
    }
    let given = component.core_instantiate_exports(None, lowered);
    let module = component.core_module_raw(None, &module());
    let args = [(GIVEN, ModuleArg::Instance(given))];
    let code = component.core_instantiate(None, module, args);
    let core = component.core_alias_export(None, code, RUN, ExportKind::Func);
    let lifted = component.lift_func(None, core, run, []);
    component.export(RUN, Kind::Func, lifted, None);
    component
}

const GIVEN: &str = "i";

/// `run() -> i32` is 0 if both that of the program is and the script ended well.
fn module() -> Vec<u8> {
    let gives_number = || -> Signature { signature(&[], &[ValType::I32]) };
    let mut module = CoreModule::new(Memory::None);
    for name in [RUN, FINISH] {
        module.import(name, GIVEN, name.to_owned(), gives_number());
    }
    let mut body = Body::new(gives_number());
    body.call(RUN).call(FINISH);
    body.plain([I::I32Eqz, I::I32Or]);
    module.export(RUN, body);
    module.finish().0
}
