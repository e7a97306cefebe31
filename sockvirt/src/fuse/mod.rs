//! Puts the network into a component of WASI 0.2.
//!
//! Where the guest lowers a function of `wasi:io` or `wasi:sockets`, or drops one of their handles,
//! a function of *glue* takes the place of the lowered one. It looks at the handle: those that the
//! network gave have a bit that no handle of the host's has. With it the call goes to the network,
//! a core module with a memory of its own; without it, to the host as before. Nothing else of the
//! guest is touched, so whatever has nothing to do with sockets costs what it did.
//!
//! The guest's core modules are copied as they are. Imports of `wasi:sockets` that nobody needs any
//! more are left out.

#[path = "../../../virt-adapter/binding.rs"]
pub(crate) mod binding;
mod config;
mod copy;
mod escape;
mod glue;
mod hooks;
mod hosted;
pub(crate) mod hub;
mod left_out;
mod nested;
mod network;
mod renumber;
mod report;
mod stand_in;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use crate::error::Error;
use crate::name::InterfaceName;
use crate::plan::{imported_exit, runs, waits_in_0_3};
use crate::root::Root;
use copy::Fuser;
use hooks::{Reach, Surface, unsupported};
use hosted::Hosted;
use hub::{Hub, Place};
use left_out::LeftOut;
use nested::{COMPOSED, Level};
use sockvirt_policy::Policy;
use std::collections::BTreeSet;
use survey::Survey;

pub(crate) use config::{configured, script_of};
pub(crate) use escape::verify;
pub(crate) use hooks::Given;

/// Whether something is the host's beside a network in memory.
pub(crate) fn leads_to_host(policy: &Policy) -> bool {
    Reach::of(policy, None).any()
}

/// A component with a network inside.
pub(crate) struct Fused {
    pub(crate) component: Vec<u8>,
    reach: Reach,
    /// The modules that may call the host's functions.
    glue: Vec<Vec<u8>>,
    /// For imports, functions that they must have for the network.
    wants: Vec<(String, BTreeSet<&'static str>)>,
    /// Where the network is, and whether this one must be given the hub.
    place: Place,
    pub(crate) needs_hub: bool,
    /// Whether functions of its own are replaced, and not only what is inside.
    is_replaced: bool,
    /// The components inside that use sockets.
    inner: Vec<Fused>,
}

/// Puts a network into the component, or into the one inside of it that uses sockets, set up by the
/// policy. Where several use sockets, or what a script takes the place of, they share one that is beside
/// them. `evidence` goes into a custom section of this name, where nothing is put around the component
/// that has it. `with_0_3` is whether it has sockets of 0.3 as well, or with a script clocks: the network is
/// then the one that these are given.
pub(crate) fn fuse(
    root: &Root<'_>,
    policy: &Policy,
    script: Option<Given<'_>>,
    evidence: Option<(&str, &str)>,
    with_0_3: bool,
) -> Result<Fused, Error> {
    let setup = Setup {
        policy,
        script,
        with_0_3,
    };
    let reach = setup.reach().of_imports(root);
    let level = Level::of(root, reach)?;
    if with_0_3 {
        hub::refuse(root)?;
        refuse_unbegun(root, reach)?;
        refuse_without_exit(script, imported_exit(root).is_some())?;
        return fuse_level(root, &level, setup, Place::Outside, evidence);
    }
    if level.users() <= 1 {
        return fuse_level(root, &level, setup, Place::Inside, evidence);
    }
    if level.is_user() {
        let used = reach.used();
        return Err(unsupported(
            COMPOSED,
            &format!(
                "it uses {used} itself, and so does one inside of it; no component can call \
                 those inside of it, and so not the network that they would share: what it does itself \
                 belongs in a component beside the others"
            ),
        ));
    }
    let mut hosted = Hosted::default();
    if script.is_some() {
        hosted = Hosted::of_hub(root);
        refuse_without_exit(script, hosted.exits)?;
    }
    let config = config::write(setup, reach, &hosted);
    let place = Place::Here(Hub::new(&config, reach.script, hosted)?);
    fuse_level(root, &level, setup, place, evidence)
}

/// Refuses a script that ends the program where nothing does that.
fn refuse_without_exit(script: Option<Given<'_>>, exits: bool) -> Result<(), Error> {
    if script.is_some_and(|it| it.script.ends) && !exits {
        return Err(unsupported(
            "a script with clients",
            "it ends the program by `exit` of `wasi:cli/exit`, and the program does not import it: set \
             `when-done = \"stay\"` in `[report]`",
        ));
    }
    Ok(())
}

/// Whether a script takes the place of something that a component itself imports, besides sockets.
pub(crate) fn is_played_in(root: &Root<'_>, policy: &Policy, script: Option<Given<'_>>) -> bool {
    let reach = Reach::of(policy, script);
    let names = root.imports();
    let mut names = names.filter_map(|(_, import)| InterfaceName::of(&import.name));
    names.any(|name| reach.script_key(&name).is_some())
}

/// What a network beside a component has of the host's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Has {
    /// Whether a script's time can pass on the host's clock.
    pub(crate) host_time: bool,
    /// Whether it tells of a script itself.
    pub(crate) reports: bool,
    /// Whether it ends the program with it.
    pub(crate) exits: bool,
}

/// What a network beside a component is configured with.
pub(crate) fn configuration(policy: &Policy, script: Option<Given<'_>>, has: Has) -> Vec<u8> {
    let setup = Setup {
        policy,
        script,
        with_0_3: true,
    };
    let hosted = Hosted {
        host_time: has.host_time,
        reports: has.reports,
        exits: has.exits,
        ..Hosted::default()
    };
    config::write(setup, setup.reach(), &hosted)
}

/// What a network is set up by.
#[derive(Clone, Copy)]
struct Setup<'s> {
    policy: &'s Policy,
    script: Option<Given<'s>>,
    /// Whether sockets of 0.3 are on it.
    with_0_3: bool,
}

impl Setup<'_> {
    fn reach(self) -> Reach {
        let mut reach = Reach::of(self.policy, self.script);
        reach.with_0_3 = self.with_0_3;
        reach
    }
}

/// Puts the network, or what calls it, into the component and those inside of it.
fn fuse_level(
    root: &Root<'_>,
    level: &Level<'_>,
    setup: Setup<'_>,
    place: Place,
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    let mut reach = setup.reach().of_imports(root);
    if let Place::Outside = place {
        reach = reach.beside_others(root);
    }
    let surface = Surface::of(root, reach);
    let mut inner = Vec::new();
    for child in &level.children {
        let place = match place {
            Place::Inside => Place::Inside,
            Place::Here(_) | Place::Outside => Place::Outside,
        };
        inner.push(fuse_level(&child.root, &child.level, setup, place, None)?);
    }
    let nothing = Survey::default();
    let without_handles;
    let (mut survey, mut hosted) = (&nothing, Hosted::default());
    if level.is_user() {
        surface.refuse_exports()?;
        survey = &level.survey;
        if !reach.handles {
            without_handles = Survey::of(root, &surface)?;
            survey = &without_handles;
        }
        hosted = Hosted::of(root, survey, reach, setup.policy.on_deadlock(), &place)?;
        if matches!(place, Place::Inside) {
            refuse_without_exit(setup.script, hosted.exits)?;
        }
    }
    let config = match place {
        Place::Inside => config::write(setup, reach, &hosted),
        _ => config::elsewhere(setup, reach, &hosted),
    };
    let given = match &place {
        Place::Here(hub) => &hub.hosted,
        _ => &hosted,
    };
    let wants = wants(root, level, &inner, given);
    let mut fuser = Fuser::new(root, surface, survey, &hosted, &config, wants);
    if !reach.any() {
        fuser.left_out = LeftOut::of(root, &fuser.surface, &level.children)?;
    }
    fuser.place = place;
    fuser.children = level.children.iter().zip(&inner).collect();
    let mut fused = fuser.finish(reach, evidence)?;
    fused.inner = inner;
    Ok(fused)
}

/// The functions that imports must have for the component, and for those inside of it.
fn wants(root: &Root<'_>, level: &Level<'_>, inner: &[Fused], hosted: &Hosted) -> hosted::Wants {
    let mut wants = hosted.wants();
    for (child, fused) in level.children.iter().zip(inner) {
        for nested in &child.instances {
            for (import, functions) in nested.of_root(root, &fused.wants) {
                wants.entry(import).or_default().extend(functions);
            }
        }
    }
    wants
}

/// Refuses sockets of another generation of WASI, which the network does not serve.
fn refuse_other_sockets(root: &Root<'_>) -> Result<(), Error> {
    for (_, import) in root.imports() {
        let name = InterfaceName::of(&import.name).filter(InterfaceName::is_sockets);
        if let Some(name) = name
            && hooks::key(&name).is_none()
        {
            return Err(unsupported(
                &format!("import `{name}`"),
                "a network in memory serves those of 0.3 that the outermost component imports",
            ));
        }
    }
    Ok(())
}

/// Refuses a clock of 0.3 that is waited for where nothing begins what has time pass: that is `run`, or who
/// creates a socket.
fn refuse_unbegun(root: &Root<'_>, reach: Reach) -> Result<(), Error> {
    let has_clock = reach.script.is_some_and(|it| !it.host_clock);
    match waits_in_0_3(root).filter(|_| has_clock) {
        Some(clock) if !runs(root, 3) && !crate::uses(root, 3) => Err(unsupported(
            &format!("import `{clock}`"),
            "a script has time to wait for in components that export `run` of 0.3, or have sockets of 0.3",
        )),
        _ => Ok(()),
    }
}
