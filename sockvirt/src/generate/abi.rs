//! How values of the component model look to core WebAssembly.
//!
//! This is the part of the Canonical ABI that generated code needs: sizes, alignments and the core
//! types that a value is passed as. The unit tests compare it with `wit-parser` over the WIT of
//! every `wasi:sockets` there is.

use super::values::parts;
use wasm_encoder::ValType;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentFuncType, ComponentValType, VariantCase,
};
use wasmparser::types::TypesRef;

/// More flat parameters than this are passed in memory.
pub(crate) const MAX_FLAT_PARAMS: usize = 16;

/// More flat parameters than this are passed in memory to a function that is lowered with `async`.
const MAX_FLAT_ASYNC_PARAMS: usize = 4;

/// More flat results than this are passed in memory.
pub(crate) const MAX_FLAT_RESULTS: usize = 1;

/// What an async function returns, and what it is called back for, that ends; and one that waits for the
/// set whose handle is in the bits above.
pub(crate) const EXIT: i32 = 0;
pub(crate) const WAIT: i32 = 2;

/// Size and alignment of a value in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) size: u32,
    pub(crate) align: u32,
}

impl Layout {
    const NOTHING: Layout = Layout { size: 0, align: 1 };

    const fn scalar(size: u32) -> Self {
        Layout { size, align: size }
    }

    /// Puts `next` behind what is there, at the next offset that suits it.
    fn then(self, next: Layout) -> Self {
        Layout {
            size: self
                .size
                .next_multiple_of(next.align)
                .saturating_add(next.size),
            align: self.align.max(next.align),
        }
    }

    fn padded(self) -> Self {
        Layout {
            size: self.size.next_multiple_of(self.align),
            ..self
        }
    }
}

/// The core signature that a function is lifted from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    pub(crate) params: Vec<ValType>,
    pub(crate) results: Vec<ValType>,
}

/// Answers questions about the types of one component.
#[derive(Clone, Copy)]
pub(crate) struct Abi<'t>(pub(crate) TypesRef<'t>);

impl<'t> Abi<'t> {
    /// The definition behind a value type; `None` for primitives.
    pub(crate) fn defined(self, ty: ComponentValType) -> Option<&'t ComponentDefinedType> {
        match ty {
            ComponentValType::Primitive(_) => None,
            ComponentValType::Type(id) => self.0.get(id),
        }
    }

    /// Whether calling a function takes memory that the callee, or whoever gets the result, must
    /// allocate: for strings and lists, and for more parameters than are passed flat.
    pub(crate) fn moves_blocks(self, function: &ComponentFuncType) -> bool {
        let params = function.params.iter().map(|(_, ty)| *ty);
        let flat: usize = params.clone().map(|ty| self.flat(ty).len()).sum();
        let mut types = params.chain(function.result);
        flat > MAX_FLAT_PARAMS || types.any(|ty| self.has_blocks(ty))
    }

    fn has_blocks(self, ty: ComponentValType) -> bool {
        if matches!(ty, ComponentValType::Primitive(PrimitiveValType::String)) {
            return true;
        }
        self.defined(ty).is_some_and(|defined| {
            let is_block = matches!(
                defined,
                ComponentDefinedType::List { .. }
                    | ComponentDefinedType::Map { .. }
                    | ComponentDefinedType::Primitive(PrimitiveValType::String)
            );
            is_block || parts(defined).into_iter().any(|part| self.has_blocks(part))
        })
    }

    /// The core signature of a function that is lifted without `async`.
    pub(crate) fn signature(self, function: &ComponentFuncType) -> Signature {
        let mut params = Vec::new();
        for (_, ty) in &function.params {
            params.extend(self.flat(*ty));
        }
        if params.len() > MAX_FLAT_PARAMS {
            params = vec![ValType::I32];
        }
        let mut results = function.result.map(|ty| self.flat(ty)).unwrap_or_default();
        if results.len() > MAX_FLAT_RESULTS {
            results = vec![ValType::I32];
        }
        Signature { params, results }
    }

    /// The core signature that a function is lowered to.
    pub(crate) fn lowered(self, function: &ComponentFuncType, is_async: bool) -> Signature {
        let most = if is_async {
            MAX_FLAT_ASYNC_PARAMS
        } else {
            MAX_FLAT_PARAMS
        };
        let mut params = Vec::new();
        for (_, ty) in &function.params {
            params.extend(self.flat(*ty));
        }
        if params.len() > most {
            params = vec![ValType::I32];
        }
        let mut results = function.result.map(|ty| self.flat(ty)).unwrap_or_default();
        if is_async {
            params.extend((!results.is_empty()).then_some(ValType::I32));
            results = vec![ValType::I32];
        } else if results.len() > MAX_FLAT_RESULTS {
            params.push(ValType::I32);
            results.clear();
        }
        Signature { params, results }
    }

    /// The core values that a value is passed as. Of more than parameters can be, the first: such a
    /// value is passed in memory, however many it has.
    pub(crate) fn flat(self, ty: ComponentValType) -> Vec<ValType> {
        let Some(defined) = self.defined(ty) else {
            return match ty {
                ComponentValType::Primitive(ty) => flat_primitive(ty),
                ComponentValType::Type(_) => Vec::new(),
            };
        };
        match defined {
            ComponentDefinedType::Primitive(ty) => flat_primitive(*ty),
            ComponentDefinedType::Record(record) => record
                .fields
                .values()
                .flat_map(|ty| self.flat(*ty))
                .take(MAX_FLAT_PARAMS + 1)
                .collect(),
            ComponentDefinedType::Tuple(tuple) => {
                let flat = tuple.types.iter().flat_map(|ty| self.flat(*ty));
                flat.take(MAX_FLAT_PARAMS + 1).collect()
            }
            ComponentDefinedType::FixedLengthList {
                element, length, ..
            } => {
                let times = (*length as usize).min(MAX_FLAT_PARAMS + 1);
                let mut flat = self.flat(*element).repeat(times);
                flat.truncate(MAX_FLAT_PARAMS + 1);
                flat
            }
            ComponentDefinedType::List { .. } | ComponentDefinedType::Map { .. } => {
                vec![ValType::I32, ValType::I32]
            }
            ComponentDefinedType::Variant(_)
            | ComponentDefinedType::Option { .. }
            | ComponentDefinedType::Result { .. } => self.flat_cases(defined),
            ComponentDefinedType::Flags(names) if names.is_empty() => Vec::new(),
            ComponentDefinedType::Flags(_)
            | ComponentDefinedType::Enum(_)
            | ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. } => vec![ValType::I32],
        }
    }

    fn flat_cases(self, defined: &ComponentDefinedType) -> Vec<ValType> {
        let mut joined: Vec<ValType> = Vec::new();
        for payload in cases(defined).into_iter().flatten() {
            for (i, ty) in self.flat(payload).into_iter().enumerate() {
                match joined.get_mut(i) {
                    Some(other) => *other = join(*other, ty),
                    None => joined.push(ty),
                }
            }
        }
        joined.insert(0, ValType::I32);
        joined.truncate(MAX_FLAT_PARAMS + 1);
        joined
    }

    /// Size and alignment in memory.
    pub(crate) fn layout(self, ty: ComponentValType) -> Layout {
        let Some(defined) = self.defined(ty) else {
            return match ty {
                ComponentValType::Primitive(ty) => layout_primitive(ty),
                ComponentValType::Type(_) => Layout::NOTHING,
            };
        };
        match defined {
            ComponentDefinedType::Primitive(ty) => layout_primitive(*ty),
            ComponentDefinedType::Record(record) => self.layout_fields(record.fields.values()),
            ComponentDefinedType::Tuple(tuple) => self.layout_fields(tuple.types.iter()),
            ComponentDefinedType::FixedLengthList {
                element, length, ..
            } => {
                let one = self.layout(*element);
                Layout {
                    size: one.size.saturating_mul(*length),
                    ..one
                }
            }
            ComponentDefinedType::List { .. } | ComponentDefinedType::Map { .. } => {
                Layout { size: 8, align: 4 }
            }
            ComponentDefinedType::Variant(_)
            | ComponentDefinedType::Option { .. }
            | ComponentDefinedType::Result { .. } => {
                let payload = self.layout_payload(defined);
                let offset = self.payload_offset(defined);
                Layout {
                    size: offset.saturating_add(payload.size),
                    align: payload.align.max(layout_discriminant(defined).align),
                }
                .padded()
            }
            ComponentDefinedType::Enum(_) => layout_discriminant(defined),
            ComponentDefinedType::Flags(names) => match names.len() {
                0 => Layout::NOTHING,
                1..=8 => Layout::scalar(1),
                9..=16 => Layout::scalar(2),
                _ => Layout::scalar(4),
            },
            ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. } => Layout::scalar(4),
        }
    }

    fn layout_fields<'f>(self, fields: impl Iterator<Item = &'f ComponentValType>) -> Layout {
        fields
            .fold(Layout::NOTHING, |all, ty| all.then(self.layout(*ty)))
            .padded()
    }

    /// The largest payload of a variant, option or result.
    fn layout_payload(self, defined: &ComponentDefinedType) -> Layout {
        let payloads = cases(defined)
            .into_iter()
            .flatten()
            .map(|ty| self.layout(ty));
        payloads.fold(Layout::NOTHING, |most, one| Layout {
            size: most.size.max(one.size),
            align: most.align.max(one.align),
        })
    }

    /// How many bytes behind its start a variant, option or result has its payload.
    pub(crate) fn payload_offset(self, defined: &ComponentDefinedType) -> u32 {
        let discriminant = layout_discriminant(defined).size;
        discriminant.next_multiple_of(self.layout_payload(defined).align)
    }
}

/// The payloads of a variant-like type, a case each.
fn cases(defined: &ComponentDefinedType) -> Vec<Option<ComponentValType>> {
    match defined {
        ComponentDefinedType::Variant(variant) => variant
            .cases
            .values()
            .map(|case: &VariantCase| case.ty)
            .collect(),
        ComponentDefinedType::Option { ty, .. } => vec![None, Some(*ty)],
        ComponentDefinedType::Result { ok, err, .. } => vec![*ok, *err],
        ComponentDefinedType::Enum(names) => vec![None; names.len()],
        _ => Vec::new(),
    }
}

fn layout_discriminant(defined: &ComponentDefinedType) -> Layout {
    match cases(defined).len() {
        0..=0x100 => Layout::scalar(1),
        0x101..=0x1_0000 => Layout::scalar(2),
        _ => Layout::scalar(4),
    }
}

fn flat_primitive(ty: PrimitiveValType) -> Vec<ValType> {
    match ty {
        PrimitiveValType::S64 | PrimitiveValType::U64 => vec![ValType::I64],
        PrimitiveValType::F32 => vec![ValType::F32],
        PrimitiveValType::F64 => vec![ValType::F64],
        PrimitiveValType::String => vec![ValType::I32, ValType::I32],
        PrimitiveValType::Bool
        | PrimitiveValType::S8
        | PrimitiveValType::U8
        | PrimitiveValType::S16
        | PrimitiveValType::U16
        | PrimitiveValType::S32
        | PrimitiveValType::U32
        | PrimitiveValType::Char
        | PrimitiveValType::ErrorContext => vec![ValType::I32],
    }
}

fn layout_primitive(ty: PrimitiveValType) -> Layout {
    match ty {
        PrimitiveValType::Bool | PrimitiveValType::S8 | PrimitiveValType::U8 => Layout::scalar(1),
        PrimitiveValType::S16 | PrimitiveValType::U16 => Layout::scalar(2),
        PrimitiveValType::S32
        | PrimitiveValType::U32
        | PrimitiveValType::F32
        | PrimitiveValType::Char
        | PrimitiveValType::ErrorContext => Layout::scalar(4),
        PrimitiveValType::S64 | PrimitiveValType::U64 | PrimitiveValType::F64 => Layout::scalar(8),
        PrimitiveValType::String => Layout { size: 8, align: 4 },
    }
}

/// The core type that holds either of two: as the Canonical ABI joins the cases of a variant.
fn join(a: ValType, b: ValType) -> ValType {
    match (a, b) {
        _ if a == b => a,
        (ValType::I32 | ValType::F32, ValType::I32 | ValType::F32) => ValType::I32,
        _ => ValType::I64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{exported_function, plan};
    use crate::read::{Bodies, read};
    use crate::test_guest::{guest, versions};
    use crate::{Policy, Virtualizer};
    use sockvirt_policy::DenyAt;
    use wasmparser::component_types::ComponentEntityType;
    use wit_parser::SizeAlign;
    use wit_parser::abi::{AbiVariant, WasmType};

    fn core(types: &[WasmType]) -> Vec<ValType> {
        let core = |ty: &WasmType| match ty {
            WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
            WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
            WasmType::F32 => ValType::F32,
            WasmType::F64 => ValType::F64,
        };
        types.iter().map(core).collect()
    }

    #[test]
    fn agrees_with_wit_parser() {
        let mut compared = 0;
        for (resolve, world) in versions() {
            let mut sizes = SizeAlign::default();
            sizes.fill(&resolve);
            let bytes = guest(&resolve, world);
            let root = read(&bytes, Bodies::All).expect("valid");
            let abi = Abi(root.types());
            let policy = Policy::deny_all();
            for import in plan(&root, &policy, None).expect("a plan").sockets {
                let name = import.name.to_string();
                let interface = resolve
                    .interfaces
                    .iter()
                    .find(|(id, _)| resolve.id_of(*id).as_deref() == Some(&*name))
                    .map(|(_, interface)| interface)
                    .expect("the interface");
                for (name, item) in &import.instance.exports {
                    if !matches!(item.ty, ComponentEntityType::Func(_)) {
                        continue;
                    }
                    let ours = exported_function(&root, import.instance, name).expect("a function");
                    let theirs = &interface.functions[name.as_str()];
                    let signature = resolve.wasm_signature(AbiVariant::GuestExport, theirs);
                    let expected = Signature {
                        params: core(&signature.params),
                        results: core(&signature.results),
                    };
                    assert_eq!(abi.signature(ours), expected, "{name}");
                    if let (Some(ours), Some(theirs)) = (ours.result, &theirs.result) {
                        let layout = abi.layout(ours);
                        assert_eq!(
                            layout.size as usize,
                            sizes.size(theirs).size_wasm32(),
                            "{name}"
                        );
                        assert_eq!(
                            layout.align as usize,
                            sizes.align(theirs).align_wasm32(),
                            "{name}"
                        );
                    }
                    compared += 1;
                }
            }
        }
        assert!(compared > 80, "only {compared} functions");
    }

    #[test]
    fn every_function_of_wasi_sockets_has_steps() {
        for (resolve, world) in versions() {
            let bytes = guest(&resolve, world);
            // Not every world of sockets has a clock, so only this mode suits them all.
            let policy = Policy::deny_all().with_deny_at(DenyAt::Create);
            let built = Virtualizer::new(policy).build(&bytes).expect("it builds");
            assert!(built.report.removed.len() >= 2);
            assert!(
                built
                    .report
                    .imports
                    .iter()
                    .all(|import| import.reach.is_none())
            );
        }
    }
}
