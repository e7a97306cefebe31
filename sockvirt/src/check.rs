//! Asking a component what it can still reach.

use crate::error::Error;
use crate::evidence::{self, Evidence};
use crate::inspect::{NetworkImport, network_imports};
use crate::read::{self, Bodies, Kind};
use serde::Serialize;

/// What a component can reach, and what it was built to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The imports that can reach a network and that the policy does not allow.
    pub violations: Vec<NetworkImport>,
    /// The SHA-256 of the policy that the component was built with, in lower-case hex; `None`
    /// where it carries none.
    pub policy_digest: Option<String>,
    /// The version of the tool that built the component.
    pub built_by: Option<String>,
}

impl Check {
    /// Whether there is nothing to complain of.
    pub fn passed(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Lists each import of a component that can reach a network and that its policy does not allow.
///
/// What a policy allows is uses of `wasi:sockets`, and the policies of this version allow none. So
/// every such import counts, whether the component carries a policy or not.
///
/// # Errors
///
/// Those of [`Error`] that are about bytes that are no valid component.
pub fn check(bytes: &[u8]) -> Result<Check, Error> {
    if read::kind(bytes)? == Kind::Module {
        return Err(Error::NotAComponent);
    }
    let root = read::read(bytes, Bodies::All)?;
    let evidence = evidence::read(&root);
    let (policy_digest, built_by) = match evidence {
        Some(Evidence {
            version, digest, ..
        }) => (Some(digest), Some(version)),
        None => (None, None),
    };
    Ok(Check {
        violations: network_imports(&root),
        policy_digest,
        built_by,
    })
}
