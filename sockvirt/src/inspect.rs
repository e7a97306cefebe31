//! Looking at an input: what it is, what it can reach, what would become of it.

use crate::Virtualizer;
use crate::componentize;
use crate::error::Error;
use crate::evidence::{self, Evidence};
use crate::hosts::{self, HostVerdict};
use crate::reach::{Reach, reach};
use crate::read::{self, Bodies, Kind};
use crate::report::Mode;
use crate::root::{Root, import_label};
use serde::Serialize;
use sockvirt_policy::Policy;
use wasmparser::component_types::ComponentEntityType;

/// What an input is and what would become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// What it is.
    pub kind: InputKind,
    /// The digest of the policy that it was built with, where this tool built it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// The script that is played in it, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<PlayedScript>,
    /// Its imports that can reach a network.
    pub network: Vec<NetworkImport>,
    /// The names of all its imports.
    pub imports: Vec<String>,
    /// The names of all its exports.
    pub exports: Vec<String>,
    /// What well-known hosts say to it as it is. Empty for core modules.
    pub hosts: Vec<HostVerdict>,
    /// What `build` would do with the policy that denies everything.
    pub build: BuildForecast,
}

/// A script that is played in a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlayedScript {
    /// What its file was called.
    pub file: String,
    /// The SHA-256 of the script, in lower-case hex.
    pub digest: String,
    /// How many peers there are.
    pub peers: usize,
    /// How many clients.
    pub clients: usize,
    /// How many steps, in all.
    pub steps: usize,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InputKind {
    /// A core module without WASI.
    CoreModule,
    /// A core module for WASI preview1.
    Preview1Module,
    /// A component.
    Component,
}

/// An import that can reach a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkImport {
    /// Its name.
    pub name: String,
    /// How it could reach a network.
    pub reach: Reach,
    /// The functions of it that the input's type lists. A toolchain lists those that are used.
    pub functions: Vec<String>,
}

/// What `build` would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "does", content = "detail")]
#[non_exhaustive]
pub enum BuildForecast {
    /// It would replace these imports.
    Replace(Vec<String>),
    /// It would copy the input, which imports no sockets.
    Copy,
    /// It would make a component of the module first.
    Adapt,
    /// It would refuse, for this reason.
    Refuse(String),
}

/// Looks at an input.
///
/// # Errors
///
/// Those of [`Error`] that are about bytes that are not valid WebAssembly.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Error> {
    match read::kind(bytes)? {
        Kind::Module => inspect_module(bytes),
        Kind::Component => inspect_component(bytes),
    }
}

fn inspect_module(bytes: &[u8]) -> Result<Inspection, Error> {
    read::read_module(bytes)?;
    Ok(Inspection {
        kind: match componentize::surface(bytes).preview1 {
            true => InputKind::Preview1Module,
            false => InputKind::CoreModule,
        },
        policy_digest: None,
        script: None,
        network: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        hosts: Vec::new(),
        build: forecast(bytes),
    })
}

fn inspect_component(bytes: &[u8]) -> Result<Inspection, Error> {
    let root = &read::read(bytes, Bodies::All)?;
    let imports: Vec<_> = root
        .imports()
        .map(|(_, it)| import_label(&it.name))
        .collect();
    let exports: Vec<_> = root
        .exports()
        .map(|(_, it)| it.name.name.to_owned())
        .collect();
    Ok(Inspection {
        kind: InputKind::Component,
        policy_digest: evidence::read(root).map(|Evidence { digest, .. }| digest),
        script: evidence::read_script(root).map(|(script, digest)| PlayedScript {
            file: script.file,
            digest,
            peers: script.peers.len(),
            clients: script.clients.len(),
            steps: script.steps.len(),
        }),
        network: network_imports(root),
        hosts: hosts::verdicts(&imports, &exports),
        imports,
        exports,
        build: forecast(bytes),
    })
}

/// What a build would do, found out by building.
fn forecast(bytes: &[u8]) -> BuildForecast {
    match Virtualizer::new(Policy::deny_all()).build(bytes) {
        Err(e) => BuildForecast::Refuse(e.to_string()),
        Ok(built) if built.report.adapted => BuildForecast::Adapt,
        Ok(built) if built.report.mode == Mode::Copied => BuildForecast::Copy,
        Ok(built) => BuildForecast::Replace(
            built
                .report
                .removed
                .iter()
                .map(ToString::to_string)
                .collect(),
        ),
    }
}

/// The imports of a component that can reach a network.
pub(crate) fn network_imports(root: &Root<'_>) -> Vec<NetworkImport> {
    let imports = root.imports().filter_map(|(_, import)| {
        Some(NetworkImport {
            name: import_label(&import.name),
            reach: reach(&import.name)?,
            functions: functions(root, import.name.name),
        })
    });
    imports.collect()
}

fn functions(root: &Root<'_>, import: &str) -> Vec<String> {
    let types = root.types();
    let Some(item) = types.component_item_for_import(import) else {
        return Vec::new();
    };
    let ComponentEntityType::Instance(id) = item.ty else {
        return Vec::new();
    };
    let exports = types
        .get(id)
        .map(|instance| instance.exports.iter())
        .into_iter()
        .flatten();
    exports
        .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)))
        .map(|(name, _)| name.clone())
        .collect()
}
