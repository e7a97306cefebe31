//! The streams of sockets, and how they end.

use crate::patience::{WAITS, soon};
use crate::world::{ABSENT, Thing, World, done, sum};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::pin::pin;
use wasip3::sockets::types::TcpSocket;
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamResult, StreamWriter};

pub async fn call(world: &mut World, verb: &str, args: &[&str], expected: Option<&str>) -> String {
    let Some(mut thing) = args.first().and_then(|name| world.take(name)) else {
        return ABSENT.to_string();
    };
    let said = match (verb, &args[1..], &mut thing) {
        ("accept", [number], Thing::Accepted(stream)) => {
            accept(world, stream, number, expected).await
        }
        ("read", [most], Thing::Reader(stream)) => {
            read(stream, most.parse().unwrap(), expected).await
        }
        ("write", [count], Thing::Writer(stream)) => {
            let bytes = world.bytes(count.parse().unwrap());
            write(stream, bytes, expected).await
        }
        ("end", [], Thing::Ended(future)) => match soon(expected, future.as_mut()).await {
            Some(result) => {
                // It is read once.
                return done(result);
            }
            None => WAITS.to_string(),
        },
        _ => "no such call".to_string(),
    };
    world.insert(args[0].to_string(), thing);
    said
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
    let (result, mut sockets) = result.unwrap_or_else(|| read.cancel());
    match (result, sockets.pop()) {
        (_, Some(socket)) => {
            world.insert(format!("t{number}"), Thing::Tcp(socket));
            "ok".to_string()
        }
        (StreamResult::Dropped, None) => "dropped".to_string(),
        (_, None) if is_pending => WAITS.to_string(),
        (_, None) => "nothing".to_string(),
    }
}

/// Reads so many bytes, in parts, up to the end or what is there.
async fn read(stream: &mut StreamReader<u8>, most: usize, expected: Option<&str>) -> String {
    let mut all = Vec::new();
    let mut is_last = false;
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
    said(&all, is_last)
}

fn said(all: &[u8], is_last: bool) -> String {
    let last = if is_last { " last" } else { "" };
    match all.len() {
        0 if !is_last => WAITS.to_string(),
        count => format!("{count} {:x}{last}", sum(all)),
    }
}

/// Writes bytes, and says how many were taken.
async fn write(stream: &mut StreamWriter<u8>, bytes: Vec<u8>, expected: Option<&str>) -> String {
    let mut write = pin!(stream.write_all(bytes));
    match soon(expected, write.as_mut()).await {
        Some(left) if left.is_empty() => "ok".to_string(),
        Some(_) => "dropped".to_string(),
        None => WAITS.to_string(),
    }
}
