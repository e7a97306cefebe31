//! Programs that a script is played to, on a host without sockets.

use crate::host::{self, Outcome, Pipes, State};
use anyhow::{Context, Result};
use sockvirt::script::Script;
use sockvirt::{Policy, Virtualizer};
use sockvirt_guest_builder::Guest;
use wasmtime::Store;
use wasmtime::component::Component;
use wasmtime_wasi::WasiCtx;

/// Builds a guest with a script.
pub fn build(guest: Guest, script: Script) -> Result<Vec<u8>> {
    let virtualizer = Virtualizer::new(Policy::deny_all()).script(script);
    Ok(virtualizer.build(&guest.build()?)?.component)
}

/// Runs a component with arguments.
pub fn run(component: &[u8], args: &[&str]) -> Result<Outcome> {
    let component = Component::new(host::engine(), component)?;
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    wasi.arg("program").args(args);
    let state = State::new(pipes.attach(&mut wasi).build());
    let store = Store::new(host::engine(), state);
    let linker = host::linker_without_sockets(host::engine())?;
    let status = host::run_to_end(&linker, store, &component);
    let status = status.with_context(|| format!("up to there: {:?}", pipes.outcome(-1)))?;
    Ok(pipes.outcome(status))
}
