//! `wasi:io/streams@0.2`

use crate::guest::{Guest, MOST_AT_ONCE};
use crate::handles::{Handle, Resource, Subject};
use crate::lower::{Ended, Layout, answer, layout};
use crate::memory::trap;
use crate::state::{State, state};
use crate::time;
use sockvirt_netstack::{EndId, StreamEnd, WriteError};

/// No read gives more, as in wasmtime.
pub(crate) const MOST: u64 = 64 << 10;

/// Reads into a new block of the caller's memory, and gives where it is and how long.
fn take(state: &mut State, guest: Guest, end: EndId, most: u64) -> Result<[u32; 2], StreamEnd> {
    let most = most.min(MOST) as usize;
    let count = state.network.readable(end, most)?;
    let at = guest.allocate(1, count as u32);
    let mut to = at;
    state.network.read_with(end, count, |run| {
        guest.write(to, run);
        to += run.len() as u32;
    });
    Ok([at, count as u32])
}

/// Waits until an input stream is ready, which it is, or it never will be.
pub(crate) fn wait_for_input(state: &mut State, guest: Guest, stream: Handle) {
    let end = state.input(stream);
    while !state.network.input_ready(end) {
        time::pass_or_end(state, guest, stream, None);
    }
}

/// Waits until an output stream is ready, which it is, or it never will be.
pub(crate) fn wait_for_output(state: &mut State, guest: Guest, stream: Handle) {
    let end = state.output(stream);
    while !state.network.output_ready(end) {
        time::pass_or_end(state, guest, stream, None);
    }
}

/// Writes what a stream gave, or how it ended.
fn finish<T: crate::lower::Value>(
    state: &mut State,
    binding: u32,
    to: u32,
    layout: Layout,
    result: Result<T, StreamEnd>,
) {
    let result = result.map_err(|end| Ended::of(state, end));
    answer(Guest::new(binding), to, layout, result);
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]input-stream.read")]
extern "C" fn read(this: Handle, most: u64, to: u32, binding: u32) {
    let state = state();
    let end = state.input(this);
    let result = take(state, Guest::new(binding), end, most);
    finish(
        state,
        binding,
        to,
        layout!(streams input_stream_read),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]input-stream.blocking-read")]
extern "C" fn blocking_read(this: Handle, most: u64, to: u32, binding: u32) {
    let state = state();
    let end = state.input(this);
    wait_for_input(state, Guest::new(binding), this);
    let result = take(state, Guest::new(binding), end, most);
    finish(
        state,
        binding,
        to,
        layout!(streams input_stream_blocking_read),
        result,
    );
}

fn skip_some(state: &mut State, end: EndId, most: u64) -> Result<u64, StreamEnd> {
    let count = state.network.readable(end, most.min(MOST) as usize)?;
    Ok(state.network.skip(end, count) as u64)
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]input-stream.skip")]
extern "C" fn skip(this: Handle, most: u64, to: u32, binding: u32) {
    let state = state();
    let end = state.input(this);
    let result = skip_some(state, end, most);
    finish(
        state,
        binding,
        to,
        layout!(streams input_stream_skip),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]input-stream.blocking-skip")]
extern "C" fn blocking_skip(this: Handle, most: u64, to: u32, binding: u32) {
    let state = state();
    let end = state.input(this);
    wait_for_input(state, Guest::new(binding), this);
    let result = skip_some(state, end, most);
    finish(
        state,
        binding,
        to,
        layout!(streams input_stream_blocking_skip),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]input-stream.subscribe")]
extern "C" fn subscribe_input(this: Handle, _: u32) -> Handle {
    let state = state();
    let pollable = Resource::Pollable(Subject::Input(state.input(this)));
    state.handles.give_child(pollable, this)
}

/// The stream is closed with its socket, which cannot go before it.
#[unsafe(export_name = "wasi:io/streams@0.2#[resource-drop]input-stream")]
extern "C" fn drop_input(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Input(_) => {}
        _ => trap(),
    }
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.check-write")]
extern "C" fn check_write(this: Handle, to: u32, binding: u32) {
    let state = state();
    let end = state.output(this);
    let result = state.network.writable(end).map(|permit| permit as u64);
    finish(
        state,
        binding,
        to,
        layout!(streams output_stream_check_write),
        result,
    );
}

/// What is written: bytes of the caller's, or zeros.
#[derive(Clone, Copy)]
enum Source {
    Caller { at: u32 },
    Zeros,
}

/// Writes so many bytes, for which there must be a permit.
fn put(
    state: &mut State,
    guest: Guest,
    end: EndId,
    source: Source,
    count: usize,
) -> Result<(), StreamEnd> {
    let mut from = 0;
    let written = state.network.write_with(end, count, |run| match source {
        Source::Caller { at } => {
            guest.read(at.wrapping_add(from), run);
            from += run.len() as u32;
        }
        Source::Zeros => run.fill(0),
    });
    match written {
        Ok(()) => Ok(()),
        Err(WriteError::Ended(end)) => Err(end),
        Err(WriteError::NotPermitted) => trap(),
    }
}

/// Writes so many bytes, as there is room for them.
fn put_blocking(
    state: &mut State,
    guest: Guest,
    stream: Handle,
    source: Source,
    count: u64,
) -> Result<(), StreamEnd> {
    if count > MOST_AT_ONCE as u64 {
        trap();
    }
    let end = state.output(stream);
    let mut done = 0;
    while done < count {
        wait_for_output(state, guest, stream);
        let permit = state.network.writable(end)?;
        let some = (count - done).min(permit as u64);
        let source = match source {
            Source::Caller { at } => Source::Caller {
                at: at.wrapping_add(done as u32),
            },
            Source::Zeros => Source::Zeros,
        };
        put(state, guest, end, source, some as usize)?;
        done += some;
    }
    state.network.flush(end)?;
    wait_for_output(state, guest, stream);
    state.network.writable(end).map(drop)
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.write")]
extern "C" fn write(this: Handle, at: u32, count: u32, to: u32, binding: u32) {
    let state = state();
    let end = state.output(this);
    let source = Source::Caller { at };
    let result = put(state, Guest::new(binding), end, source, count as usize);
    finish(
        state,
        binding,
        to,
        layout!(streams output_stream_write),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.blocking-write-and-flush")]
extern "C" fn blocking_write_and_flush(this: Handle, at: u32, count: u32, to: u32, binding: u32) {
    let state = state();
    let source = Source::Caller { at };
    let result = put_blocking(state, Guest::new(binding), this, source, count.into());
    let layout = layout!(streams output_stream_blocking_write_and_flush);
    finish(state, binding, to, layout, result);
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.write-zeroes")]
extern "C" fn write_zeroes(this: Handle, count: u64, to: u32, binding: u32) {
    let state = state();
    let end = state.output(this);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    // wasmtime looks for a permit by itself here.
    let result = state
        .network
        .writable(end)
        .and_then(|_| put(state, Guest::new(binding), end, Source::Zeros, count));
    finish(
        state,
        binding,
        to,
        layout!(streams output_stream_write_zeroes),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.blocking-write-zeroes-and-flush")]
extern "C" fn blocking_write_zeroes_and_flush(this: Handle, count: u64, to: u32, binding: u32) {
    let state = state();
    let result = put_blocking(state, Guest::new(binding), this, Source::Zeros, count);
    let layout = layout!(streams output_stream_blocking_write_zeroes_and_flush);
    finish(state, binding, to, layout, result);
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.flush")]
extern "C" fn flush(this: Handle, to: u32, binding: u32) {
    let state = state();
    let end = state.output(this);
    let result = state.network.flush(end);
    finish(
        state,
        binding,
        to,
        layout!(streams output_stream_flush),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.blocking-flush")]
extern "C" fn blocking_flush(this: Handle, to: u32, binding: u32) {
    let state = state();
    let end = state.output(this);
    let result = state.network.flush(end).and_then(|()| {
        wait_for_output(state, Guest::new(binding), this);
        state.network.writable(end).map(drop)
    });
    finish(
        state,
        binding,
        to,
        layout!(streams output_stream_blocking_flush),
        result,
    );
}

#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.subscribe")]
extern "C" fn subscribe_output(this: Handle, _: u32) -> Handle {
    let state = state();
    let pollable = Resource::Pollable(Subject::Output(state.output(this)));
    state.handles.give_child(pollable, this)
}

/// The stream is closed with its socket, which cannot go before it.
#[unsafe(export_name = "wasi:io/streams@0.2#[resource-drop]output-stream")]
extern "C" fn drop_output(this: Handle, _: u32) {
    match state().handles.take(this) {
        Resource::Output(_) => {}
        _ => trap(),
    }
}
