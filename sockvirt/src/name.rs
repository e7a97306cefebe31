//! Interface names as imports spell them: `wasi:sockets/tcp@0.2.6`.

use semver::{BuildMetadata, Prerelease, Version};
use serde::{Serialize, Serializer};
use std::fmt;
use wasmparser::ComponentExternName;

/// The package that this tool is about.
pub(crate) const SOCKETS: &str = "wasi:sockets";

/// The name of an interface, taken apart.
///
/// Where a component imports an interface under a plain label and says that the import
/// *implements* an interface, it is that interface's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    /// Namespace and package, such as `wasi:sockets`.
    pub package: String,
    /// The interface within the package, such as `tcp`.
    pub interface: String,
    /// The version, where the name has one that is a semantic version.
    pub version: Option<Version>,
    text: String,
}

impl InterfaceName {
    /// Takes the name of an import or an export apart. `None` for names that are no interface's,
    /// such as those of functions.
    pub(crate) fn of(name: &ComponentExternName<'_>) -> Option<Self> {
        let spelled = name.implements.unwrap_or(name.name);
        let suffix = match name.implements {
            None => name.version_suffix.unwrap_or_default(),
            Some(_) => "",
        };
        Self::parse(&format!("{spelled}{suffix}"))
    }

    /// Takes `namespace:package/interface@version` apart.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let (package, interface) = path.split_once('/')?;
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '/');
        if !package.contains(':') || !path.chars().all(word) {
            return None;
        }
        Some(InterfaceName {
            package: package.to_owned(),
            interface: interface.to_owned(),
            version: version.and_then(parse_version),
            text: text.to_owned(),
        })
    }

    /// Whether it belongs to `wasi:sockets`, in whatever version.
    pub fn is_sockets(&self) -> bool {
        self.package == SOCKETS
    }
}

/// A version as it stands in a name: whole, or cut to what compatible versions share (`0.2`).
fn parse_version(text: &str) -> Option<Version> {
    Version::parse(text).ok().or_else(|| {
        let mut numbers = text.split('.').map(|number| number.parse::<u64>().ok());
        let major = numbers.next()??;
        let minor = numbers.next().unwrap_or(Some(0))?;
        numbers.next().is_none().then_some(Version {
            major,
            minor,
            patch: 0,
            pre: Prerelease::EMPTY,
            build: BuildMetadata::EMPTY,
        })
    })
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for InterfaceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let name = InterfaceName::parse("wasi:sockets/tcp@0.2.6").expect("a name");
        assert!(name.is_sockets());
        assert_eq!(name.interface, "tcp");
        assert_eq!(name.version, Some(Version::new(0, 2, 6)));
        let name = InterfaceName::parse("wasi:sockets/tcp@0.2").expect("a name");
        assert_eq!(name.version, Some(Version::new(0, 2, 0)));
        assert_eq!(InterfaceName::parse("run"), None);
        assert_eq!(InterfaceName::parse("[method]a:b/c.d"), None);
        assert_eq!(InterfaceName::parse("a:b/c").and_then(|n| n.version), None);
    }

    #[test]
    fn a_version_suffix_and_an_implemented_interface_count() {
        let mut name = ComponentExternName {
            name: "wasi:sockets/tcp@0.2",
            implements: None,
            version_suffix: Some(".9"),
            external_id: None,
        };
        let parsed = InterfaceName::of(&name).expect("a name");
        assert_eq!(parsed.version, Some(Version::new(0, 2, 9)));
        name.name = "backdoor";
        name.version_suffix = None;
        name.implements = Some("wasi:sockets/udp@0.2.1");
        assert!(InterfaceName::of(&name).is_some_and(|n| n.is_sockets()));
    }
}
