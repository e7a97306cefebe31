//! What is asked of the host beyond what the guest imports.
//!
//! A check may need a function that the guest has no use for: the address that a socket is bound
//! to, or its family. It is added to the import's type, in terms of types that are there already;
//! interface and version stay as they are.

use crate::error::Error;
use crate::plan::SocketImport;
use std::collections::HashMap;
use wasmparser::{
    ComponentAlias, ComponentDefinedType as Defined, ComponentExternName, ComponentFuncType,
    ComponentType, ComponentTypeRef, ComponentValType as Val,
    InstanceTypeDeclaration as Declaration, PrimitiveValType as Primitive, TypeBounds, VariantCase,
};

/// An import's type: what the guest declares, and what else is asked of the host.
pub(crate) struct Widened<'r> {
    guest: &'r [Declaration<'r>],
    more: Vec<Declaration<'r>>,
}

impl<'r> From<&'r [Declaration<'r>]> for Widened<'r> {
    fn from(guest: &'r [Declaration<'r>]) -> Self {
        Widened {
            guest,
            more: Vec::new(),
        }
    }
}

impl<'r> Widened<'r> {
    /// What the guest declares.
    pub(crate) fn of_guest(&self) -> &'r [Declaration<'r>] {
        self.guest
    }

    /// All of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Declaration<'r>> {
        self.guest.iter().chain(&self.more)
    }

    /// The type that is asked of the host, where it is not the guest's.
    pub(crate) fn widened(&self) -> Option<ComponentType<'r>> {
        (!self.more.is_empty()).then(|| ComponentType::Instance(self.all().cloned().collect()))
    }

    /// Whether an export is there only because a check needs it.
    pub(crate) fn is_added(&self, wanted: &str) -> bool {
        let is = |it: &Declaration<'_>| matches!(it, Declaration::Export { name, .. } if name.name == wanted);
        self.more.iter().any(is)
    }

    /// How many types are declared.
    fn types(&self) -> u32 {
        self.all().filter(|it| is_type(it)).count() as u32
    }

    /// The declaration behind a type index.
    fn type_at(&self, index: u32) -> Option<&Declaration<'r>> {
        self.all().filter(|it| is_type(it)).nth(index as usize)
    }

    fn func(&self, name: &str) -> Option<&ComponentFuncType<'r>> {
        let index = self.all().find_map(|it| exported_func(it, name))?;
        match self.type_at(index)? {
            Declaration::Type(ComponentType::Func(func)) => Some(func),
            _ => None,
        }
    }

    /// Whether a type is exported under a name.
    pub(crate) fn exports_type(&self, wanted: &str) -> bool {
        self.exported_type(wanted).is_some()
    }

    fn exported_type(&self, wanted: &str) -> Option<u32> {
        let types = self.all().filter(|it| is_type(it));
        types.zip(0..).find_map(|(it, index)| match it {
            Declaration::Export { name, .. } if name.name == wanted => Some(index),
            _ => None,
        })
    }

    fn add_type(&mut self, ty: ComponentType<'r>) -> u32 {
        let index = self.types();
        self.more.push(Declaration::Type(ty));
        index
    }

    fn add_func(&mut self, name: &'static str, this: Val, result: Val) {
        self.add_func_of(name, &[("self", this)], Some(result));
    }

    fn add_func_of(&mut self, name: &'static str, params: &[(&'r str, Val)], result: Option<Val>) {
        let ty = self.add_type(ComponentType::Func(ComponentFuncType {
            async_: false,
            params: params.into(),
            result,
        }));
        self.more.push(Declaration::Export {
            name: plain(name),
            ty: ComponentTypeRef::Func(ty),
        });
    }

    /// A method of `wasi:io` that a network in memory calls, for an interface that exports its
    /// resource.
    pub(crate) fn add_for_network(&mut self, name: &'static str) -> Option<()> {
        let (resource, method) = name.strip_prefix("[method]")?.split_once('.')?;
        let resource = self.exported_type(resource)?;
        let this = self.add_type(ComponentType::Defined(Defined::Borrow(resource)));
        let this = ("self", Val::Type(this));
        match method {
            "ready" => self.add_func_of(name, &[this], Some(Val::Primitive(Primitive::Bool))),
            "block" => self.add_func_of(name, &[this], None),
            "check-write" => {
                let result = self.fallible(Some(Val::Primitive(Primitive::U64)))?;
                self.add_func_of(name, &[this], Some(result));
            }
            "write" | "blocking-write-and-flush" => {
                let (bytes, result) = (self.bytes(), self.fallible(None)?);
                self.add_func_of(name, &[this, ("contents", bytes)], Some(result));
            }
            "read" | "blocking-read" => {
                let bytes = self.bytes();
                let result = self.fallible(Some(bytes))?;
                let most = ("len", Val::Primitive(Primitive::U64));
                self.add_func_of(name, &[this, most], Some(result));
            }
            _ => return None,
        }
        Some(())
    }

    /// The functions of another version of the interface that this one does not have, with the types that
    /// these are made of. `primitive` says which primitive type one of the scope around is.
    pub(crate) fn add_missing(
        &mut self,
        other: &'r [Declaration<'r>],
        primitive: impl Fn(u32) -> Option<Primitive>,
    ) -> Option<()> {
        let mut exported: HashMap<&'r str, u32> = HashMap::new();
        for (ty, index) in self.all().filter(|it| is_type(it)).zip(0..) {
            exported.extend(exported_name(ty).map(|name| (name, index)));
        }
        let types: Vec<_> = other.iter().filter(|it| is_type(it)).collect();
        let mut needed = vec![false; types.len()];
        let mut missing = Vec::new();
        for declaration in other {
            if let Declaration::Export {
                name,
                ty: ComponentTypeRef::Func(ty),
            } = declaration
                && self.func(name.name).is_none()
            {
                *needed.get_mut(*ty as usize)? = true;
                missing.push((name, *ty));
            }
        }
        let is_here = |ty: &Declaration<'r>, exported: &HashMap<_, u32>| {
            exported_name(ty).and_then(|name| exported.get(name).copied())
        };
        // What a type is made of comes before it.
        for (at, ty) in types.iter().enumerate().rev() {
            if needed[at] && is_here(ty, &exported).is_none() {
                said_anew(ty, &mut |of| {
                    *needed.get_mut(of as usize)? = true;
                    Some(of)
                });
            }
        }
        let mut count = self.types();
        let mut here = vec![None; types.len()];
        for (at, ty) in types.iter().enumerate().filter(|(at, _)| needed[*at]) {
            here[at] = is_here(ty, &exported);
            if here[at].is_some() {
                continue;
            }
            self.more.push(match ty {
                Declaration::Alias(ComponentAlias::Outer { index, .. }) => {
                    let ty = Defined::Primitive(primitive(*index)?);
                    Declaration::Type(ComponentType::Defined(ty))
                }
                _ => said_anew(ty, &mut |of| *here.get(of as usize)?)?,
            });
            exported.extend(exported_name(ty).map(|name| (name, count)));
            here[at] = Some(count);
            count += 1;
        }
        for (name, ty) in missing {
            let ty = ComponentTypeRef::Func((*here.get(ty as usize)?)?);
            self.more.push(Declaration::Export { name: *name, ty });
        }
        Some(())
    }

    fn bytes(&mut self) -> Val {
        let bytes = Defined::List(Val::Primitive(Primitive::U8));
        Val::Type(self.add_type(ComponentType::Defined(bytes)))
    }

    /// `result<ok, stream-error>`
    fn fallible(&mut self, ok: Option<Val>) -> Option<Val> {
        let err = Some(Val::Type(self.exported_type("stream-error")?));
        let result = self.add_type(ComponentType::Defined(Defined::Result { ok, err }));
        Some(Val::Type(result))
    }

    /// `self -> result<ip-socket-address, error-code>`, of the types of a function that takes an
    /// address.
    fn add_address_of(&mut self, name: &'static str, like: &[&str]) -> Option<()> {
        let func = like.iter().find_map(|name| self.func(name))?;
        let ((_, this), (_, address)) = (*func.params.first()?, *func.params.last()?);
        let Val::Type(result) = func.result? else {
            return None;
        };
        let Declaration::Type(ComponentType::Defined(Defined::Result { err, .. })) =
            self.type_at(result)?
        else {
            return None;
        };
        let (ok, err) = (Some(address), *err);
        let result = self.add_type(ComponentType::Defined(Defined::Result { ok, err }));
        self.add_func(name, this, Val::Type(result));
        Some(())
    }

    /// `self -> ip-address-family`
    fn add_family_of(&mut self, name: &'static str, like: &[&str]) -> Option<()> {
        let (_, this) = *like
            .iter()
            .find_map(|name| self.func(name))?
            .params
            .first()?;
        let family = match self.exported_type("ip-address-family") {
            Some(index) => index,
            None => {
                let names = Box::new(["ipv4", "ipv6"]);
                let ty = self.add_type(ComponentType::Defined(Defined::Enum(names)));
                let index = self.types();
                self.more.push(Declaration::Export {
                    name: plain("ip-address-family"),
                    ty: ComponentTypeRef::Type(TypeBounds::Eq(ty)),
                });
                index
            }
        };
        self.add_func(name, this, Val::Type(family));
        Some(())
    }
}

fn plain(name: &str) -> ComponentExternName<'_> {
    ComponentExternName {
        name,
        implements: None,
        version_suffix: None,
        external_id: None,
    }
}

/// The name that a declaration exports something under.
fn exported_name<'r>(declaration: &Declaration<'r>) -> Option<&'r str> {
    match declaration {
        Declaration::Export { name, .. } => Some(name.name),
        _ => None,
    }
}

/// A declaration of a type, of others than it was. `at` says which take their places.
fn said_anew<'r>(
    declaration: &Declaration<'r>,
    at: &mut dyn FnMut(u32) -> Option<u32>,
) -> Option<Declaration<'r>> {
    let ty = match declaration {
        Declaration::Export {
            name,
            ty: ComponentTypeRef::Type(bounds),
        } => {
            let bounds = match bounds {
                TypeBounds::Eq(of) => TypeBounds::Eq(at(*of)?),
                TypeBounds::SubResource => TypeBounds::SubResource,
            };
            let ty = ComponentTypeRef::Type(bounds);
            return Some(Declaration::Export { name: *name, ty });
        }
        Declaration::Type(ComponentType::Defined(ty)) => {
            ComponentType::Defined(defined_anew(ty, at)?)
        }
        Declaration::Type(ComponentType::Func(func)) => {
            let mut value = |ty: &Val| value_anew(*ty, at);
            let params = func.params.iter();
            let params = params.map(|(name, ty)| Some((*name, value(ty)?)));
            ComponentType::Func(ComponentFuncType {
                async_: func.async_,
                params: params.collect::<Option<_>>()?,
                result: match &func.result {
                    Some(ty) => Some(value(ty)?),
                    None => None,
                },
            })
        }
        _ => return None,
    };
    Some(Declaration::Type(ty))
}

fn value_anew(ty: Val, at: &mut dyn FnMut(u32) -> Option<u32>) -> Option<Val> {
    match ty {
        Val::Primitive(_) => Some(ty),
        Val::Type(of) => at(of).map(Val::Type),
    }
}

fn defined_anew<'r>(
    ty: &Defined<'r>,
    at: &mut dyn FnMut(u32) -> Option<u32>,
) -> Option<Defined<'r>> {
    let mut maybe = |ty: &Option<Val>| match ty {
        Some(ty) => value_anew(*ty, at).map(Some),
        None => Some(None),
    };
    Some(match ty {
        Defined::Primitive(_) | Defined::Flags(_) | Defined::Enum(_) => ty.clone(),
        Defined::Variant(cases) => {
            let cases = cases.iter().map(|case| {
                Some(VariantCase {
                    name: case.name,
                    ty: maybe(&case.ty)?,
                })
            });
            Defined::Variant(cases.collect::<Option<_>>()?)
        }
        Defined::Result { ok, err } => Defined::Result {
            ok: maybe(ok)?,
            err: maybe(err)?,
        },
        Defined::Future(of) => Defined::Future(maybe(of)?),
        Defined::Stream(of) => Defined::Stream(maybe(of)?),
        Defined::Own(of) => Defined::Own(at(*of)?),
        Defined::Borrow(of) => Defined::Borrow(at(*of)?),
        Defined::List(of) => Defined::List(value_anew(*of, at)?),
        Defined::Option(of) => Defined::Option(value_anew(*of, at)?),
        Defined::FixedLengthList(of, count) => {
            Defined::FixedLengthList(value_anew(*of, at)?, *count)
        }
        Defined::Map(key, value) => Defined::Map(value_anew(*key, at)?, value_anew(*value, at)?),
        Defined::Tuple(parts) => {
            let parts = parts.iter().map(|it| value_anew(*it, at));
            Defined::Tuple(parts.collect::<Option<_>>()?)
        }
        Defined::Record(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, ty)| Some((*name, value_anew(*ty, at)?)));
            Defined::Record(fields.collect::<Option<_>>()?)
        }
    })
}

fn is_type(declaration: &Declaration<'_>) -> bool {
    use wasmparser::{ComponentExternalKind, ComponentOuterAliasKind};
    match declaration {
        Declaration::Type(_) => true,
        Declaration::Export { ty, .. } => matches!(ty, ComponentTypeRef::Type(_)),
        Declaration::Alias(ComponentAlias::Outer { kind, .. }) => {
            *kind == ComponentOuterAliasKind::Type
        }
        Declaration::Alias(ComponentAlias::InstanceExport { kind, .. }) => {
            *kind == ComponentExternalKind::Type
        }
        _ => false,
    }
}

/// Whether a declaration is the export of a function of this name.
pub(crate) fn exports(declaration: &Declaration<'_>, wanted: &str) -> bool {
    exported_func(declaration, wanted).is_some()
}

fn exported_func(declaration: &Declaration<'_>, wanted: &str) -> Option<u32> {
    match declaration {
        Declaration::Export {
            name,
            ty: ComponentTypeRef::Func(ty),
        } if name.name == wanted => Some(*ty),
        _ => None,
    }
}

/// The functions that checks call and a guest may have no use for.
const ADDABLE: [&str; 10] = [
    "[method]tcp-socket.address-family",
    "[method]tcp-socket.local-address",
    "[method]tcp-socket.remote-address",
    "[method]udp-socket.address-family",
    "[method]tcp-socket.get-address-family",
    "[method]tcp-socket.get-local-address",
    "[method]tcp-socket.get-remote-address",
    "[method]udp-socket.get-address-family",
    "[method]udp-socket.get-local-address",
    "[method]udp-socket.get-remote-address",
];

/// Adds what the import's compiled functions call and the guest does not import.
pub(crate) fn widen(socket: &mut SocketImport<'_>) -> Result<(), Error> {
    for name in socket.missing() {
        if add(&mut socket.declarations, &name).is_none() {
            return Err(Error::UnexpectedType {
                interface: Box::new(socket.name.clone()),
                item: format!("`{name}`"),
                reason: "a check needs it, and the input has no types for it".to_owned(),
            });
        }
    }
    Ok(())
}

/// Adds what a network in memory calls of the host's sockets that the guest may have no use for: it
/// disconnects one when the guest connects it to what is in memory.
pub(crate) fn widen_for_network(socket: &mut SocketImport<'_>) {
    const DISCONNECT: &str = "[method]udp-socket.disconnect";
    let types = &mut socket.declarations;
    let connect = types.func("[method]udp-socket.connect");
    if let Some(connect) = connect
        && types.func(DISCONNECT).is_none()
        && let Some((_, this)) = connect.params.first().copied()
    {
        let result = connect.result;
        types.add_func_of(DISCONNECT, &[("self", this)], result);
    }
}

fn add(types: &mut Widened<'_>, name: &str) -> Option<()> {
    let name = *ADDABLE.iter().find(|it| **it == name)?;
    const TCP: [&str; 5] = [
        "[method]tcp-socket.start-bind",
        "[method]tcp-socket.start-connect",
        "[method]tcp-socket.bind",
        "[method]tcp-socket.connect",
        "[method]tcp-socket.start-listen",
    ];
    const UDP: [&str; 5] = [
        "[method]udp-socket.start-bind",
        "[method]udp-socket.stream",
        "[method]udp-socket.bind",
        "[method]udp-socket.connect",
        "[method]udp-socket.send",
    ];
    let like = if name.starts_with("[method]tcp-socket.") {
        &TCP
    } else {
        &UDP
    };
    match name.split_once('.')?.1 {
        "address-family" | "get-address-family" => types.add_family_of(name, like),
        "local-address" | "remote-address" | "get-local-address" | "get-remote-address" => {
            types.add_address_of(name, &like[..4])
        }
        _ => None,
    }
}
