//! Reads a fused component back: no function that was to be replaced may have got past the network.

use super::Fused;
use super::hooks::{self, Surface};
use super::hub::{self, Place};
use super::nested;
use super::survey::{Replaced, Survey, broken, outermost};
use crate::error::Error;
use crate::name::InterfaceName;
use crate::read::{Bodies, read};
use crate::root::{Item, Root, Space};
use std::collections::{HashMap, HashSet};
use wasmparser::{CanonicalFunction, CanonicalOption, ComponentAlias, Instance, Payload};

/// The core instances and functions of the outermost scope, as far as they matter here.
#[derive(Default)]
struct Scope<'a> {
    /// The bytes of core modules; `None` for those that are imported.
    modules: Vec<Option<&'a [u8]>>,
    instances: Vec<Instance<'a>>,
    core_funcs: u32,
    /// Functions of a network that is shared.
    of_hubs: HashSet<u32>,
    /// Core functions that are the host's own, or such a network's.
    host: HashSet<u32>,
    /// Core functions that something else than a core instance is given.
    taken: HashSet<u32>,
}

/// Checks a component that was read back.
///
/// # Errors
///
/// [`Error::Refused`] if it still imports sockets and reaches none, or if a function of `wasi:io` that the network
/// has a part in is given to anything but glue.
pub(crate) fn verify(fused: &Fused, output: &Root<'_>) -> Result<(), Error> {
    let is_left = |name: InterfaceName| {
        let is_beside = fused.reach.with_0_3 && hooks::key(&name).is_none();
        name.is_sockets() && !is_beside
    };
    let sockets = output
        .imports()
        .filter(|_| !fused.reach.any())
        .find(|(_, import)| InterfaceName::of(&import.name).is_some_and(is_left));
    if let Some((_, import)) = sockets {
        return Err(refused(format!("it still imports `{}`", import.name.name)));
    }
    for inner in &fused.inner {
        if !output.has_component(&inner.component) {
            return Err(refused(
                "the component with a network is not in it".to_owned(),
            ));
        }
        verify(inner, &read(&inner.component, Bodies::All)?)?;
    }
    let hubs = hubs(fused, output)?;
    if !fused.is_replaced {
        return Ok(());
    }
    let survey = Survey::of(output, &Surface::of(output, fused.reach))?;
    let mut scope = Scope {
        of_hubs: funcs_of(output, &hubs),
        ..Scope::default()
    };
    let mut canonicals = survey.canonicals.iter();
    for payload in outermost(output.bytes) {
        scope.add(output.bytes, &payload?, &mut canonicals)?;
    }
    scope.check(fused)
}

/// The instances that have a shared network. What is inside must be given no other.
fn hubs(fused: &Fused, output: &Root<'_>) -> Result<HashSet<u32>, Error> {
    let inside = nested::instances(output)?;
    let places: Vec<usize> = match &fused.place {
        Place::Inside => return Ok(HashSet::new()),
        Place::Here(hub) => {
            let hubs = inside.iter().filter(|it| it.is_of(&hub.component));
            hubs.map(|it| it.at).collect()
        }
        Place::Outside => {
            let hubs = output.imports().filter(|(_, it)| it.name.name == hub::NAME);
            hubs.map(|(at, _)| at).collect()
        }
    };
    let hubs = places.iter().filter_map(|at| output.instance_index(*at));
    let hubs: HashSet<u32> = hubs.collect();
    let mut given = inside.iter().filter_map(|it| it.given(hub::NAME));
    if hubs.len() > 1 || given.any(|it| !hubs.contains(&it)) {
        return Err(refused(
            "a component inside is not given the network that is shared".to_owned(),
        ));
    }
    Ok(hubs)
}

/// The functions of some instances, by their indices.
fn funcs_of(output: &Root<'_>, instances: &HashSet<u32>) -> HashSet<u32> {
    let mut funcs = HashSet::new();
    for index in 0.. {
        let Some(at) = output.item_at(Space::Func, index) else {
            break;
        };
        if let Item::Alias(ComponentAlias::InstanceExport { instance_index, .. }) =
            &output.items[at]
            && instances.contains(instance_index)
        {
            funcs.insert(index);
        }
    }
    funcs
}

impl<'a> Scope<'a> {
    fn add<'s>(
        &mut self,
        bytes: &'a [u8],
        payload: &Payload<'a>,
        canonicals: &mut impl Iterator<Item = &'s Option<Replaced>>,
    ) -> Result<(), Error> {
        match payload {
            Payload::ModuleSection {
                unchecked_range, ..
            } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                self.modules.push(bytes.get(range));
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    self.instances.push(instance.map_err(broken)?);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias.map_err(broken)?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if let wasmparser::ComponentTypeRef::Module(_) = import.map_err(broken)?.ty {
                        self.modules.push(None);
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for canonical in section.clone() {
                    let is_hosts = canonicals.next().is_some_and(Option::is_some);
                    self.canonical(&canonical.map_err(broken)?, is_hosts);
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section.clone() {
                    if let wasmparser::ComponentType::Resource { dtor, .. } = ty.map_err(broken)? {
                        self.taken.extend(dtor);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &wasmparser::ComponentAlias<'_>) {
        use wasmparser::{ComponentAlias as Alias, ComponentExternalKind, ComponentOuterAliasKind};
        match alias {
            Alias::CoreInstanceExport {
                kind: wasmparser::ExternalKind::Func | wasmparser::ExternalKind::FuncExact,
                ..
            } => self.core_funcs += 1,
            Alias::InstanceExport {
                kind: ComponentExternalKind::Module,
                ..
            }
            | Alias::Outer {
                kind: ComponentOuterAliasKind::CoreModule,
                ..
            } => self.modules.push(None),
            _ => {}
        }
    }

    fn canonical(&mut self, canonical: &CanonicalFunction, is_hosts: bool) {
        let options: &[CanonicalOption] = match canonical {
            CanonicalFunction::Lift {
                core_func_index,
                options,
                ..
            } => {
                self.taken.insert(*core_func_index);
                options
            }
            CanonicalFunction::Lower { options, .. } => options,
            _ => &[],
        };
        self.taken.extend(options.iter().filter_map(|it| match it {
            CanonicalOption::Realloc(func)
            | CanonicalOption::PostReturn(func)
            | CanonicalOption::Callback(func) => Some(*func),
            _ => None,
        }));
        let is_hubs = match canonical {
            CanonicalFunction::Lower { func_index, .. } => self.of_hubs.contains(func_index),
            _ => false,
        };
        if !matches!(canonical, CanonicalFunction::Lift { .. }) {
            if is_hosts || is_hubs {
                self.host.insert(self.core_funcs);
            }
            self.core_funcs += 1;
        }
    }

    /// Every function of the host's is in bags that only glue, and what fills the table, is given.
    fn check(&self, fused: &Fused) -> Result<(), Error> {
        if self.host.intersection(&self.taken).next().is_some() {
            return Err(past());
        }
        let ours: HashSet<&[u8]> = fused.glue.iter().map(Vec::as_slice).collect();
        let mut holds = HashMap::new();
        for (index, instance) in (0u32..).zip(&self.instances) {
            match instance {
                Instance::FromExports(exports) => {
                    let has = exports.iter().any(|export| {
                        export.kind == wasmparser::ExternalKind::Func
                            && self.host.contains(&export.index)
                    });
                    holds.insert(index, has);
                }
                Instance::Instantiate { module_index, args } => {
                    let module = self.modules.get(*module_index as usize).copied().flatten();
                    let is_ours = module.is_some_and(|module| ours.contains(module));
                    let given = args.iter().any(|arg| holds.get(&arg.index) == Some(&true));
                    if given && !is_ours {
                        return Err(past());
                    }
                }
            }
        }
        Ok(())
    }
}

fn past() -> Error {
    refused("a function of `wasi:io` goes past the network".to_owned())
}

fn refused(reason: String) -> Error {
    Error::Refused { reason }
}
