//! What stands around a program of WASI 0.3 that a script is played to: as `verdict.rs`, but that
//! `run` is async.
//!
//! It starts the network's task and the program, and waits until the program has ended, or the script
//! says that it is to end: a server goes on for ever. What was not as it should be is told on standard
//! error.

use super::core::{Body, CoreModule, Memory, signature};
use super::store::WORD;
use super::verdict::{self, FINISH, GIVEN, RUN, TELL, TEXT, tell};
use crate::generate::abi::{EXIT, WAIT};
use crate::stand_in::{DRIVE, ENDED};
use wasm_encoder::{
    BlockType, CanonicalOption, ComponentBuilder, ComponentExportKind as Kind,
    ComponentTypeRef as Ref, ComponentValType as Val, ExportKind, Instruction as I, MemArg,
    ModuleArg, PrimitiveValType, ValType,
};

/// What the component imports besides what [`log::import`] gives it: functions.
pub(crate) const IMPORTS: [&str; 6] = [RUN, DRIVE, ENDED, verdict::ENDED, FINISH, TEXT];

/// Where the program's result is written.
const RESULT: i32 = 16;
/// Where the set is noted that the task waits for.
const SET: i32 = 32;

/// The state of a call, in the lower four bits of its status, once it has returned.
const RETURNED: i32 = 2;
/// The event that says so.
const SUBTASK: i32 = 1;

/// The component, which exports [`RUN`]. `tells` is whether it is given standard error.
pub(crate) fn component(tells: bool) -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let (memory, realloc) = verdict::add_memory(&mut component);
    let (result, encoder) = component.type_defined(None);
    encoder.result(None, None);
    let status = ("status", Val::Primitive(PrimitiveValType::U8));
    let [is_well, text] = [PrimitiveValType::Bool, PrimitiveValType::String].map(Val::Primitive);
    let functions = [
        (RUN, true, None, Some(Val::Type(result))),
        (DRIVE, true, None, None),
        (ENDED, true, None, None),
        (verdict::ENDED, false, Some(status), None),
        (FINISH, false, None, Some(is_well)),
        (TEXT, false, None, Some(text)),
    ];
    let mut types = Vec::new();
    for (name, is_async, param, result) in functions {
        let (ty, mut encoder) = component.type_function(None);
        encoder.async_(is_async).params(param).result(result);
        types.push((name, ty, is_async));
    }
    let mut given = Vec::new();
    for (name, ty, is_async) in &types {
        let function = component.import(*name, Ref::Func(*ty));
        let mut options = vec![CanonicalOption::Memory(memory)];
        options.push(CanonicalOption::Realloc(realloc));
        options.extend(is_async.then_some(CanonicalOption::Async));
        let lowered = component.lower_func(None, function, options);
        given.push((*name, ExportKind::Func, lowered));
    }
    let builtins = [
        ("set", component.waitable_set_new()),
        ("join", component.waitable_join()),
        ("return", component.task_return(Some(Val::Type(result)), [])),
    ];
    given.extend(builtins.map(|(name, index)| (name, ExportKind::Func, index)));
    given.push(("m", ExportKind::Memory, memory));
    if tells {
        given.extend(verdict::add_stderr(&mut component, memory));
    }
    let given = component.core_instantiate_exports(None, given);
    let module = component.core_module_raw(None, &module(tells));
    let code = component.core_instantiate(None, module, [(GIVEN, ModuleArg::Instance(given))]);
    let run = component.core_alias_export(None, code, RUN, ExportKind::Func);
    let callback = component.core_alias_export(None, code, "callback", ExportKind::Func);
    let options = [CanonicalOption::Async, CanonicalOption::Callback(callback)];
    let lifted = component.lift_func(None, run, types[0].1, options);
    component.export(RUN, Kind::Func, lifted, None);
    component
}

fn module(tells: bool) -> Vec<u8> {
    use ValType::I32;
    let mut module = CoreModule::new(Memory::Imported(GIVEN));
    let mut imports = vec![
        (RUN, signature(&[I32], &[I32])),
        (DRIVE, signature(&[], &[I32])),
        (ENDED, signature(&[], &[I32])),
        (verdict::ENDED, signature(&[I32], &[])),
        (FINISH, signature(&[], &[I32])),
        (TEXT, signature(&[I32], &[])),
        ("set", signature(&[], &[I32])),
        ("join", signature(&[I32, I32], &[])),
        ("return", signature(&[I32], &[])),
    ];
    if tells {
        imports.extend(verdict::stderr_imports());
    }
    for (name, signature) in imports {
        module.import(name, GIVEN, name.to_owned(), signature);
    }
    let nothing = || Body::new(signature(&[], &[]));
    module.define(TELL, if tells { tell() } else { nothing() });
    module.define(END, end());
    module.export(RUN, run());
    module.export("callback", callback());
    module.finish().0
}

/// The function that ends the task.
const END: &str = "end";

/// `end() -> code`: the result is an error if the script has not ended well, of which the program's own
/// result is a part.
fn end() -> Body<&'static str> {
    let mut body = Body::new(signature(&[], &[ValType::I32]));
    let failed = 0;
    body.locals.push(ValType::I32);
    body.plain([I::I32Const(RESULT), I::I32Load8U(BYTE)]);
    body.call(verdict::ENDED).call(FINISH);
    body.plain([I::I32Eqz, I::LocalTee(failed), I::If(BlockType::Empty)]);
    body.call(TELL).plain([I::End, I::LocalGet(failed)]);
    body.call("return").plain([I::I32Const(EXIT)]);
    body
}

const BYTE: MemArg = MemArg { align: 0, ..WORD };

/// `run() -> code`
fn run() -> Body<&'static str> {
    let status = 0;
    let mut body = Body::new(signature(&[], &[ValType::I32]));
    body.locals.push(ValType::I32);
    // The network's task goes on, and nobody asks how it ends.
    body.call(DRIVE).plain([I::Drop, I::I32Const(SET)]);
    body.call("set").plain([I::I32Store(WORD)]);
    body.plain([I::I32Const(RESULT)]);
    for function in [RUN, ENDED] {
        body.call(function).plain([
            I::LocalTee(status),
            I::I32Const(15),
            I::I32And,
            I::I32Const(RETURNED),
            I::I32Eq,
            I::If(BlockType::Empty),
        ]);
        body.call(END).plain([
            I::Return,
            I::End,
            I::LocalGet(status),
            I::I32Const(4),
            I::I32ShrU,
            I::I32Const(SET),
            I::I32Load(WORD),
        ]);
        body.call("join");
    }
    wait(&mut body);
    body
}

fn wait(body: &mut Body<&'static str>) {
    body.plain([
        I::I32Const(SET),
        I::I32Load(WORD),
        I::I32Const(4),
        I::I32Shl,
        I::I32Const(WAIT),
        I::I32Or,
    ]);
}

/// `callback(event, handle, state) -> code`
fn callback() -> Body<&'static str> {
    let (event, state) = (0, 2);
    let mut body = Body::new(signature(&[ValType::I32; 3], &[ValType::I32]));
    body.plain([
        I::LocalGet(event),
        I::I32Const(SUBTASK),
        I::I32Eq,
        I::LocalGet(state),
        I::I32Const(RETURNED),
        I::I32Eq,
        I::I32And,
        I::If(BlockType::Empty),
    ]);
    body.call(END).plain([I::Return, I::End]);
    wait(&mut body);
    body
}
