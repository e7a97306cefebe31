//! TCP between the two.

use crate::net::{Connection, accept, connect, listen};
use crate::{Out, new, old};
use futures_util::future::join_all;
use futures_util::join;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;
use wasip3::sockets::types::IpAddressFamily;
use wasip3::wit_bindgen::yield_async;

/// Bytes that differ from place to place.
fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 31 % 251) as u8).collect()
}

/// A client of 0.2, and a server of 0.3 for it: the two ends of the connection. The listener is gone.
pub async fn old_to_new() -> (TcpStream, Connection) {
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    let client = TcpStream::connect(old(address)).unwrap();
    (client, Connection::of(accept(&mut accepted).await))
}

/// A client of 0.3, and a server of 0.2 for it.
async fn new_to_old() -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(new(listener.local_addr().unwrap())).await;
    (
        listener.accept().unwrap().0,
        Connection::of(client.unwrap()),
    )
}

/// A client of 0.2 asks a server of 0.3.
pub async fn old_client(out: &mut Out) {
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        let (_listener, mut accepted, address) = listen(family);
        let mut client = TcpStream::connect(old(address)).unwrap();
        client.write_all(b"question").unwrap();
        let mut server = Connection::of(accept(&mut accepted).await);
        let remote = old(server.socket.get_remote_address().unwrap());
        out.say(
            "the same address",
            &(remote == client.local_addr().unwrap()),
        );
        out.say("server", &String::from_utf8(server.read_exactly(8).await));
        out.say("left", &server.write(b"answer".to_vec()).await);
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        out.say("client", &str::from_utf8(&answer));
    }
}

/// A client of 0.3 asks a server of 0.2.
pub async fn new_client(out: &mut Out) {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(local).unwrap();
        let address = new(listener.local_addr().unwrap());
        let mut client = Connection::of(connect(address).await.unwrap());
        let (mut server, remote) = listener.accept().unwrap();
        let here = old(client.socket.get_local_address().unwrap());
        out.say("the same address", &(remote == here));
        out.say("left", &client.write(b"question".to_vec()).await);
        let mut question = [0; 8];
        server.read_exact(&mut question).unwrap();
        out.say("server", &str::from_utf8(&question));
        server.write_all(b"answer").unwrap();
        out.say("client", &String::from_utf8(client.read_exactly(6).await));
    }
}

/// More than any buffer holds, both ways at once.
pub async fn bulk(out: &mut Out) {
    for (old, new) in [old_to_new().await, new_to_old().await] {
        old.set_nonblocking(true).unwrap();
        let Connection {
            mut reader,
            mut writer,
            received,
            sent,
            ..
        } = new;
        let bytes = pattern(3 << 20);
        let write = async {
            let left = writer.write_all(bytes.clone()).await;
            drop(writer);
            left.len()
        };
        let read = async {
            let mut all = Vec::new();
            while let (_, more) = reader.read(Vec::with_capacity(70_000)).await
                && !more.is_empty()
            {
                all.extend(more);
            }
            all == bytes
        };
        let (left, read, talked) = join!(write, read, talk(old, &bytes));
        out.say("bulk", &(left, read, talked, received.await, sent.await));
    }
}

/// Writes all of it, and compares it with all that comes, without waiting for anything.
async fn talk(mut stream: TcpStream, bytes: &[u8]) -> bool {
    let (mut rest, mut all, mut ended) = (bytes, Vec::new(), false);
    let mut block = vec![0; 50_000];
    while !rest.is_empty() || !ended {
        if !rest.is_empty()
            && let Some(count) = now(stream.write(rest))
        {
            rest = &rest[count..];
            if rest.is_empty() {
                stream.shutdown(Shutdown::Write).unwrap();
            }
        }
        if let Some(count) = now(stream.read(&mut block)) {
            all.extend_from_slice(&block[..count]);
            ended = count == 0;
        }
        yield_async().await;
    }
    all == bytes
}

/// What has a result now.
pub fn now(result: std::io::Result<usize>) -> Option<usize> {
    match result {
        Err(e) if e.kind() == ErrorKind::WouldBlock => None,
        other => Some(other.unwrap()),
    }
}

/// Each end in turn says that nothing more comes.
pub async fn half_close(out: &mut Out) {
    for (mut old, mut new) in [old_to_new().await, new_to_old().await] {
        old.write_all(b"question").unwrap();
        old.shutdown(Shutdown::Write).unwrap();
        out.say("new", &new.read_exactly(100).await.len());
        out.say("received", &new.received.await);
        out.say("left", &new.writer.write_all(b"answer".to_vec()).await);
        drop(new.writer);
        out.say("sent", &new.sent.await);
        let mut answer = String::new();
        out.say("old", &old.read_to_string(&mut answer));
        out.say("answer", &answer);
    }
}

/// An end goes away while something is on its way to the other one, or to it.
pub async fn queued(out: &mut Out) {
    for (mut old, mut new) in [old_to_new().await, new_to_old().await] {
        old.write_all(&pattern(100_000)).unwrap();
        drop(old);
        out.say("from old", &new.read_exactly(200_000).await.len());
        out.say("received", &new.received.await);
    }
    for (mut old, new) in [old_to_new().await, new_to_old().await] {
        let Connection {
            socket,
            reader,
            mut writer,
            sent,
            ..
        } = new;
        drop((socket, reader));
        out.say("left", &writer.write_all(pattern(100_000)).await);
        drop(writer);
        out.say("sent", &sent.await);
        let mut all = Vec::new();
        out.say("from new", &old.read_to_end(&mut all));
        out.say("the same", &(all == pattern(100_000)));
    }
    // What is not read is a reset for the other.
    for (mut old, mut new) in [old_to_new().await, new_to_old().await] {
        out.say("left", &new.write(pattern(1000)).await);
        old.read_exact(&mut [0]).unwrap();
        drop(old);
        out.say("to old", &new.read_exactly(10).await);
        out.say("received", &new.received.await);
    }
}

/// Lets others have their turns, so that they wait.
pub async fn later() {
    for _ in 0..10 {
        yield_async().await;
    }
}

/// A listener goes away with a connection that nobody has accepted.
pub async fn unaccepted(out: &mut Out) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(new(listener.local_addr().unwrap())).await;
    let mut client = Connection::of(client.unwrap());
    let read = client.reader.read(Vec::with_capacity(10));
    let gone = async {
        later().await;
        drop(listener);
    };
    let ((_, bytes), ()) = join!(read, gone);
    out.say("read", &bytes);
    out.say("received", &client.received.await);

    let (listener, accepted, address) = listen(IpAddressFamily::Ipv4);
    let mut old = TcpStream::connect(crate::old(address)).unwrap();
    let mut client = Connection::of(connect(address).await.unwrap());
    let read = client.reader.read(Vec::with_capacity(10));
    let gone = async {
        later().await;
        drop((listener, accepted));
    };
    let ((_, bytes), ()) = join!(read, gone);
    out.say("read", &bytes);
    out.say("received", &client.received.await);
    out.say("old", &old.read(&mut [0]).map_err(|e| e.kind()));
}

/// A client of 0.3 waits for room at a listener of 0.2.
pub async fn backlog(out: &mut Out) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = new(listener.local_addr().unwrap());
    let clients = join_all((0..200).map(|_| connect(address)));
    let server = async {
        let mut accepted = Vec::new();
        listener.set_nonblocking(true).unwrap();
        while accepted.len() < 200 {
            accepted.extend(listener.accept().ok());
            yield_async().await;
        }
        accepted
    };
    let (clients, accepted) = join!(clients, server);
    let connected = clients.iter().filter(|it| it.is_ok()).count();
    out.say("connected", &(connected, accepted.len()));
}

/// Waits in 0.2 for what was done in 0.3 just before.
pub async fn behind(out: &mut Out) {
    for (mut old, new) in [old_to_new().await, new_to_old().await] {
        let Connection {
            mut reader,
            mut writer,
            ..
        } = new;
        let mut bytes = [0; 5];
        for _ in 0..3 {
            out.say("left", &writer.write_all(b"hello".to_vec()).await);
            old.read_exact(&mut bytes).unwrap();
            out.say("old", &str::from_utf8(&bytes));
            // Whoever goes on with streams is told of nothing now.
            later().await;
            old.write_all(b"there").unwrap();
            out.say("new", &reader.read(Vec::with_capacity(5)).await.1);
        }
        // The same where a timer of the host's is waited for as well.
        old.set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        out.say("nothing", &old.read(&mut bytes).map_err(|e| e.kind()));
        old.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        out.say("left", &writer.write_all(b"later".to_vec()).await);
        out.say("old", &old.read(&mut bytes));
        drop(writer);
        out.say("at the end", &old.read(&mut bytes));
        // And has not fallen asleep.
        drop(old);
        out.say("new", &reader.read(Vec::with_capacity(5)).await.1);
    }
}

/// Waits in 0.2 for what 0.3 cannot do meanwhile.
pub async fn stuck(_: &mut Out) {
    let (mut old, _new) = old_to_new().await;
    let _ = old.read(&mut [0]);
}
