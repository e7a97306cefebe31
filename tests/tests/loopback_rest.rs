//! What a program does beside its sockets is the same, byte for byte, with a network in memory
//! inside: standard streams, files, clocks, random numbers, terminals, HTTP requests, and custom
//! interfaces with handles in every place, imported and exported.

use anyhow::Result;
use bindings::Rest;
use bindings::exports::test::rest::keeper::Some as Sorted;
use bindings::test::rest::things::{self, Lent, Pair, Some as Things};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Outcome, Pipes, Sockets, State};
use sockvirt_tests::loopback::build;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncRead;
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker, Resource};
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{Deterministic, FsPerms, HostWallClock, WasiCtx, WasiView};

mod bindings {
    wasmtime::component::bindgen!({
        path: "guests/rest/wit",
        world: "rest",
        imports: { default: trappable },
        exports: { default: async },
        with: { "test:rest/things.thing": super::Thing },
    });
}

/// All that can be seen of what a component does.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Outcome,
    files: BTreeMap<String, Vec<u8>>,
    /// What its exports gave.
    given: Vec<String>,
}

#[test]
fn the_rest_is_as_it_was() -> Result<()> {
    let bare = Guest::Rest.build()?;
    let inside = see(&build(&bare)?, host::linker(Sockets::None)?)?;
    let bare = see(&bare, host::linker_with_sockets(host::engine())?)?;
    assert_eq!(bare, inside);
    // That it is the same shows nothing unless it is something.
    let expected = include_str!("loopback_rest.txt");
    let said = inside.outcome.stdout;
    assert_eq!(said, expected, "{said}");
    let complained = inside.outcome.stderr;
    assert!(complained.ends_with("]\nand a complaint\n"), "{complained}");
    assert_eq!(inside.outcome.status, 1);
    assert_eq!(inside.files["made/two"].len(), 100_030);
    let given = [
        "one",
        "true false",
        "two and nothing",
        "two and two",
        "one",
        "nothing",
        "a and c",
        "a, b, c",
        "4: a, b, c, d",
    ];
    assert_eq!(inside.given, given);
    Ok(())
}

fn see(component: &[u8], mut linker: Linker<State>) -> Result<Seen> {
    things::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    let component = Component::new(host::engine(), component)?;
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("given.txt"),
        "said by a file, and more of it\n",
    )?;
    let pipes = Pipes::new();
    let status = host::run_to_end(&linker, store(&pipes, folder.path())?, &component)?;
    let given = call(&linker, store(&Pipes::new(), folder.path())?, &component)?;
    Ok(Seen {
        outcome: pipes.outcome(status),
        files: contents(folder.path())?,
        given,
    })
}

fn store(pipes: &Pipes, folder: &Path) -> Result<Store<State>> {
    let mut wasi = WasiCtx::builder();
    wasi.args(&["rest", "an argument"]).env("KEY", "a value");
    wasi.stdin(Terminal(MemoryInputPipe::new("a line\nand the rest\n")));
    wasi.preopened_dir(folder, "/files", FsPerms::ReadWrite)?;
    wasi.secure_random(Deterministic::new((0..251).collect()));
    wasi.insecure_random_seed(42).wall_clock(Stopped);
    wasi.allow_tcp(true).inherit_network();
    let state = State::new(pipes.attach(&mut wasi).build()).echoing_requests();
    Ok(Store::new(host::engine(), state))
}

/// Standard input that says that it is a terminal.
struct Terminal(MemoryInputPipe);

impl IsTerminal for Terminal {
    fn is_terminal(&self) -> bool {
        true
    }
}

impl StdinStream for Terminal {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.0.clone())
    }
}

/// A clock that shows always the same.
struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::new(1_000_000_007, 9)
    }
}

fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for name in ["given.txt", "made/two"] {
        files.insert(name.to_owned(), fs::read(folder.join(name))?);
    }
    Ok(files)
}

/// Calls what it exports, with handles of the host's and of its own.
fn call(
    linker: &Linker<State>,
    mut store: Store<State>,
    component: &Component,
) -> Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let rest = Rest::instantiate_async(&mut store, component, linker).await?;
        let keeper = rest.test_rest_keeper();
        let chests = keeper.chest();
        let mut given = Vec::new();
        let (one, two) = (thing(&mut store, "one")?, thing(&mut store, "two")?);
        let first = chests.call_constructor(&mut store, one).await?;
        let second = chests.call_constructor(&mut store, two).await?;
        given.push(chests.call_look(&mut store, first).await?);
        let same = keeper.call_same(&mut store, first, first).await?;
        let other = keeper.call_same(&mut store, first, second).await?;
        given.push(format!("{same} {other}"));
        let two = chests.call_open(&mut store, second).await?;
        let two = two.expect("it is in there");
        let lent = || Resource::new_borrow(two.rep());
        given.push(keeper.call_join(&mut store, lent(), None).await?);
        given.push(keeper.call_join(&mut store, lent(), Some(lent())).await?);
        let one = chests.call_open(&mut store, first).await?;
        given.push(name(&mut store, &one.expect("it is in there"))?);
        for count in [0, 2, 3, 4] {
            let mut all = Vec::new();
            for name in &["c", "a", "b", "d"][..count] {
                all.push(thing(&mut store, name)?);
            }
            let sorted = match keeper.call_sort(&mut store, &all).await? {
                Ok(Sorted::Nothing) => "nothing".to_owned(),
                Ok(Sorted::One(one)) => name(&mut store, &one)?,
                Ok(Sorted::Labelled((label, one))) => {
                    format!("{label} and {}", name(&mut store, &one)?)
                }
                Ok(Sorted::Many(all)) => names_of(&mut store, &all)?.join(", "),
                Err((count, all)) => {
                    format!("{count}: {}", names_of(&mut store, &all)?.join(", "))
                }
            };
            given.push(sorted);
        }
        Ok(given)
    })
}

/// What the host's handles stand for.
#[derive(Debug)]
pub struct Thing(String);

fn thing(store: &mut Store<State>, name: &str) -> Result<Resource<Thing>> {
    Ok(store.data_mut().ctx().table.push(Thing(name.to_owned()))?)
}

fn name(store: &mut Store<State>, thing: &Resource<Thing>) -> Result<String> {
    Ok(store.data_mut().named(thing)?)
}

fn names_of(store: &mut Store<State>, things: &[Resource<Thing>]) -> Result<Vec<String>> {
    things.iter().map(|thing| name(store, thing)).collect()
}

type Said<T> = wasmtime::Result<T>;

/// The host's side of the custom interface.
trait Named {
    fn named(&mut self, thing: &Resource<Thing>) -> Said<String>;
    fn made(&mut self, name: String) -> Said<Resource<Thing>>;
}

impl Named for State {
    fn named(&mut self, thing: &Resource<Thing>) -> Said<String> {
        Ok(self.ctx().table.get(thing)?.0.clone())
    }

    fn made(&mut self, name: String) -> Said<Resource<Thing>> {
        Ok(self.ctx().table.push(Thing(name))?)
    }
}

impl things::HostThing for State {
    fn new(&mut self, name: String) -> Said<Resource<Thing>> {
        self.made(name)
    }

    fn name(&mut self, thing: Resource<Thing>) -> Said<String> {
        self.named(&thing)
    }

    fn rename(&mut self, thing: Resource<Thing>, name: String) -> Said<()> {
        self.ctx().table.get_mut(&thing)?.0 = name;
        Ok(())
    }

    fn join(&mut self, left: Resource<Thing>, right: Resource<Thing>) -> Said<Resource<Thing>> {
        let name = format!("{}+{}", self.named(&left)?, self.named(&right)?);
        self.made(name)
    }

    fn drop(&mut self, thing: Resource<Thing>) -> Said<()> {
        self.ctx().table.delete(thing)?;
        Ok(())
    }
}

impl things::Host for State {
    fn swap(&mut self, pair: Pair) -> Said<Pair> {
        let (left, right) = (pair.right, pair.left);
        Ok(Pair { left, right })
    }

    fn names(&mut self, things: Lent) -> Said<Vec<String>> {
        let all = [&things.first].into_iter().chain(&things.others);
        all.map(|thing| self.named(thing)).collect()
    }

    fn name_of(&mut self, thing: Option<Resource<Thing>>) -> Said<Option<String>> {
        thing.map(|thing| self.named(&thing)).transpose()
    }

    fn word_for(&mut self, thing: Result<Resource<Thing>, String>) -> Said<String> {
        thing.map_or_else(Ok, |thing| self.named(&thing))
    }

    /// One more of what there is.
    fn more(&mut self, things: Things) -> Said<Things> {
        Ok(match things {
            Things::Nothing => Things::One(self.made("new".to_owned())?),
            Things::One(one) => Things::Labelled((self.named(&one)?, one)),
            Things::Labelled((label, one)) => {
                let labelled = self.made(label)?;
                Things::Many(vec![one, labelled])
            }
            Things::Many(mut all) => {
                all.push(self.made("another".to_owned())?);
                Things::Many(all)
            }
        })
    }

    fn pick(
        &mut self,
        mut things: Vec<Resource<Thing>>,
        at: u32,
    ) -> Said<Result<Resource<Thing>, Vec<Resource<Thing>>>> {
        let at = at as usize;
        Ok(match at < things.len() {
            true => Ok(things.remove(at)),
            false => Err(things),
        })
    }
}
