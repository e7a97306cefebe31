//! The fourth stage: guest and generated components in one component.
//!
//! The component around the guest declares the guest's imports in the guest's own words, but for
//! those that are replaced; instantiates a generated component for each of these; instantiates the
//! guest, whose bytes stay as they are; and exports what the guest exports. Every argument is
//! wired by hand, so none can end up on the host by its name.

use crate::error::Error;
use crate::evidence;
use crate::fuse::hub;
use crate::generate::{
    Arg, OPEN, Stub, generate, log, network, policy, told, values, verdict, verdict_3,
};
use crate::plan::{
    Clock, ClockFrom, Made, NOW, Plan, Route, SocketImport, TimerFrom, WAIT_FOR, exported_resource,
    is_run, runs,
};
use crate::root::{self, Item, Reindex, Root, Space};
use crate::stand_in::DRIVE;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind, ComponentTypeRef,
    ComponentValType, CustomSection, InstanceType, PrimitiveValType, TypeBounds,
};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ResourceId};
use wasmparser::{ComponentAlias, ComponentExport, ComponentExternalKind};

/// Composes what was planned. `evidence` goes into a custom section of its name, unless another
/// component is put around this one, and is asked for when all the rest is there; what `script` says of a
/// script, into one of its own. `plays` is whether a script is played in the guest, which then exports
/// its report.
pub(crate) fn compose(
    plan: &Plan<'_>,
    evidence: Option<(&str, evidence::Text<'_>)>,
    script: Option<String>,
    plays: bool,
) -> Result<Vec<u8>, Error> {
    let mut shell = Shell {
        plan,
        root: plan.root,
        builder: ComponentBuilder::default(),
        placed: HashMap::new(),
        served: HashMap::new(),
        policy: None,
        network: None,
        log: Vec::new(),
        clocks: HashMap::new(),
        timer: None,
        aliases: HashMap::new(),
        anonymous: HashSet::new(),
        makers: HashMap::new(),
        tainted: tainted(plan),
    };
    shell.add_imports()?;
    shell.add_policy()?;
    shell.add_network()?;
    for socket in &plan.sockets {
        if socket.route != Route::Host {
            shell.add_stub(socket)?;
        }
    }
    // The guest is the last component.
    let verdicts = shell.add_verdicts(plays);
    let report = shell.add_report();
    let guest = shell.add_guest();
    shell.add_exports(guest, verdicts, report)?;
    let policy = evidence.map(|(section, text)| (section, text()));
    let script = script.map(|text| (evidence::SCRIPT, text));
    for (name, text) in policy.into_iter().chain(script) {
        shell.builder.custom_section(&CustomSection {
            name: name.into(),
            data: text.as_bytes().into(),
        });
    }
    Ok(shell.builder.finish())
}

/// Whether a script is played in a component.
pub(crate) fn has_script(root: &Root<'_>) -> bool {
    let mut exports = root.exports();
    exports.any(|(_, export)| export.name.name == verdict::REPORT)
}

/// For each item that is made of types of a replaced import, which one that is. References go
/// backwards, so that one pass finds them all.
fn tainted(plan: &Plan<'_>) -> HashMap<usize, usize> {
    let sockets = || plan.sockets.iter().enumerate();
    let replaced = sockets().filter(|(_, socket)| plan.replaces(socket.at));
    let mut tainted: HashMap<_, _> = replaced.map(|(i, socket)| (socket.at, i)).collect();
    for at in 0..plan.root.items.len() {
        let made_inside = sockets().find(|(_, socket)| names_made_inside(plan, socket, at));
        if let Some((socket, _)) = made_inside {
            tainted.entry(at).or_insert(socket);
        }
        let mut references = plan.root.references(at).into_iter();
        if let Some(socket) = references.find_map(|it| tainted.get(&it).copied()) {
            tainted.entry(at).or_insert(socket);
        }
    }
    tainted
}

/// Whether an item takes a resource type from an import of sockets that is not the host's to make.
fn names_made_inside(plan: &Plan<'_>, socket: &SocketImport<'_>, at: usize) -> bool {
    let Item::Alias(ComponentAlias::InstanceExport {
        instance_index,
        name,
        ..
    }) = &plan.root.items[at]
    else {
        return false;
    };
    let resource = exported_resource(socket.instance, name);
    let made = resource.and_then(|id| plan.resources.get(&id));
    plan.root.item_at(Space::Instance, *instance_index) == Some(socket.at)
        && made.is_some_and(|made| *made != Made::Host || socket.route == Route::Mixed)
}

fn entangled(what: &str, name: &str, socket: &SocketImport<'_>) -> Error {
    Error::Entangled {
        item: format!("{what} `{name}`"),
        interface: Box::new(socket.name.clone()),
    }
}

/// What asks a script for its verdict, in programs of WASI 0.2 and of 0.3.
#[derive(Clone, Copy)]
struct Verdicts {
    of_2: Option<u32>,
    of_3: Option<u32>,
}

/// The component around the guest.
struct Shell<'p> {
    plan: &'p Plan<'p>,
    root: &'p Root<'p>,
    builder: ComponentBuilder,
    /// For items of the guest that stand here too, the index that they have here.
    placed: HashMap<usize, u32>,
    /// For imports of sockets that the policy is asked about, the instance that the guest gets.
    served: HashMap<usize, u32>,
    /// The instance that holds the policy.
    policy: Option<u32>,
    /// The instance that is a network in memory.
    network: Option<u32>,
    /// What is given of standard error, once it is imported.
    log: Vec<policy::Given>,
    /// Clocks that the guest does not import, by name.
    clocks: HashMap<String, u32>,
    /// The clock that the network in memory goes by.
    timer: Option<u32>,
    /// What was taken out of instances, by instance and name.
    aliases: HashMap<(u32, String), u32>,
    /// Types of the guest that were found to have no name, nor any inside.
    anonymous: HashSet<usize>,
    /// For resource types that are made, the instance whose function makes them.
    makers: HashMap<ResourceId, u32>,
    tainted: HashMap<usize, usize>,
}

impl<'p> Shell<'p> {
    /// Declares the imports that stay.
    fn add_imports(&mut self) -> Result<(), Error> {
        let mut kept = Vec::new();
        for (at, import) in self.root.imports() {
            if !self.plan.replaces(at) {
                self.refuse_tainted(at, "import", import.name.name)?;
                kept.push(at);
            }
        }
        let mut items = self.root.closure(kept, |_| false);
        self.leave_widened(&mut items);
        self.place_all(&items)?;
        let mut clocks: Vec<_> = self.plan.clocks.values().collect();
        clocks.sort_by(|a, b| a.from.cmp(&b.from));
        for clock in clocks {
            self.add_clock(clock);
        }
        self.add_timer();
        Ok(())
    }

    /// Leaves out the types of imports that are said anew, where nothing else refers to them.
    fn leave_widened(&self, items: &mut BTreeSet<usize>) {
        let sockets = self.plan.sockets.iter();
        for socket in sockets.filter(|it| it.declarations.widened().is_some()) {
            for ty in self.root.references(socket.at) {
                let refers = |at: usize| at != socket.at && self.root.references(at).contains(&ty);
                if !items.iter().any(|at| refers(*at)) {
                    items.remove(&ty);
                }
            }
        }
    }

    /// Imports a clock that the guest does not import: the one function that is needed of it.
    fn add_clock(&mut self, clock: &Clock) {
        let ClockFrom::Added { name, poll } = &clock.from else {
            return;
        };
        let Some(poll) = self.placed.get(poll).copied() else {
            return;
        };
        let pollable = self.alias(poll, "pollable", ComponentExportKind::Type);
        let mut instance = InstanceType::new();
        instance.alias(Alias::Outer {
            kind: ComponentOuterAliasKind::Type,
            count: 1,
            index: pollable,
        });
        instance.export("pollable", ComponentTypeRef::Type(TypeBounds::Eq(0)));
        instance.ty().defined_type().own(1);
        let moment = ComponentValType::Primitive(PrimitiveValType::U64);
        instance
            .ty()
            .function()
            .params([(clock.param.as_str(), moment)])
            .result(Some(ComponentValType::Type(2)));
        instance.export(clock.function, ComponentTypeRef::Func(3));
        let ty = self.builder.type_instance(None, &instance);
        let import = self.builder.import(name, ComponentTypeRef::Instance(ty));
        self.clocks.insert(name.clone(), import);
    }

    /// Imports the clock that the network goes by, or finds it among the guest's imports.
    fn add_timer(&mut self) {
        let Some(timer) = &self.plan.timer else {
            return;
        };
        self.timer = match &timer.from {
            TimerFrom::Guest(at) => self.placed.get(at).copied(),
            TimerFrom::Added(name) => {
                let number = ComponentValType::Primitive(PrimitiveValType::U64);
                let mut instance = InstanceType::new();
                let duration = (timer.param.as_str(), number);
                let mut wait_for = instance.ty().function();
                wait_for.async_(true).params([duration]).result(None);
                instance.export(WAIT_FOR, ComponentTypeRef::Func(0));
                let none: [(&str, ComponentValType); 0] = [];
                instance.ty().function().params(none).result(Some(number));
                instance.export(NOW, ComponentTypeRef::Func(1));
                let ty = self.builder.type_instance(None, &instance);
                let ty = ComponentTypeRef::Instance(ty);
                Some(self.builder.import(name, ty))
            }
        };
    }

    /// Refuses an import or an export that is made of types of a replaced import.
    fn refuse_tainted(&self, at: usize, what: &str, name: &str) -> Result<(), Error> {
        match self.tainted.get(&at) {
            None => Ok(()),
            Some(socket) => Err(entangled(what, name, &self.plan.sockets[*socket])),
        }
    }

    fn place_all(&mut self, items: &BTreeSet<usize>) -> Result<(), Error> {
        for at in items {
            self.place(*at)?;
        }
        Ok(())
    }

    /// Declares one item here. What it refers to is here already.
    fn place(&mut self, at: usize) -> Result<(), Error> {
        let (root, placed) = (self.root, &self.placed);
        let map = |space, index| {
            let here = root.item_at(space, index).and_then(|at| placed.get(&at));
            here.copied().unwrap_or(u32::MAX)
        };
        let socket = self.plan.sockets.iter().find(|socket| socket.at == at);
        let widened = socket.and_then(|socket| socket.declarations.widened());
        if let Item::Alias(ComponentAlias::InstanceExport {
            kind,
            instance_index,
            name,
        }) = &root.items[at]
        {
            let here = self.index(Space::Instance, *instance_index);
            let alias = here.map(|instance| self.alias(instance, name, (*kind).into()));
            self.placed.insert(at, alias.unwrap_or(u32::MAX));
            return Ok(());
        }
        let declared = match (&root.items[at], widened) {
            (Item::Import(import), Some(ty)) => {
                root::declare(&mut self.builder, &Item::Type(ty), map).map(|ty| {
                    let ty = ComponentTypeRef::Instance(ty);
                    self.builder.import(import.name, ty)
                })
            }
            (item, _) => root::declare(&mut self.builder, item, map),
        };
        match declared {
            Some(index) => {
                self.placed.insert(at, index);
                Ok(())
            }
            None => Err(Error::Unsupported {
                item: "a type that an import or an export is made of".to_owned(),
                reason: "it is not made of imported types alone".to_owned(),
            }),
        }
    }

    fn index(&self, space: Space, index: u32) -> Option<u32> {
        self.placed.get(&self.root.item_at(space, index)?).copied()
    }

    /// Adds the instance that holds the policy, where somebody asks it.
    fn add_policy(&mut self) -> Result<(), Error> {
        let parts = self.plan.sockets.iter();
        let parts = parts.filter_map(|socket| socket.stand_ins.part.as_ref());
        let asked: BTreeMap<_, _> = parts
            .flat_map(|part| &part.imports)
            .filter(|import| import.module == "policy")
            .map(|import| (import.name.clone(), import.signature.clone()))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let component = policy::component(self.plan.policy, &asked);
        let component = component.map_err(|e| Error::Refused {
            reason: format!("the code for the policy is not as it was built: {e}"),
        })?;
        let given = self.log();
        let component = self.builder.component(None, component);
        self.policy = Some(self.builder.instantiate(None, component, given));
        Ok(())
    }

    /// The imports that the network in memory serves: those first that it asks of the host.
    fn served(&self) -> Vec<&'p SocketImport<'p>> {
        let of = |route| self.plan.sockets.iter().filter(move |it| it.route == route);
        of(Route::Mixed).chain(of(Route::Network)).collect()
    }

    /// Adds the network in memory, where there is one.
    fn add_network(&mut self) -> Result<(), Error> {
        let served = self.served();
        if served.is_empty() {
            return Ok(());
        }
        for socket in served.iter().filter(|it| it.route == Route::Mixed) {
            self.place_around(socket)?;
        }
        let outer_type = |index| self.index(Space::Type, index).unwrap_or(u32::MAX);
        let (stub, owners) = network::component(self.plan, &served, &outer_type)?;
        let owners = owners.into_iter().filter_map(|at| served.get(at).copied());
        let given = self.told();
        let network = self.instantiate(stub, owners, given)?;
        self.network = Some(network);
        if let Some(at) = self.plan.network.as_ref().and_then(|it| it.shared) {
            let kind = ComponentExportKind::Func;
            let functions =
                hub::FUNCTIONS.map(|name| (name, kind, self.alias(network, name, kind)));
            let component = self.builder.component(None, hub::alone());
            let hub = self.builder.instantiate(None, component, functions);
            self.placed.insert(at, hub);
        }
        Ok(())
    }

    /// What is given of standard error, which is imported once.
    fn log(&mut self) -> Vec<policy::Given> {
        if self.log.is_empty() {
            self.log = log::import(&mut self.builder, &self.plan.log);
        }
        self.log.clone()
    }

    /// What is given to what asks a script for its verdict, where that tells of it.
    fn stderr(&mut self) -> Vec<policy::Given> {
        match self.plan.tells() {
            true => self.log(),
            false => Vec::new(),
        }
    }

    /// What a network is given that tells of its script and ends the program with it.
    fn told(&mut self) -> Vec<policy::Given> {
        let Some(beside) = self.plan.network.as_ref().filter(|it| it.tells()) else {
            return Vec::new();
        };
        let mut given = self.log();
        let exit = beside.exit.and_then(|at| self.placed.get(&at).copied());
        let kind = ComponentExportKind::Func;
        given.extend(exit.map(|exit| (told::EXIT, kind, self.alias(exit, told::EXIT, kind))));
        given
    }

    /// Places what an import's type takes from around it, but not the type itself: the generated
    /// component says it again in its own way.
    fn place_around(&mut self, socket: &SocketImport<'_>) -> Result<(), Error> {
        let own_type = self.root.references(socket.at);
        let around = own_type.iter().flat_map(|at| self.root.references(*at));
        let closure = self
            .root
            .closure(around, |at| self.placed.contains_key(&at));
        self.place_all(&closure)
    }

    /// Instantiates a generated component, whose arguments belong to these imports, but for those that
    /// are given besides.
    fn instantiate<'s>(
        &mut self,
        stub: Stub,
        owners: impl Iterator<Item = &'s SocketImport<'s>>,
        given: Vec<policy::Given>,
    ) -> Result<u32, Error> {
        let given = given.into_iter();
        let mut args: Vec<_> = given
            .map(|(name, kind, index)| (name.to_owned(), kind, index))
            .collect();
        for ((name, arg), socket) in stub.args.into_iter().zip(owners) {
            let (kind, index) = self.arg(&arg, socket)?;
            args.push((name, kind, index));
        }
        let component = self.builder.component(None, stub.component);
        Ok(self.builder.instantiate(None, component, args))
    }

    /// Generates the component that takes the place of an import, and instantiates it.
    fn add_stub(&mut self, socket: &SocketImport<'_>) -> Result<(), Error> {
        self.place_around(socket)?;
        let outer_type = |index| self.index(Space::Type, index).unwrap_or(u32::MAX);
        let stub = generate(self.plan, socket, outer_type)?;
        let instance = self.instantiate(stub, std::iter::repeat(socket), Vec::new())?;
        if !self.plan.replaces(socket.at) {
            self.served.insert(socket.at, instance);
            return Ok(());
        }
        self.placed.insert(socket.at, instance);
        for name in socket.instance.exports.keys() {
            if let Some(id) = exported_resource(socket.instance, name) {
                // The first interface that exports a resource is the one that defines it.
                self.makers.entry(id).or_insert(instance);
            }
        }
        Ok(())
    }

    fn arg(
        &mut self,
        arg: &Arg,
        socket: &SocketImport<'_>,
    ) -> Result<(ComponentExportKind, u32), Error> {
        let (host, labels) = match socket.route {
            // What the network itself asks of is the host's.
            Route::Network | Route::Mixed if self.network.is_some() => {
                let labels = network::Labels::of(socket, &self.served());
                (self.network, labels)
            }
            _ => (self.placed.get(&socket.at).copied(), Default::default()),
        };
        let served;
        let (instance, function) = match arg {
            Arg::Type(index) => return Ok((ComponentExportKind::Type, *index)),
            Arg::Value(id) => {
                let said = values::say(&mut self.builder, self.root.types(), *id);
                return Ok((ComponentExportKind::Type, said.unwrap_or(u32::MAX)));
            }
            Arg::HostType(name) => {
                let instance = host.unwrap_or(u32::MAX);
                let name = labels.label(name);
                let ty = self.alias(instance, &name, ComponentExportKind::Type);
                return Ok((ComponentExportKind::Type, ty));
            }
            Arg::HostFunc(name) if name == DRIVE => (host, name.as_str()),
            Arg::HostFunc(name) => {
                served = labels.label(name);
                (host, served.as_str())
            }
            Arg::Policy(name) => (self.policy, name.as_str()),
            Arg::Timer(name) => (self.timer, *name),
            Arg::Open(id) => (self.makers.get(id).copied(), OPEN),
            Arg::Clock(clock) => match &clock.from {
                ClockFrom::Guest(at) => (self.placed.get(at).copied(), clock.function),
                ClockFrom::Added { name, .. } => (self.clocks.get(name).copied(), clock.function),
            },
        };
        let Some(instance) = instance else {
            return Err(Error::UnexpectedType {
                interface: Box::new(socket.name.clone()),
                item: "the type".to_owned(),
                reason: "what it gives out is defined by a later import".to_owned(),
            });
        };
        let function = function.to_owned();
        let function = self.alias(instance, &function, ComponentExportKind::Func);
        Ok((ComponentExportKind::Func, function))
    }

    /// Takes something out of an instance, once.
    fn alias(&mut self, instance: u32, name: &str, kind: ComponentExportKind) -> u32 {
        let aliases = self.aliases.entry((instance, name.to_owned()));
        *aliases.or_insert_with(|| self.builder.alias_export(instance, name, kind))
    }

    /// Adds the guest as it is and gives it an argument for each import.
    fn add_guest(&mut self) -> u32 {
        let guest = self.builder.component_raw(None, self.root.bytes);
        let args: Vec<_> = self
            .root
            .imports()
            .filter_map(|(at, import)| {
                let kind = ComponentExportKind::from(root::kind_of(import.ty));
                let item = self.served.get(&at).or_else(|| self.placed.get(&at))?;
                Some((import.name.name, kind, *item))
            })
            .collect();
        self.builder.instantiate(None, guest, args)
    }

    /// Adds what asks a script for its verdict, where a program runs that one is played to.
    fn add_verdicts(&mut self, plays: bool) -> Verdicts {
        let (root, beside, tells) = (self.root, self.plan.plays(), self.plan.tells());
        let mut add = |it| self.builder.component(None, it);
        Verdicts {
            of_2: ((plays || beside) && runs(root, 2)).then(|| add(verdict::component(tells))),
            of_3: (beside && runs(root, 3)).then(|| add(verdict_3::component(tells))),
        }
    }

    /// Exports what the guest exports.
    fn add_exports(
        &mut self,
        guest: u32,
        verdicts: Verdicts,
        report: Option<u32>,
    ) -> Result<(), Error> {
        let kind = ComponentExportKind::Instance;
        let of_guest =
            |builder: &mut ComponentBuilder| builder.alias_export(guest, verdict::REPORT, kind);
        let asked = match (report, verdicts.of_2) {
            (None, Some(_)) => Some(of_guest(&mut self.builder)),
            _ => report,
        };
        for (at, export) in self.root.exports() {
            self.refuse_tainted(at, "export", export.name.name)?;
            self.refuse_entangled(export)?;
            let ty = self.ascription(export)?;
            let kind = ComponentExportKind::from(export.kind);
            let value = self.value_type(export)?;
            let verdict = verdicts.of_2.filter(|_| is_run(export, 2)).zip(asked);
            let verdict_3 = verdicts.of_3.filter(|_| is_run(export, 3));
            let item = match (value, verdict, verdict_3) {
                (Some(ty), ..) => ty,
                (_, Some((verdict, report)), _) => {
                    self.instantiate_verdict(verdict, guest, export, report)
                }
                (_, _, Some(verdict)) => self.instantiate_verdict_3(verdict, guest, export),
                _ => match asked.filter(|_| export.name.name == verdict::REPORT) {
                    Some(report) => report,
                    None => self.builder.alias_export(guest, export.name.name, kind),
                },
            };
            let exported = self.builder.export(export.name, kind, item, ty);
            self.placed.insert(at, exported);
        }
        if let Some(report) = report {
            self.builder.export(verdict::REPORT, kind, report, None);
        }
        Ok(())
    }

    /// Adds the report of a script that is played on a network beside the guest.
    fn add_report(&mut self) -> Option<u32> {
        let (network, beside) = (self.network?, self.plan.network.as_ref()?);
        beside.plays?;
        let names: Vec<_> = beside.reports().collect();
        let kind = ComponentExportKind::Func;
        let functions = names.iter();
        let functions: Vec<_> = functions
            .map(|name| (*name, kind, self.alias(network, name, kind)))
            .collect();
        let component = self.builder.component(None, network::report(&names));
        Some(self.builder.instantiate(None, component, functions))
    }

    /// The instance that runs the program, and then asks the script's report.
    fn instantiate_verdict(
        &mut self,
        verdict: u32,
        guest: u32,
        export: &ComponentExport<'_>,
        report: u32,
    ) -> u32 {
        let (instance, func) = (ComponentExportKind::Instance, ComponentExportKind::Func);
        let program = self.builder.alias_export(guest, export.name.name, instance);
        let mut args = self.stderr();
        args.extend(verdict::imports(self.plan.tells()).map(|name| {
            let from = match name {
                verdict::RUN => program,
                _ => report,
            };
            (name, func, self.alias(from, name, func))
        }));
        self.builder.instantiate(None, verdict, args)
    }

    /// The same for WASI 0.3, with a network beside the program.
    fn instantiate_verdict_3(
        &mut self,
        verdict: u32,
        guest: u32,
        export: &ComponentExport<'_>,
    ) -> u32 {
        let (instance, func) = (ComponentExportKind::Instance, ComponentExportKind::Func);
        let program = self.builder.alias_export(guest, export.name.name, instance);
        let network = self.network.unwrap_or(u32::MAX);
        let mut args = self.stderr();
        args.extend(verdict_3::IMPORTS.map(|name| {
            let from = match name {
                verdict::RUN => program,
                _ => network,
            };
            (name, func, self.alias(from, name, func))
        }));
        self.builder.instantiate(None, verdict, args)
    }

    /// For the export of a value type that type, said in words of this scope: taken out of the guest
    /// it would be made of types that have no name here.
    fn value_type(&mut self, export: &ComponentExport<'_>) -> Result<Option<u32>, Error> {
        if export.kind != ComponentExternalKind::Type {
            return Ok(None);
        }
        let ty = self.root.types().component_any_type_at(export.index);
        let (ComponentAnyTypeId::Defined(_), Some(at)) =
            (ty, self.root.item_at(Space::Type, export.index))
        else {
            return Ok(None);
        };
        self.refuse_tainted(at, "export", export.name.name)?;
        let closure = self.root.closure([at], |at| self.placed.contains_key(&at));
        self.place_all(&closure)?;
        Ok(self.index(Space::Type, export.index))
    }

    /// The type that an export must be given in words of this scope: the one that the guest gives
    /// it, or for functions the one that they were made with.
    fn ascription(
        &mut self,
        export: &ComponentExport<'_>,
    ) -> Result<Option<ComponentTypeRef>, Error> {
        let made_with = match export.kind {
            ComponentExternalKind::Func => self.root.func_type(export.index),
            _ => None,
        };
        let Some(ty) = export.ty.or(made_with) else {
            return Ok(None);
        };
        let seeds = self.root.references_of(ty);
        for at in &seeds {
            self.refuse_tainted(*at, "export", export.name.name)?;
        }
        let known = |at| self.placed.contains_key(&at) || self.anonymous.contains(&at);
        let closure = self.root.closure(seeds.iter().copied(), known);
        let named = seeds.iter().any(|at| self.placed.contains_key(at));
        if export.ty.is_none() && !named && closure.iter().all(|at| self.is_anonymous(*at)) {
            self.anonymous.extend(closure);
            return Ok(None);
        }
        let closure = self.root.closure(seeds, |at| self.placed.contains_key(&at));
        self.place_all(&closure)?;
        let mut reindex = Reindex::new(|space, index| self.index(space, index).unwrap_or(u32::MAX));
        Ok(reindex.component_type_ref(ty).ok())
    }

    /// Whether an item is a type without a name, made of others without a name.
    fn is_anonymous(&self, at: usize) -> bool {
        let referenced = self.root.references(at);
        matches!(self.root.items[at], Item::Type(_))
            && !referenced.iter().any(|at| self.placed.contains_key(at))
    }

    /// Refuses an export that has the types of a replaced import in it.
    fn refuse_entangled(&self, export: &ComponentExport<'_>) -> Result<(), Error> {
        let types = self.root.types();
        let Some(item) = types.component_item_for_export(export.name.name) else {
            return Ok(());
        };
        let ComponentEntityType::Instance(id) = item.ty else {
            return Ok(());
        };
        let Some(instance) = types.get(id) else {
            return Ok(());
        };
        let ids = instance
            .exports
            .keys()
            .filter_map(|name| exported_resource(instance, name));
        let inside = |id: &ResourceId| {
            let made = self.plan.resources.get(id);
            made.is_some_and(|made| *made != Made::Host)
        };
        for id in ids.filter(inside) {
            let defines = |socket: &&SocketImport<'_>| {
                let mut names = socket.instance.exports.keys();
                names.any(|name| exported_resource(socket.instance, name) == Some(id))
            };
            if let Some(socket) = self.plan.sockets.iter().find(defines) {
                return Err(entangled("export", export.name.name, socket));
            }
        }
        Ok(())
    }
}
