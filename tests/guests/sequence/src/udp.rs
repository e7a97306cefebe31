//! `wasi:sockets/udp` and `udp-create-socket`.

use crate::address::wit;
use crate::world::{Outcome, Thing, World, code, done, family, family_name, number, value};
use std::fmt::Write;
use wasip2::sockets::udp::{IncomingDatagramStream, OutgoingDatagram, UdpSocket};
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// Makes a call, if it is one of UDP: names of sockets begin with `u`, those of their streams with
/// `in` and `out`.
pub fn call(world: &mut World, verb: &str, args: &[&str]) -> Option<Outcome> {
    Some(match (verb, args) {
        ("udp", [name, of]) => create(world, name, of),
        ("stream", [name, to]) => stream(world, name, to),
        ("receive", [name, most]) => receive(world, name, number(most)),
        ("check-send", [name]) => match world.outgoing(name) {
            Ok(stream) => value(stream.check_send()),
            Err(absent) => Err(absent),
        },
        ("send", [name, datagrams @ ..]) => send(world, name, datagrams),
        (_, [name, args @ ..]) if name.starts_with('u') => match world.udp(name) {
            Ok(socket) => call_socket(world, socket, verb, args)?,
            Err(absent) => Err(absent),
        },
        _ => return None,
    })
}

fn create(world: &mut World, name: &str, of: &str) -> Outcome {
    let socket = create_udp_socket(family(of)).map_err(code)?;
    world.insert(name.to_owned(), Thing::Udp(socket));
    done(Ok(()))
}

/// The streams get the number of the socket. `-` is no address.
fn stream(world: &mut World, name: &str, to: &str) -> Outcome {
    let to = (to != "-").then(|| wit(world.address(to)));
    let (incoming, outgoing) = world.udp(name)?.stream(to).map_err(code)?;
    let number = &name[1..];
    world.insert(format!("in{number}"), Thing::Incoming(incoming));
    world.insert(format!("out{number}"), Thing::Outgoing(outgoing));
    done(Ok(()))
}

fn call_socket(world: &World, socket: &UdpSocket, verb: &str, args: &[&str]) -> Option<Outcome> {
    Some(match (verb, args) {
        ("start-bind", [to]) => done(socket.start_bind(&world.network, wit(world.address(to)))),
        ("finish-bind", []) => done(socket.finish_bind()),
        ("local", []) => value(socket.local_address().map(|it| world.ports.show(it))),
        ("remote", []) => value(socket.remote_address().map(|it| world.ports.show(it))),
        ("family", []) => family_name(socket.address_family()),
        ("get", ["hop-limit"]) => value(socket.unicast_hop_limit()),
        ("get", ["receive-buffer"]) => value(socket.receive_buffer_size()),
        ("get", ["send-buffer"]) => value(socket.send_buffer_size()),
        ("set", ["hop-limit", to]) => done(socket.set_unicast_hop_limit(number(to) as u8)),
        ("set", ["receive-buffer", to]) => done(socket.set_receive_buffer_size(number(to))),
        ("set", ["send-buffer", to]) => done(socket.set_send_buffer_size(number(to))),
        _ => return None,
    })
}

/// Receives datagrams until they are those that are expected.
fn receive(world: &World, name: &str, most: u64) -> Outcome {
    let stream = world.incoming(name)?;
    let mut all = String::new();
    let mut left = most;
    let expected = world.expected.as_deref();
    world.retry(
        |it| it.as_ref().is_ok_and(|it| is_beginning(it, expected)),
        || {
            receive_some(world, stream, &mut left, &mut all)?;
            Ok(match all.as_str() {
                "" => "nothing".to_owned(),
                all => all.to_owned(),
            })
        },
    )
}

/// Whether datagrams are only the first ones of those that are expected.
fn is_beginning(datagrams: &str, expected: Option<&str>) -> bool {
    datagrams == "nothing" || expected.is_some_and(|it| it.len() > "ok ".len() + datagrams.len())
}

fn receive_some(
    world: &World,
    stream: &IncomingDatagramStream,
    left: &mut u64,
    all: &mut String,
) -> Result<(), String> {
    for datagram in stream.receive(*left).map_err(code)? {
        *left -= 1;
        let from = world.ports.show(datagram.remote_address);
        let sum = sum(&datagram.data);
        let length = datagram.data.len();
        let separator = if all.is_empty() { "" } else { ", " };
        write!(all, "{separator}{length} bytes {sum:x} from {from}").expect("a string grows");
    }
    Ok(())
}

/// A number in which different bytes differ.
pub fn sum(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add(u32::from(*byte));
    bytes.iter().fold(0, add)
}

/// Sends datagrams, each a length and maybe a destination: `LENGTH>ADDRESS`.
fn send(world: &mut World, name: &str, datagrams: &[&str]) -> Outcome {
    world.outgoing(name)?;
    let datagrams: Vec<OutgoingDatagram> = datagrams
        .iter()
        .map(|datagram| {
            let (length, to) = match datagram.split_once('>') {
                Some((length, to)) => (length, Some(wit(world.address(to)))),
                None => (*datagram, None),
            };
            OutgoingDatagram {
                data: world.bytes(number(length) as usize),
                remote_address: to,
            }
        })
        .collect();
    value(world.outgoing(name)?.send(&datagrams))
}
