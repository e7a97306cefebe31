//! The streams of connections that listeners accept.

use crate::canon::{self, Copied};
use crate::state::{Role, State};
use core::net::SocketAddr;
use sockvirt_netstack::{ErrorCode, TcpId};

/// A listener, and the stream that gives its connections.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    id: TcpId,
    stream: u32,
    /// Whether a write of no socket waits, which is done once the guest reads.
    waits: bool,
    /// A socket that was accepted and did not get to the guest.
    accepted: Option<u32>,
    /// Whether the guest has dropped the socket. Its stream goes on, as in wasmtime.
    is_dropped: bool,
}

impl State {
    /// Makes a socket listen, and gives the readable end of its stream. One that is not bound is
    /// bound to any port.
    pub(crate) fn listen(&mut self, id: TcpId) -> Result<u32, ErrorCode> {
        let anywhere = SocketAddr::new(self.network.tcp_family(id).unspecified(), 0);
        // Fails where it is bound already, or in no state to listen, which is said below.
        if self.network.tcp_start_bind(id, anywhere).is_ok() {
            self.network.tcp_finish_bind(id)?;
        }
        self.network.tcp_start_listen(id)?;
        self.network.tcp_finish_listen(id)?;
        let [readable, stream] = canon::ends(canon::new_accepted());
        self.listeners.push(Listener {
            id,
            stream,
            waits: false,
            accepted: None,
            is_dropped: false,
        });
        self.watch(stream, Role::Accepting(id));
        self.pump_accepting(id);
        Ok(readable)
    }

    fn listener(&mut self, id: TcpId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|it| it.id == id)
    }

    pub(crate) fn accept_event(&mut self, id: TcpId, copied: Copied) {
        if let Copied::Dropped(_) = copied {
            return self.end_listener(id);
        }
        if let Some(listener) = self.listener(id) {
            listener.waits = false;
        }
        self.give_accepted(id);
    }

    /// Gives what every listener has to whoever reads.
    pub(crate) fn pump_listeners(&mut self) {
        for place in 0..self.listeners.len() {
            if let Some(listener) = self.listeners.get(place) {
                self.pump_accepting(listener.id);
            }
        }
    }

    /// Gives what a listener has, if the guest reads.
    fn pump_accepting(&mut self, id: TcpId) {
        while let Some(listener) = self.listener(id) {
            if listener.waits {
                return;
            }
            let stream = listener.stream;
            match Copied::of(canon::write_accepted(stream, [].as_ptr(), 0)) {
                Copied::Blocked => {
                    if let Some(listener) = self.listener(id) {
                        listener.waits = true;
                    }
                }
                Copied::Completed(_) if self.give_accepted(id) => {}
                Copied::Completed(_) => return,
                Copied::Dropped(_) => self.end_listener(id),
            }
        }
    }

    /// Gives the guest, which reads, a connection if there is one. Whether there was.
    fn give_accepted(&mut self, id: TcpId) -> bool {
        if !self.may_wait {
            self.are_listeners_due = true;
            self.wake_driver();
            return false;
        }
        let Some(listener) = self.listener(id) else {
            return false;
        };
        let (stream, accepted) = (listener.stream, listener.accepted.take());
        let Some(socket) = accepted.or_else(|| self.accept(id)) else {
            return false;
        };
        let handle = [socket];
        let mut copied = Copied::of(canon::write_accepted(stream, handle.as_ptr(), 1));
        if copied == Copied::Blocked {
            // The guest asked whether there is something, or has taken its read back.
            copied = Copied::of(canon::cancel_accepted(stream));
        }
        let is_given = matches!(copied, Copied::Completed(1) | Copied::Dropped(1));
        if let Some(listener) = self.listener(id).filter(|_| !is_given) {
            listener.accepted = Some(socket);
        }
        if let Copied::Dropped(_) = copied {
            self.end_listener(id);
        } else {
            self.pump_accepting(id);
        }
        true
    }

    /// Accepts a connection: its socket, as the guest's.
    fn accept(&mut self, id: TcpId) -> Option<u32> {
        let (socket, end) = self.network.tcp_accept(id).ok()?;
        self.begin_flow(end);
        // There is room for another.
        self.wake_ready();
        Some(canon::new_tcp_socket(socket.number()))
    }

    /// The guest takes no more connections. The port stays the socket's.
    fn end_listener(&mut self, id: TcpId) {
        let Some(place) = self.listeners.iter().position(|it| it.id == id) else {
            return;
        };
        let listener = self.listeners.swap_remove(place);
        self.forget(listener.stream);
        canon::drop_accepted(listener.stream);
        if let Some(socket) = listener.accepted {
            canon::drop_tcp_socket(socket);
        }
        if listener.is_dropped {
            self.network.tcp_drop(id);
        }
    }

    /// The listeners of which the guest waits for connections.
    #[cfg(feature = "script")]
    pub(crate) fn accepting(&self) -> impl Iterator<Item = TcpId> {
        let waiting = self.listeners.iter().filter(|it| !it.waits);
        waiting.map(|it| it.id)
    }

    /// Whether a socket that the guest drops listens on.
    pub(crate) fn listens_on(&mut self, id: TcpId) -> bool {
        match self.listener(id) {
            Some(listener) => {
                listener.is_dropped = true;
                true
            }
            None => false,
        }
    }
}
