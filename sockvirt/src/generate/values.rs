//! Value types that an interface takes from another.
//!
//! A component can take a value type from the scope around it and export it, as long as it is not
//! made of further types with names: those would need a name in the component too. Where it is,
//! the type is said again, and the types in it are exported under names of their own, which nobody
//! asks for. Value types are equal where their structure is.

use super::stub::StubBuilder;
use crate::error::Error;
use crate::root::Reindex;
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{ComponentExportKind, ComponentValType as Val};
use wasmparser::component_types::{
    ComponentDefinedType as Defined, ComponentDefinedTypeId, ComponentValType,
};

/// Whether a type has a name wherever it is exported.
fn is_nominal(defined: &Defined) -> bool {
    matches!(
        defined,
        Defined::Record(_) | Defined::Variant(_) | Defined::Enum(_) | Defined::Flags(_)
    )
}

/// The types directly in a type.
fn parts(defined: &Defined) -> Vec<ComponentValType> {
    match defined {
        Defined::Record(record) => record.fields.values().copied().collect(),
        Defined::Variant(variant) => variant.cases.values().filter_map(|case| case.ty).collect(),
        Defined::Tuple(tuple) => tuple.types.to_vec(),
        Defined::List { element, .. } | Defined::FixedLengthList { element, .. } => vec![*element],
        Defined::Option { ty, .. } => vec![*ty],
        Defined::Result { ok, err, .. } => [*ok, *err].into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}

impl StubBuilder<'_, '_> {
    /// Whether there are types with names in a type.
    pub(super) fn has_names_inside(&self, id: ComponentDefinedTypeId) -> bool {
        let types = self.plan.root.types();
        let inside = types.get(id).map(parts).unwrap_or_default();
        inside.into_iter().any(|part| match part {
            ComponentValType::Primitive(_) => false,
            ComponentValType::Type(id) => {
                types.get(id).is_some_and(is_nominal) || self.has_names_inside(id)
            }
        })
    }

    /// Says a type again and gives its index.
    pub(super) fn say_again(&mut self, id: ComponentDefinedTypeId) -> Result<u32, Error> {
        let types = self.plan.root.types();
        let Some(defined) = types.get(id) else {
            return Err(self.mismatch("a type", "it is not defined"));
        };
        let mut inside = Vec::new();
        for part in parts(defined) {
            inside.push(self.say_part(part)?);
        }
        let mut inside = inside.into_iter();
        // As many as `parts` gave.
        let mut next = move || inside.next().unwrap_or(Val::Type(u32::MAX));
        let (index, encoder) = self.component.type_defined(None);
        match defined {
            Defined::Record(record) => {
                encoder.record(record.fields.keys().map(|name| (name.as_str(), next())));
            }
            Defined::Variant(variant) => encoder.variant(
                variant
                    .cases
                    .iter()
                    .map(|(name, case)| (name.as_str(), case.ty.map(|_| next()))),
            ),
            Defined::Enum(names) => encoder.enum_type(names.iter().map(|name| name.as_str())),
            Defined::Flags(names) => encoder.flags(names.iter().map(|name| name.as_str())),
            Defined::Tuple(tuple) => encoder.tuple(tuple.types.iter().map(|_| next())),
            Defined::List { .. } => encoder.list(next()),
            Defined::FixedLengthList { length, .. } => {
                encoder.fixed_length_list(next(), *length);
            }
            Defined::Option { .. } => encoder.option(next()),
            Defined::Result { ok, err, .. } => {
                encoder.result(ok.map(|_| next()), err.map(|_| next()));
            }
            _ => return Err(self.mismatch("a type", "it holds handles")),
        }
        Ok(index)
    }

    fn say_part(&mut self, part: ComponentValType) -> Result<Val, Error> {
        match part {
            ComponentValType::Primitive(ty) => {
                let mut reindex = Reindex::new(|_, index| index);
                Ok(Val::Primitive(reindex.component_primitive_val_type(ty)))
            }
            ComponentValType::Type(id) => {
                let index = self.say_again(id)?;
                let nominal = self.plan.root.types().get(id).is_some_and(is_nominal);
                Ok(Val::Type(if nominal { self.name(index) } else { index }))
            }
        }
    }

    /// Exports a type under a name of its own.
    fn name(&mut self, index: u32) -> u32 {
        let name = format!("sockvirt-type{}", self.component.type_count());
        self.component
            .export(&name, ComponentExportKind::Type, index, None)
    }
}
