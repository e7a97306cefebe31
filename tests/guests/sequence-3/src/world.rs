//! What there is, by name.

use crate::address::read;
use crate::patience::{WAITS, settle, soon};
use crate::pending::{self, Pending};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::Any;
use core::future::Future;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::pin::{Pin, pin};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, TcpSocket, UdpSocket,
};
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamWriter};

/// How a stream will have ended.
pub type Ended = Pin<Box<dyn Future<Output = Result<(), ErrorCode>>>>;

pub enum Thing {
    Tcp(TcpSocket),
    Udp(Rc<UdpSocket>),
    Accepted(StreamReader<TcpSocket>),
    Reader(StreamReader<u8>),
    Writer(StreamWriter<u8>),
    Ended(Ended),
    Pending(Pending),
    /// A stream that has ended, and must not be read or written again.
    Over(#[allow(dead_code, reason = "it is there to be dropped")] Box<dyn Any>),
}

/// Why a call was not made at all.
pub const ABSENT: &str = "absent";

pub struct World {
    things: BTreeMap<String, Thing>,
    letters: Vec<(String, u16)>,
    /// Ports that the network chose, in their order.
    chosen: Vec<u16>,
    /// The byte that is written next.
    next: u8,
}

impl World {
    /// The arguments are `LETTER=NUMBER`.
    pub fn new(arguments: &[String]) -> World {
        let letter = |argument: &String| {
            let (letter, number) = argument.split_once('=')?;
            Some((letter.to_string(), number.parse().ok()?))
        };
        World {
            things: BTreeMap::new(),
            letters: arguments.iter().filter_map(letter).collect(),
            chosen: Vec::new(),
            next: 0,
        }
    }

    /// Takes a thing out, which is to be put back.
    pub fn take(&mut self, name: &str) -> Option<Thing> {
        self.things.remove(name)
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
    pub async fn call(&mut self, call: &str, expected: Option<&str>) -> String {
        settle(expected).await;
        let words: Vec<&str> = call.split(' ').filter(|it| !it.is_empty()).collect();
        let Some((verb, args)) = words.split_first() else {
            return String::new();
        };
        if let ("drop", [name]) = (*verb, args) {
            return match self.things.remove(*name) {
                Some(_) => "ok".to_string(),
                None => ABSENT.to_string(),
            };
        }
        if let Some(name) = call.strip_prefix("resolve ") {
            return resolve(name, expected).await;
        }
        if *verb == "begin" {
            return pending::begin(self, args).await;
        }
        let name = args.first().copied().unwrap_or_default();
        match name.as_bytes().first() {
            Some(b't') => crate::tcp::call(self, verb, args, expected).await,
            Some(b'u') => crate::udp::call(self, verb, args, expected).await,
            Some(b'b') => pending::finish(self, name, expected).await,
            _ => crate::streams::call(self, verb, args, expected).await,
        }
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
        let (ip, port) = text.rsplit_once(':').unwrap();
        let ip: IpAddr = ip.trim_matches(['[', ']']).parse().unwrap();
        let port = match port.strip_prefix('@') {
            Some(name) => self.reach(name).port(),
            None => self.number(port),
        };
        match (ip, scope) {
            (IpAddr::V6(ip), Some(scope)) => {
                let (flow, scope) = scope.split_once('/').unwrap();
                let [flow, scope] = [flow, scope].map(|it| it.parse().unwrap());
                SocketAddrV6::new(ip, port, flow, scope).into()
            }
            _ => SocketAddr::new(ip, port),
        }
    }

    /// Where a socket can be reached: one of a wildcard on loopback, one that has no address nowhere.
    fn reach(&self, name: &str) -> SocketAddr {
        let local = match self.things.get(name) {
            Some(Thing::Tcp(it)) => it.get_local_address().ok(),
            Some(Thing::Udp(it)) => it.get_local_address().ok(),
            _ => None,
        };
        let Some(mut local) = local.map(read) else {
            return SocketAddr::from(([127, 0, 0, 1], 9));
        };
        if local.ip().is_unspecified() {
            local.set_ip(match local {
                SocketAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        local
    }

    fn number(&self, word: &str) -> u16 {
        let letter = self.letters.iter().find(|(letter, _)| letter == word);
        letter.map_or_else(|| word.parse().unwrap(), |(_, number)| *number)
    }

    fn port(&mut self, port: u16) -> String {
        if port == 0 {
            return "0".to_string();
        }
        if let Some((letter, _)) = self.letters.iter().find(|(_, number)| *number == port) {
            return letter.clone();
        }
        let known = self.chosen.iter().position(|it| *it == port);
        let index = known.unwrap_or_else(|| {
            self.chosen.push(port);
            self.chosen.len() - 1
        });
        format!("p{index}")
    }

    /// An address with its port's name, and with flow and scope where it has them.
    pub fn show(&mut self, address: IpSocketAddress) -> String {
        let port = self.port(read(address).port());
        match read(address) {
            SocketAddr::V4(v4) => format!("{}:{port}", v4.ip()),
            SocketAddr::V6(v6) => {
                format!("[{}]:{port}/{}/{}", v6.ip(), v6.flowinfo(), v6.scope_id())
            }
        }
    }
}

/// The addresses of a name.
async fn resolve(name: &str, expected: Option<&str>) -> String {
    let ip = |ip: IpAddress| match ip {
        IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]).to_string(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            IpAddr::from([a, b, c, d, e, f, g, h]).to_string()
        }
    };
    match soon(expected, pin!(resolve_addresses(name.to_string()))).await {
        Some(Ok(found)) => found
            .into_iter()
            .fold("ok".to_string(), |said, it| said + " " + &ip(it)),
        Some(Err(code)) => guest_script::code(&code),
        None => WAITS.to_string(),
    }
}

/// What a call gave that has no value.
pub fn done(result: Result<(), ErrorCode>) -> String {
    value(result.map(|()| ""))
}

/// What a call gave.
pub fn value(result: Result<impl ToString, ErrorCode>) -> String {
    match result {
        Ok(value) => format!("ok {}", value.to_string()).trim_end().to_string(),
        Err(code) => guest_script::code(&code),
    }
}

/// The family that a script calls `4` or `6`.
pub fn family(of: &str) -> IpAddressFamily {
    match of {
        "4" => IpAddressFamily::Ipv4,
        _ => IpAddressFamily::Ipv6,
    }
}

/// A number in which different bytes differ.
pub fn sum(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add(u32::from(*byte));
    bytes.iter().fold(0, add)
}
