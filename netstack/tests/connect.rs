//! TCP sockets until they are connected: states, addresses, who reaches whom.

mod common;

use common::{Net, at, with_port};
use sockvirt_netstack::{
    Config, ErrorCode, Family, Limits, Network, Shutdown, SocketOption, StreamEnd, TcpId,
};

/// Each call of a socket that can fail for its state alone.
#[derive(Clone, Copy, Debug)]
enum Call {
    StartBind,
    FinishBind,
    StartConnect,
    FinishConnect,
    StartListen,
    FinishListen,
    Accept,
    LocalAddress,
    RemoteAddress,
    Option,
    Backlog,
    Shutdown,
}

impl Call {
    const ALL: [Call; 12] = [
        Call::StartBind,
        Call::FinishBind,
        Call::StartConnect,
        Call::FinishConnect,
        Call::StartListen,
        Call::FinishListen,
        Call::Accept,
        Call::LocalAddress,
        Call::RemoteAddress,
        Call::Option,
        Call::Backlog,
        Call::Shutdown,
    ];

    fn on(self, net: &mut Net, id: TcpId) -> Result<(), ErrorCode> {
        match self {
            Call::StartBind => net.0.tcp_start_bind(id, at("127.0.0.1:0")),
            Call::FinishBind => net.0.tcp_finish_bind(id),
            Call::StartConnect => net.0.tcp_start_connect(id, at("127.0.0.1:1")),
            Call::FinishConnect => net.0.tcp_finish_connect(id).map(drop),
            Call::StartListen => net.0.tcp_start_listen(id),
            Call::FinishListen => net.0.tcp_finish_listen(id),
            Call::Accept => net.0.tcp_accept(id).map(drop),
            Call::LocalAddress => net.0.tcp_local_address(id).map(drop),
            Call::RemoteAddress => net.0.tcp_remote_address(id).map(drop),
            Call::Option => net.0.tcp_option(id, SocketOption::HopLimit).map(drop),
            Call::Backlog => net.0.tcp_set_listen_backlog(id, 5),
            Call::Shutdown => net.0.tcp_shutdown(id, Shutdown::Both),
        }
    }
}

/// A socket in each state that wasmtime tells apart.
#[derive(Clone, Copy, Debug)]
enum State {
    Fresh,
    BindStarted,
    Bound,
    ConnectStarted,
    ConnectRefused,
    Connected,
    ListenStarted,
    Listening,
    ListenFailed,
}

impl State {
    fn socket(self, net: &mut Net) -> TcpId {
        let id = net.0.tcp_create(Family::V4).unwrap();
        match self {
            State::Fresh => {}
            State::BindStarted => net.0.tcp_start_bind(id, at("127.0.0.1:0")).unwrap(),
            State::Bound => return net.bound("127.0.0.1:0"),
            State::ConnectStarted => net.0.tcp_start_connect(id, at("127.0.0.1:1")).unwrap(),
            State::ConnectRefused => {
                let refused = net.connect(id, at("127.0.0.1:1"));
                assert_eq!(refused, Err(ErrorCode::ConnectionRefused));
            }
            State::Connected => return net.pair().client,
            State::ListenStarted => {
                let id = net.bound("127.0.0.1:0");
                net.0.tcp_start_listen(id).unwrap();
                return id;
            }
            State::Listening => return net.listener("127.0.0.1:0"),
            State::ListenFailed => {
                let first = net.bound("127.0.0.1:0");
                let second = net.try_bind(net.local(first)).unwrap();
                net.listen(first).unwrap();
                assert_eq!(net.listen(second), Err(ErrorCode::AddressInUse));
                return second;
            }
        }
        id
    }
}

/// What each call says in each state: `p2/host/tcp.rs` and `sockets/tcp.rs` of wasmtime 48.0.8. The
/// columns are [`Call::ALL`]: `-` for success, and otherwise the first letters of the error.
#[test]
fn states_allow_what_wasmtime_allows() {
    let table = [
        (State::Fresh, "-- NP -- NP IS NP IS IS IS -- -- IS"),
        (State::BindStarted, "CC -- CC NP CC NP IS -- IS -- -- IS"),
        (State::Bound, "IS NP -- NP -- NP IS -- IS -- -- IS"),
        (State::ConnectStarted, "CC NP CC CR CC NP IS IS IS IS IS IS"),
        (State::ConnectRefused, "IS NP IS NP IS NP IS CR CR CR CR IS"),
        (State::Connected, "IS NP IS NP IS NP IS -- -- -- IS --"),
        (State::ListenStarted, "CC NP CC NP CC -- WB -- IS -- -- IS"),
        (State::Listening, "IS NP IS NP IS NP WB -- IS -- -- IS"),
        // wasmtime loses the socket, and has no code for that.
        (State::ListenFailed, "IS NP IS NP IS NP IS UN UN UN UN IS"),
    ];
    for (state, expected) in table {
        let answers = Call::ALL.map(|call| {
            let mut net = Net::new();
            let id = state.socket(&mut net);
            short(call.on(&mut net, id))
        });
        assert_eq!(answers.join(" "), expected, "{state:?}");
    }
}

fn short(result: Result<(), ErrorCode>) -> &'static str {
    match result {
        Ok(()) => "--",
        Err(ErrorCode::ConcurrencyConflict) => "CC",
        Err(ErrorCode::NotInProgress) => "NP",
        Err(ErrorCode::InvalidState) => "IS",
        Err(ErrorCode::WouldBlock) => "WB",
        Err(ErrorCode::ConnectionRefused) => "CR",
        Err(ErrorCode::Unknown) => "UN",
        Err(_) => "??",
    }
}

/// What a poll finds out is so before `finish-connect`, as `Pollable for TcpSocket` does.
#[test]
fn a_poll_connects() {
    let mut net = Net::new();
    let id = State::ConnectStarted.socket(&mut net);
    assert!(net.0.tcp_ready(id));
    let hops = net.0.tcp_option(id, SocketOption::HopLimit);
    assert_eq!(hops, Err(ErrorCode::ConnectionRefused));
    assert_eq!(
        net.0.tcp_finish_connect(id),
        Err(ErrorCode::ConnectionRefused)
    );
    assert_eq!(net.0.tcp_finish_connect(id), Err(ErrorCode::NotInProgress));

    let listener = net.listener("127.0.0.1:0");
    let id = net.0.tcp_create(Family::V4).unwrap();
    net.0.tcp_start_connect(id, net.local(listener)).unwrap();
    assert!(!net.0.tcp_ready(listener));
    assert!(net.0.tcp_ready(id));
    assert!(net.0.tcp_ready(listener));
    assert!(net.0.tcp_remote_address(id).is_ok());
    let early = net.0.tcp_shutdown(id, Shutdown::Both);
    assert_eq!(early, Err(ErrorCode::InvalidState));
    net.0.tcp_finish_connect(id).unwrap();
}

/// Neither of the two is ready or not by what came in so far: `Pollable for TcpSocket`.
#[test]
fn a_listener_is_ready_between_start_and_finish() {
    let mut net = Net::new();
    let id = State::ListenStarted.socket(&mut net);
    assert!(net.0.tcp_ready(id));
    net.0.tcp_finish_listen(id).unwrap();
    assert!(!net.0.tcp_ready(id));
    for state in [
        State::Fresh,
        State::BindStarted,
        State::Bound,
        State::Connected,
    ] {
        let id = state.socket(&mut net);
        assert!(net.0.tcp_ready(id), "{state:?}");
    }
}

/// The order of checks in `TcpSocket::bind` and `start_connect`, and `EADDRNOTAVAIL`.
#[test]
fn addresses_are_checked() {
    let mut net = Net::new();
    for (family, address, bind, connect) in [
        (
            Family::V4,
            "127.0.0.1:0",
            None,
            Some(ErrorCode::InvalidArgument),
        ),
        (
            Family::V4,
            "0.0.0.0:80",
            None,
            Some(ErrorCode::InvalidArgument),
        ),
        (Family::V4, "127.255.255.255:80", None, None),
        (Family::V4, "127.0.0.0:80", None, None),
        (
            Family::V4,
            "192.0.2.1:80",
            Some(ErrorCode::AddressNotBindable),
            None,
        ),
        (
            Family::V4,
            "224.0.0.1:80",
            Some(ErrorCode::InvalidArgument),
            Some(ErrorCode::InvalidArgument),
        ),
        (
            Family::V4,
            "255.255.255.255:80",
            Some(ErrorCode::InvalidArgument),
            Some(ErrorCode::InvalidArgument),
        ),
        (
            Family::V4,
            "[::1]:80",
            Some(ErrorCode::InvalidArgument),
            Some(ErrorCode::InvalidArgument),
        ),
        (Family::V6, "[::1]:80", None, None),
        (
            Family::V6,
            "[::]:80",
            None,
            Some(ErrorCode::InvalidArgument),
        ),
        (
            Family::V6,
            "[2001:db8::1]:80",
            Some(ErrorCode::AddressNotBindable),
            None,
        ),
        (
            Family::V6,
            "[::ffff:127.0.0.1]:80",
            Some(ErrorCode::InvalidArgument),
            Some(ErrorCode::InvalidArgument),
        ),
        (
            Family::V6,
            "[::127.0.0.1]:80",
            Some(ErrorCode::InvalidArgument),
            Some(ErrorCode::InvalidArgument),
        ),
    ] {
        let id = net.0.tcp_create(family).unwrap();
        assert_eq!(
            net.0.tcp_start_bind(id, at(address)).err(),
            bind,
            "{address}"
        );
        net.0.tcp_drop(id);
        let id = net.0.tcp_create(family).unwrap();
        assert_eq!(
            net.0.tcp_start_connect(id, at(address)).err(),
            connect,
            "{address}"
        );
        net.0.tcp_drop(id);
    }
    net.is_empty();
}

#[test]
fn what_is_not_inside_ends_as_it_is_configured() {
    let mut net = Net(Network::new(Config {
        outside_connect: ErrorCode::RemoteUnreachable,
        ..Config::default()
    }));
    let outside = net.connected(at("192.0.2.1:80"));
    assert_eq!(outside, Err(ErrorCode::RemoteUnreachable));
    let mut net = Net::new();
    let outside = net.connected(at("192.0.2.1:80"));
    assert_eq!(outside, Err(ErrorCode::AccessDenied));
    // The broadcast address of the interface: `ENETUNREACH`.
    let broadcast = net.connected(at("127.255.255.255:80"));
    assert_eq!(broadcast, Err(ErrorCode::RemoteUnreachable));
    assert!(Network::is_inside(at("127.9.9.9:0").ip()));
    assert!(!Network::is_inside(at("192.0.2.1:0").ip()));
}

/// `ip route get 127.0.0.5` has 127.0.0.1 for a source, and what is bound to an address keeps it.
#[test]
fn both_sides_know_their_addresses() {
    for (listener, bound, remote, local) in [
        ("127.0.0.1:0", None, "127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:0", None, "127.0.0.5:0", "127.0.0.1:0"),
        ("0.0.0.0:0", Some("0.0.0.0:0"), "127.0.0.9:0", "127.0.0.1:0"),
        (
            "0.0.0.0:0",
            Some("127.0.0.3:0"),
            "127.1.2.3:0",
            "127.0.0.3:0",
        ),
        (
            "127.0.0.2:0",
            Some("127.0.0.2:0"),
            "127.0.0.2:0",
            "127.0.0.2:0",
        ),
        ("[::]:0", None, "[::1]:0", "[::1]:0"),
        ("[::1]:0", Some("[::]:0"), "[::1]:0", "[::1]:0"),
    ] {
        let mut net = Net::new();
        let listener = net.listener(listener);
        let remote = with_port(remote, net.local(listener).port());
        let client = match bound {
            Some(address) => net.bound(address),
            None => net.0.tcp_create(net.0.tcp_family(listener)).unwrap(),
        };
        let port = bound.map(|_| net.local(client).port());
        net.connect(client, remote).unwrap();
        let near = net.local(client);
        assert_eq!(near.ip(), at(local).ip());
        assert!(port.is_none_or(|port| port == near.port()));
        let (server, _) = net.0.tcp_accept(listener).unwrap();
        assert_eq!(net.0.tcp_remote_address(client), Ok(remote));
        assert_eq!(net.0.tcp_local_address(server), Ok(remote));
        assert_eq!(net.0.tcp_remote_address(server), Ok(near));
        for id in [server, client, listener] {
            net.0.tcp_drop(id);
        }
        net.is_empty();
    }
}

/// Only the address or the wildcard of a listener is reached, and the families are apart.
#[test]
fn listeners_are_reached_at_their_address() {
    for (listener, remote, reached) in [
        ("127.0.0.1:80", "127.0.0.1:80", true),
        ("127.0.0.1:80", "127.0.0.2:80", false),
        ("127.0.0.1:80", "127.0.0.1:81", false),
        ("0.0.0.0:80", "127.0.0.2:80", true),
        ("0.0.0.0:80", "[::1]:80", false),
        ("[::]:80", "127.0.0.1:80", false),
        ("[::]:80", "[::1]:80", true),
    ] {
        let mut net = Net::new();
        net.listener(listener);
        let outcome = net.connected(at(remote)).map(drop);
        let expected = match reached {
            true => Ok(()),
            false => Err(ErrorCode::ConnectionRefused),
        };
        assert_eq!(outcome, expected, "{listener} {remote}");
    }
}

/// A socket that is bound but does not listen refuses, and so does one whose listener is gone.
#[test]
fn nobody_listens() {
    let mut net = Net::new();
    let bound = net.bound("127.0.0.1:80");
    assert_eq!(
        net.connected(at("127.0.0.1:80")),
        Err(ErrorCode::ConnectionRefused)
    );
    net.listen(bound).unwrap();
    net.connected(at("127.0.0.1:80")).unwrap();
    net.0.tcp_drop(bound);
    assert_eq!(
        net.connected(at("127.0.0.1:80")),
        Err(ErrorCode::ConnectionRefused)
    );
}

/// What Linux 6.18 says to `bind(2)` where a port is taken by what was never bound by name.
#[test]
fn ports_of_connections() {
    let mut net = Net::new();
    let listener = net.listener("127.0.0.1:80");
    let (client, _) = net.connected(at("127.0.0.1:80")).unwrap();
    let (_server, _) = net.0.tcp_accept(listener).unwrap();
    let port = net.local(client).port();
    let mut bind = |address| net.try_bind(address).map(drop);
    // The client never had `SO_REUSEADDR`.
    assert_eq!(
        bind(with_port("127.0.0.1:0", port)),
        Err(ErrorCode::AddressInUse)
    );
    assert_eq!(
        bind(with_port("0.0.0.0:0", port)),
        Err(ErrorCode::AddressInUse)
    );
    assert_eq!(bind(with_port("127.0.0.2:0", port)), Ok(()));
    // A listener shares with nobody, what it accepted does.
    assert_eq!(bind(at("127.0.0.1:80")), Err(ErrorCode::AddressInUse));
    net.0.tcp_drop(listener);
    let again = net.listener("127.0.0.1:80");
    let third = net.try_bind(at("127.0.0.1:80"));
    assert_eq!(third, Err(ErrorCode::AddressInUse));
    net.connected(at("127.0.0.1:80")).unwrap();
    assert!(net.0.tcp_accept(again).is_ok());
}

/// `__inet_check_established`: there is one connection between two addresses.
#[test]
fn two_addresses_connect_once() {
    let mut net = Net::new();
    net.listener("127.0.0.1:80");
    let first = net.bound("127.0.0.1:5000");
    net.connect(first, at("127.0.0.1:80")).unwrap();
    for local in ["127.0.0.1:5000", "0.0.0.0:5000"] {
        let second = net.bound(local);
        let twice = net.connect(second, at("127.0.0.1:80"));
        assert_eq!(twice, Err(ErrorCode::AddressNotBindable), "{local}");
    }
    net.listener("127.0.0.1:81");
    let other = net.bound("127.0.0.1:5000");
    net.connect(other, at("127.0.0.1:81")).unwrap();
}

/// On Linux this is a simultaneous open.
#[test]
fn a_socket_connects_to_itself() {
    for (bound, remote) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:80", "127.0.0.1:80"),
    ] {
        let mut net = Net::new();
        let id = net.bound(bound);
        let end = net.connect(id, at(remote)).unwrap();
        assert_eq!(net.0.tcp_remote_address(id), Ok(net.local(id)));
        net.write(end, b"hello").unwrap();
        assert_eq!(net.read(end), Ok(b"hello".to_vec()));
        let other = net.bound("127.0.0.1:80");
        let busy = net.connect(other, at("127.0.0.1:80"));
        assert_eq!(busy, Err(ErrorCode::AddressNotBindable));
        net.write(end, b"last").unwrap();
        net.0.tcp_shutdown(id, Shutdown::Send).unwrap();
        assert_eq!(net.read(end), Ok(b"last".to_vec()));
        assert_eq!(net.read(end), Err(StreamEnd::Closed));
        assert_eq!(net.0.tcp_remote_address(id), Err(ErrorCode::InvalidState));
        net.0.tcp_drop(id);
        net.0.tcp_drop(other);
        net.is_empty();
    }
    // A wildcard goes out from 127.0.0.1, which is not where this leads.
    let mut net = Net::new();
    let id = net.bound("0.0.0.0:80");
    let elsewhere = net.connect(id, at("127.0.0.7:80"));
    assert_eq!(elsewhere, Err(ErrorCode::ConnectionRefused));
}

/// `sk_acceptq_is_full`: one more than the backlog gets in, and the others are not refused.
#[test]
fn backlogs_hold_one_more() {
    for backlog in [1, 2, 5] {
        let mut net = Net::new();
        let listener = net.bound("127.0.0.1:80");
        net.0.tcp_set_listen_backlog(listener, backlog).unwrap();
        net.listen(listener).unwrap();
        let ids: Vec<_> = (0..10)
            .map(|_| net.0.tcp_create(Family::V4).unwrap())
            .collect();
        for id in &ids {
            net.0.tcp_start_connect(*id, at("127.0.0.1:80")).unwrap();
        }
        let ready = ids.iter().filter(|id| net.0.tcp_ready(**id)).count();
        assert_eq!(ready as u64, backlog + 1);
        let last = ids[9];
        assert_eq!(net.0.tcp_finish_connect(last), Err(ErrorCode::WouldBlock));
        let (first, _) = net.0.tcp_accept(listener).unwrap();
        assert_eq!(
            net.0.tcp_remote_address(first),
            net.0.tcp_local_address(ids[0])
        );
        assert!(net.0.tcp_ready(last));
        net.0.tcp_finish_connect(last).unwrap();
        // Who still waits is refused once there is no listener any more.
        let waiting = ids[8];
        assert!(!net.0.tcp_ready(waiting));
        net.0.tcp_drop(listener);
        assert_eq!(
            net.0.tcp_finish_connect(waiting),
            Err(ErrorCode::ConnectionRefused)
        );
    }
}

/// wasmtime accepts a connection when it is asked whether one is there. So the queue has room for one
/// more, and a listener that goes closes that connection, where it resets the others.
#[test]
fn a_listener_that_was_asked_has_taken_one() {
    let mut net = Net::new();
    let listener = net.bound("127.0.0.1:80");
    net.0.tcp_set_listen_backlog(listener, 1).unwrap();
    net.listen(listener).unwrap();
    let address = net.local(listener);
    let (_, taken) = net.connected(address).unwrap();
    let (_, waiting) = net.connected(address).unwrap();
    let full = net.connected(address);
    assert_eq!(full, Err(ErrorCode::WouldBlock));
    assert!(net.0.tcp_ready(listener));
    let (_, last) = net.connected(address).unwrap();
    net.0.tcp_drop(listener);
    let reset = Err(StreamEnd::Failed(ErrorCode::ConnectionReset));
    assert_eq!(net.read(taken), Err(StreamEnd::Closed));
    assert_eq!(net.read(waiting), reset);
    assert_eq!(net.read(last), reset);
}

/// To close what was not read is a reset.
#[test]
fn a_taken_connection_that_was_written_to_is_reset() {
    let mut net = Net::new();
    let listener = net.listener("127.0.0.1:80");
    let (_, end) = net.connected(net.local(listener)).unwrap();
    net.write(end, b"hello").unwrap();
    assert!(net.0.tcp_ready(listener));
    net.0.tcp_drop(listener);
    let reset = StreamEnd::Failed(ErrorCode::ConnectionReset);
    assert_eq!(net.write(end, b"hello"), Err(reset));
}

/// `set_listen_backlog_size`: also while listening, and with any number but 0.
#[test]
fn backlogs_can_change() {
    let mut net = Net::new();
    let listener = net.listener("127.0.0.1:80");
    let zero = net.0.tcp_set_listen_backlog(listener, 0);
    assert_eq!(zero, Err(ErrorCode::InvalidArgument));
    net.0.tcp_set_listen_backlog(listener, 1).unwrap();
    for _ in 0..2 {
        net.connected(at("127.0.0.1:80")).unwrap();
    }
    assert_eq!(
        net.connected(at("127.0.0.1:80")),
        Err(ErrorCode::WouldBlock)
    );
    net.0.tcp_set_listen_backlog(listener, u64::MAX).unwrap();
    net.connected(at("127.0.0.1:80")).unwrap();
    // The kernel's own limit, `somaxconn`.
    for _ in 3..4097 {
        net.connected(at("127.0.0.1:80")).unwrap();
    }
    assert_eq!(
        net.connected(at("127.0.0.1:80")),
        Err(ErrorCode::WouldBlock)
    );
}

/// A child has what its listener had when its connection came in: `sk_clone_lock`.
#[test]
fn options_are_inherited() {
    use SocketOption::*;
    let mut net = Net::new();
    let listener = net.listener("127.0.0.1:80");
    let set = [
        (KeepAlive, 1),
        (KeepAliveIdle, 60_000_000_000),
        (KeepAliveInterval, 5_000_000_000),
        (KeepAliveCount, 3),
        (HopLimit, 7),
        (ReceiveBuffer, 20_000),
        (SendBuffer, 30_000),
    ];
    for (option, value) in set {
        net.0.tcp_set_option(listener, option, value).unwrap();
    }
    let (client, _) = net.connected(at("127.0.0.1:80")).unwrap();
    net.0.tcp_set_option(listener, HopLimit, 9).unwrap();
    let (server, _) = net.0.tcp_accept(listener).unwrap();
    for (option, value) in set {
        assert_eq!(net.0.tcp_option(server, option), Ok(value), "{option:?}");
        assert_ne!(net.0.tcp_option(client, option), Ok(value), "{option:?}");
    }
}

/// wasmtime checks some values before it looks at the socket.
#[test]
fn zeros_are_invalid_in_their_order() {
    use SocketOption::*;
    let mut net = Net::new();
    let failed = State::ConnectRefused.socket(&mut net);
    let open = State::Fresh.socket(&mut net);
    for (option, late) in [
        (KeepAliveIdle, false),
        (KeepAliveInterval, false),
        (KeepAliveCount, false),
        (HopLimit, true),
        (ReceiveBuffer, true),
        (SendBuffer, true),
    ] {
        let zero = net.0.tcp_set_option(open, option, 0);
        assert_eq!(zero, Err(ErrorCode::InvalidArgument), "{option:?}");
        let expected = match late {
            true => ErrorCode::ConnectionRefused,
            false => ErrorCode::InvalidArgument,
        };
        assert_eq!(
            net.0.tcp_set_option(failed, option, 0),
            Err(expected),
            "{option:?}"
        );
    }
    assert_eq!(net.0.tcp_set_option(open, KeepAlive, 0), Ok(()));
}

#[test]
fn sockets_and_ends_are_bounded() {
    let limits = Limits {
        tcp: 4,
        ..Limits::new()
    };
    let mut net = Net(Network::new(Config {
        limits,
        ..Config::default()
    }));
    let listener = net.listener("127.0.0.1:80");
    for _ in 0..2 {
        net.connected(at("127.0.0.1:80")).unwrap();
    }
    let last = net.0.tcp_create(Family::V4).unwrap();
    assert_eq!(net.0.tcp_create(Family::V4), Err(ErrorCode::NewSocketLimit));
    // Both ends of both connections are there.
    assert_eq!(
        net.connect(last, at("127.0.0.1:80")),
        Err(ErrorCode::OutOfMemory)
    );
    assert_eq!(net.0.tcp_accept(listener), Err(ErrorCode::NewSocketLimit));
    net.0.tcp_drop(last);
    assert!(net.0.tcp_accept(listener).is_ok());
}
