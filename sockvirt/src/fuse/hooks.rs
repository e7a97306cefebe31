//! Which lowered functions are replaced, and how a call is told from one that is the host's.

use crate::error::Error;
use crate::generate::abi::{Abi, Signature};
use crate::name::InterfaceName;
use crate::plan::{exported_resource, handle, instance_of};
use crate::root::{Item, Root, Space};
use sockvirt_netstack::script::Script;
use sockvirt_policy::{Policy, Protocol};
use std::collections::HashMap;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncType,
    ComponentInstanceType, ComponentValType, ResourceId,
};
use wasmparser::{CanonicalOption, ComponentAlias};

/// Who answers a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    /// The network, whatever the arguments.
    Inside,
    /// The network where one of these parameters is a handle that it gave, else the host.
    ByHandle(Vec<u32>),
    /// The network where a list that begins at the first parameter, and has as many handles as the
    /// second says, has one that it gave, else the host.
    ByList,
    /// The host, with the first parameter exchanged, where that is a handle of the host's or the
    /// network says so; else the network.
    Routed {
        /// Whether the network is asked with all parameters, and answers itself what stays inside.
        answers: bool,
        /// The parameter that is a network, which must be one of the host's there.
        network: Option<u32>,
    },
    /// The host, with the first parameter exchanged for what the network says of all of them.
    Exchanged,
    /// Nobody where the parameter is a handle that the network gave: the answer is `none`, written
    /// where the second parameter says. Else the host.
    NoneByHandle,
}

/// A function that is replaced where the guest lowers it.
#[derive(Clone, Debug)]
pub(super) struct Hooked {
    pub(super) hook: Hook,
    /// The network's function, where one has a part in it.
    pub(super) inside: Option<String>,
    /// The network's function that says where a call goes, if it is [`Hook::Routed`], or with what,
    /// if it is [`Hook::Exchanged`].
    pub(super) route: Option<String>,
    /// What the guest calls.
    pub(super) signature: Signature,
}

impl Hooked {
    /// `key` is what the network calls the interface; `None` if it has no part in it.
    fn new(
        reach: Reach,
        hook: Hook,
        key: Option<String>,
        function: &str,
        signature: Signature,
    ) -> Self {
        let named = |function: &str| key.as_ref().map(|key| reach.named(key, function));
        let (inside, route) = match hook {
            Hook::Routed { answers: true, .. } => {
                let function = function.strip_prefix("[method]").unwrap_or(function);
                (None, named(&format!("[route]{function}")))
            }
            Hook::Routed { answers: false, .. } => (named(function), Some(ROUTE.to_owned())),
            Hook::Exchanged => (None, named(function)),
            _ => (named(function), None),
        };
        Hooked {
            hook,
            inside,
            route,
            signature,
        }
    }

    /// The network's functions that have a part in it.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        let network = match &self.hook {
            Hook::Routed { network, .. } => network.map(|_| NETWORK),
            _ => None,
        };
        let own = [&self.inside, &self.route];
        own.into_iter().flatten().map(String::as_str).chain(network)
    }
}

/// The network's function that says which socket of the host's a handle stands for.
const ROUTE: &str = "sockvirt#route";
/// The one that gives a network of the host's.
pub(super) const NETWORK: &str = "sockvirt#network";

/// What of the host's sockets is reached beside a network in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) tcp: bool,
    pub(super) udp: bool,
    names: bool,
    /// Whether rules lead to the host, also by sockets of 0.3.
    pub(super) leads_out: bool,
    /// Whether a component can have handles of the network's.
    pub(super) handles: bool,
    /// What a script takes the place of besides.
    pub(super) script: Option<Played>,
    /// Whether sockets of 0.3 are on the same network, and stay imported until they are given it.
    pub(super) with_0_3: bool,
}

/// A script that is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'s> {
    pub(crate) script: &'s Script,
    /// Whether the host may give another one before the program runs.
    pub(crate) loads: bool,
}

/// What a script takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Played {
    /// Whether time is the host's.
    pub(super) host_clock: bool,
    /// Whether the host may give another one.
    pub(super) loads: bool,
}

impl Reach {
    pub(super) fn of(policy: &Policy, script: Option<Given<'_>>) -> Self {
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        let (tcp, udp) = (policy.reaches_host(tcp), policy.reaches_host(udp));
        let names = policy.asks_resolver();
        Reach {
            tcp,
            udp,
            names,
            leads_out: tcp || udp || names,
            handles: true,
            script: script.map(|it| Played {
                host_clock: it.script.host_clock,
                loads: it.loads,
            }),
            with_0_3: false,
        }
    }

    /// What the network calls an interface; `None` for those that it has no part in.
    pub(super) fn key(self, name: &InterfaceName) -> Option<String> {
        let own = key(name).filter(|_| self.handles);
        own.or_else(|| self.script_key(name))
    }

    /// The same for what only a script takes the place of.
    pub(super) fn script_key(self, name: &InterfaceName) -> Option<String> {
        let Played { host_clock, .. } = self.script?;
        let interface = format!("{}/{}", name.package, name.interface);
        let is_known = match interface.as_str() {
            // The function of 0.3 is the same.
            "wasi:cli/exit" => is_0_2(name) || is_of(name, 3),
            "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => !host_clock && is_0_2(name),
            _ => false,
        };
        is_known.then(|| format!("{interface}@0.2"))
    }

    /// The same where the network is elsewhere. A component that only exits, or looks what day it is, imports
    /// nothing that gives handles.
    pub(super) fn beside_others(self, root: &Root<'_>) -> Self {
        let clock = "wasi:clocks/monotonic-clock@0.2";
        let names = root.imports();
        let mut names = names.filter_map(|(_, import)| InterfaceName::of(&import.name));
        let gives = |it: InterfaceName| {
            is_sockets_0_2(&it) || self.script_key(&it).is_some_and(|key| key == clock)
        };
        Reach {
            handles: names.any(gives),
            ..self
        }
    }

    /// The same for these imports: where all sockets are of 0.3, no handle becomes the host's.
    pub(super) fn of_imports(self, root: &Root<'_>) -> Self {
        let names = root.imports();
        let mut names = names.filter_map(|(_, import)| InterfaceName::of(&import.name));
        let has_0_2 = !self.with_0_3 || names.any(|it| is_sockets_0_2(&it));
        Reach {
            tcp: self.tcp && has_0_2,
            udp: self.udp && has_0_2,
            names: self.names && has_0_2,
            ..self
        }
    }

    /// Whether a script goes by the host's clock here. Who has no handles never waits for them.
    pub(super) fn waits_on_host_clock(self) -> bool {
        self.handles && self.script.is_some_and(|it| it.host_clock)
    }

    /// What the network takes the place of, in words.
    pub(super) fn used(self) -> &'static str {
        match self.script {
            None => "`wasi:sockets`",
            Some(Played {
                host_clock: true, ..
            }) => "`wasi:sockets` or `wasi:cli/exit`",
            Some(_) => "`wasi:sockets`, a clock or `wasi:cli/exit`",
        }
    }

    pub(super) fn any(self) -> bool {
        self.tcp || self.udp || self.names
    }

    /// Whether the network has a function of this name.
    fn network_has(self, name: &str) -> bool {
        super::network::has(self.script.is_some(), name)
    }

    /// What the network calls a function of an interface that it knows by this key: where something
    /// of the host's may be beside what is its own, it has others for some.
    fn named(self, key: &str, function: &str) -> String {
        let is_beside = match key {
            "wasi:io/poll@0.2" => self.any(),
            "wasi:sockets/udp@0.2" => self.udp,
            _ => false,
        };
        let beside = format!("{key}#[beside]{function}");
        match is_beside && self.network_has(&beside) {
            true => beside,
            false => format!("{key}#{function}"),
        }
    }

    /// Whether what an interface gives can be the host's.
    fn reaches(self, interface: &str) -> bool {
        match interface {
            "tcp" => self.tcp,
            "udp" => self.udp,
            "ip-name-lookup" | "network" => self.any(),
            _ => false,
        }
    }
}

/// What of a component's imports the network takes the place of.
pub(super) struct Surface<'r> {
    root: &'r Root<'r>,
    pub(super) reach: Reach,
    /// The resource types of handles that the network can give: the interface and the name of each.
    resources: HashMap<ResourceId, Resource>,
}

/// What the network calls an interface of WASI 0.2; `None` for those that it has no part in.
pub(super) fn key(name: &InterfaceName) -> Option<String> {
    let is_known = name.is_sockets() || name.package == "wasi:io";
    (is_known && is_0_2(name)).then(|| format!("{}/{}@0.2", name.package, name.interface))
}

/// Whether an interface is one of sockets of WASI 0.2.
pub(super) fn is_sockets_0_2(name: &InterfaceName) -> bool {
    name.is_sockets() && is_0_2(name)
}

pub(super) fn is_0_2(name: &InterfaceName) -> bool {
    is_of(name, 2)
}

fn is_of(name: &InterfaceName, minor: u64) -> bool {
    let version = name.version.as_ref();
    version.is_some_and(|it| (it.major, it.minor) == (0, minor) && it.pre.is_empty())
}

/// A resource type of an interface that the network has a part in.
struct Resource {
    /// The import that defines it, by its place among the items.
    import: usize,
    interface: InterfaceName,
    /// What the network calls the interface.
    key: String,
    name: String,
}

impl<'r> Surface<'r> {
    pub(super) fn of(root: &'r Root<'r>, reach: Reach) -> Self {
        let mut resources = HashMap::new();
        for (at, import) in root.imports().filter(|_| reach.handles) {
            let interface = InterfaceName::of(&import.name);
            let (Some((key, interface)), Some(instance)) = (
                interface.and_then(|it| Some((key(&it)?, it))),
                instance_of(root, import.name.name),
            ) else {
                continue;
            };
            for name in instance.exports.keys() {
                if let Some(resource) = exported_resource(instance, name) {
                    // The first interface that exports a resource is the one that defines it.
                    resources.entry(resource).or_insert_with(|| Resource {
                        import: at,
                        interface: interface.clone(),
                        key: key.clone(),
                        name: name.to_string(),
                    });
                }
            }
        }
        Surface {
            root,
            reach,
            resources,
        }
    }

    /// The import, and the name of the function in it, that a function of the outermost scope comes
    /// from.
    pub(super) fn imported(&self, func: u32) -> Option<Imported<'r>> {
        let at = self.root.item_at(Space::Func, func)?;
        let Item::Alias(ComponentAlias::InstanceExport {
            instance_index,
            name,
            ..
        }) = &self.root.items[at]
        else {
            return None;
        };
        let import = self.root.item_at(Space::Instance, *instance_index)?;
        let Item::Import(declared) = &self.root.items[import] else {
            return None;
        };
        Some(Imported {
            interface: InterfaceName::of(&declared.name)?,
            function: name,
        })
    }

    /// What takes the place of a function where it is lowered; `None` where nothing does.
    pub(super) fn lowered(
        &self,
        func: u32,
        options: &[CanonicalOption],
    ) -> Result<Option<Hooked>, Error> {
        let types = self.root.types();
        let ty = &types[types.component_function_at(func)];
        let Some(imported) = self.imported(func) else {
            return match self.handles_in(ty).next() {
                None => Ok(None),
                Some(_) => Err(unsupported(
                    "a function that takes handles of `wasi:io` or `wasi:sockets`",
                    "it is not one of an imported interface",
                )),
            };
        };
        let hook = match self.reach.key(&imported.interface) {
            Some(key) => Some((self.hook(&imported, ty)?, Some(key))),
            None => self.foreign_hook(&imported, ty)?.map(|hook| (hook, None)),
        };
        let Some((hook, key)) = hook else {
            return Ok(None);
        };
        imported.refuse_options(options)?;
        let signature = Abi(types).lowered(ty, false);
        let hooked = Hooked::new(self.reach, hook, key, imported.function, signature);
        if hooked.functions().any(|name| !self.reach.network_has(name)) {
            return Err(imported.unknown());
        }
        Ok(Some(hooked))
    }

    /// What takes the place of dropping a handle.
    pub(super) fn dropped(&self, ty: u32) -> Result<Option<(Hooked, &InterfaceName)>, Error> {
        let Some(Resource {
            interface: defined,
            key,
            name,
            ..
        }) = self.resource(ty)
        else {
            return Ok(None);
        };
        let interface = key.strip_prefix("wasi:sockets/");
        let interface = interface.and_then(|it| it.strip_suffix("@0.2"));
        let hook = match (interface, name.as_str()) {
            (None, _) => Hook::ByHandle(vec![0]),
            (Some(_), "network") => Hook::Inside,
            (Some(it), _) if !self.reach.reaches(it) => Hook::Inside,
            (Some(_), "tcp-socket" | "udp-socket") => Hook::Routed {
                answers: true,
                network: None,
            },
            (Some(_), _) => Hook::ByHandle(vec![0]),
        };
        let function = format!("[resource-drop]{name}");
        let signature = Signature {
            params: vec![wasm_encoder::ValType::I32],
            results: Vec::new(),
        };
        let key = Some(key.clone());
        let hooked = Hooked::new(self.reach, hook, key, &function, signature);
        if hooked.functions().any(|name| !self.reach.network_has(name)) {
            return Err(unsupported(
                &format!("the resource `{name}` of `{defined}`"),
                "WASI does not have it there",
            ));
        }
        Ok(Some((hooked, defined)))
    }

    fn resource(&self, ty: u32) -> Option<&Resource> {
        match self.root.types().component_any_type_at(ty) {
            ComponentAnyTypeId::Resource(id) => self.resources.get(&id.resource()),
            _ => None,
        }
    }

    /// For an alias of a type that an import of sockets exports and another interface defines, the
    /// import of that one and the type's name there.
    pub(super) fn defined_elsewhere(&self, alias: usize) -> Option<(usize, &str)> {
        let index = self.root.index_of(Space::Type, alias)?;
        let resource = self.resource(index)?;
        let is_elsewhere = !resource.interface.is_sockets() && resource.import < alias;
        is_elsewhere.then_some((resource.import, resource.name.as_str()))
    }

    /// What takes the place of a function of `wasi:sockets`.
    fn sockets_hook(&self, imported: &Imported<'_>) -> Hook {
        if !self.reach.reaches(&imported.interface.interface) {
            return Hook::Inside;
        }
        let (answers, network) = match imported.function {
            "[method]tcp-socket.start-bind"
            | "[method]tcp-socket.start-connect"
            | "[method]udp-socket.start-bind" => (true, Some(1)),
            "[method]udp-socket.stream" | "resolve-addresses" => (true, None),
            name if name.starts_with("[method]tcp-socket.")
                || name.starts_with("[method]udp-socket.") =>
            {
                (false, None)
            }
            _ => return Hook::ByHandle(vec![0]),
        };
        Hook::Routed { answers, network }
    }

    fn hook(&self, imported: &Imported<'_>, ty: &ComponentFuncType) -> Result<Hook, Error> {
        if imported.interface.is_sockets() {
            return Ok(self.sockets_hook(imported));
        }
        match imported.interface.package.as_str() {
            "wasi:cli" => return Ok(Hook::Exchanged),
            "wasi:clocks" => return Ok(Hook::Inside),
            _ if imported.function == "poll" => return Ok(Hook::ByList),
            _ => {}
        }
        let abi = Abi(self.root.types());
        let (mut handles, mut at) = (Vec::new(), 0);
        for (_, param) in &ty.params {
            if self.is_handle(*param) {
                handles.push(at);
            }
            at += abi.flat(*param).len() as u32;
        }
        match handles.is_empty() {
            false => Ok(Hook::ByHandle(handles)),
            true => Err(imported.unknown()),
        }
    }

    /// What takes the place of a function of another interface, which knows nothing of the
    /// network's handles. Those that ask what an error means have no answer for the network's.
    fn foreign_hook(
        &self,
        imported: &Imported<'_>,
        ty: &ComponentFuncType,
    ) -> Result<Option<Hook>, Error> {
        let mut taken = ty.params.iter().filter(|(_, ty)| self.mentions_handle(*ty));
        let Some((_, first)) = taken.next() else {
            return Ok(None);
        };
        let is_error = handle(self.root, *first)
            .and_then(|id| self.resources.get(&id))
            .is_some_and(|it| it.key == "wasi:io/error@0.2" && it.name == "error");
        let abi = Abi(self.root.types());
        let answers_none = ty.result.and_then(|ty| abi.defined(ty));
        let answers_none = matches!(answers_none, Some(ComponentDefinedType::Option { .. }));
        match is_error && ty.params.len() == 1 && answers_none {
            true => Ok(Some(Hook::NoneByHandle)),
            false => Err(unsupported(
                &format!("`{}` of `{}`", imported.function, imported.interface),
                "it takes handles of `wasi:io` or `wasi:sockets`, and the host does not know those \
                 of a network inside",
            )),
        }
    }

    /// The parameters and the result in which there are handles of the network's.
    fn handles_in<'t>(&'t self, ty: &'t ComponentFuncType) -> impl Iterator<Item = ()> + 't {
        let types = ty.params.iter().map(|(_, ty)| *ty).chain(ty.result);
        types.filter(|ty| self.mentions_handle(*ty)).map(drop)
    }

    fn is_handle(&self, ty: ComponentValType) -> bool {
        handle(self.root, ty).is_some_and(|id| self.resources.contains_key(&id))
    }

    /// Whether there is a handle of the network's somewhere in a type.
    fn mentions_handle(&self, ty: ComponentValType) -> bool {
        let defined = Abi(self.root.types()).defined(ty);
        self.is_handle(ty)
            || defined.is_some_and(|defined| {
                let parts = crate::generate::values::parts(defined);
                parts.into_iter().any(|part| self.mentions_handle(part))
            })
    }

    /// Refuses exports that give handles away which the host would not know.
    pub(super) fn refuse_exports(&self) -> Result<(), Error> {
        let types = self.root.types();
        for (_, export) in self.root.exports() {
            let Some(item) = types.component_item_for_export(export.name.name) else {
                continue;
            };
            let functions: Vec<_> = match item.ty {
                ComponentEntityType::Func(id) => vec![("", id)],
                ComponentEntityType::Instance(id) => functions(&types[id]).collect(),
                _ => Vec::new(),
            };
            for (name, id) in functions {
                if types[id].result.is_some_and(|ty| self.mentions_handle(ty)) {
                    let export = format!("export `{}`", export.name.name);
                    let item = match name {
                        "" => export,
                        name => format!("`{name}` of {export}"),
                    };
                    return Err(unsupported(
                        &item,
                        "it gives handles of `wasi:io` or `wasi:sockets` away, and the host does \
                         not know those of a network inside",
                    ));
                }
            }
        }
        Ok(())
    }
}

fn functions(
    instance: &ComponentInstanceType,
) -> impl Iterator<Item = (&str, wasmparser::component_types::ComponentFuncTypeId)> {
    let exports = instance.exports.iter();
    exports.filter_map(|(name, item)| match item.ty {
        ComponentEntityType::Func(id) => Some((name.as_str(), id)),
        _ => None,
    })
}

/// Where a function comes from.
pub(super) struct Imported<'r> {
    pub(super) interface: InterfaceName,
    pub(super) function: &'r str,
}

impl Imported<'_> {
    pub(super) fn unknown(&self) -> Error {
        Error::UnknownFunction {
            interface: Box::new(self.interface.clone()),
            function: self.function.to_owned(),
        }
    }

    /// Refuses ways to pass arguments that the network does not know.
    fn refuse_options(&self, options: &[CanonicalOption]) -> Result<(), Error> {
        let unknown = options.iter().find_map(|option| match option {
            CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => Some("strings in UTF-16"),
            CanonicalOption::Async => Some("`async`"),
            CanonicalOption::Gc | CanonicalOption::CoreType(_) => Some("garbage collection"),
            _ => None,
        });
        match unknown {
            None => Ok(()),
            Some(what) => Err(unsupported(
                &format!("`{}` of `{}`", self.function, self.interface),
                &format!("it is lowered with {what}"),
            )),
        }
    }
}

pub(super) fn unsupported(item: &str, reason: &str) -> Error {
    Error::NotInMemory {
        item: item.to_owned(),
        reason: reason.to_owned(),
    }
}
