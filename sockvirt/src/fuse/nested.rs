//! Components inside of components: which of them use sockets, and how they are put together.

use super::hooks::{Reach, Surface, is_sockets_0_2, unsupported};
use super::survey::{Survey, broken, outermost};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::read::{Bodies, read};
use crate::root::{Item, Root, Space};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentInstantiationArg,
    ComponentOuterAliasKind, ComponentTypeRef, Payload,
};

/// What is refused of compositions.
pub(super) const COMPOSED: &str = "a component that is composed of several";

/// What of a component uses sockets, or what a script takes the place of: itself, and what is inside
/// of it.
pub(super) struct Level<'a> {
    pub(super) survey: Survey,
    pub(super) children: Vec<Child<'a>>,
}

/// A component inside of another one that uses sockets, or what a script takes the place of.
pub(super) struct Child<'a> {
    /// Its index in the outermost scope, where it is defined.
    pub(super) component: u32,
    pub(super) instances: Vec<Nested<'a>>,
    pub(super) root: Root<'a>,
    pub(super) level: Level<'a>,
}

/// An instance of a component inside.
pub(super) struct Nested<'a> {
    /// The index of the component, as it is instantiated.
    pub(super) component: u32,
    /// The place of its instance among the items.
    pub(super) at: usize,
    args: Vec<ComponentInstantiationArg<'a>>,
    /// Where the component is defined, and its bytes, if that is in the same scope.
    definition: Option<(u32, &'a [u8])>,
}

impl<'a> Level<'a> {
    pub(super) fn of(root: &Root<'a>, reach: Reach) -> Result<Self, Error> {
        if !reach.with_0_3 {
            super::refuse_other_sockets(root)?;
        }
        let survey = Survey::of(root, &Surface::of(root, reach))?;
        let mut children: Vec<Child<'a>> = Vec::new();
        for instance in instances(root)? {
            let seen = instance.definition.filter(|(_, bytes)| uses(bytes, reach));
            instance.refuse_unseen(root, reach, seen.is_some())?;
            let Some((component, bytes)) = seen else {
                continue;
            };
            if let Some(known) = children.iter_mut().find(|it| it.component == component) {
                known.instances.push(instance);
            } else {
                let root = read(bytes, Bodies::All).map_err(|e| {
                    unsupported(
                        COMPOSED,
                        &format!("one that uses {} does not stand alone: {e}", reach.used()),
                    )
                })?;
                let level = Level::of(&root, reach)?;
                children.push(Child {
                    component,
                    instances: vec![instance],
                    root,
                    level,
                });
            }
        }
        Ok(Level { survey, children })
    }

    /// Whether the component itself uses them, and not only what is inside of it.
    pub(super) fn is_user(&self) -> bool {
        let mut own = self.survey.called.iter();
        self.children.is_empty() || own.any(|(_, name)| !name.starts_with("wasi:io/"))
    }

    /// How many instances use them.
    pub(super) fn users(&self) -> usize {
        let inside = self.children.iter().map(|child| {
            let instances = child.instances.len();
            instances.saturating_mul(child.level.users())
        });
        inside.fold(self.is_user().into(), usize::saturating_add)
    }
}

/// The instances of components in the outermost scope.
pub(super) fn instances<'a>(root: &Root<'a>) -> Result<Vec<Nested<'a>>, Error> {
    let mut found = Vec::new();
    let mut components: Vec<Option<(u32, &'a [u8])>> = Vec::new();
    let is_instance =
        |(at, item): (usize, &Item<'_>)| matches!(item, Item::Instance(_)).then_some(at);
    let mut places = root.items.iter().enumerate().filter_map(is_instance);
    for payload in outermost(root.bytes) {
        match payload? {
            Payload::ComponentSection {
                unchecked_range, ..
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                let index = components.len() as u32;
                let bytes = root.bytes.get(range);
                components.push(bytes.map(|bytes| (index, bytes)));
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
                    let definition = components.get(component_index as usize).copied();
                    found.push(Nested {
                        component: component_index,
                        at,
                        args: args.into_vec(),
                        definition: definition.flatten(),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(found)
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

/// Whether a component imports functions of `wasi:sockets`, or what a script takes the place of, by the
/// names of its imports. Sockets of 0.3 are given to it as they are, where the network is beside.
fn uses(bytes: &[u8], reach: Reach) -> bool {
    let is_seen = |name: &InterfaceName| match reach.with_0_3 {
        true => is_sockets_0_2(name),
        false => name.is_sockets(),
    };
    outermost(bytes).any(|payload| match payload {
        Ok(Payload::ComponentImportSection(section)) => {
            let imports = section.into_iter().flatten();
            let mut names = imports.filter_map(|import| InterfaceName::of(&import.name));
            names.any(|name| is_seen(&name) || reach.script_key(&name).is_some())
        }
        _ => false,
    })
}

impl<'a> Nested<'a> {
    /// Whether it is given this only for its sockets of 0.2, which it has inside then.
    fn gives_sockets(arg: &ComponentInstantiationArg<'a>) -> bool {
        InterfaceName::parse(arg.name).is_some_and(|name| is_sockets_0_2(&name))
    }

    /// Refuses a component that is given what a script takes the place of, and in which nobody sees it:
    /// it would go on with the host's.
    fn refuse_unseen(&self, root: &Root<'_>, reach: Reach, is_seen: bool) -> Result<(), Error> {
        let of_script = |name: InterfaceName| reach.script_key(&name).map(|_| name);
        for arg in &self.args {
            let import = match arg.kind {
                ComponentExternalKind::Instance => root.item_at(Space::Instance, arg.index),
                _ => None,
            };
            let Some(Item::Import(import)) = import.map(|at| &root.items[at]) else {
                continue;
            };
            let known = InterfaceName::parse(arg.name).and_then(of_script);
            if let Some(name) = InterfaceName::of(&import.name).and_then(of_script)
                && !(is_seen && known.is_some())
            {
                return Err(unsupported(
                    COMPOSED,
                    &format!(
                        "one of them is given `{name}`, which a script takes the place of, by the name \
                         `{}`, or is not in it: give it to that one under its own name",
                        arg.name
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What it is still given when it has a network, which may lead to the host.
    pub(super) fn args(
        &self,
        leads_to_host: bool,
    ) -> impl Iterator<Item = &ComponentInstantiationArg<'a>> {
        let args = self.args.iter();
        args.filter(move |arg| leads_to_host || !Self::gives_sockets(arg))
    }

    /// The instance that it is given by a name.
    pub(super) fn given(&self, name: &str) -> Option<u32> {
        let arg = self.args.iter().find(|arg| arg.name == name)?;
        (arg.kind == ComponentExternalKind::Instance).then_some(arg.index)
    }

    /// Whether it is an instance of this component.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        self.definition.is_some_and(|(_, it)| it == bytes)
    }

    /// Whether its instance needs one of these items, besides what gives it sockets.
    pub(super) fn needs(&self, root: &Root<'_>, items: &HashSet<usize>) -> bool {
        self.args(false).any(|arg| {
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
            let at = root.item_at(Space::Instance, self.given(name)?)?;
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
