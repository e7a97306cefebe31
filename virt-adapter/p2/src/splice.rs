//! `splice` of `wasi:io/streams@0.2`, where at least one of the streams is the network's.

use crate::binding::{Slot, VIRTUAL};
use crate::guest::{Guest, MOST_AT_ONCE};
use crate::handles::Handle;
use crate::lower::{Ended, answer, layout};
use crate::memory::trap;
use crate::state::{State, state};
use crate::streams::{MOST, wait_for_input, wait_for_output};
use alloc::vec::Vec;
use sockvirt_netstack::WriteError;

/// Two streams, and how much is moved from one to the other at most.
struct Splice {
    to: Handle,
    from: Handle,
    most: u64,
    blocks: bool,
    guest: Guest,
}

impl Splice {
    fn run(&self, state: &mut State) -> Result<u64, Ended> {
        match (self.to & VIRTUAL, self.from & VIRTUAL) {
            (0, _) => self.give_host(state),
            (_, 0) => self.take_host(state),
            _ => self.inside(state),
        }
    }

    fn wait_for_output(&self, state: &mut State) {
        if self.blocks {
            wait_for_output(state, self.guest, self.to);
        }
    }

    fn wait_for_input(&self, state: &mut State) {
        if self.blocks && self.most > 0 {
            wait_for_input(state, self.guest, self.from);
        }
    }

    /// One that blocks waits until more can be written, as in wasmtime.
    fn leave_permit(&self, state: &mut State) -> Result<(), Ended> {
        self.wait_for_output(state);
        let permit = state.network.writable(state.output(self.to));
        permit.map(drop).map_err(|end| Ended::of(state, end))
    }

    fn inside(&self, state: &mut State) -> Result<u64, Ended> {
        let (to, from) = (state.output(self.to), state.input(self.from));
        self.wait_for_output(state);
        self.wait_for_input(state);
        let most = self.most.min(MOST) as usize;
        let moved = state.network.splice(to, from, most);
        let moved = moved.map_err(|end| Ended::of(state, end))?;
        if self.blocks && moved > 0 {
            self.leave_permit(state)?;
        }
        Ok(moved as u64)
    }

    /// Into a stream of the host's.
    fn give_host(&self, state: &mut State) -> Result<u64, Ended> {
        let from = state.input(self.from);
        let permit = match self.blocks {
            true => MOST_AT_ONCE as u64,
            false => self.guest.check_write(self.to)?,
        };
        let most = self.most.min(permit).min(MOST) as usize;
        if most == 0 {
            return Ok(0);
        }
        self.wait_for_input(state);
        let count = state.network.readable(from, most);
        let count = count.map_err(|end| Ended::of(state, end))?;
        let mut bytes = Vec::with_capacity(count);
        state
            .network
            .read_with(from, count, |run| bytes.extend_from_slice(run));
        match self.blocks {
            true => self.guest.blocking_write(self.to, &bytes)?,
            false => self.guest.write_to(self.to, &bytes)?,
        }
        Ok(count as u64)
    }

    /// Out of a stream of the host's.
    fn take_host(&self, state: &mut State) -> Result<u64, Ended> {
        let to = state.output(self.to);
        self.wait_for_output(state);
        let permit = state.network.writable(to);
        let permit = permit.map_err(|end| Ended::of(state, end))?;
        let most = self.most.min(permit as u64).min(MOST);
        if most == 0 {
            return Ok(0);
        }
        let read = match self.blocks {
            true => Slot::BlockingRead,
            false => Slot::Read,
        };
        let bytes = self.guest.read_from(read, self.from, most)?;
        let mut rest = bytes.as_slice();
        let written = state.network.write_with(to, bytes.len(), |run| {
            if let Some((now, later)) = rest.split_at_checked(run.len()) {
                run.copy_from_slice(now);
                rest = later;
            }
        });
        match written {
            Ok(()) if self.blocks && !bytes.is_empty() => {
                self.leave_permit(state)?;
                Ok(bytes.len() as u64)
            }
            Ok(()) => Ok(bytes.len() as u64),
            Err(WriteError::Ended(end)) => Err(Ended::of(state, end)),
            // The host gives no more than it was asked for.
            Err(WriteError::NotPermitted) => trap(),
        }
    }
}

/// The two functions have results of one layout.
fn splice_as(splice: &Splice, result: u32) {
    let moved = splice.run(state());
    let layout = layout!(streams output_stream_splice);
    answer(splice.guest, result, layout, moved);
}

#[rustfmt::skip]
#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.splice")]
extern "C" fn splice(to: Handle, from: Handle, most: u64, result: u32, binding: u32) {
    let guest = Guest::new(binding);
    splice_as(&Splice { to, from, most, blocks: false, guest }, result);
}

#[rustfmt::skip]
#[unsafe(export_name = "wasi:io/streams@0.2#[method]output-stream.blocking-splice")]
extern "C" fn blocking_splice(to: Handle, from: Handle, most: u64, result: u32, binding: u32) {
    let guest = Guest::new(binding);
    splice_as(&Splice { to, from, most, blocks: true, guest }, result);
}
