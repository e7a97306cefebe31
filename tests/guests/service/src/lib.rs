//! A server that does one thing at a time, when another component tells it to.

use exports::test::neighbours::service::Guest;
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

wit_bindgen::generate!({ path: "wit", world: "server" });

struct Service;

export!(Service);

#[derive(Default)]
struct Sockets {
    listener: Option<TcpListener>,
    datagrams: Option<UdpSocket>,
    connection: Option<TcpStream>,
}

thread_local! {
    static SOCKETS: RefCell<Sockets> = RefCell::default();
}

/// Does something with the sockets. Of what goes wrong the kind is told.
fn with<T>(act: impl FnOnce(&mut Sockets) -> std::io::Result<T>) -> Result<T, String> {
    SOCKETS
        .with_borrow_mut(act)
        .map_err(|e| format!("{:?}", e.kind()))
}

fn missing() -> std::io::Error {
    std::io::ErrorKind::NotConnected.into()
}

impl Guest for Service {
    fn listen(port: u16) -> Result<u16, String> {
        with(|sockets| {
            let listener = TcpListener::bind(("127.0.0.1", port))?;
            let address = listener.local_addr()?;
            sockets.datagrams = Some(UdpSocket::bind(address)?);
            sockets.listener = Some(listener);
            Ok(address.port())
        })
    }

    fn accept() -> Result<String, String> {
        with(|sockets| {
            let listener = sockets.listener.as_ref().ok_or_else(missing)?;
            let (connection, peer) = listener.accept()?;
            sockets.connection = Some(connection);
            Ok(peer.to_string())
        })
    }

    fn connect(address: String) -> Result<String, String> {
        with(|sockets| {
            let connection = TcpStream::connect(address)?;
            let here = connection.local_addr()?;
            sockets.connection = Some(connection);
            Ok(here.to_string())
        })
    }

    fn echo(count: u32) -> Result<(), String> {
        with(|sockets| {
            let connection = sockets.connection.as_mut().ok_or_else(missing)?;
            let mut bytes = vec![0; count as usize];
            connection.read_exact(&mut bytes)?;
            connection.write_all(&bytes)
        })
    }

    fn finish() -> Result<String, String> {
        with(|sockets| {
            let mut connection = sockets.connection.take().ok_or_else(missing)?;
            let mut text = String::new();
            connection.read_to_string(&mut text)?;
            connection.write_all(text.to_uppercase().as_bytes())?;
            Ok(text)
        })
    }

    fn reply() -> Result<String, String> {
        with(|sockets| {
            let socket = sockets.datagrams.as_ref().ok_or_else(missing)?;
            let mut bytes = vec![0; 65_536];
            let (count, from) = socket.recv_from(&mut bytes)?;
            socket.send_to(&bytes[..count], from)?;
            Ok(from.to_string())
        })
    }

    fn look_up(name: String) -> Vec<String> {
        let found = (name.as_str(), 80).to_socket_addrs();
        let found = found.into_iter().flatten();
        found.map(|it| it.ip().to_string()).collect()
    }

    fn ask(address: String) -> Result<String, String> {
        let asked = TcpStream::connect(address).and_then(|mut server| {
            server.write_all(b"a neighbour")?;
            server.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            server.read_to_string(&mut answer)?;
            Ok(answer)
        });
        asked.map_err(|e| format!("{:?}", e.kind()))
    }

    fn close() {
        SOCKETS.take();
    }
}
