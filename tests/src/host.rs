//! Hosts to run components on: wasmtime, embedded, with sockets, with denied ones and without.

use crate::names::Names;
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::Runtime;
use wasmtime::component::{Accessor, Component, Instance, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings as p2;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, p3};
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    WasiHttpView,
};

/// What a host does about sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// It has none: nothing of the name `wasi:sockets` is in its linker.
    None,
    /// It has them, and refuses to create any.
    DeniedAtCreate,
    /// It has them, and refuses every address.
    DeniedAtOperation,
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
    /// Its exit status.
    pub status: i32,
}

/// What a store of these hosts holds.
pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Requests,
    /// What answers lookups, on hosts that have one of their own.
    pub(crate) names: Names,
}

impl State {
    /// A state with these settings.
    pub fn new(wasi: WasiCtx) -> State {
        State {
            wasi,
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: Requests::Refused,
            names: Names::default(),
        }
    }

    /// The same, on a host that answers a program's HTTP requests with their own bodies.
    pub fn echoing_requests(self) -> State {
        State {
            hooks: Requests::Echoed,
            ..self
        }
    }
}

/// How long a program may take. None of them needs a tenth of it: one that waits for what never
/// comes fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// What becomes of the HTTP requests that a program sends.
enum Requests {
    Refused,
    /// They come back, and go nowhere.
    Echoed,
}

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Sent,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Sent), HttpError>> + Send> {
        let answer = match self {
            Requests::Refused => Err(HttpError::HttpRequestDenied),
            Requests::Echoed => {
                let sent: Sent = Box::new(async { Ok(()) });
                Ok((http::Response::new(request.into_body()), sent))
            }
        };
        Box::new(async { answer })
    }
}

type Sent = Box<dyn Future<Output = Result<(), HttpError>> + Send>;

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// The engine of all hosts. It does not optimise: the tests compile more than they run.
pub fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| engine_that_optimises(wasmtime::OptLevel::None));
    &ENGINE
}

/// The engine of benches.
pub fn fast_engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| engine_that_optimises(wasmtime::OptLevel::Speed));
    &ENGINE
}

fn engine_that_optimises(level: wasmtime::OptLevel) -> Engine {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .cranelift_opt_level(level);
    Engine::new(&config).expect("a configuration that wasmtime has")
}

/// A linker of a host that does this about sockets. It offers WASI 0.2, 0.3 and HTTP.
pub fn linker(sockets: Sockets) -> Result<Linker<State>> {
    if sockets != Sockets::None {
        return linker_with_sockets(engine());
    }
    linker_without_sockets(engine())
}

/// A linker that offers WASI 0.2, 0.3 and HTTP, and no sockets.
pub fn linker_without_sockets(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    add_all_but_sockets(&mut linker)?;
    add_http(&mut linker)?;
    Ok(linker)
}

/// A linker that offers all of WASI 0.2, 0.3 and HTTP.
pub fn linker_with_sockets(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    add_http(&mut linker)?;
    Ok(linker)
}

fn add_http(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    Ok(())
}

fn add_all_but_sockets(l: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    p2::filesystem::types::add_to_linker::<_, WasiFilesystem>(l, State::filesystem)?;
    p2::filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, State::filesystem)?;
    p2::random::insecure::add_to_linker::<_, WasiRandom>(l, |t| t.ctx().ctx.random())?;
    p2::random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |t| t.ctx().ctx.random())?;
    p2::cli::exit::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::environment::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::terminal_input::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::terminal_output::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p2::cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    p3::cli::add_to_linker(l)?;
    p3::clocks::add_to_linker(l)?;
    p3::filesystem::add_to_linker(l)?;
    p3::random::add_to_linker(l)?;
    Ok(())
}

/// A store, and the pipes that catch what is printed.
pub fn store(sockets: Sockets) -> (Store<State>, Pipes) {
    store_with(sockets, &[])
}

fn store_with(sockets: Sockets, arguments: &[&str]) -> (Store<State>, Pipes) {
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    if !arguments.is_empty() {
        wasi.arg("program").args(arguments);
    }
    let creates = sockets == Sockets::DeniedAtOperation;
    wasi.allow_tcp(creates).allow_udp(creates);
    let state = State::new(pipes.attach(&mut wasi).build());
    (Store::new(engine(), state), pipes)
}

/// What catches the words of a program.
#[derive(Clone)]
pub struct Pipes {
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
}

impl Pipes {
    /// Empty ones.
    pub fn new() -> Pipes {
        Pipes {
            stdout: MemoryOutputPipe::new(1 << 20),
            stderr: MemoryOutputPipe::new(1 << 20),
        }
    }

    /// Has a program write here.
    pub fn attach<'w>(&self, wasi: &'w mut WasiCtxBuilder) -> &'w mut WasiCtxBuilder {
        wasi.stdout(self.stdout.clone()).stderr(self.stderr.clone())
    }

    /// What was written, with the status.
    pub fn outcome(&self, status: i32) -> Outcome {
        let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
        Outcome {
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            status,
        }
    }
}

impl Default for Pipes {
    fn default() -> Pipes {
        Pipes::new()
    }
}

/// Runs a command, of 0.2 or of 0.3, to its end.
pub fn run(component: &[u8], sockets: Sockets) -> Result<Outcome> {
    run_with(component, sockets, &[])
}

/// As [`run`], with arguments.
pub fn run_with(component: &[u8], sockets: Sockets, arguments: &[&str]) -> Result<Outcome> {
    let component = Component::new(engine(), component)?;
    let (store, pipes) = store_with(sockets, arguments);
    let status = run_to_end(&linker(sockets)?, store, &component);
    let status = status.with_context(|| format!("up to there: {:?}", pipes.outcome(-1)))?;
    Ok(pipes.outcome(status))
}

/// Runs a command in this store and gives its exit status.
pub fn run_to_end(
    linker: &Linker<State>,
    store: Store<State>,
    component: &Component,
) -> Result<i32> {
    run_to_end_in(runtime()?, linker, store, component)
}

/// The same with this runtime.
pub(crate) fn run_to_end_in(
    runtime: Runtime,
    linker: &Linker<State>,
    mut store: Store<State>,
    component: &Component,
) -> Result<i32> {
    let program = async {
        let instance = linker.instantiate_async(&mut store, component).await?;
        if let Ok(command) = p3::bindings::Command::new(&mut store, &instance) {
            let run = async |store: &_| command.wasi_cli_run().call_run(store).await;
            return store.run_concurrent(run).await?;
        }
        let command = p2::Command::new(&mut store, &instance)?;
        command.wasi_cli_run().call_run(&mut store).await
    };
    let result = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, program).await })
        .context("the program did not end");
    // A lookup of the host's that nobody waits for any more must not hold up the test.
    runtime.shutdown_background();
    match result? {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(e) => match e.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(exit) => Ok(exit.0),
            None => Err(anyhow::Error::from(e)).context("the program did not end by itself"),
        },
    }
}

pub(crate) fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(1).enable_all().build()?)
}

/// Has an HTTP handler answer one request, and gives the body of its answer.
pub fn serve(component: &[u8], sockets: Sockets) -> Result<String> {
    let component = Component::new(engine(), component)?;
    serve_in(&linker(sockets)?, store(sockets).0, &component)
}

/// As [`serve`], in this store.
pub fn serve_in(
    linker: &Linker<State>,
    store: Store<State>,
    component: &Component,
) -> Result<String> {
    let request = http::Request::get("http://localhost/").body(Bytes::new())?;
    let answers = serve_all_in(linker, store, component, [request])?;
    Ok(answers.concat())
}

/// Has one instance of an HTTP handler answer these requests, one after the other, and gives the
/// bodies of its answers.
pub fn serve_all_in(
    linker: &Linker<State>,
    mut store: Store<State>,
    component: &Component,
    requests: impl IntoIterator<Item = http::Request<Bytes>>,
) -> Result<Vec<String>> {
    runtime()?.block_on(async {
        let proxy = Proxy::instantiate_async(&mut store, component, linker).await?;
        let mut answers = Vec::new();
        for request in requests {
            answers.push(answer(&mut store, &proxy, request).await?);
        }
        Ok(answers)
    })
}

/// Has an HTTP handler of 0.3 answer one request for a path, and gives the body of its answer; then does
/// something with the instance that it was.
pub fn serve_3_in<T>(
    linker: &Linker<State>,
    mut store: Store<State>,
    component: &Component,
    path: &str,
    then: impl AsyncFnOnce(&mut Store<State>, &Instance) -> Result<T>,
) -> Result<(String, T)> {
    let request = http::Request::get(format!("http://localhost{path}"));
    let body = http_body_util::Empty::<Bytes>::new();
    let request = request.body(body.map_err(|never| -> HttpError { match never {} }))?;
    runtime()?.block_on(async {
        let instance = linker.instantiate_async(&mut store, component).await?;
        let service = Service::new(&mut store, &instance)?;
        let (request, io) = Request::from_http(&mut store.data_mut().hooks, request);
        let answer = async |store: &Accessor<State>| -> Result<Bytes> {
            let answer = service.handle(store, request).await?;
            let answer = answer.map_err(|e| anyhow::anyhow!("{e:?}"))?;
            let answer = store.with(|store| answer.into_http(store, async { Ok(()) }))?;
            let body = answer.into_body().collect().await;
            Ok(body.map_err(|e| anyhow::anyhow!("{e:?}"))?.to_bytes())
        };
        let answered = store.run_concurrent(answer);
        let answered = tokio::time::timeout(PATIENCE, answered).await???;
        drop(io);
        let text = String::from_utf8(answered.to_vec())?;
        Ok((text, then(&mut store, &instance).await?))
    })
}

async fn answer(
    store: &mut Store<State>,
    proxy: &Proxy,
    request: http::Request<Bytes>,
) -> Result<String> {
    let request = request.map(|body| {
        let body = http_body_util::Full::new(body);
        body.map_err(|never| -> HttpError { match never {} })
    });
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    let serving = proxy
        .wasi_http_incoming_handler()
        .call_handle(store, request, out);
    let (served, response) = tokio::join!(serving, async {
        let response = receiver.await.context("the handler gave no answer")??;
        let body = response.into_body().collect().await?;
        anyhow::Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    });
    served?;
    response
}
