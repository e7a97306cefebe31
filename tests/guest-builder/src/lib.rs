//! Programs, built on demand.
//!
//! The sources are in `tests/guests`. Each group that is built with flags of its own has a target
//! folder of its own, so that no build throws away another's work.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};
use wasmparser::{Parser, Payload};

/// A guest, and how it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guest {
    /// Rust's standard library: TCP both ways, UDP, lookups.
    Std,
    /// tokio with its `net` feature.
    Tokio,
    /// wstd.
    Wstd,
    /// Every function of WASI 0.2 sockets, called through its bindings.
    Wasip2,
    /// The sockets of 0.3, and nothing of 0.2.
    Wasip3,
    /// Sockets of two versions of 0.2.
    Versions,
    /// Sockets of 0.2 and of 0.3.
    Mixed,
    /// An HTTP handler that also uses sockets.
    Http,
    /// A client that uses sockets and HTTP requests.
    Web,
    /// Two components in one, which both import sockets.
    Composed,
    /// Two components in one, of which the first is `Local` and the second imports no sockets.
    Inside,
    /// A client, and a server beside it that is there twice.
    Neighbours,
    /// The same, but that each server is inside of components inside of components.
    Nested,
    /// A program with sockets of 0.3, and the servers of `Neighbours` beside it.
    Neighbours3,
    /// The same, but that each server is inside of components inside of components.
    Nested3,
    /// `Turns`, with another one beside it that uses sockets.
    TurnsAndMore,
    /// A core module for preview1.
    Preview1,
    /// Does what its arguments say with the sockets of 0.2.
    Probe2,
    /// Does what its arguments say with the sockets of 0.3.
    Probe3,
    /// Does what its arguments say with those of Rust's standard library.
    ProbeStd,
    /// Many connections to an echo server, by tokio.
    Echo,
    /// A client of Redis.
    Redis,
    /// A server and its client in one, of Rust's standard library.
    Local,
    /// Servers and their clients in one, of WASI 0.3.
    Local3,
    /// Streams of sockets beside those of the host.
    Streams,
    /// Both ends of connections by turns, for benches.
    Turns,
    /// The same of WASI 0.3.
    Turns3,
    /// Servers and their clients in one, by tokio.
    LocalTokio,
    /// Servers and their clients in one, by wstd.
    LocalWstd,
    /// Clients that people use, with servers for them in the same program.
    LocalClients,
    /// Clients that people use, told by their arguments what to ask whom.
    Clients,
    /// A client of PostgreSQL and a server of HTTP, by tokio.
    ByTokio,
    /// An HTTP handler, and a service over TCP beside it that answers its requests.
    Relay,
    /// What there is beside sockets, with handles of custom interfaces among it.
    Rest,
    /// Makes the calls of a script that it reads, to the sockets of 0.2.
    Sequence,
    /// Makes the calls of a script that is its argument, to the sockets of 0.3.
    Sequence3,
    /// Does what its arguments say with both sides of a conversation.
    Dialogue,
    /// The same with WASI 0.3.
    Dialogue3,
    /// A `Dialogue` that can have others do its steps: two with sockets, one with a clock, and one with
    /// neither.
    Ensemble,
    /// The same, but that each of the others is inside of components inside of components.
    EnsembleNested,
    /// The same, but that the first one, which is run, has sockets and clocks of 0.3.
    Ensemble3,
    /// Those others, told what to do by one that has clocks of 0.3 and no sockets.
    Conducted,
    /// A server of WASI 0.3 behind an export of its own.
    Service3,
    /// An HTTP handler of WASI 0.3 that also uses sockets.
    Http3,
    /// Sockets of two versions of 0.3.
    Versions3,
    /// Servers and their clients in one, some of 0.2 and some of 0.3.
    Both,
    /// Sockets of 0.3 alone, in a program with the clock and the end of the standard library.
    Naps3,
    /// Sockets of 0.3 and `exit`, and no clock.
    Quits3,
    /// Sockets of 0.3 alone, in a program of 0.2.
    Run2,
}

impl Guest {
    /// Every guest that is a program one can run to its end.
    pub const COMMANDS: [Guest; 8] = [
        Guest::Std,
        Guest::Tokio,
        Guest::Wstd,
        Guest::Wasip2,
        Guest::Wasip3,
        Guest::Versions,
        Guest::Mixed,
        Guest::Composed,
    ];

    /// Those that do what their arguments say, one for each version of WASI.
    pub const PROBES: [Guest; 2] = [Guest::Probe2, Guest::Probe3];

    /// Its name in test output.
    pub fn name(self) -> &'static str {
        match self {
            Guest::Std => "std",
            Guest::Tokio => "tokio",
            Guest::Wstd => "wstd",
            Guest::Wasip2 => "wasip2",
            Guest::Wasip3 => "wasip3",
            Guest::Versions => "versions",
            Guest::Mixed => "mixed",
            Guest::Http => "http",
            Guest::Web => "web",
            Guest::Composed => "composed",
            Guest::Inside => "inside",
            Guest::Neighbours => "neighbours",
            Guest::Nested => "nested",
            Guest::Neighbours3 => "neighbours-3",
            Guest::Nested3 => "nested-3",
            Guest::TurnsAndMore => "turns-and-more",
            Guest::Preview1 => "preview1",
            Guest::Probe2 => "probe2",
            Guest::Probe3 => "probe3",
            Guest::ProbeStd => "probe-std",
            Guest::Echo => "echo",
            Guest::Redis => "redis",
            Guest::Local => "local",
            Guest::Local3 => "local-3",
            Guest::Streams => "streams",
            Guest::Turns => "turns",
            Guest::Turns3 => "turns-3",
            Guest::LocalTokio => "local-tokio",
            Guest::LocalWstd => "local-wstd",
            Guest::LocalClients => "local-clients",
            Guest::Clients => "clients",
            Guest::ByTokio => "by-tokio",
            Guest::Relay => "relay",
            Guest::Rest => "rest",
            Guest::Sequence => "sequence",
            Guest::Sequence3 => "sequence-3",
            Guest::Dialogue => "dialogue",
            Guest::Dialogue3 => "dialogue-3",
            Guest::Ensemble => "ensemble",
            Guest::EnsembleNested => "ensemble-nested",
            Guest::Ensemble3 => "ensemble-3",
            Guest::Conducted => "conducted",
            Guest::Service3 => "service-3",
            Guest::Http3 => "http-3",
            Guest::Versions3 => "versions-3",
            Guest::Both => "both",
            Guest::Naps3 => "naps-3",
            Guest::Quits3 => "quits-3",
            Guest::Run2 => "run-2",
        }
    }

    /// Whether it imports WASI 0.3.
    pub fn is_p3(self) -> bool {
        matches!(
            self,
            Guest::Wasip3
                | Guest::Mixed
                | Guest::Probe3
                | Guest::Local3
                | Guest::Dialogue3
                | Guest::Service3
                | Guest::Http3
                | Guest::Versions3
                | Guest::Turns3
                | Guest::Sequence3
                | Guest::Both
                | Guest::Naps3
                | Guest::Neighbours3
                | Guest::Nested3
                | Guest::Ensemble3
                | Guest::Conducted
                | Guest::Quits3
                | Guest::Run2
        )
    }

    /// Builds it and gives its bytes.
    pub fn build(self) -> Result<Vec<u8>> {
        let wasip2 = "wasm32-wasip2";
        match self {
            Guest::Std => cargo("guest-std", wasip2, ""),
            Guest::Tokio => cargo("guest-tokio", wasip2, "--cfg tokio_unstable"),
            Guest::Wstd => cargo("guest-wstd", wasip2, ""),
            Guest::Wasip2 => cargo("guest-wasip2", wasip2, ""),
            Guest::Versions => {
                let apart = "-Clink-arg=--merge-imports-based-on-semver=false";
                cargo("guest-versions", wasip2, apart)
            }
            Guest::Mixed => cargo("guest-mixed", wasip2, ""),
            Guest::Http => cargo("guest-http", wasip2, ""),
            Guest::Web => cargo("guest-web", wasip2, ""),
            Guest::Preview1 => cargo("guest-std", "wasm32-wasip1", ""),
            Guest::Wasip3 => only_p3("guest-wasip3"),
            Guest::Probe2 => cargo("guest-probe2", wasip2, ""),
            Guest::Probe3 => only_p3("guest-probe3"),
            Guest::ProbeStd => cargo("guest-probe-std", wasip2, ""),
            Guest::Echo => cargo("guest-echo", wasip2, "--cfg tokio_unstable"),
            Guest::Redis => cargo("guest-redis", wasip2, ""),
            Guest::Local => cargo("guest-local", wasip2, ""),
            Guest::Local3 => only_p3("guest-local-3"),
            Guest::Streams => cargo("guest-streams", wasip2, ""),
            Guest::Turns => cargo("guest-turns", wasip2, ""),
            Guest::Turns3 => only_p3("guest-turns-3"),
            Guest::LocalTokio => cargo("guest-local-tokio", wasip2, "--cfg tokio_unstable"),
            Guest::LocalWstd => cargo("guest-local-wstd", wasip2, ""),
            Guest::LocalClients => cargo("guest-local-clients", wasip2, ""),
            Guest::Clients => cargo("guest-clients", wasip2, ""),
            Guest::ByTokio => cargo("guest-by-tokio", wasip2, "--cfg tokio_unstable"),
            Guest::Relay => cargo("guest-relay", wasip2, ""),
            Guest::Rest => cargo("guest-rest", wasip2, ""),
            Guest::Sequence => cargo("guest-sequence", wasip2, ""),
            Guest::Sequence3 => only_p3("guest-sequence-3"),
            Guest::Dialogue => cargo("guest-dialogue", wasip2, ""),
            Guest::Dialogue3 => only_p3("guest-dialogue-3"),
            Guest::Service3 => only_p3("guest-service-3"),
            Guest::Ensemble => ensemble(&cargo("guest-ensemble", wasip2, "")?, Ok),
            Guest::EnsembleNested => ensemble(&cargo("guest-ensemble", wasip2, "")?, nest),
            Guest::Ensemble3 => ensemble(&only_p3("guest-ensemble-3")?, nest),
            Guest::Conducted => ensemble(&only_p3("guest-conductor")?, Ok),
            Guest::Http3 => only_p3("guest-http-3"),
            Guest::Versions3 => only_p3("guest-versions-3"),
            Guest::Both => cargo("guest-both", wasip2, ""),
            Guest::Naps3 => cargo("guest-naps-3", wasip2, ""),
            Guest::Quits3 => only_p3("guest-quits-3"),
            Guest::Run2 => only_p3("guest-run-2"),
            Guest::Neighbours => neighbours(&client()?, &service()?),
            Guest::Neighbours3 => neighbours(&client_3()?, &service()?),
            Guest::TurnsAndMore => beside_another(&Guest::Turns.build()?),
            Guest::Nested => neighbours(&client()?, &nest(service()?)?),
            Guest::Nested3 => neighbours(&client_3()?, &nest(service()?)?),
            Guest::Composed => compose(&Guest::Std.build()?, &Guest::Wstd.build()?),
            Guest::Inside => {
                let denied = sockvirt::Virtualizer::new(sockvirt::Policy::deny_all());
                let without_sockets = denied.build(&Guest::Preview1.build()?)?.component;
                compose(&Guest::Local.build()?, &without_sockets)
            }
        }
    }
}

/// Puts a component that uses sockets into one with another that does, beside it. What is run is the
/// first.
pub fn beside_another(component: &[u8]) -> Result<Vec<u8>> {
    compose(component, &Guest::Local.build()?)
}

/// Puts another component into one, which gives it its own imports, and offers its `run` beside its own.
/// What is inside imports nothing else.
pub fn around_another(component: &[u8], inside: &[u8]) -> Result<Vec<u8>> {
    use wasm_encoder::{
        Alias, ComponentAliasSection, ComponentExportKind as Kind, ComponentExportSection,
        ComponentInstanceSection, ComponentSection, ComponentSectionId, RawSection,
    };
    let (mut imports, mut components, mut instances) = (Vec::new(), 0, 0);
    for payload in outermost(component) {
        match payload? {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    imports.push((import?.name.name.to_owned(), instances));
                    instances += 1;
                }
            }
            Payload::ComponentInstanceSection(section) => instances += section.count(),
            Payload::ComponentExportSection(section) => instances += section.count(),
            Payload::ComponentSection { .. } => components += 1,
            _ => {}
        }
    }
    let inspected = sockvirt::inspect(inside)?;
    let (mut instance, mut alias) = <(ComponentInstanceSection, ComponentAliasSection)>::default();
    let args = imports
        .iter()
        .filter(|it| inspected.imports.contains(&it.0));
    let args = args.map(|(name, at)| (name.as_str(), Kind::Instance, *at));
    instance.instantiate(components, args.collect::<Vec<_>>());
    alias.alias(Alias::InstanceExport {
        instance: instances,
        kind: Kind::Instance,
        name: &run_of(inside)?,
    });
    let mut export = ComponentExportSection::new();
    export.export(SECOND, Kind::Instance, instances + 1, None);
    let mut bytes = component.to_vec();
    let inside = RawSection {
        id: ComponentSectionId::Component as u8,
        data: inside,
    };
    let sections: [&dyn ComponentSection; 4] = [&inside, &instance, &alias, &export];
    for section in sections {
        section.append_to_component(&mut bytes);
    }
    Ok(bytes)
}

/// What is in the outermost scope.
fn outermost(component: &[u8]) -> impl Iterator<Item = wasmparser::Result<Payload<'_>>> {
    let mut depth = 0;
    Parser::new(0).parse_all(component).filter(move |payload| {
        let is_outermost = depth == 0;
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) if depth > 0 => depth -= 1,
            _ => {}
        }
        is_outermost
    })
}

/// The core module of [`Guest::Local`], before anything makes a component of it.
pub fn core_module() -> Result<Vec<u8>> {
    cargo(
        "guest-local",
        "wasm32-wasip2",
        "-Clink-arg=--skip-wit-component",
    )
}

/// The folder of the guests' sources.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../guests")
}

/// Has rustup install a target, where there is rustup. Without the target cargo says what is
/// missing.
fn add_target(target: &str) {
    static ADDING: Mutex<()> = Mutex::new(());
    // One at a time: rustup does not wait for another's installation.
    let _guard = ADDING.lock();
    let _ = Command::new("rustup")
        .args(["target", "add", target])
        .output();
}

/// Builds a package that uses nothing of WASI but 0.3.
fn only_p3(package: &str) -> Result<Vec<u8>> {
    let module = cargo(package, "wasm32-unknown-unknown", "")?;
    wit_component::ComponentEncoder::default()
        .merge_imports_based_on_semver(false)
        .module(&module)?
        .encode()
}

/// Builds a package of the guests' workspace.
fn cargo(package: &str, target: &str, rustflags: &str) -> Result<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
    add_target(target);
    // One folder for each set of flags.
    let build = root.join(rustflags.replace(|c: char| !c.is_ascii_alphanumeric(), ""));
    let output = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--quiet",
            "--locked",
            "--target",
            target,
            "-p",
            package,
        ])
        .current_dir(folder())
        .env("CARGO_TARGET_DIR", &build)
        .env("RUSTFLAGS", rustflags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cannot build `{package}` for {target}:\n{said}"
    );
    let folder = build.join(target).join("release");
    let files = [
        format!("{package}.wasm"),
        format!("{}.wasm", package.replace('-', "_")),
    ];
    let file = files
        .iter()
        .map(|file| folder.join(file))
        .find(|file| file.exists());
    std::fs::read(file.context("cargo made no file")?).context("cannot read the guest")
}

/// What the `run` of a second component is exported as.
const SECOND: &str = "test:second/run";

/// What a command's `run` is exported as.
fn run_of(component: &[u8]) -> Result<String> {
    let mut exports = sockvirt::inspect(component)?.exports.into_iter();
    let run = exports.find(|name| name.starts_with("wasi:cli/run@"));
    run.context("it is no command")
}

/// Puts two components into one that runs the first, and offers the second's `run` beside it.
fn compose(first: &[u8], second: &[u8]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut instances = Vec::new();
    for (name, bytes) in [("test:first", first), ("test:second", second)] {
        let package = register(&mut graph, name, bytes)?;
        instances.push(graph.instantiate(package));
    }
    for (instance, bytes, name) in [
        (instances[0], first, None),
        (instances[1], second, Some(SECOND)),
    ] {
        let run = run_of(bytes)?;
        let export = graph.alias_instance_export(instance, &run)?;
        graph.export(export, name.unwrap_or(&run))?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

/// What the servers of [`Guest::Neighbours`] export.
const SERVICE: &str = "test:neighbours/service";

fn service() -> Result<Vec<u8>> {
    cargo("guest-service", "wasm32-wasip2", "")
}

fn client() -> Result<Vec<u8>> {
    cargo("guest-neighbours", "wasm32-wasip2", "")
}

fn client_3() -> Result<Vec<u8>> {
    only_p3("guest-neighbours-3")
}

/// Puts a client and two instances of a server into one component.
fn neighbours(client: &[u8], server: &[u8]) -> Result<Vec<u8>> {
    let imports = [SERVICE, "test:neighbours/another"];
    join(client, &[(server, &imports)])
}

/// Puts a component into one inside of one.
fn nest(inside: Vec<u8>) -> Result<Vec<u8>> {
    wrap(&wrap(&inside)?)
}

/// Puts a program, two instances of what takes part as it says, one of what sleeps and one of what exits
/// into one component.
fn ensemble(program: &[u8], wrapped: impl Fn(Vec<u8>) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let part = |package| wrapped(cargo(package, "wasm32-wasip2", "")?);
    join(
        program,
        &[
            (
                &part("guest-player")?,
                &["test:ensemble/player", "test:ensemble/another"],
            ),
            (&part("guest-sleeper")?, &["test:ensemble/sleeper"]),
            (&part("guest-quitter")?, &["test:ensemble/quitter"]),
        ],
    )
}

/// Puts a program and what it imports into one component. Each part is instantiated for each of the
/// imports that it is for, and exports the first of them.
fn join(program: &[u8], parts: &[(&[u8], &[&str])]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let package = register(&mut graph, "test:program", program)?;
    let instance = graph.instantiate(package);
    for (number, (part, imports)) in parts.iter().enumerate() {
        let package = register(&mut graph, &format!("test:part{number}"), part)?;
        for import in *imports {
            let part = graph.instantiate(package);
            let served = graph.alias_instance_export(part, imports[0])?;
            graph.set_instantiation_argument(instance, import, served)?;
        }
    }
    let run = run_of(program)?;
    let export = graph.alias_instance_export(instance, &run)?;
    graph.export(export, run)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> Result<PackageId> {
    let package = Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut())?;
    Ok(graph.register_package(package)?)
}

/// Puts a component into one that exports the same: an interface.
fn wrap(inside: &[u8]) -> Result<Vec<u8>> {
    let exports = sockvirt::inspect(inside)?.exports;
    let name = exports.first().context("it exports nothing")?;
    wrap_as(inside, name, name)
}

/// Puts a component that offers another `run` beside its own into one that runs that.
pub fn running_second(component: &[u8]) -> Result<Vec<u8>> {
    wrap_as(component, SECOND, &run_of(component)?)
}

/// Puts a component into one that exports an interface of it by a name.
fn wrap_as(inside: &[u8], export: &str, name: &str) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let package = register(&mut graph, "test:inside", inside)?;
    let instance = graph.instantiate(package);
    let export = graph.alias_instance_export(instance, export)?;
    graph.export(export, name)?;
    Ok(graph.encode(EncodeOptions::default())?)
}
