//! Sockets of WASI 0.3 alone, in a program whose clock and whose end are the standard library's, of 0.2.

extern crate alloc;

#[allow(dead_code, reason = "some is for others")]
#[path = "../../local-3/src/net.rs"]
mod net;

use net::{Connection, connect};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant, SystemTime};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::sockets::types::{ErrorCode, IpSocketAddress, Ipv4SocketAddress};

wasip3::cli::command::export!(Guest);

/// What a server says, that is slow, as many hours as are slept meanwhile.
async fn asks(server: SocketAddrV4) -> (Result<Vec<u8>, ErrorCode>, u64) {
    let [a, b, c, d] = server.ip().octets();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: server.port(),
        address: (a, b, c, d),
    });
    let begin = Instant::now();
    let answer = match connect(address).await {
        Ok(socket) => {
            let mut connection = Connection::of(socket);
            std::thread::sleep(Duration::from_secs(7200));
            Ok(connection.read_exactly(5).await)
        }
        Err(e) => Err(e),
    };
    (answer, begin.elapsed().as_secs() / 3600)
}

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let peer = IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: 7,
            address: (192, 0, 2, 10),
        });
        let mut connection = Connection::of(connect(peer).await.map_err(drop)?);
        let (begin, there) = (Instant::now(), monotonic_clock::now());
        std::thread::sleep(Duration::from_secs(1800));
        monotonic_clock::wait_for(1_800_000_000_000).await;
        let waited = (begin.elapsed(), monotonic_clock::now() - there);
        connection.write(b"hello".to_vec()).await;
        let answer = connection.read_exactly(5).await;
        let (today, now) = (SystemTime::UNIX_EPOCH.elapsed(), system_clock::now());
        let minutes = (waited.0.as_secs() / 60, waited.1 / 60_000_000_000);
        let days = (today.map(|it| it.as_secs() / 86_400), now.seconds / 86_400);
        net::print(format!("{minutes:?} {days:?} {answer:?}\n")).await?;
        if let Some(server) = std::env::args().nth(2) {
            net::print(format!("{:?}\n", asks(server.parse().unwrap()).await)).await?;
        }
        match std::env::args().nth(1).as_deref() {
            Some("exits") => std::process::exit(0),
            Some("exits-3") => wasip3::cli::exit::exit(Ok(())),
            _ => {}
        }
        Ok(())
    }
}
