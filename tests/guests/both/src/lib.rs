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
use std::pin::Pin;
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
        for argument in wasip3::cli::environment::get_arguments().iter().skip(1) {
            let (name, text) = argument.split_once(' ').unwrap_or((argument, ""));
            begin(name, text, &mut out).ok_or(())?.await;
        }
        net::print(out.0).await
    }
}

/// What is done for an argument. Each is a function of its own: engines compile no large ones quickly.
type Begun<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn begin<'a>(name: &str, text: &'a str, out: &'a mut Out) -> Option<Begun<'a>> {
    Some(match name {
        "old-client" => Box::pin(tcp::old_client(out)),
        "new-client" => Box::pin(tcp::new_client(out)),
        "bulk" => Box::pin(tcp::bulk(out)),
        "half" => Box::pin(tcp::half_close(out)),
        "queued" => Box::pin(tcp::queued(out)),
        "unaccepted" => Box::pin(tcp::unaccepted(out)),
        "backlog" => Box::pin(tcp::backlog(out)),
        "behind" => Box::pin(tcp::behind(out)),
        "stuck" => Box::pin(tcp::stuck(out)),
        "asks" => Box::pin(played::asks(out)),
        "serves" => Box::pin(played::serves(out)),
        "naps" => Box::pin(played::naps(out)),
        "for-ever-in-0.2" => Box::pin(played::for_ever(true)),
        "for-ever-in-0.3" => Box::pin(played::for_ever(false)),
        "exits" => Box::pin(played::exits()),
        "waits" => Box::pin(played::waits(out)),
        "datagrams" => Box::pin(udp::datagrams(out)),
        "in-use" => Box::pin(addresses::in_use(out)),
        "names" => Box::pin(addresses::names(out)),
        "outside" => Box::pin(hosted::outside(out, text)),
        "relays" => Box::pin(hosted::relays(out, text)),
        "reach" => Box::pin(hosted::datagrams(out, text)),
        "asks-two" => Box::pin(hosted::asks(out, text)),
        "listens" => Box::pin(hosted::listens(out, text)),
        "finds" => Box::pin(hosted::finds(out, text)),
        "polls" => Box::pin(hosted::polls(out, text)),
        "at-once" => Box::pin(hosted::at_once(out, text)),
        "signals" => Box::pin(hosted::signals(out, text)),
        "late" => Box::pin(hosted::late(out, text)),
        _ => return None,
    })
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
