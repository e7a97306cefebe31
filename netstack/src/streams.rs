//! The two streams of an end of a connection.

use crate::end::Fault;
use crate::{EndId, ErrorCode, Network};
use alloc::vec::Vec;

/// How much may be written at once, as in wasmtime.
const PERMIT: usize = 64 << 10;
/// How much a connection may always have on its way in a direction, as `net.ipv4.tcp_rmem` says.
const MINIMUM: usize = 4 << 10;

/// How a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// `stream-error::closed`.
    Closed,
    /// `stream-error::last-operation-failed`.
    Failed(ErrorCode),
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The stream has ended.
    Ended(StreamEnd),
    /// There was no permit for so much. wasmtime traps.
    NotPermitted,
}

/// The input stream of an end.
impl Network {
    /// Whether the pollable of the input stream is ready.
    pub fn input_ready(&self, id: EndId) -> bool {
        self.ends.get(id.0).is_none_or(|end| {
            end.input_ended || end.is_last || end.is_over || end.incoming.len() > 0
        })
    }

    /// How many bytes a read of at most `max` gives, which may be none. A read that finds how the
    /// stream ended says so, and that it is closed from then on.
    ///
    /// # Errors
    ///
    /// How the stream has ended.
    pub fn readable(&mut self, id: EndId, max: usize) -> Result<usize, StreamEnd> {
        let end = self.ends.get_mut(id.0).ok_or(StreamEnd::Closed)?;
        if end.input_ended {
            return Err(StreamEnd::Closed);
        }
        let count = end.incoming.len().min(max);
        if count > 0 || max == 0 || !(end.is_last || end.is_over) {
            return Ok(count);
        }
        end.input_ended = true;
        match end.fault.take() {
            Some(Fault::Reset) => Err(StreamEnd::Failed(ErrorCode::ConnectionReset)),
            Some(Fault::Broken) | None => Err(StreamEnd::Closed),
        }
    }

    /// The first bytes that wait, no more than `max`, as at most two runs. They stay until
    /// [`skip`](Self::skip).
    pub fn peek(&self, id: EndId, max: usize) -> [&[u8]; 2] {
        match self.ends.get(id.0) {
            Some(end) if !end.input_ended => end.incoming.runs(max),
            _ => [&[], &[]],
        }
    }

    /// The first run of bytes that wait, no more than `max`. It stays where it is, whatever comes
    /// behind it, until [`take`](Self::take); until then nothing else may be taken out.
    pub fn lend(&mut self, id: EndId, max: usize) -> &[u8] {
        match self.ends.get_mut(id.0) {
            Some(end) if !end.input_ended => end.incoming.lend(max),
            _ => &[],
        }
    }

    /// Ends what [`lend`](Self::lend) began, and takes out so many bytes.
    pub fn take(&mut self, id: EndId, count: usize) {
        if let Some(end) = self.ends.get_mut(id.0) {
            end.incoming.take_back(&mut self.memory);
        }
        self.skip(id, count);
    }

    /// Hands out the first bytes that wait, no more than `max`, in at most two runs, and takes them
    /// out. How many they were.
    pub fn read_with(&mut self, id: EndId, max: usize, mut take: impl FnMut(&[u8])) -> usize {
        for run in self.peek(id, max) {
            if !run.is_empty() {
                take(run);
            }
        }
        self.skip(id, max)
    }

    /// Takes bytes out that wait, no more than `max`. How many they were.
    pub fn skip(&mut self, id: EndId, max: usize) -> usize {
        match self.ends.get_mut(id.0) {
            Some(end) if !end.input_ended => {
                let count = end.incoming.len().min(max);
                end.incoming.consume(count, &mut self.memory);
                count
            }
            _ => 0,
        }
    }
}

/// The output stream of an end.
impl Network {
    /// Whether the pollable of the output stream is ready.
    pub fn output_ready(&self, id: EndId) -> bool {
        self.room(id) != Ok(0)
    }

    /// How much may be written, which may be nothing. The next write may be so long.
    ///
    /// # Errors
    ///
    /// How the stream has ended.
    pub fn writable(&mut self, id: EndId) -> Result<usize, StreamEnd> {
        let room = self.room(id)?;
        if let Some(end) = self.ends.get_mut(id.0) {
            end.permit = room;
        }
        Ok(room)
    }

    fn room(&self, id: EndId) -> Result<usize, StreamEnd> {
        let end = self.ends.get(id.0).ok_or(StreamEnd::Closed)?;
        if let Some(ended) = end.output_ended {
            return Err(ended);
        }
        // That the peer is gone is what a write finds out.
        let Some(peer) = end.peer.and_then(|peer| self.ends.get(peer)) else {
            return Ok(PERMIT);
        };
        if end.is_over || peer.is_deaf() {
            return Ok(PERMIT);
        }
        let waiting = peer.incoming.len();
        #[cfg(feature = "script")]
        if let Some(window) = peer.window {
            return Ok((window as usize).saturating_sub(waiting).min(PERMIT));
        }
        let limit = self.config.limits.pipe.max(PERMIT);
        // A buffer that has to grow is there twice for a moment.
        let ample = self.memory.is_ample_for(2 * (waiting + PERMIT));
        Ok(match ample {
            true if waiting + PERMIT <= limit => PERMIT,
            true => 0,
            false => MINIMUM.saturating_sub(waiting),
        })
    }

    /// Whether a write of anything says that the connection has ended.
    pub fn write_fails(&self, id: EndId) -> bool {
        let end = self.ends.get(id.0);
        end.is_none_or(|end| end.is_over || end.output_ended.is_some())
    }

    /// The end that reads what is written to one, if nothing waits for it yet: bytes may be handed to
    /// it past the network.
    pub fn waiting_reader(&self, id: EndId) -> Option<EndId> {
        let end = self.ends.get(id.0)?;
        let reader = self.ends.get(end.peer?)?;
        let passes = !self.write_fails(id) && !reader.is_deaf() && reader.incoming.len() == 0;
        end.peer.filter(|_| passes).map(EndId)
    }

    /// Leaves something to be read at an end, for bytes that were handed to it past the network and
    /// are never read.
    pub fn leave_unread(&mut self, id: EndId) {
        if let Some(end) = self.ends.get_mut(id.0)
            && end.incoming.reserve(1, &mut self.memory)
        {
            let _ = end.incoming.extend(1);
        }
    }

    /// Writes `count` bytes, which `fill` puts into at most two runs. It is not called for bytes
    /// that nobody will read.
    ///
    /// # Errors
    ///
    /// How the stream has ended, which may be at this moment, or that
    /// [`writable`](Self::writable) did not permit so much.
    pub fn write_with(
        &mut self,
        id: EndId,
        count: usize,
        mut fill: impl FnMut(&mut [u8]),
    ) -> Result<(), WriteError> {
        let Some(reader) = self.begin_write(id, count)? else {
            return Ok(());
        };
        #[cfg(feature = "script")]
        if let Some(play) = &mut self.play {
            play.note_write(reader, count);
        }
        let reader = self.ends.get_mut(reader);
        for run in reader
            .and_then(|it| it.incoming.extend(count))
            .into_iter()
            .flatten()
        {
            if !run.is_empty() {
                fill(run);
            }
        }
        Ok(())
    }

    /// Makes room for a write at the end that reads it, if one does.
    fn begin_write(&mut self, id: EndId, count: usize) -> Result<Option<u32>, WriteError> {
        let closed = WriteError::Ended(StreamEnd::Closed);
        let end = self.ends.get_mut(id.0).ok_or(closed)?;
        if let Some(ended) = end.output_ended {
            return Err(WriteError::Ended(ended));
        }
        if count > end.permit {
            return Err(WriteError::NotPermitted);
        }
        if count == 0 {
            return Ok(None);
        }
        end.permit = 0;
        if end.is_over {
            let ended = match end.fault.take() {
                Some(Fault::Reset) => StreamEnd::Failed(ErrorCode::ConnectionReset),
                Some(Fault::Broken) | None => StreamEnd::Closed,
            };
            end.output_ended = Some(ended);
            return Err(WriteError::Ended(ended));
        }
        let peer = end.peer;
        let reader = peer.and_then(|peer| self.ends.get_mut(peer));
        let Some(reader) = reader.filter(|it| !it.is_deaf()) else {
            // The kernel takes the bytes, and is told then that they came to nobody.
            self.reset(id.0);
            if let Some(peer) = peer {
                self.end_connection(peer);
            }
            return Ok(None);
        };
        match reader.incoming.reserve(count, &mut self.memory) {
            true => Ok(peer),
            false => Err(self.fail(id)),
        }
    }

    /// Ends an output stream for want of memory.
    fn fail(&mut self, id: EndId) -> WriteError {
        let ended = StreamEnd::Failed(ErrorCode::OutOfMemory);
        self.drop_output(id);
        if let Some(end) = self.ends.get_mut(id.0) {
            end.output_ended = Some(ended);
        }
        WriteError::Ended(ended)
    }

    /// Moves bytes that wait at one end into the output stream of another, no more than `max` and
    /// than may be written there. How many they were.
    ///
    /// # Errors
    ///
    /// How the output stream has ended, or else the input stream.
    pub fn splice(&mut self, to: EndId, from: EndId, max: usize) -> Result<usize, StreamEnd> {
        let permit = self.writable(to)?;
        if permit.min(max) == 0 {
            return Ok(0);
        }
        let count = self.readable(from, permit.min(max))?;
        // What one end reads may be what is written at the other.
        let mut bytes = Vec::with_capacity(count);
        self.read_with(from, count, |run| bytes.extend_from_slice(run));
        let mut rest = bytes.as_slice();
        let written = self.write_with(to, count, |run| {
            if let Some((front, back)) = rest.split_at_checked(run.len()) {
                run.copy_from_slice(front);
                rest = back;
            }
        });
        match written {
            Err(WriteError::Ended(ended)) => Err(ended),
            Err(WriteError::NotPermitted) | Ok(()) => Ok(count),
        }
    }

    /// Flushes an output stream, which has nothing to do.
    ///
    /// # Errors
    ///
    /// How the stream has ended.
    pub fn flush(&self, id: EndId) -> Result<(), StreamEnd> {
        let end = self.ends.get(id.0).ok_or(StreamEnd::Closed)?;
        end.output_ended.map_or(Ok(()), Err)
    }
}
