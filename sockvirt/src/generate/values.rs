//! Value types that an interface takes from another.
//!
//! A component can take a value type from the scope around it and export it, as long as it is not
//! made of further types with names: those would need a name in the component too. Where it is,
//! the type is said again, and the types in it are exported under names of their own, which nobody
//! asks for. Value types are equal where their structure is.

use super::Arg;
use super::stub::StubBuilder;
use crate::error::Error;
use crate::root::Reindex;
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    ComponentBuilder, ComponentExportKind, ComponentTypeRef as Ref, ComponentValType as Val,
    TypeBounds,
};
use wasmparser::component_types::{
    ComponentDefinedType as Defined, ComponentDefinedTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;

/// Whether a type has a name wherever it is exported.
pub(super) fn is_nominal(defined: &Defined) -> bool {
    matches!(
        defined,
        Defined::Record(_) | Defined::Variant(_) | Defined::Enum(_) | Defined::Flags(_)
    )
}

/// The types directly in a type.
pub(crate) fn parts(defined: &Defined) -> Vec<ComponentValType> {
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
    pub(super) fn say_again(
        &mut self,
        id: ComponentDefinedTypeId,
        naming: Naming,
    ) -> Result<u32, Error> {
        let mut inside = Vec::new();
        for part in self
            .plan
            .root
            .types()
            .get(id)
            .map(parts)
            .unwrap_or_default()
        {
            inside.push(self.say_part(part, naming)?);
        }
        let types = self.plan.root.types();
        say_of(&mut self.component, types, id, inside)
            .ok_or_else(|| self.mismatch("a type", "it holds handles"))
    }

    pub(super) fn say_part(
        &mut self,
        part: ComponentValType,
        naming: Naming,
    ) -> Result<Val, Error> {
        match part {
            ComponentValType::Primitive(_) => Ok(primitive(part)),
            ComponentValType::Type(id) => {
                if let Some(index) = self.said.get(&(id, naming)) {
                    return Ok(Val::Type(*index));
                }
                let mut index = self.say_again(id, naming)?;
                if self.plan.root.types().get(id).is_some_and(is_nominal) {
                    index = self.name(index, id, naming);
                }
                self.said.insert((id, naming), index);
                Ok(Val::Type(index))
            }
        }
    }

    /// Gives a type a name of its own.
    fn name(&mut self, index: u32, id: ComponentDefinedTypeId, naming: Naming) -> u32 {
        match naming {
            Naming::Export => {
                let name = format!("sockvirt-type{}", self.component.type_count());
                self.component
                    .export(&name, ComponentExportKind::Type, index, None)
            }
            Naming::Import => self.import_arg(Arg::Value(id), Ref::Type(TypeBounds::Eq(index))),
        }
    }
}

/// How types that are said again get the names that they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Naming {
    Export,
    Import,
}

fn primitive(ty: ComponentValType) -> Val {
    let mut reindex = Reindex::new(|_, index| index);
    match ty {
        ComponentValType::Primitive(ty) => Val::Primitive(reindex.component_primitive_val_type(ty)),
        ComponentValType::Type(_) => Val::Type(u32::MAX),
    }
}

/// Says a type in a component, without any names; `None` for one that holds handles.
pub(crate) fn say(
    builder: &mut ComponentBuilder,
    types: TypesRef<'_>,
    id: ComponentDefinedTypeId,
) -> Option<u32> {
    let mut inside = Vec::new();
    for part in parts(types.get(id)?) {
        inside.push(match part {
            ComponentValType::Primitive(_) => primitive(part),
            ComponentValType::Type(id) => Val::Type(say(builder, types, id)?),
        });
    }
    say_of(builder, types, id, inside)
}

/// Says a type in a component, of parts that are said already.
fn say_of(
    builder: &mut ComponentBuilder,
    types: TypesRef<'_>,
    id: ComponentDefinedTypeId,
    inside: Vec<Val>,
) -> Option<u32> {
    let defined = types.get(id)?;
    let mut inside = inside.into_iter();
    // As many as `parts` gave.
    let mut next = move || inside.next().unwrap_or(Val::Type(u32::MAX));
    let (index, encoder) = builder.type_defined(None);
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
        Defined::Primitive(ty) => {
            encoder.primitive(Reindex::new(|_, index| index).component_primitive_val_type(*ty));
        }
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
        _ => return None,
    }
    Some(index)
}
