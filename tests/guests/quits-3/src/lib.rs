//! Reads a byte from a peer, with sockets of WASI 0.3, and ends by `exit`. It has no clock.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;

use net::{Connection, connect};
use wasip3::sockets::types::{IpSocketAddress, Ipv4SocketAddress};

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let peer = IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: 7,
            address: (192, 0, 2, 10),
        });
        let mut connection = Connection::of(connect(peer).await.map_err(drop)?);
        let read = connection.read_exactly(1).await;
        wasip3::cli::exit::exit(if read == b"a" { Ok(()) } else { Err(()) });
        Err(())
    }
}
