//! A host that has whatever a component imports. What it answers is made up, and the same each time; it
//! writes down what it is asked.

use crate::host::engine;
use anyhow::{Result, bail};
use std::collections::HashSet;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceAny, ResourceDynamic};
use wasmtime::component::{ResourceType, Type, Val};
use wasmtime::{Store, StoreContextMut};

/// What a component did.
#[derive(Debug, PartialEq, Eq)]
pub struct Trace {
    /// What its functions returned, one after the other, or how the last of them ended.
    pub returned: Vec<Result<Vec<u8>, String>>,
    /// What the host was asked, but for what is about sockets.
    pub asked: Vec<String>,
}

#[derive(Default)]
struct Host {
    asked: Vec<String>,
    /// The names of resources, by the number that stands for each.
    resources: Vec<String>,
    /// How many handles were given: by `wasi:sockets`, and by all else.
    given: [u32; 2],
    /// Those that `wasi:sockets` gave. Nothing that is done with them is written down: in memory,
    /// the host hears nothing of it.
    of_sockets: HashSet<u32>,
}

/// Calls these functions of a component, one after the other.
pub fn trace(component: &[u8], calls: &[String]) -> Result<Trace> {
    let component = Component::new(engine(), component)?;
    let mut store = Store::new(engine(), Host::default());
    let instance = linker(&component, store.data_mut())?.instantiate(&mut store, &component)?;
    let mut returned = Vec::new();
    for call in calls {
        let function = instance.get_typed_func::<(), (Vec<u8>,)>(&mut store, call)?;
        let result = function.call(&mut store, ());
        let result = result.map_err(|e| e.root_cause().to_string());
        let ended = result.is_err();
        returned.push(result.map(|(bytes,)| bytes));
        if ended {
            break;
        }
    }
    let asked = std::mem::take(&mut store.data_mut().asked);
    Ok(Trace { returned, asked })
}

/// All that the component imports.
fn linker(component: &Component, host: &mut Host) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine());
    for (import, item) in component.component_type().imports(engine()) {
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                offer(linker.instance(import)?, import, &instance, host)?;
            }
            _ => bail!("`{import}` is no instance"),
        }
    }
    Ok(linker)
}

fn offer(
    mut offered: LinkerInstance<'_, Host>,
    import: &str,
    instance: &ComponentInstance,
    host: &mut Host,
) -> Result<()> {
    for (name, item) in instance.exports(engine()) {
        match item.ty {
            ComponentItem::Resource(_) => {
                // The same in all versions, as on any host.
                let ty = ResourceType::host_dynamic(host.resource(name));
                let dropped = name.to_owned();
                offered.resource(name, ty, move |mut store, handle| {
                    store.data_mut().dropped(&dropped, handle);
                    Ok(())
                })?;
            }
            ComponentItem::ComponentFunc(_) => {
                let function = format!("{import}#{name}");
                offered.func_new(name, move |store, ty, params, results| {
                    answer(store, &function, &ty, params, results)
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

impl Host {
    /// The number that stands for a resource.
    fn resource(&mut self, name: &str) -> u32 {
        let known = self.resources.iter().position(|it| it == name);
        let number = known.unwrap_or_else(|| {
            self.resources.push(name.to_owned());
            self.resources.len() - 1
        });
        number as u32
    }

    fn dropped(&mut self, resource: &str, handle: u32) {
        if !self.of_sockets.remove(&handle) {
            self.asked.push(format!("drop {resource} {handle}"));
        }
    }
}

/// Answers a call, whatever it is.
fn answer(
    mut store: StoreContextMut<'_, Host>,
    function: &str,
    ty: &ComponentFunc,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), wasmtime::Error> {
    let mut handles = Vec::new();
    let mut words = Vec::new();
    for param in params {
        words.push(words_of(param, &mut store, &mut handles)?);
    }
    let host = store.data_mut();
    let of_sockets = function.starts_with("wasi:sockets/")
        || handles.iter().any(|it| host.of_sockets.contains(it));
    let mut answers = Answers {
        numbers: host.asked.len() as u64,
        of_sockets,
    };
    if !of_sockets {
        host.asked.push(format!("{function}({})", words.join(", ")));
    }
    for (ty, result) in ty.results().zip(results) {
        *result = answers.value(&ty, &mut store)?;
    }
    Ok(())
}

/// A value as text, in which handles are numbers of the host's.
fn words_of(
    value: &Val,
    store: &mut StoreContextMut<'_, Host>,
    handles: &mut Vec<u32>,
) -> Result<String, wasmtime::Error> {
    let mut all = |values: &mut dyn Iterator<Item = &Val>| -> Result<String, wasmtime::Error> {
        let words = values.map(|it| words_of(it, store, handles));
        Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "))
    };
    Ok(match value {
        Val::Resource(handle) => {
            let handle = handle.try_into_resource_dynamic(&mut *store)?.rep();
            handles.push(handle);
            format!("handle {handle}")
        }
        Val::List(values) | Val::Tuple(values) => format!("[{}]", all(&mut values.iter())?),
        Val::Record(fields) => format!("{{{}}}", all(&mut fields.iter().map(|(_, it)| it))?),
        Val::Variant(case, value) => format!("{case}({})", all(&mut value.as_deref().into_iter())?),
        Val::Option(value) => format!("option({})", all(&mut value.as_deref().into_iter())?),
        Val::Result(Ok(value)) => format!("ok({})", all(&mut value.as_deref().into_iter())?),
        Val::Result(Err(value)) => format!("err({})", all(&mut value.as_deref().into_iter())?),
        plain => format!("{plain:?}"),
    })
}

/// Values, made up by the number of a call: `splitmix64`. What is asked of sockets is answered with
/// the first of everything.
struct Answers {
    numbers: u64,
    of_sockets: bool,
}

impl Answers {
    fn next(&mut self) -> u64 {
        if self.of_sockets {
            return 0;
        }
        self.numbers = self
            .numbers
            .wrapping_mul(31)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.numbers ^ (self.numbers >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (n ^ (n >> 27)) >> 7
    }

    /// One of so many; the first one more often.
    fn choose(&mut self, count: usize) -> usize {
        match self.next() % 3 {
            0 => (self.next() % count as u64) as usize,
            _ => 0,
        }
    }

    fn value(
        &mut self,
        ty: &Type,
        store: &mut StoreContextMut<'_, Host>,
    ) -> Result<Val, wasmtime::Error> {
        Ok(match ty {
            Type::Bool => Val::Bool(self.next() % 2 == 1),
            Type::U8 => Val::U8(self.next() as u8),
            Type::U16 => Val::U16(self.next() as u16),
            Type::U32 => Val::U32(self.next() as u32),
            Type::U64 => Val::U64(self.next()),
            Type::String => Val::String("word ".repeat((self.next() % 20) as usize)),
            Type::List(list) => {
                let most = if list.ty() == Type::U8 { 90 } else { 5 };
                let count = self.next() % most;
                let values = (0..count).map(|_| self.value(&list.ty(), store));
                Val::List(values.collect::<Result<_, _>>()?)
            }
            Type::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| Ok((field.name.to_owned(), self.value(&field.ty, store)?)));
                Val::Record(fields.collect::<Result<_, wasmtime::Error>>()?)
            }
            Type::Tuple(tuple) => {
                let values = tuple.types().map(|ty| self.value(&ty, store));
                Val::Tuple(values.collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let cases: Vec<_> = variant.cases().collect();
                let case = &cases[self.choose(cases.len())];
                Val::Variant(case.name.to_owned(), self.maybe(case.ty.as_ref(), store)?)
            }
            Type::Enum(cases) => {
                let names: Vec<_> = cases.names().collect();
                Val::Enum(names[self.choose(names.len())].to_owned())
            }
            Type::Option(option) => {
                let is_some = self.next() % 2 == 1;
                Val::Option(self.maybe(Some(&option.ty()).filter(|_| is_some), store)?)
            }
            Type::Result(result) => Val::Result(match self.choose(2) {
                0 => Ok(self.maybe(result.ok().as_ref(), store)?),
                _ => Err(self.maybe(result.err().as_ref(), store)?),
            }),
            Type::Own(resource) => Val::Resource(self.handle(resource, store)?),
            _ => wasmtime::bail!("no host has a value for {ty:?}"),
        })
    }

    fn maybe(
        &mut self,
        ty: Option<&Type>,
        store: &mut StoreContextMut<'_, Host>,
    ) -> Result<Option<Box<Val>>, wasmtime::Error> {
        let value = ty.map(|ty| self.value(ty, store)).transpose()?;
        Ok(value.map(Box::new))
    }

    /// A handle that nobody was given before.
    fn handle(
        &mut self,
        resource: &ResourceType,
        store: &mut StoreContextMut<'_, Host>,
    ) -> Result<ResourceAny, wasmtime::Error> {
        let host = store.data_mut();
        let mut known = 0..host.resources.len() as u32;
        let ty = known.find(|ty| ResourceType::host_dynamic(*ty) == *resource);
        let ty = ty.ok_or_else(|| wasmtime::format_err!("nobody declared {resource:?}"))?;
        let [of_sockets, others] = &mut host.given;
        let handle = match self.of_sockets {
            true => (1 << 20) + *of_sockets,
            false => *others,
        };
        match self.of_sockets {
            true => {
                *of_sockets += 1;
                host.of_sockets.insert(handle);
            }
            false => *others += 1,
        }
        ResourceDynamic::new_own(handle, ty).try_into_resource_any(&mut *store)
    }
}
