//! UDP sockets: their names begin with `u`.

use crate::address::wit;
use crate::patience::{WAITS, soon};
use crate::world::{ABSENT, Thing, World, done, family, sum, value};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::pin::pin;
use wasip3::sockets::types::{ErrorCode, IpSocketAddress, UdpSocket};

pub async fn call(world: &mut World, verb: &str, args: &[&str], expected: Option<&str>) -> String {
    if let ("udp", [name, of]) = (verb, args) {
        let created = UdpSocket::create(family(of));
        return done(created.map(|it| world.insert(name.to_string(), Thing::Udp(it.into()))));
    }
    let Some(Thing::Udp(socket)) = world.take(args[0]) else {
        return ABSENT.to_string();
    };
    let said = match (verb, &args[1..]) {
        ("send", [count, to]) => {
            let to = (*to != "-").then(|| wit(world.address(to)));
            let data = world.bytes(count.parse().unwrap());
            let sent = soon(expected, pin!(socket.send(data, to))).await;
            sent.map_or(WAITS.to_string(), done)
        }
        ("receive", []) => match soon(expected, pin!(socket.receive())).await {
            None => WAITS.to_string(),
            Some(received) => show(world, received),
        },
        _ => call_socket(world, &socket, verb, args),
    };
    world.insert(args[0].to_string(), Thing::Udp(socket));
    said
}

pub type Received = Result<(Vec<u8>, IpSocketAddress), ErrorCode>;

/// What was received, and from where.
pub fn show(world: &mut World, received: Received) -> String {
    match received {
        Ok((data, from)) => format!("{} {:x} {}", data.len(), sum(&data), world.show(from)),
        Err(code) => guest_script::code(&code),
    }
}

fn call_socket(world: &mut World, socket: &UdpSocket, verb: &str, args: &[&str]) -> String {
    match (verb, &args[1..]) {
        ("bind", [to]) => done(socket.bind(wit(world.address(to)))),
        ("connect", [to]) => done(socket.connect(wit(world.address(to)))),
        ("disconnect", []) => done(socket.disconnect()),
        ("local", []) => value(socket.get_local_address().map(|it| world.show(it))),
        ("remote", []) => value(socket.get_remote_address().map(|it| world.show(it))),
        ("family", []) => format!("{:?}", socket.get_address_family()),
        ("get", ["hop-limit"]) => value(socket.get_unicast_hop_limit()),
        ("get", ["receive-buffer"]) => value(socket.get_receive_buffer_size()),
        ("get", ["send-buffer"]) => value(socket.get_send_buffer_size()),
        ("set", [option, to]) => done(set(socket, option, to.parse().unwrap())),
        _ => "no such call".to_string(),
    }
}

fn set(socket: &UdpSocket, option: &str, to: u64) -> Result<(), ErrorCode> {
    match option {
        "hop-limit" => socket.set_unicast_hop_limit(to as u8),
        "receive-buffer" => socket.set_receive_buffer_size(to),
        _ => socket.set_send_buffer_size(to),
    }
}
