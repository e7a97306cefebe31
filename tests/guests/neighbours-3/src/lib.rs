//! As `neighbours`, with sockets of WASI 0.3: the servers beside it have those of 0.2. Each is a client of
//! the other as well. What it prints depends on no port.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;
use net::{Connection, accept, connect, listen, local, port};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket, UdpSocket};

wit_bindgen::generate!({ path: "../service/wit", world: "client" });

wasip3::cli::command::export!(Guest);

struct Guest;

const V4: IpAddressFamily = IpAddressFamily::Ipv4;

/// Lines that are printed at the end.
#[derive(Default)]
struct Out(String);

impl Out {
    fn say(&mut self, what: &str, result: impl Debug) {
        self.0.push_str(&format!("{what}: {result:?}\n"));
    }
}

/// Whether nobody else can listen there.
fn is_taken(port: u16) -> bool {
    let socket = TcpSocket::create(V4).unwrap();
    let listens = socket
        .bind(local(V4, port))
        .and_then(|()| socket.listen().map(drop));
    listens.is_err()
}

/// Talks to a server by way of its interface's functions.
macro_rules! talk {
    ($server:ident, $out:ident) => {{
        use test::neighbours::$server as server;
        let there = server::listen(0).unwrap();
        $out.say(
            concat!(stringify!($server), " has its port"),
            is_taken(there),
        );
        let mut client = Connection::of(connect(local(V4, there)).await.unwrap());
        let peer = server::accept().unwrap();
        let here = port(client.socket.get_local_address().unwrap());
        $out.say("it knows who that is", peer == format!("127.0.0.1:{here}"));
        for count in [1, 63, 64, 65, 1000, 20_000] {
            let said: Vec<u8> = (0..count).map(|i| (i * 31 / 7) as u8).collect();
            $out.say("left", client.write(said.clone()).await);
            $out.say("echo", server::echo(count));
            $out.say("heard", client.read_exactly(said.len()).await == said);
        }
        $out.say("left", client.write(b"a question".to_vec()).await);
        drop(client.writer);
        $out.say("it heard", server::finish());
        $out.say("it said", text(client.reader.collect().await));
        $out.say("received", client.received.await);

        let (_listener, mut accepted, address) = listen(V4);
        let address = format!("127.0.0.1:{}", port(address));
        let peer = server::connect(&address).unwrap();
        let mut client = Connection::of(accept(&mut accepted).await);
        let from = port(client.socket.get_remote_address().unwrap());
        $out.say("it is who it says", peer == format!("127.0.0.1:{from}"));
        $out.say("left", client.write(b"an answer".to_vec()).await);
        drop(client.writer);
        $out.say("it heard", server::finish());
        $out.say("it said", text(client.reader.collect().await));
        $out.say("received", client.received.await);

        let socket = UdpSocket::create(V4).unwrap();
        socket.bind(local(V4, 0)).unwrap();
        for count in [0, 1, 64, 1500, 60_000] {
            let said = vec![7; count];
            let sent = socket.send(said.clone(), Some(local(V4, there))).await;
            $out.say("sent", sent);
            $out.say("replied", server::reply().map(drop));
            let (heard, from) = socket.receive().await.unwrap();
            $out.say("came back", (heard == said, port(from) == there));
        }
        $out.say("it finds", server::look_up("db.test"));
        $out.say("not twice", server::listen(there));
        there
    }};
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).to_string()
}

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        use test::neighbours::{another, service};
        let mut out = Out::default();
        let one = talk!(service, out);
        let two = talk!(another, out);
        out.say("each has its own", one != two);
        let peer = another::connect(&format!("127.0.0.1:{one}"));
        out.say("they meet", peer == service::accept());
        let found = resolve_addresses("db.test".to_string()).await.unwrap();
        out.say("here", found);
        another::close();
        let refused = connect(local(V4, two)).await.map(drop);
        out.say("nobody listens", refused);
        out.say("its port is taken", is_taken(two));
        net::print(out.0).await
    }
}
