//! UDP sockets.

use crate::options::Options;
use crate::ports::{Binding, Space};
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
struct Datagram {
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
    fn memory(len: usize) -> usize {
        len.saturating_add(size_of::<Datagram>())
    }
}

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    family: Family,
    /// Whether `finish-bind` is still to come.
    is_binding: bool,
    /// Whether it was ever bound, which is all that wasmtime asks.
    is_bound: bool,
    /// Its address. The port is 0 where it has none, or lost it with its peer.
    local: SocketAddr,
    /// Whether the address was asked for by number, and whether the port was. They stay then.
    by_number: Bound,
    remote: Option<SocketAddr>,
    options: Options,
    queue: VecDeque<Datagram>,
    /// What the queue takes of the receive buffer.
    charged: u64,
    /// Whether a datagram came to nobody, which the next operation is told.
    is_refused: bool,
    permit: u64,
}

/// What of an address was asked for by number.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    ip: bool,
    port: bool,
}

impl Socket {
    fn new(family: Family) -> Self {
        Socket {
            family,
            is_binding: false,
            is_bound: false,
            local: SocketAddr::new(family.unspecified(), 0),
            by_number: Bound::default(),
            remote: None,
            options: Options::UDP,
            queue: VecDeque::new(),
            charged: 0,
            is_refused: false,
            permit: 0,
        }
    }

    /// What it has of the ports, if it has any.
    fn binding(&self) -> Option<Binding> {
        (self.local.port() != 0).then_some(Binding {
            space: Space::udp(self.family),
            address: self.local,
            shared: false,
            by_number: self.by_number.port,
        })
    }

    /// The address that datagrams of it come from.
    fn source(&self) -> SocketAddr {
        let mut source = self.local;
        if source.ip().is_unspecified() {
            source.set_ip(self.family.source());
        }
        source
    }

    /// The first datagram that waits, leaving out those that came before the socket was connected to
    /// someone else.
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

    fn hears(&self, from: SocketAddr) -> bool {
        self.remote.is_none_or(|remote| remote == from)
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

/// What every socket has.
impl Network {
    fn datagrams(&self, id: UdpId) -> Result<&Socket, ErrorCode> {
        self.udp.get(id.0).ok_or(ErrorCode::InvalidState)
    }

    fn datagrams_mut(&mut self, id: UdpId) -> Result<&mut Socket, ErrorCode> {
        self.udp.get_mut(id.0).ok_or(ErrorCode::InvalidState)
    }

    /// Creates a socket.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NewSocketLimit`].
    pub fn udp_create(&mut self, family: Family) -> Result<UdpId, ErrorCode> {
        let number = self.udp.insert(Socket::new(family));
        number.map(UdpId).ok_or(ErrorCode::NewSocketLimit)
    }

    /// Binds a socket. It is bound when this returns, as in wasmtime. Streams of the socket, which
    /// make this [`ErrorCode::InvalidState`], are the caller's to know.
    ///
    /// # Errors
    ///
    /// Those of `start-bind`; [`ErrorCode::AddressNotBindable`] for what is not inside.
    pub fn udp_start_bind(&mut self, id: UdpId, local: SocketAddr) -> Result<(), ErrorCode> {
        let socket = self.datagrams(id)?;
        if socket.is_binding {
            return Err(ErrorCode::ConcurrencyConflict);
        }
        if socket.is_bound {
            return Err(ErrorCode::InvalidState);
        }
        if !socket.family.has(local.ip()) {
            return Err(ErrorCode::InvalidArgument);
        }
        if !address::is_inside(local.ip()) {
            return Err(ErrorCode::AddressNotBindable);
        }
        self.bind_datagrams(id, address::plain(local))?;
        let socket = self.datagrams_mut(id)?;
        socket.by_number = Bound {
            ip: !local.ip().is_unspecified(),
            port: local.port() != 0,
        };
        socket.is_binding = true;
        Ok(())
    }

    /// Ends what [`udp_start_bind`](Self::udp_start_bind) began.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotInProgress`].
    pub fn udp_finish_bind(&mut self, id: UdpId) -> Result<(), ErrorCode> {
        match core::mem::take(&mut self.datagrams_mut(id)?.is_binding) {
            true => Ok(()),
            false => Err(ErrorCode::NotInProgress),
        }
    }

    fn bind_datagrams(&mut self, id: UdpId, local: SocketAddr) -> Result<(), ErrorCode> {
        let socket = self.udp.get_mut(id.0).ok_or(ErrorCode::InvalidState)?;
        let binding = self.ports.bind(Space::udp(socket.family), local, false)?;
        self.ports.reach(&binding, Some(id.0));
        socket.local = binding.address;
        socket.is_bound = true;
        Ok(())
    }

    /// Gives a socket a port if it has none, as the kernel does before it sends or connects.
    fn bind_implicitly(&mut self, id: UdpId) -> Result<(), ErrorCode> {
        match self.datagrams(id)?.local {
            local if local.port() == 0 => self.bind_datagrams(id, local),
            _ => Ok(()),
        }
    }

    /// Moves a socket to another address, whoever else has it.
    fn move_datagrams(&mut self, id: UdpId, local: SocketAddr) {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return;
        };
        if let Some(binding) = socket.binding() {
            self.ports.release(&binding);
        }
        socket.local = local;
        if let Some(binding) = socket.binding() {
            self.ports.hold(&binding);
            self.ports.reach(&binding, Some(id.0));
        }
    }

    /// What `stream` of 0.2 does to a socket: connects it, or disconnects it. That the streams from
    /// before are gone is the caller's to know.
    ///
    /// # Errors
    ///
    /// Those of `stream`; [`Config::outside_send`](crate::Config::outside_send) for what is not
    /// inside.
    pub fn udp_stream(&mut self, id: UdpId, remote: Option<SocketAddr>) -> Result<(), ErrorCode> {
        let socket = self.datagrams(id)?;
        if !socket.is_bound {
            return Err(ErrorCode::InvalidState);
        }
        match remote {
            Some(remote) => self.udp_connect(id, remote),
            None if socket.remote.is_some() => self.udp_disconnect(id),
            None => Ok(()),
        }
    }

    /// Connects a socket, which binds it if it is not bound.
    ///
    /// # Errors
    ///
    /// Those of `connect` of 0.3; [`Config::outside_send`](crate::Config::outside_send) for what is
    /// not inside.
    pub fn udp_connect(&mut self, id: UdpId, remote: SocketAddr) -> Result<(), ErrorCode> {
        let socket = self.datagrams(id)?;
        if !socket.family.has(remote.ip()) || !address::is_remote(remote) {
            return Err(ErrorCode::InvalidArgument);
        }
        if !address::is_inside(remote.ip()) {
            return Err(self.config.outside_send);
        }
        self.bind_implicitly(id)?;
        if address::is_broadcast(remote.ip()) {
            return Err(ErrorCode::AccessDenied);
        }
        let socket = self.datagrams_mut(id)?;
        socket.remote = Some(address::plain(remote));
        // A wildcard becomes the address that datagrams are sent from.
        let (local, source) = (socket.local, socket.source());
        if local != source {
            self.move_datagrams(id, source);
        }
        Ok(())
    }

    /// Disconnects a socket. What of its address was not asked for by number is lost, as on Linux.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] unless the socket is connected.
    pub fn udp_disconnect(&mut self, id: UdpId) -> Result<(), ErrorCode> {
        let socket = self.datagrams_mut(id)?;
        socket.remote.take().ok_or(ErrorCode::InvalidState)?;
        let mut local = socket.local;
        if !socket.by_number.ip {
            local.set_ip(socket.family.unspecified());
        }
        if !socket.by_number.port {
            local.set_port(0);
        }
        self.move_datagrams(id, local);
        Ok(())
    }

    /// The address that a socket has.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] unless the socket is bound.
    pub fn udp_local_address(&self, id: UdpId) -> Result<SocketAddr, ErrorCode> {
        let socket = self.datagrams(id)?;
        match socket.is_bound {
            true => Ok(socket.local),
            false => Err(ErrorCode::InvalidState),
        }
    }

    /// The address that a socket is connected to.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] unless the socket is connected.
    pub fn udp_remote_address(&self, id: UdpId) -> Result<SocketAddr, ErrorCode> {
        self.datagrams(id)?.remote.ok_or(ErrorCode::InvalidState)
    }

    /// The address family of a socket.
    pub fn udp_family(&self, id: UdpId) -> Family {
        self.udp.get(id.0).map_or(Family::V4, |it| it.family)
    }

    /// An option of a socket.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotSupported`] for an option of TCP.
    pub fn udp_option(&self, id: UdpId, option: SocketOption) -> Result<u64, ErrorCode> {
        match option.is_of_udp() {
            true => Ok(self.datagrams(id)?.options.get(option)),
            false => Err(ErrorCode::NotSupported),
        }
    }

    /// Sets an option of a socket.
    ///
    /// # Errors
    ///
    /// Those of the option's function, and [`ErrorCode::NotSupported`] for an option of TCP.
    pub fn udp_set_option(
        &mut self,
        id: UdpId,
        option: SocketOption,
        value: u64,
    ) -> Result<(), ErrorCode> {
        if !option.is_of_udp() {
            return Err(ErrorCode::NotSupported);
        }
        option.check_late(value)?;
        self.datagrams_mut(id)?.options.set(option, value);
        Ok(())
    }

    /// Drops a socket, and what it has not received.
    pub fn udp_drop(&mut self, id: UdpId) {
        let Some(socket) = self.udp.remove(id.0) else {
            return;
        };
        for datagram in &socket.queue {
            self.memory.discharge(Datagram::memory(datagram.data.len()));
        }
        if let Some(binding) = socket.binding() {
            self.ports.release(&binding);
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
        self.datagrams_mut(id)?.permit = AT_ONCE;
        Ok(AT_ONCE)
    }

    /// Begins a `send` of so many datagrams, and says whether it may: wasmtime traps otherwise. Each
    /// of them is sent on its own, until one fails.
    pub fn udp_begin_send(&mut self, id: UdpId, count: u64) -> bool {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return false;
        };
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
            None => {
                // An ICMP message says so, to a connected socket only.
                let socket = self.datagrams_mut(id)?;
                socket.is_refused = socket.remote.is_some();
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
        match address::is_inside(to.ip()) {
            true => Ok(address::plain(to)),
            false => Err(self.config.outside_send),
        }
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
    fn deliver(&mut self, number: u32, from: SocketAddr, len: usize) -> Option<&mut [u8]> {
        let socket = self.udp.get_mut(number)?;
        let charged = socket.charged.saturating_add(Datagram::charge(len));
        // Linux counts twice what wasmtime says, and lets one datagram in whatever its length.
        let limit = 2 * socket.options.get(SocketOption::ReceiveBuffer);
        let memory = Datagram::memory(len);
        if charged > limit && socket.charged > 0 || !self.memory.is_ample_for(memory) {
            return None;
        }
        self.memory.charge(memory);
        socket.charged = charged;
        let data = vec![0; len].into_boxed_slice();
        socket.queue.push_back(Datagram { from, data });
        socket.queue.back_mut().map(|it| &mut *it.data)
    }
}

/// Receiving.
impl Network {
    /// Whether the pollable of the incoming stream is ready.
    pub fn udp_input_ready(&mut self, id: UdpId) -> bool {
        self.forget_strangers(id);
        let socket = self.udp.get(id.0);
        socket.is_none_or(|it| !it.is_bound || it.is_refused || !it.queue.is_empty())
    }

    /// Drops what a connected socket got from others before it was connected. wasmtime does so as it
    /// reads, and does not get to it where an error comes first.
    fn forget_strangers(&mut self, id: UdpId) {
        let Some(socket) = self.udp.get_mut(id.0) else {
            return;
        };
        if socket.is_refused {
            return;
        }
        while let Some(first) = socket.queue.front()
            && !socket.hears(first.from)
        {
            if let Some(datagram) = socket.next() {
                self.memory.discharge(Datagram::memory(datagram.data.len()));
            }
        }
    }

    /// Length and sender of the datagram that is received next, if one waits.
    pub fn udp_peek(&mut self, id: UdpId) -> Option<(usize, SocketAddr)> {
        self.forget_strangers(id);
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
        self.forget_strangers(id);
        let socket = self.udp.get_mut(id.0).ok_or(ErrorCode::InvalidState)?;
        if !socket.is_bound {
            return Err(ErrorCode::InvalidState);
        }
        socket.check_refused()?;
        let datagram = socket.next();
        if let Some(datagram) = &datagram {
            self.memory.discharge(Datagram::memory(datagram.data.len()));
        }
        Ok(datagram)
    }
}
