//! What one socket does.

use crate::address::{read, wit};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use guest_script::{Kind, Op, Outcome, code, text};
use wasip3::sockets::types::{ErrorCode, IpAddressFamily, TcpSocket, UdpSocket};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

pub enum Socket {
    Tcp(Tcp),
    Udp(UdpSocket),
    /// Dropped, or never made.
    None,
}

pub struct Tcp {
    socket: TcpSocket,
    incoming: Option<StreamReader<TcpSocket>>,
    input: Option<(StreamReader<u8>, End)>,
    output: Option<(StreamWriter<u8>, End)>,
}

/// How a direction of a connection ended.
type End = FutureReader<Result<(), ErrorCode>>;

pub const DONE: Outcome = Ok(String::new());
const OTHER_SOCKET: &str = "not for this socket";

impl Socket {
    pub fn create(kind: Kind) -> Result<Socket, String> {
        let family = match kind.v6 {
            true => IpAddressFamily::Ipv6,
            false => IpAddressFamily::Ipv4,
        };
        Ok(match kind.udp {
            true => Socket::Udp(UdpSocket::create(family).map_err(|e| code(&e))?),
            false => Socket::Tcp(Tcp::new(TcpSocket::create(family).map_err(|e| code(&e))?)),
        })
    }

    pub async fn accept(&mut self) -> Result<(Socket, SocketAddr), String> {
        let Socket::Tcp(Tcp {
            incoming: Some(incoming),
            ..
        }) = self
        else {
            return Err("not listening".into());
        };
        let socket = incoming.next().await.ok_or("no more")?;
        let remote = socket.get_remote_address().map_err(|e| code(&e))?;
        Ok((Socket::Tcp(Tcp::new(socket)), read(remote)))
    }

    pub async fn run(&mut self, op: Op<'_>) -> Outcome {
        match self {
            Socket::Tcp(tcp) => tcp.run(op).await,
            Socket::Udp(socket) => udp(socket, op).await,
            Socket::None => Err("no socket".into()),
        }
    }
}

impl Tcp {
    fn new(socket: TcpSocket) -> Tcp {
        Tcp {
            socket,
            incoming: None,
            input: None,
            output: None,
        }
    }

    async fn run(&mut self, op: Op<'_>) -> Outcome {
        let socket = &self.socket;
        match op {
            Op::Bind(to) => done(socket.bind(wit(to))),
            Op::Listen => {
                self.incoming = Some(socket.listen().map_err(|e| code(&e))?);
                DONE
            }
            Op::Connect(to) => done(socket.connect(wit(to)).await),
            Op::Send(text) => self.send(text.as_bytes()).await,
            Op::Receive => self.receive().await,
            Op::ReceiveAll => self.receive_all().await,
            Op::Shutdown => match self.output.take() {
                Some((writer, end)) => {
                    drop(writer);
                    done(end.await)
                }
                None => Err("sends nothing".into()),
            },
            Op::Local => show(socket.get_local_address().map(read)),
            Op::Remote => show(socket.get_remote_address().map(read)),
            Op::HopLimit(limit) => {
                done(socket.set_hop_limit(limit))?;
                show(socket.get_hop_limit())
            }
            _ => Err(OTHER_SOCKET.to_owned()),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Outcome {
        let socket = &self.socket;
        let (writer, _) = self.output.get_or_insert_with(|| {
            let (writer, reader) = wasip3::wit_stream::new();
            (writer, socket.send(reader))
        });
        if writer.write_all(bytes.to_vec()).await.is_empty() {
            return DONE;
        }
        // Nobody reads any more: the future says why.
        match self.output.take() {
            Some((_, end)) => done(end.await),
            None => DONE,
        }
    }

    async fn receive(&mut self) -> Outcome {
        let socket = &self.socket;
        let (reader, _) = self.input.get_or_insert_with(|| socket.receive());
        match reader.read(Vec::with_capacity(4_096)).await {
            (StreamResult::Complete(_), bytes) => Ok(text(&bytes)),
            _ => match self.input.take() {
                Some((_, end)) => done(end.await).and(Err("closed".into())),
                None => DONE,
            },
        }
    }

    async fn receive_all(&mut self) -> Outcome {
        let (reader, end) = match self.input.take() {
            Some(input) => input,
            None => self.socket.receive(),
        };
        let all = reader.collect().await;
        done(end.await)?;
        Ok(text(&all))
    }
}

async fn udp(socket: &UdpSocket, op: Op<'_>) -> Outcome {
    match op {
        Op::Bind(to) => done(socket.bind(wit(to))),
        Op::UdpConnect(to) => done(socket.connect(wit(to))),
        Op::Stream => done(socket.disconnect()),
        Op::Send(text) => done(socket.send(text.into(), None).await),
        Op::SendTo(to, text) => done(socket.send(text.into(), Some(wit(to))).await),
        Op::Receive => {
            let (bytes, from) = socket.receive().await.map_err(|e| code(&e))?;
            Ok(format!("{} from {}", text(&bytes), read(from)))
        }
        Op::Local => show(socket.get_local_address().map(read)),
        Op::Remote => show(socket.get_remote_address().map(read)),
        Op::HopLimit(limit) => {
            done(socket.set_unicast_hop_limit(limit))?;
            show(socket.get_unicast_hop_limit())
        }
        _ => Err(OTHER_SOCKET.to_owned()),
    }
}

fn done(result: Result<(), ErrorCode>) -> Outcome {
    result.map_err(|e| code(&e)).and(DONE)
}

fn show(result: Result<impl ToString, ErrorCode>) -> Outcome {
    Ok(result.map_err(|e| code(&e))?.to_string())
}
