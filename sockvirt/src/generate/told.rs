//! What tells of a script on standard error, and ends the program with it, where the network does that
//! (`virt-adapter/told.rs`).

use super::log::{self, Functions};
use super::network::never;
use super::prebuilt::Import;
use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentTypeRef as Ref, ComponentValType as Val,
};

/// What ends the program is called among the imports of the network's component, and in WIT.
pub(crate) const EXIT: &str = "exit";

/// The module that the code imports it from.
pub(super) const HOST: &str = "host";

/// The functions, as far as they are there.
pub(crate) struct Told {
    stderr: Option<Functions>,
    exit: Option<u32>,
}

impl Told {
    /// Imports them: what [`log::import`] gives, and what ends the program.
    pub(crate) fn import(component: &mut ComponentBuilder, reports: bool, exits: bool) -> Self {
        let stderr = reports.then(|| log::functions(component));
        let exit = exits.then(|| {
            let (status, encoder) = component.type_defined(None);
            encoder.result(None, None);
            let (ty, mut encoder) = component.type_function(None);
            encoder.params([("status", Val::Type(status))]).result(None);
            component.import(EXIT, Ref::Func(ty))
        });
        Told { stderr, exit }
    }

    /// The core function behind an import of the code; `None` if it is none of these.
    pub(crate) fn lower(
        &self,
        component: &mut ComponentBuilder,
        import: &Import,
        options: &[CanonicalOption],
    ) -> Option<u32> {
        let function = match import.name.as_str() {
            "stderr" => self.stderr.as_ref().map(|it| it.get_stderr),
            "write" => self.stderr.as_ref().map(|it| it.write),
            "exit" => self.exit,
            _ => return None,
        };
        Some(match function {
            Some(function) => component.lower_func(None, function, options.iter().copied()),
            None => never(component, &import.signature),
        })
    }
}
