//! TCP.

use crate::Out;
use crate::net::{Connection, accept, connect, listen, local, port};
use alloc::vec;
use alloc::vec::Vec;
use futures_util::future::join_all;
use futures_util::join;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket};
use wasip3::wit_bindgen::yield_async;

const FAMILIES: [IpAddressFamily; 2] = [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6];

/// Bytes that differ from place to place.
fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 31 % 251) as u8).collect()
}

/// A server that sends back what it gets, in writes of other sizes than the client's.
pub async fn echo(out: &Out) {
    for family in FAMILIES {
        let (_listener, mut accepted, address) = listen(family);
        let server = async {
            let mut connection = Connection::of(accept(&mut accepted).await);
            loop {
                let bytes = connection.read(10_000).await;
                if bytes.is_empty() {
                    break;
                }
                assert_eq!(connection.write(bytes).await, 0);
            }
            let Connection {
                writer,
                received,
                sent,
                ..
            } = connection;
            drop(writer);
            (received.await, sent.await)
        };
        let client = async {
            let Connection {
                mut reader,
                mut writer,
                received,
                sent,
                socket,
            } = Connection::of(connect(address).await.unwrap());
            assert_eq!(port(socket.get_remote_address().unwrap()), port(address));
            let bytes = pattern(3 << 20);
            let expected = bytes.clone();
            let write = async {
                let left = writer.write_all(bytes).await;
                drop(writer);
                left.len()
            };
            let read = async {
                let mut all = Vec::new();
                while let (_, bytes) = reader.read(Vec::with_capacity(70_000)).await
                    && !bytes.is_empty()
                {
                    all.extend(bytes);
                }
                all
            };
            let (left, all) = join!(write, read);
            drop(reader);
            (left, all == expected, received.await, sent.await)
        };
        out.say("echo", &join!(server, client));
    }
}

/// Each end in turn says that nothing more comes.
pub async fn half_close(out: &Out) {
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    let (server, client) = join!(accept(&mut accepted), connect(address));
    let mut server = Connection::of(server);
    let mut client = Connection::of(client.unwrap());
    assert_eq!(client.write(b"question".to_vec()).await, 0);
    drop(client.writer);
    out.say("client sent", &client.sent.await);
    out.say("server", &server.read_exactly(100).await.len());
    drop(server.reader);
    out.say("server received", &server.received.await);
    assert_eq!(server.writer.write_all(b"answer".to_vec()).await.len(), 0);
    drop(server.writer);
    out.say("server sent", &server.sent.await);
    let mut answer = Vec::new();
    while let (_, bytes) = client.reader.read(Vec::with_capacity(4)).await
        && !bytes.is_empty()
    {
        answer.extend(bytes);
    }
    out.say("client", &answer.len());
    out.say("client received", &client.received.await);
}

/// Ends that go away in the middle.
pub async fn drops(out: &Out) {
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    // Streams outlive their socket.
    let (server, client) = join!(accept(&mut accepted), connect(address));
    let mut server = Connection::of(server);
    let Connection {
        socket,
        mut reader,
        mut writer,
        sent,
        received,
    } = Connection::of(client.unwrap());
    drop(socket);
    out.say(
        "behind a socket",
        &writer.write_all(b"x".to_vec()).await.len(),
    );
    out.say("server", &server.read(10).await);
    assert_eq!(server.write(b"y".to_vec()).await, 0);
    out.say("client", &reader.read(Vec::with_capacity(10)).await.1);
    drop(writer);
    out.say("sent", &sent.await);
    out.say("server at the end", &server.read(10).await);
    drop(server);
    out.say(
        "client at the end",
        &reader.read(Vec::with_capacity(10)).await.1,
    );
    out.say("received", &received.await);

    // A peer that is dropped while what it was sent is not read.
    let (server, client) = join!(accept(&mut accepted), connect(address));
    let mut client = Connection::of(client.unwrap());
    assert_eq!(client.write(b"never read".to_vec()).await, 0);
    drop(server);
    let mut writes = 0;
    while client.write(vec![7; 1000]).await == 0 && writes < 1000 {
        writes += 1;
    }
    out.say("writing ends", &(writes < 1000));
    out.say("read", &client.read(10).await);
    out.say("sent", &client.sent.await.is_err());
}

/// Many connections at a time, each with its own bytes.
pub async fn many(out: &Out, count: usize) {
    let (listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    listener.set_listen_backlog_size(4).unwrap();
    let server = async {
        let mut connections = Vec::new();
        for _ in 0..count {
            connections.push(accept(&mut accepted).await);
        }
        let answers = connections.into_iter().map(async |socket| {
            let mut connection = Connection::of(socket);
            let bytes = connection.read_exactly(4).await;
            assert_eq!(connection.write(bytes).await, 0);
            drop(connection.writer);
        });
        join_all(answers).await;
    };
    let clients = join_all((0..count as u32).map(async |number| {
        let mut connection = Connection::of(connect(address).await.unwrap());
        let bytes = number.to_le_bytes().to_vec();
        assert_eq!(connection.write(bytes.clone()).await, 0);
        connection.read_exactly(4).await == bytes
    }));
    let ((), clients) = join!(server, clients);
    out.say("many", &clients.into_iter().filter(|it| *it).count());
}

/// What sockets say in states that are not for it.
pub async fn states(out: &Out) {
    for family in FAMILIES {
        let socket = TcpSocket::create(family).unwrap();
        out.say("local", &socket.get_local_address());
        out.say("remote", &socket.get_remote_address());
        let (writer, data) = wasip3::wit_stream::new();
        out.say("send", &socket.send(data).await);
        drop::<wasip3::wit_bindgen::rt::async_support::StreamWriter<u8>>(writer);
        let (reader, received) = socket.receive();
        out.say("receive", &(reader.collect().await, received.await));
        out.say("refused", &socket.connect(local(family, 1)).await);
        out.say("closed", &socket.get_hop_limit());
        out.say("connect again", &socket.connect(local(family, 1)).await);
        let listener = TcpSocket::create(family).unwrap();
        let accepted = listener.listen();
        out.say("listen", &accepted.is_ok());
        out.say("again", &listener.listen().map(drop));
        out.say("listening", &listener.get_is_listening());
        // The port stays taken when nobody accepts any more.
        let address = local(family, port(listener.get_local_address().unwrap()));
        drop(accepted);
        let other = TcpSocket::create(family).unwrap();
        out.say("bind", &other.bind(address));
        let late = TcpSocket::create(family).unwrap();
        out.say("connect", &late.connect(address).await);
        let taken = late.send(wasip3::wit_stream::new().1);
        out.say("send twice", &late.send(wasip3::wit_stream::new().1).await);
        drop((taken, vec![late, listener]));
    }
}

/// A listener goes away with a connection that nobody has accepted, while its client reads.
pub async fn unaccepted(out: &Out) {
    let (listener, accepted, address) = listen(IpAddressFamily::Ipv4);
    let mut client = Connection::of(connect(address).await.unwrap());
    let gone = async {
        // The client has its turns, and waits.
        for _ in 0..10 {
            yield_async().await;
        }
        drop((listener, accepted));
    };
    let (bytes, ()) = join!(client.read(10), gone);
    out.say("unaccepted", &(bytes, client.received.await));
}
