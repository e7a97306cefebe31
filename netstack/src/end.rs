//! The ends of TCP connections: how they open and close.
//!
//! Nothing is ever in flight: what one end writes waits at the other. What is left of TCP are the
//! two ways in which a peer goes away. A `FIN` says that nothing more comes, which a reader finds
//! behind the last byte. A `RST` says that nothing is read any more, which whoever writes or reads
//! next is told once.

use crate::pipe::Pipe;
use crate::ports::Binding;
use crate::{EndId, Network, StreamEnd};
use core::net::SocketAddr;

/// What the kernel tells the next one who asks, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The peer went away without an end of its stream: `ECONNRESET`.
    Reset,
    /// The peer went away after the end of its stream: `EPIPE`.
    Broken,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// How many hold it: its socket, and streams that outlive it.
    pub(crate) holders: u32,
    /// The other end, or itself. It is gone once everyone there has let go.
    pub(crate) peer: Option<u32>,
    pub(crate) binding: Binding,
    pub(crate) remote: SocketAddr,
    /// What the peer has sent.
    pub(crate) incoming: Pipe,
    /// Whether `incoming` is read no more.
    pub(crate) input_ended: bool,
    /// How the output stream ended, if it has. The peer was sent a `FIN` then.
    pub(crate) output_ended: Option<StreamEnd>,
    /// Whether there is no output stream.
    pub(crate) is_silent: bool,
    /// Whether the peer has sent a `FIN`.
    pub(crate) is_last: bool,
    /// Whether the connection is over, by a `RST` or by a `FIN` from both.
    pub(crate) is_over: bool,
    pub(crate) fault: Option<Fault>,
    /// How much may be written.
    pub(crate) permit: usize,
    /// How much may wait in `incoming`, where that was said.
    #[cfg(feature = "script")]
    pub(crate) window: Option<u32>,
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
            is_silent: false,
            is_last: false,
            is_over: false,
            fault: None,
            permit: 0,
            #[cfg(feature = "script")]
            window: None,
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
    pub(crate) fn is_deaf(&self) -> bool {
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
            let is_reset = end.is_silent && end.incoming.len() > 0;
            self.drop_input(id);
            if !is_reset {
                self.drop_output(id);
            }
            self.close(id.0);
        }
    }

    /// Says whether an end has no output stream. With the stream its `FIN` would be sent before what
    /// was not read is found, so that the peer is not told of a reset.
    pub fn end_set_silent(&mut self, id: EndId, is_silent: bool) {
        if let Some(end) = self.ends.get_mut(id.0) {
            end.is_silent = is_silent;
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
    pub(crate) fn reset(&mut self, number: u32) {
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
    pub(crate) fn end_connection(&mut self, number: u32) {
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

    /// The other end of a connection, or the same where it is connected to itself; `None` once that
    /// is gone.
    pub fn end_peer(&self, id: EndId) -> Option<EndId> {
        self.ends.get(id.0)?.peer.map(EndId)
    }

    /// The two addresses of a connection, as one of its ends sees them.
    pub fn end_addresses(&self, id: EndId) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let end = self.ends.get(id.0);
        (end.map(End::local), end.and_then(End::remote))
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
