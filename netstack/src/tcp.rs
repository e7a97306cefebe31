//! TCP sockets: their states, and all but what connects them.

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
pub(crate) enum Operation {
    Bind,
    Connect,
    Listen,
}

/// What a socket is at.
#[derive(Debug)]
pub(crate) enum State {
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
pub(crate) struct Incoming {
    pub(crate) end: u32,
    /// Whether the pollable of the listener has been told of it. wasmtime accepts it then, whether
    /// the program does or not.
    pub(crate) is_taken: bool,
    /// Those of the listener when the connection came in.
    pub(crate) options: Options,
}

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) family: Family,
    pub(crate) state: State,
    pub(crate) operation: Option<Operation>,
    /// Where it is bound to. Its connection takes it over.
    pub(crate) binding: Option<Binding>,
    pub(crate) backlog: u32,
    pub(crate) options: Options,
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
    pub(crate) fn idle(&self) -> Result<(), ErrorCode> {
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

impl Network {
    pub(crate) fn socket(&self, id: TcpId) -> Result<&Socket, ErrorCode> {
        self.tcp.get(id.0).ok_or(ErrorCode::InvalidState)
    }

    pub(crate) fn socket_mut(&mut self, id: TcpId) -> Result<&mut Socket, ErrorCode> {
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
        let Incoming { end, options, .. } = queue.pop_front().ok_or(ErrorCode::WouldBlock)?;
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

    /// The value of an option that was set on a socket, or came with its connection from a listener
    /// that it was set on.
    pub fn tcp_chosen(&self, id: TcpId, option: SocketOption) -> Option<u64> {
        self.tcp.get(id.0)?.options.chosen(option)
    }

    /// How many connections may wait to be accepted, if that was set.
    pub fn tcp_chosen_backlog(&self, id: TcpId) -> Option<u64> {
        let backlog = self.tcp.get(id.0)?.backlog;
        (backlog != DEFAULT_BACKLOG).then_some(backlog.into())
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
        let Some(socket) = self.tcp.get_mut(id.0) else {
            return true;
        };
        match (&mut socket.state, socket.operation) {
            (State::Connecting(_), _) => false,
            (State::Listening(queue), None) => match queue.front_mut() {
                Some(first) => {
                    first.is_taken = true;
                    true
                }
                None => false,
            },
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
    /// accepted are reset, but for one that was taken.
    pub fn tcp_drop(&mut self, id: TcpId) {
        let Some(socket) = self.tcp.remove(id.0) else {
            return;
        };
        #[cfg(feature = "script")]
        if let Some(play) = &mut self.play {
            play.forget(id.0);
        }
        match socket.state {
            State::Connected(end) => self.end_release(EndId(end)),
            State::Listening(queue) => {
                if let Some(binding) = &socket.binding {
                    self.ports.reach(binding, None);
                }
                for incoming in queue {
                    let unread = self.ends.get(incoming.end);
                    let is_unread = unread.is_some_and(|end| end.incoming.len() > 0);
                    // What was accepted is closed, which is a `FIN` unless something was not read.
                    match incoming.is_taken && !is_unread {
                        true => self.end_release(EndId(incoming.end)),
                        false => self.abort(incoming.end),
                    }
                }
            }
            State::Default | State::Connecting(_) | State::Closed(_) => {}
        }
        if let Some(binding) = &socket.binding {
            self.ports.release(binding);
        }
    }
}
