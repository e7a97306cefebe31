//! The third stage: a component for each interface of `wasi:sockets` that the guest imports.
//!
//! Such a component's root exports are the interface's items, so its instance is what the guest
//! gets for that import. It says its types in the guest's own words: the declarations of the
//! guest's import type are copied one by one, so versions and trimmed interfaces are right by
//! construction.

pub(crate) mod abi;
mod around;
mod codes;
mod compiled;
pub(crate) mod core;
mod emit;
mod helpers;
mod job;
pub(crate) mod link;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod policy;
pub(crate) mod prebuilt;
pub(crate) mod sockets_0_2;
pub(crate) mod sockets_0_3;
pub(crate) mod step;
mod store;
mod stub;
pub(crate) mod told;
mod trampoline;
pub(crate) mod values;
pub(crate) mod verdict;
pub(crate) mod verdict_3;
mod width;

use crate::error::Error;
use crate::plan::{Clock, Plan, SocketImport};
use stub::StubBuilder;
use wasm_encoder::ComponentBuilder;
use wasmparser::component_types::{ComponentDefinedTypeId, ResourceId};

/// The name of the function that makes a resource for the component of another interface. No WIT
/// has it, and the guest, whose import does not ask for it, never sees it.
pub(crate) const OPEN: &str = "sockvirt-open";

/// A generated component, and what it must be instantiated with.
#[derive(Default)]
pub(crate) struct Stub {
    pub(crate) component: ComponentBuilder,
    pub(crate) args: Vec<(String, Arg)>,
}

/// An argument of a generated component.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    /// A type of the component around it.
    Type(u32),
    /// The function that makes this resource.
    Open(ResourceId),
    /// The function of a clock that gives a pollable.
    Clock(Clock),
    /// This function of the clock that the network in memory goes by.
    Timer(&'static str),
    /// A type that the instance which serves the interface exports: the host's, or the network's.
    HostType(String),
    /// A function of that instance.
    HostFunc(String),
    /// A value type, as the guest has it.
    Value(ComponentDefinedTypeId),
    /// A function of the policy.
    Policy(String),
}

/// Generates the component for one import. `outer_type` gives the index that a type of the guest's
/// outermost scope has in the component around.
pub(crate) fn generate(
    plan: &Plan<'_>,
    import: &SocketImport<'_>,
    outer_type: impl Fn(u32) -> u32,
) -> Result<Stub, Error> {
    let mut stub = StubBuilder::new(plan, import);
    stub.add_trampolines();
    if let Some(contents) = stub.store_contents()? {
        stub.add_store(contents);
    }
    stub.add_declarations(outer_type)?;
    stub.add_functions()?;
    Ok(Stub {
        component: stub.component,
        args: stub.args,
    })
}
