//! What programs run on: wasmtime's WASI 0.2 and 0.3, and HTTP.

use super::{Cache, Surroundings};
use crate::generate::verdict::{LOAD, REPORT, TEXT};
use wasmtime::component::{
    ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, ResourceTable, TypedFunc,
};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxView, WasiView, p2, p3};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    WasiHttpView,
};

/// No more of what a program prints is kept.
const MOST: usize = 64 << 20;

/// What a store holds.
pub(super) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: NoRequests,
}

/// Requests over HTTP go nowhere: they are no business of sockets.
struct NoRequests;

impl WasiHttpHooks for NoRequests {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Sent,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Sent), HttpError>> + Send> {
        Box::new(async { Err(HttpError::HttpRequestDenied) })
    }
}

type Sent = Box<dyn Future<Output = Result<(), HttpError>> + Send>;

/// Where a program reads and writes.
pub(super) enum Io {
    /// The streams of the process.
    Inherited,
    /// Nothing to read, and pipes that keep what is written.
    Caught(Pipes),
}

/// What a program has written.
#[derive(Clone)]
pub(super) struct Pipes {
    pub(super) stdout: MemoryOutputPipe,
    pub(super) stderr: MemoryOutputPipe,
}

impl Io {
    pub(super) fn caught() -> (Self, Pipes) {
        let pipes = Pipes {
            stdout: MemoryOutputPipe::new(MOST),
            stderr: MemoryOutputPipe::new(MOST),
        };
        (Io::Caught(pipes.clone()), pipes)
    }
}

impl Host {
    pub(super) fn new(surroundings: &Surroundings, io: Io) -> wasmtime::Result<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.arg("program");
        for arg in &surroundings.args {
            wasi.arg(arg.to_string_lossy());
        }
        wasi.envs(&surroundings.env);
        for (host, guest) in &surroundings.dirs {
            wasi.preopened_dir(host, guest, FsPerms::ReadWrite)?;
        }
        // What it may reach stands in the component.
        wasi.inherit_network().allow_ip_name_lookup(true);
        wasi.allow_tcp(true).allow_udp(true);
        match io {
            Io::Inherited => wasi.inherit_stdio(),
            Io::Caught(pipes) => wasi.stdout(pipes.stdout).stderr(pipes.stderr),
        };
        Ok(Host {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: NoRequests,
        })
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

pub(super) fn engine(cache: Cache) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    if cache == Cache::User {
        config.cache(wasmtime::Cache::from_file(None).ok());
    }
    Engine::new(&config)
}

pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    p2::add_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// A function of the report of a script that is played in a component.
fn of_report<Params, Results>(
    instance: &Instance,
    store: &mut Store<Host>,
    name: &str,
) -> wasmtime::Result<TypedFunc<Params, Results>>
where
    Params: ComponentNamedList + Lower,
    Results: ComponentNamedList + Lift,
{
    let report = instance.get_export_index(&mut *store, None, REPORT);
    let function = instance.get_export_index(&mut *store, report.as_ref(), name);
    let function = function.ok_or_else(|| wasmtime::Error::msg("it takes no script"))?;
    instance.get_typed_func(store, function)
}

/// Runs a program to its end, and gives its exit status. It is given a script first, if there is one.
/// What of the script's report the program's standard error does not have is put into `report`.
pub(super) fn run(
    program: &InstancePre<Host>,
    mut store: Store<Host>,
    script: Option<Vec<u8>>,
    report: &mut String,
) -> wasmtime::Result<i32> {
    let program = async {
        let instance = program.instantiate_async(&mut store).await?;
        let plays = script.is_some();
        if let Some(script) = script {
            let load = of_report::<(Vec<u8>,), ()>(&instance, &mut store, LOAD)?;
            load.call_async(&mut store, (script,)).await?;
        }
        if let Ok(command) = p3::bindings::Command::new(&mut store, &instance) {
            let run = async |store: &_| command.wasi_cli_run().call_run(store).await;
            let ended = store.run_concurrent(run).await??;
            if plays {
                let text = of_report::<(), (String,)>(&instance, &mut store, TEXT)?;
                (*report,) = text.call_async(&mut store, ()).await?;
            }
            return Ok(ended);
        }
        let command = p2::bindings::Command::new(&mut store, &instance)?;
        command.wasi_cli_run().call_run(&mut store).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(wasmtime::Error::from)?;
    let ended = runtime.block_on(program);
    // A lookup of the host's that nobody waits for any more must not hold anything up.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(e) => match e.downcast_ref::<I32Exit>() {
            Some(exit) => Ok(exit.0),
            None => Err(e),
        },
    }
}
