//! Calls every function of the sockets of WASI 0.2 that can be called where they are denied, in
//! every state that a socket can get to there, and prints what it gets.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::UdpSocket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

macro_rules! show {
    ($($what:ident).+ ($($arg:expr),*)) => {
        println!("  {}({}): {:?}", stringify!($($what).+), stringify!($($arg),*),
            $($what).+($($arg),*))
    };
}

fn main() {
    let network = instance_network();
    for name in ["example.com", "127.0.0.1", "", "no such name"] {
        println!(
            "lookup {name:?}: {:?}",
            resolve_addresses(&network, name).map(drop)
        );
    }
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        println!("tcp {family:?}");
        match create_tcp_socket(family) {
            Ok(socket) => tcp(&network, &socket, family),
            Err(e) => println!("  create: {e:?}"),
        }
        println!("udp {family:?}");
        match create_udp_socket(family) {
            Ok(socket) => udp(&network, &socket, family),
            Err(e) => println!("  create: {e:?}"),
        }
    }
    many();
    wasip2::clocks::monotonic_clock::subscribe_duration(1).block();
}

/// Addresses of both families, of every kind that validation tells apart.
fn addresses() -> Vec<(&'static str, IpSocketAddress)> {
    let v4 = |address, port| IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
    let v6 = |address, port| {
        IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: 3,
            address,
            scope_id: 4,
        })
    };
    vec![
        ("v4", v4((127, 0, 0, 1), 9)),
        ("v4 port 0", v4((127, 0, 0, 1), 0)),
        ("v4 unspecified", v4((0, 0, 0, 0), 9)),
        ("v4 multicast", v4((224, 0, 0, 1), 9)),
        ("v4 last multicast", v4((239, 255, 255, 255), 9)),
        ("v4 reserved", v4((240, 0, 0, 1), 9)),
        ("v4 broadcast", v4((255, 255, 255, 255), 9)),
        ("v6", v6((0, 0, 0, 0, 0, 0, 0, 1), 9)),
        ("v6 port 0", v6((0, 0, 0, 0, 0, 0, 0, 1), 0)),
        ("v6 unspecified", v6((0, 0, 0, 0, 0, 0, 0, 0), 9)),
        ("v6 compatible", v6((0, 0, 0, 0, 0, 0, 0, 2), 9)),
        ("v6 compatible", v6((0, 0, 0, 0, 0, 0, 0x7f00, 1), 9)),
        ("v6 mapped", v6((0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), 9)),
        (
            "v6 mapped unspecified",
            v6((0, 0, 0, 0, 0, 0xffff, 0, 0), 9),
        ),
        (
            "v6 almost mapped",
            v6((0, 0, 0, 0, 1, 0xffff, 0x7f00, 1), 9),
        ),
        ("v6 multicast", v6((0xff02, 0, 0, 0, 0, 0, 0, 1), 9)),
        ("v6 global", v6((0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9)),
    ]
}

fn tcp(network: &Network, socket: &TcpSocket, family: IpAddressFamily) {
    tcp_state("fresh", socket);
    for (name, address) in addresses() {
        println!("  bind {name}: {:?}", socket.start_bind(network, address));
        show!(socket.finish_bind());
    }
    println!(" connects");
    for (name, address) in addresses() {
        let socket = create_tcp_socket(family).unwrap();
        println!(
            "  connect {name}: {:?}",
            socket.start_connect(network, address)
        );
        println!("  finish: {:?}", socket.finish_connect().map(drop));
        println!("  again: {:?}", socket.finish_connect().map(drop));
        println!("  local: {:?}", socket.local_address());
    }
    let address = addresses()[if family == IpAddressFamily::Ipv4 {
        0
    } else {
        7
    }]
    .1;
    show!(socket.start_connect(network, address));
    tcp_state("connecting", socket);
    show!(socket.start_bind(network, address));
    show!(socket.start_connect(network, address));
    println!("  finish: {:?}", socket.finish_connect().map(drop));
    tcp_state("failed", socket);
    show!(socket.start_bind(network, address));
    show!(socket.start_connect(network, address));
    println!("  finish: {:?}", socket.finish_connect().map(drop));
}

fn tcp_state(name: &str, socket: &TcpSocket) {
    println!(" {name}");
    show!(socket.address_family());
    show!(socket.is_listening());
    show!(socket.local_address());
    show!(socket.remote_address());
    show!(socket.start_listen());
    show!(socket.finish_listen());
    show!(socket.finish_bind());
    println!("  accept: {:?}", socket.accept().map(drop));
    show!(socket.shutdown(ShutdownType::Both));
    show!(socket.set_listen_backlog_size(0));
    show!(socket.set_listen_backlog_size(5));
    show!(socket.keep_alive_enabled());
    show!(socket.set_keep_alive_enabled(true));
    show!(socket.keep_alive_enabled());
    show!(socket.keep_alive_idle_time());
    show!(socket.keep_alive_interval());
    for value in [
        0,
        1,
        1_000_000_000,
        1_000_000_001,
        40_000_000_000_000,
        u64::MAX,
    ] {
        show!(socket.set_keep_alive_idle_time(value));
        show!(socket.keep_alive_idle_time());
        show!(socket.set_keep_alive_interval(value));
        show!(socket.keep_alive_interval());
    }
    show!(socket.keep_alive_count());
    for value in [0, 1, 127, 128, u32::MAX] {
        show!(socket.set_keep_alive_count(value));
        show!(socket.keep_alive_count());
    }
    show!(socket.hop_limit());
    for value in [0, 1, 255] {
        show!(socket.set_hop_limit(value));
        show!(socket.hop_limit());
    }
    for value in [0, 1, 4_096, 100_000] {
        show!(socket.set_receive_buffer_size(value));
        show!(socket.receive_buffer_size());
        show!(socket.set_send_buffer_size(value));
        show!(socket.send_buffer_size());
    }
    let pollable = socket.subscribe();
    pollable.block();
    println!("  ready: {}", pollable.ready());
}

fn udp(network: &Network, socket: &UdpSocket, family: IpAddressFamily) {
    for (name, address) in addresses() {
        println!("  bind {name}: {:?}", socket.start_bind(network, address));
        show!(socket.finish_bind());
    }
    let address = addresses()[if family == IpAddressFamily::Ipv4 {
        0
    } else {
        7
    }]
    .1;
    println!("  stream: {:?}", socket.stream(None).map(drop));
    println!("  stream: {:?}", socket.stream(Some(address)).map(drop));
    show!(socket.local_address());
    show!(socket.remote_address());
    show!(socket.address_family());
    show!(socket.unicast_hop_limit());
    for value in [0, 1, 255] {
        show!(socket.set_unicast_hop_limit(value));
        show!(socket.unicast_hop_limit());
    }
    for value in [0, 1, 4_096, 100_000] {
        show!(socket.set_receive_buffer_size(value));
        show!(socket.receive_buffer_size());
        show!(socket.set_send_buffer_size(value));
        show!(socket.send_buffer_size());
    }
    let pollable = socket.subscribe();
    pollable.block();
    println!("  ready: {}", pollable.ready());
}

/// Sockets keep their options apart, and a dropped one leaves nothing behind.
fn many() {
    let mut sockets = Vec::new();
    for i in 1..=200 {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => {
                socket.set_hop_limit(i).unwrap();
                sockets.push((i, socket));
            }
            Err(_) => return,
        }
    }
    sockets.retain(|(i, _)| i % 3 != 0);
    let again: Vec<_> = (0..100)
        .map(|_| create_tcp_socket(IpAddressFamily::Ipv6).unwrap())
        .collect();
    println!(
        "kept: {}",
        sockets
            .iter()
            .all(|(i, socket)| socket.hop_limit() == Ok(*i))
    );
    println!(
        "new: {}",
        again.iter().all(|socket| socket.hop_limit() == Ok(64))
    );
}
