//! A host with sockets that writes down every address and every name that reaches it.

use crate::host::{self, Outcome, Pipes, State};
use crate::names::{Answer, Failure, Names, override_lookups};
use anyhow::{Context, Result};
use std::fmt;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::sockets::SocketAddrUse;

/// A host that has sockets, and a resolver that answers from a table.
///
/// Sockets are real, on loopback. Every address is written down; one that would leave the machine
/// is then refused.
#[derive(Clone, Default)]
pub struct Recording {
    names: Vec<(String, Answer)>,
    undecided: Vec<SocketAddr>,
    own: Vec<IpAddr>,
    env: Vec<(String, String)>,
}

/// What a program did, and what of it reached the host.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the program did.
    pub outcome: Outcome,
    /// Every address that the host was asked about, in their order.
    pub checks: Vec<Check>,
    /// Every name that the host was asked for, in their order.
    pub names: Vec<String>,
}

/// An address that reached the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it was to be used for.
    pub what: Use,
    /// The address.
    pub address: SocketAddr,
}

/// wasmtime's `SocketAddrUse`, which cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "wasmtime says it")]
pub enum Use {
    TcpBind,
    TcpListen,
    TcpAccept,
    TcpConnect,
    UdpBind,
    UdpSend,
    UdpReceive,
}

impl From<SocketAddrUse> for Use {
    fn from(what: SocketAddrUse) -> Use {
        match what {
            SocketAddrUse::TcpBind => Use::TcpBind,
            SocketAddrUse::TcpListen => Use::TcpListen,
            SocketAddrUse::TcpAccept => Use::TcpAccept,
            SocketAddrUse::TcpConnect => Use::TcpConnect,
            SocketAddrUse::UdpBind => Use::UdpBind,
            SocketAddrUse::UdpSend => Use::UdpSend,
            SocketAddrUse::UdpReceive => Use::UdpReceive,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Use::TcpBind => "tcp-bind",
            Use::TcpListen => "tcp-listen",
            Use::TcpAccept => "tcp-accept",
            Use::TcpConnect => "tcp-connect",
            Use::UdpBind => "udp-bind",
            Use::UdpSend => "udp-send",
            Use::UdpReceive => "udp-receive",
        };
        write!(f, "{what} {}", self.address)
    }
}

impl Recording {
    /// A host that knows no names.
    pub fn new() -> Recording {
        Recording::default()
    }

    /// Has a name answered with these addresses. Said again for the same name, it is what the
    /// next lookup gets, and every one after the last.
    pub fn answering<const N: usize>(self, name: &str, addresses: [&str; N]) -> Recording {
        let parse = |text: &str| -> IpAddr { text.parse().expect("an address") };
        self.with(name, Answer::Addresses(addresses.map(parse).into()))
    }

    /// Has lookups of a name fail.
    pub fn failing(self, name: &str, failure: Failure) -> Recording {
        self.with(name, Answer::Fails(failure))
    }

    /// Has lookups of a name never end.
    pub fn never_answering(self, name: &str) -> Recording {
        self.with(name, Answer::Never)
    }

    /// Has the host never say whether anything may go to this address, so that a connect or a
    /// datagram waits.
    pub fn never_deciding(mut self, address: SocketAddr) -> Recording {
        self.undecided.push(address);
        self
    }

    /// Lets this address be used too: one that the machine itself has.
    pub fn letting(mut self, own: IpAddr) -> Recording {
        self.own.push(own);
        self
    }

    fn with(mut self, name: &str, answer: Answer) -> Recording {
        self.names.push((name.to_owned(), answer));
        self
    }

    /// Sets a variable of the program's environment.
    pub fn env(mut self, key: &str, value: &str) -> Recording {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Runs a command, of 0.2 or of 0.3, with these arguments after its name, to its end.
    pub fn run(&self, component: &[u8], args: &[&str]) -> Result<Run> {
        let (status, run) = self.record(component, args, host::run_to_end)?;
        let status = status.with_context(|| format!("up to there: {run:?}"))?;
        let outcome = Outcome {
            status,
            ..run.outcome
        };
        Ok(Run { outcome, ..run })
    }

    /// Has an HTTP handler answer one request, and gives the body of its answer.
    pub fn serve(&self, component: &[u8]) -> Result<(String, Run)> {
        let (answer, run) = self.record(component, &[], host::serve_in)?;
        Ok((answer?, run))
    }

    /// Has an HTTP handler of 0.3 answer a request for a path, and gives the body of its answer.
    pub fn serve_3(&self, component: &[u8], path: &str) -> Result<(String, Run)> {
        let (answer, run) = self.record(component, &[], |linker, store, component| {
            let nothing = async |_: &mut _, _: &_| Ok(());
            host::serve_3_in(linker, store, component, path, nothing)
        })?;
        Ok((answer?.0, run))
    }

    /// Does something with a component here, and gives the result with what was written down.
    fn record<T>(
        &self,
        component: &[u8],
        args: &[&str],
        act: impl FnOnce(&Linker<State>, Store<State>, &Component) -> T,
    ) -> Result<(T, Run)> {
        let engine = host::engine();
        let component = Component::new(engine, component)?;
        let (checks, pipes, names) = (Checks::default(), Pipes::new(), self.table());
        let mut state = State::new(self.wasi(args, &checks, &pipes));
        state.names = names.clone();
        let mut linker = host::linker_with_sockets(engine)?;
        override_lookups(&mut linker)?;
        let result = act(&linker, Store::new(engine, state), &component);
        let run = Run {
            outcome: pipes.outcome(-1),
            checks: checks.0.lock().expect("nobody panics with it").clone(),
            names: names.asked(),
        };
        Ok((result, run))
    }

    fn table(&self) -> Names {
        let names = Names::default();
        for (name, answer) in &self.names {
            names.add(name, answer.clone());
        }
        names
    }

    fn wasi(&self, args: &[&str], checks: &Checks, pipes: &Pipes) -> WasiCtx {
        let mut wasi = WasiCtx::builder();
        wasi.arg("program").args(args).envs(&self.env);
        wasi.allow_tcp(true).allow_udp(true);
        wasi.allow_ip_name_lookup(true);
        let (checks, undecided) = (checks.clone(), self.undecided.clone());
        let own = self.own.clone();
        wasi.socket_addr_check(move |address, what| {
            let stays = checks.note(address, what.into());
            let allowed = stays || own.contains(&address.ip());
            let waits = undecided.contains(&address);
            Box::pin(async move {
                if waits {
                    pending::<()>().await;
                }
                allowed
            })
        });
        pipes.attach(&mut wasi).build()
    }
}

/// Runs a command on a host whose sockets are open and which writes nothing down: what benches
/// measure against.
pub fn run_open(engine: &Engine, component: &Component, args: &[&str]) -> Result<Outcome> {
    let pipes = Pipes::new();
    let mut wasi = WasiCtx::builder();
    wasi.arg("program").args(args);
    wasi.allow_tcp(true).allow_udp(true).inherit_network();
    let state = State::new(pipes.attach(&mut wasi).build());
    let linker = host::linker_with_sockets(engine)?;
    let status = host::run_to_end(&linker, Store::new(engine, state), component)?;
    Ok(pipes.outcome(status))
}

impl Run {
    /// The checks as text, `tcp-connect 127.0.0.1:80`.
    pub fn reached(&self) -> Vec<String> {
        self.checks.iter().map(Check::to_string).collect()
    }

    /// What was printed, by lines.
    pub fn lines(&self) -> Vec<&str> {
        self.outcome.stdout.lines().collect()
    }

    /// What a probe got of each operation.
    pub fn results(&self) -> Vec<&str> {
        let lines = self.lines().into_iter();
        lines
            .map(|line| line.split_once(" -> ").map_or(line, |(_, said)| said))
            .collect()
    }

    /// What of the checks has one of these words, like `tcp-connect`.
    pub fn reached_by(&self, what: Use) -> Vec<String> {
        let checks = self.checks.iter().filter(|check| check.what == what);
        checks.map(|check| check.address.to_string()).collect()
    }
}

#[derive(Clone, Default)]
struct Checks(Arc<Mutex<Vec<Check>>>);

impl Checks {
    /// Writes it down, and says whether it stays on the machine.
    fn note(&self, address: SocketAddr, what: Use) -> bool {
        let mut checks = self.0.lock().expect("nobody panics with it");
        checks.push(Check { what, address });
        let ip = address.ip().to_canonical();
        ip.is_loopback() || ip.is_unspecified()
    }
}
