//! Core modules that were compiled beforehand, and what a composition needs of them.
//!
//! The sources are in `virt-adapter/`. Of each module only the functions are taken that somebody
//! calls; imports and exports get numbers for names, which are shorter.

use super::link::{INTRINSICS, STORE};
use crate::generate::abi::Signature;
use crate::generate::core::{Body, memory};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::LazyLock;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, ImportSection, MemorySection, Module, TableSection,
    TypeSection, ValType,
};
use wasmparser::{
    BinaryReaderError, Data, Element, ElementItems, FuncType, FunctionBody, Global, Operator,
    Parser, Payload, TypeRef,
};

/// What stands between a component and the sockets of its host: for policies that have something to
/// do with names, or redirects, and for the others.
pub(crate) const fn interposer(names: bool) -> &'static [u8] {
    match names {
        false => include_bytes!("../../prebuilt/interposer.wasm"),
        true => include_bytes!("../../prebuilt/interposer-names.wasm"),
    }
}

/// The policy and what it remembers: for policies that have something to do with names, and for
/// those that want decisions logged.
pub(crate) const fn policy(names: bool, log: bool) -> &'static [u8] {
    match (names, log) {
        (false, false) => include_bytes!("../../prebuilt/policy.wasm"),
        (false, true) => include_bytes!("../../prebuilt/policy-log.wasm"),
        (true, false) => include_bytes!("../../prebuilt/policy-names.wasm"),
        (true, true) => include_bytes!("../../prebuilt/policy-names-log.wasm"),
    }
}

/// The network, which is fused into components: with a script that is played on it, and without.
pub(crate) const fn network(script: bool) -> &'static [u8] {
    match script {
        false => include_bytes!("../../prebuilt/network.wasm"),
        true => include_bytes!("../../prebuilt/network-script.wasm"),
    }
}

/// The same where the network is in another component.
pub(crate) const fn remote(script: bool) -> &'static [u8] {
    match script {
        false => include_bytes!("../../prebuilt/network-remote.wasm"),
        true => include_bytes!("../../prebuilt/network-remote-script.wasm"),
    }
}

/// The network for WASI 0.3, in a component beside the one that uses it: with a script that is played
/// on it, and with sockets of the host's beside its own.
pub(crate) const fn network_3(script: bool, host: bool) -> &'static [u8] {
    match (script, host) {
        (false, false) => include_bytes!("../../prebuilt/network-3.wasm"),
        (false, true) => include_bytes!("../../prebuilt/network-3-host.wasm"),
        (true, false) => include_bytes!("../../prebuilt/network-3-script.wasm"),
        (true, true) => include_bytes!("../../prebuilt/network-3-script-host.wasm"),
    }
}

/// The same for sockets of 0.2 as well.
pub(crate) const fn network_3_shared(script: bool, host: bool) -> &'static [u8] {
    match (script, host) {
        (false, false) => include_bytes!("../../prebuilt/network-3-shared.wasm"),
        (false, true) => include_bytes!("../../prebuilt/network-3-shared-host.wasm"),
        (true, false) => include_bytes!("../../prebuilt/network-3-shared-script.wasm"),
        (true, true) => include_bytes!("../../prebuilt/network-3-shared-script-host.wasm"),
    }
}

/// How large the memory of a network may become, in pages of 64 KiB: as large as memories are.
pub(crate) const MOST_PAGES: u64 = 65_536;

/// The network in a component that several share: with a script that is played on it, and without.
pub(crate) const fn hub(script: bool) -> &'static [u8] {
    match script {
        false => include_bytes!("../../prebuilt/hub.wasm"),
        true => include_bytes!("../../prebuilt/hub-script.wasm"),
    }
}

/// The name under which a table is exported.
pub(crate) const TABLE: &str = "t";

/// What was taken of a module.
pub(crate) struct Part {
    pub(crate) module: Vec<u8>,
    /// What it imports, by position, besides its memory.
    pub(crate) imports: Vec<Import>,
    /// The signatures of what it exports, by position, in the order in which it was asked for.
    pub(crate) exports: Vec<Signature>,
    /// How large its memory must be at least, in pages of 64 KiB.
    pub(crate) pages: u64,
    /// Where its static data ends, in bytes.
    pub(crate) heap: u32,
    /// How many places of its table it has need of itself.
    pub(crate) table: u32,
}

/// A function that a module imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) signature: Signature,
}

/// A module, taken apart.
#[derive(Default)]
struct Whole<'a> {
    types: Vec<FuncType>,
    imports: Vec<(&'a str, &'a str, u32)>,
    /// The types of the functions that it defines.
    functions: Vec<u32>,
    bodies: Vec<FunctionBody<'a>>,
    globals: Vec<Global<'a>>,
    exports: BTreeMap<&'a str, u32>,
    heap_global: Option<u32>,
    /// What functions are called through, and what stands in it.
    tables: Vec<wasmparser::Table<'a>>,
    elements: Vec<Element<'a>>,
    data: Vec<Data<'a>>,
    pages: u64,
}

/// A module that is not as the build of `virt-adapter/` leaves it.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<BinaryReaderError> for Malformed {
    fn from(e: BinaryReaderError) -> Self {
        Malformed(e.to_string())
    }
}

impl From<reencode::Error<Malformed>> for Malformed {
    fn from(e: reencode::Error<Malformed>) -> Self {
        Malformed(e.to_string())
    }
}

/// Whether there is a compiled function of this name that stands in for one of the host's.
pub(crate) fn exports(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| exports_of(interposer(true)));
    NAMES.contains(name)
}

/// Whether the network has a function of this name.
pub(crate) fn network_exports(script: bool, name: &str) -> bool {
    type Names = LazyLock<BTreeSet<&'static str>>;
    static ALONE: Names = LazyLock::new(|| exports_of(network(false)));
    static SCRIPT: Names = LazyLock::new(|| exports_of(network(true)));
    match script {
        false => ALONE.contains(name),
        true => SCRIPT.contains(name),
    }
}

/// Whether the network for WASI 0.3 has a function of this name, with a script or without.
pub(crate) fn network_3_exports(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| exports_of(network_3(true, false)));
    NAMES.contains(name)
}

fn exports_of(module: &'static [u8]) -> BTreeSet<&'static str> {
    let whole = Whole::read(module);
    whole.map_or_else(
        |_| BTreeSet::new(),
        |whole| whole.exports.into_keys().collect(),
    )
}

/// Takes the functions that are exported under these names, and what they call.
pub(crate) fn take(module: &[u8], exports: &[&str]) -> Result<Part, Malformed> {
    take_roots(module, exports, None)
}

/// What a module has besides when it stands alone: with its table exported as [`TABLE`], and with a
/// memory of its own, which is exported as `m`. One that imports functions has that imported, since
/// what it is given needs it before.
pub(crate) struct Alone<'a> {
    /// How many places the table has more.
    pub(crate) room: u32,
    /// How large the memory may become, in pages of 64 KiB.
    pub(crate) most_pages: u64,
    /// Bytes in memory at the next multiple of 16 behind its static data, with their number in four
    /// bytes before them.
    pub(crate) bytes: &'a [u8],
    /// Functions that are exported behind those that were asked for.
    pub(crate) functions: &'a [Body<Infallible>],
    /// What is before the numbers of functions that are exported. jco 1.35 names what a component
    /// exports by instance and name: a bare number behind that of an instance is another instance's.
    pub(crate) prefix: &'static str,
}

/// As [`take`], for a module that stands alone.
pub(crate) fn take_alone(
    module: &[u8],
    exports: &[&str],
    alone: &Alone<'_>,
) -> Result<Part, Malformed> {
    take_roots(module, exports, Some(alone))
}

fn take_roots(
    module: &[u8],
    exports: &[&str],
    alone: Option<&Alone<'_>>,
) -> Result<Part, Malformed> {
    let whole = Whole::read(module)?;
    let mut roots = Vec::new();
    for name in exports {
        let function = whole.exports.get(name).copied();
        roots.push(function.ok_or_else(|| Malformed(format!("it has no export `{name}`")))?);
    }
    whole.part(&roots, alone)
}

impl<'a> Whole<'a> {
    fn read(module: &'a [u8]) -> Result<Self, Malformed> {
        let mut whole = Whole::default();
        for payload in Parser::new(0).parse_all(module) {
            whole.add(payload?)?;
        }
        Ok(whole)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<(), Malformed> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types.push(ty?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(ty) => self.imports.push((import.module, import.name, ty)),
                        TypeRef::Memory(memory) => self.pages = memory.initial,
                        _ => return Err(Malformed(format!("it imports `{}`", import.name))),
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    match (export.kind, export.name) {
                        (wasmparser::ExternalKind::Func, name) => {
                            self.exports.insert(name, export.index);
                        }
                        (_, "__heap_base") => self.heap_global = Some(export.index),
                        _ => {}
                    }
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.data.push(data?);
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?);
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    self.elements.push(element?);
                }
            }
            // The linker's start function zeroes memory, which is zero.
            _ => {}
        }
        Ok(())
    }

    fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        let defined = function.checked_sub(self.imports.len() as u32)?;
        self.bodies.get(defined as usize)
    }

    fn type_of(&self, function: u32) -> Option<&FuncType> {
        let imported = self.imports.get(function as usize).map(|(_, _, ty)| *ty);
        let defined = || {
            let defined = function.checked_sub(self.imports.len() as u32)?;
            self.functions.get(defined as usize).copied()
        };
        self.types.get(imported.or_else(defined)? as usize)
    }

    /// The functions that can be called by pointers.
    fn pointed_at(&self) -> Result<Vec<u32>, Malformed> {
        let mut functions = Vec::new();
        for element in &self.elements {
            match element.items.clone() {
                ElementItems::Functions(items) => {
                    for function in items {
                        functions.push(function?);
                    }
                }
                ElementItems::Expressions(..) => {
                    return Err(Malformed("it has pointers of another kind".to_owned()));
                }
            }
        }
        Ok(functions)
    }

    /// The roots and all that they call, imports first.
    fn reachable(&self, roots: &[u32]) -> Result<Reached, Malformed> {
        let mut open = roots.to_vec();
        let mut reached = BTreeSet::new();
        let mut by_pointer = false;
        let mut globals = 0;
        while let Some(function) = open.pop() {
            if !reached.insert(function) {
                continue;
            }
            let Some(body) = self.body(function) else {
                continue;
            };
            for operator in body.get_operators_reader()? {
                match operator? {
                    Operator::Call { function_index }
                    | Operator::ReturnCall { function_index }
                    | Operator::RefFunc { function_index } => open.push(function_index),
                    Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => {
                        globals = globals.max(global_index as usize + 1);
                    }
                    Operator::CallIndirect { .. } if !by_pointer => {
                        by_pointer = true;
                        open.extend(self.pointed_at()?);
                    }
                    _ => {}
                }
            }
        }
        Ok(Reached {
            functions: reached,
            by_pointer,
            globals,
        })
    }

    fn part(&self, roots: &[u32], alone: Option<&Alone<'_>>) -> Result<Part, Malformed> {
        let reached = self.reachable(roots)?;
        let numbers: BTreeMap<u32, u32> = reached.functions.iter().copied().zip(0..).collect();
        let mut renumber = Renumber {
            whole: self,
            numbers: &numbers,
            types: Types::default(),
        };
        let mut sections = Sections {
            prefix: alone.map_or("", |it| it.prefix),
            ..Sections::default()
        };
        if alone.is_none() {
            let memory = EntityType::Memory(memory(self.pages, None));
            sections.imports.import(STORE, "m", memory);
        }
        let imports = self.add_functions(&mut sections, &mut renumber, &reached)?;
        let mut exports = Vec::new();
        for root in roots {
            sections.export_numbered(numbers[root]);
            exports.push(self.signature(*root)?);
        }
        if let Some(alone) = alone {
            exports.extend(sections.add_bodies(
                alone.functions,
                &mut renumber.types,
                numbers.len(),
            ));
        }
        self.add_tables(&mut sections, &mut renumber, &reached, alone)?;
        sections.globals = self.globals(&mut renumber, reached.globals)?;
        sections.data = self.data(&mut renumber)?;
        let heap = self.heap()?;
        let mut pages = self.pages;
        if let Some(alone) = alone {
            pages = sections.add_memory(alone, pages, heap, imports.is_empty());
        }
        let table = self.tables.first();
        Ok(Part {
            module: sections.finish(&renumber.types.section),
            imports,
            exports,
            pages,
            heap,
            table: table.map_or(0, |table| table.ty.initial as u32),
        })
    }

    /// Adds the functions that are reached, and gives those that are imported.
    fn add_functions(
        &self,
        sections: &mut Sections,
        renumber: &mut Renumber<'_, '_>,
        reached: &Reached,
    ) -> Result<Vec<Import>, Malformed> {
        let mut imported = Vec::new();
        for &function in &reached.functions {
            let signature = self.signature(function)?;
            let ty = renumber.types.index(&signature);
            match self.imports.get(function as usize) {
                Some((module, name, _)) => {
                    let number = imported.len().to_string();
                    let function = EntityType::Function(ty);
                    sections.imports.import(INTRINSICS, &number, function);
                    imported.push(Import {
                        module: (*module).to_owned(),
                        name: (*name).to_owned(),
                        signature,
                    });
                }
                None => {
                    let body = self.body(function);
                    let body = body.ok_or_else(|| Malformed("a body is missing".to_owned()))?;
                    sections.functions.function(ty);
                    renumber.parse_function_body(&mut sections.code, body.clone())?;
                }
            }
        }
        Ok(imported)
    }

    /// Adds what functions are called through, where they are, or somebody puts others there.
    fn add_tables(
        &self,
        sections: &mut Sections,
        renumber: &mut Renumber<'_, '_>,
        reached: &Reached,
        alone: Option<&Alone<'_>>,
    ) -> Result<(), Malformed> {
        let has_table = reached.by_pointer || alone.is_some();
        for table in self.tables.iter().filter(|_| has_table) {
            let mut table = table.clone();
            if let Some(alone) = alone {
                table.ty.initial += u64::from(alone.room);
                table.ty.maximum = None;
                sections.exports.export(TABLE, ExportKind::Table, 0);
            }
            renumber.parse_table(&mut sections.tables, table)?;
        }
        for element in self.elements.iter().filter(|_| reached.by_pointer) {
            renumber.parse_element(&mut sections.elements, element.clone())?;
        }
        Ok(())
    }

    fn signature(&self, function: u32) -> Result<Signature, Malformed> {
        let ty = self.type_of(function);
        signature(ty.ok_or_else(|| Malformed("a function has no type".to_owned()))?)
    }

    fn globals(
        &self,
        renumber: &mut Renumber<'_, '_>,
        count: usize,
    ) -> Result<GlobalSection, Malformed> {
        let mut section = GlobalSection::new();
        for global in self.globals.iter().take(count) {
            renumber.parse_global(&mut section, global.clone())?;
        }
        Ok(section)
    }

    fn data(&self, renumber: &mut Renumber<'_, '_>) -> Result<DataSection, Malformed> {
        let mut section = DataSection::new();
        for data in &self.data {
            renumber.parse_data(&mut section, data.clone())?;
        }
        Ok(section)
    }

    /// Where static data ends: what the linker's `__heap_base` says.
    fn heap(&self) -> Result<u32, Malformed> {
        let missing = || Malformed("it does not say where its heap begins".to_owned());
        let global = self.heap_global.ok_or_else(missing)? as usize;
        let global = self.globals.get(global).ok_or_else(missing)?;
        match global.init_expr.get_operators_reader().read()? {
            Operator::I32Const { value } => Ok(value as u32),
            _ => Err(missing()),
        }
    }
}

/// The sections of a module in the making.
#[derive(Default)]
struct Sections {
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    /// How many functions are exported under their numbers, and what is before those.
    numbered: usize,
    prefix: &'static str,
}

impl Sections {
    fn export_numbered(&mut self, function: u32) {
        let name = format!("{}{}", self.prefix, self.numbered);
        self.exports.export(&name, ExportKind::Func, function);
        self.numbered += 1;
    }

    /// Adds functions behind the first so many, exports them, and gives their signatures.
    fn add_bodies(
        &mut self,
        bodies: &[Body<Infallible>],
        types: &mut Types,
        first: usize,
    ) -> Vec<Signature> {
        for (index, body) in (first as u32..).zip(bodies) {
            self.functions.function(types.index(&body.signature));
            self.code.function(&body.encode(&HashMap::new()));
            self.export_numbered(index);
        }
        bodies.iter().map(|body| body.signature.clone()).collect()
    }

    /// Adds a memory, and bytes in it behind its heap's base. How large it must be at least.
    fn add_memory(&mut self, alone: &Alone<'_>, pages: u64, heap: u32, is_own: bool) -> u64 {
        let at = heap.next_multiple_of(16);
        let length = alone.bytes.len() as u32;
        let bytes = [&length.to_le_bytes(), alone.bytes].concat();
        let end = u64::from(at) + bytes.len() as u64;
        self.data.active(0, &ConstExpr::i32_const(at as i32), bytes);
        let pages = pages.max(end.div_ceil(65_536));
        if is_own {
            self.memories.memory(memory(pages, Some(alone.most_pages)));
            self.exports.export("m", ExportKind::Memory, 0);
        } else {
            let memory = EntityType::Memory(memory(pages, None));
            self.imports.import(STORE, "m", memory);
        }
        pages
    }

    fn finish(self, types: &TypeSection) -> Vec<u8> {
        let mut module = Module::new();
        module.section(types);
        if !self.imports.is_empty() {
            module.section(&self.imports);
        }
        module.section(&self.functions);
        if !self.tables.is_empty() {
            module.section(&self.tables);
        }
        if !self.memories.is_empty() {
            module.section(&self.memories);
        }
        module.section(&self.globals).section(&self.exports);
        if !self.elements.is_empty() {
            module.section(&self.elements);
        }
        module.section(&self.code).section(&self.data);
        module.finish()
    }
}

/// What somebody calls.
struct Reached {
    functions: BTreeSet<u32>,
    /// Whether functions are called by pointers.
    by_pointer: bool,
    /// Up to which globals they go.
    globals: usize,
}

fn signature(ty: &FuncType) -> Result<Signature, Malformed> {
    let core = |types: &[wasmparser::ValType]| -> Result<Vec<ValType>, Malformed> {
        types
            .iter()
            .map(|ty| match ty {
                wasmparser::ValType::I32 => Ok(ValType::I32),
                wasmparser::ValType::I64 => Ok(ValType::I64),
                _ => Err(Malformed("a function takes no integer".to_owned())),
            })
            .collect()
    };
    Ok(Signature {
        params: core(ty.params())?,
        results: core(ty.results())?,
    })
}

struct Renumber<'n, 'a> {
    whole: &'n Whole<'a>,
    numbers: &'n BTreeMap<u32, u32>,
    types: Types,
}

impl Reencode for Renumber<'_, '_> {
    type Error = Malformed;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Malformed>> {
        Ok(self.numbers[&function])
    }

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Malformed>> {
        let ty = self.whole.types.get(index as usize);
        let ty = ty.ok_or_else(|| Malformed("a type is missing".to_owned()));
        let signature = ty.and_then(signature).map_err(reencode::Error::UserError)?;
        Ok(self.types.index(&signature))
    }
}

#[derive(Default)]
struct Types {
    section: TypeSection,
    known: Vec<Signature>,
}

impl Types {
    fn index(&mut self, signature: &Signature) -> u32 {
        let known = self.known.iter().position(|known| known == signature);
        known.unwrap_or_else(|| {
            let Signature { params, results } = signature;
            let (params, results) = (params.iter().copied(), results.iter().copied());
            self.section.ty().function(params, results);
            self.known.push(signature.clone());
            self.known.len() - 1
        }) as u32
    }
}
