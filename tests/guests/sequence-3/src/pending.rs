//! Calls that go on while others are made: their names begin with `b`.

use crate::patience::{WAITS, soon};
use crate::streams::{DROPPED, accepted, put_back, read_on};
use crate::udp::{Received, show};
use crate::world::{ABSENT, Thing, World};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use futures_util::future::{MaybeDone, maybe_done};
use futures_util::poll;
use wasip3::sockets::types::TcpSocket;
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamResult};

type Going<T> = MaybeDone<Pin<Box<dyn Future<Output = T>>>>;
/// A stream that was read, and what that gave.
type Read<T> = (StreamReader<T>, StreamResult, Vec<T>);

/// A call, what it was made with, and what it gave if it is done.
pub enum Pending {
    Accept {
        stream: String,
        number: String,
        going: Going<Read<TcpSocket>>,
    },
    Read {
        stream: String,
        most: usize,
        going: Going<Read<u8>>,
    },
    Receive(Going<Received>),
}

/// Begins a call: it has been made when this returns.
pub async fn begin(world: &mut World, args: &[&str]) -> String {
    let [name, verb, on, rest @ ..] = args else {
        return "no such call".to_string();
    };
    let Some(thing) = world.take(on) else {
        return ABSENT.to_string();
    };
    let pending = match (*verb, rest, thing) {
        ("accept", [number], Thing::Accepted(stream)) => Pending::Accept {
            stream: on.to_string(),
            number: number.to_string(),
            going: start(read(stream, 1)).await,
        },
        ("read", [most], Thing::Reader(stream)) => {
            let most = most.parse().unwrap();
            Pending::Read {
                stream: on.to_string(),
                most,
                going: start(read(stream, most)).await,
            }
        }
        ("receive", [], Thing::Udp(socket)) => {
            world.insert(on.to_string(), Thing::Udp(socket.clone()));
            Pending::Receive(start(async move { socket.receive().await }).await)
        }
        (_, _, thing) => {
            world.insert(on.to_string(), thing);
            return "no such call".to_string();
        }
    };
    world.insert(name.to_string(), Thing::Pending(pending));
    "ok".to_string()
}

async fn start<T>(future: impl Future<Output = T> + 'static) -> Going<T> {
    let future: Pin<Box<dyn Future<Output = T>>> = Box::pin(future);
    let mut going = maybe_done(future);
    // What it gave is kept.
    let _ = poll!(&mut going);
    going
}

/// What a call gave, if it is done by now.
async fn outcome<T>(going: &mut Going<T>, expected: Option<&str>) -> Option<T> {
    soon(expected, Pin::new(&mut *going)).await;
    Pin::new(going).take_output()
}

async fn read<T: 'static>(mut stream: StreamReader<T>, most: usize) -> Read<T> {
    let (result, items) = stream.read(Vec::with_capacity(most)).await;
    (stream, result, items)
}

/// Waits for a call, and says what it gave, as if it had only been made now.
pub async fn finish(world: &mut World, name: &str, expected: Option<&str>) -> String {
    let Some(Thing::Pending(pending)) = world.take(name) else {
        return ABSENT.to_string();
    };
    match pending {
        Pending::Accept {
            stream,
            number,
            mut going,
        } => match outcome(&mut going, expected).await {
            Some((reader, result, sockets)) => {
                let said = accepted(world, &number, result, sockets);
                put_back(world, stream, Thing::Accepted(reader), said == DROPPED);
                said
            }
            None => wait_on(
                world,
                name,
                Pending::Accept {
                    stream,
                    number,
                    going,
                },
            ),
        },
        Pending::Read {
            stream,
            most,
            mut going,
        } => match outcome(&mut going, expected).await {
            Some((mut reader, result, bytes)) => {
                let before = (bytes, result == StreamResult::Dropped);
                let (said, is_over) = read_on(&mut reader, most, before, expected).await;
                put_back(world, stream, Thing::Reader(reader), is_over);
                said
            }
            None => wait_on(
                world,
                name,
                Pending::Read {
                    stream,
                    most,
                    going,
                },
            ),
        },
        Pending::Receive(mut going) => match outcome(&mut going, expected).await {
            Some(received) => show(world, received),
            None => wait_on(world, name, Pending::Receive(going)),
        },
    }
}

fn wait_on(world: &mut World, name: &str, pending: Pending) -> String {
    world.insert(name.to_string(), Thing::Pending(pending));
    WAITS.to_string()
}
