//! Both ends of its connections, over loopback, by the sockets of WASI 0.3. Prints how many
//! nanoseconds it took.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use futures_util::future::join_all;
use futures_util::join;
use wasip3::clocks::monotonic_clock::now;
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamWriter};

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let arguments: Vec<String> = wasip3::cli::environment::get_arguments();
        let what = arguments.get(1).ok_or(())?;
        let numbers: Vec<usize> = arguments[2..]
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect();
        let took = match (what.as_str(), &numbers[..]) {
            ("tcp", &[chunk, total]) => tcp(chunk, total).await,
            ("pings", &[count]) => pings(count).await,
            ("connects", &[count]) => connects(count).await,
            ("echoes", &[others, size]) => echoes(others, size).await,
            ("nothing", []) => 0,
            _ => return Err(()),
        };
        say(took.to_string()).await
    }
}

async fn say(text: String) -> Result<(), ()> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = wasip3::cli::stderr::write_via_stream(reader);
    writer.write_all(text.into_bytes()).await;
    drop(writer);
    written.await.map_err(drop)
}

/// A listener. Its connections come out of the stream.
struct Listener {
    address: IpSocketAddress,
    accepted: StreamReader<TcpSocket>,
    _socket: TcpSocket,
}

fn listen() -> Listener {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    let anywhere = Ipv4SocketAddress {
        port: 0,
        address: (127, 0, 0, 1),
    };
    socket.bind(IpSocketAddress::Ipv4(anywhere)).unwrap();
    socket.set_listen_backlog_size(4096).unwrap();
    let accepted = socket.listen().unwrap();
    let address = socket.get_local_address().unwrap();
    Listener {
        address,
        accepted,
        _socket: socket,
    }
}

/// One end of a connection.
struct End {
    reader: StreamReader<u8>,
    writer: StreamWriter<u8>,
    _socket: TcpSocket,
}

impl End {
    fn of(socket: TcpSocket) -> Self {
        let (writer, data) = wasip3::wit_stream::new();
        // How they end is what the streams say.
        drop(socket.send(data));
        let (reader, _) = socket.receive();
        End {
            reader,
            writer,
            _socket: socket,
        }
    }

    /// Writes these bytes, and gives the room that they took.
    async fn write(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let left = self.writer.write_all(bytes).await;
        assert!(left.is_empty());
        left
    }

    /// Fills this room as far as there is something, which there must be.
    async fn read(&mut self, mut room: Vec<u8>) -> Vec<u8> {
        room.clear();
        let (_, bytes) = self.reader.read(room).await;
        assert!(!bytes.is_empty());
        bytes
    }
}

async fn connection(listener: &mut Listener) -> [End; 2] {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.connect(listener.address).await.unwrap();
    let accepted = listener.accepted.next().await.unwrap();
    [socket, accepted].map(End::of)
}

/// Moves so many bytes from one end to the other, in writes of a size.
async fn tcp(chunk: usize, total: usize) -> u64 {
    let mut listener = listen();
    let [mut client, mut server] = connection(&mut listener).await;
    let start = now();
    let writes = async {
        let mut bytes = Vec::with_capacity(chunk);
        for _ in 0..total / chunk {
            bytes.resize(chunk, 7);
            bytes = client.write(bytes).await;
        }
    };
    let reads = async {
        let mut room = Vec::with_capacity(1 << 16);
        let mut received = 0;
        while received < total / chunk * chunk {
            room = server.read(room).await;
            received += room.len();
        }
    };
    join!(writes, reads);
    now() - start
}

/// A byte there and back, so often.
async fn pings(count: usize) -> u64 {
    let mut listener = listen();
    let [mut client, mut server] = connection(&mut listener).await;
    let start = now();
    let asks = async {
        let mut byte = vec![7];
        for _ in 0..count {
            let room = client.write(byte).await;
            byte = client.read(room).await;
        }
    };
    let answers = async {
        let mut byte = Vec::with_capacity(1);
        for _ in 0..count {
            byte = server.read(byte).await;
            byte = server.write(byte).await;
        }
    };
    join!(asks, answers);
    now() - start
}

/// Connects, accepts, sends a byte and closes, so often.
async fn connects(count: usize) -> u64 {
    let mut listener = listen();
    let start = now();
    for _ in 0..count {
        let [mut client, mut server] = connection(&mut listener).await;
        let room = client.write(vec![7]).await;
        server.read(room).await;
    }
    now() - start
}

/// So many connections at a time, on each of which so much comes back.
async fn echoes(count: usize, size: usize) -> u64 {
    const PART: usize = 8 << 10;
    let mut listener = listen();
    let start = now();
    let mut ends = Vec::new();
    for _ in 0..count {
        ends.push(connection(&mut listener).await);
    }
    join_all(ends.into_iter().map(|[client, server]| async {
        let End {
            mut reader,
            mut writer,
            _socket,
        } = client;
        let asks = async {
            let mut bytes = Vec::with_capacity(PART);
            for _ in 0..size / PART {
                bytes.resize(PART, 7);
                bytes = writer.write_all(bytes).await;
            }
            drop(writer);
        };
        let reads = async {
            let mut room = Vec::with_capacity(PART);
            let mut received = 0;
            while received < size {
                (_, room) = reader.read(room).await;
                received += room.len();
                room.clear();
            }
        };
        join!(asks, reads, echo(server, size, PART));
    }))
    .await;
    now() - start
}

/// Sends back what comes.
async fn echo(mut end: End, size: usize, part: usize) {
    let mut sent = 0;
    let mut room = Vec::with_capacity(part);
    while sent < size {
        room = end.read(room).await;
        sent += room.len();
        room = end.write(room).await;
    }
}
