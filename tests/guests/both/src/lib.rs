//! Sockets of WASI 0.2, through the standard library, and of 0.3, which meet on one network.

extern crate alloc;

mod addresses;
mod hosted;
#[allow(dead_code, reason = "some is for others")]
#[path = "../../local-3/src/net.rs"]
mod net;
mod played;
mod tcp;
mod udp;

use std::fmt::Debug;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use wasip3::sockets::types::{IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};

wasip3::cli::command::export!(Guest);

struct Guest;

/// What is printed at the end.
#[derive(Default)]
struct Out(String);

impl Out {
    fn say(&mut self, what: &str, result: &impl Debug) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.0, "{what}: {result:?}");
    }
}

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let mut out = Out::default();
        for name in wasip3::cli::environment::get_arguments().iter().skip(1) {
            if let Some((name, text)) = name.split_once(' ') {
                match name {
                    "outside" => hosted::outside(&mut out, text).await,
                    "relays" => hosted::relays(&mut out, text).await,
                    "reach" => hosted::datagrams(&mut out, text).await,
                    "asks" => hosted::asks(&mut out, text).await,
                    "listens" => hosted::listens(&mut out, text).await,
                    "finds" => hosted::finds(&mut out, text).await,
                    "polls" => hosted::polls(&mut out, text).await,
                    "at-once" => hosted::at_once(&mut out, text).await,
                    "signals" => hosted::signals(&mut out, text).await,
                    "late" => hosted::late(&mut out, text).await,
                    _ => return Err(()),
                }
                continue;
            }
            match name.as_str() {
                "old-client" => tcp::old_client(&mut out).await,
                "new-client" => tcp::new_client(&mut out).await,
                "bulk" => tcp::bulk(&mut out).await,
                "half" => tcp::half_close(&mut out).await,
                "queued" => tcp::queued(&mut out).await,
                "unaccepted" => tcp::unaccepted(&mut out).await,
                "backlog" => tcp::backlog(&mut out).await,
                "behind" => tcp::behind(&mut out).await,
                "stuck" => tcp::stuck(&mut out).await,
                "asks" => played::asks(&mut out).await,
                "serves" => played::serves(&mut out).await,
                "naps" => played::naps(&mut out).await,
                "for-ever-in-0.2" => played::for_ever(true).await,
                "for-ever-in-0.3" => played::for_ever(false).await,
                "exits" => played::exits().await,
                "waits" => played::waits(&mut out).await,
                "datagrams" => udp::datagrams(&mut out).await,
                "in-use" => addresses::in_use(&mut out),
                "names" => addresses::names(&mut out).await,
                _ => return Err(()),
            }
        }
        net::print(out.0).await
    }
}

/// An address of 0.3 for the standard library.
fn old(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(it) => {
            let (a, b, c, d) = it.address;
            SocketAddr::from((Ipv4Addr::new(a, b, c, d), it.port))
        }
        IpSocketAddress::Ipv6(it) => {
            let (a, b, c, d, e, f, g, h) = it.address;
            SocketAddr::from((Ipv6Addr::new(a, b, c, d, e, f, g, h), it.port))
        }
    }
}

/// The other way round.
fn new(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(it) => {
            let [a, b, c, d] = it.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: it.port(),
                address: (a, b, c, d),
            })
        }
        SocketAddr::V6(it) => {
            let [a, b, c, d, e, f, g, h] = it.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: it.port(),
                flow_info: it.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: it.scope_id(),
            })
        }
    }
}
