//! What the two ends of a connection see of each other.
//!
//! Each case is what small programs on Linux 6.18 saw, through what wasmtime makes of it:
//! `EPIPE` closes an output stream, `ECONNRESET` fails the operation that is told of it.

mod common;

use common::{Net, Pair, at};
use sockvirt_netstack::{ErrorCode, Shutdown, StreamEnd, WriteError};

const CLOSED: StreamEnd = StreamEnd::Closed;
const RESET: StreamEnd = StreamEnd::Failed(ErrorCode::ConnectionReset);

/// One thing that happens at a connection. The client is who looks.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The client writes, with this outcome.
    Write(Result<(), StreamEnd>),
    /// The client reads, with this outcome.
    Read(Result<&'static [u8], StreamEnd>),
    /// Whether the client still knows whom it is connected to.
    Remote(bool),
    /// The client ends directions.
    Shutdown(Shutdown),
    /// The server writes.
    PeerWrite(Result<(), StreamEnd>),
    /// The server reads.
    PeerRead(Result<&'static [u8], StreamEnd>),
    /// The server ends directions.
    PeerShutdown(Shutdown),
    /// The server drops its socket.
    PeerDrop,
}

use Step::*;

fn play(name: &str, steps: &[Step]) {
    let mut net = Net::new();
    let pair = net.pair();
    let Pair { near, far, .. } = pair;
    for (i, step) in steps.iter().enumerate() {
        let place = format!("{name}, step {i}: {step:?}");
        match *step {
            Write(expected) => assert_eq!(net.write(near, b"hello"), expected, "{place}"),
            PeerWrite(expected) => assert_eq!(net.write(far, b"hi"), expected, "{place}"),
            Read(expected) => check_read(&mut net, near, expected, &place),
            PeerRead(expected) => check_read(&mut net, far, expected, &place),
            Remote(expected) => {
                let remote = net.0.tcp_remote_address(pair.client);
                assert_eq!(remote.is_ok(), expected, "{place}");
                assert!(net.0.tcp_local_address(pair.client).is_ok(), "{place}");
            }
            Shutdown(how) => net.0.tcp_shutdown(pair.client, how).unwrap(),
            PeerShutdown(how) => net.0.tcp_shutdown(pair.server, how).unwrap(),
            PeerDrop => net.0.tcp_drop(pair.server),
        }
    }
    net.0.tcp_drop(pair.client);
    net.0.tcp_drop(pair.server);
    net.is_empty();
}

fn check_read(
    net: &mut Net,
    end: sockvirt_netstack::EndId,
    expected: Result<&[u8], StreamEnd>,
    place: &str,
) {
    let ready = net.0.input_ready(end);
    let got = net.read(end);
    assert_eq!(ready, got != Ok(Vec::new()), "{place}");
    assert_eq!(got, expected.map(<[u8]>::to_vec), "{place}");
}

#[test]
fn bytes_go_both_ways() {
    play(
        "both ways",
        &[
            Read(Ok(b"")),
            Write(Ok(())),
            Write(Ok(())),
            PeerWrite(Ok(())),
            PeerRead(Ok(b"hellohello")),
            PeerRead(Ok(b"")),
            Read(Ok(b"hi")),
            Remote(true),
        ],
    );
}

#[test]
fn half_closed() {
    play(
        "a reader finds the end behind the last byte",
        &[
            PeerWrite(Ok(())),
            PeerShutdown(Shutdown::Send),
            Read(Ok(b"hi")),
            Read(Err(CLOSED)),
            Read(Err(CLOSED)),
            Remote(true),
            Write(Ok(())),
            PeerRead(Ok(b"hello")),
            PeerWrite(Err(CLOSED)),
        ],
    );
    play(
        "the connection is over with the second end",
        &[
            Shutdown(Shutdown::Send),
            Write(Err(CLOSED)),
            PeerRead(Err(CLOSED)),
            PeerWrite(Ok(())),
            Remote(true),
            PeerShutdown(Shutdown::Send),
            Remote(false),
            Read(Ok(b"hi")),
            Read(Err(CLOSED)),
        ],
    );
    play(
        "the peer closes after our end",
        &[
            Shutdown(Shutdown::Send),
            PeerWrite(Ok(())),
            PeerDrop,
            Remote(false),
            Read(Ok(b"hi")),
            Read(Err(CLOSED)),
            Write(Err(CLOSED)),
        ],
    );
}

#[test]
fn who_reads_no_more() {
    play(
        "`SHUT_RD` alone is not told to the peer",
        &[
            PeerShutdown(Shutdown::Receive),
            PeerRead(Err(CLOSED)),
            Write(Ok(())),
            Write(Ok(())),
            PeerRead(Err(CLOSED)),
            PeerWrite(Ok(())),
            Read(Ok(b"hi")),
            Remote(true),
        ],
    );
    play(
        "with `SHUT_WR` the first byte is answered with a `RST`",
        &[
            PeerShutdown(Shutdown::Receive),
            PeerShutdown(Shutdown::Send),
            Remote(true),
            Write(Ok(())),
            Remote(false),
            Write(Err(CLOSED)),
            Write(Err(CLOSED)),
            Read(Err(CLOSED)),
        ],
    );
    play(
        "both at once",
        &[
            Write(Ok(())),
            PeerShutdown(Shutdown::Both),
            PeerRead(Err(CLOSED)),
            PeerWrite(Err(CLOSED)),
            Read(Err(CLOSED)),
            Write(Ok(())),
            Write(Err(CLOSED)),
        ],
    );
}

#[test]
fn a_peer_that_is_gone() {
    play(
        "the first write goes out, the second is told",
        &[
            PeerDrop,
            Remote(true),
            Read(Err(CLOSED)),
            Write(Ok(())),
            Remote(false),
            Write(Err(CLOSED)),
            Read(Err(CLOSED)),
        ],
    );
    play(
        "what it sent is there",
        &[
            PeerWrite(Ok(())),
            PeerDrop,
            Write(Ok(())),
            Remote(false),
            Read(Ok(b"hi")),
            Read(Err(CLOSED)),
            Write(Err(CLOSED)),
        ],
    );
    play(
        "wasmtime ends both streams before the kernel sees that something was not read",
        &[
            Write(Ok(())),
            PeerWrite(Ok(())),
            PeerDrop,
            Remote(false),
            Read(Ok(b"hi")),
            Read(Err(CLOSED)),
            Write(Err(CLOSED)),
        ],
    );
}

/// `inet_csk_listen_stop` resets what nobody accepted; who asks first is told.
#[test]
fn a_connection_that_nobody_accepted() {
    let mut net = Net::new();
    for read_first in [true, false] {
        let listener = net.listener("127.0.0.1:80");
        let (client, end) = net.connected(at("127.0.0.1:80")).unwrap();
        net.write(end, b"hello").unwrap();
        net.0.tcp_drop(listener);
        assert!(net.0.input_ready(end) && net.0.output_ready(end));
        assert_eq!(
            net.0.tcp_remote_address(client),
            Err(ErrorCode::InvalidState)
        );
        if read_first {
            assert_eq!(net.read(end), Err(RESET));
            assert_eq!(net.write(end, b"hello"), Err(CLOSED));
        } else {
            assert_eq!(net.write(end, b"hello"), Err(RESET));
            // wasmtime keeps the error of an output stream, and not that of an input stream.
            assert_eq!(net.0.writable(end), Err(RESET));
            assert_eq!(net.0.flush(end), Err(RESET));
        }
        assert_eq!(net.read(end), Err(CLOSED));
        net.0.tcp_drop(client);
        net.is_empty();
    }
}

/// A client that is gone when it is accepted has sent what it sent.
#[test]
fn a_client_that_is_gone_is_accepted() {
    let mut net = Net::new();
    let listener = net.listener("127.0.0.1:80");
    let (client, end) = net.connected(at("127.0.0.1:80")).unwrap();
    net.write(end, b"hello").unwrap();
    net.0.tcp_drop(client);
    let (server, end) = net.0.tcp_accept(listener).unwrap();
    assert!(net.0.tcp_remote_address(server).is_ok());
    assert_eq!(net.read(end), Ok(b"hello".to_vec()));
    assert_eq!(net.read(end), Err(CLOSED));
    assert_eq!(net.write(end, b"hi"), Ok(()));
    assert_eq!(net.write(end, b"hi"), Err(CLOSED));
}

/// A read of nothing finds nothing out: `ReadState::read`.
#[test]
fn reads_of_nothing() {
    let mut net = Net::new();
    let Pair { near, server, .. } = net.pair();
    net.0.tcp_drop(server);
    assert_eq!(net.0.readable(near, 0), Ok(0));
    assert_eq!(net.0.readable(near, 1), Err(CLOSED));
    assert_eq!(net.0.readable(near, 0), Err(CLOSED));
}

/// A write needs a permit, and uses it up: `WriteState::write`.
#[test]
fn permits() {
    let mut net = Net::new();
    let Pair { near, server, .. } = net.pair();
    let ignore = |_: &mut [u8]| {};
    let denied = Err(WriteError::NotPermitted);
    assert_eq!(net.0.write_with(near, 1, ignore), denied);
    assert_eq!(net.0.write_with(near, 0, ignore), Ok(()));
    assert_eq!(net.0.writable(near), Ok(65_536));
    assert_eq!(net.0.write_with(near, 65_537, ignore), denied);
    assert_eq!(net.0.write_with(near, 0, ignore), Ok(()));
    assert_eq!(net.0.write_with(near, 65_536, ignore), Ok(()));
    assert_eq!(net.0.write_with(near, 1, ignore), denied);
    net.0.tcp_drop(server);
    assert_eq!(net.0.writable(near), Ok(65_536));
}

/// A writer is held up once a mebibyte waits, and goes on once there is room for a whole write.
#[test]
fn pipes_fill_up() {
    let mut net = Net::new();
    let Pair { near, far, .. } = net.pair();
    let chunk = vec![7; 65_536];
    let mut chunks = 0;
    while net.0.output_ready(near) {
        net.write(near, &chunk).unwrap();
        chunks += 1;
    }
    assert_eq!(chunks, 16);
    assert_eq!(net.0.writable(near), Ok(0));
    net.0.skip(far, 65_535);
    assert!(!net.0.output_ready(near));
    net.0.skip(far, 1);
    assert_eq!(net.0.writable(near), Ok(65_536));
    // The other direction does not care.
    assert!(net.0.output_ready(far));
}

/// Streams of 0.3 outlive their socket.
#[test]
fn streams_outlive_their_socket() {
    let mut net = Net::new();
    let pair = net.pair();
    // One for what is received and one for what is sent.
    net.0.end_retain(pair.near);
    net.0.end_retain(pair.near);
    net.0.tcp_drop(pair.client);
    net.write(pair.near, b"hello").unwrap();
    net.0.drop_output(pair.near);
    net.0.end_release(pair.near);
    assert_eq!(net.read(pair.far), Ok(b"hello".to_vec()));
    assert_eq!(net.read(pair.far), Err(CLOSED));
    net.write(pair.far, b"hi").unwrap();
    assert_eq!(net.read(pair.near), Ok(b"hi".to_vec()));
    net.0.drop_input(pair.near);
    net.0.end_release(pair.near);
    net.0.tcp_drop(pair.server);
    net.is_empty();
}

/// What is peeked at stays, in at most two runs.
#[test]
fn peeks() {
    let mut net = Net::new();
    let Pair { near, far, .. } = net.pair();
    net.write(near, &[1; 400]).unwrap();
    net.0.skip(far, 300);
    net.write(near, &[2; 300]).unwrap();
    let [first, second] = net.0.peek(far, 350);
    assert_eq!((first.len(), second.len()), (212, 138));
    assert_eq!(net.0.skip(far, 400), 400);
    assert_eq!(net.0.peek(far, 350), [&[][..], &[]]);
}

/// `splice` of wasmtime: a check, a read and a write.
#[test]
fn splices() {
    let mut net = Net::new();
    let (first, second) = (net.pair(), net.pair());
    assert_eq!(net.0.splice(second.near, first.far, 10), Ok(0));
    net.write(first.near, b"hello").unwrap();
    assert_eq!(net.0.splice(second.near, first.far, 0), Ok(0));
    assert_eq!(net.0.splice(second.near, first.far, 2), Ok(2));
    assert_eq!(net.0.splice(second.near, first.far, 10), Ok(3));
    assert_eq!(net.read(second.far), Ok(b"hello".to_vec()));
    // Back to where it came from.
    net.write(first.near, b"hello").unwrap();
    assert_eq!(net.0.splice(first.far, first.far, 10), Ok(5));
    assert_eq!(net.0.splice(first.near, first.near, 10), Ok(5));
    assert_eq!(net.read(first.far), Ok(b"hello".to_vec()));
    net.0.tcp_drop(first.client);
    assert_eq!(net.0.splice(second.near, first.far, 10), Err(CLOSED));
    net.0.tcp_shutdown(second.client, Shutdown::Send).unwrap();
    assert_eq!(net.0.splice(second.near, first.far, 0), Err(CLOSED));
}
