//! Uses sockets of two versions of WASI 0.3: a server has those of one, and its client those of another.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddrV4;
use futures_util::future::join;
use net::{Connection, accept};
use wasi::sockets::ip_name_lookup::resolve_addresses;
use wasi::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};
use wasip3::sockets::types as newer;

wit_bindgen::generate!({
    path: "wit",
    world: "versions",
    generate_all,
});

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let arguments = wasip3::cli::environment::get_arguments();
        if let [_, server, datagrams] = &arguments[..] {
            let said = outside(server.parse().unwrap(), datagrams.parse().unwrap());
            return net::print(said.await).await;
        }
        let (_listener, mut accepted, address) = net::listen(newer::IpAddressFamily::Ipv4);
        let server = async {
            let mut connection = Connection::of(accept(&mut accepted).await);
            connection.write(b"answer".to_vec()).await;
            drop(connection.writer);
            connection.reader.collect().await
        };
        let (asked, answered) = join(server, client(here(net::port(address)), b"query")).await;
        let [asked, answered] = [asked, answered].map(|it| String::from_utf8(it).unwrap());
        // Sockets of UDP are those of one version alone.
        let datagram = datagrams().await;
        let names = resolve_addresses("::1".to_owned()).await;
        let named = wasip3::sockets::ip_name_lookup::resolve_addresses("127.0.0.1".to_owned());
        let counts = (names.unwrap().len(), named.await.unwrap().len());
        net::print(format!("{asked} {answered} {datagram} {counts:?}\n")).await
    }
}

fn here(port: u16) -> IpSocketAddress {
    let address = (127, 0, 0, 1);
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

/// Both ask the host's servers.
async fn outside(server: SocketAddrV4, datagrams: SocketAddrV4) -> String {
    let [a, b, c, d] = server.ip().octets();
    let newer_server = newer::IpSocketAddress::Ipv4(newer::Ipv4SocketAddress {
        port: server.port(),
        address: (a, b, c, d),
    });
    let mut connection = Connection::of(net::connect(newer_server).await.unwrap());
    connection.write(b"newer".to_vec()).await;
    drop(connection.writer);
    let by_newer = connection.reader.collect().await;
    let by_older = client(at(server), b"older").await;
    let [by_newer, by_older] = [by_newer, by_older].map(|it| String::from_utf8(it).unwrap());
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    let to = at(datagrams);
    socket.send(b"datagram".to_vec(), Some(to)).await.unwrap();
    let datagram = String::from_utf8(socket.receive().await.unwrap().0).unwrap();
    format!("{by_newer} {by_older} {datagram}\n")
}

fn at(address: SocketAddrV4) -> IpSocketAddress {
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    })
}

async fn client(server: IpSocketAddress, asks: &[u8]) -> Vec<u8> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.connect(server).await.unwrap();
    let (mut writer, data) = wit_stream::new();
    let sent = socket.send(data);
    let (reader, received) = socket.receive();
    writer.write_all(asks.to_vec()).await;
    drop(writer);
    sent.await.unwrap();
    let answer = reader.collect().await;
    received.await.unwrap();
    answer
}

async fn datagrams() -> String {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.bind(here(0)).unwrap();
    let own = socket.get_local_address().unwrap();
    socket.send(b"datagram".to_vec(), Some(own)).await.unwrap();
    String::from_utf8(socket.receive().await.unwrap().0).unwrap()
}
