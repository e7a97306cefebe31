//! Running components, on an engine that is built in: wasmtime, with the cargo feature `run`.
//!
//! A [`Runner`] has the engine. [`Runner::run`] runs a component that was built, with the streams of
//! the process. [`Runner::prepare`] compiles a component once, so that any number of scripts can be
//! played to it ([`Prepared::play`]); [`test()`] is both for one script.

mod host;
mod report;

pub use report::TestReport;

use crate::script::Script;
use crate::{Error, Policy, Virtualizer};
use host::{Host, Io};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

/// What a program is given besides its network.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// Its arguments, behind its name.
    pub args: Vec<OsString>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// Folders of the host's that it can reach, and what it calls them.
    pub dirs: Vec<(PathBuf, String)>,
}

/// How long a program may take unless that is said: one that is busy for ever ends so.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether a program has taken too long.
const TICK: Duration = Duration::from_millis(50);

/// An engine, and what it offers to programs.
pub struct Runner {
    engine: Engine,
    linker: Linker<Host>,
    patience: Option<Duration>,
}

/// Whether compiled components are kept on disk for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// They are not.
    None,
    /// They are, where wasmtime keeps them for the user.
    User,
}

impl Runner {
    /// A runner.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where the engine cannot be set up. That there is no place for a cache is none.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        let engine = host::engine(cache).map_err(engine_error)?;
        let linker = host::linker(&engine).map_err(engine_error)?;
        let clock = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = clock.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        });
        Ok(Runner {
            engine,
            linker,
            patience: Some(PATIENCE),
        })
    }

    /// How long a program may take; `None` for as long as it likes. A minute unless set.
    #[must_use]
    pub fn patience(mut self, patience: Option<Duration>) -> Self {
        self.patience = patience;
        self
    }

    /// Runs a component, with standard input, output and error of the process, and gives its exit
    /// status. Its sockets are the host's: what it may reach was decided when it was built.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where it cannot be compiled, imports what the engine does not have, is no
    /// program, or did not end by itself.
    pub fn run(&self, component: &[u8], surroundings: &Surroundings) -> Result<i32, Error> {
        let component = Component::new(&self.engine, component).map_err(engine_error)?;
        let program = self.linker.instantiate_pre(&component);
        let program = program.map_err(engine_error)?;
        let host = Host::new(surroundings, Io::Inherited).map_err(engine_error)?;
        let ended = host::run(&program, self.store(host, None), None, &mut String::new());
        ended.map_err(engine_error)
    }

    /// Compiles a component, or a preview1 module, so that scripts can be played to it: that of the
    /// policy, and others that have the same kind of clock. The policy says which of the host's
    /// sockets the component reaches besides.
    ///
    /// # Errors
    ///
    /// Those of [`Virtualizer::build`], and [`Error::Engine`].
    pub fn prepare(&self, component: &[u8], policy: &Policy) -> Result<Prepared<'_>, Error> {
        let like = policy.script();
        let template = Script {
            host_clock: like.is_some_and(|it| it.host_clock),
            ends: like.is_some_and(|it| it.ends),
            ..Script::default()
        };
        let host_clock = template.host_clock;
        let virtualizer = Virtualizer {
            policy: policy.clone(),
            script: Some(Arc::new(template)),
            loads: true,
            adapt: true,
        };
        let built = virtualizer.build(component)?;
        let component = Component::new(&self.engine, &built.component).map_err(engine_error)?;
        let program = self.linker.instantiate_pre(&component);
        Ok(Prepared {
            runner: self,
            host_clock,
            program: program.map_err(engine_error)?,
        })
    }

    fn store(&self, host: Host, patience: Option<Duration>) -> Store<Host> {
        let mut store = Store::new(&self.engine, host);
        let ticks = patience.map(|it| it.as_millis().div_ceil(TICK.as_millis()));
        let ticks = ticks.and_then(|it| u64::try_from(it).ok());
        // One that may take for ever is looked at after some centuries.
        store.set_epoch_deadline(ticks.unwrap_or(u64::MAX / 2));
        store
    }
}

/// A component to which scripts can be played.
pub struct Prepared<'r> {
    runner: &'r Runner,
    host_clock: bool,
    program: InstancePre<Host>,
}

impl Prepared<'_> {
    /// Plays a script to the program, and says how that went.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where the program cannot be run at all. One that fails, or takes too long, has
    /// a report.
    pub fn play(&self, script: &Script, surroundings: &Surroundings) -> Result<TestReport, Error> {
        if script.host_clock != self.host_clock {
            return Err(Error::Engine {
                message: "the script has another kind of clock than it was compiled for".to_owned(),
            });
        }
        let begin = Instant::now();
        let (io, pipes) = Io::caught();
        let host = Host::new(surroundings, io).map_err(engine_error)?;
        let store = self.runner.store(host, self.runner.patience);
        let bytes = script.to_bytes();
        let mut report = String::new();
        let ended = host::run(&self.program, store, Some(bytes), &mut report);
        Ok(TestReport::new(ended, pipes, &report, begin.elapsed()))
    }
}

/// Plays the script of a policy to a component, and says how that went.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script = sockvirt::Policy::from_toml(&std::fs::read_to_string("redis.test.toml")?)?;
/// let report = sockvirt::test(&std::fs::read("app.wasm")?, &script)?;
/// assert!(report.passed(), "{report}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`Runner::prepare`] and [`Prepared::play`].
pub fn test(component: &[u8], script: &Policy) -> Result<TestReport, Error> {
    let runner = Runner::new(Cache::User)?;
    let prepared = runner.prepare(component, script)?;
    let nothing = Script::default();
    let script = script.script().unwrap_or(&nothing);
    prepared.play(script, &Surroundings::default())
}

fn engine_error(e: wasmtime::Error) -> Error {
    Error::Engine {
        message: format!("{e:#}"),
    }
}
