//! Sends a datagram by sockets of WASI 0.3, and has nothing else, in a program that is one of 0.2.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, UdpSocket};
use wasip3::wit_bindgen::block_on;

wit_bindgen::generate!({
    inline: "
        package wasi:cli@0.2.6;

        interface run {
            run: func() -> result;
        }

        world command {
            export run;
        }
    ",
});

struct Program;

export!(Program);

impl exports::wasi::cli::run::Guest for Program {
    fn run() -> Result<(), ()> {
        let socket = UdpSocket::create(IpAddressFamily::Ipv4).map_err(drop)?;
        let peer = IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: 53,
            address: (192, 0, 2, 53),
        });
        // It is sent at once: a program of 0.2 could not wait for it.
        block_on(socket.send(b"question".to_vec(), Some(peer))).map_err(drop)
    }
}
