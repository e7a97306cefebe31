//! The compiled functions that take the place of the host's, for one import.

use crate::error::Error;
use crate::fuse::hub;
use crate::generate::abi::Abi;
use crate::generate::network;
use crate::generate::prebuilt::{self, Alone, Part};
use crate::plan::{Beside, Needs, Route, SocketImport, SocketInterface, exported_resource};
use crate::root::Root;
use sockvirt_policy::Protocol;
use std::collections::BTreeMap;
use wasmparser::component_types::ComponentEntityType;

/// What is compiled for one import.
#[derive(Default)]
pub(crate) struct StandIns {
    /// The guest's functions, and destructors, that are compiled: the positions of the names are
    /// those of the part's exports.
    names: Vec<String>,
    /// The code; `None` where nothing is compiled.
    pub(crate) part: Option<Part>,
}

/// What a compiled destructor is called.
pub(crate) fn destructor(resource: &str) -> String {
    format!("[dtor]{resource}")
}

/// What the compiled callback of an async function is called.
pub(crate) fn callback(function: &str) -> String {
    format!("[callback]{function}")
}

/// The async function that goes on with a network in memory while nobody calls it.
pub(crate) const DRIVE: &str = "sockvirt-drive";

/// The async function that returns once the program is to end, for its script has.
pub(crate) const ENDED: &str = "sockvirt-ended";

/// What the compiled `realloc` is called.
pub(crate) const REALLOC: &str = "[realloc]";

impl StandIns {
    /// Chooses what is compiled for an import that the policy is asked about.
    pub(crate) fn choose(
        needs: Needs,
        root: &Root<'_>,
        socket: &SocketImport<'_>,
    ) -> Result<Self, Error> {
        let (mut names, mut exports) = (Vec::new(), Vec::new());
        for (name, item) in &socket.instance.exports {
            let candidate = match item.ty {
                ComponentEntityType::Func(_) => name.to_string(),
                _ if exported_resource(socket.instance, name).is_some() => destructor(name),
                _ => continue,
            };
            if !is_reached(needs, socket.interface, &candidate) {
                continue;
            }
            if let Some(export) = compiled(needs, socket, &candidate) {
                let callback = callback(&candidate);
                exports.push(export);
                names.push(candidate);
                if let Some(export) = compiled(needs, socket, &callback) {
                    exports.push(export);
                    names.push(callback);
                }
            }
        }
        if names.is_empty() {
            return Ok(StandIns::default());
        }
        if let Some(export) = compiled(needs, socket, REALLOC)
            && moves_blocks(root, socket)
        {
            names.push(REALLOC.to_owned());
            exports.push(export);
        }
        let exports: Vec<_> = exports.iter().map(String::as_str).collect();
        let code = prebuilt::interposer(needs.names);
        let part = prebuilt::take(code, &exports);
        let part = part.map_err(|e| Error::Refused {
            reason: format!("the code for `{}` is not as it was built: {e}", socket.name),
        })?;
        let part = Some(part);
        Ok(StandIns { names, part })
    }

    /// All that the imports of a network in memory need of its code, and what drives it.
    pub(crate) fn of_network(
        imports: &[&SocketImport<'_>],
        network: &Beside,
    ) -> Result<Self, Error> {
        let (mut names, mut exports) = (Vec::new(), Vec::new());
        // Resources are those of all versions.
        let mut destructors = BTreeMap::new();
        let mut add = |name: String, export: String| {
            names.push(name);
            exports.push(export);
        };
        for socket in imports {
            let key = socket.interface.key();
            let labels = network::Labels::of(socket, imports);
            for (name, item) in &socket.instance.exports {
                let candidate = match item.ty {
                    ComponentEntityType::Func(_) => name.to_string(),
                    _ if exported_resource(socket.instance, name).is_some() => {
                        destructors.insert(destructor(name), format!("{key}#{}", destructor(name)));
                        continue;
                    }
                    _ => continue,
                };
                for name in [callback(&candidate), candidate] {
                    let forms = [format!("{key}#{name}"), format!("{key}#[async-lift]{name}")];
                    let mut forms = forms.into_iter();
                    if let Some(export) = forms.find(|it| prebuilt::network_3_exports(it)) {
                        add(labels.label(&name), export);
                    }
                }
            }
        }
        for (name, export) in destructors {
            add(name, export);
        }
        let types = SocketInterface::Types3.key();
        let ended = network.plays.map(|_| ENDED);
        for name in [DRIVE].into_iter().chain(ended) {
            add(name.to_owned(), format!("{types}#[async-lift]{name}"));
            let name = callback(name);
            let export = format!("{types}#{name}");
            add(name, export);
        }
        for name in network.reports() {
            add(name.to_owned(), format!("sockvirt#{name}"));
        }
        for name in hub::FUNCTIONS.iter().filter(|_| network.shared.is_some()) {
            add((*name).to_owned(), (*name).to_owned());
        }
        add(REALLOC.to_owned(), REALLOC.to_owned());
        let exports: Vec<_> = exports.iter().map(String::as_str).collect();
        let alone = Alone {
            room: 0,
            most_pages: prebuilt::MOST_PAGES,
            bytes: &network.config,
            functions: &[],
            prefix: "",
        };
        let plays = network.plays.is_some();
        let code = match network.shared {
            Some(_) => prebuilt::network_3_shared(plays, network.leads_out),
            None => prebuilt::network_3(plays, network.leads_out),
        };
        let part = prebuilt::take_alone(code, &exports, &alone);
        let part = part.map_err(|e| Error::Refused {
            reason: format!("the code of the network is not as it was built: {e}"),
        })?;
        let part = Some(part);
        Ok(StandIns { names, part })
    }

    /// The names of what is compiled.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The position of a function among the exports of the code.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|it| it == name)
    }

    /// Whether the code calls this.
    pub(crate) fn calls(&self, module: &str, name: &str) -> bool {
        let mut imports = self.part.iter().flat_map(|part| &part.imports);
        imports.any(|import| import.module == module && import.name == name)
    }

    /// The functions of the host's interface that the code calls.
    pub(crate) fn host_functions(&self, key: &str) -> Vec<&str> {
        let imports = self.part.iter().flat_map(|part| &part.imports);
        imports
            .filter(|import| import.module == key && !import.name.starts_with("[resource-"))
            .map(|import| host_function(&import.name))
            .collect()
    }
}

/// The function that an import means, whether it is lowered with `async` or not.
pub(crate) fn host_function(import: &str) -> &str {
    import.strip_prefix("[async-lower]").unwrap_or(import)
}

/// Whether there is a function whose parameters or results take memory that somebody must allocate.
fn moves_blocks(root: &Root<'_>, socket: &SocketImport<'_>) -> bool {
    let abi = Abi(root.types());
    let mut functions = socket.instance.exports.values();
    functions.any(|item| match item.ty {
        ComponentEntityType::Func(id) => {
            let function = root.types().get(id);
            function.is_some_and(|function| abi.moves_blocks(function))
        }
        _ => false,
    })
}

/// Whether the policy reaches the host with the protocol that a function is about, and with the
/// function.
fn is_reached(needs: Needs, interface: SocketInterface, function: &str) -> bool {
    let protocol = match interface {
        SocketInterface::Tcp => Some(Protocol::Tcp),
        SocketInterface::Udp => Some(Protocol::Udp),
        _ if function.contains("tcp-socket") => Some(Protocol::Tcp),
        _ if function.contains("udp-socket") => Some(Protocol::Udp),
        _ => None,
    };
    protocol.is_none_or(|protocol| needs.reaches_host(protocol))
}

/// The export that takes a function's place, where there is one. Some have a form for policies that
/// never ask the host, one for those without rules for names, and one for those that say who may be
/// accepted.
fn compiled(needs: Needs, socket: &SocketImport<'_>, function: &str) -> Option<String> {
    let key = socket.interface.key();
    let names = match function {
        REALLOC => vec![format!("{}{function}", socket.interface.generation())],
        _ => vec![
            format!("{key}#{function}"),
            format!("{key}#[async-lift]{function}"),
        ],
    };
    let mut forms = vec![""];
    if socket.route == Route::Answered {
        forms.insert(0, " inside");
        if !needs.names {
            forms.insert(0, " literal");
        }
    }
    if needs.filters_accept {
        forms.insert(0, " filtered");
    }
    let mut candidates = forms
        .iter()
        .flat_map(|form| names.iter().map(move |name| format!("{name}{form}")));
    candidates.find(|name| prebuilt::exports(name))
}
