//! Sockets of 0.3, with less to write.

use alloc::string::String;
use alloc::vec::Vec;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_bindgen::rt::async_support::{
    FutureReader, StreamReader, StreamResult, StreamWriter,
};

pub type Ended = FutureReader<Result<(), ErrorCode>>;

pub fn local(family: IpAddressFamily, port: u16) -> IpSocketAddress {
    match family {
        IpAddressFamily::Ipv4 => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: (127, 0, 0, 1),
        }),
        IpAddressFamily::Ipv6 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: 0,
            address: (0, 0, 0, 0, 0, 0, 0, 1),
            scope_id: 0,
        }),
    }
}

pub fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(it) => it.port,
        IpSocketAddress::Ipv6(it) => it.port,
    }
}

/// A listener on any port, its connections, and where it is.
pub fn listen(family: IpAddressFamily) -> (TcpSocket, StreamReader<TcpSocket>, IpSocketAddress) {
    let listener = TcpSocket::create(family).unwrap();
    listener.bind(local(family, 0)).unwrap();
    let accepted = listener.listen().unwrap();
    let address = listener.get_local_address().unwrap();
    (listener, accepted, address)
}

pub async fn accept(listener: &mut StreamReader<TcpSocket>) -> TcpSocket {
    listener.next().await.unwrap()
}

pub async fn connect(to: IpSocketAddress) -> Result<TcpSocket, ErrorCode> {
    let family = match to {
        IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    };
    let socket = TcpSocket::create(family)?;
    socket.connect(to).await?;
    Ok(socket)
}

/// Both directions of a connection.
pub struct Connection {
    pub socket: TcpSocket,
    pub reader: StreamReader<u8>,
    pub received: Ended,
    pub writer: StreamWriter<u8>,
    pub sent: Ended,
}

impl Connection {
    pub fn of(socket: TcpSocket) -> Self {
        let (writer, data) = wasip3::wit_stream::new();
        let sent = socket.send(data);
        let (reader, received) = socket.receive();
        Connection {
            socket,
            reader,
            received,
            writer,
            sent,
        }
    }

    /// Up to so many bytes; none at the end.
    pub async fn read(&mut self, count: usize) -> Vec<u8> {
        let (result, bytes) = self.reader.read(Vec::with_capacity(count)).await;
        match result {
            StreamResult::Complete(_) | StreamResult::Dropped => bytes,
            StreamResult::Cancelled => unreachable!(),
        }
    }

    pub async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let more = self.read(count - bytes.len()).await;
            if more.is_empty() {
                break;
            }
            bytes.extend(more);
        }
        bytes
    }

    /// What of the bytes was not taken.
    pub async fn write(&mut self, bytes: Vec<u8>) -> usize {
        self.writer.write_all(bytes).await.len()
    }
}

pub async fn print(text: String) -> Result<(), ()> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = wasip3::cli::stdout::write_via_stream(reader);
    let left: Vec<u8> = writer.write_all(text.into_bytes()).await;
    drop(writer);
    assert!(left.is_empty());
    written.await.map_err(drop)
}
