//! TCP sockets, up to the moment when they are connected.

use crate::end::End;
use crate::options::Options;
use crate::ports::{Binding, Space};
use crate::{EndId, ErrorCode, Family, Network, SocketOption, TcpId, address};
use alloc::collections::VecDeque;
use core::net::SocketAddr;

/// The backlog of a listener that was not told another.
const DEFAULT_BACKLOG: u32 = 128;

/// Which directions of a connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// What the peer sends is no longer read.
    Receive,
    /// The peer reads the end of the stream.
    Send,
    /// Both.
    Both,
}

/// An operation between its `start` and its `finish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Bind,
    Connect,
    Listen,
}

/// What a socket is at.
#[derive(Debug)]
enum State {
    /// The beginning. The socket may be bound. It goes on to `Connecting` or `Listening`.
    Default,
    /// A connect has started. As in wasmtime, it happens when someone asks for its outcome. The
    /// socket goes on to `Connected` or `Closed`.
    Connecting(SocketAddr),
    /// There is a connection. The socket stays here.
    Connected(u32),
    /// Connections come in. The socket stays here.
    Listening(VecDeque<Incoming>),
    /// A connect or a listen has failed. The socket stays here, and this is what most calls say.
    Closed(ErrorCode),
}

/// A connection that waits to be accepted.
#[derive(Debug)]
struct Incoming {
    end: u32,
    /// Those of the listener when the connection came in.
    options: Options,
}

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    family: Family,
    state: State,
    operation: Option<Operation>,
    /// Where it is bound to. Its connection takes it over.
    binding: Option<Binding>,
    backlog: u32,
    options: Options,
}

impl Socket {
    fn new(family: Family, state: State, options: Options) -> Self {
        Socket {
            family,
            state,
            operation: None,
            binding: None,
            backlog: DEFAULT_BACKLOG,
            options,
        }
    }

    /// Begins an operation, of which there is one at a time.
    fn idle(&self) -> Result<(), ErrorCode> {
        match self.operation {
            Some(_) => Err(ErrorCode::ConcurrencyConflict),
            None => Ok(()),
        }
    }

    /// Ends an operation that was begun.
    fn finish(&mut self, operation: Operation) -> Result<(), ErrorCode> {
        if self.operation != Some(operation) {
            return Err(ErrorCode::NotInProgress);
        }
        self.operation = None;
        Ok(())
    }

    /// Whether it has something that options can be asked of.
    fn open(&self) -> Result<(), ErrorCode> {
        match self.state {
            State::Connecting(_) => Err(ErrorCode::InvalidState),
            State::Closed(code) => Err(code),
            State::Default | State::Connected(_) | State::Listening(_) => Ok(()),
        }
    }
}

/// What a socket does to connect, once it is known that somebody listens.
struct Connect {
    space: Space,
    local: SocketAddr,
    remote: SocketAddr,
    /// Where the socket was bound to.
    binding: Option<Binding>,
}

impl Network {
    fn socket(&self, id: TcpId) -> Result<&Socket, ErrorCode> {
        self.tcp.get(id.0).ok_or(ErrorCode::InvalidState)
    }

    fn socket_mut(&mut self, id: TcpId) -> Result<&mut Socket, ErrorCode> {
        self.tcp.get_mut(id.0).ok_or(ErrorCode::InvalidState)
    }

    /// Creates a socket.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NewSocketLimit`].
    pub fn tcp_create(&mut self, family: Family) -> Result<TcpId, ErrorCode> {
        let socket = Socket::new(family, State::Default, Options::TCP);
        let number = self.tcp.insert(socket);
        number.map(TcpId).ok_or(ErrorCode::NewSocketLimit)
    }

    /// Binds a socket. It is bound when this returns, as in wasmtime.
    ///
    /// # Errors
    ///
    /// Those of `start-bind`; [`ErrorCode::AddressNotBindable`] for what is not inside.
    pub fn tcp_start_bind(&mut self, id: TcpId, local: SocketAddr) -> Result<(), ErrorCode> {
        let socket = self.tcp.get_mut(id.0).ok_or(ErrorCode::InvalidState)?;
        socket.idle()?;
        if socket.binding.is_some() || !matches!(socket.state, State::Default) {
            return Err(ErrorCode::InvalidState);
        }
        if !address::is_unicast(local.ip()) || !socket.family.has(local.ip()) {
            return Err(ErrorCode::InvalidArgument);
        }
        if !address::is_inside(local.ip()) {
            return Err(ErrorCode::AddressNotBindable);
        }
        let space = Space::tcp(socket.family);
        // What is bound has `SO_REUSEADDR`.
        let binding = self.ports.bind(space, address::plain(local), true)?;
        socket.binding = Some(binding);
        socket.operation = Some(Operation::Bind);
        Ok(())
    }

    /// Ends what [`tcp_start_bind`](Self::tcp_start_bind) began.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotInProgress`].
    pub fn tcp_finish_bind(&mut self, id: TcpId) -> Result<(), ErrorCode> {
        self.socket_mut(id)?.finish(Operation::Bind)
    }

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
    fn try_connect(&mut self, id: TcpId) {
        let Some(socket) = self.tcp.get(id.0) else {
            return;
        };
        let State::Connecting(remote) = socket.state else {
            return;
        };
        let (family, binding) = (socket.family, socket.binding);
        let state = match self.connect(family, binding, remote) {
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
        if local.ip().is_unspecified() {
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

    fn connect_to(&mut self, mut connect: Connect, listener: u32) -> Result<u32, ErrorCode> {
        let room = self.ends.has_room(2);
        let limit = self.config.limits.backlog;
        let socket = self.tcp.get(listener).ok_or(ErrorCode::ConnectionRefused)?;
        let State::Listening(queue) = &socket.state else {
            return Err(ErrorCode::ConnectionRefused);
        };
        // Linux lets one more in than the backlog says.
        if queue.len() > socket.backlog.min(limit) as usize {
            return Err(ErrorCode::WouldBlock);
        }
        if !room {
            return Err(ErrorCode::OutOfMemory);
        }
        let options = socket.options;
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
        let listener = self.tcp.get_mut(listener);
        if let Some(State::Listening(queue)) = listener.map(|it| &mut it.state) {
            queue.push_back(Incoming { end, options });
        }
        Ok(here)
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

    /// Makes a socket listen. It listens when this returns, as in wasmtime.
    ///
    /// # Errors
    ///
    /// Those of `start-listen`. Where another socket listens already, this one is closed.
    pub fn tcp_start_listen(&mut self, id: TcpId) -> Result<(), ErrorCode> {
        let socket = self.tcp.get_mut(id.0).ok_or(ErrorCode::InvalidState)?;
        socket.idle()?;
        let (State::Default, Some(binding)) = (&socket.state, socket.binding) else {
            return Err(ErrorCode::InvalidState);
        };
        if let Err(code) = self.ports.listen(&binding, id.0) {
            self.ports.release(&binding);
            socket.binding = None;
            socket.state = State::Closed(ErrorCode::Unknown);
            return Err(code);
        }
        socket.state = State::Listening(VecDeque::new());
        socket.operation = Some(Operation::Listen);
        Ok(())
    }

    /// Ends what [`tcp_start_listen`](Self::tcp_start_listen) began.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotInProgress`].
    pub fn tcp_finish_listen(&mut self, id: TcpId) -> Result<(), ErrorCode> {
        self.socket_mut(id)?.finish(Operation::Listen)
    }

    /// Takes the connection that has waited longest.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::WouldBlock`] if none waits, [`ErrorCode::InvalidState`] if the socket does not
    /// listen, and [`ErrorCode::NewSocketLimit`], which leaves the connection where it is.
    pub fn tcp_accept(&mut self, id: TcpId) -> Result<(TcpId, EndId), ErrorCode> {
        let room = self.tcp.has_room(1);
        let listener = self.socket_mut(id)?;
        let State::Listening(queue) = &mut listener.state else {
            return Err(ErrorCode::InvalidState);
        };
        if queue.is_empty() {
            return Err(ErrorCode::WouldBlock);
        }
        if !room {
            return Err(ErrorCode::NewSocketLimit);
        }
        let Incoming { end, options } = queue.pop_front().ok_or(ErrorCode::WouldBlock)?;
        // The queue of a listener that had many at once need not stay as long as it was.
        if queue.is_empty() {
            *queue = VecDeque::new();
        }
        let socket = Socket::new(listener.family, State::Connected(end), options);
        let number = self.tcp.insert(socket);
        Ok((TcpId(number.ok_or(ErrorCode::NewSocketLimit)?), EndId(end)))
    }

    /// The address that a socket has.
    ///
    /// # Errors
    ///
    /// Those of `local-address`.
    pub fn tcp_local_address(&self, id: TcpId) -> Result<SocketAddr, ErrorCode> {
        let socket = self.socket(id)?;
        socket.open()?;
        let address = match socket.state {
            State::Connected(end) => self.ends.get(end).map(End::local),
            _ => socket.binding.map(|it| it.address),
        };
        address.ok_or(ErrorCode::InvalidState)
    }

    /// The address that a socket is connected to. A connection that has ended in both directions has
    /// none any more.
    ///
    /// # Errors
    ///
    /// Those of `remote-address`.
    pub fn tcp_remote_address(&self, id: TcpId) -> Result<SocketAddr, ErrorCode> {
        let end = match self.socket(id)?.state {
            State::Connected(end) => end,
            State::Closed(code) => return Err(code),
            _ => return Err(ErrorCode::InvalidState),
        };
        let remote = self.ends.get(end).and_then(End::remote);
        remote.ok_or(ErrorCode::InvalidState)
    }

    /// Whether a socket listens.
    pub fn tcp_is_listening(&self, id: TcpId) -> bool {
        let state = self.tcp.get(id.0).map(|it| &it.state);
        matches!(state, Some(State::Listening(_)))
    }

    /// The address family of a socket.
    pub fn tcp_family(&self, id: TcpId) -> Family {
        self.tcp.get(id.0).map_or(Family::V4, |it| it.family)
    }

    /// A socket's end of its connection, if there is one.
    pub fn tcp_end(&self, id: TcpId) -> Option<EndId> {
        match self.tcp.get(id.0)?.state {
            State::Connected(end) => Some(EndId(end)),
            _ => None,
        }
    }

    /// Sets how many connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// Those of `set-listen-backlog-size`.
    pub fn tcp_set_listen_backlog(&mut self, id: TcpId, value: u64) -> Result<(), ErrorCode> {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        if value == 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        let socket = self.socket_mut(id)?;
        match socket.state {
            State::Default | State::Listening(_) => socket.backlog = value,
            State::Closed(code) => return Err(code),
            State::Connecting(_) | State::Connected(_) => return Err(ErrorCode::InvalidState),
        }
        Ok(())
    }

    /// An option of a socket.
    ///
    /// # Errors
    ///
    /// Those of the option's function.
    pub fn tcp_option(&self, id: TcpId, option: SocketOption) -> Result<u64, ErrorCode> {
        let socket = self.socket(id)?;
        socket.open()?;
        Ok(socket.options.get(option))
    }

    /// Sets an option of a socket.
    ///
    /// # Errors
    ///
    /// Those of the option's function.
    pub fn tcp_set_option(
        &mut self,
        id: TcpId,
        option: SocketOption,
        value: u64,
    ) -> Result<(), ErrorCode> {
        option.check_early(value)?;
        let socket = self.socket_mut(id)?;
        socket.open()?;
        option.check_late(value)?;
        socket.options.set(option, value);
        Ok(())
    }

    /// Whether the pollable of a socket is ready. A connect is tried, as in wasmtime.
    pub fn tcp_ready(&mut self, id: TcpId) -> bool {
        self.try_connect(id);
        let Some(socket) = self.tcp.get(id.0) else {
            return true;
        };
        match (&socket.state, socket.operation) {
            (State::Connecting(_), _) => false,
            (State::Listening(queue), None) => !queue.is_empty(),
            _ => true,
        }
    }

    /// Ends directions of a connection.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidState`] unless the socket is connected.
    pub fn tcp_shutdown(&mut self, id: TcpId, how: Shutdown) -> Result<(), ErrorCode> {
        let socket = self.socket(id)?;
        let (State::Connected(end), None) = (&socket.state, socket.operation) else {
            return Err(ErrorCode::InvalidState);
        };
        let end = EndId(*end);
        if how != Shutdown::Send {
            self.drop_input(end);
        }
        if how != Shutdown::Receive {
            self.drop_output(end);
        }
        Ok(())
    }

    /// Drops a socket. Its connection ends with the last who holds it; connections that nobody
    /// accepted are reset.
    pub fn tcp_drop(&mut self, id: TcpId) {
        let Some(socket) = self.tcp.remove(id.0) else {
            return;
        };
        match socket.state {
            State::Connected(end) => self.end_release(EndId(end)),
            State::Listening(queue) => {
                if let Some(binding) = &socket.binding {
                    self.ports.reach(binding, None);
                }
                for incoming in queue {
                    self.abort(incoming.end);
                }
            }
            State::Default | State::Connecting(_) | State::Closed(_) => {}
        }
        if let Some(binding) = &socket.binding {
            self.ports.release(binding);
        }
    }
}
