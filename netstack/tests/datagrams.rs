//! UDP sockets: states, addresses, who hears whom. What the kernel does is what small programs saw
//! on Linux 6.18.

mod common;

use common::{Net, at};
use sockvirt_netstack::{Config, ErrorCode, Family, Limits, Network, SocketOption};

/// `p2/host/udp.rs` and `sockets/udp.rs` of wasmtime 48.0.8.
#[test]
fn states_allow_what_wasmtime_allows() {
    let mut net = Net::new();
    let id = net.0.udp_create(Family::V4).unwrap();
    assert_eq!(net.0.udp_finish_bind(id), Err(ErrorCode::NotInProgress));
    assert_eq!(net.0.udp_local_address(id), Err(ErrorCode::InvalidState));
    assert_eq!(net.0.udp_remote_address(id), Err(ErrorCode::InvalidState));
    assert_eq!(net.0.udp_stream(id, None), Err(ErrorCode::InvalidState));
    assert_eq!(net.receive(id), Err(ErrorCode::InvalidState));
    assert!(net.0.udp_input_ready(id));
    net.0.udp_start_bind(id, at("127.0.0.1:0")).unwrap();
    let twice = net.0.udp_start_bind(id, at("127.0.0.1:0"));
    assert_eq!(twice, Err(ErrorCode::ConcurrencyConflict));
    assert!(net.0.udp_local_address(id).is_ok());
    net.0.udp_finish_bind(id).unwrap();
    let again = net.0.udp_start_bind(id, at("127.0.0.1:0"));
    assert_eq!(again, Err(ErrorCode::InvalidState));
    assert!(!net.0.udp_input_ready(id));
    assert_eq!(net.0.udp_stream(id, None), Ok(()));
    assert_eq!(net.0.udp_disconnect(id), Err(ErrorCode::InvalidState));
}

#[test]
fn addresses_are_checked() {
    let invalid = Some(ErrorCode::InvalidArgument);
    let denied = Some(ErrorCode::AccessDenied);
    let elsewhere = Some(ErrorCode::AddressNotBindable);
    for (family, address, bind, connect) in [
        (Family::V4, "127.0.0.9:80", None, None),
        (Family::V4, "0.0.0.0:80", None, invalid),
        (Family::V4, "127.0.0.1:0", None, invalid),
        (Family::V4, "[::1]:80", invalid, invalid),
        (Family::V4, "192.0.2.1:80", elsewhere, denied),
        // Only TCP asks for unicast.
        (Family::V4, "224.0.0.1:80", elsewhere, denied),
        // `SO_BROADCAST` is not set: `EACCES`.
        (Family::V4, "127.255.255.255:80", None, denied),
        (Family::V6, "[::1]:80", None, None),
        (Family::V6, "[::]:80", None, invalid),
        (Family::V6, "[::ffff:127.0.0.1]:80", invalid, invalid),
    ] {
        let mut net = Net::new();
        let id = net.0.udp_create(family).unwrap();
        assert_eq!(
            net.0.udp_start_bind(id, at(address)).err(),
            bind,
            "{address}"
        );
        net.0.udp_drop(id);
        let id = net.0.udp_create(family).unwrap();
        assert_eq!(
            net.0.udp_send(id, b"", Some(at(address))).err(),
            connect,
            "{address}"
        );
        assert_eq!(
            net.0.udp_connect(id, at(address)).err(),
            connect,
            "{address}"
        );
        net.0.udp_drop(id);
        net.is_empty();
    }
}

/// Without `SO_REUSEADDR`, wildcards and addresses of the same port keep each other away.
#[test]
fn ports_are_not_shared() {
    for (first, second, apart) in [
        ("0.0.0.0:80", "127.0.0.1:80", false),
        ("127.0.0.1:80", "0.0.0.0:80", false),
        ("127.0.0.1:80", "127.0.0.1:80", false),
        ("127.0.0.1:80", "127.0.0.2:80", true),
        ("0.0.0.0:80", "[::]:80", true),
    ] {
        let mut net = Net::new();
        net.datagrams(first);
        let expected = match apart {
            true => None,
            false => Some(ErrorCode::AddressInUse),
        };
        assert_eq!(
            net.try_datagrams(at(second)).err(),
            expected,
            "{first} {second}"
        );
        // TCP has ports of its own.
        net.bound(second);
    }
}

#[test]
fn datagrams_go_where_they_are_sent() {
    for (receiver, sender, to, from, heard) in [
        (
            "127.0.0.1:80",
            "127.0.0.1:90",
            "127.0.0.1:80",
            "127.0.0.1:90",
            true,
        ),
        (
            "0.0.0.0:80",
            "0.0.0.0:90",
            "127.0.0.7:80",
            "127.0.0.1:90",
            true,
        ),
        (
            "127.0.0.1:80",
            "127.0.0.3:90",
            "127.0.0.1:80",
            "127.0.0.3:90",
            true,
        ),
        ("127.0.0.1:80", "127.0.0.1:90", "127.0.0.2:80", "", false),
        ("[::]:80", "[::]:90", "[::1]:80", "[::1]:90", true),
        ("[::]:80", "0.0.0.0:90", "127.0.0.1:80", "", false),
    ] {
        let mut net = Net::new();
        let receiver = net.datagrams(receiver);
        let sender = net.datagrams(sender);
        assert_eq!(net.0.udp_send(sender, b"hello", Some(at(to))), Ok(()));
        assert_eq!(net.0.udp_input_ready(receiver), heard);
        let expected = heard.then(|| (b"hello".to_vec(), at(from)));
        let peeked = expected.as_ref().map(|(data, from)| (data.len(), *from));
        assert_eq!(net.0.udp_peek(receiver), peeked);
        assert_eq!(net.receive(receiver), Ok(expected));
        assert_eq!(net.receive(receiver), Ok(None));
        assert!(net.0.udp_output_ready(sender));
    }
}

/// The checks of `UdpSocket::send`, in their order, and the kernel's own limits: 65,535 with a
/// header of IPv4 and one of UDP, or with that of UDP.
#[test]
fn sends_are_checked() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    let invalid = Err(ErrorCode::InvalidArgument);
    let long = Err(ErrorCode::DatagramTooLarge);
    let mut send = |len, to: Option<&str>| net.0.udp_send_with(id, len, to.map(at), |_| {});
    assert_eq!(send(0, None), invalid);
    assert_eq!(send(0, Some("127.0.0.1:0")), invalid);
    assert_eq!(send(0, Some("[::1]:1")), invalid);
    assert_eq!(send(65_535, None), invalid);
    assert_eq!(send(65_536, None), long);
    assert_eq!(send(65_508, Some("127.0.0.1:80")), long);
    assert_eq!(send(65_507, Some("127.0.0.1:80")), Ok(()));
    net.0.udp_connect(id, at("127.0.0.1:80")).unwrap();
    assert_eq!(net.0.udp_send(id, b"", None), Ok(()));
    assert_eq!(net.0.udp_send(id, b"", Some(at("127.0.0.1:80"))), Ok(()));
    assert_eq!(net.0.udp_send(id, b"", Some(at("127.0.0.2:80"))), invalid);
    let v6 = net.datagrams("[::1]:80");
    let mut send = |len| net.0.udp_send_with(v6, len, Some(at("[::1]:80")), |_| {});
    assert_eq!(send(65_528), long);
    assert_eq!(send(65_527), Ok(()));
}

/// `HostOutgoingDatagramStream::check_send` and `send`.
#[test]
fn permits() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    assert!(net.0.udp_begin_send(id, 0));
    assert!(!net.0.udp_begin_send(id, 1));
    assert_eq!(net.0.udp_check_send(id), Ok(16));
    assert!(net.0.udp_begin_send(id, 0));
    assert!(net.0.udp_begin_send(id, 16));
    assert!(!net.0.udp_begin_send(id, 1));
    assert_eq!(net.0.udp_check_send(id), Ok(16));
    assert!(!net.0.udp_begin_send(id, 17));
    // It is one of the streams, which are new now.
    net.0.udp_check_send(id).unwrap();
    net.0.udp_stream(id, None).unwrap();
    assert!(!net.0.udp_begin_send(id, 1));
}

/// `udp_disconnect` of the kernel: what was not asked for by number is lost.
#[test]
fn connecting_moves_a_socket() {
    for (bound, peer, connected, disconnected) in [
        ("0.0.0.0:0", "127.0.0.2:9", "127.0.0.1", "0.0.0.0:0"),
        ("0.0.0.0:5000", "127.0.0.2:9", "127.0.0.1", "0.0.0.0:5000"),
        ("127.0.0.3:0", "127.0.0.2:9", "127.0.0.3", "127.0.0.3:0"),
        (
            "127.0.0.3:5000",
            "127.0.0.2:9",
            "127.0.0.3",
            "127.0.0.3:5000",
        ),
        ("[::]:0", "[::1]:9", "::1", "[::]:0"),
    ] {
        let mut net = Net::new();
        let id = net.datagrams(bound);
        let port = net.0.udp_local_address(id).unwrap().port();
        let peer = at(peer);
        net.0.udp_stream(id, Some(peer)).unwrap();
        let local = net.0.udp_local_address(id).unwrap();
        assert_eq!(
            (local.ip().to_string().as_str(), local.port()),
            (connected, port)
        );
        assert_eq!(net.0.udp_remote_address(id), Ok(peer));
        net.0.udp_stream(id, None).unwrap();
        // wasmtime remembers that it was bound.
        assert_eq!(net.0.udp_local_address(id), Ok(at(disconnected)));
        assert_eq!(net.0.udp_remote_address(id), Err(ErrorCode::InvalidState));
        // It gets another port with the next peer, or with the next datagram.
        net.0.udp_stream(id, Some(peer)).unwrap();
        assert_ne!(net.0.udp_local_address(id).unwrap().port(), 0);
        net.0.udp_drop(id);
        net.is_empty();
    }
}

/// While a wildcard is connected, its other addresses are free.
#[test]
fn others_bind_beside_a_connected_wildcard() {
    let mut net = Net::new();
    let wild = net.datagrams("0.0.0.0:5000");
    net.0.udp_stream(wild, Some(at("127.0.0.1:9"))).unwrap();
    assert!(net.try_datagrams(at("127.0.0.1:5000")).is_err());
    let beside = net.datagrams("127.0.0.2:5000");
    net.0.udp_stream(wild, None).unwrap();
    let sender = net.datagrams("127.0.0.1:6000");
    for (to, receiver) in [("127.0.0.2:5000", beside), ("127.0.0.3:5000", wild)] {
        net.0.udp_send(sender, b"x", Some(at(to))).unwrap();
        assert!(net.receive(receiver).unwrap().is_some(), "{to}");
    }
    for id in [wild, beside, sender] {
        net.0.udp_drop(id);
    }
    net.is_empty();
}

#[test]
fn a_connected_socket_hears_its_peer() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    let peer = net.datagrams("127.0.0.1:81");
    let other = net.datagrams("127.0.0.1:82");
    let here = Some(at("127.0.0.1:80"));
    // wasmtime leaves out what came before.
    net.0.udp_send(other, b"early", here).unwrap();
    net.0.udp_send(peer, b"1", here).unwrap();
    net.0.udp_stream(id, Some(at("127.0.0.1:81"))).unwrap();
    assert_eq!(
        net.receive(id),
        Ok(Some((b"1".to_vec(), at("127.0.0.1:81"))))
    );
    // The kernel leaves out what comes later, and says so to who is connected.
    net.0.udp_send(other, b"late", here).unwrap();
    assert_eq!(net.0.udp_send(other, b"late", here), Ok(()));
    assert!(!net.0.udp_input_ready(id));
    net.0.udp_stream(other, here).unwrap();
    assert_eq!(net.0.udp_send(other, b"late", None), Ok(()));
    assert_eq!(
        net.0.udp_send(other, b"late", None),
        Err(ErrorCode::ConnectionRefused)
    );
    net.0.udp_send(peer, b"2", here).unwrap();
    assert_eq!(
        net.receive(id),
        Ok(Some((b"2".to_vec(), at("127.0.0.1:81"))))
    );
}

/// ICMP says that nobody is there, to a connected socket, which is told once.
#[test]
fn datagrams_to_nobody() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    let nobody = Some(at("127.0.0.1:9"));
    let refused = Err(ErrorCode::ConnectionRefused);
    for _ in 0..2 {
        assert_eq!(net.0.udp_send(id, b"x", nobody), Ok(()));
    }
    net.0.udp_stream(id, nobody).unwrap();
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    assert_eq!(net.0.udp_send(id, b"x", None), refused);
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    assert_eq!(net.receive(id), Err(ErrorCode::ConnectionRefused));
    assert_eq!(net.receive(id), Ok(None));
    // Who waits for a datagram is told between two calls, and nobody else.
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    assert_eq!(net.0.udp_check_send(id), Ok(16));
    assert!(net.0.udp_begin_send(id, 2));
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    assert_eq!(net.0.udp_send(id, b"x", None), refused);
    assert_eq!(net.receive(id), Err(ErrorCode::ConnectionRefused));
    // A datagram that is too long is not sent, so it is told nothing.
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    let long = net.0.udp_send_with(id, 65_508, None, |_| {});
    assert_eq!(long, Err(ErrorCode::DatagramTooLarge));
    assert_eq!(net.0.udp_send(id, b"x", None), refused);
}

/// The error comes before what waits: `__skb_recv_udp`.
#[test]
fn refused_before_what_waits() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    let peer = net.datagrams("127.0.0.1:81");
    net.0.udp_stream(id, Some(at("127.0.0.1:81"))).unwrap();
    net.0
        .udp_send(peer, b"x", Some(at("127.0.0.1:80")))
        .unwrap();
    net.0.udp_drop(peer);
    net.0.udp_send(id, b"y", None).unwrap();
    assert_eq!(net.receive(id), Err(ErrorCode::ConnectionRefused));
    assert!(net.receive(id).unwrap().is_some());
}

/// What wasmtime did not read, because an error came first, is there for the next peer.
#[test]
fn what_came_from_others_stays_behind_an_error() {
    let mut net = Net::new();
    let id = net.datagrams("127.0.0.1:80");
    net.0.udp_send(id, b"x", Some(at("127.0.0.1:80"))).unwrap();
    net.0.udp_stream(id, Some(at("127.0.0.1:9"))).unwrap();
    net.0.udp_send(id, b"y", None).unwrap();
    assert!(net.0.udp_input_ready(id));
    assert_eq!(net.receive(id), Err(ErrorCode::ConnectionRefused));
    net.0.udp_stream(id, None).unwrap();
    assert!(net.receive(id).unwrap().is_some());
}

/// A flow or a scope makes it another address for wasmtime, and none for the kernel.
#[test]
fn flows_and_scopes() {
    let mut net = Net::new();
    let id = net.datagrams("[::1]:80");
    let flow = std::net::SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 80, 7, 0).into();
    net.0.udp_stream(id, Some(flow)).unwrap();
    assert_eq!(net.0.udp_remote_address(id), Ok(at("[::1]:80")));
    let other = net.0.udp_send(id, b"x", Some(flow));
    assert_eq!(other, Err(ErrorCode::InvalidArgument));
    assert_eq!(net.0.udp_send(id, b"x", None), Ok(()));
    assert_eq!(net.receive(id), Ok(Some((b"x".to_vec(), at("[::1]:80")))));
}

/// How many datagrams of a length Linux 6.18 keeps, of many more that were sent.
#[test]
fn queues_are_bounded_by_the_receive_buffer() {
    for (buffer, len, kept) in [
        (None, 0, 256),
        (None, 1, 256),
        (None, 100, 256),
        (None, 193, 166),
        (None, 500, 166),
        (None, 700, 92),
        (None, 1_000, 92),
        (None, 2_000, 48),
        (None, 3_750, 25),
        (None, 8_000, 12),
        (None, 17_000, 11),
        (None, 20_000, 10),
        (None, 33_000, 6),
        (None, 65_507, 3),
        (Some(1), 1, 2),
        (Some(1), 1_000, 1),
        (Some(1), 8_000, 1),
        (Some(4_096), 1, 9),
        (Some(4_096), 1_000, 3),
        (Some(20_000), 1, 48),
        (Some(20_000), 1_000, 17),
        (Some(20_000), 8_000, 2),
    ] {
        let mut net = Net::new();
        let id = net.datagrams("127.0.0.1:80");
        if let Some(size) = buffer {
            net.0
                .udp_set_option(id, SocketOption::ReceiveBuffer, size)
                .unwrap();
        }
        for _ in 0..300 {
            let sent = net
                .0
                .udp_send_with(id, len, Some(at("127.0.0.1:80")), |_| {});
            assert_eq!(sent, Ok(()));
        }
        let mut got = 0;
        while net.receive(id).unwrap().is_some() {
            got += 1;
        }
        assert_eq!(got, kept, "{len} bytes, {buffer:?}");
        assert_eq!(net.0.usage().buffered, 0);
    }
}

#[test]
fn options() {
    use SocketOption::*;
    let mut net = Net::new();
    let id = net.0.udp_create(Family::V6).unwrap();
    for (option, default, set, read) in [
        (HopLimit, 64, 255, 255),
        (ReceiveBuffer, 106_496, 1, 1_152),
        (SendBuffer, 106_496, u64::MAX, 212_992),
    ] {
        assert_eq!(net.0.udp_option(id, option), Ok(default), "{option:?}");
        net.0.udp_set_option(id, option, set).unwrap();
        assert_eq!(net.0.udp_option(id, option), Ok(read), "{option:?}");
        let zero = net.0.udp_set_option(id, option, 0);
        assert_eq!(zero, Err(ErrorCode::InvalidArgument), "{option:?}");
    }
    assert_eq!(
        net.0.udp_option(id, KeepAlive),
        Err(ErrorCode::NotSupported)
    );
    assert_eq!(
        net.0.udp_set_option(id, KeepAlive, 1),
        Err(ErrorCode::NotSupported)
    );
    assert_eq!(net.0.udp_family(id), Family::V6);
}

#[test]
fn sockets_are_bounded() {
    let limits = Limits {
        udp: 2,
        buffered: 1_000,
        ..Limits::new()
    };
    let mut net = Net(Network::new(Config {
        limits,
        outside_send: ErrorCode::RemoteUnreachable,
        ..Config::default()
    }));
    let id = net.datagrams("127.0.0.1:80");
    net.datagrams("127.0.0.1:81");
    assert_eq!(net.0.udp_create(Family::V4), Err(ErrorCode::NewSocketLimit));
    let outside = net.0.udp_connect(id, at("192.0.2.1:80"));
    assert_eq!(outside, Err(ErrorCode::RemoteUnreachable));
    // Without memory, datagrams are lost like any.
    for _ in 0..2 {
        net.0
            .udp_send(id, &[7; 600], Some(at("127.0.0.1:81")))
            .unwrap();
    }
    assert!(net.0.usage().buffered <= 1_000);
}
