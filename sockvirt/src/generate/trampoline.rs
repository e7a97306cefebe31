//! Functions that must be there before the code that they run.
//!
//! A function of the host can only be lowered with the memory and the `realloc` of code that
//! imports that very function, and a resource type needs its destructor before the functions that
//! make its instances. So a module with the memory comes first, whose functions call through a
//! table, and one that fills the table comes last.

use super::link::STORE;
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, Instruction as I, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TypeSection, ValType,
};

/// A function that is called through the table. Its number is its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// `(old, old size, align, size) -> address`
    Realloc,
    /// `(representation)`
    Destructor,
}

impl Late {
    fn params(self) -> &'static [ValType] {
        match self {
            Late::Realloc => &[ValType::I32; 4],
            Late::Destructor => &[ValType::I32],
        }
    }

    fn results(self) -> &'static [ValType] {
        match self {
            Late::Realloc => &[ValType::I32],
            Late::Destructor => &[],
        }
    }
}

fn table(size: usize) -> TableType {
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: size as u64,
        maximum: Some(size as u64),
        shared: false,
    }
}

fn types(functions: &[Late]) -> TypeSection {
    let mut section = TypeSection::new();
    for late in functions {
        let (params, results) = (late.params().to_vec(), late.results().to_vec());
        section.ty().function(params, results);
    }
    section
}

/// The module that comes first: a memory `m` and, where there are functions, the table `t` and a
/// function for each number.
pub(super) fn first(functions: &[Late], pages: u64, most_pages: u64) -> Vec<u8> {
    let (mut defined, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut exports = ExportSection::new();
    exports.export("m", ExportKind::Memory, 0);
    if !functions.is_empty() {
        exports.export("t", ExportKind::Table, 0);
    }
    for (number, late) in (0..).zip(functions) {
        defined.function(number);
        let mut body = Function::new([]);
        for local in 0..late.params().len() {
            body.instruction(&I::LocalGet(local as u32));
        }
        body.instruction(&I::I32Const(number as i32));
        body.instruction(&I::CallIndirect {
            type_index: number,
            table_index: 0,
        });
        body.instruction(&I::End);
        code.function(&body);
        exports.export(&number.to_string(), ExportKind::Func, number);
    }
    let mut tables = TableSection::new();
    tables.table(table(functions.len()));
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: pages,
        maximum: Some(most_pages),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    if functions.is_empty() {
        module.section(&memories).section(&exports);
        return module.finish();
    }
    module
        .section(&types(functions))
        .section(&defined)
        .section(&tables)
        .section(&memories)
        .section(&exports)
        .section(&code);
    module.finish()
}

/// The module that comes last. It imports the table and, under their numbers, what belongs in it.
pub(super) fn last(functions: &[Late]) -> Vec<u8> {
    let mut imports = ImportSection::new();
    let mut numbers = Vec::new();
    for number in 0..functions.len() as u32 {
        imports.import(STORE, &number.to_string(), EntityType::Function(number));
        numbers.push(number);
    }
    imports.import(STORE, "t", EntityType::Table(table(functions.len())));
    let mut elements = ElementSection::new();
    let offset = ConstExpr::i32_const(0);
    elements.active(None, &offset, Elements::Functions(numbers.into()));
    let mut module = Module::new();
    module
        .section(&types(functions))
        .section(&imports)
        .section(&elements);
    module.finish()
}
