//! Asking a component what it can still reach.

use crate::compose::has_script;
use crate::error::Error;
use crate::evidence::{self, Evidence};
use crate::inspect::{NetworkImport, network_imports};
use crate::name::InterfaceName;
use crate::plan::reaches_host;
use crate::reach::Reach;
use crate::read::{self, Bodies, Kind};
use crate::root::Root;
use crate::{Policy, Virtualizer};
use serde::Serialize;

/// What a component can reach, and what it was built to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The imports that can reach a network and that the policy does not allow.
    pub violations: Vec<NetworkImport>,
    /// The imports that can reach a network and that the policy allows.
    pub allowed: Vec<NetworkImport>,
    /// Whether the component is to the byte what this version of the tool builds with the policy
    /// that it carries. Where it is not, the policy says nothing about it.
    pub enforced: bool,
    /// The SHA-256 of the policy that the component was built with, in lower-case hex; `None`
    /// where it carries none.
    pub policy_digest: Option<String>,
    /// The SHA-256 of the script that is played in the component; `None` where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_digest: Option<String>,
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
/// What a policy can allow is uses of `wasi:sockets`, and only where it stands between them and the
/// program. Anybody can write a policy into a component. So what is inside is built again with that
/// policy: only where that gives this very component, byte by byte, its imports are allowed.
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
    let policy = evidence.as_ref().and_then(|it| enforced(&root, it));
    let allowed = |import: &NetworkImport| {
        let name = InterfaceName::parse(&import.name);
        let policy = policy.as_ref().filter(|_| import.reach == Reach::Sockets);
        policy.is_some_and(|policy| name.is_some_and(|name| reaches_host(policy, &name)))
    };
    let (allowed, violations) = network_imports(&root).into_iter().partition(allowed);
    let (policy_digest, built_by) = match evidence {
        Some(Evidence {
            version, digest, ..
        }) => (Some(digest), Some(version)),
        None => (None, None),
    };
    let script_digest = evidence::read_script(&root).map(|(_, digest)| digest);
    Ok(Check {
        violations,
        allowed,
        enforced: policy.is_some(),
        policy_digest,
        script_digest,
        built_by,
    })
}

/// The policy that a component says it was built with, if that is what it is: building the
/// component inside again gives the same bytes.
fn enforced(root: &Root<'_>, evidence: &Evidence) -> Option<Policy> {
    let policy = Policy::from_toml(&evidence.policy).ok()?;
    let guest = root.last_component()?;
    // A network in memory would be inside already, where it leads to the host.
    let guest = read::read(guest, Bodies::All).ok()?;
    let plays = has_script(&guest);
    let mut virtualizer = Virtualizer::new(policy.clone());
    if let Some((script, _)) = evidence::read_script(root) {
        virtualizer = virtualizer.script(script);
    }
    let network = virtualizer.network_beside(&guest);
    let network = network.filter(|it| !it.leads_out);
    let built = virtualizer.compose(guest, network, plays).ok()?;
    (built.component == root.bytes).then_some(policy)
}
