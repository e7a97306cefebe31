//! Hosts that allow little run programs with a network in memory as any other host does.

use anyhow::Result;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Outcome, Pipes, Sockets, State};
use sockvirt_tests::loopback::build;
use std::sync::LazyLock;
use wasmtime::component::Component;
use wasmtime::{Config, Engine, PoolingAllocationConfig, Store};
use wasmtime_wasi::WasiCtx;

/// A server with its client, and what it prints where nothing is special.
struct Program {
    component: Vec<u8>,
    outcome: Outcome,
}

/// Of several libraries.
fn programs() -> &'static [Program] {
    static PROGRAMS: LazyLock<Result<Vec<Program>>> = LazyLock::new(|| {
        let guests = [Guest::Local, Guest::LocalTokio, Guest::LocalWstd];
        let programs = guests.into_iter().map(|guest| {
            let component = build(&guest.build()?)?;
            let outcome = host::run(&component, Sockets::None)?;
            assert_eq!(outcome.status, 0, "{outcome:?}");
            Ok(Program { component, outcome })
        });
        programs.collect()
    });
    PROGRAMS.as_ref().expect("programs that run")
}

/// A host that has sockets and denies them is never asked for any.
#[test]
fn sockets_that_are_denied_are_not_missed() -> Result<()> {
    for program in programs() {
        for denying in [Sockets::DeniedAtCreate, Sockets::DeniedAtOperation] {
            let denied = host::run(&program.component, denying)?;
            assert_eq!(denied, program.outcome, "{denying:?}");
        }
    }
    Ok(())
}

/// No memory but one for each module, and no vectors.
#[test]
fn an_engine_needs_nothing_new() -> Result<()> {
    let mut config = Config::new();
    config.wasm_multi_memory(false);
    config.wasm_relaxed_simd(false).wasm_simd(false);
    as_on_any_engine(config)
}

/// What a component adds counts against the limits of a pool.
#[test]
fn the_pooling_allocator_has_room() -> Result<()> {
    let mut pool = PoolingAllocationConfig::new();
    // Less than the default in number, so that little is reserved, and no less in size.
    pool.total_component_instances(4).total_stacks(4);
    pool.total_memories(8)
        .total_tables(80)
        .total_core_instances(80);
    let mut config = Config::new();
    config.allocation_strategy(pool);
    as_on_any_engine(config)
}

fn as_on_any_engine(mut config: Config) -> Result<()> {
    config.cranelift_opt_level(wasmtime::OptLevel::None);
    let engine = Engine::new(&config)?;
    for program in programs() {
        let outcome = run_on(&engine, &program.component)?;
        assert_eq!(outcome, program.outcome);
    }
    Ok(())
}

fn run_on(engine: &Engine, component: &[u8]) -> Result<Outcome> {
    let component = Component::new(engine, component)?;
    let pipes = Pipes::new();
    let state = State::new(pipes.attach(&mut WasiCtx::builder()).build());
    let linker = host::linker_without_sockets(engine)?;
    let status = host::run_to_end(&linker, Store::new(engine, state), &component)?;
    Ok(pipes.outcome(status))
}
