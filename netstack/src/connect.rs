//! Connecting TCP sockets.

use crate::end::End;
use crate::ports::{Binding, Space};
use crate::tcp::{Incoming, Operation, State};
use crate::{EndId, ErrorCode, Family, Network, TcpId, address};
use core::net::SocketAddr;

/// What a socket does to connect, once it is known that somebody listens.
pub(crate) struct Connect {
    pub(crate) space: Space,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// Where the socket was bound to.
    pub(crate) binding: Option<Binding>,
}

impl Network {
    /// Begins to connect a socket.
    ///
    /// # Errors
    ///
    /// Those of `start-connect`.
    pub fn tcp_start_connect(&mut self, id: TcpId, remote: SocketAddr) -> Result<(), ErrorCode> {
        let socket = self.socket_mut(id)?;
        socket.idle()?;
        if !matches!(socket.state, State::Default) {
            return Err(ErrorCode::InvalidState);
        }
        let ip = remote.ip();
        if !address::is_unicast(ip) || !address::is_remote(remote) || !socket.family.has(ip) {
            return Err(ErrorCode::InvalidArgument);
        }
        socket.state = State::Connecting(address::plain(remote));
        socket.operation = Some(Operation::Connect);
        Ok(())
    }

    /// Takes back what [`tcp_start_connect`](Self::tcp_start_connect) began, as if it had not been
    /// called.
    pub fn tcp_withdraw_connect(&mut self, id: TcpId) {
        if let Some(socket) = self.tcp.get_mut(id.0)
            && matches!(socket.state, State::Connecting(_))
        {
            socket.state = State::Default;
            socket.operation = None;
        }
        #[cfg(feature = "script")]
        if let Some(play) = &mut self.play {
            play.forget(id.0);
        }
    }

    /// Ends what [`tcp_start_connect`](Self::tcp_start_connect) began, and gives the socket's end of
    /// the connection.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::WouldBlock`] as long as the listener has no room, [`ErrorCode::NotInProgress`],
    /// and how the connect failed.
    pub fn tcp_finish_connect(&mut self, id: TcpId) -> Result<EndId, ErrorCode> {
        if self.socket(id)?.operation != Some(Operation::Connect) {
            return Err(ErrorCode::NotInProgress);
        }
        self.try_connect(id);
        let socket = self.socket_mut(id)?;
        let result = match socket.state {
            State::Connecting(_) => return Err(ErrorCode::WouldBlock),
            State::Connected(end) => Ok(EndId(end)),
            State::Closed(code) => Err(code),
            State::Default | State::Listening(_) => Err(ErrorCode::InvalidState),
        };
        socket.operation = None;
        result
    }

    /// Connects a socket that is to be, unless the listener has no room.
    pub(crate) fn try_connect(&mut self, id: TcpId) {
        let Some(socket) = self.tcp.get(id.0) else {
            return;
        };
        let State::Connecting(remote) = socket.state else {
            return;
        };
        let (family, binding) = (socket.family, socket.binding);
        #[cfg(feature = "script")]
        let result = match self.connect_to_peer(id.0, family, binding, remote) {
            Some(result) => result,
            None => self.connect(family, binding, remote),
        };
        #[cfg(not(feature = "script"))]
        let result = self.connect(family, binding, remote);
        let state = match result {
            Err(ErrorCode::WouldBlock) => return,
            Ok(end) => State::Connected(end),
            Err(code) => {
                // wasmtime closes the kernel's socket.
                if let Some(binding) = binding {
                    self.ports.release(&binding);
                }
                State::Closed(code)
            }
        };
        if let Some(socket) = self.tcp.get_mut(id.0) {
            socket.state = state;
            socket.binding = None;
        }
    }

    /// What the kernel does for `connect(2)`.
    fn connect(
        &mut self,
        family: Family,
        binding: Option<Binding>,
        remote: SocketAddr,
    ) -> Result<u32, ErrorCode> {
        if !address::is_inside(remote.ip()) {
            return Err(self.config.outside_connect);
        }
        if address::is_broadcast(remote.ip()) {
            return Err(ErrorCode::RemoteUnreachable);
        }
        let space = Space::tcp(family);
        let mut local = match binding {
            Some(binding) => binding.address,
            None => SocketAddr::new(family.unspecified(), 0),
        };
        if address::is_no_source(local.ip()) {
            local.set_ip(family.source());
        }
        if binding.is_some() && self.ports.is_connected(space, local, remote) {
            return Err(ErrorCode::AddressNotBindable);
        }
        let connect = Connect {
            space,
            local,
            remote,
            binding,
        };
        // A socket that connects to itself meets its own greeting, which the kernel takes for the
        // peer's before it looks for a listener.
        if local == remote {
            return self.connect_to_itself(connect);
        }
        let listener = self.ports.reached(space, remote);
        let listener = listener.into_iter().flatten().next();
        self.connect_to(connect, listener.ok_or(ErrorCode::ConnectionRefused)?)
    }

    fn connect_to_itself(&mut self, mut connect: Connect) -> Result<u32, ErrorCode> {
        if !self.ends.has_room(1) {
            return Err(ErrorCode::OutOfMemory);
        }
        let binding = self.settle(&mut connect)?;
        let number = self.ends.insert(End::new(binding, connect.remote));
        let number = number.ok_or(ErrorCode::OutOfMemory)?;
        self.join(number, number);
        Ok(number)
    }

    /// Connects to a listener, and gives the end of who connects.
    pub(crate) fn connect_to(&mut self, connect: Connect, listener: u32) -> Result<u32, ErrorCode> {
        let limit = self.config.limits.backlog;
        let socket = self.tcp.get(listener).ok_or(ErrorCode::ConnectionRefused)?;
        let State::Listening(queue) = &socket.state else {
            return Err(ErrorCode::ConnectionRefused);
        };
        let taken = queue.front().is_some_and(|first| first.is_taken);
        // Linux lets one more in than the backlog says.
        if queue.len() - usize::from(taken) > socket.backlog.min(limit) as usize {
            return Err(ErrorCode::WouldBlock);
        }
        let options = socket.options;
        let (here, end) = self.pair(connect)?;
        let listener = self.tcp.get_mut(listener);
        if let Some(State::Listening(queue)) = listener.map(|it| &mut it.state) {
            queue.push_back(Incoming {
                end,
                is_taken: false,
                options,
            });
        }
        Ok(here)
    }

    /// Makes a connection, and gives the end of who connects, and the other one.
    pub(crate) fn pair(&mut self, mut connect: Connect) -> Result<(u32, u32), ErrorCode> {
        if !self.ends.has_room(2) {
            return Err(ErrorCode::OutOfMemory);
        }
        let binding = self.settle(&mut connect)?;
        let there = Binding {
            space: connect.space,
            address: connect.remote,
            // Those of the listener, except that the port is not bound to it.
            shared: true,
            by_number: false,
        };
        self.ports.hold(&there);
        let here = self.ends.insert(End::new(binding, connect.remote));
        let here = here.ok_or(ErrorCode::OutOfMemory)?;
        let end = self.ends.insert(End::new(there, connect.local));
        let end = end.ok_or(ErrorCode::OutOfMemory)?;
        self.join(here, end);
        Ok((here, end))
    }

    /// Gives what connects the address that it has from now on.
    fn settle(&mut self, connect: &mut Connect) -> Result<Binding, ErrorCode> {
        let Connect { space, local, .. } = *connect;
        let binding = match connect.binding {
            Some(binding) => {
                self.ports.release(&binding);
                Binding {
                    address: local,
                    ..binding
                }
            }
            None => {
                let port = self.ports.ephemeral(space, local, Some(connect.remote));
                connect
                    .local
                    .set_port(port.ok_or(ErrorCode::AddressNotBindable)?);
                Binding {
                    space,
                    address: connect.local,
                    shared: false,
                    by_number: false,
                }
            }
        };
        self.ports.hold(&binding);
        Ok(binding)
    }
}
