//! The last stage: the output is read back, and refused if it is not what was promised.

use crate::error::Error;
use crate::fuse::{self, Fused};
use crate::generate::verdict::REPORT;
use crate::plan::{Plan, Route};
use crate::reach::{Reach, reach};
use crate::read::{Bodies, read};
use crate::root::{Item, Root, Space};
use std::collections::BTreeSet;

/// What a composition was to be.
pub(crate) struct Promise {
    /// For each import of sockets, its name and who serves it.
    routes: Vec<(String, Route)>,
    /// The names of imports that the guest does not have.
    added: Vec<String>,
    /// Whether it exports the report of a script besides.
    pub(crate) reports: bool,
}

impl Promise {
    pub(crate) fn of(plan: &Plan<'_>) -> Self {
        let sockets = plan.sockets.iter();
        let routes = sockets.map(|socket| {
            let name = plan.root.imports().find(|(at, _)| *at == socket.at);
            let name = name.map_or(String::new(), |(_, import)| import.name.name.to_owned());
            // What stays imported is not given to the guest.
            let route = match socket.route {
                Route::Network if !plan.replaces(socket.at) => Route::Checked,
                route => route,
            };
            (name, route)
        });
        let shared = plan.shared().map(|name| (name.to_owned(), Route::Network));
        Promise {
            routes: routes.chain(shared).collect(),
            added: plan.added().map(str::to_owned).collect(),
            reports: false,
        }
    }

    /// The same for a network in memory that is put into the guest, which adds no import, unless it
    /// is beside the guest in the end. Where it leads to the host, the imports of sockets stay, and
    /// where it is beside the guest, those of 0.3.
    pub(crate) fn in_memory(
        plan: &Plan<'_>,
        leads_to_host: bool,
        reports: bool,
        beside: Option<&str>,
    ) -> Self {
        let mut promise = Promise::of(plan);
        promise.reports = reports;
        for (socket, (_, route)) in plan.sockets.iter().zip(&mut promise.routes) {
            if leads_to_host || socket.interface.is_0_3() {
                *route = Route::Host;
            }
        }
        promise.added = beside.map(str::to_owned).into_iter().collect();
        promise
    }

    /// Who serves an import of sockets.
    fn route(&self, name: &str) -> Option<Route> {
        let route = self.routes.iter().find(|(it, _)| it == name);
        route.map(|(_, route)| *route)
    }
}

/// Checks that `bytes` are valid, import of `wasi:sockets` what was promised and nothing else,
/// import and export otherwise what the guest does, have the guest in them as it was, and do not
/// give it what it was not to have. Gives what was read back.
pub(crate) fn verify<'a>(
    bytes: &'a [u8],
    guest: &Root<'_>,
    promise: &Promise,
) -> Result<Root<'a>, Error> {
    // The guest's function bodies were validated when it was read. What was generated was not.
    let output = read_back(bytes, guest)?;
    verify_surface(&output, guest, promise)?;
    if !output.has_component(guest.bytes) {
        return Err(refused("the guest in it is not as it was".to_owned()));
    }
    verify_wiring(&output, guest, promise)?;
    Ok(output)
}

/// Checks a component that a network was fused into: as [`verify`], but that the guest's functions
/// are behind glue instead of inside of a component. Gives what was read back.
pub(crate) fn verify_fused<'f>(
    fused: &'f Fused,
    guest: &Root<'_>,
    promise: &Promise,
) -> Result<Root<'f>, Error> {
    let output = read_back(&fused.component, guest)?;
    verify_surface(&output, guest, promise)?;
    fuse::verify(fused, &output)?;
    Ok(output)
}

fn read_back<'a>(bytes: &'a [u8], guest: &Root<'_>) -> Result<Root<'a>, Error> {
    read(bytes, Bodies::AllBut(guest.bytes)).map_err(|e| match e {
        Error::Dependency { .. } => e,
        // What the shell cannot give a name shows only here, where all types are known.
        Error::Invalid { message, .. } if message.contains("not valid to be used as export") => {
            Error::Unsupported {
                item: "an export of the input".to_owned(),
                reason: "it is made of types that have no name outside of the input".to_owned(),
            }
        }
        e => refused(format!("it is not valid: {e}")),
    })
}

/// Checks that the output imports of sockets what was promised, and otherwise imports and exports
/// what the guest does.
fn verify_surface(output: &Root<'_>, guest: &Root<'_>, promise: &Promise) -> Result<(), Error> {
    let kept = |(name, is_sockets): &(&str, bool)| match promise.route(name) {
        Some(route) => matches!(route, Route::Host | Route::Checked | Route::Mixed),
        None => !is_sockets,
    };
    let added = promise.added.iter().map(|name| (name.as_str(), false));
    let expected: BTreeSet<_> = imports(guest)
        .into_iter()
        .filter(kept)
        .chain(added)
        .collect();
    if let Some((name, is_sockets)) = imports(output).difference(&expected).next() {
        let still = if *is_sockets { "still " } else { "" };
        return Err(refused(format!("it {still}imports `{name}`")));
    }
    if let Some((name, _)) = expected.difference(&imports(output)).next() {
        return Err(refused(format!("it does not import `{name}`")));
    }
    let mut expected = exports(guest);
    expected.extend(promise.reports.then_some(REPORT));
    if expected != exports(output) {
        return Err(refused("its exports are not the guest's".to_owned()));
    }
    Ok(())
}

/// Checks that the guest is given the host's own instance of an interface only where nothing of
/// that is the policy's business.
fn verify_wiring(output: &Root<'_>, guest: &Root<'_>, promise: &Promise) -> Result<(), Error> {
    let args = output.last_instantiation();
    for (name, _) in imports(guest) {
        let arg = args.iter().find(|(it, _)| *it == name);
        let instance = arg.and_then(|(_, index)| output.item_at(Space::Instance, *index));
        let item = instance.map(|at| &output.items[at]);
        match (promise.route(name), item) {
            (None | Some(Route::Host), _) | (_, Some(Item::Instance(_))) => {}
            _ => {
                return Err(refused(format!(
                    "`{name}` of the guest goes past the policy"
                )));
            }
        }
    }
    Ok(())
}

fn refused(reason: String) -> Error {
    Error::Refused { reason }
}

/// The imports by name, and whether they are of `wasi:sockets`.
fn imports<'r>(root: &'r Root<'_>) -> BTreeSet<(&'r str, bool)> {
    root.imports()
        .map(|(_, import)| {
            (
                import.name.name,
                reach(&import.name) == Some(Reach::Sockets),
            )
        })
        .collect()
}

fn exports<'r>(root: &'r Root<'_>) -> BTreeSet<&'r str> {
    root.exports().map(|(_, export)| export.name.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::compose;
    use crate::inspect::network_imports;
    use crate::plan::{Beside, plan};
    use crate::test_guest::{guest, versions, without};
    use sockvirt_policy::{Flag, LoopbackMode, Policy};

    /// A network in memory, and a rule that leads to the host.
    fn policy() -> Policy {
        let policy = Flag::allow("tcp://192.0.2.1:80").expect("a flag");
        let policy = Policy::deny_all().with_flag(policy).expect("a rule");
        policy.with_loopback(LoopbackMode::Virtual)
    }

    fn beside(policy: &Policy) -> Beside {
        Beside {
            config: crate::fuse::configuration(policy, None, Default::default()),
            plays: None,
            leads_out: true,
            host_time: false,
            host_clock: false,
            shared: None,
            exit: None,
        }
    }

    /// What a network calls of the host's is imported, whether the guest does or not.
    #[test]
    fn what_a_network_needs_of_the_host_is_imported() {
        const DISCONNECT: &str = "[method]udp-socket.disconnect";
        let (resolve, world) = without("disconnect:");
        let bytes = guest(&resolve, world);
        let root = read(&bytes, Bodies::All).expect("valid");
        let imports = |root: &Root<'_>| {
            let imports = network_imports(root);
            let mut functions = imports.iter().flat_map(|it| &it.functions);
            functions.any(|it| it == DISCONNECT)
        };
        assert!(!imports(&root));
        let policy = policy();
        let plan = plan(&root, &policy, Some(beside(&policy))).expect("a plan");
        let composed = compose(&plan, None, None, false).expect("a component");
        let output = verify(&composed, &root, &Promise::of(&plan)).expect("as it was promised");
        assert!(imports(&output));
    }

    /// What was to be checked, or to be a network's that leads to the host, must not be the host's own.
    #[test]
    fn a_guest_that_is_given_the_hosts_own_sockets_is_refused() {
        let policy = policy();
        let mut tried = 0;
        for (resolve, world) in versions() {
            let bytes = guest(&resolve, world);
            let root = read(&bytes, Bodies::All).expect("valid");
            for network in [None, Some(beside(&policy))] {
                let mut plan = plan(&root, &policy, network).expect("a plan");
                let promise = Promise::of(&plan);
                let composed = compose(&plan, None, None, false).expect("a component");
                verify(&composed, &root, &promise).expect("as it was promised");
                for socket in &mut plan.sockets {
                    if !plan_replaces(socket.route) {
                        socket.route = Route::Host;
                    }
                }
                plan.network = None;
                let past = compose(&plan, None, None, false).expect("a component");
                let refused = verify(&past, &root, &promise).err().map(|e| e.to_string());
                assert!(
                    refused.is_some_and(|it| it.contains("goes past the policy")),
                    "{:?}",
                    promise.routes
                );
                tried += 1;
            }
        }
        assert!(tried > 0);
    }

    fn plan_replaces(route: Route) -> bool {
        matches!(route, Route::Inside | Route::Answered | Route::Network)
    }
}
