//! Writing core modules: functions that call each other and what they import by what it is, with
//! indices given out at the end.

use crate::generate::abi::Signature;
use std::collections::HashMap;
use std::hash::Hash;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, MemorySection, MemoryType, Module, RefType, TableType, TypeSection, ValType,
};

/// One step of a function body. `C` names what can be called.
#[derive(Clone, Debug)]
pub(crate) enum Code<C> {
    Plain(Instruction<'static>),
    Call(C),
}

/// A function before it has an index.
#[derive(Clone, Debug)]
pub(crate) struct Body<C> {
    pub(crate) signature: Signature,
    /// Types of the locals behind the parameters.
    pub(crate) locals: Vec<ValType>,
    pub(crate) code: Vec<Code<C>>,
}

impl<C> Body<C> {
    pub(crate) fn new(signature: Signature) -> Self {
        Body {
            signature,
            locals: Vec::new(),
            code: Vec::new(),
        }
    }

    /// Appends instructions.
    pub(crate) fn plain(
        &mut self,
        instructions: impl IntoIterator<Item = Instruction<'static>>,
    ) -> &mut Self {
        self.code.extend(instructions.into_iter().map(Code::Plain));
        self
    }

    /// Appends a call.
    pub(crate) fn call(&mut self, callee: C) -> &mut Self {
        self.code.push(Code::Call(callee));
        self
    }
}

impl<C: Eq + Hash> Body<C> {
    /// The function, where what it calls has these indices.
    pub(crate) fn encode(&self, indices: &HashMap<C, u32>) -> Function {
        let mut function = Function::new_with_locals_types(self.locals.iter().copied());
        for code in &self.code {
            match code {
                Code::Plain(instruction) => function.instruction(instruction),
                Code::Call(callee) => function.instruction(&Instruction::Call(indices[callee])),
            };
        }
        function.instruction(&Instruction::End);
        function
    }
}

/// A function signature, short to write.
pub(crate) fn signature(params: &[ValType], results: &[ValType]) -> Signature {
    Signature {
        params: params.to_vec(),
        results: results.to_vec(),
    }
}

/// Where a memory comes from.
pub(crate) enum Memory {
    /// Its own, exported as `m`, with its least and its largest size in pages of 64 KiB.
    Own {
        least: u64,
        most: u64,
    },
    /// Imported as `m` from this module name.
    Imported(&'static str),
    None,
}

/// A core module in the making.
pub(crate) struct CoreModule<C> {
    memory: Memory,
    globals: Vec<i32>,
    imports: Vec<(C, &'static str, String, Signature)>,
    helpers: Vec<(C, Body<C>)>,
    exports: Vec<(&'static str, Body<C>)>,
    numbered: Vec<Body<C>>,
    data: Vec<(u32, Vec<u8>)>,
    /// The module name and the name under which a table is imported, and what is put into it.
    table: Option<(&'static str, &'static str)>,
    places: Vec<(u32, C)>,
}

impl<C: Copy + Eq + Hash> CoreModule<C> {
    pub(crate) fn new(memory: Memory) -> Self {
        CoreModule {
            memory,
            globals: Vec::new(),
            imports: Vec::new(),
            helpers: Vec::new(),
            exports: Vec::new(),
            numbered: Vec::new(),
            data: Vec::new(),
            table: None,
            places: Vec::new(),
        }
    }

    /// Adds a mutable `i32` global and gives its index.
    pub(crate) fn global(&mut self, initial: i32) -> u32 {
        self.globals.push(initial);
        self.globals.len() as u32 - 1
    }

    /// Adds bytes that are in memory from the start.
    pub(crate) fn data(&mut self, at: u32, bytes: Vec<u8>) {
        self.data.push((at, bytes));
    }

    /// Imports a table of functions.
    pub(crate) fn import_table(&mut self, module: &'static str, name: &'static str) {
        self.table = Some((module, name));
    }

    /// Puts a function into a place of the table.
    pub(crate) fn place(&mut self, at: u32, callee: C) {
        self.places.push((at, callee));
    }

    /// Makes `callee` a function that is imported.
    pub(crate) fn import(
        &mut self,
        callee: C,
        module: &'static str,
        name: impl Into<String>,
        signature: Signature,
    ) {
        self.imports.push((callee, module, name.into(), signature));
    }

    /// Makes `callee` a function of the module.
    pub(crate) fn define(&mut self, callee: C, body: Body<C>) {
        self.helpers.push((callee, body));
    }

    /// Adds a function that is exported under a name.
    pub(crate) fn export(&mut self, name: &'static str, body: Body<C>) {
        self.exports.push((name, body));
    }

    /// Adds a function that is exported under a number. Equal functions share one.
    pub(crate) fn export_numbered(&mut self, body: Body<C>) {
        self.numbered.push(body);
    }

    /// The module's bytes, and for each numbered export its number.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<u32>) {
        let mut types = Types::default();
        let mut imports = ImportSection::new();
        let mut exports = ExportSection::new();
        let mut indices = HashMap::new();
        for (callee, module, name, signature) in &self.imports {
            indices.insert(*callee, imports.len());
            imports.import(module, name, EntityType::Function(types.index(signature)));
        }
        for (callee, _) in &self.helpers {
            indices.insert(*callee, indices.len() as u32);
        }
        let mut functions = Functions::starting_at(self.imports.len() as u32);
        for (_, body) in &self.helpers {
            functions.add(types.index(&body.signature), &body.encode(&indices));
        }
        for (name, body) in &self.exports {
            let index = functions.add(types.index(&body.signature), &body.encode(&indices));
            exports.export(name, ExportKind::Func, index);
        }
        let mut numbers = Vec::new();
        for body in &self.numbered {
            let ty = types.index(&body.signature);
            let (number, index) = functions.share(ty, &body.encode(&indices));
            if let Some(index) = index {
                exports.export(&number.to_string(), ExportKind::Func, index);
            }
            numbers.push(number);
        }
        let mut memories = MemorySection::new();
        match self.memory {
            Memory::Own { least, most } => {
                memories.memory(memory(least, Some(most)));
                exports.export("m", ExportKind::Memory, 0);
            }
            Memory::Imported(module) => {
                imports.import(module, "m", memory(0, None));
            }
            Memory::None => {}
        }
        if let Some((module, name)) = self.table {
            imports.import(module, name, table());
        }
        let elements = elements(&self.places, &indices);
        let mut module = Module::new();
        module.section(&types.section);
        if !imports.is_empty() {
            module.section(&imports);
        }
        module.section(&functions.types);
        if !memories.is_empty() {
            module.section(&memories);
        }
        if !self.globals.is_empty() {
            module.section(&globals(&self.globals));
        }
        module.section(&exports);
        if !elements.is_empty() {
            module.section(&elements);
        }
        module.section(&functions.code);
        if !self.data.is_empty() {
            module.section(&data(&self.data));
        }
        (module.finish(), numbers)
    }
}

/// The function and code sections.
struct Functions {
    types: FunctionSection,
    code: CodeSection,
    first: u32,
    numbers: HashMap<(u32, Vec<u8>), u32>,
}

impl Functions {
    fn starting_at(first: u32) -> Self {
        Functions {
            types: FunctionSection::new(),
            code: CodeSection::new(),
            first,
            numbers: HashMap::new(),
        }
    }

    fn add(&mut self, ty: u32, function: &Function) -> u32 {
        self.types.function(ty);
        self.code.function(function);
        self.first + self.types.len() - 1
    }

    /// The number of a function among those that share, and its index where it is new.
    fn share(&mut self, ty: u32, function: &Function) -> (u32, Option<u32>) {
        let key = (ty, function.clone().into_raw_body());
        let next = self.numbers.len() as u32;
        match self.numbers.get(&key) {
            Some(number) => (*number, None),
            None => {
                self.numbers.insert(key, next);
                (next, Some(self.add(ty, function)))
            }
        }
    }
}

fn globals(initial: &[i32]) -> GlobalSection {
    let mut section = GlobalSection::new();
    for initial in initial {
        let ty = GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        };
        section.global(ty, &ConstExpr::i32_const(*initial));
    }
    section
}

/// A table of functions, of any size.
fn table() -> TableType {
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 0,
        maximum: None,
        shared: false,
    }
}

fn elements<C: Eq + Hash>(places: &[(u32, C)], indices: &HashMap<C, u32>) -> ElementSection {
    let mut section = ElementSection::new();
    for (at, callee) in places {
        let function = [indices[callee]];
        let function = Elements::Functions(function.as_slice().into());
        section.active(None, &ConstExpr::i32_const(*at as i32), function);
    }
    section
}

fn data(segments: &[(u32, Vec<u8>)]) -> DataSection {
    let mut section = DataSection::new();
    for (at, bytes) in segments {
        section.active(0, &ConstExpr::i32_const(*at as i32), bytes.iter().copied());
    }
    section
}

/// The type section, each signature once.
#[derive(Default)]
struct Types {
    section: TypeSection,
    indices: HashMap<Signature, u32>,
}

impl Types {
    fn index(&mut self, signature: &Signature) -> u32 {
        *self.indices.entry(signature.clone()).or_insert_with(|| {
            let Signature { params, results } = signature;
            self.section
                .ty()
                .function(params.iter().copied(), results.iter().copied());
            self.section.len() - 1
        })
    }
}

/// A memory of so many pages of 64 KiB.
pub(crate) fn memory(minimum: u64, maximum: Option<u64>) -> MemoryType {
    MemoryType {
        minimum,
        maximum,
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}
