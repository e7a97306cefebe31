//! UDP sockets: where they are bound and connected to.

use crate::datagram::Datagram;
use crate::options::Options;
use crate::ports::{Binding, Space};
use crate::{ErrorCode, Family, Network, SocketOption, UdpId, address};
use alloc::collections::VecDeque;
use core::net::SocketAddr;

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) family: Family,
    /// Whether `finish-bind` is still to come.
    pub(crate) is_binding: bool,
    /// Whether it was ever bound, which is all that wasmtime asks.
    pub(crate) is_bound: bool,
    /// Its address. The port is 0 where it has none, or lost it with its peer.
    pub(crate) local: SocketAddr,
    /// Whether the address was asked for by number, and whether the port was. They stay then.
    pub(crate) by_number: Bound,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) options: Options,
    pub(crate) queue: VecDeque<Datagram>,
    /// What the queue takes of the receive buffer.
    pub(crate) charged: u64,
    /// Whether a datagram came to nobody, which the next operation is told.
    pub(crate) is_refused: bool,
    /// Whether what others sent before it was connected is received all the same, as in 0.3.
    pub(crate) keeps_strangers: bool,
    pub(crate) ahead: Ahead,
    pub(crate) permit: u64,
}

/// What the incoming stream has received before it was asked to. In wasmtime, one that was asked and
/// found nothing goes on in the background: whatever comes next is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// It was not asked. It goes on to `Datagram`, `Refused` or `Nothing`.
    Idle,
    /// It found nothing. It goes on to `Datagram` or `Refused`.
    Nothing,
    /// The first datagram of the queue, which goes before what happens later.
    Datagram,
    /// That a datagram came to nobody. No other operation is told.
    Refused,
}

/// What of an address was asked for by number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bound {
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
            keeps_strangers: false,
            ahead: Ahead::Idle,
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
    pub(crate) fn source(&self) -> SocketAddr {
        let mut source = self.local;
        if address::is_no_source(source.ip()) {
            source.set_ip(self.family.source());
        }
        source
    }
}

impl Network {
    pub(crate) fn datagrams(&self, id: UdpId) -> Result<&Socket, ErrorCode> {
        self.udp.get(id.0).ok_or(ErrorCode::InvalidState)
    }

    pub(crate) fn datagrams_mut(&mut self, id: UdpId) -> Result<&mut Socket, ErrorCode> {
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
    pub(crate) fn bind_implicitly(&mut self, id: UdpId) -> Result<(), ErrorCode> {
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
        let socket = self.datagrams_mut(id)?;
        if !socket.is_bound {
            return Err(ErrorCode::InvalidState);
        }
        // The permit was one of the streams from before.
        socket.permit = 0;
        match remote {
            Some(remote) => {
                self.udp_connect(id, remote)?;
                self.datagrams_mut(id)?.keeps_strangers = false;
                Ok(())
            }
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
        if !self.has_receiver(remote) {
            return Err(self.config.outside_send);
        }
        self.bind_implicitly(id)?;
        if address::is_broadcast(remote.ip()) {
            return Err(ErrorCode::AccessDenied);
        }
        let socket = self.datagrams_mut(id)?;
        socket.remote = Some(address::plain(remote));
        socket.keeps_strangers = true;
        socket.ahead = Ahead::Idle;
        // A wildcard becomes the address that datagrams are sent from.
        let (local, source) = (socket.local, socket.source());
        if local.ip().is_unspecified() {
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
        socket.ahead = Ahead::Idle;
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

    /// The value of an option that was set on a socket.
    pub fn udp_chosen(&self, id: UdpId, option: SocketOption) -> Option<u64> {
        self.udp.get(id.0)?.options.chosen(option)
    }

    /// Where a socket is bound to as it was asked for: a port that was chosen for it is 0 again.
    pub fn udp_asked(&self, id: UdpId) -> Option<SocketAddr> {
        let socket = self.udp.get(id.0).filter(|it| it.is_bound)?;
        let mut asked = socket.local;
        if !socket.by_number.ip {
            asked.set_ip(socket.family.unspecified());
        }
        if !socket.by_number.port {
            asked.set_port(0);
        }
        Some(asked)
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
            self.memory.discharge(datagram.memory());
        }
        if let Some(binding) = socket.binding() {
            self.ports.release(&binding);
        }
    }
}
