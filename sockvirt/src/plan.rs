//! The second stage: which imports are replaced, and what there is to know of them together.

use crate::error::Error;
use crate::generate::step::Step;
use crate::generate::{log, prebuilt, sockets_0_2, sockets_0_3, told, verdict};
use crate::name::InterfaceName;
use crate::root::Root;
use crate::stand_in::{StandIns, destructor};
use crate::versions;
use crate::widen::{Widened, widen, widen_for_network};
use semver::Version;
use sockvirt_policy::{DenyAt, Log, Policy, Protocol};
use std::collections::{HashMap, HashSet};
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncType,
    ComponentInstanceType, ComponentValType, ResourceId,
};
use wasmparser::{
    ComponentExport, ComponentExternName, ComponentTypeRef, InstanceTypeDeclaration,
    PrimitiveValType, TypeBounds,
};

/// An interface of `wasi:sockets`, of those that a guest can import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketInterface {
    Network,
    InstanceNetwork,
    Tcp,
    TcpCreateSocket,
    Udp,
    UdpCreateSocket,
    IpNameLookup,
    /// The types of 0.3, which hold its sockets.
    Types3,
    IpNameLookup3,
    /// The clocks of 0.3, which are a script's.
    MonotonicClock3,
    SystemClock3,
}

impl SocketInterface {
    /// Which clock of 0.3 a name means.
    fn clock(name: &InterfaceName) -> Option<Self> {
        let version = name.version.as_ref()?;
        if name.package != "wasi:clocks" || (version.major, version.minor) != (0, 3) {
            return None;
        }
        match name.interface.as_str() {
            "monotonic-clock" => Some(SocketInterface::MonotonicClock3),
            "system-clock" => Some(SocketInterface::SystemClock3),
            _ => None,
        }
    }

    /// Which interface a name means.
    fn of(name: &InterfaceName) -> Result<Self, Error> {
        let interface = Box::new(name.clone());
        let Some(version) = &name.version else {
            return Err(Error::NoVersion { interface });
        };
        if !version.pre.is_empty() {
            return Err(Error::ReleaseCandidate { interface });
        }
        match (version.major, version.minor, name.interface.as_str()) {
            (0, 2, "network") => Ok(SocketInterface::Network),
            (0, 2, "instance-network") => Ok(SocketInterface::InstanceNetwork),
            (0, 2, "tcp") => Ok(SocketInterface::Tcp),
            (0, 2, "tcp-create-socket") => Ok(SocketInterface::TcpCreateSocket),
            (0, 2, "udp") => Ok(SocketInterface::Udp),
            (0, 2, "udp-create-socket") => Ok(SocketInterface::UdpCreateSocket),
            (0, 2, "ip-name-lookup") => Ok(SocketInterface::IpNameLookup),
            (0, 3, "types") => Ok(SocketInterface::Types3),
            (0, 3, "ip-name-lookup") => Ok(SocketInterface::IpNameLookup3),
            (0, 2 | 3, _) => Err(Error::UnknownInterface { interface }),
            _ => Err(Error::UnknownVersion { interface }),
        }
    }

    /// How compiled functions call the interface.
    pub(crate) fn key(self) -> &'static str {
        match self {
            SocketInterface::Network => "wasi:sockets/network@0.2",
            SocketInterface::InstanceNetwork => "wasi:sockets/instance-network@0.2",
            SocketInterface::Tcp => "wasi:sockets/tcp@0.2",
            SocketInterface::TcpCreateSocket => "wasi:sockets/tcp-create-socket@0.2",
            SocketInterface::Udp => "wasi:sockets/udp@0.2",
            SocketInterface::UdpCreateSocket => "wasi:sockets/udp-create-socket@0.2",
            SocketInterface::IpNameLookup => "wasi:sockets/ip-name-lookup@0.2",
            SocketInterface::Types3 => "wasi:sockets/types@0.3",
            SocketInterface::IpNameLookup3 => "wasi:sockets/ip-name-lookup@0.3",
            SocketInterface::MonotonicClock3 => "wasi:clocks/monotonic-clock@0.3",
            SocketInterface::SystemClock3 => "wasi:clocks/system-clock@0.3",
        }
    }

    /// Whether it is one of WASI 0.3.
    pub(crate) fn is_0_3(self) -> bool {
        matches!(
            self,
            SocketInterface::Types3 | SocketInterface::IpNameLookup3
        )
    }

    /// Whether it is a clock.
    fn is_clock(self) -> bool {
        matches!(
            self,
            SocketInterface::MonotonicClock3 | SocketInterface::SystemClock3
        )
    }

    /// The part of [`key`](Self::key) that all interfaces of a generation of WASI share.
    pub(crate) fn generation(self) -> &'static str {
        match self.is_0_3() {
            true => "wasi:sockets@0.3",
            false => "wasi:sockets@0.2",
        }
    }

    /// Whether it is the interface that gives networks to the guest.
    pub(crate) fn gives_networks(self) -> bool {
        self == SocketInterface::InstanceNetwork
    }

    /// Whether the resources that it defines are given out by another interface.
    pub(crate) fn opens_for_others(self) -> bool {
        matches!(
            self,
            SocketInterface::Network | SocketInterface::Tcp | SocketInterface::Udp
        )
    }

    /// What a function of the interface does where its protocol is denied, by its name in WIT.
    pub(crate) fn steps(self, function: &str) -> Option<&'static [Step]> {
        match self {
            SocketInterface::Network => sockets_0_2::network::steps(function),
            SocketInterface::InstanceNetwork => sockets_0_2::instance_network::steps(function),
            SocketInterface::Tcp => sockets_0_2::tcp::steps(function),
            SocketInterface::TcpCreateSocket => sockets_0_2::tcp_create_socket::steps(function),
            SocketInterface::Udp => sockets_0_2::udp::steps(function),
            SocketInterface::UdpCreateSocket => sockets_0_2::udp_create_socket::steps(function),
            SocketInterface::IpNameLookup => sockets_0_2::ip_name_lookup::steps(function),
            SocketInterface::Types3 => sockets_0_3::types::steps(function),
            SocketInterface::IpNameLookup3 => sockets_0_3::ip_name_lookup::steps(function),
            SocketInterface::MonotonicClock3 | SocketInterface::SystemClock3 => {
                let key = self.key();
                let forms = [
                    format!("{key}#{function}"),
                    format!("{key}#[async-lift]{function}"),
                ];
                let is_known = forms.iter().any(|it| prebuilt::network_3_exports(it));
                is_known.then_some(&[])
            }
        }
    }
}

/// Who serves an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A generated component, without the host.
    Inside,
    /// The host. Nothing of the interface is the policy's business.
    Host,
    /// A generated component, which asks the policy and then the host.
    Checked,
    /// A generated component, which asks the policy and never the host.
    Answered,
    /// A network in memory, which is in a component beside the guest.
    Network,
    /// The same, where what is not in memory is the host's.
    Mixed,
}

/// What becomes of a resource type that an interface of sockets defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// No instance ever exists.
    Never,
    /// A network, which is nothing but a handle.
    Network,
    /// A socket, whose state is in the store of the interface that defines it.
    Socket(Protocol),
    /// By the host.
    Host,
    /// By the component that stands between guest and host, around what the host made.
    Wrapped,
}

/// An import that is replaced.
pub(crate) struct SocketImport<'r> {
    /// Its place among the items of the guest.
    pub(crate) at: usize,
    /// Its name, whole.
    pub(crate) name: InterfaceName,
    pub(crate) interface: SocketInterface,
    pub(crate) route: Route,
    /// Its type as the guest declares it, and behind that what else is asked of the host.
    pub(crate) declarations: Widened<'r>,
    /// Its type as the validator understands it.
    pub(crate) instance: &'r ComponentInstanceType,
    /// What is compiled for it.
    pub(crate) stand_ins: StandIns,
}

/// A function of a clock that gives a pollable.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) from: ClockFrom,
    /// The function's name.
    pub(crate) function: &'static str,
    /// The name of its parameter.
    pub(crate) param: String,
}

/// Where a clock comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClockFrom {
    /// The import of the guest at this place among its items.
    Guest(usize),
    /// An import of this name that the guest does not have. Its pollables are those of the import
    /// at this place.
    Added { name: String, poll: usize },
}

/// What a policy needs of a composition. It is asked once, for it may have many rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    tcp: bool,
    udp: bool,
    asks_resolver: bool,
    answers_lookups: bool,
    /// Whether names, or redirects, have a part in anything.
    pub(crate) names: bool,
    /// Whether a listener may have to refuse a peer.
    pub(crate) filters_accept: bool,
}

impl Needs {
    pub(crate) fn of(policy: &Policy) -> Self {
        Needs {
            tcp: policy.reaches_host(Protocol::Tcp),
            udp: policy.reaches_host(Protocol::Udp),
            asks_resolver: policy.asks_resolver(),
            answers_lookups: policy.answers_lookups(),
            names: policy.looks_up_names(),
            filters_accept: policy.filters_accept(),
        }
    }

    /// Whether anything of a protocol is the host's.
    pub(crate) fn reaches_host(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
        }
    }
}

/// What is to be built.
pub(crate) struct Plan<'r> {
    pub(crate) root: &'r Root<'r>,
    pub(crate) policy: &'r Policy,
    pub(crate) needs: Needs,
    pub(crate) sockets: Vec<SocketImport<'r>>,
    /// Their places among the items of the guest, and who serves each.
    routes: HashMap<usize, Route>,
    /// Clocks that stay imported, for others are made of their types, or the network goes by them.
    kept: HashSet<usize>,
    /// The resource types that the replaced imports define.
    pub(crate) resources: HashMap<ResourceId, Made>,
    /// For the resource type of pollables of each version, where they can come from.
    pub(crate) clocks: HashMap<ResourceId, Clock>,
    /// The clock that the network in memory goes by, where it goes by one of the host's.
    pub(crate) timer: Option<Timer>,
    /// The names of the imports that decisions are logged through, or what went wrong of a script is
    /// told through; none where nothing is.
    pub(crate) log: Vec<String>,
    /// The network in memory beside the guest, where there is one.
    pub(crate) network: Option<Beside>,
}

/// A clock of WASI 0.3 that a network in memory goes by.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    pub(crate) from: TimerFrom,
    /// The name of the parameter of [`WAIT_FOR`].
    pub(crate) param: String,
}

/// Where it comes from.
#[derive(Clone, Debug)]
pub(crate) enum TimerFrom {
    /// The import of the guest at this place among its items.
    Guest(usize),
    /// An import of this name that the guest does not have.
    Added(String),
}

/// The functions of it that the network calls.
pub(crate) const WAIT_FOR: &str = "wait-for";
pub(crate) const NOW: &str = "now";

/// A network in memory beside the guest, for WASI 0.3.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// What it is configured with.
    pub(crate) config: Vec<u8>,
    /// Whether a script is played on it, and then whether the host may give another one.
    pub(crate) plays: Option<bool>,
    /// Whether it leads to the host besides.
    pub(crate) leads_out: bool,
    /// Whether a script's time passes on the host's clock, which is there, while the host is waited for.
    pub(crate) host_time: bool,
    /// Whether it always does.
    pub(crate) host_clock: bool,
    /// Where the guest imports it for sockets of 0.2, which are in the guest itself.
    pub(crate) shared: Option<usize>,
    /// Where the guest imports what ends it with its script, if the network does that.
    pub(crate) exit: Option<usize>,
}

impl Beside {
    /// Whether it tells of the script itself, and ends the program with it: who waits in 0.2 may never
    /// return.
    pub(crate) fn tells(&self) -> bool {
        self.plays.is_some() && self.shared.is_some()
    }

    /// The functions of the script's report.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &'static str> {
        verdict::reports(self.plays)
    }
}

/// Looks at the imports and decides what becomes of each. With a configuration for it, sockets of
/// 0.3 are those of a network in memory.
pub(crate) fn plan<'r>(
    root: &'r Root<'r>,
    policy: &'r Policy,
    network: Option<Beside>,
) -> Result<Plan<'r>, Error> {
    let needs = Needs::of(policy);
    let mut plan = Plan {
        root,
        policy,
        needs,
        sockets: Vec::new(),
        routes: HashMap::new(),
        kept: HashSet::new(),
        resources: HashMap::new(),
        clocks: HashMap::new(),
        timer: None,
        log: Vec::new(),
        network,
    };
    let shared = plan.network.as_ref().and_then(|it| it.shared);
    plan.routes.extend(shared.map(|at| (at, Route::Network)));
    for (at, import) in root.imports() {
        let instance = instance_of(root, import.name.name);
        let name = InterfaceName::of(&import.name);
        if let Some(name) = name.as_ref().filter(|_| plan.plays()) {
            refuse_other_exit(name)?;
        }
        match name {
            Some(name) if name.is_sockets() => {
                let interface = SocketInterface::of(&name)?;
                let route = match &plan.network {
                    Some(it) if it.leads_out && interface.is_0_3() => Route::Mixed,
                    Some(_) if interface.is_0_3() => Route::Network,
                    // What is around both asks the policy.
                    Some(it) if it.leads_out && it.shared.is_some() => Route::Host,
                    _ => route(needs, interface),
                };
                let mut socket = socket_import(root, at, name, interface, import.ty, instance)?;
                socket.route = route;
                if matches!(route, Route::Checked | Route::Answered) {
                    socket.stand_ins = StandIns::choose(needs, root, &socket)?;
                    widen(&mut socket)?;
                }
                plan.add_resources(&socket);
                plan.routes.insert(at, route);
                plan.sockets.push(socket);
            }
            Some(name)
                if plan.plays()
                    && let Some(interface) = SocketInterface::clock(&name)
                    && !(plan.has_host_clock() && interface == SocketInterface::SystemClock3) =>
            {
                let mut clock = socket_import(root, at, name, interface, import.ty, instance)?;
                clock.route = Route::Network;
                plan.routes.insert(at, clock.route);
                plan.sockets.push(clock);
            }
            Some(name) if name.package == "wasi:clocks" && name.interface == "monotonic-clock" => {
                refuse_disguised(&import.name)?;
                plan.clocks
                    .extend(instance.and_then(|instance| clock(root, at, instance)));
            }
            _ => refuse_disguised(&import.name)?,
        }
    }
    versions::ask_for_one(root, &mut plan.sockets)?;
    for socket in &mut plan.sockets {
        plan.routes.insert(socket.at, socket.route);
        if socket.route == Route::Mixed {
            widen_for_network(socket);
        }
    }
    plan.choose_timer();
    plan.keep_clocks();
    plan.add_clocks();
    let logs = plan.calls_policy() && policy.log() != Log::None;
    let tells = plan.network.as_ref().is_some_and(Beside::tells);
    if logs || tells || plan.is_told_of() {
        plan.log = log::names(root);
    }
    Ok(plan)
}

/// Whether a policy leaves an interface of sockets to the host, with or without checks.
pub(crate) fn reaches_host(policy: &Policy, name: &InterfaceName) -> bool {
    let interface = SocketInterface::of(name);
    let route = interface.map(|interface| route(Needs::of(policy), interface));
    matches!(route, Ok(Route::Host | Route::Checked))
}

/// Who serves an interface under a policy.
fn route(needs: Needs, interface: SocketInterface) -> Route {
    use SocketInterface as S;
    let Needs { tcp, udp, .. } = needs;
    let asks = needs.asks_resolver;
    let choose = |reached, route| if reached { route } else { Route::Inside };
    match interface {
        S::Network | S::InstanceNetwork => choose(tcp || udp || asks, Route::Host),
        S::TcpCreateSocket => choose(tcp, Route::Host),
        S::UdpCreateSocket => choose(udp, Route::Host),
        S::Tcp => choose(tcp, Route::Checked),
        S::Udp => choose(udp, Route::Checked),
        S::Types3 => choose(tcp || udp, Route::Checked),
        S::IpNameLookup | S::IpNameLookup3 if asks => Route::Checked,
        S::IpNameLookup | S::IpNameLookup3 => choose(needs.answers_lookups, Route::Answered),
        S::MonotonicClock3 | S::SystemClock3 => Route::Host,
    }
}

/// Refuses an `exit` that a script beside the program would not hear of. Those of WASI 0.2 and 0.3 are the
/// script's.
fn refuse_other_exit(name: &InterfaceName) -> Result<(), Error> {
    let version = name.version.as_ref().map(|it| (it.major, it.minor));
    let is_exit = (name.package.as_str(), name.interface.as_str()) == ("wasi:cli", "exit");
    if !is_exit || matches!(version, Some((0, 2 | 3))) {
        return Ok(());
    }
    Err(Error::Unsupported {
        item: format!("import `{name}`"),
        reason: "a program could end with it past its script, which hears of `exit` of 0.2 and 0.3"
            .to_owned(),
    })
}

/// Refuses imports that ask for `wasi:sockets` by something else than an interface's name, such as
/// a dependency to be fetched.
fn refuse_disguised(name: &ComponentExternName<'_>) -> Result<(), Error> {
    match crate::reach::mentions_sockets(name) {
        false => Ok(()),
        true => Err(Error::Unsupported {
            item: format!("import `{}`", name.name),
            reason: "it asks for `wasi:sockets`, and not as an interface".to_owned(),
        }),
    }
}

/// Whether a component is a program of WASI 0.2, or of 0.3.
pub(crate) fn runs(root: &Root<'_>, minor: u64) -> bool {
    root.exports().any(|(_, export)| is_run(export, minor))
}

/// Whether an export is `wasi:cli/run` of 0.2, or of 0.3.
pub(crate) fn is_run(export: &ComponentExport<'_>, minor: u64) -> bool {
    let name = InterfaceName::of(&export.name);
    name.is_some_and(|name| {
        let version = name.version.as_ref();
        (name.package.as_str(), name.interface.as_str()) == ("wasi:cli", "run")
            && version.is_some_and(|it| (it.major, it.minor) == (0, minor))
    })
}

/// Where a component imports what ends a program, of 0.2 or of 0.3.
pub(crate) fn imported_exit(root: &Root<'_>) -> Option<usize> {
    let mut imports = root.imports();
    let import = imports.find(|(_, import)| {
        let name = InterfaceName::of(&import.name);
        let is_exit = |it: InterfaceName| {
            it.version.as_ref().is_some_and(|it| it.major == 0)
                && (it.package.as_str(), it.interface.as_str()) == ("wasi:cli", "exit")
        };
        name.is_some_and(is_exit)
            && instance_of(root, import.name.name)
                .is_some_and(|it| exported_function(root, it, told::EXIT).is_some())
    });
    import.map(|(at, _)| at)
}

/// The imports that are clocks of WASI 0.3: the name of each in its component.
fn clocks_3<'r>(root: &'r Root<'_>) -> impl Iterator<Item = &'r str> {
    let is_clock = |it: &InterfaceName| SocketInterface::clock(it).is_some();
    let imports = root.imports().map(|(_, import)| &import.name);
    let clocks = imports.filter(move |it| InterfaceName::of(it).is_some_and(|it| is_clock(&it)));
    clocks.map(|name| name.name)
}

/// Whether a component imports a clock of WASI 0.3.
pub(crate) fn imports_clock_3(root: &Root<'_>) -> bool {
    clocks_3(root).next().is_some()
}

/// The import of a clock of WASI 0.3 that can be waited for.
pub(crate) fn waits_in_0_3<'r>(root: &'r Root<'_>) -> Option<&'r str> {
    clocks_3(root).find(|name| {
        let instance = instance_of(root, name);
        let has = |it: &&str| instance.is_some_and(|all| all.exports.contains_key(*it));
        ["wait-for", "wait-until"].iter().any(has)
    })
}

/// A clock of WASI 0.3 that a component imports and that can be waited for, with this function besides.
pub(crate) fn imported_timer(root: &Root<'_>, besides: &str) -> Option<Timer> {
    let mut imports = root.imports();
    imports.find_map(|(at, import)| {
        let clock = InterfaceName::of(&import.name).and_then(|it| SocketInterface::clock(&it));
        clock.filter(|it| *it == SocketInterface::MonotonicClock3)?;
        let instance = instance_of(root, import.name.name)?;
        exported_function(root, instance, besides)?;
        let [(param, _)] = &*exported_function(root, instance, WAIT_FOR)?.params else {
            return None;
        };
        Some(Timer {
            from: TimerFrom::Guest(at),
            param: param.to_string(),
        })
    })
}

pub(crate) fn instance_of<'r>(root: &'r Root<'_>, name: &str) -> Option<&'r ComponentInstanceType> {
    let types = root.types();
    match types.component_item_for_import(name)?.ty {
        ComponentEntityType::Instance(id) => types.get(id),
        _ => None,
    }
}

fn socket_import<'r>(
    root: &'r Root<'r>,
    at: usize,
    name: InterfaceName,
    interface: SocketInterface,
    ty: ComponentTypeRef,
    instance: Option<&'r ComponentInstanceType>,
) -> Result<SocketImport<'r>, Error> {
    let declarations = match ty {
        ComponentTypeRef::Instance(index) => root.instance_type(index),
        _ => None,
    };
    match (declarations, instance) {
        (Some(declarations), Some(instance)) => {
            let import = SocketImport {
                at,
                name,
                interface,
                route: Route::Inside,
                declarations: Widened::from(declarations),
                instance,
                stand_ins: StandIns::default(),
            };
            import.refuse_reserved_names()?;
            import.refuse_unknown_functions()?;
            Ok(import)
        }
        _ => Err(Error::UnexpectedType {
            interface: Box::new(name),
            item: "the type".to_owned(),
            reason: "it is not one of an instance, or not its own".to_owned(),
        }),
    }
}

/// What the names begin with that generated components have of their own.
pub(crate) const RESERVED: &str = "sockvirt-";

impl SocketImport<'_> {
    /// The functions of the host that checks call and the guest does not import.
    pub(crate) fn missing(&self) -> Vec<String> {
        let called = self.stand_ins.host_functions(self.interface.key());
        let missing = called
            .into_iter()
            .filter(|name| !self.instance.exports.contains_key(*name));
        missing.map(str::to_owned).collect()
    }

    /// Refuses exports whose names generated components could have given to something else.
    fn refuse_reserved_names(&self) -> Result<(), Error> {
        match self
            .instance
            .exports
            .keys()
            .find(|name| name.starts_with(RESERVED))
        {
            None => Ok(()),
            Some(name) => Err(Error::UnexpectedType {
                interface: Box::new(self.name.clone()),
                item: format!("`{name}`"),
                reason: "no WIT of WASI has that name".to_owned(),
            }),
        }
    }

    /// Refuses functions that nobody has said anything about. There are so few that are known that
    /// whatever is done for each function later is bounded.
    fn refuse_unknown_functions(&self) -> Result<(), Error> {
        let functions = self
            .instance
            .exports
            .iter()
            .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)));
        match functions
            .map(|(name, _)| name)
            .find(|name| self.interface.steps(name).is_none())
        {
            None => Ok(()),
            Some(function) => Err(Error::UnknownFunction {
                interface: Box::new(self.name.clone()),
                function: function.clone(),
            }),
        }
    }
}

impl<'r> Plan<'r> {
    fn add_resources(&mut self, socket: &SocketImport<'r>) {
        for declaration in socket.declarations.of_guest() {
            let InstanceTypeDeclaration::Export {
                name,
                ty: ComponentTypeRef::Type(TypeBounds::SubResource),
            } = declaration
            else {
                continue;
            };
            if let Some(resource) = exported_resource(socket.instance, name.name) {
                let made = self.made(socket, name.name);
                self.resources.insert(resource, made);
            }
        }
    }

    fn made(&self, socket: &SocketImport<'_>, resource: &str) -> Made {
        use SocketInterface as S;
        let sockets = self.policy.deny_at() == DenyAt::Operation;
        let reached = |protocol| self.needs.reaches_host(protocol);
        let is_denied = match (socket.interface, resource) {
            (S::Types3, "tcp-socket") => !reached(Protocol::Tcp),
            (S::Types3, "udp-socket") => !reached(Protocol::Udp),
            _ => false,
        };
        match (socket.interface, resource) {
            _ if matches!(socket.route, Route::Host | Route::Network | Route::Mixed) => Made::Host,
            _ if socket.stand_ins.position(&destructor(resource)).is_some() => Made::Wrapped,
            _ if socket.route == Route::Checked && !is_denied => Made::Host,
            (S::Network, "network") => Made::Network,
            (S::Tcp | S::Types3, "tcp-socket") if sockets => Made::Socket(Protocol::Tcp),
            (S::Udp | S::Types3, "udp-socket") if sockets => Made::Socket(Protocol::Udp),
            _ => Made::Never,
        }
    }

    /// Whether there is code that asks the policy.
    fn calls_policy(&self) -> bool {
        let parts = self
            .sockets
            .iter()
            .filter_map(|it| it.stand_ins.part.as_ref());
        let mut imports = parts.flat_map(|part| &part.imports);
        imports.any(|import| import.module == "policy")
    }

    /// Whether a script that is played goes by the host's clock.
    fn has_host_clock(&self) -> bool {
        self.network.as_ref().is_some_and(|it| it.host_clock)
    }

    /// Chooses the clock that the network goes by: one of the guest's, which stays imported, or one that
    /// is added in the version of the sockets.
    fn choose_timer(&mut self) {
        let (needed, host_clock) = match &self.network {
            Some(it) => (it.host_clock || it.host_time, it.host_clock),
            None => return,
        };
        if !needed {
            return;
        }
        self.timer = imported_timer(self.root, if host_clock { NOW } else { WAIT_FOR });
        match &self.timer {
            Some(Timer {
                from: TimerFrom::Guest(at),
                ..
            }) => {
                self.kept.insert(*at);
            }
            _ => {
                let mut sockets = self.sockets.iter();
                let version = sockets.find_map(|it| it.name.version.clone());
                self.timer = version.map(|version| Timer {
                    from: TimerFrom::Added(self.free_name("wasi:clocks/monotonic-clock", &version)),
                    param: "how-long".to_owned(),
                });
            }
        }
    }

    /// Keeps the clocks that are a script's where other imports are made of their types.
    fn keep_clocks(&mut self) {
        let clocks = self.sockets.iter().filter(|it| it.interface.is_clock());
        let clocks: Vec<_> = clocks.map(|it| it.at).collect();
        if clocks.is_empty() {
            return;
        }
        let others = self.root.imports().map(|(at, _)| at);
        let others: Vec<_> = others.filter(|at| !self.replaces(*at)).collect();
        let made_of = self.root.closure(others, |_| false);
        let kept = clocks.iter().filter(|at| made_of.contains(at));
        self.kept.extend(kept);
    }

    /// Adds clocks where answers of the policy's own need a pollable, and the guest has none to
    /// take it from. Every host that has sockets has clocks.
    fn add_clocks(&mut self) {
        let mut sockets = self.sockets.iter();
        if !sockets.any(|socket| socket.stand_ins.calls("clock", "subscribe")) {
            return;
        }
        for (poll, import) in self.root.imports() {
            let Some(name) = InterfaceName::of(&import.name) else {
                continue;
            };
            let pollable = instance_of(self.root, import.name.name)
                .and_then(|instance| exported_resource(instance, "pollable"));
            let (true, Some(pollable), Some(version)) =
                (name.interface == "poll", pollable, &name.version)
            else {
                continue;
            };
            let name = self.free_name("wasi:clocks/monotonic-clock", version);
            let clock = Clock {
                from: ClockFrom::Added { name, poll },
                function: "subscribe-duration",
                param: "when".to_owned(),
            };
            self.clocks.entry(pollable).or_insert(clock);
        }
    }

    /// An interface in a version, or in another that hosts take for it if the guest imports that
    /// one without what is needed of it, or it was added for something else.
    fn free_name(&self, interface: &str, version: &Version) -> String {
        let taken = |name: &String| {
            let mut imports = self.root.imports();
            imports.any(|(_, import)| import.name.name == name)
                || self.added().any(|added| added == name)
        };
        let mut other = version.clone();
        let mut name = format!("{interface}@{version}");
        for patch in 0.. {
            if !taken(&name) {
                break;
            }
            other.patch = patch;
            name = format!("{interface}@{other}");
        }
        name
    }

    /// The names of imports that the guest does not have.
    pub(crate) fn added(&self) -> impl Iterator<Item = &str> {
        let clocks = self.clocks.values().filter_map(|clock| match &clock.from {
            ClockFrom::Added { name, .. } => Some(name.as_str()),
            ClockFrom::Guest(_) => None,
        });
        let timer = self.timer.iter().filter_map(|timer| match &timer.from {
            TimerFrom::Added(name) => Some(name.as_str()),
            TimerFrom::Guest(_) => None,
        });
        clocks
            .chain(timer)
            .chain(self.log.iter().map(String::as_str))
    }

    /// Whether anybody asks the policy when the component runs.
    pub(crate) fn asks(&self) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.any(|socket| matches!(socket.route, Route::Checked | Route::Answered))
    }

    /// The name of the import by which sockets of 0.2 in the guest call the network.
    pub(crate) fn shared(&self) -> Option<&str> {
        let shared = self.network.as_ref()?.shared?;
        let mut imports = self.root.imports();
        let import = imports.find(|(at, _)| *at == shared);
        import.map(|(_, import)| import.name.name)
    }

    /// Whether a script is played on a network beside the guest.
    pub(crate) fn plays(&self) -> bool {
        self.network.as_ref().is_some_and(|it| it.plays.is_some())
    }

    /// Whether what goes wrong of a script that is played beside the guest is to be told of. The host that
    /// gives the script asks a program of 0.3 for that.
    fn is_told_of(&self) -> bool {
        let Some(loads) = self.network.as_ref().and_then(|it| it.plays) else {
            return false;
        };
        runs(self.root, 2) || !loads && runs(self.root, 3)
    }

    /// Whether what went wrong of a script is told on standard error once its program has ended.
    pub(crate) fn tells(&self) -> bool {
        self.is_told_of() && !self.log.is_empty()
    }

    /// Whether the import at this place is the host's no more.
    pub(crate) fn replaces(&self, at: usize) -> bool {
        let route = self.routes.get(&at);
        let is_replaced = matches!(
            route,
            Some(Route::Inside | Route::Answered | Route::Network)
        );
        is_replaced && !self.kept.contains(&at)
    }

    /// Whether a value of this type can only be had from a resource that never exists.
    pub(crate) fn is_never_made(&self, ty: ComponentValType) -> bool {
        handle(self.root, ty).is_some_and(|id| self.resources.get(&id) == Some(&Made::Never))
    }
}

/// The resource type that a handle is of, where the type is one of a handle.
pub(crate) fn handle(root: &Root<'_>, ty: ComponentValType) -> Option<ResourceId> {
    let ComponentValType::Type(id) = ty else {
        return None;
    };
    match root.types().get(id)? {
        ComponentDefinedType::Own(resource) | ComponentDefinedType::Borrow(resource) => {
            Some(resource.resource())
        }
        _ => None,
    }
}

/// The resource type that an instance exports under a name.
pub(crate) fn exported_resource(
    instance: &ComponentInstanceType,
    name: &str,
) -> Option<ResourceId> {
    match instance.exports.get(name)?.ty {
        ComponentEntityType::Type {
            created: ComponentAnyTypeId::Resource(resource),
            ..
        } => Some(resource.resource()),
        _ => None,
    }
}

/// The function that an instance exports under a name.
pub(crate) fn exported_function<'r>(
    root: &'r Root<'_>,
    instance: &ComponentInstanceType,
    name: &str,
) -> Option<&'r ComponentFuncType> {
    match instance.exports.get(name)?.ty {
        ComponentEntityType::Func(id) => root.types().get(id),
        _ => None,
    }
}

fn is_u64(root: &Root<'_>, ty: ComponentValType) -> bool {
    let ty = match ty {
        ComponentValType::Primitive(ty) => Some(ty),
        ComponentValType::Type(id) => match root.types().get(id) {
            Some(ComponentDefinedType::Primitive(ty)) => Some(*ty),
            _ => None,
        },
    };
    ty == Some(PrimitiveValType::U64)
}

/// What pollables a clock can give, and how. Both functions take one `u64`: a duration or a moment.
fn clock(
    root: &Root<'_>,
    at: usize,
    instance: &ComponentInstanceType,
) -> Option<(ResourceId, Clock)> {
    ["subscribe-duration", "subscribe-instant"]
        .into_iter()
        .find_map(|name| {
            let function = exported_function(root, instance, name)?;
            let pollable = handle(root, function.result?).filter(|_| !function.async_)?;
            let [(param, ty)] = &*function.params else {
                return None;
            };
            if !is_u64(root, *ty) {
                return None;
            }
            let clock = Clock {
                from: ClockFrom::Guest(at),
                function: name,
                param: param.to_string(),
            };
            Some((pollable, clock))
        })
}
