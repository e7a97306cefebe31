//! The ends of TCP connections, and the streams of each.
//!
//! Nothing is ever in flight: what one end writes waits at the other. What is left of TCP are the
//! two ways in which a peer goes away. A `FIN` says that nothing more comes, which a reader finds
//! behind the last byte. A `RST` says that nothing is read any more, which whoever writes or reads
//! next is told once.

use crate::pipe::Pipe;
use crate::ports::Binding;
use crate::{EndId, ErrorCode, Network};
use alloc::vec::Vec;
use core::net::SocketAddr;

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

/// What the kernel tells the next one who asks, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The peer went away without an end of its stream: `ECONNRESET`.
    Reset,
    /// The peer went away after the end of its stream: `EPIPE`.
    Broken,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// How many hold it: its socket, and streams that outlive it.
    holders: u32,
    /// The other end, or itself. It is gone once everyone there has let go.
    peer: Option<u32>,
    binding: Binding,
    remote: SocketAddr,
    /// What the peer has sent.
    incoming: Pipe,
    /// Whether `incoming` is read no more.
    input_ended: bool,
    /// How the output stream ended, if it has. The peer was sent a `FIN` then.
    output_ended: Option<StreamEnd>,
    /// Whether the peer has sent a `FIN`.
    is_last: bool,
    /// Whether the connection is over, by a `RST` or by a `FIN` from both.
    is_over: bool,
    fault: Option<Fault>,
    /// How much may be written.
    permit: usize,
}

impl End {
    pub(crate) fn new(binding: Binding, remote: SocketAddr) -> Self {
        End {
            holders: 1,
            peer: None,
            binding,
            remote,
            incoming: Pipe::default(),
            input_ended: false,
            output_ended: None,
            is_last: false,
            is_over: false,
            fault: None,
            permit: 0,
        }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.binding.address
    }

    /// Where it is connected to, which Linux no longer tells of a connection that is over.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        (!self.is_over).then_some(self.remote)
    }

    /// Whether what is sent here is answered with a `RST`: nothing is read here any more, and
    /// nothing comes from here.
    fn is_deaf(&self) -> bool {
        self.input_ended && self.output_ended.is_some()
    }
}

/// The opening and closing of connections.
impl Network {
    /// Makes two ends the ends of a connection.
    pub(crate) fn join(&mut self, here: u32, there: u32) {
        for (end, peer) in [(here, there), (there, here)] {
            if let Some(end) = self.ends.get_mut(end) {
                end.peer = Some(peer);
                let local = end.binding.address;
                self.ports.connect(end.binding.space, local, end.remote);
            }
        }
    }

    /// Counts one more who holds an end. Its connection stays until all have let go.
    pub fn end_retain(&mut self, id: EndId) {
        if let Some(end) = self.ends.get_mut(id.0) {
            end.holders = end.holders.saturating_add(1);
        }
    }

    /// Lets an end go. With the last one it is closed: both its streams end, and where something was
    /// not read, the peer is told so.
    pub fn end_release(&mut self, id: EndId) {
        let Some(end) = self.ends.get_mut(id.0) else {
            return;
        };
        end.holders = end.holders.saturating_sub(1);
        if end.holders == 0 {
            self.drop_input(id);
            self.drop_output(id);
            self.close(id.0);
        }
    }

    /// Closes an end that nobody has ever held.
    pub(crate) fn abort(&mut self, number: u32) {
        if let Some(peer) = self.ends.get(number).and_then(|it| it.peer) {
            self.reset(peer);
        }
        self.close(number);
    }

    fn close(&mut self, number: u32) {
        let Some(end) = self.ends.get(number) else {
            return;
        };
        let peer = end.peer.filter(|peer| *peer != number);
        if let Some(peer) = peer {
            if end.incoming.len() > 0 && !end.is_over {
                self.reset(peer);
            }
            if let Some(peer) = self.ends.get_mut(peer) {
                peer.peer = None;
            }
        }
        self.end_connection(number);
        if let Some(mut end) = self.ends.remove(number) {
            end.incoming.clear(&mut self.memory);
            if end.binding.by_number {
                self.ports.release(&end.binding);
            }
        }
    }

    /// What a `RST` does to the end that receives it.
    fn reset(&mut self, number: u32) {
        if let Some(end) = self.ends.get_mut(number)
            && !end.is_over
        {
            end.fault = Some(match end.is_last {
                true => Fault::Broken,
                false => Fault::Reset,
            });
            self.end_connection(number);
        }
    }

    /// Marks a connection as over at one end, which gives its address up.
    fn end_connection(&mut self, number: u32) {
        let Some(end) = self.ends.get_mut(number) else {
            return;
        };
        if end.is_over {
            return;
        }
        end.is_over = true;
        let Binding { space, address, .. } = end.binding;
        self.ports.disconnect(space, address, end.remote);
        // A port that was asked for by number stays until the end is closed.
        if !end.binding.by_number {
            self.ports.release(&end.binding);
        }
    }

    /// Ends the input stream of an end. What comes later waits for nobody.
    ///
    /// This is a drop of a stream of 0.3. In 0.2 the socket keeps both its streams: that a program
    /// drops one of them ends nothing before it drops the socket.
    pub fn drop_input(&mut self, id: EndId) {
        if let Some(end) = self.ends.get_mut(id.0) {
            end.input_ended = true;
        }
    }

    /// Ends the output stream of an end: the peer reads the end of it. When to, is as for
    /// [`drop_input`](Self::drop_input).
    pub fn drop_output(&mut self, id: EndId) {
        let Some(end) = self.ends.get_mut(id.0) else {
            return;
        };
        if end.output_ended.is_some() {
            return;
        }
        end.output_ended = Some(StreamEnd::Closed);
        if end.is_over {
            return;
        }
        let peer = end.peer;
        if let Some(peer) = peer.and_then(|peer| self.ends.get_mut(peer)) {
            peer.is_last = true;
        }
        // With the second `FIN` the connection is over, at both ends.
        if self.ends.get(id.0).is_some_and(|it| it.is_last) {
            self.end_connection(id.0);
            if let Some(peer) = peer {
                self.end_connection(peer);
            }
        }
    }
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
        let limit = self.config.limits.pipe.max(PERMIT);
        // A buffer that has to grow is there twice for a moment.
        let ample = self.memory.is_ample_for(2 * (waiting + PERMIT));
        Ok(match ample {
            true if waiting + PERMIT <= limit => PERMIT,
            true => 0,
            false => MINIMUM.saturating_sub(waiting),
        })
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
