//! Sending and receiving datagrams.

use crate::ports::Space;
use crate::udp::{Ahead, Socket};
use crate::{ErrorCode, Family, Network, SocketOption, UdpId, address};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use core::net::SocketAddr;

/// How many datagrams may be sent, and are received, at once, as in wasmtime.
const AT_ONCE: u64 = 16;
/// The longest datagram as wasmtime has it. Those of the kernel are a bit shorter.
const LONGEST: usize = u16::MAX as usize;

/// A datagram that waits to be received.
#[derive(Debug)]
pub(crate) struct Datagram {
    from: SocketAddr,
    data: Box<[u8]>,
}

impl Datagram {
    /// What it takes of the receive buffer: `skb->truesize`, measured on Linux 6.18.
    fn charge(len: usize) -> u64 {
        let charge = match len {
            0..=192 => 832,
            193..=16_000 => 256 + (len + 368).next_power_of_two(),
            _ => len.saturating_add(832),
        };
        charge as u64
    }

    /// What it takes of the network's memory.
    pub(crate) fn memory(&self) -> usize {
        Datagram::memory_of(self.data.len())
    }

    fn memory_of(len: usize) -> usize {
        len.saturating_add(size_of::<Datagram>())
    }
}

impl Socket {
    /// Takes the first datagram out that waits.
    fn next(&mut self) -> Option<Datagram> {
        let datagram = self.queue.pop_front()?;
        self.charged = self
            .charged
            .saturating_sub(Datagram::charge(datagram.data.len()));
        // What was once a burst need not take memory for good.
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(datagram)
    }

    pub(crate) fn hears(&self, from: SocketAddr) -> bool {
        self.remote.is_none_or(|remote| remote == from)
    }

    /// Tells an incoming stream that waits that a datagram came to nobody. In wasmtime that happens in
    /// the background, between two calls.
    fn tell_who_waits(&mut self) {
        if self.ahead == Ahead::Nothing && core::mem::take(&mut self.is_refused) {
            self.ahead = Ahead::Refused;
        }
    }

    fn check_refused(&mut self) -> Result<(), ErrorCode> {
        match core::mem::take(&mut self.is_refused) {
            true => Err(ErrorCode::ConnectionRefused),
            false => Ok(()),
        }
    }

    /// The longest datagram that fits into a packet.
    fn longest(&self) -> usize {
        match self.family {
            Family::V4 => LONGEST - 28,
            Family::V6 => LONGEST - 8,
        }
    }
}

/// Sending.
impl Network {
    /// Whether the pollable of the outgoing stream is ready, which it always is.
    pub fn udp_output_ready(&self, _id: UdpId) -> bool {
        true
    }

    /// How many datagrams the next `send` may have.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] where there is no such socket.
    pub fn udp_check_send(&mut self, id: UdpId) -> Result<u64, ErrorCode> {
        self.udp_check_send_within(id, AT_ONCE)
    }

    /// The same where no more than that many may go.
    ///
    /// # Errors
    ///
    /// Those of [`udp_check_send`](Self::udp_check_send).
    pub fn udp_check_send_within(&mut self, id: UdpId, most: u64) -> Result<u64, ErrorCode> {
        let permit = most.min(AT_ONCE);
        self.datagrams_mut(id)?.permit = permit;
        Ok(permit)
    }

    /// Begins a `send` of so many datagrams, and says whether it may: wasmtime traps otherwise. Each
    /// of them is sent on its own, until one fails.
    pub fn udp_begin_send(&mut self, id: UdpId, count: u64) -> bool {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return false;
        };
        socket.tell_who_waits();
        match count {
            0 => true,
            _ => count <= core::mem::take(&mut socket.permit),
        }
    }

    /// Sends one datagram.
    ///
    /// # Errors
    ///
    /// Those of `send`; [`Config::outside_send`](crate::Config::outside_send) for what is not
    /// inside.
    pub fn udp_send(
        &mut self,
        id: UdpId,
        data: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<(), ErrorCode> {
        self.udp_send_with(id, data.len(), to, |place| place.copy_from_slice(data))
    }

    /// Sends one datagram of a length, which `fill` puts in its place. It is not called for a
    /// datagram that nobody will receive.
    ///
    /// # Errors
    ///
    /// Those of [`udp_send`](Self::udp_send).
    pub fn udp_send_with(
        &mut self,
        id: UdpId,
        len: usize,
        to: Option<SocketAddr>,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), ErrorCode> {
        if let Some(place) = self.send(id, len, to)? {
            fill(place);
        }
        Ok(())
    }

    /// Puts a datagram of zeros where it goes, if it goes anywhere.
    fn send(
        &mut self,
        id: UdpId,
        len: usize,
        to: Option<SocketAddr>,
    ) -> Result<Option<&mut [u8]>, ErrorCode> {
        let to = self.check_destination(id, len, to)?;
        self.bind_implicitly(id)?;
        if address::is_broadcast(to.ip()) {
            return Err(ErrorCode::AccessDenied);
        }
        let socket = self.datagrams_mut(id)?;
        if len > socket.longest() {
            return Err(ErrorCode::DatagramTooLarge);
        }
        socket.check_refused()?;
        let from = socket.source();
        match self.receiver(id, from, to) {
            Some(receiver) => Ok(self.deliver(receiver, from, len)),
            #[cfg(feature = "script")]
            None if self.is_for_script(to) => Ok(self.send_to_script(id, to, len)),
            None => {
                // An ICMP message says so, to a connected socket that has the very address which the
                // datagram came from.
                let socket = self.datagrams_mut(id)?;
                socket.is_refused = socket.remote.is_some() && socket.local == from;
                Ok(None)
            }
        }
    }

    /// What wasmtime checks before it sends, and where the datagram goes.
    fn check_destination(
        &self,
        id: UdpId,
        len: usize,
        to: Option<SocketAddr>,
    ) -> Result<SocketAddr, ErrorCode> {
        if len > LONGEST {
            return Err(ErrorCode::DatagramTooLarge);
        }
        let socket = self.datagrams(id)?;
        if let Some(to) = to {
            if !address::is_remote(to) || !socket.family.has(to.ip()) {
                return Err(ErrorCode::InvalidArgument);
            }
            if socket.remote.is_some_and(|remote| remote != to) {
                return Err(ErrorCode::InvalidArgument);
            }
        }
        let to = to.or(socket.remote).ok_or(ErrorCode::InvalidArgument)?;
        match self.has_receiver(to) {
            true => Ok(address::plain(to)),
            false => Err(self.config.outside_send),
        }
    }

    /// Whether datagrams to an address are this network's business.
    pub(crate) fn has_receiver(&self, to: SocketAddr) -> bool {
        #[cfg(feature = "script")]
        if self.is_for_script(to) {
            return true;
        }
        address::is_inside(to.ip())
    }

    /// Who receives what goes from one address to another: who has that very address, or the
    /// wildcard, and hears the sender.
    fn receiver(&self, id: UdpId, from: SocketAddr, to: SocketAddr) -> Option<u32> {
        let space = Space::udp(self.udp.get(id.0)?.family);
        let reached = self.ports.reached(space, to).into_iter().flatten();
        let mut hearing = reached.filter(|it| self.udp.get(*it).is_some_and(|it| it.hears(from)));
        hearing.next()
    }

    /// Puts a datagram of zeros into a socket's queue, unless the queue is full.
    pub(crate) fn deliver(
        &mut self,
        number: u32,
        from: SocketAddr,
        len: usize,
    ) -> Option<&mut [u8]> {
        let socket = self.udp.get_mut(number)?;
        let charged = socket.charged.saturating_add(Datagram::charge(len));
        // Linux counts twice what wasmtime says, and lets one datagram in whatever its length.
        let limit = 2 * socket.options.get(SocketOption::ReceiveBuffer);
        let memory = Datagram::memory_of(len);
        if charged > limit && socket.charged > 0 || !self.memory.is_ample_for(memory) {
            return None;
        }
        self.memory.charge(memory);
        socket.charged = charged;
        socket.tell_who_waits();
        if socket.ahead == Ahead::Nothing {
            socket.ahead = Ahead::Datagram;
        }
        let data = vec![0; len].into_boxed_slice();
        socket.queue.push_back(Datagram { from, data });
        socket.queue.back_mut().map(|it| &mut *it.data)
    }
}

/// Receiving.
impl Network {
    /// Whether the pollable of the incoming stream is ready.
    pub fn udp_input_ready(&mut self, id: UdpId) -> bool {
        self.look_ahead(id);
        let socket = self.udp.get(id.0);
        socket.is_none_or(|it| !it.is_bound || it.ahead != Ahead::Nothing)
    }

    /// Has the incoming stream receive ahead, if there is something.
    fn look_ahead(&mut self, id: UdpId) {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return;
        };
        if let Ahead::Datagram | Ahead::Refused = socket.ahead {
            return;
        }
        if core::mem::take(&mut socket.is_refused) {
            socket.ahead = Ahead::Refused;
            return;
        }
        self.forget_strangers(id);
        if let Some(socket) = self.udp.get_mut(id.0) {
            socket.ahead = match socket.queue.is_empty() {
                true => Ahead::Nothing,
                false => Ahead::Datagram,
            };
        }
    }

    /// Drops the incoming stream, and the error that it was told. A datagram that it has received
    /// ahead stays, unlike in wasmtime.
    pub fn udp_drop_input(&mut self, id: UdpId) {
        if let Some(socket) = self.udp.get_mut(id.0) {
            socket.tell_who_waits();
            socket.ahead = Ahead::Idle;
        }
    }

    /// Drops what a connected socket got from others before it was connected. wasmtime does so as it
    /// reads a stream of 0.2.
    fn forget_strangers(&mut self, id: UdpId) {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return;
        };
        while let Some(first) = socket.queue.front()
            && !(socket.hears(first.from) || socket.keeps_strangers)
        {
            if let Some(datagram) = socket.next() {
                self.memory.discharge(datagram.memory());
            }
        }
    }

    /// Length and sender of the datagram that is received next, if one waits.
    pub fn udp_peek(&mut self, id: UdpId) -> Option<(usize, SocketAddr)> {
        self.look_ahead(id);
        let first = self.udp.get(id.0)?.queue.front()?;
        Some((first.data.len(), first.from))
    }

    /// Receives a datagram, or says that none waits.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] unless the socket is bound, and
    /// [`ErrorCode::ConnectionRefused`] once for datagrams that came to nobody.
    pub fn udp_receive_with(
        &mut self,
        id: UdpId,
        take: impl FnOnce(&[u8], SocketAddr),
    ) -> Result<bool, ErrorCode> {
        match self.receive(id)? {
            Some(datagram) => {
                take(&datagram.data, datagram.from);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn receive(&mut self, id: UdpId) -> Result<Option<Datagram>, ErrorCode> {
        if !self.datagrams(id)?.is_bound {
            return Err(ErrorCode::InvalidState);
        }
        self.look_ahead(id);
        let socket = self.datagrams_mut(id)?;
        let datagram = match socket.ahead {
            Ahead::Idle | Ahead::Nothing => return Ok(None),
            Ahead::Datagram => socket.next(),
            Ahead::Refused => None,
        };
        socket.ahead = Ahead::Idle;
        let datagram = datagram.ok_or(ErrorCode::ConnectionRefused)?;
        self.memory.discharge(datagram.memory());
        Ok(Some(datagram))
    }
}
