//! The network itself, as core instances of the component that it is fused into.

use super::binding::Slot;
use super::glue::{Mover, add_movers, mover_signatures};
use super::hooks::unsupported;
use super::writer::Writer;
use crate::error::Error;
use crate::generate::abi::Signature;
use crate::generate::core::{Body, CoreModule, Memory, signature};
use crate::generate::link::{INTRINSICS, STORE};
use crate::generate::policy;
use crate::generate::prebuilt::{self, Malformed, Part};
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{ExportKind, Instruction, ValType};

/// What the network's `realloc` is called.
const REALLOC: &str = "[realloc]";

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
    /// Where the places of bindings begin in the table.
    first_place: u32,
    functions: HashMap<String, Given>,
    /// The functions that move blocks, in the order of [`Mover::ALL`].
    pub(super) mover: Vec<Given>,
}

impl Network {
    /// Instantiates it, with room for so many bindings.
    pub(super) fn add(
        writer: &mut Writer,
        functions: &BTreeSet<String>,
        bindings: u32,
        config: &[u8],
    ) -> Result<Self, Error> {
        let not_as_built = |e: Malformed| Error::Refused {
            reason: format!("the code of the network is not as it was built: {e}"),
        };
        let mut names: Vec<_> = functions.iter().map(String::as_str).collect();
        names.push(REALLOC);
        let room = bindings * Slot::COUNT;
        let part = prebuilt::take_with_table(prebuilt::NETWORK, &names, room);
        let part = part.map_err(not_as_built)?;
        let pages = policy::pages(&part, config.len());
        let at = policy::start(&part);
        let store = writer.core_module(&store_module(pages, at, config));
        let store = writer.core_instantiate(store, &[]);
        let memory = writer.core_alias(store, "m", ExportKind::Memory);
        let given = give(writer, &part, store).map_err(not_as_built)?;
        let module = writer.core_module(&part.module);
        let code = writer.core_instantiate(module, &[(STORE, store), (INTRINSICS, given)]);
        let mut taken = |number: usize| Given {
            index: writer.core_alias(code, &number.to_string(), ExportKind::Func),
            signature: part.exports[number].clone(),
        };
        let realloc = taken(names.len() - 1).index;
        let functions = functions.iter().cloned().enumerate();
        let functions = functions
            .map(|(number, name)| (name, taken(number)))
            .collect();
        Ok(Network {
            memory,
            table: writer.core_alias(code, prebuilt::TABLE, ExportKind::Table),
            realloc,
            first_place: part.table,
            functions,
            mover: movers(writer, store),
        })
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

/// How large the network's memory may become, in pages of 64 KiB: as large as memories are.
const MOST_PAGES: u64 = 65_536;

/// Whether the network has a function.
pub(super) fn has(name: &str) -> bool {
    prebuilt::network_exports(name)
}

/// The module that has the network's memory, with what the network is configured with at a place in
/// it, and what moves blocks.
fn store_module(pages: u64, at: u32, config: &[u8]) -> Vec<u8> {
    let mut module = CoreModule::<()>::new(Memory::Own {
        least: pages,
        most: MOST_PAGES,
    });
    for (name, value) in [("at", at), ("length", config.len() as u32)] {
        let mut body = Body::new(signature(&[], &[ValType::I32]));
        body.plain([Instruction::I32Const(value as i32)]);
        module.export(name, body);
    }
    module.data(at, config.to_vec());
    add_movers(&mut module);
    module.finish().0
}

/// The instance of what the network's code imports.
fn give(writer: &mut Writer, part: &Part, store: u32) -> Result<u32, Malformed> {
    let mut given = Vec::new();
    for (number, import) in part.imports.iter().enumerate() {
        if import.module != "wire" {
            return Err(Malformed(format!("it imports `{}`", import.name)));
        }
        let index = writer.core_alias(store, &import.name, ExportKind::Func);
        given.push((number.to_string(), ExportKind::Func, index));
    }
    Ok(writer.core_bag(&given))
}

fn movers(writer: &mut Writer, store: u32) -> Vec<Given> {
    let signatures = mover_signatures().zip(Mover::ALL);
    signatures
        .map(|(signature, mover)| {
            let name = (mover as u32).to_string();
            Given {
                index: writer.core_alias(store, &name, ExportKind::Func),
                signature,
            }
        })
        .collect()
}
