//! What stands around a program that a script is played to: it ends well only if the script does.
//!
//! `run` of the program is called, its status is told, and then the script is ended, which went well only
//! if the program did. It is a component beside the program's: one around it could not call it.

use super::abi::Signature;
use super::core::{Body, CoreModule, Memory, signature};
use wasm_encoder::{
    ComponentBuilder, ComponentExportKind as Kind, ComponentTypeRef as Ref,
    ComponentValType as Val, ExportKind, Instruction as I, ModuleArg, PrimitiveValType, ValType,
};

/// The interface that a component exports which a script is played in.
pub(crate) const REPORT: &str = "sockvirt:virt/report@0.1.0";
/// Says with which status the program has ended, before the script ends: `func(status: u8)`.
pub(crate) const ENDED: &str = "ended";
/// Ends the script with its program, and says whether all was as it should be: `func() -> bool`.
pub(crate) const FINISH: &str = "finish";
/// What was not: `func() -> string`.
pub(crate) const TEXT: &str = "text";
/// Takes another script, before the program runs, where there may be one: `func(script: list<u8>)`.
pub(crate) const LOAD: &str = "load";
/// The function of `wasi:cli/run`: `func() -> result`.
pub(crate) const RUN: &str = "run";

/// The functions of the report, where a script is played: with or without [`LOAD`].
pub(crate) fn reports(loads: Option<bool>) -> impl Iterator<Item = &'static str> {
    let always = loads.map(|_| [ENDED, FINISH, TEXT]);
    let load = (loads == Some(true)).then_some(LOAD);
    always.into_iter().flatten().chain(load)
}

/// The component, which imports [`RUN`], [`ENDED`] and [`FINISH`] and exports [`RUN`].
pub(crate) fn component() -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let none: [(&str, Val); 0] = [];
    let (result, encoder) = component.type_defined(None);
    encoder.result(None, None);
    let (run, mut encoder) = component.type_function(None);
    encoder.params(none).result(Some(Val::Type(result)));
    let (ended, mut encoder) = component.type_function(None);
    let status = Val::Primitive(PrimitiveValType::U8);
    encoder.params([("status", status)]).result(None);
    let (finish, mut encoder) = component.type_function(None);
    encoder
        .params(none)
        .result(Some(Val::Primitive(PrimitiveValType::Bool)));
    let mut lowered = Vec::new();
    for (name, ty) in [(RUN, run), (ENDED, ended), (FINISH, finish)] {
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

/// `run() -> i32` is 0 if the script ended well, of which the program's own status is a part.
fn module() -> Vec<u8> {
    let gives_number = || -> Signature { signature(&[], &[ValType::I32]) };
    let mut module = CoreModule::new(Memory::None);
    let takes_number = signature(&[ValType::I32], &[]);
    let imports = [
        (RUN, gives_number()),
        (ENDED, takes_number),
        (FINISH, gives_number()),
    ];
    for (name, ty) in imports {
        module.import(name, GIVEN, name.to_owned(), ty);
    }
    let mut body = Body::new(gives_number());
    body.call(RUN).call(ENDED).call(FINISH);
    body.plain([I::I32Eqz]);
    module.export(RUN, body);
    module.finish().0
}
