//! What is begun and taken back, and what is left behind.

use crate::Out;
use crate::net::{Connection, accept, connect, listen};
use alloc::vec;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;
use futures_util::{join, poll};
use wasip3::sockets::types::{IpAddressFamily, TcpSocket};
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamResult, yield_async};

/// So often others get their turn before something is given up.
const PATIENCE: usize = 50;

/// What a future gives, unless it waits.
async fn soon<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..PATIENCE {
        if let core::task::Poll::Ready(output) = poll!(future.as_mut()) {
            return Some(output);
        }
        yield_async().await;
    }
    None
}

async fn pair() -> [Connection; 2] {
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    let (server, client) = join!(accept(&mut accepted), connect(address));
    [client.unwrap(), server].map(Connection::of)
}

/// Reads, and takes the read back.
async fn take_back_read(reader: &mut StreamReader<u8>) -> (StreamResult, Vec<u8>) {
    let mut read = pin!(reader.read(Vec::with_capacity(10)));
    match soon(read.as_mut()).await {
        Some(result) => result,
        None => read.cancel(),
    }
}

/// Reads and writes that are taken back, at both ends.
pub async fn cancel(out: &Out) {
    let [mut client, mut server] = pair().await;
    for byte in 0..3 {
        out.say("nothing", &take_back_read(&mut server.reader).await);
        assert_eq!(client.write(vec![byte]).await, 0);
        out.say("byte", &server.read(10).await);
    }
    for _ in 0..3 {
        let mut sent = 0;
        loop {
            let mut write = pin!(client.writer.write(vec![7; 50_000]));
            let written = soon(write.as_mut()).await;
            let is_full = written.is_none();
            let (result, _) = written.unwrap_or_else(|| write.cancel());
            if let StreamResult::Complete(count) = result {
                sent += count;
            }
            if is_full {
                break;
            }
        }
        let mut received = 0;
        while received < sent {
            received += server.read(70_000).await.len();
        }
        out.say("as many as were sent", &(received == sent));
        out.say("and no more", &take_back_read(&mut server.reader).await);
    }
    assert_eq!(client.write(b"last".to_vec()).await, 0);
    drop(client);
    out.say("the last", &server.read(10).await);
    out.say("the end", &server.read(10).await);
    out.say("received", &server.received.await);
}

/// Reads and writes of no bytes, which say that there is something, or room.
pub async fn readiness(out: &Out) {
    let [mut client, mut server] = pair().await;
    out.say("room", &client.writer.write(Vec::new()).await.0);
    assert_eq!(client.write(b"something".to_vec()).await, 0);
    out.say("there", &server.reader.read(Vec::new()).await);
    out.say("there still", &server.reader.read(Vec::new()).await);
    out.say("some", &server.read(4).await);
    out.say("more", &server.reader.read(Vec::new()).await);
    out.say("the rest", &server.read(10).await);
    assert_eq!(client.write(b"else".to_vec()).await, 0);
    out.say("something else", &server.read(10).await);
}

/// A peer that goes away, with all that it sent still on its way.
pub async fn queued(out: &Out) {
    for count in [1, 5_000, 200_000] {
        let [mut client, mut server] = pair().await;
        assert_eq!(client.write(vec![7; count]).await, 0);
        drop(client);
        let mut all = 0;
        loop {
            let more = server.read(3_000).await.len();
            if more == 0 {
                break;
            }
            all += more;
        }
        out.say("queued", &all);
        out.say("received", &server.received.await);
    }
}

/// Connects that are given up since the listener has no room, and what is accepted then.
pub async fn connects(out: &Out) {
    let (listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    listener.set_listen_backlog_size(2).unwrap();
    let mut clients = Vec::new();
    for _ in 0..5 {
        let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
        let connected = soon(socket.connect(address)).await;
        out.say("connected", &connected);
        match connected {
            Some(_) => clients.push(socket),
            None => out.say("given up", &socket.get_is_listening()),
        }
    }
    for client in clients {
        let mut server = Connection::of(accept(&mut accepted).await);
        let mut client = Connection::of(client);
        assert_eq!(client.write(b"x".to_vec()).await, 0);
        out.say("server", &server.read(10).await);
    }
    let waits = soon(accepted.next()).await;
    out.say("nobody", &waits.is_none());
    let (server, client) = join!(accept(&mut accepted), connect(address));
    out.say("another", &client.is_ok());
    drop(server);
}
