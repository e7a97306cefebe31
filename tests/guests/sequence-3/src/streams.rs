//! The streams of sockets, and how they end.

use crate::patience::{WAITS, soon};
use crate::world::{ABSENT, Thing, World, done, sum};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::pin::pin;
use wasip3::sockets::types::TcpSocket;
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamResult, StreamWriter};

/// What a call gives whose other end is gone.
pub const DROPPED: &str = "dropped";

pub async fn call(world: &mut World, verb: &str, args: &[&str], expected: Option<&str>) -> String {
    let Some(mut thing) = args.first().and_then(|name| world.take(name)) else {
        return ABSENT.to_string();
    };
    let mut is_over = false;
    let said = match (verb, &args[1..], &mut thing) {
        ("accept", [number], Thing::Accepted(stream)) => {
            let said = accept(world, stream, number, expected).await;
            is_over = said == DROPPED;
            said
        }
        ("read", [most], Thing::Reader(stream)) => {
            let most = most.parse().unwrap();
            let said;
            (said, is_over) = read_on(stream, most, (Vec::new(), false), expected).await;
            said
        }
        ("write", [count], Thing::Writer(stream)) => {
            let bytes = world.bytes(count.parse().unwrap());
            let said = write(stream, bytes, expected).await;
            is_over = said == DROPPED;
            said
        }
        ("read-none", [], Thing::Reader(stream)) => {
            let said = read_none(stream, expected).await;
            is_over = said == DROPPED;
            said
        }
        ("write-none", [], Thing::Writer(stream)) => {
            let said = write_none(stream, expected).await;
            is_over = said == DROPPED;
            said
        }
        ("accept" | "read" | "write", [_], Thing::Over(_))
        | ("read-none" | "write-none", [], Thing::Over(_)) => DROPPED.to_string(),
        ("end", [], Thing::Ended(future)) => match soon(expected, future.as_mut()).await {
            Some(result) => {
                // It is read once.
                return done(result);
            }
            None => WAITS.to_string(),
        },
        _ => "no such call".to_string(),
    };
    put_back(world, args[0].to_string(), thing, is_over);
    said
}

fn over(thing: Thing) -> Thing {
    match thing {
        Thing::Accepted(stream) => Thing::Over(Box::new(stream)),
        Thing::Reader(stream) => Thing::Over(Box::new(stream)),
        Thing::Writer(stream) => Thing::Over(Box::new(stream)),
        thing => thing,
    }
}

/// Puts a stream back, which may have ended.
pub fn put_back(world: &mut World, name: String, thing: Thing, is_over: bool) {
    world.insert(name, if is_over { over(thing) } else { thing });
}

async fn accept(
    world: &mut World,
    stream: &mut StreamReader<TcpSocket>,
    number: &str,
    expected: Option<&str>,
) -> String {
    let mut read = pin!(stream.read(Vec::with_capacity(1)));
    let result = soon(expected, read.as_mut()).await;
    let is_pending = result.is_none();
    let (result, sockets) = result.unwrap_or_else(|| read.cancel());
    match is_pending && sockets.is_empty() && result != StreamResult::Dropped {
        true => WAITS.to_string(),
        false => accepted(world, number, result, sockets),
    }
}

/// Says what was accepted, and gives it its name.
pub fn accepted(
    world: &mut World,
    number: &str,
    result: StreamResult,
    mut sockets: Vec<TcpSocket>,
) -> String {
    match (result, sockets.pop()) {
        (_, Some(socket)) => {
            world.insert(format!("t{number}"), Thing::Tcp(socket));
            "ok".to_string()
        }
        (StreamResult::Dropped, None) => DROPPED.to_string(),
        (_, None) => "nothing".to_string(),
    }
}

/// Reads so many bytes, in parts, up to the end or what is there, behind those that have been read
/// unless they are the last. What was read, and whether that was the last.
pub async fn read_on(
    stream: &mut StreamReader<u8>,
    most: usize,
    (mut all, mut is_last): (Vec<u8>, bool),
    expected: Option<&str>,
) -> (String, bool) {
    while all.len() < most && !is_last {
        if expected == Some(said(&all, is_last).as_str()) {
            break;
        }
        let mut read = pin!(stream.read(Vec::with_capacity(most - all.len())));
        let result = soon(expected, read.as_mut()).await;
        let is_pending = result.is_none();
        let (result, bytes) = result.unwrap_or_else(|| read.cancel());
        all.extend(bytes);
        is_last = result == StreamResult::Dropped;
        if is_pending {
            break;
        }
    }
    (said(&all, is_last), is_last)
}

fn said(all: &[u8], is_last: bool) -> String {
    let last = if is_last { " last" } else { "" };
    match all.len() {
        0 if !is_last => WAITS.to_string(),
        count => format!("{count} {:x}{last}", sum(all)),
    }
}

/// Reads no bytes.
async fn read_none(stream: &mut StreamReader<u8>, expected: Option<&str>) -> String {
    let mut read = pin!(stream.read(Vec::new()));
    match soon(expected, read.as_mut()).await {
        Some((result, _)) => none(result),
        None => taken_back(read.cancel().0),
    }
}

/// Writes no bytes.
async fn write_none(stream: &mut StreamWriter<u8>, expected: Option<&str>) -> String {
    let mut write = pin!(stream.write(Vec::new()));
    match soon(expected, write.as_mut()).await {
        Some((result, _)) => none(result),
        None => taken_back(write.cancel().0),
    }
}

/// What a read or a write of no bytes gave.
fn none(result: StreamResult) -> String {
    match result {
        StreamResult::Dropped => DROPPED.to_string(),
        _ => "ok".to_string(),
    }
}

/// What one gave that was taken back.
fn taken_back(result: StreamResult) -> String {
    match result {
        StreamResult::Dropped => DROPPED.to_string(),
        _ => WAITS.to_string(),
    }
}

/// Writes bytes, and says how many were taken.
async fn write(stream: &mut StreamWriter<u8>, bytes: Vec<u8>, expected: Option<&str>) -> String {
    let mut write = pin!(stream.write_all(bytes));
    match soon(expected, write.as_mut()).await {
        Some(left) if left.is_empty() => "ok".to_string(),
        Some(_) => DROPPED.to_string(),
        None => WAITS.to_string(),
    }
}
