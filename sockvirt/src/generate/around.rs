//! The types and functions of the host, as a generated component imports them.
//!
//! A component can only import a function whose types are imported too, and can only export one
//! whose types are exported. So what the host has is said twice: the declarations are copied once
//! for the exports, and once more, as far as anybody needs them, for the imports.

use super::Arg;
use super::stub::{Definition, Source, StubBuilder};
use super::values::is_nominal;
use crate::error::Error;
use crate::plan::Route;
use crate::root::{Reindex, Space};
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    ComponentTypeRef as Ref, ComponentTypeSection, ComponentValType as Val, TypeBounds,
};
use wasmparser::ComponentType;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentDefinedTypeId, ComponentValType};

impl<'p> StubBuilder<'p, '_> {
    /// The host's function of this name.
    pub(super) fn host_func(&mut self, name: &'p str) -> Result<u32, Error> {
        if let Some(index) = self.host_funcs.get(name) {
            return Ok(*index);
        }
        let declared = self.functions.iter().find(|(it, _)| *it == name);
        let Some((_, ty)) = declared.copied() else {
            return Err(self.mismatch(&format!("`{name}`"), "it is not declared"));
        };
        let ty = self.around(ty)?;
        let index = self.import_arg(Arg::HostFunc(name.to_owned()), Ref::Func(ty));
        self.host_funcs.insert(name, index);
        Ok(index)
    }

    /// Imports the host's functions that are needed: all their types first, for each change from
    /// types to imports begins a new section.
    pub(super) fn import_host_funcs(&mut self) -> Result<(), Error> {
        let called = self
            .import
            .stand_ins
            .host_functions(self.import.interface.key());
        let called: Vec<_> = called.into_iter().map(str::to_owned).collect();
        let mut needed = Vec::new();
        for (name, ty) in self.functions.clone() {
            let is_forwarded = !self.import.declarations.is_added(name)
                && !self.is_compiled(name)
                && self.is_forwarded(name)?;
            if is_forwarded || called.iter().any(|it| it == name) {
                self.around(ty)?;
                needed.push(name);
            }
        }
        for name in needed {
            self.host_func(name)?;
        }
        Ok(())
    }

    /// Imports something under a name that nobody sees.
    pub(super) fn import_arg(&mut self, arg: Arg, ty: Ref) -> u32 {
        let name = format!("a{}", self.args.len());
        self.args.push((name.clone(), arg));
        self.component.import(&name, ty)
    }

    /// The index, on the side of the imports, of a type that the guest declares.
    pub(super) fn around(&mut self, local: u32) -> Result<u32, Error> {
        let known = self.local(local)?;
        if let Some(index) = known.around {
            return Ok(index);
        }
        let here = known.index;
        let index = match known.source {
            Source::Outer(guest, outer) => self.around_outer(guest, outer, here)?,
            Source::Type(ty) => self.around_type(ty)?,
            Source::Export(name, Some(of)) if self.is_nominal(of)? => {
                let of = self.around(of)?;
                let arg = Arg::HostType(name.to_owned());
                self.import_arg(arg, Ref::Type(TypeBounds::Eq(of)))
            }
            Source::Export(_, Some(of)) => self.around(of)?,
            Source::Export(name, None)
                if !matches!(self.route, Route::Checked | Route::Network) =>
            {
                return Err(self.mismatch(&format!("`{name}`"), "it is not of another interface"));
            }
            Source::Export(name, None) => {
                let arg = Arg::HostType(name.to_owned());
                self.import_arg(arg, Ref::Type(TypeBounds::SubResource))
            }
        };
        self.locals[local as usize].around = Some(index);
        Ok(index)
    }

    fn around_outer(&mut self, guest: u32, outer: u32, here: u32) -> Result<u32, Error> {
        let types = self.plan.root.types();
        match types.component_any_type_at(guest) {
            ComponentAnyTypeId::Defined(id) if self.has_names_inside(id) => self.around_value(id),
            ComponentAnyTypeId::Defined(id) if types.get(id).is_some_and(is_nominal) => {
                Ok(self.import_arg(Arg::Type(outer), Ref::Type(TypeBounds::Eq(here))))
            }
            // Resources are imported as it is, and other types need no name.
            _ => Ok(here),
        }
    }

    /// A value type of another interface, with all the types in it that have names.
    fn around_value(&mut self, id: ComponentDefinedTypeId) -> Result<u32, Error> {
        match self.say_part(ComponentValType::Type(id), super::values::Naming::Import)? {
            Val::Type(index) => Ok(index),
            Val::Primitive(_) => Err(self.mismatch("a type", "it is a primitive")),
        }
    }

    fn around_type(&mut self, ty: &'p ComponentType<'p>) -> Result<u32, Error> {
        let mut referenced = Vec::new();
        let mut record = Reindex::new(|space, index| {
            if space == Space::Type {
                referenced.push(index);
            }
            index
        });
        // Only the references count. What is written is thrown away.
        drop(record.parse_component_type(ComponentTypeSection::new().ty(), ty.clone()));
        for local in referenced {
            self.around(local)?;
        }
        let locals = &self.locals;
        let around = |index: u32| locals.get(index as usize).and_then(|local| local.around);
        let mut reindex = Reindex::new(|space, index| match space {
            Space::Type => around(index).unwrap_or(u32::MAX),
            _ => index,
        });
        let (index, encoder) = self.component.ty(None);
        match reindex.parse_component_type(encoder, ty.clone()) {
            Ok(()) => Ok(index),
            Err(_) => Err(self.mismatch("a type", "it cannot be encoded")),
        }
    }

    /// Whether a type is declared by the interface itself, and is one that has a name.
    fn is_nominal(&self, local: u32) -> Result<bool, Error> {
        use wasmparser::ComponentDefinedType as Defined;
        Ok(matches!(
            self.local(local)?.definition,
            Definition::Defined(
                Defined::Record(_) | Defined::Variant(_) | Defined::Enum(_) | Defined::Flags(_)
            )
        ) && matches!(self.local(local)?.source, Source::Type(_)))
    }
}
