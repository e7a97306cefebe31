//! Sockets of both that lead to the host, beside those that do not.

use crate::net::{Connection, accept, connect, listen};
use crate::tcp::{later, now, old_to_new};
use crate::{Out, new, old};
use futures_util::join;
use std::io::{Read, Result, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket as Old};
use std::time::{Duration, Instant};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;
use wasip2::io::streams::{InputStream, OutputStream};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{
    IpAddressFamily as OldFamily, IpSocketAddress as OldAddress, Ipv4SocketAddress as OldAddress4,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket as OldSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{ErrorCode, IpAddress, IpAddressFamily, TcpSocket, UdpSocket};
use wasip3::wit_bindgen::yield_async;

/// Addresses with blanks between them.
fn addresses<const N: usize>(text: &str) -> [SocketAddr; N] {
    let addresses = text.split(' ').map(|it| it.parse().unwrap());
    addresses.collect::<Vec<_>>().try_into().unwrap()
}

/// What a server says to a client of 0.2, that says no more.
fn ask(mut stream: TcpStream, question: &str) -> Result<String> {
    stream.write_all(question.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The same of 0.3.
async fn ask_3(to: SocketAddr, question: Vec<u8>) -> std::result::Result<String, ErrorCode> {
    let mut connection = Connection::of(connect(new(to)).await?);
    connection.write(question).await;
    drop(connection.writer);
    connection.sent.await?;
    let answer = connection.reader.collect().await;
    connection.received.await?;
    Ok(String::from_utf8(answer).unwrap())
}

/// Both ask a server of the host's, and neither gets to where it must not.
pub async fn outside(out: &mut Out, text: &str) {
    let [server, denied] = addresses(text);
    let asked = TcpStream::connect(server).and_then(|it| ask(it, "old"));
    out.say("old", &asked.unwrap());
    out.say("new", &ask_3(server, b"new".to_vec()).await);
    let refused = TcpStream::connect(denied).map(drop);
    out.say("old denied", &refused.map_err(|e| e.kind()));
    out.say("new denied", &connect(new(denied)).await.map(drop));
}

/// A client of 0.2 in memory, by way of a server of 0.3 that asks the host's.
pub async fn relays(out: &mut Out, text: &str) {
    let [server] = addresses(text);
    let (mut client, mut relay) = old_to_new().await;
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let question = relay.read_exactly(100).await;
    let answer = ask_3(server, question).await.unwrap();
    out.say("left", &relay.write(answer.into_bytes()).await);
    drop(relay.writer);
    let mut answer = String::new();
    out.say("answer", &client.read_to_string(&mut answer));
    out.say("answer", &answer);

    // Streams of the host's are the ones of what is in memory.
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    let client = TcpStream::connect(old(address)).unwrap();
    let relay = accept(&mut accepted).await;
    let there = connect(new(server)).await.unwrap();
    let (question, asked) = relay.receive();
    let (answer, answered) = there.receive();
    let (sent, replied) = (there.send(question), relay.send(answer));
    client.set_nonblocking(true).unwrap();
    let mut answer = Vec::new();
    let talk = async {
        (&client).write_all(b"at length").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut block = [0; 99];
        loop {
            match now((&client).read(&mut block)) {
                Some(0) => break,
                Some(count) => answer.extend_from_slice(&block[..count]),
                None => yield_async().await,
            }
        }
    };
    talk.await;
    let there = (sent.await, answered.await);
    out.say("results", &(asked.await, there, replied.await));
    out.say("answer", &String::from_utf8(answer));
}

/// Sockets of UDP reach both, and what is denied is lost to neither.
pub async fn datagrams(out: &mut Out, text: &str) {
    let [server, denied] = addresses(text);
    let here = Old::bind("0.0.0.0:9000").unwrap();
    let there = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    there.bind(new("0.0.0.0:9001".parse().unwrap())).unwrap();
    let mut data = [0; 9];
    for _ in 0..2 {
        here.send_to(b"old", server).unwrap();
        out.say("old", &here.recv_from(&mut data).unwrap());
        there
            .send(b"new".to_vec(), Some(new(server)))
            .await
            .unwrap();
        let (data, from) = there.receive().await.unwrap();
        out.say("new", &(String::from_utf8(data), old(from)));
        here.send_to(b"to new", "127.0.0.1:9001").unwrap();
        let (data, from) = there.receive().await.unwrap();
        out.say("near", &(String::from_utf8(data), old(from)));
        let near = new("127.0.0.1:9000".parse().unwrap());
        there.send(b"to old".to_vec(), Some(near)).await.unwrap();
        let mut data = [0; 9];
        out.say("near", &here.recv_from(&mut data).unwrap());
    }
    let sent = here.send_to(b"lost", denied);
    out.say("old denied", &sent.map_err(|e| e.kind()));
    let sent = there.send(b"lost".to_vec(), Some(new(denied))).await;
    out.say("new denied", &sent);
    here.connect(server).unwrap();
    here.send(b"again").unwrap();
    out.say("old", &here.recv(&mut data).unwrap());
    there.connect(new(server)).unwrap();
    there.send(b"again".to_vec(), None).await.unwrap();
    out.say("new", &there.receive().await.unwrap().0.len());
}

/// Sockets that have asked a server of the host's ask one that is played.
pub async fn asks(out: &mut Out, text: &str) {
    let [server, played] = addresses(text);
    let here = Old::bind("0.0.0.0:0").unwrap();
    let there = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    for to in [server, played, server] {
        here.send_to(b"old", to).unwrap();
        let mut data = [0; 9];
        out.say("old", &here.recv_from(&mut data).unwrap());
        there.send(b"new".to_vec(), Some(new(to))).await.unwrap();
        let (data, from) = there.receive().await.unwrap();
        out.say("new", &(data.len(), old(from)));
    }
}

/// Listeners of both, each for a client of the host's, beside those that are in memory.
pub async fn listens(out: &mut Out, text: &str) {
    let [by_old, by_new] = addresses(text);
    let listener = TcpListener::bind(by_old).unwrap();
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.bind(new(by_new)).unwrap();
    let mut accepted = socket.listen().unwrap();
    let (_near, mut near, address) = listen(IpAddressFamily::Ipv4);
    let mut client = TcpStream::connect(old(address)).unwrap();
    let (mut far, from) = listener.accept().unwrap();
    out.say("old", &(from.ip() == by_old.ip()));
    let mut question = String::new();
    far.read_to_string(&mut question).unwrap();
    out.say("old", &question);
    far.write_all(b"of old").unwrap();
    drop(far);
    // Who waits for one of the host's is told of one in memory as well.
    client.write_all(b"near").unwrap();
    let (far, near) = join!(accept(&mut accepted), accept(&mut near));
    let (mut far, mut near) = (Connection::of(far), Connection::of(near));
    let (question, near) = join!(far.read_exactly(100), near.read_exactly(4));
    out.say(
        "new",
        &(String::from_utf8(question), String::from_utf8(near)),
    );
    out.say("left", &far.write(b"of new".to_vec()).await);
}

/// A name is looked up by both, and what it stands for is asked.
pub async fn finds(out: &mut Out, text: &str) {
    let (name, port) = text.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    let asked = TcpStream::connect((name, port)).and_then(|it| ask(it, "old"));
    out.say("old", &asked.map_err(|e| e.kind()));
    match resolve_addresses(name.to_owned()).await {
        Ok(found) => {
            let IpAddress::Ipv4((a, b, c, d)) = found[0] else {
                unreachable!("{found:?}")
            };
            let address = SocketAddr::new(IpAddr::from([a, b, c, d]), port);
            out.say("new", &ask_3(address, b"new".to_vec()).await);
        }
        Err(e) => out.say("new", &e),
    }
}

fn dial(to: SocketAddr) -> (OldSocket, InputStream, OutputStream) {
    let IpAddr::V4(ip) = to.ip() else {
        unreachable!("{to}")
    };
    let [a, b, c, d] = ip.octets();
    let address = OldAddress4 {
        port: to.port(),
        address: (a, b, c, d),
    };
    let socket = create_tcp_socket(OldFamily::Ipv4).unwrap();
    let connected = socket.subscribe();
    socket
        .start_connect(&instance_network(), OldAddress::Ipv4(address))
        .unwrap();
    connected.block();
    let (input, output) = socket.finish_connect().unwrap();
    (socket, input, output)
}

/// Pollables of 0.2 of what is in memory and of what is the host's are waited for together.
pub async fn polls(out: &mut Out, text: &str) {
    let [server] = addresses(text);
    let (_listener, mut accepted, address) = listen(IpAddressFamily::Ipv4);
    let (near, input, output) = dial(old(address));
    let mut relay = Connection::of(accept(&mut accepted).await);
    let (far, far_input, far_output) = dial(server);
    let both = [input.subscribe(), far_input.subscribe()];
    let [first, second] = &both;
    for text in ["one", "two"] {
        out.say("left", &relay.write(text.into()).await);
        out.say("poll", &poll(&[first, second]));
        out.say("near", &String::from_utf8(input.read(9).unwrap()));
    }
    let timer = subscribe_duration(1_000_000);
    out.say("poll", &poll(&[first, second, &timer]));
    far_output.blocking_write_and_flush(b"far").unwrap();
    far.shutdown(ShutdownType::Send).unwrap();
    out.say("poll", &poll(&[first, second]));
    out.say("far", &String::from_utf8(far_input.read(9).unwrap()));
    out.say("left", &relay.write("three".into()).await);
    first.block();
    out.say("near", &String::from_utf8(input.read(9).unwrap()));
    drop(both);
    drop((input, output, far_input, far_output));
    drop((near, far));
}

/// Something comes late of the host, while nobody in memory has anything to do: of 0.2 and of 0.3, which is
/// waited for until then and not for longer.
pub async fn late(out: &mut Out, text: &str) {
    let [server] = addresses(text);
    let begin = Instant::now();
    let mut here = TcpStream::connect(server).unwrap();
    here.set_read_timeout(Some(Duration::from_secs(3600)))
        .unwrap();
    out.say("blocking", &here.read_exact(&mut [0; 5]));
    here.set_nonblocking(true).unwrap();
    let (mut heard, mut count) = (0, 0);
    while heard < 6 {
        match now(here.read(&mut [0; 6])) {
            Some(more) => heard += more,
            None => wait_for(500_000_000).await,
        }
        count += 1;
    }
    out.say("looking", &(heard, count < 50));
    let mut there = Connection::of(connect(new(server)).await.unwrap());
    out.say("new", &there.read_exactly(5).await.len());
    drop((here, there));
    let hours = begin.elapsed().as_secs() / 3600;
    std::thread::sleep(Duration::from_secs(36_000));
    wait_for(36_000_000_000_000).await;
    out.say("hours", &(hours, begin.elapsed().as_secs() / 3600));
}

/// Everything is waited for at once: the host by both, and what is in memory, and time.
pub async fn at_once(out: &mut Out, text: &str) {
    let [server] = addresses(text);
    let mut there = Connection::of(connect(new(server)).await.unwrap());
    let mut here = TcpStream::connect(server).unwrap();
    let (mut near, mut echo) = old_to_new().await;
    let reads = there.read_exactly(11);
    let echoes = async {
        let heard = echo.read_exactly(4).await;
        echo.write(heard).await
    };
    let blocks = async {
        // The others wait by then.
        later().await;
        let (mut first, mut second, mut data) = ([0; 5], [0; 6], [0; 9]);
        here.read_exact(&mut first).unwrap();
        near.write_all(b"ping").unwrap();
        near.set_nonblocking(true).unwrap();
        let near = loop {
            match now(near.read(&mut data)) {
                Some(count) => break count,
                None => yield_async().await,
            }
        };
        here.read_exact(&mut second).unwrap();
        (near, first == *b"first", second == *b"second")
    };
    let naps = wait_for(50_000_000);
    let (reads, left, blocked, ()) = join!(reads, echoes, blocks, naps);
    out.say("at once", &(reads.len(), left, blocked));
}

/// What is done in 0.2 brings about what 0.3 waits for, while the host is waited for.
pub async fn signals(out: &mut Out, text: &str) {
    let [server, one, two] = addresses(text);
    let mut there = Connection::of(connect(new(server)).await.unwrap());
    let mut waits = Connection::of(connect(new(one)).await.unwrap());
    let signal = async {
        there.read(9).await;
        let mut signals = TcpStream::connect(two).unwrap();
        signals.write_all(b"x").unwrap();
        signals
    };
    let (gone, _signals) = join!(waits.read(9), signal);
    out.say("gone", &String::from_utf8(gone));
}
