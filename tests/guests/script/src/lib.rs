//! The words of the probes: each argument of a probe is one operation, which it carries out and
//! prints with what became of it, `connect 127.0.0.1:80 -> access-denied`.
//!
//! Sockets are numbered from 0 as they come into being, accepted ones among them. An operation is
//! about the one in use: the newest that was created, until `use N` says another.

#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Debug;
use core::net::{Ipv6Addr, SocketAddr};

/// One operation.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// `tcp4`, `tcp6`, `udp4`, `udp6`: creates a socket.
    Create(Kind),
    /// `use N`
    Use(usize),
    /// `bind ADDRESS`
    Bind(SocketAddr),
    /// `listen`
    Listen,
    /// `accept`: waits for a connection, prints who it is and gives it the next number.
    Accept,
    /// `connect ADDRESS`: TCP, to the end.
    Connect(SocketAddr),
    /// `start-connect ADDRESS`: its first half, in 0.2.
    StartConnect(SocketAddr),
    /// `finish-connect`: its second half, in 0.2.
    FinishConnect,
    /// `udp-connect ADDRESS`: in 0.2 a stream that is tied to the address.
    UdpConnect(SocketAddr),
    /// `stream`: a stream that is not tied in 0.2, a disconnect in 0.3.
    Stream,
    /// `send TEXT`: to the other end of a connection.
    Send(&'a str),
    /// `send-to ADDRESS TEXT`
    SendTo(SocketAddr, &'a str),
    /// `receive`: waits for bytes or for a datagram.
    Receive,
    /// `receive-all`: TCP, until the other end has no more.
    ReceiveAll,
    /// `shutdown`: says that no more is sent.
    Shutdown,
    /// `resolve NAME`
    Resolve(&'a str),
    /// `resolve-many COUNT SUFFIX`: looks up `n0SUFFIX`, `n1SUFFIX` and so on.
    ResolveMany(usize, &'a str),
    /// `abandon NAME`: starts a lookup and drops it.
    Abandon(&'a str),
    /// `give-up OPERATION`: begins it, and drops it if it is not done after a moment. In 0.3.
    GiveUp(&'a str),
    /// `connect-name NAME:PORT`: a lookup, and a new socket for each answer until one connects.
    ConnectName(&'a str, u16),
    /// `local`: the socket's own address.
    Local,
    /// `remote`: the other end's address.
    Remote,
    /// `hop-limit N`: sets the option and reads it back.
    HopLimit(u8),
    /// `drop`
    Drop,
    /// `flood ADDRESS CHUNK COUNT`: so many chunks by TCP, until the other end has read them all.
    Flood(SocketAddr, usize, usize),
    /// `connects ADDRESS COUNT`: so many connections, one after the other.
    Connects(SocketAddr, usize),
    /// `pings ADDRESS SIZE COUNT`: so many datagrams there and back.
    Pings(SocketAddr, usize, usize),
}

/// A protocol and a family.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// UDP, not TCP.
    pub udp: bool,
    /// IPv6, not IPv4.
    pub v6: bool,
}

impl<'a> Op<'a> {
    /// Reads an operation.
    pub fn parse(text: &'a str) -> Option<Op<'a>> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let kind = |udp, v6| Some(Op::Create(Kind { udp, v6 }));
        match word {
            "tcp4" => kind(false, false),
            "tcp6" => kind(false, true),
            "udp4" => kind(true, false),
            "udp6" => kind(true, true),
            "use" => Some(Op::Use(rest.parse().ok()?)),
            "bind" => Some(Op::Bind(address(rest)?)),
            "listen" => Some(Op::Listen),
            "accept" => Some(Op::Accept),
            "connect" => Some(Op::Connect(address(rest)?)),
            "start-connect" => Some(Op::StartConnect(address(rest)?)),
            "finish-connect" => Some(Op::FinishConnect),
            "udp-connect" => Some(Op::UdpConnect(address(rest)?)),
            "stream" => Some(Op::Stream),
            "send" => Some(Op::Send(rest)),
            "send-to" => {
                let (to, text) = rest.split_once(' ')?;
                Some(Op::SendTo(address(to)?, text))
            }
            "receive" => Some(Op::Receive),
            "receive-all" => Some(Op::ReceiveAll),
            "shutdown" => Some(Op::Shutdown),
            "resolve" => Some(Op::Resolve(rest)),
            "resolve-many" => {
                let (count, suffix) = rest.split_once(' ')?;
                Some(Op::ResolveMany(count.parse().ok()?, suffix))
            }
            "abandon" => Some(Op::Abandon(rest)),
            "give-up" => Some(Op::GiveUp(rest)),
            "connect-name" => {
                let (name, port) = rest.rsplit_once(':')?;
                Some(Op::ConnectName(name, port.parse().ok()?))
            }
            "local" => Some(Op::Local),
            "remote" => Some(Op::Remote),
            "hop-limit" => Some(Op::HopLimit(rest.parse().ok()?)),
            "drop" => Some(Op::Drop),
            "flood" | "connects" | "pings" => Op::parse_bench(word, rest),
            _ => None,
        }
    }

    /// Those that give how many nanoseconds they took.
    fn parse_bench(word: &str, rest: &str) -> Option<Op<'a>> {
        let mut rest = rest.split(' ');
        let to = address(rest.next()?)?;
        let mut number = || rest.next()?.parse().ok();
        match word {
            "flood" => Some(Op::Flood(to, number()?, number()?)),
            "connects" => Some(Op::Connects(to, number()?)),
            _ => Some(Op::Pings(to, number()?, number()?)),
        }
    }
}

/// Reads `127.0.0.1:80` or `[fe80::1%3]:80#7`, where 3 is the scope and 7 the flow.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, flow) = match text.split_once('#') {
        Some((address, flow)) => (address, Some(flow.parse().ok()?)),
        None => (text, None),
    };
    let mut address: SocketAddr = address.parse().ok()?;
    if let (SocketAddr::V6(v6), Some(flow)) = (&mut address, flow) {
        v6.set_flowinfo(flow);
    }
    Some(address)
}

/// What became of an operation: what it gave, or its error code's name in WIT.
pub type Outcome = Result<String, String>;

/// What is printed of an operation.
pub fn line(op: &str, outcome: Outcome) -> String {
    let said = match outcome {
        Ok(value) if value.is_empty() => String::from("ok"),
        Ok(value) => value,
        Err(code) => code,
    };
    format!("{op} -> {said}\n")
}

/// The name in WIT of a code whose `Debug` is `ErrorCode::AccessDenied` or the like.
pub fn code(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let text = text.rsplit("::").next().unwrap_or_default();
    let mut name = String::new();
    for c in text.chars().take_while(|c| c.is_alphanumeric()) {
        if c.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_string()
}

/// The parts of an IPv6 address as WIT has them.
pub fn segments(ip: Ipv6Addr) -> (u16, u16, u16, u16, u16, u16, u16, u16) {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    (a, b, c, d, e, f, g, h)
}
