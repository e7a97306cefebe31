//! What a script expects, beside a naive reading of the same bytes.

use arbitrary::{Result, Unstructured};
use sockvirt_netstack::script::{
    Accept, Action, Bytes, Check, Connection, Count, Expect, Frame, Peer, Prefix, Protocol, Run,
    Script, Serves, Step, Target, Until,
};
use sockvirt_netstack::{Config, EndId, Family, Network, WriteError};
use std::net::SocketAddr;

/// Two frames, one behind the other, and the pieces that their bytes come in. Whether the script takes
/// them all must be what looking at them as a whole says.
pub(crate) fn compare(data: &mut Unstructured<'_>) -> Result<()> {
    let expected = [expect(data)?, expect(data)?];
    let mut pieces = Vec::new();
    while pieces.len() < 12 && !data.is_empty() {
        pieces.push(letters(data, 8)?);
    }
    let all = pieces.concat();
    let mut rest = Some(all.as_slice());
    for expect in &expected {
        rest = rest.and_then(|rest| naive(expect, rest));
    }
    let model = rest.is_some_and(<[u8]>::is_empty);
    let told = play(expected, &pieces);
    assert_eq!(told.is_none(), model, "{pieces:?}: {told:?}");
    Ok(())
}

/// Few letters, so that delimiters begin often.
fn letters(data: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let count = data.int_in_range(0..=most)?;
    (0..count)
        .map(|_| Ok(*data.choose(&[0, 1, 2, b'a', b'b'])?))
        .collect()
}

fn some(data: &mut Unstructured<'_>, most: usize) -> Result<Bytes> {
    let mut bytes = letters(data, most)?;
    bytes.push(*data.choose(b"ab")?);
    Ok(Bytes::literal(bytes))
}

fn expect(data: &mut Unstructured<'_>) -> Result<Expect> {
    let frame = match data.int_in_range(0..=3)? {
        0 => Frame::Exactly(some(data, 4)?),
        1 => Frame::Until(Until {
            delimiter: some(data, 3)?,
            max: data.int_in_range(4..=12)?,
        }),
        2 => Frame::Length(data.int_in_range(1..=9)?),
        _ => Frame::Prefix(Prefix {
            size: data.int_in_range(1..=3)?,
            little: data.arbitrary()?,
            max: data.int_in_range(0..=9)?,
        }),
    };
    let contains = match (&frame, data.arbitrary()?) {
        (Frame::Exactly(_), _) | (_, false) => None,
        _ => Some(some(data, 1)?),
    };
    let matches = None;
    Ok(Expect {
        frame,
        check: Check { matches, contains },
        capture: None,
    })
}

fn literal(bytes: &Bytes) -> Vec<u8> {
    match bytes.parts.as_slice() {
        [sockvirt_netstack::script::Part::Literal(bytes)] => bytes.clone(),
        _ => Vec::new(),
    }
}

/// What is behind a frame, if it is there and as it should be.
fn naive<'b>(expect: &Expect, bytes: &'b [u8]) -> Option<&'b [u8]> {
    let (body, rest) = match &expect.frame {
        Frame::Exactly(those) => {
            let those = literal(those);
            (bytes.get(..those.len())?, bytes.strip_prefix(&*those)?)
        }
        Frame::Until(until) => {
            let delimiter = literal(&until.delimiter);
            let end = (0..=bytes.len()).find(|end| bytes[..*end].ends_with(&delimiter))?;
            if end as u64 > until.max {
                return None;
            }
            (&bytes[..end - delimiter.len()], &bytes[end..])
        }
        Frame::Length(count) => bytes.split_at_checked(*count as usize)?,
        Frame::Prefix(prefix) => {
            let (head, rest) = bytes.split_at_checked(prefix.size.into())?;
            let digits = head.iter().map(|it| u64::from(*it));
            let count = match prefix.little {
                true => digits.rev().fold(0, |value, digit| value << 8 | digit),
                false => digits.fold(0, |value, digit| value << 8 | digit),
            };
            if count > prefix.max {
                return None;
            }
            rest.split_at_checked(count as usize)?
        }
        Frame::Any => (bytes, &bytes[bytes.len()..]),
    };
    let contains = expect.check.contains.as_ref().map(literal);
    let holds = contains.is_none_or(|it| body.windows(it.len()).any(|window| window == it));
    holds.then_some(rest)
}

/// Plays the frames to a program that writes the pieces: what is told of it.
fn play(expected: [Expect; 2], pieces: &[Vec<u8>]) -> Option<String> {
    let address: SocketAddr = "192.0.2.1:1".parse().expect("an address");
    let steps = (1..).zip(expected).map(|(number, expect)| Step {
        number,
        line: number,
        action: Action::Expect(expect),
    });
    let at = Target {
        net: None,
        first: 1,
        last: 1,
    };
    let connection = Connection {
        line: 1,
        accept: Accept::Now,
        after: 0,
        times: Count::ONCE,
        steps: Run { first: 0, count: 2 },
    };
    let script = Script {
        strict: true,
        steps: steps.collect(),
        peers: vec![Peer {
            name: "peer".to_owned(),
            line: 1,
            protocol: Protocol::Tcp,
            at: vec![at],
            serves: Serves::Connections(vec![connection]),
        }],
        ..Script::default()
    };
    let mut network = Network::with_script(Config::default(), script);
    let socket = network.tcp_create(Family::V4).expect("a socket");
    network
        .tcp_start_connect(socket, address)
        .expect("it starts");
    let end = network.tcp_finish_connect(socket).expect("it connects");
    for piece in pieces {
        write(&mut network, end, piece);
    }
    network.end_script()
}

/// Writes as far as the connection lets it.
fn write(network: &mut Network, end: EndId, piece: &[u8]) {
    network.turn();
    if network.writable(end).is_ok() {
        let mut rest = piece;
        let written = network.write_with(end, piece.len(), |place| {
            let (now, later) = rest.split_at(place.len());
            place.copy_from_slice(now);
            rest = later;
        });
        assert_ne!(written, Err(WriteError::NotPermitted));
    }
}
