//! Standard error, for policies that log decisions, and for scripts that tell of programs.
//!
//! The host's is imported in a version that the guest does not import, so that nothing of the
//! guest's imports has to be widened for it. Hosts take versions of 0.2 for each other.

use super::policy::Given;
use crate::root::Root;
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind as Kind, ComponentOuterAliasKind,
    ComponentTypeRef as Ref, ComponentValType as Val, InstanceType, PrimitiveValType, TypeBounds,
};

/// The interfaces that are imported.
const INTERFACES: [&str; 3] = ["wasi:io/error", "wasi:io/streams", "wasi:cli/stderr"];

/// What the policy's code calls, under the names that it has in WIT.
pub(super) const GET_STDERR: &str = "get-stderr";
pub(super) const WRITE: &str = "[method]output-stream.blocking-write-and-flush";

/// The names of the imports.
pub(crate) fn names(root: &Root<'_>) -> Vec<String> {
    let taken = |name: &String| root.imports().any(|(_, import)| import.name.name == name);
    (0..)
        .map(|patch| INTERFACES.map(|interface| format!("{interface}@0.2.{patch}")))
        .find(|names| !names.iter().any(taken))
        .map_or(Vec::new(), Vec::from)
}

fn outer(index: u32) -> Alias<'static> {
    Alias::Outer {
        kind: ComponentOuterAliasKind::Type,
        count: 1,
        index,
    }
}

/// Imports them, and gives what the policy's component is given of them.
pub(crate) fn import(builder: &mut ComponentBuilder, names: &[String]) -> Vec<Given> {
    let [error, streams, stderr] = names else {
        return Vec::new();
    };
    let declare = |builder: &mut ComponentBuilder, name: &str, ty: &InstanceType| {
        let ty = builder.type_instance(None, ty);
        builder.import(name, Ref::Instance(ty))
    };
    let mut ty = InstanceType::new();
    ty.export("error", Ref::Type(TypeBounds::SubResource));
    let error = declare(builder, error, &ty);
    let error = builder.alias_export(error, "error", Kind::Type);

    let mut ty = InstanceType::new();
    ty.alias(outer(error));
    ty.export("error", Ref::Type(TypeBounds::Eq(0)));
    ty.export("output-stream", Ref::Type(TypeBounds::SubResource));
    ty.ty().defined_type().own(1);
    ty.ty().defined_type().variant([
        ("last-operation-failed", Some(Val::Type(3))),
        ("closed", None),
    ]);
    ty.export("stream-error", Ref::Type(TypeBounds::Eq(4)));
    ty.ty().defined_type().borrow(2);
    ty.ty()
        .defined_type()
        .list(Val::Primitive(PrimitiveValType::U8));
    ty.ty().defined_type().result(None, Some(Val::Type(5)));
    ty.ty()
        .function()
        .params([("self", Val::Type(6)), ("contents", Val::Type(7))])
        .result(Some(Val::Type(8)));
    ty.export(WRITE, Ref::Func(9));
    let streams = declare(builder, streams, &ty);
    let stream = builder.alias_export(streams, "output-stream", Kind::Type);
    let failure = builder.alias_export(streams, "stream-error", Kind::Type);
    let write = builder.alias_export(streams, WRITE, Kind::Func);

    let mut ty = InstanceType::new();
    ty.alias(outer(stream));
    ty.export("output-stream", Ref::Type(TypeBounds::Eq(0)));
    ty.ty().defined_type().own(1);
    let none: [(&str, Val); 0] = [];
    ty.ty().function().params(none).result(Some(Val::Type(2)));
    ty.export(GET_STDERR, Ref::Func(3));
    let stderr = declare(builder, stderr, &ty);
    let get = builder.alias_export(stderr, GET_STDERR, Kind::Func);
    vec![
        (ERROR, Kind::Type, error),
        (STREAM, Kind::Type, stream),
        (FAILURE, Kind::Type, failure),
        (FUNC_GET, Kind::Func, get),
        (FUNC_WRITE, Kind::Func, write),
    ]
}

/// The names of what the policy's component imports: types as WIT names them, and functions.
pub(crate) const TYPES: [&str; 3] = [ERROR, STREAM, FAILURE];
const ERROR: &str = "error";
const STREAM: &str = "output-stream";
const FAILURE: &str = "stream-error";
pub(crate) const FUNC_GET: &str = "get";
pub(crate) const FUNC_WRITE: &str = "write";

/// The functions as the policy's component imports them.
pub(crate) struct Functions {
    pub(crate) get_stderr: u32,
    pub(crate) write: u32,
}

/// Imports in the policy's component what [`import`] gives it.
pub(crate) fn functions(component: &mut ComponentBuilder) -> Functions {
    let resource = Ref::Type(TypeBounds::SubResource);
    let error = component.import(ERROR, resource);
    let stream = component.import(STREAM, resource);
    let (own_error, encoder) = component.type_defined(None);
    encoder.own(error);
    let (variant, encoder) = component.type_defined(None);
    encoder.variant([
        ("last-operation-failed", Some(Val::Type(own_error))),
        ("closed", None),
    ]);
    let failure = component.import(FAILURE, Ref::Type(TypeBounds::Eq(variant)));
    let (own, encoder) = component.type_defined(None);
    encoder.own(stream);
    let (borrow, encoder) = component.type_defined(None);
    encoder.borrow(stream);
    let (bytes, encoder) = component.type_defined(None);
    encoder.list(Val::Primitive(PrimitiveValType::U8));
    let (result, encoder) = component.type_defined(None);
    encoder.result(None, Some(Val::Type(failure)));
    let (get, mut encoder) = component.type_function(None);
    let none: [(&str, Val); 0] = [];
    encoder.params(none).result(Some(Val::Type(own)));
    let (write, mut encoder) = component.type_function(None);
    encoder
        .params([("self", Val::Type(borrow)), ("contents", Val::Type(bytes))])
        .result(Some(Val::Type(result)));
    Functions {
        get_stderr: component.import(FUNC_GET, Ref::Func(get)),
        write: component.import(FUNC_WRITE, Ref::Func(write)),
    }
}
