//! Steps of a conversation, one after the other, with the sockets, names and clocks of WASI 0.3: as
//! `dialogue/src/steps.rs`.

use crate::net::{self, Connection};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use futures_util::future::{Either, select};
use wasip3::clocks::monotonic_clock::{now, wait_for};
use wasip3::clocks::system_clock;
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
    UdpSocket,
};
use wasip3::wit_bindgen::rt::async_support::StreamReader;

type Result<T> = core::result::Result<T, String>;

/// The sockets that steps are about, and when it began.
pub struct Has {
    begin: u64,
    stream: Option<Connection>,
    /// How receiving has ended, once that was asked.
    received: Option<core::result::Result<(), String>>,
    listener: Option<(TcpSocket, StreamReader<TcpSocket>)>,
    socket: Option<UdpSocket>,
    patience: Option<u64>,
}

impl Default for Has {
    fn default() -> Self {
        Has {
            begin: now(),
            stream: None,
            received: None,
            listener: None,
            socket: None,
            patience: None,
        }
    }
}

/// An error as Rust's standard library calls it.
fn named(e: impl Debug) -> String {
    let name = format!("{e:?}");
    let name = name.rsplit("::").next().unwrap_or_default();
    match name {
        "RemoteUnreachable" => "HostUnreachable",
        "AddressInUse" => "AddrInUse",
        "Timeout" => "TimedOut",
        "NameUnresolvable" | "TemporaryResolverFailure" | "PermanentResolverFailure" => {
            "Uncategorized"
        }
        name => name,
    }
    .to_owned()
}

impl Has {
    /// Does a step, and says what came of it.
    pub async fn act(&mut self, step: &str) -> String {
        if step == "time" {
            let passed = (now() - self.begin) / 1_000_000;
            return format!("{passed} ms have passed");
        }
        let said = self.run(step).await.unwrap_or_else(|e| e);
        format!("{step}: {said}")
    }

    fn stream(&mut self) -> Result<&mut Connection> {
        self.stream.as_mut().ok_or("no stream".to_owned())
    }

    fn socket(&self) -> Result<&UdpSocket> {
        self.socket.as_ref().ok_or("no socket".to_owned())
    }

    async fn run(&mut self, arg: &str) -> Result<String> {
        let (word, rest) = arg.split_once(' ').unwrap_or((arg, ""));
        let mut said = "done".to_owned();
        match word {
            "connect" => self.connect(rest).await?,
            "listen" => {
                let address: SocketAddr = rest.parse().map_err(named)?;
                let socket = TcpSocket::create(family(address.ip())).map_err(named)?;
                socket.bind(wit(address)).map_err(named)?;
                let accepted = socket.listen().map_err(named)?;
                self.listener = Some((socket, accepted));
            }
            "accept" => {
                let (_, accepted) = self.listener.as_mut().ok_or("no listener".to_owned())?;
                let socket = accepted.next().await.ok_or("no more".to_owned())?;
                said = core(socket.get_remote_address().map_err(named)?).to_string();
                self.begin(socket);
            }
            "write" => {
                let left = self.stream()?.write(unescaped(rest)).await;
                if left > 0 {
                    said = format!("{left} bytes are left");
                }
            }
            "read" => said = self.read(rest.parse().map_err(named)?).await?,
            "read-all" => said = self.read_all().await?,
            "copy" => {
                let stream = self.stream()?;
                let mut count = 0;
                loop {
                    let bytes = stream.read(1000).await;
                    if bytes.is_empty() {
                        break;
                    }
                    count += bytes.len();
                    stream.write(bytes).await;
                }
                said = format!("{count} bytes");
            }
            "timeout" => self.patience = Some(rest.parse::<u64>().map_err(named)? * 1_000_000),
            "shutdown" => {
                let stream = self.stream()?;
                let (writer, _) = wasip3::wit_stream::new();
                drop(core::mem::replace(&mut stream.writer, writer));
            }
            "close" => drop(self.stream.take()),
            "bind" => {
                let address: SocketAddr = rest.parse().map_err(named)?;
                let socket = UdpSocket::create(family(address.ip())).map_err(named)?;
                socket.bind(wit(address)).map_err(named)?;
                self.socket = Some(socket);
            }
            "send" => {
                let (to, text) = rest.split_once(' ').ok_or("no text".to_owned())?;
                let to = wit(to.parse().map_err(named)?);
                let sent = self.socket()?.send(unescaped(text), Some(to)).await;
                sent.map_err(named)?;
            }
            "receive" => said = self.receive().await?,
            "wait-for-datagrams" => {
                self.patience = Some(rest.parse::<u64>().map_err(named)? * 1_000_000);
            }
            "resolve" => {
                let addresses = resolve_addresses(rest.to_owned()).await.map_err(named)?;
                let addresses = addresses.into_iter().map(|it| ip(it).to_string());
                said = addresses.collect::<Vec<_>>().join(" ");
            }
            "sleep" => wait_for(rest.parse::<u64>().map_err(named)? * 1_000_000).await,
            "date" => said = format!("{} days", system_clock::now().seconds / 86_400),
            "exit" => wasip3::cli::exit::exit(if rest == "0" { Ok(()) } else { Err(()) }),
            _ => panic!(),
        }
        Ok(said)
    }

    fn begin(&mut self, socket: TcpSocket) {
        self.stream = Some(Connection::of(socket));
        self.received = None;
    }

    /// Tries one address after the other.
    async fn connect(&mut self, to: &str) -> Result<()> {
        let addresses = match to.parse::<SocketAddr>() {
            Ok(address) => alloc::vec![address],
            Err(_) => {
                let (name, port) = to.rsplit_once(':').ok_or("no port".to_owned())?;
                let port = port.parse().map_err(named)?;
                let found = resolve_addresses(name.to_owned()).await.map_err(named)?;
                let found = found.into_iter().map(|it| SocketAddr::new(ip(it), port));
                found.collect()
            }
        };
        let mut failed = "no address".to_owned();
        for address in addresses {
            match net::connect(wit(address)).await {
                Ok(socket) => {
                    self.begin(socket);
                    return Ok(());
                }
                Err(e) => failed = named(e),
            }
        }
        Err(failed)
    }

    async fn read(&mut self, count: usize) -> Result<String> {
        let patience = self.patience;
        let stream = self.stream()?;
        let Some(patience) = patience else {
            return Ok(shown(&stream.read(count).await));
        };
        let read = pin!(stream.read(count));
        match select(read, pin!(wait_for(patience))).await {
            Either::Left((bytes, _)) => Ok(shown(&bytes)),
            Either::Right(_) => Err("WouldBlock".to_owned()),
        }
    }

    async fn read_all(&mut self) -> Result<String> {
        let stream = self.stream()?;
        let mut all = Vec::new();
        loop {
            let bytes = stream.read(1000).await;
            if bytes.is_empty() {
                break;
            }
            all.extend(bytes);
        }
        let mut said = shown(&all);
        if self.received.is_none() {
            let stream = self.stream()?;
            let (_, other) = wasip3::wit_future::new(|| Ok(()));
            let received = core::mem::replace(&mut stream.received, other).await;
            self.received = Some(received.map_err(|e| match named(e).as_str() {
                // It has no name for one that a read finds.
                "ConnectionReset" => "Uncategorized".to_owned(),
                name => name.to_owned(),
            }));
        }
        if let Some(Err(e)) = &self.received {
            said.push_str(&format!(" then {e}"));
        }
        Ok(said)
    }

    async fn receive(&mut self) -> Result<String> {
        let patience = self.patience.unwrap_or(u64::MAX);
        let receive = pin!(self.socket()?.receive());
        match select(receive, pin!(wait_for(patience))).await {
            Either::Left((received, _)) => {
                let (bytes, from) = received.map_err(named)?;
                Ok(format!("{} from {}", shown(&bytes), core(from)))
            }
            Either::Right(_) => Err("WouldBlock".to_owned()),
        }
    }
}

fn family(ip: IpAddr) -> IpAddressFamily {
    match ip {
        IpAddr::V4(_) => IpAddressFamily::Ipv4,
        IpAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

fn wit(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(it) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: it.port(),
            address: it.ip().octets().into(),
        }),
        SocketAddr::V6(it) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: it.port(),
            flow_info: it.flowinfo(),
            address: it.ip().segments().into(),
            scope_id: it.scope_id(),
        }),
    }
}

fn ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

fn core(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(it) => SocketAddr::new(ip(IpAddress::Ipv4(it.address)), it.port),
        IpSocketAddress::Ipv6(it) => SocketAddr::new(ip(IpAddress::Ipv6(it.address)), it.port),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, true) => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'x') => {
                    let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                    u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or_default()
                }
                other => other.unwrap_or(b'\\'),
            },
            (byte, false) => byte,
        });
    }
    bytes
}

fn shown(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=100 => format!("\"{}\"", bytes.escape_ascii()),
        count => format!("{count} bytes"),
    }
}
