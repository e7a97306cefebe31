//! What a composed component carries of the policy that it was built with.
//!
//! A custom section of the outermost component named [`SECTION`] holds UTF-8 text. Its first line
//! is `sockvirt VERSION sha256:DIGEST`, the rest is the policy's canonical text, and the digest is
//! that of the rest, in lower-case hex.
//!
//! Where a script is played, one named [`SCRIPT`] holds the same first line, and behind it what the
//! script's file is called. The digest is that of the script as it is played, which is read out of the
//! network inside: nobody is told anything of a script that is not there.

use crate::fuse;
use crate::root::Root;
use sha2::{Digest, Sha256};
use sockvirt_netstack::script::Script;
use sockvirt_policy::Policy;
use std::fmt::Write;
use wasmparser::{Parser, Payload};

/// The name of the custom section.
pub const SECTION: &str = "sockvirt:policy";

/// The name of the custom section about a script.
pub const SCRIPT: &str = "sockvirt:script";

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
    text.insert_str(0, &head(text.as_bytes()));
    text
}

/// The text of the section for a script.
pub(crate) fn write_script((script, bytes): Played<'_>) -> String {
    head(bytes) + &script.file + "\n"
}

/// The first line of a section.
fn head(of: &[u8]) -> String {
    format!(
        "sockvirt {} sha256:{}\n",
        env!("CARGO_PKG_VERSION"),
        digest(of)
    )
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
    let (version, said, policy) = section(root, SECTION)?;
    (said == digest(policy.as_bytes())).then(|| Evidence {
        version: version.to_owned(),
        digest: said.to_owned(),
        policy: policy.to_owned(),
    })
}

/// The script that is played in a component, and its digest; `None` where there is none, or another one
/// than it says.
pub(crate) fn read_script(root: &Root<'_>) -> Option<(Script, String)> {
    let (_, said, _) = section(root, SCRIPT)?;
    let (script, bytes) = played(root.bytes)?;
    (said == digest(bytes)).then(|| (script, said.to_owned()))
}

/// The version, the digest and the text of a section.
fn section<'a>(root: &Root<'a>, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let text = std::str::from_utf8(root.custom_section(name)?).ok()?;
    let (head, text) = text.split_once('\n')?;
    let (version, digest) = head.strip_prefix("sockvirt ")?.split_once(" sha256:")?;
    Some((version, digest, text))
}

/// A script, and its bytes.
pub(crate) type Played<'b> = (Script, &'b [u8]);

/// The script in the configuration of the network that is somewhere in a component.
pub(crate) fn played(component: &[u8]) -> Option<Played<'_>> {
    let mut payloads = Parser::new(0).parse_all(component).map_while(Result::ok);
    payloads.find_map(|payload| {
        let Payload::DataSection(section) = payload else {
            return None;
        };
        let data = section.into_iter().map_while(Result::ok).last()?;
        script_in(fuse::configured(data.data)?)
    })
}

/// The script in what a network is configured with.
pub(crate) fn script_in(config: &[u8]) -> Option<Played<'_>> {
    let bytes = fuse::script_of(config)?;
    Script::from_bytes(bytes).map(|script| (script, bytes))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
