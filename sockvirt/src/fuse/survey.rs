//! What is to be replaced in a component, before anything is written.

use super::hooks::{Hook, Hooked, Surface, unsupported};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::root::{Item, Root};
use std::collections::{BTreeSet, HashSet};
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

/// What a caller's memory and functions of the host are known by: a binding in the making. Indices
/// are the guest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Binding {
    pub(super) memory: u32,
    pub(super) realloc: Option<u32>,
    /// The import whose `poll` and `ready` are the host's, by its place among the items.
    pub(super) poll: Option<usize>,
}

/// One canonical function of the guest's that is replaced.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    pub(super) hooked: Hooked,
    pub(super) binding: Option<Binding>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Survey {
    /// For each canonical function of the outermost scope, in order, what takes its place.
    pub(super) canonicals: Vec<Option<Replaced>>,
    pub(super) bindings: Vec<Binding>,
    /// The network's functions that are called.
    pub(super) inside: BTreeSet<String>,
    /// Imports of `wasi:io/poll` that must have `ready`.
    pub(super) polled: HashSet<usize>,
}

impl Survey {
    pub(super) fn of(root: &Root<'_>, surface: &Surface<'_>) -> Result<Self, Error> {
        let mut survey = Survey::default();
        for payload in outermost(root.bytes) {
            if let Payload::ComponentCanonicalSection(section) = payload? {
                for canonical in section {
                    let replaced = survey.replaced(root, surface, &canonical.map_err(broken)?)?;
                    survey.note(replaced);
                }
            }
        }
        Ok(survey)
    }

    fn replaced(
        &mut self,
        root: &Root<'_>,
        surface: &Surface<'_>,
        canonical: &CanonicalFunction,
    ) -> Result<Option<Replaced>, Error> {
        match canonical {
            CanonicalFunction::Lower {
                func_index,
                options,
            } => {
                let Some(hooked) = surface.lowered(*func_index, options)? else {
                    return Ok(None);
                };
                let binding = self.binding(root, surface, *func_index, &hooked, options)?;
                Ok(Some(Replaced { hooked, binding }))
            }
            CanonicalFunction::ResourceDrop { resource } => {
                let hooked = surface.dropped(*resource);
                Ok(hooked.map(|hooked| Replaced {
                    hooked,
                    binding: None,
                }))
            }
            _ => Ok(None),
        }
    }

    fn binding(
        &mut self,
        root: &Root<'_>,
        surface: &Surface<'_>,
        func: u32,
        hooked: &Hooked,
        options: &[CanonicalOption],
    ) -> Result<Option<Binding>, Error> {
        let memory = options.iter().find_map(|option| match option {
            CanonicalOption::Memory(memory) => Some(*memory),
            _ => None,
        });
        let Some(memory) = memory else {
            return Ok(None);
        };
        let ty = root.types().memory_at(memory);
        if ty.memory64 || ty.shared {
            return Err(unsupported(
                "a function of `wasi:io` or `wasi:sockets`",
                "it is lowered with a memory of 64 bits, or a shared one",
            ));
        }
        let realloc = options.iter().find_map(|option| match option {
            CanonicalOption::Realloc(realloc) => Some(*realloc),
            _ => None,
        });
        let poll = match hooked.hook {
            Hook::ByList => surface.imported(func).map(|imported| imported.at),
            _ => None,
        };
        self.polled.extend(poll);
        Ok(Some(Binding {
            memory,
            realloc,
            poll,
        }))
    }

    fn note(&mut self, replaced: Option<Replaced>) {
        if let Some(Replaced { hooked, binding }) = &replaced {
            self.inside.extend(hooked.inside.clone());
            if let Some(binding) = binding
                && !self.bindings.contains(binding)
            {
                self.bindings.push(*binding);
            }
        }
        self.canonicals.push(replaced);
    }
}

/// The payloads of the outermost scope.
pub(super) fn outermost(bytes: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, Error>> {
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let chunk = match parser.parse(rest, true) {
            Ok(chunk) => chunk,
            Err(e) => return Some(Err(broken(e))),
        };
        let wasmparser::Chunk::Parsed { consumed, payload } = chunk else {
            return None;
        };
        let mut consumed = consumed;
        if let Payload::ModuleSection {
            unchecked_range, ..
        }
        | Payload::ComponentSection {
            unchecked_range, ..
        } = &payload
        {
            consumed += (unchecked_range.end - unchecked_range.start) as usize;
        }
        rest = rest.get(consumed..).unwrap_or_default();
        Some(Ok(payload))
    })
}

/// The input was read before: that it cannot be read now is nobody's fault but ours.
pub(super) fn broken(e: wasmparser::BinaryReaderError) -> Error {
    Error::Refused {
        reason: format!("the input cannot be read again: {e}"),
    }
}

/// The items that nobody needs once the network is inside: the imports of sockets, and what is made
/// of their types.
pub(super) fn left_out(root: &Root<'_>) -> Result<HashSet<usize>, Error> {
    let mut dead = HashSet::new();
    let mut first: Option<InterfaceName> = None;
    for (at, item) in root.items.iter().enumerate() {
        let name = match item {
            Item::Import(import) => InterfaceName::of(&import.name),
            _ => None,
        };
        if let Some(name) = name.filter(InterfaceName::is_sockets) {
            first.get_or_insert(name);
            dead.insert(at);
            continue;
        }
        if !root.references(at).iter().any(|it| dead.contains(it)) {
            continue;
        }
        let entangled = |item: String| Error::Entangled {
            item,
            interface: Box::new(
                first
                    .clone()
                    .unwrap_or_else(|| unreachable!("something is dead")),
            ),
        };
        match item {
            Item::Type(_) | Item::Alias(_) => drop(dead.insert(at)),
            Item::Import(import) => {
                return Err(entangled(format!("import `{}`", import.name.name)));
            }
            Item::Export(export) => {
                return Err(entangled(format!("export `{}`", export.name.name)));
            }
            _ => return Err(entangled("a function or an instance".to_owned())),
        }
    }
    Ok(dead)
}
