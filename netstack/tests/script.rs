//! Scripts that are played, without a file and without a component.

mod common;

use common::{Net, at};
use sockvirt_netstack::WriteError;
use sockvirt_netstack::script::{
    Accept, Action, Bytes, Check, Client, Close, Connection, Count, Direction, Expect, Fault,
    FaultKind, Found, Frame, Name, Net as Prefix, Part, Peer, Protocol, Run, Script, Segments,
    Send, Serves, Service, ServiceKind, Step, Stub, Stubs, Target, Until,
};
use sockvirt_netstack::{Config, EndId, ErrorCode, Family, Network, StreamEnd, TcpId, UdpId};

/// Writes scripts.
#[derive(Default)]
struct Writer(Script);

fn bytes(text: &str) -> Bytes {
    Bytes::literal(text.as_bytes())
}

fn expect(text: &str) -> Action {
    expect_frame(Frame::Exactly(bytes(text)))
}

fn expect_frame(frame: Frame) -> Action {
    Action::Expect(Expect {
        frame,
        check: Check::default(),
        capture: None,
    })
}

fn until(delimiter: &str, max: u64) -> Frame {
    Frame::Until(Until {
        delimiter: bytes(delimiter),
        max,
    })
}

fn send(text: &str) -> Action {
    send_cut(text, Segments::Whole, 0)
}

fn send_cut(text: &str, segments: Segments, gap: u64) -> Action {
    Action::Send(Send {
        bytes: bytes(text),
        segments,
        gap,
    })
}

const MS: u64 = 1_000_000;

fn target(address: &str) -> Target {
    let address = at(address);
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Target {
        net: Some(Prefix {
            ip: address.ip(),
            bits,
        }),
        first: address.port(),
        last: address.port(),
    }
}

impl Writer {
    fn new() -> Self {
        let script = Script {
            file: "a.toml".into(),
            strict: true,
            ..Script::default()
        };
        Writer(script)
    }

    fn steps(&mut self, actions: Vec<Action>) -> Run {
        let first = self.0.steps.len() as u32;
        let count = actions.len() as u32;
        let steps = (1..).zip(actions).map(|(number, action)| Step {
            number,
            line: first + number + 100,
            action,
        });
        self.0.steps.extend(steps);
        Run { first, count }
    }

    fn peer(mut self, at: Target, protocol: Protocol, serves: Serves) -> Self {
        self.0.peers.push(Peer {
            name: "p".into(),
            line: 7,
            protocol,
            at: vec![at],
            serves,
        });
        self
    }

    /// A peer of TCP, with what it does in each connection.
    fn tcp(mut self, address: &str, connections: Vec<Vec<Action>>) -> Self {
        let connections = connections.into_iter().map(|actions| Connection {
            line: 8,
            accept: Accept::Now,
            after: 0,
            times: Count::ONCE,
            steps: self.steps(actions),
        });
        let serves = Serves::Connections(connections.collect());
        self.peer(target(address), Protocol::Tcp, serves)
    }

    fn udp(mut self, address: &str, actions: Vec<Action>) -> Self {
        let steps = self.steps(actions);
        let serves = Serves::Connections(vec![Connection {
            line: 8,
            accept: Accept::Now,
            after: 0,
            times: Count::ONCE,
            steps,
        }]);
        self.peer(target(address), Protocol::Udp, serves)
    }

    fn client(mut self, to: &str, actions: Vec<Action>) -> Self {
        let steps = self.steps(actions);
        self.0.clients.push(Client {
            name: "c".into(),
            line: 9,
            protocol: Protocol::Tcp,
            to: at(to),
            from: at("203.0.113.9:40001"),
            steps,
        });
        self
    }

    /// The program's side of it, once the script has made its way through its bytes.
    fn play(self) -> Program {
        let bytes = self.0.to_bytes();
        let read = Script::from_bytes(&bytes).expect("it was written");
        assert_eq!(read, self.0);
        Program(Net(Network::with_script(Config::default(), read)))
    }
}

/// A program that a script is played to.
struct Program(Net);

impl Program {
    fn net(&mut self) -> &mut Network {
        let net = &mut self.0.0;
        net.turn();
        net
    }

    fn connect(&mut self, address: &str) -> Result<(TcpId, EndId), ErrorCode> {
        self.net();
        self.0.connected(at(address))
    }

    fn write(&mut self, end: EndId, text: &str) -> Result<(), StreamEnd> {
        let net = self.net();
        assert!(net.writable(end)? >= text.len());
        let mut rest = text.as_bytes();
        net.write_with(end, text.len(), |place| {
            let (now, later) = rest.split_at(place.len());
            place.copy_from_slice(now);
            rest = later;
        })
        .map_err(|e| match e {
            WriteError::Ended(ended) => ended,
            WriteError::NotPermitted => panic!("it was permitted"),
        })
    }

    /// What a read gives now.
    fn read(&mut self, end: EndId) -> Result<String, StreamEnd> {
        let net = self.net();
        let count = net.readable(end, 1000)?;
        let mut bytes = Vec::new();
        net.read_with(end, count, |run| bytes.extend_from_slice(run));
        Ok(String::from_utf8(bytes).unwrap())
    }

    /// Has time pass until something happens, and says how much did, in milliseconds.
    fn wait(&mut self) -> u64 {
        let net = self.net();
        let before = net.now();
        let moment = net.next_moment().expect("nothing will happen");
        assert!(net.pass_to(moment));
        (net.now() - before) / MS
    }

    fn report(mut self) -> String {
        self.net().end_script().unwrap_or_default()
    }
}

const PING: &str = "*1\r\n$4\r\nPING\r\n";

#[test]
fn a_conversation() {
    let script = vec![
        expect(PING),
        send("+PONG\r\n"),
        Action::ExpectClose(Close::Both),
    ];
    let mut program = Writer::new().tcp("192.0.2.10:6379", vec![script]).play();
    let (socket, end) = program.connect("192.0.2.10:6379").unwrap();
    assert_eq!(
        program.net().tcp_local_address(socket).unwrap().ip(),
        at("10.0.0.1:1").ip()
    );
    // How it is written does not matter.
    program.write(end, "*1\r\n$4").unwrap();
    assert_eq!(program.read(end).unwrap(), "");
    program.write(end, "\r\nPING\r\n").unwrap();
    assert_eq!(program.read(end).unwrap(), "+PONG\r\n");
    program.net().tcp_drop(socket);
    assert_eq!(program.report(), "");
}

#[test]
fn other_bytes_are_told_and_end_the_connection() {
    let script = vec![
        send("hello\r\n"),
        send(""),
        expect("$4\r\nPING\r\n"),
        send("+PONG\r\n"),
        Action::ExpectClose(Close::Both),
        Action::Signal(0),
    ];
    let writer = Writer::new().tcp("192.0.2.10:6379", vec![script, vec![], vec![]]);
    let mut program = writer.play();
    let (_, end) = program.connect("192.0.2.10:6379").unwrap();
    program.write(end, "$4\n").unwrap();
    assert_eq!(program.read(end).unwrap(), "hello\r\n");
    program.write(end, "PING\n").unwrap_err();
    let error = program.read(end).unwrap_err();
    assert_eq!(error, StreamEnd::Closed);
    let expected = "\
FAIL peer \"p\" tcp 192.0.2.10:6379, connection 1, step 3  (a.toml:103)
  expected  $4\\r\\nPING\\r\\n           24 34 0d 0a 50 49 4e 47 0d 0a
  got       $4\\n                     24 34 0a
                                           ^ byte 2 (stream offset 2)
  unused: steps 4-6; connections 2 and 3 never opened
";
    assert_eq!(program.report(), expected);
}

/// A program that ends badly is told what came of its last connections, of all that are open and of
/// those that were over before.
#[test]
fn a_program_that_fails_is_told_how_far_everybody_was() {
    let ends = vec![
        vec![expect("a"), send("0123456789abcdefgh"), Action::Reset],
        vec![expect("a"), Action::Close(Direction::Both)],
        vec![expect("a")],
        vec![expect("a"), Action::Hang],
        vec![Action::Reset],
    ];
    let connections = [vec![vec![]; 6], ends].concat();
    let mut writer = Writer::new().tcp("192.0.2.10:7", connections);
    writer.0.strict = false;
    let mut program = writer.play();
    for _ in 0..6 {
        let (socket, _) = program.connect("192.0.2.10:7").unwrap();
        program.net().tcp_drop(socket);
    }
    for _ in 0..4 {
        let (_, end) = program.connect("192.0.2.10:7").unwrap();
        program.write(end, "a").unwrap();
    }
    program.connect("192.0.2.10:7").unwrap();
    program.connect("192.0.2.10:7").unwrap_err();
    program.net().note_status(3);
    let expected = "\
FAIL the program ended with status 3
  peer \"p\" tcp 192.0.2.10:7, connection 5  (a.toml:7)
    it got 0 bytes and sent 0
  peer \"p\" tcp 192.0.2.10:7, connection 6  (a.toml:7)
    it got 0 bytes and sent 0
  peer \"p\" tcp 192.0.2.10:7, connection 7, reset by step 3  (a.toml:103)
    it got 1 byte and sent 18: ..23456789abcdefgh
  peer \"p\" tcp 192.0.2.10:7, connection 8, closed by step 2  (a.toml:105)
    it got 1 byte and sent 0
  peer \"p\" tcp 192.0.2.10:7, connection 11, reset by step 1  (a.toml:109)
    it got 0 bytes and sent 0
  peer \"p\" tcp 192.0.2.10:7, connection 12, refused
  peer \"p\" tcp 192.0.2.10:7, connection 9, done with step 1  (a.toml:106)
    it got 1 byte and sent 0
  peer \"p\" tcp 192.0.2.10:7, connection 10, hangs at step 2  (a.toml:108)
    it got 1 byte and sent 0
";
    assert_eq!(program.report(), expected);
}

#[test]
fn a_line_end_that_is_missing_is_noted() {
    let writer = Writer::new().tcp("192.0.2.10:6379", vec![vec![expect("$4\r\nPING\r\n")]]);
    let mut program = writer.play();
    let (_, end) = program.connect("192.0.2.10:6379").unwrap();
    let net = &mut program.0.0;
    for part in ["$4\n", "PING\n"] {
        net.writable(end).unwrap();
        net.write_with(end, part.len(), |place| {
            place.copy_from_slice(part.as_bytes())
        })
        .unwrap();
    }
    let expected = "\
FAIL peer \"p\" tcp 192.0.2.10:6379, connection 1, step 1  (a.toml:101)
  expected  $4\\r\\nPING\\r\\n           24 34 0d 0a 50 49 4e 47 0d 0a
  got       $4\\nPING\\n               24 34 0a 50 49 4e 47 0a
                                           ^ byte 2 (stream offset 2)
  note: equal if LF is replaced by CRLF; the guest wrote this in 2 writes (3+5)
";
    assert_eq!(program.report(), expected);
}

#[test]
fn replies_are_cut_and_take_time() {
    let script = vec![
        send_cut("abcdef", Segments::List(vec![1, 3]), 5 * MS),
        send_cut("xyz", Segments::Each(2), 0),
    ];
    let mut program = Writer::new().tcp("192.0.2.1:1", vec![script]).play();
    let (socket, end) = program.connect("192.0.2.1:1").unwrap();
    assert_eq!(program.read(end).unwrap(), "a");
    assert_eq!(program.read(end).unwrap(), "");
    assert_eq!(program.wait(), 4);
    assert_eq!(program.read(end).unwrap(), "bcd");
    assert_eq!(program.read(end).unwrap(), "");
    program.wait();
    assert_eq!(program.read(end).unwrap(), "ef");
    assert_eq!(program.read(end).unwrap(), "xy");
    assert_eq!(program.read(end).unwrap(), "z");
    // The script is over, and so is the connection.
    assert_eq!(program.read(end), Err(StreamEnd::Closed));
    program.net().tcp_drop(socket);
    assert_eq!(program.report(), "");
}

#[test]
fn connects_end_as_the_script_says() {
    let mut writer = Writer::new();
    let steps = writer.steps(vec![]);
    let kinds = [
        Accept::Refuse,
        Accept::Timeout,
        Accept::Unreachable,
        Accept::Reset,
        Accept::Now,
    ];
    let connections = kinds.map(|accept| Connection {
        line: 8,
        accept,
        after: 1000 * MS,
        times: Count::ONCE,
        steps,
    });
    let serves = Serves::Connections(connections.into());
    let mut program = writer
        .peer(target("[2001:db8::1]:80"), Protocol::Tcp, serves)
        .play();
    let codes = [
        Err(ErrorCode::ConnectionRefused),
        Err(ErrorCode::Timeout),
        Err(ErrorCode::RemoteUnreachable),
        Err(ErrorCode::ConnectionReset),
        Ok(()),
        Err(ErrorCode::ConnectionRefused),
    ];
    for (number, code) in (1..).zip(codes) {
        let net = program.net();
        let socket = net.tcp_create(Family::V6).unwrap();
        net.tcp_start_connect(socket, at("[2001:db8::1]:80"))
            .unwrap();
        if number < 6 {
            assert_eq!(net.tcp_finish_connect(socket), Err(ErrorCode::WouldBlock));
            assert_eq!(program.wait(), 1000);
        }
        assert_eq!(program.net().tcp_finish_connect(socket).map(drop), code);
        program.net().tcp_drop(socket);
    }
    let report = program.report();
    assert!(
        report.starts_with("FAIL peer \"p\" tcp [2001:db8::1]:80, connection 6  (a.toml:7)\n"),
        "{report}"
    );
}

#[test]
fn a_connect_that_is_given_up_is_forgotten() {
    let mut writer = Writer::new();
    let steps = writer.steps(vec![]);
    let connection = Connection {
        line: 8,
        accept: Accept::Timeout,
        after: 9,
        times: Count::SOME,
        steps,
    };
    let serves = Serves::Connections(vec![connection]);
    let mut program = writer
        .peer(target("192.0.2.1:1"), Protocol::Tcp, serves)
        .play();
    let net = program.net();
    let socket = net.tcp_create(Family::V4).unwrap();
    net.tcp_start_connect(socket, at("192.0.2.1:1")).unwrap();
    assert!(!net.tcp_ready(socket));
    net.tcp_drop(socket);
    assert_eq!(program.net().next_moment(), None);
}

#[test]
fn what_no_peer_has_is_refused() {
    let mut program = Writer::new().play();
    for address in ["192.0.2.1:1", "127.0.0.1:9"] {
        assert_eq!(program.connect(address), Err(ErrorCode::ConnectionRefused));
    }
    let udp = program.net().udp_create(Family::V4).unwrap();
    program
        .net()
        .udp_send(udp, b"x", Some(at("192.0.2.1:53")))
        .unwrap();
    program.net().lookup(b"a.test").unwrap_err();
    assert_eq!(program.report().matches("FAIL").count(), 4);
}

#[test]
fn a_listener_of_the_programs_own_comes_before_peers() {
    let any = Target {
        net: None,
        first: 1,
        last: u16::MAX,
    };
    let service = Service {
        kind: ServiceKind::Echo,
        connections: Count {
            least: 0,
            most: None,
        },
    };
    let writer = Writer::new().peer(any, Protocol::Tcp, Serves::Service(service));
    let mut program = writer.play();
    program.0.listener("127.0.0.1:80");
    let (_, end) = program.connect("127.0.0.1:80").unwrap();
    program.write(end, "x").unwrap();
    assert_eq!(program.read(end).unwrap(), "");
    let (_, end) = program.connect("127.0.0.1:81").unwrap();
    program.write(end, "x").unwrap();
    assert_eq!(program.read(end).unwrap(), "x");
}

#[test]
fn the_address_that_says_most_counts() {
    let any = Target {
        net: None,
        first: 80,
        last: 80,
    };
    let net = |address: &str, bits| Target {
        net: Some(Prefix {
            ip: at(address).ip(),
            bits,
        }),
        first: 1,
        last: u16::MAX,
    };
    let mut writer = Writer::new();
    for (i, target) in [
        any,
        net("10.0.0.0:1", 8),
        net("10.1.0.0:1", 16),
        target("10.1.0.1:80"),
    ]
    .into_iter()
    .enumerate()
    {
        let steps = writer.steps(vec![send(&i.to_string())]);
        let connection = Connection {
            line: 8,
            accept: Accept::Now,
            after: 0,
            times: Count::SOME,
            steps,
        };
        writer = writer.peer(target, Protocol::Tcp, Serves::Connections(vec![connection]));
    }
    let mut program = writer.play();
    for (address, peer) in [
        ("9.0.0.1:80", "0"),
        ("10.2.0.1:80", "1"),
        ("10.1.0.2:80", "2"),
        ("10.1.0.1:80", "3"),
        ("10.1.0.1:81", "2"),
    ] {
        let (_, end) = program.connect(address).unwrap();
        assert_eq!(program.read(end).unwrap(), peer, "{address}");
    }
}

#[test]
fn steps_happen_again() {
    use sockvirt_netstack::script::Repeat;
    let script = vec![
        Action::Repeat(Repeat { times: 2, count: 3 }),
        expect("a"),
        Action::Repeat(Repeat { times: 3, count: 1 }),
        send("b"),
        Action::Repeat(Repeat { times: 0, count: 1 }),
        expect("never"),
        send("c"),
    ];
    let mut program = Writer::new().tcp("192.0.2.1:1", vec![script]).play();
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    program.write(end, "a").unwrap();
    assert_eq!(program.read(end).unwrap(), "bbb");
    program.write(end, "a").unwrap();
    assert_eq!(program.read(end).unwrap(), "bbbc");
    assert_eq!(program.report(), "");
}

#[test]
fn ends_of_connections_are_told_apart() {
    let kinds = [Close::Send, Close::Both, Close::Reset, Close::Any];
    let how = ["half", "close", "reset"];
    let fits = |close, how| match close {
        Close::Send => how != "reset",
        Close::Both => how == "close",
        Close::Reset => how == "reset",
        Close::Any => true,
    };
    for close in kinds {
        for how in how {
            let script = vec![send("unread"), Action::ExpectClose(close)];
            let mut program = Writer::new().tcp("192.0.2.1:1", vec![script]).play();
            let (socket, end) = program.connect("192.0.2.1:1").unwrap();
            program.net();
            match how {
                "half" => program.net().drop_output(end),
                "close" => {
                    program.read(end).unwrap();
                    program.net().tcp_drop(socket);
                }
                _ => program.net().tcp_drop(socket),
            }
            program.net();
            let waits = close == Close::Both && how == "half";
            let met = fits(close, how);
            let report = program.report();
            // What is still open at the end of the program is closed by it.
            assert_eq!(
                report.is_empty(),
                met || waits,
                "{close:?}, {how}: {report}"
            );
        }
    }
}

#[test]
fn silence_is_expected_for_a_time() {
    for writes in [false, true] {
        let script = vec![Action::ExpectNothing(50 * MS), send("x")];
        let mut program = Writer::new().tcp("192.0.2.1:1", vec![script]).play();
        let (_, end) = program.connect("192.0.2.1:1").unwrap();
        assert_eq!(program.read(end).unwrap(), "");
        if writes {
            program.write(end, "y").unwrap();
            assert!(
                program
                    .report()
                    .contains("expected  nothing for 50 ms\n  got       y ")
            );
            continue;
        }
        program.wait();
        assert_eq!(program.read(end).unwrap(), "x");
        assert_eq!(program.report(), "");
    }
}

#[test]
fn a_window_holds_writes_back() {
    let script = vec![Action::Window(4), Action::Wait(MS), expect("abcdef")];
    let mut program = Writer::new().tcp("192.0.2.1:1", vec![script]).play();
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    assert_eq!(program.net().writable(end), Ok(4));
    program.write(end, "abc").unwrap();
    assert_eq!(program.net().writable(end), Ok(1));
    program.wait();
    assert_eq!(program.net().writable(end), Ok(4));
    program.write(end, "def").unwrap();
    assert_eq!(program.report(), "");
}

#[test]
fn gates_order_two_conversations() {
    let mut writer = Writer::new();
    writer.0.gates.push("g".into());
    let mut program = writer
        .tcp("192.0.2.1:1", vec![vec![expect("go"), Action::Signal(0)]])
        .tcp("192.0.2.2:1", vec![vec![Action::Await(0), send("gone")]])
        .play();
    let (_, one) = program.connect("192.0.2.1:1").unwrap();
    let (_, two) = program.connect("192.0.2.2:1").unwrap();
    assert_eq!(program.read(two).unwrap(), "");
    program.write(one, "go").unwrap();
    assert_eq!(program.read(two).unwrap(), "gone");
    assert_eq!(program.report(), "");
}

#[test]
fn what_was_captured_is_sent() {
    let mut writer = Writer::new();
    writer.0.captures.push("id".into());
    let capture = |frame| {
        Action::Expect(Expect {
            frame,
            check: Check::default(),
            capture: Some(0),
        })
    };
    let back = Action::Send(Send {
        bytes: Bytes {
            parts: vec![Part::Capture(0), Part::Literal(b"!".to_vec())],
        },
        segments: Segments::Whole,
        gap: 0,
    });
    let script = vec![
        capture(until("\r\n", 20)),
        back.clone(),
        capture(Frame::Length(2)),
        back,
    ];
    let mut program = writer.tcp("192.0.2.1:1", vec![script]).play();
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    program.write(end, "one\r").unwrap();
    program.write(end, "\nab").unwrap();
    assert_eq!(program.read(end).unwrap(), "one!ab!");
    assert_eq!(program.report(), "");
}

#[test]
fn names_change_their_answer_and_take_time() {
    let mut writer = Writer::new();
    let name = |name: &str, first, times, then, delay| Name {
        name: name.into(),
        line: 3,
        first,
        times,
        then,
        delay,
    };
    let addresses = |text: &str| Found::Addresses(vec![text.parse().unwrap()]);
    writer.0.names = vec![
        name(
            "flaky.test",
            Found::Fail(ErrorCode::TemporaryResolverFailure),
            Some(2),
            Some(addresses("192.0.2.11")),
            250 * MS,
        ),
        name("never.test", addresses("192.0.2.1"), None, None, 0),
    ];
    let mut program = writer.play();
    for number in 0..3 {
        let id = program.net().lookup(b"Flaky.test.").unwrap();
        assert_eq!(program.net().next_address(id), Err(ErrorCode::WouldBlock));
        assert!(!program.net().lookup_ready(id));
        assert_eq!(program.wait(), 249);
        assert!(program.net().lookup_ready(id));
        let next = program.net().next_address(id);
        match number {
            0 | 1 => assert_eq!(next, Err(ErrorCode::TemporaryResolverFailure)),
            _ => assert_eq!(next, Ok(Some("192.0.2.11".parse().unwrap()))),
        }
        program.net().drop_lookup(id);
    }
    let expected = "FAIL name \"never.test\"  (a.toml:3)\n  unused: it was never looked up\n";
    assert_eq!(program.report(), expected);
}

fn receive(program: &mut Program, id: UdpId) -> Vec<(Vec<u8>, String)> {
    let mut all = Vec::new();
    while program
        .net()
        .udp_receive_with(id, |bytes, from| {
            all.push((bytes.to_vec(), from.to_string()))
        })
        .unwrap()
    {}
    all
}

#[test]
fn datagrams_are_answered_and_suffer() {
    let mut writer = Writer::new();
    writer.0.captures.push("id".into());
    let id = Action::Expect(Expect {
        frame: Frame::Length(2),
        check: Check::default(),
        capture: Some(0),
    });
    let reply = |text: &str| {
        Action::Send(Send {
            bytes: Bytes {
                parts: vec![Part::Capture(0), Part::Literal(text.into())],
            },
            segments: Segments::Whole,
            gap: 0,
        })
    };
    let fault = |kind, count| Action::Fault(Fault { kind, count });
    let script = vec![
        fault(FaultKind::Drop, 1),
        id,
        expect("?"),
        fault(FaultKind::Duplicate, 1),
        reply("a"),
        expect_frame(Frame::Any),
        fault(FaultKind::Reorder, 2),
        reply("b"),
        reply("c"),
        fault(FaultKind::Corrupt, 1),
        reply("\0"),
    ];
    let mut program = writer.udp("192.0.2.53:53", script).play();
    let udp = program.net().udp_create(Family::V4).unwrap();
    let dns = Some(at("192.0.2.53:53"));
    program.net().udp_send(udp, b"12?", dns).unwrap();
    assert_eq!(receive(&mut program, udp), []);
    program.net().udp_send(udp, b"34?", dns).unwrap();
    let from = "192.0.2.53:53".to_owned();
    let got = |bytes: &[u8]| (bytes.to_vec(), from.clone());
    assert_eq!(receive(&mut program, udp), [got(b"34a"), got(b"34a")]);
    program.net().udp_send(udp, b"", dns).unwrap();
    let rest = receive(&mut program, udp);
    assert_eq!(rest, [got(b"34c"), got(b"34b"), got(b"34\xff")]);
    assert_eq!(program.report(), "");
}

#[test]
fn a_datagram_is_expected_as_a_whole() {
    for (datagram, part) in [("ab", "the end of the datagram"), ("abcd", "got       d ")] {
        let mut program = Writer::new()
            .udp("192.0.2.1:1", vec![expect("abc"), send("x")])
            .play();
        let udp = program.net().udp_create(Family::V4).unwrap();
        program
            .net()
            .udp_send(udp, datagram.as_bytes(), Some(at("192.0.2.1:1")))
            .unwrap();
        let report = program.report();
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn a_client_waits_for_its_listener() {
    let script = vec![
        send_cut("GET /\r\n\r\n", Segments::Each(4), 0),
        Action::Close(Direction::Send),
        expect_frame(until("\r\n", 100)),
        Action::ExpectClose(Close::Both),
    ];
    let mut writer = Writer::new().client("0.0.0.0:8080", script);
    writer.0.ends = true;
    let mut program = writer.play();
    assert!(!program.net().is_to_end(None));
    let listener = program.0.listener("0.0.0.0:8080");
    assert!(program.net().tcp_ready(listener));
    let (socket, end) = program.net().tcp_accept(listener).unwrap();
    assert_eq!(
        program.net().tcp_remote_address(socket),
        Ok(at("203.0.113.9:40001"))
    );
    let mut request = String::new();
    loop {
        match program.read(end) {
            Ok(part) => request.push_str(&part),
            Err(ended) => break assert_eq!(ended, StreamEnd::Closed),
        }
    }
    assert_eq!(request, "GET /\r\n\r\n");
    program.write(end, "200 OK\r\n").unwrap();
    assert!(!program.net().is_to_end(None));
    program.net().tcp_drop(socket);
    assert!(program.net().is_to_end(None));
    let soon = program.net().now() + MS;
    assert!(!program.net().is_to_end(Some(soon)));
    assert!(program.net().is_to_end(Some(soon + 601_000 * MS)));
    assert_eq!(program.report(), "");
}

#[test]
fn a_client_without_a_listener_is_told_of() {
    let program = Writer::new().client("0.0.0.0:8080", vec![send("x")]).play();
    let expected = "\
FAIL client \"c\" tcp 203.0.113.9:40001  (a.toml:9)
  unused: nothing ever listened on 0.0.0.0:8080
";
    assert_eq!(program.report(), expected);
}

#[test]
fn stubs_answer_in_no_order() {
    let mut writer = Writer::new();
    let mut stub = |frame, contains: Option<&str>, reply| Stub {
        line: 20,
        when: Expect {
            frame,
            check: Check {
                matches: None,
                contains: contains.map(bytes),
            },
            capture: None,
        },
        reply: writer.steps(reply),
        times: Count::SOME,
    };
    let stubs = vec![
        stub(
            until("\r\n", 100),
            Some("QUIT"),
            vec![send("+OK\r\n"), Action::Close(Direction::Send)],
        ),
        stub(until("\r\n", 100), Some("GET"), vec![send("value\r\n")]),
        stub(Frame::Exactly(bytes("#")), None, vec![send("!")]),
    ];
    let serves = Serves::Stubs(Stubs {
        connections: Count::SOME,
        stubs,
    });
    let mut program = writer
        .peer(target("192.0.2.1:1"), Protocol::Tcp, serves)
        .play();
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    program.write(end, "GET a\r\nG").unwrap();
    assert_eq!(program.read(end).unwrap(), "value\r\n");
    program.write(end, "ET b\r\n#QUIT\r\n").unwrap();
    assert_eq!(program.read(end).unwrap(), "value\r\n!+OK\r\n");
    assert_eq!(program.read(end), Err(StreamEnd::Closed));
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    program.write(end, "SET\r\n").unwrap();
    program.net();
    let expected = "\
FAIL peer \"p\" tcp 192.0.2.1:1, connection 2  (a.toml:7)
  expected  what one of its `on` answers
  got       SET\\r\\n                  53 45 54 0d 0a
";
    assert_eq!(program.report(), expected);
}

/// Whether it came with the question or later, an answer reads what is behind it.
#[test]
fn an_answer_reads_on() {
    for pieces in [
        &["SET a\r\n12", "34\r\nSET b\r\n5\r\n"][..],
        &["SET a\r\n", "1234\r\nSE", "T b\r\n5\r\n"],
    ] {
        let mut writer = Writer::new();
        let reply = vec![expect_frame(until("\r\n", 100)), send("+OK\r\n")];
        let stub = Stub {
            line: 20,
            when: Expect {
                frame: until("\r\n", 100),
                check: Check {
                    matches: None,
                    contains: Some(bytes("SET")),
                },
                capture: None,
            },
            reply: writer.steps(reply),
            times: Count {
                least: 2,
                most: Some(2),
            },
        };
        let stubs = Stubs {
            connections: Count::ONCE,
            stubs: vec![stub],
        };
        let mut program = writer
            .peer(target("192.0.2.1:1"), Protocol::Tcp, Serves::Stubs(stubs))
            .play();
        let (_, end) = program.connect("192.0.2.1:1").unwrap();
        for piece in pieces {
            program.write(end, piece).unwrap();
        }
        assert_eq!(program.read(end).unwrap(), "+OK\r\n+OK\r\n");
        assert_eq!(program.report(), "");
    }
}

#[test]
fn what_waits_for_ever_is_told_with_its_step() {
    let mut program = Writer::new()
        .tcp("192.0.2.1:1", vec![vec![send("a"), expect("b"), send("c")]])
        .play();
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    assert_eq!(program.read(end).unwrap(), "a");
    assert_eq!(program.net().next_moment(), None);
    program.net().note_deadlock("tcp 10.0.0.1:1 (reading)");
    let expected = "\
FAIL the program waits for what can never happen
  it waits for tcp 10.0.0.1:1 (reading)
  peer \"p\" tcp 192.0.2.1:1, connection 1, step 2 waits  (a.toml:102)
FAIL peer \"p\" tcp 192.0.2.1:1, connection 1, step 2  (a.toml:102)
  the program ended before this step was over
  unused: step 3
";
    assert_eq!(program.report(), expected);
}

#[test]
fn what_is_not_strict_tells_of_less() {
    let mut writer = Writer::new().tcp("192.0.2.1:1", vec![vec![expect("a")], vec![]]);
    writer.0.strict = false;
    let mut program = writer.play();
    assert_eq!(
        program.connect("192.0.2.9:1"),
        Err(ErrorCode::ConnectionRefused)
    );
    let (_, end) = program.connect("192.0.2.1:1").unwrap();
    program.write(end, "ab").unwrap();
    assert_eq!(program.report(), "");
}
