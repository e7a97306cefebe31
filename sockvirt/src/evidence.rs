//! What a composed component carries of the policy that it was built with.
//!
//! A custom section of the outermost component named [`SECTION`] holds UTF-8 text. Its first line
//! is `sockvirt VERSION sha256:DIGEST`, the rest is the policy's canonical text, and the digest is
//! that of the rest, in lower-case hex.

use crate::root::Root;
use sha2::{Digest, Sha256};
use sockvirt_policy::Policy;
use std::fmt::Write;

/// The name of the custom section.
pub const SECTION: &str = "sockvirt:policy";

/// Policies with fewer rules are not worth a second thread.
const MANY: usize = 500;

/// The text of the section, for whoever asks.
pub(crate) type Text<'a> = Box<dyn FnOnce() -> String + 'a>;

/// Does something that ends with the text of the section. Where that is long, it is written
/// meanwhile.
pub(crate) fn beside<T>(policy: &Policy, work: impl FnOnce(Text<'_>) -> T) -> T {
    if policy.count() < MANY {
        return work(Box::new(|| write(policy)));
    }
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(policy));
        // A panic goes on to where it is caught.
        let text = || {
            let text = writing.join();
            text.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        work(Box::new(text))
    })
}

/// The text of the section for a policy.
pub(crate) fn write(policy: &Policy) -> String {
    let mut text = policy.canonical();
    let version = env!("CARGO_PKG_VERSION");
    let head = format!("sockvirt {version} sha256:{}\n", digest(&text));
    text.insert_str(0, &head);
    text
}

/// What a component says it was built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The version of the tool that built it.
    pub version: String,
    /// The SHA-256 of the policy's canonical text, in lower-case hex.
    pub digest: String,
    /// The policy's canonical text.
    pub policy: String,
}

/// Reads the section of a component; `None` where it has none, or one that is not intact.
pub(crate) fn read(root: &Root<'_>) -> Option<Evidence> {
    let text = std::str::from_utf8(root.custom_section(SECTION)?).ok()?;
    let (head, policy) = text.split_once('\n')?;
    let (version, said) = head.strip_prefix("sockvirt ")?.split_once(" sha256:")?;
    (said == digest(policy)).then(|| Evidence {
        version: version.to_owned(),
        digest: said.to_owned(),
        policy: policy.to_owned(),
    })
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
