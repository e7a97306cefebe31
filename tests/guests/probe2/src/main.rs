//! Carries out what its arguments say with the sockets of WASI 0.2, through the bare bindings, and
//! prints what it gets. The words are those of `guest-script`.

mod address;
mod bench;

use address::{ip, read, wit};
use guest_script::{Kind, Op, Outcome, line, text};
use std::net::{IpAddr, SocketAddr};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

fn main() {
    let mut probe = Probe {
        network: instance_network(),
        sockets: Vec::new(),
        used: 0,
    };
    for arg in std::env::args().skip(1) {
        let op = Op::parse(&arg).unwrap_or_else(|| panic!("cannot read `{arg}`"));
        print!("{}", line(&arg, probe.run(op)));
    }
    // What is denied needs a pollable of the program's own: that of a clock.
    wasip2::clocks::monotonic_clock::subscribe_duration(1).block();
}

struct Probe {
    network: Network,
    sockets: Vec<Socket>,
    used: usize,
}

/// Streams stand before the socket that they are children of: fields are dropped in their order.
enum Socket {
    Tcp {
        streams: Option<(InputStream, OutputStream)>,
        socket: TcpSocket,
    },
    Udp {
        streams: Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
        socket: UdpSocket,
    },
    /// Dropped, or never made.
    None,
}

pub(crate) fn code(error: ErrorCode) -> String {
    error.name().to_owned()
}

pub(crate) fn stream_code(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(_) => "failed".to_owned(),
    }
}

const DONE: Outcome = Ok(String::new());
const OTHER_SOCKET: &str = "not for this socket";

impl Socket {
    fn create(kind: Kind) -> Result<Socket, String> {
        let family = match kind.v6 {
            true => IpAddressFamily::Ipv6,
            false => IpAddressFamily::Ipv4,
        };
        Ok(match kind.udp {
            true => Socket::Udp {
                socket: create_udp_socket(family).map_err(code)?,
                streams: None,
            },
            false => Socket::Tcp {
                socket: create_tcp_socket(family).map_err(code)?,
                streams: None,
            },
        })
    }
}

impl Probe {
    fn run(&mut self, op: Op<'_>) -> Outcome {
        match op {
            Op::Create(kind) => self.create(kind),
            Op::Use(number) => {
                self.used = number;
                DONE
            }
            Op::Resolve(name) => Ok(format!("{:?}", self.resolve(name)?)),
            Op::ResolveMany(count, suffix) => self.resolve_many(count, suffix),
            Op::Abandon(name) => self.abandon(name),
            Op::ConnectName(name, port) => self.connect_name(name, port),
            Op::Accept => self.accept(),
            Op::Flood(to, chunk, count) => bench::flood(&self.network, to, chunk, count),
            Op::Connects(to, count) => bench::connects(&self.network, to, count),
            Op::Pings(to, size, count) => bench::pings(&self.network, to, size, count),
            Op::Drop => {
                self.sockets[self.used] = Socket::None;
                DONE
            }
            op => match &mut self.sockets[self.used] {
                Socket::Tcp { socket, streams } => tcp(op, &self.network, socket, streams),
                Socket::Udp { socket, streams } => udp(op, &self.network, socket, streams),
                Socket::None => Err("no socket".to_owned()),
            },
        }
    }

    /// One that could not be made counts too, so that numbers stay what they are.
    fn create(&mut self, kind: Kind) -> Outcome {
        self.used = self.sockets.len();
        self.sockets.push(Socket::None);
        self.sockets[self.used] = Socket::create(kind)?;
        DONE
    }

    fn accept(&mut self) -> Outcome {
        let Socket::Tcp { socket, .. } = &self.sockets[self.used] else {
            return Err(OTHER_SOCKET.to_owned());
        };
        let (socket, input, output) = loop {
            match socket.accept() {
                Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
                result => break result.map_err(code)?,
            }
        };
        let remote = socket.remote_address().map_err(code)?;
        self.sockets.push(Socket::Tcp {
            socket,
            streams: Some((input, output)),
        });
        Ok(read(remote).to_string())
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let stream = resolve_addresses(&self.network, name).map_err(code)?;
        let mut answers = Vec::new();
        loop {
            match stream.resolve_next_address() {
                Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
                Ok(Some(address)) => answers.push(ip(address)),
                Ok(None) => return Ok(answers),
                Err(e) => return Err(code(e)),
            }
        }
    }

    fn resolve_many(&self, count: usize, suffix: &str) -> Outcome {
        let names = (0..count).map(|i| format!("n{i}{suffix}"));
        let answered = names.filter(|name| self.resolve(name).is_ok()).count();
        Ok(answered.to_string())
    }

    fn abandon(&self, name: &str) -> Outcome {
        let stream = resolve_addresses(&self.network, name).map_err(code)?;
        let pollable = stream.subscribe();
        let ready = pollable.ready();
        drop(pollable);
        drop(stream);
        Ok(if ready { "ready" } else { "pending" }.to_owned())
    }

    fn connect_name(&mut self, name: &str, port: u16) -> Outcome {
        let mut tried = Vec::new();
        for ip in self.resolve(name)? {
            let address = SocketAddr::new(ip, port);
            let kind = Kind {
                udp: false,
                v6: ip.is_ipv6(),
            };
            self.create(kind)?;
            match self.run(Op::Connect(address)) {
                Ok(_) => {
                    tried.push(format!("{address} ok"));
                    break;
                }
                Err(code) => tried.push(format!("{address} {code}")),
            }
        }
        Ok(tried.join(", "))
    }
}

fn tcp(
    op: Op<'_>,
    network: &Network,
    socket: &TcpSocket,
    streams: &mut Option<(InputStream, OutputStream)>,
) -> Outcome {
    match op {
        Op::Bind(to) => {
            socket.start_bind(network, wit(to)).map_err(code)?;
            finish(|| socket.finish_bind(), || socket.subscribe().block())?;
        }
        Op::Listen => {
            socket.start_listen().map_err(code)?;
            finish(|| socket.finish_listen(), || socket.subscribe().block())?;
        }
        Op::Connect(to) => {
            socket.start_connect(network, wit(to)).map_err(code)?;
            return tcp(Op::FinishConnect, network, socket, streams);
        }
        Op::StartConnect(to) => socket.start_connect(network, wit(to)).map_err(code)?,
        Op::FinishConnect => {
            let finished = finish(|| socket.finish_connect(), || socket.subscribe().block());
            *streams = Some(finished?);
        }
        Op::Send(text) => {
            let (_, output) = streams.as_ref().ok_or("not connected")?;
            for chunk in text.as_bytes().chunks(4_096) {
                output
                    .blocking_write_and_flush(chunk)
                    .map_err(stream_code)?;
            }
        }
        Op::Receive => {
            let (input, _) = streams.as_ref().ok_or("not connected")?;
            return Ok(text(&input.blocking_read(4_096).map_err(stream_code)?));
        }
        Op::ReceiveAll => {
            let (input, _) = streams.as_ref().ok_or("not connected")?;
            let mut all = Vec::new();
            loop {
                match input.blocking_read(65_536) {
                    Ok(bytes) => all.extend(bytes),
                    Err(StreamError::Closed) => return Ok(text(&all)),
                    Err(e) => return Err(stream_code(e)),
                }
            }
        }
        Op::Shutdown => socket.shutdown(ShutdownType::Send).map_err(code)?,
        Op::Local => return Ok(read(socket.local_address().map_err(code)?).to_string()),
        Op::Remote => return Ok(read(socket.remote_address().map_err(code)?).to_string()),
        Op::HopLimit(limit) => {
            socket.set_hop_limit(limit).map_err(code)?;
            return Ok(socket.hop_limit().map_err(code)?.to_string());
        }
        _ => return Err(OTHER_SOCKET.to_owned()),
    }
    DONE
}

/// Waits for the second half of an operation.
pub(crate) fn finish<T>(
    finish: impl Fn() -> Result<T, ErrorCode>,
    wait: impl Fn(),
) -> Result<T, String> {
    loop {
        match finish() {
            Err(ErrorCode::WouldBlock) => wait(),
            result => return result.map_err(code),
        }
    }
}

fn udp(
    op: Op<'_>,
    network: &Network,
    socket: &UdpSocket,
    streams: &mut Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
) -> Outcome {
    match op {
        Op::Bind(to) => {
            socket.start_bind(network, wit(to)).map_err(code)?;
            finish(|| socket.finish_bind(), || socket.subscribe().block())?;
        }
        Op::UdpConnect(to) => {
            // A socket has one pair of streams at a time.
            *streams = None;
            *streams = Some(socket.stream(Some(wit(to))).map_err(code)?);
        }
        Op::Stream => {
            *streams = None;
            *streams = Some(socket.stream(None).map_err(code)?);
        }
        Op::Send(text) => return send(socket, streams, None, text),
        Op::SendTo(to, text) => return send(socket, streams, Some(to), text),
        Op::Receive => {
            let (incoming, _) = open(socket, streams)?;
            loop {
                let datagrams = incoming.receive(1).map_err(code)?;
                match datagrams.into_iter().next() {
                    None => incoming.subscribe().block(),
                    Some(datagram) => {
                        let from = read(datagram.remote_address);
                        return Ok(format!("{} from {from}", text(&datagram.data)));
                    }
                }
            }
        }
        Op::Local => return Ok(read(socket.local_address().map_err(code)?).to_string()),
        Op::Remote => return Ok(read(socket.remote_address().map_err(code)?).to_string()),
        Op::HopLimit(limit) => {
            socket.set_unicast_hop_limit(limit).map_err(code)?;
            return Ok(socket.unicast_hop_limit().map_err(code)?.to_string());
        }
        _ => return Err(OTHER_SOCKET.to_owned()),
    }
    DONE
}

type Datagrams = (IncomingDatagramStream, OutgoingDatagramStream);

fn open<'s>(
    socket: &UdpSocket,
    streams: &'s mut Option<Datagrams>,
) -> Result<&'s Datagrams, String> {
    if streams.is_none() {
        *streams = Some(socket.stream(None).map_err(code)?);
    }
    streams.as_ref().ok_or_else(|| "no streams".to_owned())
}

fn send(
    socket: &UdpSocket,
    streams: &mut Option<Datagrams>,
    to: Option<SocketAddr>,
    text: &str,
) -> Outcome {
    let (_, outgoing) = open(socket, streams)?;
    while outgoing.check_send().map_err(code)? == 0 {
        outgoing.subscribe().block();
    }
    let datagram = OutgoingDatagram {
        data: text.into(),
        remote_address: to.map(wit),
    };
    match outgoing.send(&[datagram]).map_err(code)? {
        1 => DONE,
        sent => Err(format!("sent {sent}")),
    }
}
