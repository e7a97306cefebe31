//! A server of WASI 0.3 behind exports of its own: it calls no async function of sockets.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;

use alloc::string::String;
use net::{Connection, accept};
use wasip3::sockets::types::{IpAddressFamily, TcpSocket};

wit_bindgen::generate!({
    inline: "
        package test:service;

        world service {
            /// Answers one client on a port, and gives what it has asked.
            export serve: async func(port: u16) -> string;
        }
    ",
});

struct Service;

export!(Service);

impl Guest for Service {
    async fn serve(port: u16) -> String {
        let listener = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
        listener
            .bind(net::local(IpAddressFamily::Ipv4, port))
            .unwrap();
        let mut accepted = listener.listen().unwrap();
        let mut connection = Connection::of(accept(&mut accepted).await);
        let asked = connection.read_exactly(5).await;
        connection.write(b"answer".to_vec()).await;
        drop(connection.writer);
        connection.sent.await.unwrap();
        String::from_utf8(asked).unwrap()
    }
}
