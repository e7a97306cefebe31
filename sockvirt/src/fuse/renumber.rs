//! From indices of the guest to indices of what is written.

use super::writer::Sort;
use std::cell::Cell;
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{ComponentSectionId, RawSection};
use wasmparser::Parser;

/// For each sort, and each index that the guest has of it, the index of what stands in its place.
#[derive(Default)]
pub(super) struct Maps {
    maps: [Vec<u32>; Sort::COUNT],
    /// Whether something that was left out was asked for.
    missed: Cell<bool>,
}

/// What an item has for an index that was left out. It is no index, so that whoever uses it is
/// found out when the output is read back.
pub(super) const LEFT_OUT: u32 = u32::MAX;

impl Maps {
    /// Notes what stands in the place of the guest's next item.
    pub(super) fn push(&mut self, sort: Sort, index: u32) {
        self.maps[sort as usize].push(index);
    }

    pub(super) fn get(&self, sort: Sort, index: u32) -> u32 {
        let map = &self.maps[sort as usize];
        let found = map.get(index as usize).copied().unwrap_or(LEFT_OUT);
        self.missed.set(self.missed.get() || found == LEFT_OUT);
        found
    }

    /// Whether something that stays needs something that was left out.
    pub(super) fn has_missed(&self) -> bool {
        self.missed.get()
    }

    /// How many the guest has so far.
    pub(super) fn count(&self, sort: Sort) -> u32 {
        self.maps[sort as usize].len() as u32
    }

    /// Says where an item ended up that was only noted before.
    pub(super) fn settle(&mut self, sort: Sort, index: u32, to: u32) {
        if let Some(place) = self.maps[sort as usize].get_mut(index as usize) {
            *place = to;
        }
    }

    /// To copy items with their indices changed.
    pub(super) fn renumber(&self) -> Renumber<'_> {
        Renumber {
            maps: self,
            depth: 0,
        }
    }
}

/// Copies items with the indices changed that mean the outermost scope.
pub(super) struct Renumber<'m> {
    maps: &'m Maps,
    /// How many scopes deep the item is that is being copied. Only at depth 0 do plain indices mean
    /// the outermost scope.
    depth: u32,
}

impl Renumber<'_> {
    fn at(&self, count: u32, sort: Sort, index: u32) -> u32 {
        match count == self.depth {
            true => self.maps.get(sort, index),
            false => index,
        }
    }
}

impl Reencode for Renumber<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreFunc, index))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreTable, index))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreMemory, index))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreGlobal, index))
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreTag, index))
    }

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(0, Sort::CoreType, index))
    }
}

impl ReencodeComponent for Renumber<'_> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::Type, index)
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::Instance, index)
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::Func, index)
    }

    fn component_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::Component, index)
    }

    fn component_value_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::Value, index)
    }

    fn module_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::CoreModule, index)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.at(0, Sort::CoreInstance, index)
    }

    fn outer_type_index(&mut self, count: u32, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.at(count, Sort::CoreType, index))
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        self.at(count, Sort::Type, index)
    }

    fn outer_component_index(&mut self, count: u32, index: u32) -> u32 {
        self.at(count, Sort::Component, index)
    }

    fn outer_module_index(&mut self, count: u32, index: u32) -> u32 {
        self.at(count, Sort::CoreModule, index)
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    /// Modules never refer to what is around them.
    fn parse_component_submodule(
        &mut self,
        component: &mut wasm_encoder::Component,
        _: Parser,
        submodule: &[u8],
    ) -> Result<(), reencode::Error> {
        component.section(&RawSection {
            id: ComponentSectionId::CoreModule as u8,
            data: submodule,
        });
        Ok(())
    }
}
