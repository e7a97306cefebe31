//! The network itself, as core instances of the component that it is fused into.

use super::binding::Slot;
use super::glue::{Callee, movers};
use super::hooks::{Played, unsupported};
use super::hub;
use super::writer::Writer;
use crate::error::Error;
use crate::generate::abi::Signature;
use crate::generate::core::{CoreModule, Memory};
use crate::generate::link::{INTRINSICS, STORE};
use crate::generate::prebuilt::{self, Alone, MOST_PAGES, Malformed, Part};
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{CanonicalOption, ExportKind, ValType};

/// What the network's `realloc` is called.
pub(super) const REALLOC: &str = "[realloc]";
/// What says how the program ended, what ends a script, and what gives the text of its report.
const VERDICT: [&str; 3] = ["sockvirt#ended", "sockvirt#finish", "sockvirt#text"];
/// What takes another script.
const LOAD: &str = "sockvirt#load";

/// A core function that glue is given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) index: u32,
    pub(super) signature: Signature,
}

/// The network, after it was instantiated. Indices are those of the component that is written.
pub(super) struct Network {
    pub(super) memory: u32,
    pub(super) table: u32,
    pub(super) realloc: u32,
    /// The functions of [`VERDICT`], where there is a script that is played here.
    pub(super) verdict: Option<[u32; VERDICT.len()]>,
    /// The function that takes another script, where there may be one.
    pub(super) load: Option<u32>,
    /// Where the places of bindings begin in the table.
    first_place: u32,
    functions: HashMap<String, Given>,
    /// The functions that move blocks, in the order of [`movers`].
    pub(super) mover: Vec<Given>,
}

impl Network {
    /// Instantiates it, with room for so many bindings. With an instance of the hub, the network is
    /// that one's. Gives the module as well.
    pub(super) fn add(
        writer: &mut Writer,
        script: Option<Played>,
        functions: &BTreeSet<String>,
        bindings: u32,
        config: &[u8],
        hub: Option<u32>,
    ) -> Result<(Self, Vec<u8>), Error> {
        let mut names: Vec<_> = functions.iter().map(String::as_str).collect();
        names.push(REALLOC);
        // A hub has the script, and what is asked of it.
        let played = script.filter(|_| hub.is_none());
        if let Some(Played { loads, .. }) = played {
            names.extend(VERDICT);
            names.extend(loads.then_some(LOAD));
        }
        let movers = movers();
        let alone = Alone {
            room: bindings * Slot::COUNT,
            most_pages: MOST_PAGES,
            bytes: config,
            functions: &movers,
            prefix: "",
        };
        let code = match hub {
            None => prebuilt::network(script.is_some()),
            Some(_) => prebuilt::remote(script.is_some()),
        };
        let part = prebuilt::take_alone(code, &names, &alone).map_err(not_as_built)?;
        let (memory, code) = instantiate(writer, &part, hub)?;
        let mut taken = |number: usize| Given {
            index: writer.core_alias(code, &number.to_string(), ExportKind::Func),
            signature: part.exports[number].clone(),
        };
        let realloc = taken(functions.len()).index;
        let mut verdict = |it| taken(functions.len() + 1 + it).index;
        let load = played.filter(|it| it.loads).map(|_| verdict(VERDICT.len()));
        let verdict = played.map(|_| std::array::from_fn(verdict));
        let mover = (names.len()..part.exports.len()).map(&mut taken).collect();
        let functions = functions.iter().cloned().enumerate();
        let functions = functions
            .map(|(number, name)| (name, taken(number)))
            .collect();
        let network = Network {
            memory,
            table: writer.core_alias(code, prebuilt::TABLE, ExportKind::Table),
            realloc,
            verdict,
            load,
            first_place: part.table,
            functions,
            mover,
        };
        Ok((network, part.module))
    }

    /// The place where a binding begins, by its position among all.
    pub(super) fn place(&self, binding: usize) -> u32 {
        self.first_place + binding as u32 * Slot::COUNT
    }

    /// A function of the network, which must be called with the binding behind a call's own
    /// arguments.
    pub(super) fn function(&self, name: &str, called: &Signature) -> Result<Given, Error> {
        let mut expected = called.clone();
        expected.params.push(ValType::I32);
        match self.functions.get(name) {
            Some(given) if given.signature == expected => Ok(given.clone()),
            _ => Err(unsupported(
                &format!("`{name}`"),
                "its type is not that of WASI, which the network has",
            )),
        }
    }
}

/// Instantiates the network's module: its memory, and the instance. What is in another component is
/// called with that memory, so that is there before.
fn instantiate(writer: &mut Writer, part: &Part, hub: Option<u32>) -> Result<(u32, u32), Error> {
    let Some(hub) = hub else {
        if let Some(import) = part.imports.first() {
            return Err(foreign(&import.name));
        }
        let module = writer.core_module(&part.module);
        let code = writer.core_instantiate(module, &[]);
        return Ok((writer.core_alias(code, "m", ExportKind::Memory), code));
    };
    let (least, most) = (part.pages, MOST_PAGES);
    let (store, _) = CoreModule::<Callee>::new(Memory::Own { least, most }).finish();
    let store = writer.core_module(&store);
    let store = writer.core_instantiate(store, &[]);
    let memory = writer.core_alias(store, "m", ExportKind::Memory);
    let mut given = Vec::new();
    for (number, import) in part.imports.iter().enumerate() {
        if !hub::FUNCTIONS.contains(&import.name.as_str()) {
            return Err(foreign(&import.name));
        }
        let function = writer.alias_func(hub, &import.name);
        let function = writer.lower(function, &[CanonicalOption::Memory(memory)]);
        given.push((number.to_string(), ExportKind::Func, function));
    }
    let given = writer.core_bag(&given);
    let module = writer.core_module(&part.module);
    let code = writer.core_instantiate(module, &[(STORE, store), (INTRINSICS, given)]);
    Ok((memory, code))
}

pub(super) fn not_as_built(e: Malformed) -> Error {
    Error::Refused {
        reason: format!("the code of the network is not as it was built: {e}"),
    }
}

pub(super) fn foreign(import: &str) -> Error {
    not_as_built(Malformed(format!("it imports `{import}`")))
}

/// Whether the network has a function.
pub(super) fn has(script: bool, name: &str) -> bool {
    prebuilt::network_exports(script, name)
}
