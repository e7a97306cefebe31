//! The component that holds the policy, and what it remembers: which addresses a name was answered
//! with, and where a socket has sent to. Those that stand between guest and host all ask it.

use super::link::{INTRINSICS, STORE};
use super::log;
use super::prebuilt::{self, Malformed, Part};
use super::trampoline;
use crate::generate::abi::Signature;
use sockvirt_policy::{Log, Policy};
use std::collections::BTreeMap;
use wasm_encoder::{
    CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentValType as Val,
    ConstExpr, Encode, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction as I, MemoryType, Module, ModuleArg, PrimitiveValType, SectionId,
    TypeSection, ValType,
};

/// An argument of the component: its name, its kind, and its index in the component around.
pub(crate) type Given = (&'static str, ComponentExportKind, u32);

/// What `realloc` is called among the policy's functions.
const REALLOC: &str = "[realloc]";

/// The type of one of the policy's functions: numbers, but for names, which are strings.
pub(super) fn function_type(
    component: &mut ComponentBuilder,
    name: &str,
    signature: &Signature,
) -> u32 {
    let number = |ty: &ValType| {
        Val::Primitive(match ty {
            ValType::I64 => PrimitiveValType::U64,
            _ => PrimitiveValType::U32,
        })
    };
    let (ty, mut encoder) = component.type_function(None);
    let params: Vec<_> = match name {
        "resolve" => vec![("a".to_owned(), Val::Primitive(PrimitiveValType::String))],
        _ => ('a'..='z')
            .zip(&signature.params)
            .map(|(name, ty)| (name.to_string(), number(ty)))
            .collect(),
    };
    let params = params.iter().map(|(name, ty)| (name.as_str(), *ty));
    encoder
        .params(params)
        .result(signature.results.first().map(number));
    ty
}

/// The component. It exports the functions that are asked for, each with its core signature.
pub(crate) fn component(
    policy: &Policy,
    functions: &BTreeMap<String, Signature>,
) -> Result<ComponentBuilder, Malformed> {
    let mut names: Vec<_> = functions.keys().map(String::as_str).collect();
    if functions.contains_key("resolve") {
        names.push(REALLOC);
    }
    let code = prebuilt::policy(policy.looks_up_names(), policy.log() != Log::None);
    let part = prebuilt::take(code, &names)?;
    let mut component = ComponentBuilder::default();
    let wire = policy.wire();
    let pages = pages(&part, wire.len());
    let first = trampoline::first(&[], pages, pages);
    let first = component.core_module_raw(None, &first);
    let store = component.core_instantiate(None, first, []);
    let memory = component.core_alias_export(None, store, "m", ExportKind::Memory);
    let given = add_imports(&mut component, &part, wire, store)?;
    let module = component.core_module_raw(None, &part.module);
    let args = [
        (STORE, ModuleArg::Instance(store)),
        (INTRINSICS, ModuleArg::Instance(given)),
    ];
    let code = component.core_instantiate(None, module, args);
    let mut export = |position: usize| {
        let name = position.to_string();
        component.core_alias_export(None, code, &name, ExportKind::Func)
    };
    let core: Vec<_> = (0..names.len()).map(&mut export).collect();
    for (position, (name, signature)) in functions.iter().enumerate() {
        if *signature != part.exports[position] {
            return Err(Malformed(format!("`{name}` is not as it is called")));
        }
        let ty = function_type(&mut component, name, signature);
        let mut options = vec![];
        if name == "resolve" {
            let realloc = core.last().copied().unwrap_or_default();
            options.extend([
                CanonicalOption::Memory(memory),
                CanonicalOption::Realloc(realloc),
            ]);
        }
        let function = component.lift_func(None, core[position], ty, options);
        component.export(name, ComponentExportKind::Func, function, None);
    }
    Ok(component)
}

/// How large the memory is, in pages of 64 KiB, with the wire form behind the static data.
fn pages(part: &Part, wire: usize) -> u64 {
    (u64::from(start(part)) + wire as u64)
        .div_ceil(65_536)
        .max(part.pages)
}

/// Where the wire form stands.
fn start(part: &Part) -> u32 {
    part.heap.next_multiple_of(16)
}

/// Adds the wire form to the memory, and gives the instance with what the code imports.
fn add_imports(
    component: &mut ComponentBuilder,
    part: &Part,
    wire: Vec<u8>,
    store: u32,
) -> Result<u32, Malformed> {
    let module = component.core_module_raw(None, &wire_module(start(part), wire));
    let instance = component.core_instantiate(None, module, [(STORE, ModuleArg::Instance(store))]);
    let logs = part.imports.iter().any(|import| import.module == "log");
    let log = logs.then(|| log::functions(component));
    let mut given = Vec::new();
    for (i, import) in part.imports.iter().enumerate() {
        let name = import.name.as_str();
        let function = match (import.module.as_str(), &log, name) {
            ("wire", ..) => component.core_alias_export(None, instance, name, ExportKind::Func),
            ("log", Some(log), log::GET_STDERR) => component.lower_func(None, log.get_stderr, []),
            ("log", Some(log), log::WRITE) => {
                let memory = component.core_alias_export(None, store, "m", ExportKind::Memory);
                let options = [CanonicalOption::Memory(memory)];
                component.lower_func(None, log.write, options)
            }
            _ => return Err(Malformed(format!("it imports `{name}`"))),
        };
        given.push((i.to_string(), function));
    }
    let given = given
        .iter()
        .map(|(name, index)| (name.as_str(), ExportKind::Func, *index));
    Ok(component.core_instantiate_exports(None, given))
}

/// A module that puts the wire form in place, and says where it is and how long. The wire form may be
/// most of the output: the module is written around it.
fn wire_module(at: u32, wire: Vec<u8>) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut imports = ImportSection::new();
    let memory = MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    imports.import(STORE, "m", EntityType::Memory(memory));
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut exports = ExportSection::new();
    for (number, (name, value)) in (0..).zip([("at", at), ("length", wire.len() as u32)]) {
        functions.function(0);
        let mut body = Function::new([]);
        body.instruction(&I::I32Const(value as i32));
        body.instruction(&I::End);
        code.function(&body);
        exports.export(name, ExportKind::Func, number);
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports)
        .section(&code);
    let mut front = module.finish();
    front.extend(data_front(at, wire.len()));
    let mut bytes = wire;
    bytes.splice(0..0, front);
    bytes
}

/// What stands in a data section before the bytes of its one segment.
fn data_front(at: u32, length: usize) -> Vec<u8> {
    let mut segment = vec![1, 0];
    ConstExpr::i32_const(at as i32).encode(&mut segment);
    length.encode(&mut segment);
    let mut section = vec![SectionId::Data.into()];
    (segment.len() + length).encode(&mut section);
    section.extend(segment);
    section
}
