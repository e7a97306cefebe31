//! What a build did.

use crate::name::InterfaceName;
use crate::reach::Reach;
use serde::Serialize;

/// What a build did, for people and for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What was done.
    pub mode: Mode,
    /// Whether the input was a preview1 module that was made a component first.
    pub adapted: bool,
    /// The size of the input in bytes.
    pub bytes_in: usize,
    /// The size of the output in bytes.
    pub bytes_out: usize,
    /// The imports that the input has and the output does not.
    pub removed: Vec<InterfaceName>,
    /// The imports of the output: what its host must offer.
    pub imports: Vec<Import>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// What a build did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mode {
    /// There was nothing to do: the output is the input.
    Copied,
    /// All sockets are denied at creation.
    DenyAtCreate,
    /// All sockets are denied at their operations.
    DenyAtOperation,
    /// The policy is asked, and the host's own sockets are used where it says so.
    Allowlist,
    /// All sockets are on a network in memory, inside of the output.
    Loopback,
    /// The same, and a script is played there.
    Script,
}

/// An import of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// How it could reach a network; `None` where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
}

impl Report {
    /// How many bytes the output is larger than the input.
    pub fn bytes_added(&self) -> i64 {
        let size = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        size(self.bytes_out) - size(self.bytes_in)
    }

    /// The imports of the output that can reach a network.
    pub fn network_imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(|import| import.reach.is_some())
    }
}
