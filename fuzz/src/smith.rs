//! Components of `wasm-smith`, which knows nothing of WASI.

use crate::spellings::SPELLINGS;
use arbitrary::Unstructured;
use std::convert::Infallible;
use wasm_encoder::ComponentImportSection;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent};
use wasm_smith::{Component, Config};
use wasmparser::{ComponentImportSectionReader, ComponentTypeRef, Parser};

/// A component as it comes.
pub(crate) fn component(data: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    let component = Component::new(Config::default(), data).ok()?;
    Some(component.to_bytes())
}

/// A component whose imports of instances are called after interfaces, whatever their types.
pub(crate) fn with_sockets(data: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    let first = data.choose_index(SPELLINGS.len()).ok()?;
    let original = component(data)?;
    let mut rename = Rename { first, depth: 0 };
    let mut renamed = wasm_encoder::Component::new();
    rename
        .parse_component(&mut renamed, Parser::new(0), &original)
        .ok()?;
    Some(renamed.finish())
}

/// Gives the instances that the outermost component imports the [`SPELLINGS`] as names, in order.
struct Rename {
    first: usize,
    depth: u32,
}

impl Reencode for Rename {
    type Error = Infallible;
}

impl ReencodeComponent for Rename {
    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_import_section(
        &mut self,
        imports: &mut ComponentImportSection,
        section: ComponentImportSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut spellings = SPELLINGS.into_iter().cycle().skip(self.first);
        for import in section {
            let mut import = import?;
            if self.depth == 0
                && let ComponentTypeRef::Instance(_) = import.ty
                && let Some(spelling) = spellings.next()
            {
                import.name.name = spelling;
                self.first += 1;
            }
            imports.import(import.name, self.component_type_ref(import.ty)?);
        }
        Ok(())
    }
}
