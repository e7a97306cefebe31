//! What is to be replaced in a component, before anything is written.

use super::hooks::{Hooked, Reach, Surface, unsupported};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::root::Root;
use semver::Version;
use std::collections::BTreeSet;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

/// What a caller's memory and functions of the host are known by: a binding in the making. Indices
/// are the guest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Binding {
    pub(super) memory: u32,
    pub(super) realloc: Option<u32>,
    /// The version of the interface, by its place among [`Survey::versions`].
    pub(super) version: usize,
}

/// One canonical function of the guest's that is replaced.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    pub(super) hooked: Hooked,
    /// The memory that what takes its place reads or writes, which is the one that it is lowered with.
    pub(super) memory: Option<u32>,
    /// What the network knows that memory by, where it has a part in the function.
    pub(super) binding: Option<Binding>,
    /// The number of the interface's version; `None` for what is not an interface's function that
    /// the network has a part in.
    version: Option<usize>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Survey {
    /// For each canonical function of the outermost scope, in order, what takes its place.
    pub(super) canonicals: Vec<Option<Replaced>>,
    pub(super) bindings: Vec<Binding>,
    /// The network's functions that are called.
    pub(super) inside: BTreeSet<String>,
    /// The versions of what is replaced.
    pub(super) versions: Vec<Version>,
    /// The functions that are replaced, each with its version.
    pub(super) called: BTreeSet<(usize, String)>,
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

    /// The position of the binding that a function goes by. One that has no memory goes by that of
    /// another one, for what the network calls of the host meanwhile.
    pub(super) fn goes_by(&self, replaced: &Replaced) -> Option<usize> {
        let mut bindings = self.bindings.iter();
        match replaced.binding {
            Some(binding) => bindings.position(|it| *it == binding),
            None => bindings.position(|it| Some(it.version) == replaced.version),
        }
    }

    /// The number of a version.
    fn version(&mut self, reach: Reach, name: &InterfaceName) -> Option<usize> {
        let version = reach.key(name).and(name.version.as_ref())?;
        let known = self.versions.iter().position(|it| it == version);
        Some(known.unwrap_or_else(|| {
            self.versions.push(version.clone());
            self.versions.len() - 1
        }))
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
                let imported = surface.imported(*func_index);
                let version = imported.and_then(|it| self.version(surface.reach, &it.interface));
                if let Some(version) = version {
                    let functions = hooked.functions();
                    self.called
                        .extend(functions.map(|it| (version, it.to_owned())));
                }
                let memory = memory(root, options)?;
                let binding = memory.zip(version).map(|(memory, version)| Binding {
                    memory,
                    realloc: realloc(options),
                    version,
                });
                Ok(Some(Replaced {
                    hooked,
                    memory,
                    binding,
                    version,
                }))
            }
            CanonicalFunction::ResourceDrop { resource } => {
                let dropped = surface.dropped(*resource)?;
                Ok(dropped.map(|(hooked, interface)| Replaced {
                    hooked,
                    memory: None,
                    binding: None,
                    version: self.version(surface.reach, interface),
                }))
            }
            _ => Ok(None),
        }
    }

    fn note(&mut self, replaced: Option<Replaced>) {
        if let Some(Replaced {
            hooked, binding, ..
        }) = &replaced
        {
            self.inside.extend(hooked.functions().map(str::to_owned));
            if let Some(binding) = binding
                && !self.bindings.contains(binding)
            {
                self.bindings.push(*binding);
            }
        }
        self.canonicals.push(replaced);
    }
}

/// The memory that a function is lowered with.
fn memory(root: &Root<'_>, options: &[CanonicalOption]) -> Result<Option<u32>, Error> {
    let memory = options.iter().find_map(|option| match option {
        CanonicalOption::Memory(memory) => Some(*memory),
        _ => None,
    });
    if let Some(memory) = memory {
        let ty = root.types().memory_at(memory);
        if ty.memory64 || ty.shared {
            return Err(unsupported(
                "a function of `wasi:io` or `wasi:sockets`",
                "it is lowered with a memory of 64 bits, or a shared one",
            ));
        }
    }
    Ok(memory)
}

fn realloc(options: &[CanonicalOption]) -> Option<u32> {
    options.iter().find_map(|option| match option {
        CanonicalOption::Realloc(realloc) => Some(*realloc),
        _ => None,
    })
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
