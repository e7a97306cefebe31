//! Which imports can reach a network.

use crate::name::{InterfaceName, SOCKETS};
use serde::Serialize;
use std::fmt;
use wasmparser::ComponentExternName;

/// How an import could reach a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// `wasi:sockets`, in any version: addresses and names of the program's choice.
    Sockets,
    /// `wasi:http` requests: URLs of the program's choice.
    Http,
    /// `wasi:tls`, over connections that it is given.
    Tls,
    /// An interface whose behaviour is the host's own affair. It may reach a network.
    Custom,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reach::Sockets => "sockets",
            Reach::Http => "HTTP requests",
            Reach::Tls => "TLS connections",
            Reach::Custom => "unknown to sockvirt, so it might",
        })
    }
}

/// WASI packages none of whose interfaces opens a connection.
const OFFLINE: [&str; 7] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:config",
    "wasi:filesystem",
    "wasi:io",
    "wasi:logging",
    "wasi:random",
];

/// Whether a name has `wasi:sockets` in it anywhere, however it is meant.
pub(crate) fn mentions_sockets(name: &ComponentExternName<'_>) -> bool {
    let parts = [Some(name.name), name.implements, name.external_id];
    parts
        .into_iter()
        .flatten()
        .any(|part| part.contains(SOCKETS))
}

/// How the import `name` could reach a network; `None` where it cannot.
pub(crate) fn reach(name: &ComponentExternName<'_>) -> Option<Reach> {
    if mentions_sockets(name) {
        return Some(Reach::Sockets);
    }
    let Some(interface) = InterfaceName::of(name) else {
        return Some(Reach::Custom);
    };
    match interface.package.as_str() {
        package if OFFLINE.contains(&package) => None,
        "wasi:tls" => Some(Reach::Tls),
        // The types alone send nothing: a request leaves through a handler.
        "wasi:http" if interface.interface == "types" => None,
        "wasi:http" => Some(Reach::Http),
        _ => Some(Reach::Custom),
    }
}
