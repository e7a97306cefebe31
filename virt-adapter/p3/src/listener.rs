//! The streams of connections that listeners accept.

use crate::canon::{self, Copied};
#[cfg(feature = "host")]
use crate::host::accept::Accepting;
use crate::lower::Code;
use crate::state::{Role, State};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::slice;
use sockvirt_netstack::TcpId;

/// A listener, and the stream that gives its connections.
pub(crate) struct Listener {
    id: TcpId,
    stream: u32,
    waits: Waits,
    /// A socket that was accepted, where a write that waits finds it.
    accepted: Option<Box<u32>>,
    /// Whether the guest has dropped the socket. Its stream goes on, as in wasmtime.
    is_dropped: bool,
    /// Where its connections come from, if it is the host's.
    #[cfg(feature = "host")]
    pub(crate) host: Option<Accepting>,
}

/// Who waits for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nobody,
    /// A write waits for the guest: of a socket, or of none.
    Network,
    /// The guest has a read that waits.
    Guest,
}

impl State {
    /// Makes a socket listen, and gives the readable end of its stream. One that is not bound is
    /// bound to any port.
    pub(crate) fn listen(&mut self, id: TcpId) -> Result<u32, Code> {
        #[cfg(feature = "host")]
        if let Some(socket) = self.hosted.tcp(id) {
            let accepting = Accepting::new(socket)?;
            self.watch(accepting.stream, Role::AcceptingHosted(id));
            return Ok(self.begin_listener(id, Some(accepting)));
        }
        let anywhere = SocketAddr::new(self.network.tcp_family(id).unspecified(), 0);
        // Fails where it is bound already, or in no state to listen, which is said below.
        if self.network.tcp_start_bind(id, anywhere).is_ok() {
            self.network.tcp_finish_bind(id)?;
        }
        self.network.tcp_start_listen(id)?;
        self.network.tcp_finish_listen(id)?;
        Ok(self.begin_listener(
            id,
            #[cfg(feature = "host")]
            None,
        ))
    }

    /// The readable end of a new listener's stream.
    fn begin_listener(
        &mut self,
        id: TcpId,
        #[cfg(feature = "host")] host: Option<Accepting>,
    ) -> u32 {
        let [readable, stream] = canon::ends(canon::new_accepted());
        self.listeners.push(Listener {
            id,
            stream,
            waits: Waits::Nobody,
            accepted: None,
            is_dropped: false,
            #[cfg(feature = "host")]
            host,
        });
        self.watch(stream, Role::Accepting(id));
        self.pump_accepting(id);
        readable
    }

    pub(crate) fn listener(&mut self, id: TcpId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|it| it.id == id)
    }

    pub(crate) fn accept_event(&mut self, id: TcpId, copied: Copied) {
        self.gave(id, copied);
        self.pump_accepting(id);
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
    pub(crate) fn pump_accepting(&mut self, id: TcpId) {
        while let Some(listener) = self.listener(id) {
            let (stream, waits) = (listener.stream, listener.waits);
            if waits == Waits::Network {
                return;
            }
            // A connection is accepted when somebody asks for it.
            if waits == Waits::Guest && listener.accepted.is_none() {
                let Some(socket) = self.accept(id) else {
                    return;
                };
                if let Some(listener) = self.listener(id) {
                    listener.accepted = Some(Box::new(socket));
                }
            }
            let Some(listener) = self.listener(id) else {
                return;
            };
            listener.waits = Waits::Network;
            let socket = listener
                .accepted
                .as_deref()
                .map_or(&[][..], slice::from_ref);
            let copied = canon::write_accepted(stream, socket.as_ptr(), socket.len() as u32);
            match Copied::of(copied) {
                Copied::Blocked => return,
                copied => self.gave(id, copied),
            }
        }
    }

    /// Goes on with what a write gave.
    fn gave(&mut self, id: TcpId, copied: Copied) {
        let Some(listener) = self.listener(id) else {
            return;
        };
        listener.waits = match listener.accepted {
            Some(_) => Waits::Nobody,
            None => Waits::Guest,
        };
        if matches!(copied, Copied::Completed(1) | Copied::Dropped(1)) {
            listener.accepted = None;
        }
        if let Copied::Dropped(_) = copied {
            self.end_listener(id);
        }
    }

    /// Accepts a connection: its socket, as the guest's.
    fn accept(&mut self, id: TcpId) -> Option<u32> {
        #[cfg(feature = "host")]
        if self.hosted.tcp(id).is_some() {
            return self.accept_hosted(id);
        }
        let (socket, end) = self.network.tcp_accept(id).ok()?;
        self.begin_flow(end);
        // There is room for another.
        self.wake_ready();
        Some(canon::new_tcp_socket(socket))
    }

    /// The guest takes no more connections. The port stays the socket's.
    pub(crate) fn end_listener(&mut self, id: TcpId) {
        let Some(place) = self.listeners.iter().position(|it| it.id == id) else {
            return;
        };
        let listener = self.listeners.swap_remove(place);
        self.forget(listener.stream);
        canon::drop_accepted(listener.stream);
        #[cfg(feature = "host")]
        if let Some(accepting) = &listener.host {
            self.forget(accepting.stream);
        }
        if let Some(socket) = listener.accepted {
            self.left.push((id, *socket));
        }
        if listener.is_dropped {
            self.drop_left(id);
            #[cfg(feature = "host")]
            self.drop_hosted_tcp(id);
            self.network.tcp_drop(id);
            // Whom nobody has accepted is told so, and who waits for room there is refused.
            self.pump_flows();
            self.wake_ready();
        }
    }

    /// The listeners of which the guest waits for connections.
    #[cfg(feature = "script")]
    pub(crate) fn accepting(&self) -> impl Iterator<Item = TcpId> {
        let waiting = self.listeners.iter().filter(|it| it.waits == Waits::Guest);
        waiting.map(|it| it.id)
    }

    /// Drops the connections of a listener that nobody has taken.
    pub(crate) fn drop_left(&mut self, id: TcpId) {
        let is_its = |it: &mut (TcpId, u32)| it.0 == id;
        let left: Vec<_> = self.left.extract_if(.., is_its).collect();
        for (_, socket) in left {
            canon::drop_tcp_socket(socket);
        }
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
