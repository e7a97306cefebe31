//! Programs that import sockets of WASI 0.3 in several versions, beside a network in memory that leads to
//! the host.
//!
//! Sockets in memory are the same for all versions; to the host those of each are others. So the host is
//! asked for the sockets of one version, with all functions that others are imported with. Their types are
//! said in the words of that one: types of a name are the same in every version of 0.3.

use crate::error::Error;
use crate::plan::{Route, SocketImport, SocketInterface};
use crate::root::Root;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentDefinedType};

/// Leaves one version of each interface to lead to the host; the others are the network's alone.
pub(crate) fn ask_for_one<'r>(
    root: &Root<'r>,
    sockets: &mut [SocketImport<'r>],
) -> Result<(), Error> {
    // Those that look up names take their types from the sockets of their own version.
    let mixed = || sockets.iter().filter(|it| it.route == Route::Mixed);
    let lookup = mixed().find(|it| it.interface == SocketInterface::IpNameLookup3);
    let version = lookup.and_then(|it| it.name.version.clone());
    let is_preferred = |it: &&SocketImport<'_>| version.is_none() || it.name.version == version;
    let mut asked = Vec::new();
    for interface in [SocketInterface::Types3, SocketInterface::IpNameLookup3] {
        let all = || mixed().filter(move |it| it.interface == interface);
        asked.extend(
            all()
                .find(is_preferred)
                .or_else(|| all().next())
                .map(|it| it.at),
        );
    }
    let others: Vec<_> = mixed()
        .filter(|it| !asked.contains(&it.at))
        .map(|it| (it.interface, it.declarations.of_guest()))
        .collect();
    for socket in sockets.iter_mut().filter(|it| it.route == Route::Mixed) {
        if !asked.contains(&socket.at) {
            socket.route = Route::Network;
            continue;
        }
        for (interface, declared) in &others {
            let types = &mut socket.declarations;
            let primitive = |index| primitive(root, index);
            if *interface == socket.interface && types.add_missing(declared, primitive).is_none() {
                return Err(Error::UnexpectedType {
                    interface: Box::new(socket.name.clone()),
                    item: "the type".to_owned(),
                    reason: "functions of another version cannot be asked of the host in this one"
                        .to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// The primitive type that a type of the guest's outermost scope is.
fn primitive(root: &Root<'_>, index: u32) -> Option<PrimitiveValType> {
    let ComponentAnyTypeId::Defined(id) = root.types().component_any_type_at(index) else {
        return None;
    };
    match root.types().get(id) {
        Some(ComponentDefinedType::Primitive(ty)) => Some(*ty),
        _ => None,
    }
}
