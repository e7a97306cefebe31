//! What nobody needs once the network is inside: the imports of sockets, and what is made of their
//! types.

use super::hooks::{self, Surface};
use super::nested::Child;
use crate::error::Error;
use crate::name::InterfaceName;
use crate::root::{Item, Root, Space};
use std::collections::HashSet;
use wasmparser::ComponentExternalKind;

/// Items by their places.
#[derive(Default)]
pub(super) struct LeftOut {
    items: HashSet<usize>,
    /// Aliases, through an import that is left out, of what another one defines: that one has it
    /// still.
    moved: HashSet<usize>,
    /// The first interface of sockets that is imported.
    first: Option<InterfaceName>,
}

impl LeftOut {
    /// What can be left out, unless something needs it that stays, which is an error.
    pub(super) fn of(
        root: &Root<'_>,
        surface: &Surface<'_>,
        children: &[Child<'_>],
    ) -> Result<Self, Error> {
        let mut left_out = LeftOut::default();
        for (at, item) in root.items.iter().enumerate() {
            if let Some(name) = sockets(item) {
                left_out.first.get_or_insert(name);
                left_out.items.insert(at);
                continue;
            }
            let mut nested = children.iter().flat_map(|child| &child.instances);
            let needs = match nested.find(|it| it.at == at) {
                Some(nested) => nested.needs(root, &left_out.items),
                None => needed_by(root, at).any(|it| left_out.items.contains(&it)),
            };
            let Some(interface) = left_out.first.as_ref().filter(|_| needs) else {
                continue;
            };
            let item = match item {
                Item::Alias(_) if surface.defined_elsewhere(at).is_some() => {
                    left_out.moved.insert(at);
                    continue;
                }
                Item::Type(_) | Item::Alias(_) => {
                    left_out.items.insert(at);
                    continue;
                }
                Item::Import(import) => format!("import `{}`", import.name.name),
                Item::Export(export) => format!("export `{}`", export.name.name),
                _ => "a function or an instance".to_owned(),
            };
            return Err(Error::Entangled {
                item,
                interface: Box::new(interface.clone()),
            });
        }
        Ok(left_out)
    }

    /// The first interface that is left out.
    pub(super) fn first(&self) -> Option<&InterfaceName> {
        self.first.as_ref()
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.items.contains(&at)
    }

    /// Whether an alias goes through another import.
    pub(super) fn is_moved(&self, at: usize) -> bool {
        self.moved.contains(&at)
    }
}

/// The interface, where an item is an import of sockets that the network has.
fn sockets(item: &Item<'_>) -> Option<InterfaceName> {
    let Item::Import(import) = item else {
        return None;
    };
    InterfaceName::of(&import.name).filter(hooks::is_sockets_0_2)
}

/// The items that one refers to, and the type behind an export of one.
fn needed_by(root: &Root<'_>, at: usize) -> impl Iterator<Item = usize> {
    let exported = match &root.items[at] {
        Item::Export(export) if export.kind == ComponentExternalKind::Type => {
            root.item_at(Space::Type, export.index)
        }
        _ => None,
    };
    root.references(at).into_iter().chain(exported)
}
