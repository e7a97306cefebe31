//! What stands around a program that a script is played to: it ends well only if the script does.
//!
//! `run` of the program is called, its status is told, and then the script is ended, which went well only
//! if the program did. It is a component beside the program's: one around it could not call it.
//!
//! Where the script is played in the program, what was not as it should be is told there; otherwise here.

use super::abi::Signature;
use super::core::{Body, CoreModule, Memory, signature};
use super::log;
use super::store::{self, Contents, WORD};
use wasm_encoder::{
    BlockType, CanonicalOption, ComponentBuilder, ComponentExportKind as Kind,
    ComponentTypeRef as Ref, ComponentValType as Val, ExportKind, Instruction as I, MemArg,
    ModuleArg, PrimitiveValType, ValType,
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

/// What the component imports besides what [`log::import`] gives it, if it tells: functions. The last one
/// is imported only then.
pub(crate) const IMPORTS: [&str; 4] = [RUN, ENDED, FINISH, TEXT];

/// How many of them there are.
pub(crate) fn imports(tells: bool) -> impl Iterator<Item = &'static str> {
    IMPORTS.into_iter().filter(move |it| tells || *it != TEXT)
}

/// The component, which exports [`RUN`]. `tells` is whether it is given standard error.
pub(crate) fn component(tells: bool) -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let memory = tells.then(|| add_memory(&mut component));
    let (result, encoder) = component.type_defined(None);
    encoder.result(None, None);
    let status = ("status", Val::Primitive(PrimitiveValType::U8));
    let [is_well, text] = [PrimitiveValType::Bool, PrimitiveValType::String].map(Val::Primitive);
    let mut run = 0;
    let mut given = Vec::new();
    for name in imports(tells) {
        let (ty, mut encoder) = component.type_function(None);
        let (param, result) = match name {
            RUN => (None, Some(Val::Type(result))),
            ENDED => (Some(status), None),
            FINISH => (None, Some(is_well)),
            _ => (None, Some(text)),
        };
        encoder.params(param).result(result);
        if name == RUN {
            run = ty;
        }
        let function = component.import(name, Ref::Func(ty));
        let options = memory.iter().filter(|_| name == TEXT);
        let options = options.flat_map(|(memory, realloc)| {
            [
                CanonicalOption::Memory(*memory),
                CanonicalOption::Realloc(*realloc),
            ]
        });
        let lowered = component.lower_func(None, function, options.collect::<Vec<_>>());
        given.push((name, ExportKind::Func, lowered));
    }
    if let Some((memory, _)) = memory {
        given.extend(add_stderr(&mut component, memory));
        given.push(("m", ExportKind::Memory, memory));
    }
    let given = component.core_instantiate_exports(None, given);
    let module = component.core_module_raw(None, &module(tells));
    let args = [(GIVEN, ModuleArg::Instance(given))];
    let code = component.core_instantiate(None, module, args);
    let core = component.core_alias_export(None, code, RUN, ExportKind::Func);
    let lifted = component.lift_func(None, core, run, []);
    component.export(RUN, Kind::Func, lifted, None);
    component
}

/// Adds a memory, and what allocates in it.
pub(super) fn add_memory(component: &mut ComponentBuilder) -> (u32, u32) {
    let contents = Contents {
        sockets: false,
        heap: true,
    };
    let store = component.core_module_raw(None, &store::module(contents));
    let store = component.core_instantiate(None, store, []);
    let memory = component.core_alias_export(None, store, "m", ExportKind::Memory);
    let realloc = component.core_alias_export(None, store, "realloc", ExportKind::Func);
    (memory, realloc)
}

/// Imports standard error, and gives what [`tell`] calls of it.
pub(super) fn add_stderr(
    component: &mut ComponentBuilder,
    memory: u32,
) -> [(&'static str, ExportKind, u32); 2] {
    let log = log::functions(component);
    let get = component.lower_func(None, log.get_stderr, []);
    let write = component.lower_func(None, log.write, [CanonicalOption::Memory(memory)]);
    [("stderr", get), ("write", write)].map(|(name, index)| (name, ExportKind::Func, index))
}

/// The core functions of it.
pub(super) fn stderr_imports() -> [(&'static str, Signature); 2] {
    [
        ("stderr", signature(&[], &[ValType::I32])),
        ("write", signature(&[ValType::I32; 4], &[])),
    ]
}

/// The module that the code imports from.
pub(super) const GIVEN: &str = "i";

/// `run() -> i32` is 0 if the script ended well, of which the program's own status is a part.
fn module(tells: bool) -> Vec<u8> {
    let gives_number = || signature(&[], &[ValType::I32]);
    let takes_number = || signature(&[ValType::I32], &[]);
    let mut module = CoreModule::new(match tells {
        true => Memory::Imported(GIVEN),
        false => Memory::None,
    });
    for name in imports(tells) {
        let signature = match name {
            ENDED | TEXT => takes_number(),
            _ => gives_number(),
        };
        module.import(name, GIVEN, name.to_owned(), signature);
    }
    let mut body = Body::new(gives_number());
    body.call(RUN).call(ENDED).call(FINISH);
    body.plain([I::I32Eqz]);
    if tells {
        for (name, signature) in stderr_imports() {
            module.import(name, GIVEN, name.to_owned(), signature);
        }
        module.define(TELL, tell());
        let failed = 0;
        body.locals.push(ValType::I32);
        body.plain([I::LocalTee(failed), I::If(BlockType::Empty)]);
        body.call(TELL).plain([I::End, I::LocalGet(failed)]);
    }
    module.export(RUN, body);
    module.finish().0
}

/// Where the text of the report is, and behind that how long it is, as far as it is not told.
const REST: i32 = 40;
/// Where the result of a write is.
const WRITTEN: i32 = 48;
/// No write takes more at once.
const AT_ONCE: i32 = 4096;

/// The function that tells of what was not as it should be.
pub(super) const TELL: &str = "tell";

/// `tell()`
pub(super) fn tell() -> Body<&'static str> {
    let (stream, count) = (0, 1);
    let mut body = Body::new(signature(&[], &[]));
    body.locals.extend([ValType::I32; 2]);
    body.plain([I::I32Const(REST)]).call(TEXT);
    body.call("stderr").plain([
        I::LocalSet(stream),
        I::Loop(BlockType::Empty),
        I::I32Const(REST),
        I::I32Load(LENGTH),
        I::LocalTee(count),
        I::I32Eqz,
        I::If(BlockType::Empty),
        I::Return,
        I::End,
        I::LocalGet(count),
        I::I32Const(AT_ONCE),
        I::LocalGet(count),
        I::I32Const(AT_ONCE),
        I::I32LtU,
        I::Select,
        I::LocalSet(count),
        I::LocalGet(stream),
        I::I32Const(REST),
        I::I32Load(WORD),
        I::LocalGet(count),
        I::I32Const(WRITTEN),
    ]);
    body.call("write");
    for (place, changed) in [(WORD, I::I32Add), (LENGTH, I::I32Sub)] {
        body.plain([
            I::I32Const(REST),
            I::I32Const(REST),
            I::I32Load(place),
            I::LocalGet(count),
            changed,
            I::I32Store(place),
        ]);
    }
    body.plain([I::Br(0), I::End]);
    body
}

const LENGTH: MemArg = MemArg { offset: 4, ..WORD };
