//! Well-known hosts, and what keeps a component from running there.
//!
//! Each entry says what the host offers as it comes, without options, in the version named. It was
//! read off the host's own code; `docs/hosts.md` says where.

use crate::name::InterfaceName;
use serde::Serialize;

/// A host, and whether it runs a component as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostVerdict {
    /// The host and its version.
    pub host: &'static str,
    /// Why it does not run the component; empty where it does.
    pub missing: Vec<String>,
}

impl HostVerdict {
    /// Whether the host runs the component.
    pub fn runs(&self) -> bool {
        self.missing.is_empty()
    }
}

/// What a host offers and what it calls.
struct Host {
    name: &'static str,
    /// Packages or interfaces, each with the minor versions of 0.x that the host has.
    offers: &'static [(&'static str, &'static [u64])],
    /// The interfaces of which the component must export one; none where any component will do.
    calls: &'static [&'static str],
}

const HOSTS: [Host; 3] = [
    Host {
        name: "wasmtime run 48",
        offers: &[
            ("wasi:cli", &[2, 3]),
            ("wasi:clocks", &[2, 3]),
            ("wasi:filesystem", &[2, 3]),
            ("wasi:io", &[2]),
            ("wasi:random", &[2, 3]),
            ("wasi:sockets", &[2, 3]),
        ],
        calls: &["wasi:cli/run"],
    },
    Host {
        name: "wasmtime serve 48",
        offers: &[
            ("wasi:cli/stderr", &[2, 3]),
            ("wasi:cli/stdin", &[2, 3]),
            ("wasi:cli/stdout", &[2, 3]),
            ("wasi:cli", &[3]),
            ("wasi:clocks/monotonic-clock", &[2]),
            ("wasi:clocks/wall-clock", &[2]),
            ("wasi:clocks", &[3]),
            ("wasi:http", &[2, 3]),
            ("wasi:io", &[2]),
            ("wasi:random/random", &[2]),
            ("wasi:random", &[3]),
        ],
        calls: &["wasi:http/incoming-handler", "wasi:http/handler"],
    },
    Host {
        name: "jco 1.35",
        offers: &[
            ("wasi:cli", &[2, 3]),
            ("wasi:clocks", &[2, 3]),
            ("wasi:filesystem", &[2, 3]),
            ("wasi:http", &[2, 3]),
            ("wasi:io", &[2]),
            ("wasi:random", &[2, 3]),
            ("wasi:sockets", &[2, 3]),
        ],
        calls: &[],
    },
];

/// Asks each host.
pub(crate) fn verdicts(imports: &[String], exports: &[String]) -> Vec<HostVerdict> {
    HOSTS
        .iter()
        .map(|host| host.verdict(imports, exports))
        .collect()
}

impl Host {
    fn verdict(&self, imports: &[String], exports: &[String]) -> HostVerdict {
        let lacking = imports.iter().filter(|import| !self.has(import));
        let mut missing: Vec<_> = lacking
            .map(|import| format!("it has no `{import}`"))
            .collect();
        let is_called = |export: &String| {
            self.calls
                .iter()
                .any(|call| export.split('@').next() == Some(*call))
        };
        if !self.calls.is_empty() && !exports.iter().any(is_called) {
            missing.push(format!(
                "the component exports no `{}`",
                self.calls.join("` and no `")
            ));
        }
        HostVerdict {
            host: self.name,
            missing,
        }
    }

    fn has(&self, import: &str) -> bool {
        let Some(name) = InterfaceName::parse(import) else {
            return false;
        };
        let Some(version) = name.version.filter(|it| it.pre.is_empty() && it.major == 0) else {
            return false;
        };
        let interface = format!("{}/{}", name.package, name.interface);
        let offers = |(offer, minors): &(&str, &[u64])| {
            (*offer == name.package || *offer == interface) && minors.contains(&version.minor)
        };
        self.offers.iter().any(offers)
    }
}
