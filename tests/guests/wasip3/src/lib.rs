//! Uses the sockets of WASI 0.3 and nothing else of WASI but its standard output.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Debug, Write};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket, UdpSocket,
};

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let mut out = String::new();
        show(
            &mut out,
            "lookup",
            &resolve_addresses("example.com".into()).await,
        );
        for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
            tcp(&mut out, family).await;
            udp(&mut out, family).await;
        }
        failures(&mut out).await;
        let (mut writer, reader) = wasip3::wit_stream::new();
        let written = wasip3::cli::stdout::write_via_stream(reader);
        let left: Vec<u8> = writer.write_all(out.into_bytes()).await;
        drop(writer);
        assert!(left.is_empty());
        written.await.map_err(drop)
    }
}

fn show(out: &mut String, what: &str, result: &impl Debug) {
    writeln!(out, "{what}: {result:?}").unwrap();
}

fn address(family: IpAddressFamily, last: u8, port: u16) -> IpSocketAddress {
    match family {
        IpAddressFamily::Ipv4 => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: (127, 0, 0, last),
        }),
        IpAddressFamily::Ipv6 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: 0,
            address: (0, 0, 0, 0, 0, 0, 0, last.into()),
            scope_id: 0,
        }),
    }
}

async fn tcp(out: &mut String, family: IpAddressFamily) {
    let socket = match TcpSocket::create(family) {
        Ok(socket) => socket,
        Err(e) => return show(out, &format!("create tcp {family:?}"), &e),
    };
    show(out, "family", &socket.get_address_family());
    show(out, "hop limit", &socket.get_hop_limit());
    show(out, "set hop limit", &socket.set_hop_limit(12));
    show(out, "hop limit", &socket.get_hop_limit());
    show(out, "set hop limit 0", &socket.set_hop_limit(0));
    show(
        out,
        "set idle",
        &socket.set_keep_alive_idle_time(1_500_000_000),
    );
    show(out, "idle", &socket.get_keep_alive_idle_time());
    show(out, "backlog", &socket.set_listen_backlog_size(0));
    show(out, "local", &socket.get_local_address());
    show(out, "listening", &socket.get_is_listening());
    let (writer, reader) = wasip3::wit_stream::new();
    show(out, "send", &socket.send(reader).await);
    drop(writer);
    let (reader, end) = socket.receive();
    show(out, "receive", &(reader.collect().await, end.await));
    show(out, "bind", &socket.bind(address(family, 1, 0)));
    show(
        out,
        "bind wrong family",
        &socket.bind(address(other(family), 1, 0)),
    );
    show(
        out,
        "connect nowhere",
        &socket.connect(address(family, 1, 0)).await,
    );
    show(out, "connect", &socket.connect(address(family, 1, 9)).await);
    show(
        out,
        "connect again",
        &socket.connect(address(family, 1, 9)).await,
    );
    show(out, "hop limit", &socket.get_hop_limit());
    let (writer, reader) = wasip3::wit_stream::new();
    show(out, "send", &socket.send(reader).await);
    drop(writer);
    show(out, "receive", &socket.receive().1.await);

    let socket = TcpSocket::create(family).unwrap();
    show(out, "listen", &socket.listen().map(drop));
    show(out, "listen again", &socket.listen().map(drop));
    show(out, "hop limit", &socket.get_hop_limit());
}

async fn udp(out: &mut String, family: IpAddressFamily) {
    let socket = match UdpSocket::create(family) {
        Ok(socket) => socket,
        Err(e) => return show(out, &format!("create udp {family:?}"), &e),
    };
    let there = address(family, 1, 9);
    show(out, "family", &socket.get_address_family());
    show(out, "set hop limit", &socket.set_unicast_hop_limit(3));
    show(out, "hop limit", &socket.get_unicast_hop_limit());
    show(out, "receive", &socket.receive().await);
    show(out, "send", &socket.send(b"x".into(), Some(there)).await);
    show(out, "send nowhere", &socket.send(b"x".into(), None).await);
    let large = alloc::vec![0; 70_000];
    show(out, "send large", &socket.send(large, Some(there)).await);
    show(out, "bind", &socket.bind(address(family, 1, 0)));
    show(out, "connect", &socket.connect(there));
    show(out, "disconnect", &socket.disconnect());
    show(out, "remote", &socket.get_remote_address());
}

/// Many futures that end with an error: read in order, read later, and never read.
async fn failures(out: &mut String) {
    let Ok(socket) = TcpSocket::create(IpAddressFamily::Ipv4) else {
        return;
    };
    let mut late = Vec::new();
    let mut failed = 0;
    for i in 0..3_000 {
        let (stream, end) = socket.receive();
        drop(stream);
        match i % 3 {
            0 => failed += u32::from(end.await.is_err()),
            1 => late.push(end),
            _ => drop(end),
        }
    }
    for end in late {
        failed += u32::from(end.await.is_err());
    }
    show(out, "failures", &failed);
}

fn other(family: IpAddressFamily) -> IpAddressFamily {
    match family {
        IpAddressFamily::Ipv4 => IpAddressFamily::Ipv6,
        IpAddressFamily::Ipv6 => IpAddressFamily::Ipv4,
    }
}
