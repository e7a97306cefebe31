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
mod left_out;
mod nested;
mod network;
mod renumber;
mod report;
mod stand_in;
mod survey;
mod table;
mod writer;

use crate::error::Error;
use crate::name::InterfaceName;
use crate::read::{Bodies, read};
use crate::root::Root;
use copy::Fuser;
use hooks::{Reach, Surface, unsupported};
use hosted::Hosted;
use left_out::LeftOut;
use nested::Nested;
use sockvirt_policy::Policy;
use std::collections::BTreeSet;
use survey::Survey;

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
    /// The component inside that the network is in, if it is not this one.
    inner: Option<Box<Fused>>,
}

/// Puts a network into the component, or into the one inside of it that uses sockets, set up by the
/// policy. `evidence` goes into a custom section of this name, where nothing is put around the
/// component that has it.
pub(crate) fn fuse(
    root: &Root<'_>,
    policy: &Policy,
    script: Option<Given<'_>>,
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    refuse_other_sockets(root)?;
    let reach = Reach::of(policy, script);
    let surface = Surface::of(root, reach);
    let survey = Survey::of(root, &surface)?;
    if let Some(nested) = nested::find(root, &survey)? {
        let inner = read(nested.bytes, Bodies::All).map_err(|e| {
            unsupported(
                "a component that is composed of several",
                &format!("the one that uses `wasi:sockets` does not stand alone: {e}"),
            )
        })?;
        let inner = fuse(&inner, policy, script, None)?;
        return fuse_around(root, surface, nested, inner, evidence);
    }
    surface.refuse_exports()?;
    let hosted = Hosted::of(root, &survey, reach, policy.on_deadlock())?;
    if script.is_some_and(|it| it.script.ends) && !hosted.exits {
        return Err(unsupported(
            "a script with clients",
            "it ends the program by `exit` of `wasi:cli/exit`, and the program does not import it: \
             set `when-done = \"stay\"` in `[report]`",
        ));
    }
    let config = config::write(policy, script.map(|it| it.script), reach, &hosted);
    fuse_as(root, surface, &survey, &hosted, reach, &config, evidence)
}

/// Copies a component with another one for the one inside of it.
fn fuse_around<'a>(
    root: &'a Root<'a>,
    surface: Surface<'a>,
    nested: Nested<'_>,
    inner: Fused,
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    let (survey, hosted) = (Survey::default(), Hosted::default());
    let wants = nested.of_root(root, &inner.wants);
    let mut fuser = Fuser::new(root, surface, &survey, &hosted, &[], wants);
    if !inner.reach.any() {
        fuser.left_out = LeftOut::of(root, &fuser.surface, Some(&nested))?;
    }
    fuser.nested = Some((nested, &inner));
    let mut fused = fuser.finish(inner.reach, evidence)?;
    fused.inner = Some(Box::new(inner));
    Ok(fused)
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
                "a network in memory is only there for `wasi:sockets` 0.2",
            ));
        }
    }
    Ok(())
}

fn fuse_as<'a>(
    root: &'a Root<'a>,
    surface: Surface<'a>,
    survey: &Survey,
    hosted: &Hosted,
    reach: Reach,
    config: &[u8],
    evidence: Option<(&str, &str)>,
) -> Result<Fused, Error> {
    let mut fuser = Fuser::new(root, surface, survey, hosted, config, hosted.wants());
    if !reach.any() {
        fuser.left_out = LeftOut::of(root, &fuser.surface, None)?;
    }
    fuser.finish(reach, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_guest::{guest, versions};
    use sockvirt_policy::Flag;

    /// Why a component in which this is replaced is refused; nothing if it is not.
    fn refused(root: &Root<'_>, survey: &Survey, reach: Reach) -> String {
        let hosted = Hosted::of(root, survey, reach, Default::default()).expect("it has them");
        let config = config::write(&Policy::deny_all(), None, reach, &hosted);
        let Ok(fused) = fuse_as(
            root,
            Surface::of(root, reach),
            survey,
            &hosted,
            reach,
            &config,
            None,
        ) else {
            return "not written".to_owned();
        };
        let output = match read(&fused.component, Bodies::All) {
            Ok(output) => output,
            Err(e) => return e.to_string(),
        };
        match verify(&fused, &output) {
            Ok(()) => String::new(),
            Err(e) => e.to_string(),
        }
    }

    /// A rewriter that forgets a function is caught, whichever it is.
    #[test]
    fn a_forgotten_function_is_found() {
        let [(resolve, world), _] = versions();
        let bytes = guest(&resolve, world);
        let root = read(&bytes, Bodies::All).expect("it is valid");
        let everywhere = Policy::deny_all()
            .with_flag(Flag::allow("tcp://*:*").expect("a flag"))
            .expect("a rule")
            .with_flag(Flag::allow("send=udp://*:*").expect("a flag"))
            .expect("a rule");
        for policy in [Policy::deny_all(), everywhere] {
            let reach = Reach::of(&policy, None);
            let survey = || Survey::of(&root, &Surface::of(&root, reach)).expect("it can be fused");
            assert_eq!(refused(&root, &survey(), reach), "");
            let count = survey().canonicals.iter().flatten().count();
            assert!(count > 80, "only {count} functions");
            for forgotten in 0..survey().canonicals.len() {
                let mut survey = survey();
                if survey.canonicals[forgotten].take().is_some() {
                    assert_ne!(refused(&root, &survey, reach), "", "function {forgotten}");
                }
            }
        }
    }
}
