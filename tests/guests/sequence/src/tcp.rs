//! `wasi:sockets/tcp` and `tcp-create-socket`.

use crate::address::wit;
use crate::world::{
    Outcome, Thing, World, code, done, family, family_name, number, value, would_block,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// Makes a call, if it is one of TCP sockets: their names begin with `t`.
pub fn call(world: &mut World, verb: &str, args: &[&str]) -> Option<Outcome> {
    Some(match (verb, args) {
        ("tcp", [name, of]) => create(world, name, of),
        ("accept", [name, number]) => accept(world, name, number),
        ("finish-connect", [name]) => finish_connect(world, name),
        (_, [name, args @ ..]) if name.starts_with('t') => match world.tcp(name) {
            Ok(socket) => call_socket(world, socket, verb, args)?,
            Err(absent) => Err(absent),
        },
        _ => return None,
    })
}

fn call_socket(world: &World, socket: &TcpSocket, verb: &str, args: &[&str]) -> Option<Outcome> {
    Some(match (verb, args) {
        ("start-bind", [to]) => done(socket.start_bind(&world.network, wit(world.address(to)))),
        ("finish-bind", []) => done(socket.finish_bind()),
        ("start-connect", [to]) => {
            done(socket.start_connect(&world.network, wit(world.address(to))))
        }
        ("start-listen", []) => done(socket.start_listen()),
        ("finish-listen", []) => done(socket.finish_listen()),
        ("local", []) => value(socket.local_address().map(|it| world.ports.show(it))),
        // One whose connection has just ended is to have none.
        ("remote", []) => world.retry(Outcome::is_ok, || {
            value(socket.remote_address().map(|it| world.ports.show(it)))
        }),
        ("listening", []) => Ok(socket.is_listening().to_string()),
        ("family", []) => family_name(socket.address_family()),
        ("backlog", [size]) => done(socket.set_listen_backlog_size(number(size))),
        ("get", [option]) => get(socket, option),
        ("set", [option, to]) => set(socket, option, number(to)),
        ("shutdown", ["receive"]) => done(socket.shutdown(ShutdownType::Receive)),
        ("shutdown", ["send"]) => done(socket.shutdown(ShutdownType::Send)),
        ("shutdown", ["both"]) => done(socket.shutdown(ShutdownType::Both)),
        _ => return None,
    })
}

fn get(socket: &TcpSocket, option: &str) -> Outcome {
    match option {
        "keep-alive" => value(socket.keep_alive_enabled()),
        "keep-alive-idle" => value(socket.keep_alive_idle_time()),
        "keep-alive-interval" => value(socket.keep_alive_interval()),
        "keep-alive-count" => value(socket.keep_alive_count()),
        "hop-limit" => value(socket.hop_limit()),
        "receive-buffer" => value(socket.receive_buffer_size()),
        "send-buffer" => value(socket.send_buffer_size()),
        _ => panic!("no such option: `{option}`"),
    }
}

fn set(socket: &TcpSocket, option: &str, to: u64) -> Outcome {
    done(match option {
        "keep-alive" => socket.set_keep_alive_enabled(to != 0),
        "keep-alive-idle" => socket.set_keep_alive_idle_time(to),
        "keep-alive-interval" => socket.set_keep_alive_interval(to),
        "keep-alive-count" => socket.set_keep_alive_count(to as u32),
        "hop-limit" => socket.set_hop_limit(to as u8),
        "receive-buffer" => socket.set_receive_buffer_size(to),
        "send-buffer" => socket.set_send_buffer_size(to),
        _ => panic!("no such option: `{option}`"),
    })
}

fn create(world: &mut World, name: &str, of: &str) -> Outcome {
    let socket = create_tcp_socket(family(of)).map_err(code)?;
    world.insert(name.to_owned(), Thing::Tcp(socket));
    done(Ok(()))
}

/// The socket and its streams get this number.
fn accept(world: &mut World, name: &str, number: &str) -> Outcome {
    let mut accepted = None;
    let listener = world.tcp(name)?;
    let result = world.retry(would_block, || {
        accepted = Some(listener.accept().map_err(code)?);
        done(Ok(()))
    });
    if let Some((socket, input, output)) = accepted {
        world.insert(format!("i{number}"), Thing::Input(input));
        world.insert(format!("o{number}"), Thing::Output(output));
        world.insert(format!("t{number}"), Thing::Tcp(socket));
    }
    result
}

/// The streams get the number of the socket.
fn finish_connect(world: &mut World, name: &str) -> Outcome {
    let mut connected = None;
    let socket = world.tcp(name)?;
    let result = world.retry(would_block, || {
        connected = Some(socket.finish_connect().map_err(code)?);
        done(Ok(()))
    });
    if let Some((input, output)) = connected {
        let number = &name[1..];
        world.insert(format!("i{number}"), Thing::Input(input));
        world.insert(format!("o{number}"), Thing::Output(output));
    }
    result
}
