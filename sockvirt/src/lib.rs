//! Gives WebAssembly components a network of their own, at build time.
//!
//! A component that imports `wasi:sockets` goes in; out comes one whose socket calls are answered as
//! a [`Policy`] says: inside, on hosts with no socket support, or by the host's own sockets after a
//! check. It is one self-contained binary, and it reaches nothing that its policy does not name.
//!
//! ```
//! use sockvirt::{Policy, Virtualizer};
//!
//! # fn main() -> Result<(), sockvirt::Error> {
//! # let bytes = wat::parse_str(r#"(component
//! #     (import "wasi:sockets/network@0.2.0" (instance (export "network" (type (sub resource)))))
//! # )"#).expect("valid text");
//! let built = Virtualizer::new(Policy::deny_all()).build(&bytes)?;
//! assert!(sockvirt::check(&built.component)?.passed());
//! # Ok(())
//! # }
//! ```
//!
//! Bytes in, bytes and a [`Report`] out. There is no I/O here and no state: the same input gives
//! the same bytes, and any number of builds can run at once. No input makes it panic.
//!
//! The interfaces are those of the WASI packages `wasi:sockets@0.2.x` (network, instance-network,
//! tcp, tcp-create-socket, udp, udp-create-socket, ip-name-lookup) and `wasi:sockets@0.3.x` (types,
//! ip-name-lookup).

mod check;
mod componentize;
mod compose;
mod error;
mod evidence;
mod explain;
mod fuse;
mod generate;
mod guard;
mod guest;
mod hosts;
mod inspect;
mod name;
mod plan;
mod reach;
mod read;
mod report;
mod root;
#[cfg(feature = "run")]
pub mod run;
mod stand_in;
#[cfg(test)]
mod test_guest;
mod verify;
mod versions;
mod widen;

pub use check::{Check, check};
pub use error::Error;
pub use evidence::{Evidence, SCRIPT as SCRIPT_SECTION, SECTION};
pub use explain::{Explained, explain};
pub use guest::Guest;
pub use hosts::HostVerdict;
pub use inspect::{BuildForecast, InputKind, Inspection, NetworkImport, PlayedScript, inspect};
pub use name::InterfaceName;
pub use reach::Reach;
pub use report::{Import, Mode, Report};
#[cfg(feature = "run")]
pub use run::{TestReport, test};
pub use sockvirt_netstack::script;
pub use sockvirt_policy as policy;
pub use sockvirt_policy::Policy;

use componentize::{componentize, surface};
use plan::{Beside, Plan, plan};
use read::Bodies;
use root::{Root, import_label};
use sockvirt_netstack::script::Script;
use sockvirt_policy::{DenyAt, Log, LoopbackMode};
use std::sync::Arc;
use verify::Promise;

/// Builds components that have a network of their own.
#[derive(Clone, Debug)]
pub struct Virtualizer {
    policy: Policy,
    script: Option<Arc<Script>>,
    /// Whether the host may give another script before the program runs.
    loads: bool,
    adapt: bool,
}

/// A component that was built, and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The component's bytes.
    pub component: Vec<u8>,
    /// What was done.
    pub report: Report,
}

impl Virtualizer {
    /// A virtualizer for a policy, and for the script that it has, if it has one.
    pub fn new(policy: Policy) -> Self {
        Virtualizer {
            script: policy.script().cloned().map(Arc::new),
            policy,
            loads: false,
            adapt: true,
        }
    }

    /// Has another script played to the program: what there is on its network, and what it must do.
    #[must_use]
    pub fn script(mut self, script: impl Into<Arc<Script>>) -> Self {
        self.script = Some(script.into());
        self
    }

    /// Whether preview1 core modules are made components on the way, as is the default.
    #[must_use]
    pub fn adapt(mut self, adapt: bool) -> Self {
        self.adapt = adapt;
        self
    }

    /// Composes the network into a component, or into a preview1 core module that is made a
    /// component first. A component without sockets is copied as it is.
    ///
    /// # Errors
    ///
    /// Every variant of [`Error`], each of which says what to do about it.
    pub fn build(&self, bytes: &[u8]) -> Result<Built, Error> {
        self.build_guest(Guest::read(bytes)?)
    }

    /// The same for a guest that was read before, which may be while its policy was.
    ///
    /// # Errors
    ///
    /// As [`build`](Virtualizer::build).
    pub fn build_guest(&self, guest: Guest<'_>) -> Result<Built, Error> {
        let bytes_in = guest.bytes.len();
        let mut built = match guest.root {
            Some(root) => self.build_root(root)?,
            None => {
                let (component, mut notes) = self.componentize(guest.bytes)?;
                let mut built = self.build_root(read::read(&component, Bodies::All)?)?;
                let report = &mut built.report;
                report.adapted = true;
                notes.append(&mut report.notes);
                report.notes = notes;
                built
            }
        };
        built.report.bytes_in = bytes_in;
        Ok(built)
    }

    fn build_root(&self, root: Root<'_>) -> Result<Built, Error> {
        let in_memory = self.script.is_some()
            || self.policy.loopback() == LoopbackMode::Virtual && imports_sockets(&root);
        // What a script takes the place of in the program itself calls the network from there.
        let is_played_in = || fuse::is_played_in(&root, &self.policy, self.given());
        let is_inside = || !self.serves_0_3(&root) || uses(&root, 2) || is_played_in();
        let mut built = match in_memory {
            true if is_inside() => self.fuse(root)?,
            true => self.compose_in_memory(root)?,
            false => self.compose(root, None, false)?,
        };
        let notes = &mut built.report.notes;
        notes.extend(self.log_note().filter(|_| in_memory));
        Ok(built)
    }

    /// What to say where a log is asked for, and what would be in it is all in memory.
    fn log_note(&self) -> Option<String> {
        let is_empty = self.policy.log() != Log::None && !fuse::leads_to_host(&self.policy);
        let note =
            "nothing will be logged: what happens in memory is not, and no rule leads to the host";
        is_empty.then(|| note.to_owned())
    }

    /// Puts a network in memory into a component, and whatever denies or checks the rest around it.
    fn fuse(&self, mut root: Root<'_>) -> Result<Built, Error> {
        // An address that meant two things would be one at the host here, and in memory there.
        self.policy.check().map_err(|e| Error::Policy {
            message: e.to_string(),
        })?;
        let leads_to_host = fuse::leads_to_host(&self.policy);
        let script = self.given();
        let with_0_3 = self.serves_0_3(&root);
        let is_inner = leads_to_host || script.is_some() || with_0_3;
        let evidence = evidence::write(&self.policy);
        let evidence = (!is_inner).then_some((SECTION, evidence.as_str()));
        let plan = plan(&root, &self.policy, None)?;
        let mut report = self.report(&plan);
        let fused = fuse::fuse(&root, &self.policy, script, evidence, with_0_3)?;
        let beside = fused.needs_hub.then_some(fuse::hub::NAME);
        let plays_inside = script.is_some() && !with_0_3;
        let promise = Promise::in_memory(&plan, leads_to_host, plays_inside, beside);
        root.forget_types();
        let output = verify::verify_fused(&fused, &root, &promise)?;
        let component = match is_inner {
            true => {
                let built = match with_0_3 {
                    // Those are still to be served.
                    true => self.compose_beside(output)?,
                    false => self.compose(output, None, plays_inside)?,
                };
                if leads_to_host {
                    report = built.report;
                } else if with_0_3 {
                    report.imports = built.report.imports;
                    let removed = built.report.removed.into_iter();
                    let more: Vec<_> = removed.filter(|it| !report.removed.contains(it)).collect();
                    report.removed.extend(more);
                }
                built.component
            }
            false => fused.component,
        };
        report.mode = match script {
            Some(_) => Mode::Script,
            None => Mode::Loopback,
        };
        report.bytes_out = component.len();
        Ok(Built { component, report })
    }

    /// The network in memory that is beside a component, if there is one.
    pub(crate) fn network_beside(&self, root: &Root<'_>) -> Option<Beside> {
        let is_asked = self.policy.loopback() == LoopbackMode::Virtual || self.script.is_some();
        let is_beside = self.serves_0_3(root) && !uses(root, 2);
        (is_asked && is_beside).then(|| self.beside(root))
    }

    /// The network in memory for sockets of 0.3 of a component.
    fn beside(&self, root: &Root<'_>) -> Beside {
        let leads_out = fuse::leads_to_host(&self.policy);
        let host_clock = self.script.as_ref().is_some_and(|script| script.host_clock);
        let has_timer = || host_clock || plan::imported_timer(root, plan::WAIT_FOR).is_some();
        let host_time = leads_out && self.script.is_some() && has_timer();
        let mut beside = Beside {
            config: Vec::new(),
            plays: self.script.as_ref().map(|_| self.loads),
            leads_out,
            host_time,
            host_clock,
            shared: fuse::hub::imported(root),
            exit: None,
        };
        beside.exit = plan::imported_exit(root).filter(|_| beside.tells());
        let has = fuse::Has {
            host_time,
            reports: beside.tells(),
            exits: beside.exit.is_some(),
        };
        beside.config = fuse::configuration(&self.policy, self.given(), has);
        beside
    }

    /// Whether a network in memory has something of WASI 0.3 for a component: sockets, or a script's clock.
    fn serves_0_3(&self, root: &Root<'_>) -> bool {
        let has_clock = self.script.as_ref().is_some_and(|it| !it.host_clock);
        uses(root, 3) || has_clock && plan::imports_clock_3(root)
    }

    /// The script that is played, if one is.
    fn given(&self) -> Option<fuse::Given<'_>> {
        self.script.as_deref().map(|script| fuse::Given {
            script,
            loads: self.loads,
        })
    }

    /// Puts a network in memory beside a component whose sockets are all of WASI 0.3.
    fn compose_in_memory(&self, root: Root<'_>) -> Result<Built, Error> {
        self.policy.check().map_err(|e| Error::Policy {
            message: e.to_string(),
        })?;
        fuse::hub::refuse(&root)?;
        let mut built = self.compose_beside(root)?;
        built.report.mode = match self.script {
            Some(_) => Mode::Script,
            None => Mode::Loopback,
        };
        Ok(built)
    }

    /// Puts a network in memory beside a component, for its sockets of 0.3; and whatever checks the rest
    /// around both, where something leads to the host.
    fn compose_beside(&self, root: Root<'_>) -> Result<Built, Error> {
        let network = self.beside(&root);
        let leads_out = network.leads_out;
        let built = self.compose(root, Some(network), false)?;
        match leads_out {
            true => {
                let inner = read::read(&built.component, Bodies::All)?;
                self.compose(inner, None, self.script.is_some())
            }
            false => Ok(built),
        }
    }

    /// Puts around a component what denies or checks its sockets; and if a script is played in it, what
    /// asks for its verdict.
    pub(crate) fn compose(
        &self,
        mut root: Root<'_>,
        network: Option<Beside>,
        plays: bool,
    ) -> Result<Built, Error> {
        let plan = plan(&root, &self.policy, network)?;
        let mut report = self.report(&plan);
        let component = match report.mode {
            Mode::Copied if !plays => {
                report.notes.extend(copied_note(&root));
                root.bytes.to_vec()
            }
            _ => {
                // The network that plays a script is in the guest, or beside it.
                let script = match &plan.network {
                    Some(beside) => beside
                        .plays
                        .and_then(|_| evidence::script_in(&beside.config)),
                    None => plays.then_some(root.bytes).and_then(evidence::played),
                };
                let script = script.map(evidence::write_script);
                // The outer one of two has the evidence.
                let is_inner = plan.network.as_ref().is_some_and(|it| it.leads_out);
                let component = match is_inner {
                    true => compose::compose(&plan, None, None, plays),
                    false => evidence::beside(&self.policy, |evidence| {
                        let evidence = Some((SECTION, evidence));
                        compose::compose(&plan, evidence, script, plays)
                    }),
                }?;
                let mut promise = Promise::of(&plan);
                promise.reports = plan.plays();
                // The output's types are as many again.
                root.forget_types();
                verify::verify(&component, &root, &promise)?;
                component
            }
        };
        report.bytes_out = component.len();
        Ok(Built { component, report })
    }

    fn componentize(&self, module: &[u8]) -> Result<(Vec<u8>, Vec<String>), Error> {
        read::read_module(module)?;
        let surface = surface(module);
        if !surface.preview1 {
            return Err(Error::CoreModule {
                import: surface.foreign,
            });
        }
        if !self.adapt {
            return Err(Error::NeedsAdapter);
        }
        let component = componentize(module, surface.command)?;
        let mut notes = vec![
            "the input is a preview1 module, and was made a component with the preview1 adapter"
                .to_owned(),
        ];
        if surface.sockets.is_empty() {
            notes.push(
                "preview1 programs open no sockets; one that should is built for wasm32-wasip2"
                    .to_owned(),
            );
        } else {
            notes.push(format!(
                "`{}` of preview1 always fail under the adapter; \
                 a program that needs sockets is built for wasm32-wasip2",
                surface.sockets.join("`, `")
            ));
        }
        Ok((component, notes))
    }

    fn report(&self, plan: &Plan<'_>) -> Report {
        let kept = plan.root.imports().filter(|(at, _)| !plan.replaces(*at));
        let imports = kept.map(|(_, import)| Import {
            name: import_label(&import.name),
            reach: reach::reach(&import.name),
        });
        let added = plan.added().map(|name| Import {
            name: name.to_owned(),
            reach: None,
        });
        Report {
            mode: match self.policy.deny_at() {
                _ if plan.sockets.is_empty() => Mode::Copied,
                _ if plan.asks() => Mode::Allowlist,
                DenyAt::Create => Mode::DenyAtCreate,
                DenyAt::Operation => Mode::DenyAtOperation,
            },
            adapted: false,
            bytes_in: 0,
            bytes_out: 0,
            removed: plan
                .sockets
                .iter()
                .filter(|socket| plan.replaces(socket.at))
                .map(|socket| socket.name.clone())
                .collect(),
            imports: imports.chain(added).collect(),
            notes: Vec::new(),
        }
    }
}

/// Whether a component imports sockets of a generation of WASI.
fn uses(root: &Root<'_>, minor: u64) -> bool {
    let names = root.imports();
    let mut names = names.filter_map(|(_, import)| InterfaceName::of(&import.name));
    let is_its = |name: InterfaceName| name.version.is_some_and(|it| it.minor == minor);
    names.any(|name| name.is_sockets() && is_its(name))
}

fn imports_sockets(root: &Root<'_>) -> bool {
    let mut names = root
        .imports()
        .filter_map(|(_, import)| InterfaceName::of(&import.name));
    names.any(|name| name.is_sockets())
}

/// What to say where nothing was done.
fn copied_note(root: &Root<'_>) -> Vec<String> {
    match evidence::read(root) {
        Some(Evidence {
            version, digest, ..
        }) => vec![format!(
            "the input was built by sockvirt {version} with the policy sha256:{digest}, \
             which stays as it is"
        )],
        None => vec!["the input imports no `wasi:sockets`, and was copied as it is".to_owned()],
    }
}
