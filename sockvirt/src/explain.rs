//! Asking a component what it does with an operation, and why.

use crate::check::check;
use crate::error::Error;
use crate::evidence;
use crate::read::{self, Bodies, Kind};
use serde::Serialize;
use sockvirt_policy::{Destination, Explanation, Operation, Policy};

/// What a component's policy says of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The decision, and what made it.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Whether the component is what this version of the tool builds with that policy. Where it is
    /// not, the policy says nothing about what the component really does.
    pub enforced: bool,
    /// The SHA-256 of the policy, in lower-case hex.
    pub policy_digest: String,
    /// The SHA-256 of the script that is played in the component, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_digest: Option<String>,
}

/// Says what the policy that a component carries decides, and which rule makes it so, or what the script
/// that is played in it has there; nothing for a component without an intact policy.
///
/// # Errors
///
/// Those of [`Error`] that are about bytes that are no valid component.
pub fn explain(
    bytes: &[u8],
    operation: Operation,
    destination: &Destination,
) -> Result<Option<Explained>, Error> {
    if read::kind(bytes)? == Kind::Module {
        return Err(Error::NotAComponent);
    }
    let root = read::read(bytes, Bodies::All)?;
    let Some(evidence) = evidence::read(&root) else {
        return Ok(None);
    };
    let Ok(mut policy) = Policy::from_toml(&evidence.policy) else {
        return Ok(None);
    };
    let mut script_digest = None;
    if let Some((script, digest)) = evidence::read_script(&root) {
        policy = policy.with_played(script);
        script_digest = Some(digest);
    }
    Ok(Some(Explained {
        explanation: policy.explain(operation, destination),
        enforced: check(bytes)?.enforced,
        policy_digest: evidence.digest,
        script_digest,
    }))
}
