//! A resolver of the tests' own, in place of wasmtime's: it answers from a table and writes down
//! what it is asked.
//!
//! wasmtime has no hook for it, so the functions of `ip-name-lookup` are defined again in the
//! linker, over its own.

use crate::host::State;
use anyhow::Result;
use std::collections::HashMap;
use std::future::pending;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network as p2;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup as p3_lookup, types as p3};
use wasmtime_wasi::{WasiView, async_trait};

/// What becomes of one lookup.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These addresses, in this order.
    Addresses(Vec<IpAddr>),
    /// An error.
    Fails(Failure),
    /// Nothing, ever.
    Never,
}

/// How a lookup fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `name-unresolvable`, as for every name that the table has not.
    NameUnresolvable,
    /// `temporary-resolver-failure`.
    Temporary,
    /// `permanent-resolver-failure`.
    Permanent,
    /// `invalid-argument`, at once, as for what is no name.
    Invalid,
}

/// The table, and what was asked. Clones share both.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    answers: HashMap<String, Vec<Answer>>,
    asked: Vec<String>,
}

impl Names {
    /// Adds an answer. A name with several gives one after the other, and the last from then on.
    /// `*.x` stands for what has one label before `x` and is not in the table itself.
    pub fn add(&self, name: &str, answer: Answer) {
        let mut table = self.0.lock().expect("nobody panics with it");
        table
            .answers
            .entry(name.to_owned())
            .or_default()
            .push(answer);
    }

    /// The names that were asked, in their order, letter for letter.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").asked.clone()
    }

    fn ask(&self, name: String) -> Answer {
        let mut table = self.0.lock().expect("nobody panics with it");
        if !may_be_a_name(&name) {
            table.asked.push(name);
            return Answer::Fails(Failure::Invalid);
        }
        let parent = name
            .split_once('.')
            .map(|(_, parent)| format!("*.{parent}"));
        let entry = match table.answers.contains_key(&name) {
            true => Some(name.clone()),
            false => parent,
        };
        let answers = entry.and_then(|entry| table.answers.get_mut(&entry));
        let answer = match answers {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            // As wasmtime does: an address is its own answer.
            None => match name.parse() {
                Ok(address) => Answer::Addresses(vec![address]),
                Err(_) => Answer::Fails(Failure::NameUnresolvable),
            },
        };
        table.asked.push(name);
        answer
    }
}

/// What wasmtime looks up, as far as the tests go into it.
fn may_be_a_name(name: &str) -> bool {
    !name.is_empty() && !name.contains([' ', '/', '%'])
}

/// A lookup of 0.2. Nothing of it can be had before it was waited for, so that everybody in
/// between has to wait too.
struct Lookup {
    answer: Answer,
    ready: bool,
    given: usize,
}

#[async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Answer::Never = self.answer {
            pending::<()>().await;
        }
        // Not before others had their turn.
        tokio::task::yield_now().await;
        self.ready = true;
    }
}

impl Lookup {
    fn next(&mut self) -> Result<Option<p2::IpAddress>, p2::ErrorCode> {
        if !self.ready {
            return Err(p2::ErrorCode::WouldBlock);
        }
        match &self.answer {
            Answer::Addresses(addresses) => {
                let next = addresses.get(self.given).copied();
                self.given += 1;
                Ok(next.map(Into::into))
            }
            Answer::Fails(failure) => Err(failure.p2()),
            Answer::Never => Err(p2::ErrorCode::WouldBlock),
        }
    }
}

impl Failure {
    fn p2(self) -> p2::ErrorCode {
        match self {
            Failure::NameUnresolvable => p2::ErrorCode::NameUnresolvable,
            Failure::Temporary => p2::ErrorCode::TemporaryResolverFailure,
            Failure::Permanent => p2::ErrorCode::PermanentResolverFailure,
            Failure::Invalid => p2::ErrorCode::InvalidArgument,
        }
    }

    fn p3(self) -> p3_lookup::ErrorCode {
        match self {
            Failure::NameUnresolvable => p3_lookup::ErrorCode::NameUnresolvable,
            Failure::Temporary => p3_lookup::ErrorCode::TemporaryResolverFailure,
            Failure::Permanent => p3_lookup::ErrorCode::PermanentResolverFailure,
            Failure::Invalid => p3_lookup::ErrorCode::InvalidArgument,
        }
    }
}

/// Puts this resolver over wasmtime's, for both versions of WASI.
pub fn override_lookups(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    override_p2(linker)?;
    override_p3(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

type Store<'s> = StoreContextMut<'s, State>;

fn override_p2(linker: &mut Linker<State>) -> Result<()> {
    let mut lookup = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    lookup.resource(
        "resolve-address-stream",
        ResourceType::host::<Lookup>(),
        |mut store: Store<'_>, rep| {
            let table = store.data_mut().ctx().table;
            table.delete(Resource::<Lookup>::new_own(rep))?;
            Ok(())
        },
    )?;
    lookup.func_wrap(
        "resolve-addresses",
        |mut store: Store<'_>, (_, name): (Resource<p2::Network>, String)| {
            let answer = store.data().names.ask(name);
            if let Answer::Fails(Failure::Invalid) = answer {
                return Ok((Err(p2::ErrorCode::InvalidArgument),));
            }
            let lookup = Lookup {
                answer,
                ready: false,
                given: 0,
            };
            let stream = store.data_mut().ctx().table.push(lookup)?;
            Ok((Ok(stream),))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: Store<'_>, (stream,): (Resource<Lookup>,)| {
            let lookup = store.data_mut().ctx().table.get_mut(&stream)?;
            Ok((lookup.next(),))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: Store<'_>, (stream,): (Resource<Lookup>,)| {
            let pollable: Resource<DynPollable> = subscribe(store.data_mut().ctx().table, stream)?;
            Ok((pollable,))
        },
    )?;
    Ok(())
}

fn override_p3(linker: &mut Linker<State>) -> Result<()> {
    let mut lookup = linker.instance("wasi:sockets/ip-name-lookup@0.3.0")?;
    lookup.func_wrap_concurrent("resolve-addresses", |accessor, (name,): (String,)| {
        Box::pin(async move {
            let answer = accessor.with(|mut store| store.data_mut().names.ask(name));
            tokio::task::yield_now().await;
            let result: Result<Vec<p3::IpAddress>, _> = match answer {
                Answer::Addresses(addresses) => Ok(addresses.into_iter().map(Into::into).collect()),
                Answer::Fails(failure) => Err(failure.p3()),
                Answer::Never => pending().await,
            };
            Ok((result,))
        })
    })?;
    Ok(())
}
