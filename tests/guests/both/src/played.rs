//! What a script is played to.

use crate::net::{Connection, accept, connect, local};
use crate::{Out, new};
use futures_util::join;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket as Old};
use std::time::{Duration, Instant};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::filesystem::preopens::get_directories;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket, UdpSocket};

/// Peers are asked, by both in turn.
pub async fn asks(out: &mut Out) {
    let begin = Instant::now();
    let mut old = TcpStream::connect("cache.test:6379").unwrap();
    old.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    out.say("old", &old.read_exact(&mut answer));
    out.say("answer", &str::from_utf8(&answer));

    let address = "cache.test:6379".to_socket_addrs().unwrap().next().unwrap();
    let mut client = Connection::of(connect(new(address)).await.unwrap());
    out.say("left", &client.write(b"PING\r\n".to_vec()).await);
    out.say("new", &String::from_utf8(client.read_exactly(7).await));
    out.say("seconds", &begin.elapsed().as_secs());

    let here = Old::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let peer = SocketAddr::from(([192, 0, 2, 53], 53));
    here.send_to(b"old", peer).unwrap();
    let mut data = [0; 9];
    out.say("old", &here.recv_from(&mut data));
    let there = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    out.say("sent", &there.send(b"new".to_vec(), Some(new(peer))).await);
    out.say("new", &there.receive().await.map(|it| it.0));
}

/// Scripted clients, for a server of each.
pub async fn serves(out: &mut Out) {
    let old = TcpListener::bind("127.0.0.1:80").unwrap();
    let new = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    new.bind(local(IpAddressFamily::Ipv4, 82)).unwrap();
    let mut accepted = new.listen().unwrap();
    let again = TcpListener::bind("127.0.0.1:81").unwrap();
    let mut question = [0; 5];
    for listener in [&old, &again] {
        let (mut server, _) = listener.accept().unwrap();
        server.read_exact(&mut question).unwrap();
        out.say("old", &str::from_utf8(&question));
        server.write_all(b"answer").unwrap();
    }
    let server = async {
        let mut server = Connection::of(accept(&mut accepted).await);
        let bytes = server.read_exactly(5).await;
        (bytes.len(), server.write(b"answer".to_vec()).await)
    };
    out.say("new", &server.await);
}

/// Time passes for both.
pub async fn naps(out: &mut Out) {
    let begin = (Instant::now(), monotonic_clock::now());
    std::thread::sleep(Duration::from_secs(30));
    monotonic_clock::wait_for(20_000_000_000).await;
    let nap = monotonic_clock::wait_for(10_000_000_000);
    let other = async { std::thread::sleep(Duration::from_secs(5)) };
    join!(nap, other);
    // Files have times of the same type, which are the host's.
    for (directory, _) in get_directories() {
        let _ = directory.stat().await;
    }
    out.say("date", &system_clock::now().seconds);
    let seconds = (monotonic_clock::now() - begin.1) / 1_000_000_000;
    out.say("seconds", &(begin.0.elapsed().as_secs(), seconds));
}

/// Ends the program in the middle of a conversation.
pub async fn exits() {
    let mut old = TcpStream::connect("cache.test:6379").unwrap();
    old.write_all(b"PING\r\n").unwrap();
    std::process::exit(0);
}

/// Waits for a peer that has no more to say.
pub async fn waits(_: &mut Out) {
    let mut old = TcpStream::connect("cache.test:6379").unwrap();
    old.write_all(b"PING\r\n").unwrap();
    let _ = old.read_exact(&mut [0; 8]);
}

/// Servers that go on for ever: who waits for a client is one of 0.2, or of 0.3.
pub async fn for_ever(waits_in_0_2: bool) {
    let old = TcpListener::bind("127.0.0.1:80").unwrap();
    let new = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    new.bind(local(IpAddressFamily::Ipv4, 82)).unwrap();
    let mut accepted = new.listen().unwrap();
    old.accept().unwrap().0.write_all(b"old").unwrap();
    let mut server = Connection::of(accept(&mut accepted).await);
    server.write(b"new".to_vec()).await;
    drop(server);
    match waits_in_0_2 {
        true => drop(old.accept()),
        false => drop(accepted.next().await),
    }
}
