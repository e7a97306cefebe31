//! TCP sockets: their names begin with `t`.

use crate::address::wit;
use crate::patience::{WAITS, soon};
use crate::world::{ABSENT, Thing, World, done, family, value};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::pin::pin;
use wasip3::sockets::types::{ErrorCode, TcpSocket};

pub async fn call(world: &mut World, verb: &str, args: &[&str], expected: Option<&str>) -> String {
    if let ("tcp", [name, of]) = (verb, args) {
        let created = TcpSocket::create(family(of));
        return done(created.map(|it| world.insert(name.to_string(), Thing::Tcp(it))));
    }
    let Some(Thing::Tcp(socket)) = world.take(args[0]) else {
        return ABSENT.to_string();
    };
    let said = match (verb, &args[1..]) {
        ("connect", [to]) => {
            let to = wit(world.address(to));
            let connected = soon(expected, pin!(socket.connect(to))).await;
            connected.map_or(WAITS.to_string(), done)
        }
        _ => call_socket(world, &socket, verb, args),
    };
    world.insert(args[0].to_string(), Thing::Tcp(socket));
    said
}

fn call_socket(world: &mut World, socket: &TcpSocket, verb: &str, args: &[&str]) -> String {
    let number = &args[0][1..];
    match (verb, &args[1..]) {
        ("bind", [to]) => done(socket.bind(wit(world.address(to)))),
        ("listen", []) => {
            let accepted = socket.listen();
            done(accepted.map(|it| world.insert(format!("l{number}"), Thing::Accepted(it))))
        }
        ("send", []) => {
            let (writer, data) = wasip3::wit_stream::new();
            let sent = Thing::Ended(Box::pin(into_future(socket.send(data))));
            world.insert(format!("w{number}"), Thing::Writer(writer));
            world.insert(format!("s{number}"), sent);
            "ok".to_string()
        }
        ("receive", []) => {
            let (reader, received) = socket.receive();
            let received = Thing::Ended(Box::pin(into_future(received)));
            world.insert(format!("r{number}"), Thing::Reader(reader));
            world.insert(format!("e{number}"), received);
            "ok".to_string()
        }
        ("local", []) => value(socket.get_local_address().map(|it| world.show(it))),
        ("remote", []) => value(socket.get_remote_address().map(|it| world.show(it))),
        ("listening", []) => value(Ok(socket.get_is_listening())),
        ("family", []) => format!("{:?}", socket.get_address_family()),
        ("backlog", [size]) => done(socket.set_listen_backlog_size(size.parse().unwrap())),
        ("get", [option]) => get(socket, option),
        ("set", [option, to]) => done(set(socket, option, to.parse().unwrap())),
        _ => "no such call".to_string(),
    }
}

async fn into_future<F: IntoFuture>(future: F) -> F::Output {
    future.await
}

fn get(socket: &TcpSocket, option: &str) -> String {
    match option {
        "keep-alive" => value(socket.get_keep_alive_enabled()),
        "keep-alive-idle" => value(socket.get_keep_alive_idle_time()),
        "keep-alive-interval" => value(socket.get_keep_alive_interval()),
        "keep-alive-count" => value(socket.get_keep_alive_count()),
        "hop-limit" => value(socket.get_hop_limit()),
        "receive-buffer" => value(socket.get_receive_buffer_size()),
        _ => value(socket.get_send_buffer_size()),
    }
}

fn set(socket: &TcpSocket, option: &str, to: u64) -> Result<(), ErrorCode> {
    match option {
        "keep-alive" => socket.set_keep_alive_enabled(to != 0),
        "keep-alive-idle" => socket.set_keep_alive_idle_time(to),
        "keep-alive-interval" => socket.set_keep_alive_interval(to),
        "keep-alive-count" => socket.set_keep_alive_count(to as u32),
        "hop-limit" => socket.set_hop_limit(to as u8),
        "receive-buffer" => socket.set_receive_buffer_size(to),
        _ => socket.set_send_buffer_size(to),
    }
}
