//! Calls made of bytes, and what must hold whatever they are.
//!
//! The tests and the fuzz target have it in common. A byte picks a call, those behind it pick what
//! it is called with: ids of what is there and of what never was. A model knows which
//! bytes each end has still to read.

use sockvirt_netstack::{
    Answer, Config, EndId, ErrorCode, Family, Host, Limits, LookupId, Network, Shutdown,
    SocketOption, StreamEnd, TcpId, UdpId, Usage, WriteError,
};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Limits that a few calls reach.
pub(crate) const LIMITS: Limits = Limits {
    tcp: 12,
    udp: 4,
    lookups: 3,
    backlog: 3,
    pipe: 128 << 10,
    buffered: 256 << 10,
    buffered_at_most: 400 << 10,
};

/// Makes the calls, checks what they give, and drops everything in the end.
///
/// # Panics
///
/// If something does not hold.
pub(crate) fn drive(data: &[u8]) {
    let mut driver = Driver::new(data);
    while let Some(call) = driver.input.next() {
        driver.call(call);
        driver.check_bounds();
    }
    driver.drop_all();
}

/// The bytes that are left.
struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    fn next(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    fn bool(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn family(&mut self) -> Family {
        match self.byte() % 4 {
            0 => Family::V6,
            _ => Family::V4,
        }
    }

    fn address(&mut self) -> SocketAddr {
        let ip: IpAddr = match self.byte() % 16 {
            0..=6 => Ipv4Addr::LOCALHOST.into(),
            7 => Ipv4Addr::new(127, 0, 0, 2).into(),
            8 | 9 => Ipv4Addr::UNSPECIFIED.into(),
            10 | 11 => Ipv6Addr::LOCALHOST.into(),
            12 => Ipv6Addr::UNSPECIFIED.into(),
            13 => Ipv4Addr::new(127, 255, 255, 255).into(),
            14 => Ipv4Addr::new(192, 0, 2, 1).into(),
            _ => Ipv6Addr::from_bits(self.byte().into()).into(),
        };
        let port = match self.byte() % 8 {
            0..=4 => 80,
            5 => 0,
            6 => 81,
            _ => 32_768 + u16::from(self.byte() % 8),
        };
        SocketAddr::new(ip, port)
    }
}

/// What one end of a connection has to do with the other.
#[derive(Default)]
struct Side {
    /// What the other end has written here.
    coming: VecDeque<u8>,
    /// Whether nobody reads here any more, and nothing comes from here either.
    deaf: Deaf,
}

#[derive(Default)]
struct Deaf {
    input: bool,
    output: bool,
}

/// A connection, as client and server.
struct Connection {
    client: SocketAddr,
    server: SocketAddr,
    /// Whether the server's end was given out.
    accepted: bool,
    /// Both sides: that of the client first.
    sides: [Side; 2],
}

/// Which end of which connection an end is.
#[derive(Clone, Copy)]
struct Place {
    connection: usize,
    side: usize,
}

impl Place {
    /// The side at the other end.
    fn across(self, connection: &Connection) -> usize {
        match connection.client == connection.server {
            true => self.side,
            false => 1 - self.side,
        }
    }
}

struct Driver<'a> {
    input: Input<'a>,
    network: Network,
    tcp: Vec<TcpId>,
    ends: Vec<EndId>,
    udp: Vec<UdpId>,
    lookups: Vec<LookupId>,
    /// How often each end was retained and not released.
    retained: HashMap<EndId, u32>,
    connections: Vec<Connection>,
    places: HashMap<EndId, Place>,
    /// The byte that is written next.
    next: u8,
    /// The number of the datagram that is sent next, and that of the last one that each socket got.
    datagram: u32,
    received: HashMap<UdpId, u32>,
}

impl<'a> Driver<'a> {
    fn new(data: &'a [u8]) -> Self {
        Driver {
            input: Input(data.iter()),
            network: Network::new(Config {
                hosts: vec![Host {
                    name: "a.test".into(),
                    answer: Answer::Addresses(vec![Ipv4Addr::LOCALHOST.into()]),
                }],
                limits: LIMITS,
                ..Config::default()
            }),
            tcp: Vec::new(),
            ends: Vec::new(),
            udp: Vec::new(),
            lookups: Vec::new(),
            retained: HashMap::new(),
            connections: Vec::new(),
            places: HashMap::new(),
            next: 0,
            datagram: 0,
            received: HashMap::new(),
        }
    }

    fn call(&mut self, call: u8) {
        match call % 32 {
            0 => self.create(),
            1 => self.bind(),
            2 => self.listen(),
            3 | 4 => self.connect(),
            5 | 6 => self.accept(),
            7..=11 => self.open_pair(),
            12..=15 => self.write(),
            16..=19 => self.read(),
            20 => self.end_stream(),
            21 => self.shut_down(),
            22 => self.retain_or_release(),
            23 => self.drop_socket(),
            24 => self.ask(),
            25 => self.set(),
            26 => self.look_up(),
            27 => self.open_datagrams(),
            28 | 29 => self.send(),
            30 => self.receive(),
            _ => self.drop_datagrams(),
        }
    }

    fn check_bounds(&self) {
        let usage = self.network.usage();
        assert!(usage.tcp <= 12 && usage.ends <= 12 && usage.udp <= 4 && usage.lookups <= 3);
        assert!(usage.ports <= 12 + 12 + 12 + 4, "{usage:?}");
        assert!(usage.buffered <= LIMITS.buffered_at_most, "{usage:?}");
    }

    /// One of those that are there, and now and then one that never was.
    fn pick<T: Copy>(input: &mut Input<'_>, all: &[T], none: T) -> T {
        match input.byte() {
            250.. => none,
            byte => *all
                .get(usize::from(byte) % all.len().max(1))
                .unwrap_or(&none),
        }
    }

    fn pick_tcp(&mut self) -> TcpId {
        Self::pick(&mut self.input, &self.tcp, TcpId::from_number(99))
    }

    fn pick_end(&mut self) -> EndId {
        Self::pick(&mut self.input, &self.ends, EndId::from_number(99))
    }

    fn pick_udp(&mut self) -> UdpId {
        Self::pick(&mut self.input, &self.udp, UdpId::from_number(99))
    }

    /// An address that leads to someone, or any.
    fn destination(&mut self) -> SocketAddr {
        let local = match self.input.byte() % 8 {
            0..=3 => {
                let id = self.pick_tcp();
                self.network.tcp_local_address(id)
            }
            4..=6 => {
                let id = self.pick_udp();
                self.network.udp_local_address(id)
            }
            _ => return self.input.address(),
        };
        let mut local = local.unwrap_or_else(|_| self.input.address());
        match local.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => local.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => local.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        local
    }
}

/// Sockets of TCP.
impl Driver<'_> {
    fn create(&mut self) {
        let family = self.input.family();
        match self.network.tcp_create(family) {
            Ok(id) => self.tcp.push(id),
            Err(code) => assert_eq!(code, ErrorCode::NewSocketLimit),
        }
    }

    fn bind(&mut self) {
        let (id, address) = (self.pick_tcp(), self.input.address());
        let started = self.network.tcp_start_bind(id, address);
        if self.input.below(8) != 0 {
            let finished = self.network.tcp_finish_bind(id);
            assert!(started.is_err() || finished.is_ok());
        }
    }

    fn listen(&mut self) {
        let id = self.pick_tcp();
        if self.input.bool() {
            let backlog = u64::from(self.input.byte());
            let _ = self.network.tcp_set_listen_backlog(id, backlog);
        }
        let _ = self.network.tcp_start_listen(id);
        let _ = self.network.tcp_finish_listen(id);
    }

    fn connect(&mut self) {
        let (id, address) = (self.pick_tcp(), self.destination());
        let started = self.network.tcp_start_connect(id, address);
        let ready = self.input.bool().then(|| self.ready(id));
        if self.input.below(8) != 0 {
            let finished = self.network.tcp_finish_connect(id);
            self.note_connected(id);
            if let (Ok(()), Some(ready)) = (started, ready) {
                assert_eq!(ready, finished != Err(ErrorCode::WouldBlock));
            }
            assert!(finished.is_err() || finished.ok() == self.network.tcp_end(id));
        }
    }

    /// A listener, and a client of it.
    fn open_pair(&mut self) {
        let (listening, client) = (self.tcp.len(), self.tcp.len() + 1);
        self.create();
        self.create();
        let (Some(listener), Some(client)) = (self.tcp.get(listening), self.tcp.get(client)) else {
            return;
        };
        let (listener, client) = (*listener, *client);
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let _ = self.network.tcp_start_bind(listener, address);
        let _ = self.network.tcp_finish_bind(listener);
        let _ = self.network.tcp_start_listen(listener);
        let _ = self.network.tcp_finish_listen(listener);
        if let Ok(address) = self.network.tcp_local_address(listener) {
            let _ = self.network.tcp_start_connect(client, address);
            self.ready(client);
            let _ = self.network.tcp_finish_connect(client);
        }
        if self.input.bool() {
            self.accept_from(listener);
        }
    }

    /// Asks whether a socket is ready, by which it may come to be connected.
    fn ready(&mut self, id: TcpId) -> bool {
        let ready = self.network.tcp_ready(id);
        self.note_connected(id);
        ready
    }

    fn note_connected(&mut self, id: TcpId) {
        let Some(end) = self.network.tcp_end(id) else {
            return;
        };
        if self.ends.contains(&end) {
            return;
        }
        let client = self.network.tcp_local_address(id).expect("it is connected");
        let server = self
            .network
            .tcp_remote_address(id)
            .expect("it is, just now");
        self.connections.push(Connection {
            client,
            server,
            accepted: client == server,
            sides: Default::default(),
        });
        let connection = self.connections.len() - 1;
        self.places.insert(
            end,
            Place {
                connection,
                side: 0,
            },
        );
        self.ends.push(end);
    }

    fn accept(&mut self) {
        let id = self.pick_tcp();
        self.accept_from(id);
    }

    fn accept_from(&mut self, id: TcpId) {
        let ready = self.ready(id);
        match self.network.tcp_accept(id) {
            Ok((socket, end)) => {
                assert!(ready);
                self.tcp.push(socket);
                self.accepted(socket, end);
            }
            Err(code) => assert_ne!(code, ErrorCode::Unknown, "of a listener that was lost"),
        }
    }

    fn accepted(&mut self, id: TcpId, end: EndId) {
        let server = self.network.tcp_local_address(id).expect("it is connected");
        self.ends.push(end);
        // Of a connection that is over nothing is known.
        let Ok(client) = self.network.tcp_remote_address(id) else {
            return;
        };
        let found = self
            .connections
            .iter_mut()
            .enumerate()
            .rev()
            .find(|(_, it)| !it.accepted && it.client == client && it.server == server);
        // A client that was never finished is in no list.
        if let Some((connection, it)) = found {
            it.accepted = true;
            self.places.insert(
                end,
                Place {
                    connection,
                    side: 1,
                },
            );
        }
    }

    fn shut_down(&mut self) {
        let id = self.pick_tcp();
        let how = match self.input.byte() % 3 {
            0 => Shutdown::Receive,
            1 => Shutdown::Send,
            _ => Shutdown::Both,
        };
        if self.network.tcp_shutdown(id, how).is_ok() {
            let end = self.network.tcp_end(id).expect("it is connected");
            self.note_ended(end, how != Shutdown::Send, how != Shutdown::Receive);
        }
    }

    fn drop_socket(&mut self) {
        let id = self.pick_tcp();
        self.tcp.retain(|it| *it != id);
        let end = self.network.tcp_end(id);
        if self.network.tcp_is_listening(id) {
            self.note_unaccepted(id);
        }
        self.network.tcp_drop(id);
        if let Some(end) = end
            && self.retained.get(&end).is_none_or(|count| *count == 0)
        {
            self.note_gone(end);
        }
    }

    /// Whoever waits to be accepted by a listener that goes is heard by nobody.
    fn note_unaccepted(&mut self, listener: TcpId) {
        let Ok(local) = self.network.tcp_local_address(listener) else {
            return;
        };
        let is_there = |server: SocketAddr| {
            let ip = local.ip();
            server.port() == local.port() && (ip == server.ip() || ip.is_unspecified())
        };
        let family = local.is_ipv4();
        for it in &mut self.connections {
            if !it.accepted && it.server.is_ipv4() == family && is_there(it.server) {
                it.sides[1].deaf = Deaf {
                    input: true,
                    output: true,
                };
            }
        }
    }

    fn ask(&mut self) {
        let id = self.pick_tcp();
        let _ = self.network.tcp_local_address(id);
        let _ = self.network.tcp_remote_address(id);
        let _ = self.network.tcp_family(id);
        let listening = self.network.tcp_is_listening(id);
        assert!(!listening || self.network.tcp_end(id).is_none());
        let id = self.pick_udp();
        let _ = self.network.udp_local_address(id);
        let _ = self.network.udp_remote_address(id);
        let _ = self.network.udp_family(id);
    }

    fn set(&mut self) {
        use SocketOption::*;
        let all = [
            KeepAlive,
            KeepAliveIdle,
            KeepAliveInterval,
            KeepAliveCount,
            HopLimit,
            ReceiveBuffer,
            SendBuffer,
        ];
        let option = all[self.input.below(all.len())];
        let value = (self.input.number() as u64) << self.input.below(64);
        let (tcp, udp) = (self.pick_tcp(), self.pick_udp());
        if self.network.tcp_set_option(tcp, option, value).is_ok() {
            let read = self.network.tcp_option(tcp, option).expect("it was set");
            assert!(read > 0 || option == KeepAlive);
        }
        let _ = self.network.udp_set_option(udp, option, value);
        let _ = self.network.udp_option(udp, option);
    }
}

/// Streams of TCP.
impl Driver<'_> {
    fn write(&mut self) {
        let end = self.pick_end();
        let ready = self.network.output_ready(end);
        let permit = self.network.writable(end);
        assert_eq!(ready, permit != Ok(0));
        // With a few more than are permitted, now and then.
        let count = match permit {
            Ok(permit) => self.input.number() % (permit + 3),
            Err(_) => self.input.below(2),
        };
        let mut next = self.next;
        let mut filled = Vec::new();
        let written = self.network.write_with(end, count, |run| {
            for byte in run.iter_mut() {
                *byte = next;
                next = next.wrapping_mul(5).wrapping_add(1);
            }
            filled.extend_from_slice(run);
        });
        match written {
            Ok(()) => self.note_written(end, count, filled),
            Err(WriteError::NotPermitted) => assert!(permit.is_ok_and(|it| count > it)),
            Err(WriteError::Ended(ended)) => {
                assert_eq!(self.network.flush(end), Err(ended));
                assert!(filled.is_empty());
                self.note_ended(end, false, true);
            }
        }
        self.next = next;
    }

    fn note_written(&mut self, end: EndId, count: usize, filled: Vec<u8>) {
        assert!(filled.is_empty() || filled.len() == count);
        let Some(place) = self.places.get(&end).copied() else {
            return;
        };
        let connection = &mut self.connections[place.connection];
        let across = place.across(connection);
        let side = &mut connection.sides[across];
        let deaf = side.deaf.input && side.deaf.output;
        assert!(count == 0 || deaf == filled.is_empty(), "bytes for nobody");
        side.coming.extend(filled);
    }

    fn read(&mut self) {
        let end = self.pick_end();
        let max = self.input.number() * self.input.below(4);
        let ready = self.network.input_ready(end);
        let readable = self.network.readable(end, max);
        assert!(max == 0 || ready == (readable != Ok(0)));
        let place = self.places.get(&end).copied();
        match readable {
            Ok(count) => {
                let mut bytes: Vec<u8> = Vec::new();
                let read = self.network.read_with(end, count, |run| bytes.extend(run));
                assert_eq!((read, bytes.len()), (count, count));
                if let Some(Place { connection, side }) = place {
                    let coming = &mut self.connections[connection].sides[side].coming;
                    assert!(coming.len() >= count, "bytes that nobody wrote");
                    assert!(
                        coming.drain(..count).eq(bytes),
                        "other bytes than were written"
                    );
                }
            }
            Err(StreamEnd::Closed | StreamEnd::Failed(ErrorCode::ConnectionReset)) => {
                if let Some(Place { connection, side }) = place {
                    let side = &self.connections[connection].sides[side];
                    assert!(side.deaf.input || side.coming.is_empty(), "bytes were lost");
                }
                self.note_ended(end, true, false);
            }
            Err(StreamEnd::Failed(code)) => panic!("no read ends with {code:?}"),
        }
    }

    fn end_stream(&mut self) {
        let end = self.pick_end();
        let input = self.input.bool();
        match input {
            true => self.network.drop_input(end),
            false => self.network.drop_output(end),
        }
        self.note_ended(end, input, !input);
    }

    fn retain_or_release(&mut self) {
        let end = self.pick_end();
        if !self.ends.contains(&end) {
            return;
        }
        let count = self.retained.entry(end).or_default();
        if self.input.bool() {
            *count += 1;
            self.network.end_retain(end);
        } else if *count > 0 {
            *count -= 1;
            let last = *count == 0;
            self.network.end_release(end);
            let held = self
                .tcp
                .iter()
                .any(|id| self.network.tcp_end(*id) == Some(end));
            if last && !held {
                self.note_gone(end);
            }
        }
    }

    fn note_ended(&mut self, end: EndId, input: bool, output: bool) {
        if let Some(Place { connection, side }) = self.places.get(&end).copied() {
            let deaf = &mut self.connections[connection].sides[side].deaf;
            deaf.input |= input;
            deaf.output |= output;
        }
    }

    fn note_gone(&mut self, end: EndId) {
        self.note_ended(end, true, true);
        self.places.remove(&end);
        self.retained.remove(&end);
        self.ends.retain(|it| *it != end);
    }
}

/// Datagrams and lookups.
impl Driver<'_> {
    fn open_datagrams(&mut self) {
        let address = self.input.address();
        let family = match address {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        };
        match self.network.udp_create(family) {
            Ok(id) => self.udp.push(id),
            Err(code) => assert_eq!(code, ErrorCode::NewSocketLimit),
        }
        let id = match self.input.bool() {
            true => self.udp.last().copied().unwrap_or(UdpId::from_number(99)),
            false => self.pick_udp(),
        };
        let _ = self.network.udp_start_bind(id, address);
        let _ = self.network.udp_finish_bind(id);
        let remote = self.input.bool().then(|| self.destination());
        let _ = match self.input.bool() {
            true => self.network.udp_stream(id, remote),
            false => self.network.udp_disconnect(id),
        };
    }

    fn send(&mut self) {
        let id = self.pick_udp();
        let to = (self.input.below(4) != 0).then(|| self.destination());
        let _ = self.network.udp_check_send(id);
        self.network
            .udp_begin_send(id, u64::from(self.input.byte()));
        self.datagram += 1;
        let number = self.datagram.to_le_bytes();
        let len = self.input.number() + self.input.below(40);
        let _ = self.network.udp_send_with(id, len, to, |place| {
            assert_eq!(place.len(), len);
            if let Some(place) = place.first_chunk_mut() {
                *place = number;
            }
        });
    }

    fn receive(&mut self) {
        let id = self.pick_udp();
        if self.input.below(8) == 0 {
            self.network.udp_drop_input(id);
        }
        let ready = self.network.udp_input_ready(id);
        let peeked = self.network.udp_peek(id);
        let mut got = None;
        let received = self.network.udp_receive_with(id, |data, from| {
            let number = data.first_chunk().copied().map(u32::from_le_bytes);
            got = Some((data.len(), from, number));
        });
        assert_eq!(ready, received != Ok(false));
        assert_eq!(received == Ok(true), got.is_some());
        if let Some((len, from, number)) = got {
            assert_eq!(peeked, Some((len, from)));
            if let Some(number) = number {
                let last = self.received.insert(id, number);
                assert!(last.is_none_or(|last| last < number), "out of order");
            }
        }
    }

    fn drop_datagrams(&mut self) {
        let id = self.pick_udp();
        self.udp.retain(|it| *it != id);
        self.received.remove(&id);
        self.network.udp_drop(id);
    }

    fn look_up(&mut self) {
        let names: [&[u8]; 8] = [
            b"a.test",
            b"A.TEST.",
            b"localhost",
            b"127.1",
            b"::1",
            b"[::1]",
            b"other",
            b"\xff",
        ];
        let mut name = names[self.input.below(names.len())].to_vec();
        if self.input.bool() && !name.is_empty() {
            let at = self.input.below(name.len());
            name[at] = self.input.byte();
        }
        match self.network.lookup(&name) {
            Ok(id) => self.lookups.push(id),
            Err(code) => assert_ne!(code, ErrorCode::Unknown),
        }
        let index = self.input.below(self.lookups.len() + 1);
        if let Some(id) = self.lookups.get(index).copied() {
            let _ = self.network.next_address(id);
            if self.input.bool() {
                self.network.drop_lookup(id);
                self.lookups.remove(index);
            }
        }
    }

    /// Drops everything, in whatever order, after which nothing is left.
    fn drop_all(mut self) {
        for (end, count) in std::mem::take(&mut self.retained) {
            (0..count).for_each(|_| self.network.end_release(end));
        }
        if self.datagram.is_multiple_of(2) {
            self.tcp.reverse();
        }
        self.tcp.iter().for_each(|id| self.network.tcp_drop(*id));
        self.udp.iter().for_each(|id| self.network.udp_drop(*id));
        self.lookups
            .iter()
            .for_each(|id| self.network.drop_lookup(*id));
        assert_eq!(self.network.usage(), Usage::default());
    }
}
