//! `wasi:io/streams`

use crate::patience;
use crate::udp::sum;
use crate::world::{Outcome, Thing, World, number, would_wait};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// Makes a call, if it is one of streams: input streams begin with `i`, output streams with `o`.
pub fn call(world: &mut World, verb: &str, args: &[&str]) -> Option<Outcome> {
    Some(match (verb, args) {
        ("read", [name, most]) => read(world, name, number(most), InputStream::read),
        ("blocking-read", [name, most]) => when_ready(world, &[name], |world| {
            read(world, name, number(most), InputStream::blocking_read)
        }),
        ("skip", [name, most]) => skip(world, name, number(most), InputStream::skip),
        ("blocking-skip", [name, most]) => when_ready(world, &[name], |world| {
            skip(world, name, number(most), InputStream::blocking_skip)
        }),
        ("check-write", [name]) => check_write(world, name),
        ("write", [name, count]) => {
            let bytes = world.bytes(number(count) as usize);
            write(world, name, |it| it.write(&bytes))
        }
        ("zeroes", [name, count]) => write(world, name, |it| it.write_zeroes(number(count))),
        ("flush", [name]) => write(world, name, OutputStream::flush),
        ("blocking-write", [name, count]) => {
            let bytes = world.bytes(number(count) as usize);
            when_ready(world, &[name], |world| {
                write(world, name, |it| it.blocking_write_and_flush(&bytes))
            })
        }
        ("blocking-zeroes", [name, count]) => when_ready(world, &[name], |world| {
            write(world, name, |it| {
                it.blocking_write_zeroes_and_flush(number(count))
            })
        }),
        ("blocking-flush", [name]) => when_ready(world, &[name], |world| {
            write(world, name, OutputStream::blocking_flush)
        }),
        ("splice", [to, from, most]) => splice(world, to, from, number(most), false),
        ("blocking-splice", [to, from, most]) => when_ready(world, &[to, from], |world| {
            splice(world, to, from, number(most), true)
        }),
        _ => return None,
    })
}

/// Makes a call that blocks if all that it waits for is there. It is not made either where it is
/// expected to wait and is ready, as there may be nothing yet behind that.
fn when_ready(
    world: &mut World,
    names: &[&str],
    call: impl FnOnce(&mut World) -> Outcome,
) -> Outcome {
    for name in names {
        let pollable = match name.starts_with('i') {
            true => world.input(name)?.subscribe(),
            false => world.output(name)?.subscribe(),
        };
        if world.will_wait(&[&pollable]) {
            return would_wait();
        }
    }
    if world.is_to_wait() {
        return Ok("ready".to_owned());
    }
    call(world)
}

/// How a stream has ended. The error gets the name of the stream with an `e` before it.
fn ended(world: &mut World, name: &str, error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => {
            world.insert(format!("e{name}"), Thing::Error(error));
            "failed".to_owned()
        }
    }
}

/// Whether so much is less than what is expected.
fn is_less(count: u64, outcome: &Outcome, expected: Option<&str>) -> bool {
    let wanted = expected.and_then(|it| it.strip_prefix("ok "));
    let wanted = wanted.and_then(|it| it.split(' ').next()?.parse().ok());
    outcome.is_ok() && wanted.map_or(count == 0, |wanted: u64| count < wanted)
}

/// Reads in parts what is expected as a whole.
fn read(
    world: &mut World,
    name: &str,
    most: u64,
    read: impl Fn(&InputStream, u64) -> Result<Vec<u8>, StreamError>,
) -> Outcome {
    let stream = world.input(name)?;
    let expected = world.expected.as_deref();
    let mut all: Vec<u8> = Vec::new();
    let mut error = None;
    let mut outcome = Ok(String::new());
    let count = std::cell::Cell::new(0);
    let pending = |it: &Outcome| is_less(count.get(), it, expected);
    let result = world.retry(pending, || {
        match read(stream, most - all.len() as u64) {
            Ok(bytes) => all.extend(bytes),
            Err(it) => {
                error = Some(it);
                outcome = Err(String::new());
            }
        }
        count.set(all.len() as u64);
        outcome.clone()?;
        Ok(format!("{} {:x}", all.len(), sum(&all)))
    });
    match error {
        None => result,
        Some(error) => Err(ended(world, name, error)),
    }
}

fn skip(
    world: &mut World,
    name: &str,
    most: u64,
    skip: impl Fn(&InputStream, u64) -> Result<u64, StreamError>,
) -> Outcome {
    let stream = world.input(name)?;
    let moved = in_parts(world, most, |most| skip(stream, most));
    moved.map_err(|error| ended(world, name, error))
}

/// Moves bytes in parts that are expected as a whole.
fn in_parts(
    world: &World,
    most: u64,
    mut part: impl FnMut(u64) -> Result<u64, StreamError>,
) -> Result<String, StreamError> {
    let expected = world.expected.as_deref();
    let count = std::cell::Cell::new(0);
    let mut error = None;
    let pending = |it: &Outcome| is_less(count.get(), it, expected);
    let moved = world.retry(pending, || match part(most - count.get()) {
        Ok(more) => {
            count.set(count.get() + more);
            Ok(count.get().to_string())
        }
        Err(it) => {
            error = Some(it);
            Err(String::new())
        }
    });
    match error {
        None => Ok(moved.unwrap_or_default()),
        Some(error) => Err(error),
    }
}

/// How much may be written, which is nothing as long as the last write is not done.
fn check_write(world: &mut World, name: &str) -> Outcome {
    let stream = world.output(name)?;
    let mut error = None;
    let permit = world.retry(Outcome::is_ok, || match stream.check_write() {
        Ok(permit) => Ok(permit.to_string()),
        Err(it) => {
            error = Some(it);
            Err(String::new())
        }
    });
    match error {
        None => permit,
        Some(error) => Err(ended(world, name, error)),
    }
}

fn write(
    world: &mut World,
    name: &str,
    write: impl FnOnce(&OutputStream) -> Result<(), StreamError>,
) -> Outcome {
    let stream = world.output(name)?;
    let fails = matches!(world.expected.as_deref(), Some("closed" | "failed"));
    if fails && stream.flush().is_ok() {
        // Until it is known, the kernel may keep back what would show it.
        patience::wait_for_acknowledgements();
    }
    let written = write(stream);
    match written {
        Ok(()) => Ok(String::new()),
        Err(error) => Err(ended(world, name, error)),
    }
}

fn splice(world: &mut World, to: &str, from: &str, most: u64, blocks: bool) -> Outcome {
    let (output, input) = (world.output(to)?, world.input(from)?);
    let moved = in_parts(world, most, |most| match blocks {
        true => output.blocking_splice(input, most),
        false => output.splice(input, most),
    });
    moved.map_err(|error| ended(world, to, error))
}
