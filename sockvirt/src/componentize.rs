//! Before the first stage: a preview1 core module is made a component.

use crate::error::Error;
use crate::guard::guard;
use wasi_preview1_component_adapter_provider as adapter;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};
use wit_component::ComponentEncoder;

/// What a core module imports and exports, as far as it decides what can be done with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModuleSurface {
    /// Whether it imports WASI preview1.
    pub(crate) preview1: bool,
    /// The first function that it imports from elsewhere.
    pub(crate) foreign: Option<String>,
    /// The socket functions of preview1 that it imports.
    pub(crate) sockets: Vec<String>,
    /// Whether it is a command: it exports `_start`.
    pub(crate) command: bool,
}

/// Looks at the imports and exports of a valid core module.
pub(crate) fn surface(module: &[u8]) -> ModuleSurface {
    let mut surface = ModuleSurface::default();
    for payload in Parser::new(0).parse_all(module).flatten() {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports().flatten() {
                    surface.add_import(import.module, import.name, import.ty);
                }
            }
            Payload::ExportSection(section) => {
                surface.command |= section
                    .into_iter()
                    .flatten()
                    .any(|export| export.name == "_start" && export.kind == ExternalKind::Func);
            }
            _ => {}
        }
    }
    surface
}

impl ModuleSurface {
    fn add_import(&mut self, module: &str, name: &str, ty: TypeRef) {
        if module == adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
            self.preview1 = true;
            if name.starts_with("sock_") && matches!(ty, TypeRef::Func(_)) {
                self.sockets.push(name.to_owned());
            }
        } else {
            self.foreign
                .get_or_insert_with(|| format!("{module}::{name}"));
        }
    }
}

/// Makes a component of a preview1 module, with the adapter that wasmtime publishes.
pub(crate) fn componentize(module: &[u8], command: bool) -> Result<Vec<u8>, Error> {
    let bytes = match command {
        true => adapter::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        false => adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    };
    let encode = || {
        ComponentEncoder::default()
            .module(module)?
            .adapter(adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, bytes)?
            .encode()
    };
    guard("wit-component", || {
        encode().map_err(|e| Error::Componentize {
            message: format!("{e:#}"),
        })
    })
}
