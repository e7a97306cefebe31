//! Components inside of components: one of them that uses sockets gets the network where it stands.

use super::hooks::unsupported;
use super::survey::{Survey, broken, outermost};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::root::{Item, Root, Space};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentInstantiationArg,
    ComponentOuterAliasKind, ComponentTypeRef, Payload,
};

/// A component inside of another one.
#[derive(Clone)]
pub(super) struct Nested<'a> {
    /// Its index in the outermost scope.
    pub(super) component: u32,
    pub(super) bytes: &'a [u8],
    /// The place of its instance among the items.
    pub(super) at: usize,
    args: Vec<ComponentInstantiationArg<'a>>,
}

/// The one component inside that uses sockets; `None` if nobody inside does.
pub(super) fn find<'a>(root: &Root<'a>, survey: &Survey) -> Result<Option<Nested<'a>>, Error> {
    let mut found = Vec::new();
    let mut components: Vec<Option<&'a [u8]>> = Vec::new();
    let is_instance =
        |(at, item): (usize, &Item<'_>)| matches!(item, Item::Instance(_)).then_some(at);
    let mut places = root.items.iter().enumerate().filter_map(is_instance);
    for payload in outermost(root.bytes) {
        match payload? {
            Payload::ComponentSection {
                unchecked_range, ..
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                components.push(root.bytes.get(range));
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    if let ComponentTypeRef::Component(_) = import.map_err(broken)?.ty {
                        components.push(None);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if is_component(&alias.map_err(broken)?) {
                        components.push(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.map_err(broken)?;
                    if export.kind == ComponentExternalKind::Component {
                        let same = components.get(export.index as usize).copied().flatten();
                        components.push(same);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let at = places.next().unwrap_or(usize::MAX);
                    let ComponentInstance::Instantiate {
                        component_index,
                        args,
                    } = instance.map_err(broken)?
                    else {
                        continue;
                    };
                    let bytes = components.get(component_index as usize).copied();
                    let Some(bytes) = bytes.flatten().filter(|bytes| uses_sockets(bytes)) else {
                        continue;
                    };
                    found.push(Nested {
                        component: component_index,
                        bytes,
                        at,
                        args: args.into_vec(),
                    });
                }
            }
            _ => {}
        }
    }
    let own = survey.called.iter();
    let own = own.filter(|(_, function)| function.starts_with("wasi:sockets/"));
    match found.len() + own.take(1).count() {
        0 | 1 => Ok(found.pop()),
        _ => Err(unsupported(
            "a component that is composed of several",
            "more than one of them uses `wasi:sockets`, and a network in memory is inside of one; \
             build that one alone, and compose it afterwards",
        )),
    }
}

fn is_component(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::InstanceExport {
            kind: ComponentExternalKind::Component,
            ..
        } | ComponentAlias::Outer {
            kind: ComponentOuterAliasKind::Component,
            ..
        }
    )
}

/// Whether a component imports functions of `wasi:sockets`, by the names of its imports.
fn uses_sockets(bytes: &[u8]) -> bool {
    outermost(bytes).any(|payload| match payload {
        Ok(Payload::ComponentImportSection(section)) => section
            .into_iter()
            .flatten()
            .any(|import| is_sockets(InterfaceName::of(&import.name))),
        _ => false,
    })
}

fn is_sockets(name: Option<InterfaceName>) -> bool {
    name.is_some_and(|name| name.is_sockets())
}

impl<'a> Nested<'a> {
    /// Whether it is given this only for its sockets, which it has inside then.
    fn gives_sockets(arg: &ComponentInstantiationArg<'a>) -> bool {
        is_sockets(InterfaceName::parse(arg.name))
    }

    /// What it is still given when it has a network inside.
    pub(super) fn args_without_sockets(&self) -> Box<[ComponentInstantiationArg<'a>]> {
        let rest = self.args.iter().filter(|arg| !Self::gives_sockets(arg));
        rest.cloned().collect()
    }

    /// Whether its instance needs one of these items, besides what gives it sockets.
    pub(super) fn needs(&self, root: &Root<'_>, items: &HashSet<usize>) -> bool {
        self.args_without_sockets().iter().any(|arg| {
            let space = match arg.kind {
                ComponentExternalKind::Instance => Space::Instance,
                ComponentExternalKind::Func => Space::Func,
                ComponentExternalKind::Type => Space::Type,
                _ => return false,
            };
            root.item_at(space, arg.index)
                .is_some_and(|at| items.contains(&at))
        })
    }

    /// From imports of the component inside to those of the one around it.
    pub(super) fn of_root(
        &self,
        root: &Root<'_>,
        wants: &[(String, BTreeSet<&'static str>)],
    ) -> BTreeMap<usize, BTreeSet<&'static str>> {
        let import = |name: &str| {
            let arg = self.args.iter().find(|arg| arg.name == name)?;
            let at = root.item_at(Space::Instance, arg.index)?;
            matches!(root.items[at], Item::Import(_)).then_some(at)
        };
        let mut imports: BTreeMap<usize, BTreeSet<&'static str>> = BTreeMap::new();
        for (name, functions) in wants {
            if let Some(at) = import(name) {
                imports.entry(at).or_default().extend(functions);
            }
        }
        imports
    }
}
