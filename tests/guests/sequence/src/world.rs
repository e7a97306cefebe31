//! What there is, by name, and what all of it has in common.

use crate::address;
use crate::patience::{retry, settle};
use crate::ports::Ports;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use wasip2::io::error::Error;
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::{ResolveAddressStream, resolve_addresses};
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::udp::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};

/// What has a name.
pub enum Thing {
    Tcp(TcpSocket),
    Udp(UdpSocket),
    Input(InputStream),
    Output(OutputStream),
    Incoming(IncomingDatagramStream),
    Outgoing(OutgoingDatagramStream),
    Pollable(Pollable),
    Lookup(ResolveAddressStream),
    Error(Error),
}

impl Thing {
    /// The rank of its kind: what depends on another is dropped before it.
    fn rank(&self) -> u8 {
        match self {
            Thing::Pollable(_) => 0,
            Thing::Tcp(_) | Thing::Udp(_) => 2,
            _ => 1,
        }
    }
}

/// What a call gave: a value, or why it has none.
pub type Outcome = Result<String, String>;

/// Why a call was not made at all.
pub const ABSENT: &str = "absent";

pub struct World {
    pub network: Network,
    pub ports: Ports,
    things: BTreeMap<String, Thing>,
    /// What is expected of the call, if the kernel works in its own time.
    pub expected: Option<String>,
    /// The byte that is written next.
    next: u8,
}

macro_rules! typed {
    ($($name:ident $case:ident $ty:ty;)*) => {$(
        pub fn $name(&self, name: &str) -> Result<&$ty, String> {
            match self.things.get(name) {
                Some(Thing::$case(it)) => Ok(it),
                _ => Err(ABSENT.to_owned()),
            }
        }
    )*};
}

impl World {
    typed! {
        tcp Tcp TcpSocket;
        udp Udp UdpSocket;
        input Input InputStream;
        output Output OutputStream;
        incoming Incoming IncomingDatagramStream;
        outgoing Outgoing OutgoingDatagramStream;
        pollable Pollable Pollable;
        lookup Lookup ResolveAddressStream;
        error Error Error;
    }

    pub fn new(args: impl Iterator<Item = String>) -> World {
        World {
            network: instance_network(),
            ports: Ports::new(args),
            things: BTreeMap::new(),
            expected: None,
            next: 0,
        }
    }

    /// Says what is expected of the next call, and waits until it can be.
    pub fn expect(&mut self, expected: Option<&str>) {
        self.expected = expected.map(str::to_owned);
        if expected.is_some() {
            settle();
        }
    }

    /// Gives a thing a name. What had it before is dropped.
    pub fn insert(&mut self, name: String, thing: Thing) {
        self.things.insert(name, thing);
    }

    /// The bytes of a write.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut byte = || {
            self.next = self.next.wrapping_add(1);
            self.next
        };
        (0..count).map(|_| byte()).collect()
    }

    /// Makes a call, and says what it gave.
    pub fn call(&mut self, call: &str) -> String {
        let words: Vec<&str> = call.split(' ').filter(|it| !it.is_empty()).collect();
        let (verb, args) = words.split_first().expect("a line has words");
        let called = crate::tcp::call(self, verb, args)
            .or_else(|| crate::udp::call(self, verb, args))
            .or_else(|| crate::streams::call(self, verb, args))
            .or_else(|| self.call_others(verb, args));
        // A socket of the other protocol has other functions.
        show(&called.unwrap_or(Err("no such call".to_owned())))
    }

    fn call_others(&mut self, verb: &str, args: &[&str]) -> Option<Outcome> {
        Some(match (verb, args) {
            ("drop", [name]) => match self.things.remove(*name) {
                Some(_) => done(Ok(())),
                None => Err(ABSENT.to_owned()),
            },
            ("subscribe", [name, pollable]) => self.subscribe(name, pollable),
            ("ready", [pollable]) => self.ready(pollable),
            ("block", [pollable]) => self.block(pollable),
            ("poll", pollables) => self.poll(pollables),
            ("resolve", [lookup, name @ ..]) => self.resolve(lookup, &name.join(" ")),
            ("next", [lookup]) => self.next(lookup),
            ("debug", [error]) => self.error(error).map(|it| {
                // There may be a backtrace behind it.
                let text = it.to_debug_string();
                text.lines().next().unwrap_or_default().to_owned()
            }),
            _ => return None,
        })
    }

    fn subscribe(&mut self, name: &str, pollable: &str) -> Outcome {
        let subscribed = match self.things.get(name).ok_or(ABSENT)? {
            Thing::Tcp(it) => it.subscribe(),
            Thing::Udp(it) => it.subscribe(),
            Thing::Input(it) => it.subscribe(),
            Thing::Output(it) => it.subscribe(),
            Thing::Incoming(it) => it.subscribe(),
            Thing::Outgoing(it) => it.subscribe(),
            Thing::Lookup(it) => it.subscribe(),
            Thing::Pollable(_) | Thing::Error(_) => return Err(ABSENT.to_owned()),
        };
        self.insert(pollable.to_owned(), Thing::Pollable(subscribed));
        done(Ok(()))
    }

    fn ready(&self, pollable: &str) -> Outcome {
        let pollable = self.pollable(pollable)?;
        self.retry(is("false"), || Ok(pollable.ready().to_string()))
    }

    /// Blocks if what is waited for is there.
    fn block(&self, pollable: &str) -> Outcome {
        let pollable = self.pollable(pollable)?;
        if self.will_wait(&[pollable]) {
            return would_wait();
        }
        pollable.block();
        done(Ok(()))
    }

    /// Whether none of these is ready, and none will be.
    pub fn will_wait(&self, pollables: &[&Pollable]) -> bool {
        let expected = self.expected.as_ref().map(|_| match self.is_to_wait() {
            true => "ok false",
            false => "ok true",
        });
        let ready = retry(expected, is("false"), || {
            // Each of them is asked.
            let ready = pollables.iter().filter(|it| it.ready()).count();
            Ok((ready > 0).to_string())
        });
        is("false")(&ready)
    }

    /// Whether the call is expected to wait.
    pub fn is_to_wait(&self) -> bool {
        self.expected.as_deref() == Some(WOULD_WAIT)
    }

    /// Polls if one of them is ready.
    fn poll(&self, names: &[&str]) -> Outcome {
        let pollables = names.iter().map(|name| self.pollable(name));
        let pollables = pollables.collect::<Result<Vec<_>, _>>()?;
        // A list of none is not waited for.
        if !pollables.is_empty() && self.will_wait(&pollables) {
            return would_wait();
        }
        // What is ready stays so, and more comes to it.
        let count = |list: &str| list.split(", ").count();
        let expected = match self.is_to_wait() {
            true => 0,
            false => self.expected.as_deref().map_or(0, count),
        };
        let is_less = |it: &Outcome| it.as_ref().is_ok_and(|it| count(it) < expected);
        self.retry(is_less, || {
            let mut ready = poll(&pollables);
            // Their order is not said anywhere.
            ready.sort_unstable();
            Ok(format!("{ready:?}"))
        })
    }

    fn resolve(&mut self, lookup: &str, name: &str) -> Outcome {
        let found = resolve_addresses(&self.network, name).map_err(code)?;
        self.insert(lookup.to_owned(), Thing::Lookup(found));
        done(Ok(()))
    }

    fn next(&self, lookup: &str) -> Outcome {
        let lookup = self.lookup(lookup)?;
        self.retry(would_block, || {
            let next = lookup.resolve_next_address().map_err(code)?;
            Ok(next.map_or("none".to_owned(), |it| address::ip(it).to_string()))
        })
    }

    /// Makes a call again as long as it finds nothing yet.
    pub fn retry(
        &self,
        is_pending: impl Fn(&Outcome) -> bool,
        call: impl FnMut() -> Outcome,
    ) -> Outcome {
        retry(self.expected.as_deref(), is_pending, call)
    }

    /// An address in a script's words.
    pub fn address(&self, text: &str) -> SocketAddr {
        let (text, scope) = match text.split_once('/') {
            Some((text, scope)) => (text, Some(scope)),
            None => (text, None),
        };
        if let Some(name) = text.strip_prefix('@') {
            return self.reach(name);
        }
        let (ip, port) = text.rsplit_once(':').expect("an address has a port");
        let ip: IpAddr = ip.trim_matches(['[', ']']).parse().expect("an address");
        let port = match port.strip_prefix('@') {
            Some(name) => self.reach(name).port(),
            None => self.ports.number(port),
        };
        match (ip, scope) {
            (IpAddr::V6(ip), Some(scope)) => {
                let (flow, scope) = scope.split_once('/').expect("a flow and a scope");
                let [flow, scope] = [flow, scope].map(|it| it.parse().expect("a number"));
                SocketAddrV6::new(ip, port, flow, scope).into()
            }
            _ => SocketAddr::new(ip, port),
        }
    }

    /// Where a socket can be reached. A wildcard is reached on loopback; one that has no address is
    /// nowhere.
    fn reach(&self, name: &str) -> SocketAddr {
        let local = match self.things.get(name) {
            Some(Thing::Tcp(it)) => it.local_address().ok(),
            Some(Thing::Udp(it)) => it.local_address().ok(),
            _ => None,
        };
        let Some(mut local) = local.map(address::read) else {
            return "127.0.0.1:9".parse().expect("an address");
        };
        if local.ip().is_unspecified() {
            local.set_ip(match local.is_ipv4() {
                true => [127, 0, 0, 1].into(),
                false => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            });
        }
        local
    }

    /// Drops all that is left, what depends on another before it.
    pub fn drop_all(&mut self) {
        for rank in 0..=2 {
            self.things.retain(|_, it| it.rank() != rank);
        }
    }
}

/// What a call that would wait for ever says instead.
const WOULD_WAIT: &str = "ok would wait";

pub fn would_wait() -> Outcome {
    Ok("would wait".to_owned())
}

pub fn would_block(result: &Outcome) -> bool {
    result.as_ref().is_err_and(|it| it == "would-block")
}

/// Whether a result is this value.
pub fn is(value: &str) -> impl Fn(&Outcome) -> bool {
    move |result| result.as_ref().is_ok_and(|it| it == value)
}

/// An outcome as it is printed.
pub fn show(outcome: &Outcome) -> String {
    match outcome {
        Ok(value) if value.is_empty() => "ok".to_owned(),
        Ok(value) => format!("ok {value}"),
        Err(error) => error.clone(),
    }
}

pub fn code(code: ErrorCode) -> String {
    code.name().to_owned()
}

/// The outcome of a call that gives nothing.
pub fn done(result: Result<(), ErrorCode>) -> Outcome {
    result.map(|()| String::new()).map_err(code)
}

/// The outcome of a call that gives something.
pub fn value<T: Display>(result: Result<T, ErrorCode>) -> Outcome {
    result.map(|it| it.to_string()).map_err(code)
}

pub fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

pub fn family(word: &str) -> IpAddressFamily {
    match word {
        "6" => IpAddressFamily::Ipv6,
        _ => IpAddressFamily::Ipv4,
    }
}

pub fn family_name(family: IpAddressFamily) -> Outcome {
    let name = match family {
        IpAddressFamily::Ipv4 => "ipv4",
        IpAddressFamily::Ipv6 => "ipv6",
    };
    Ok(name.to_owned())
}
