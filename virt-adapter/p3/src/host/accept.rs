//! Connections that the host's listeners accept.
//!
//! The host gives them in a stream of its own sockets. A read of it waits while the guest has one, and
//! for what it gives the guest gets a socket of the network's that the host's is behind.

use super::tcp;
use crate::canon::{self, Copied};
use crate::lower::Code;
use crate::state::State;
use alloc::boxed::Box;
use sockvirt_netstack::TcpId;

#[link(wasm_import_module = "around")]
unsafe extern "C" {
    #[link_name = "[stream-read][method]tcp-socket.listen"]
    safe fn read_accepted(stream: u32, to: &mut u32, count: u32) -> u32;
    #[link_name = "[stream-drop-readable][method]tcp-socket.listen"]
    safe fn drop_accepting(stream: u32);
}

/// The connections of a listener of the host's.
pub(crate) struct Accepting {
    pub(crate) stream: u32,
    /// Where a read that waits puts a socket.
    socket: Box<u32>,
    is_read: bool,
    /// What a read has given, until it is taken.
    copied: Option<Copied>,
}

impl Drop for Accepting {
    fn drop(&mut self) {
        drop_accepting(self.stream);
    }
}

impl Accepting {
    /// Makes a socket of the host's listen.
    pub(crate) fn new(socket: u32) -> Result<Self, Code> {
        Ok(Accepting {
            stream: tcp::listen(socket)?,
            socket: Box::new(0),
            is_read: false,
            copied: None,
        })
    }

    /// What a read gives, once it is done.
    fn read(&mut self) -> Option<Copied> {
        if let Some(copied) = self.copied.take() {
            return Some(copied);
        }
        if self.is_read {
            return None;
        }
        match Copied::of(read_accepted(self.stream, &mut self.socket, 1)) {
            Copied::Blocked => {
                self.is_read = true;
                None
            }
            copied => Some(copied),
        }
    }
}

impl State {
    fn accepting_hosted(&mut self, id: TcpId) -> Option<&mut Accepting> {
        self.listener(id)?.host.as_mut()
    }

    /// Accepts a connection of the host's: its socket, as the guest's.
    pub(crate) fn accept_hosted(&mut self, id: TcpId) -> Option<u32> {
        loop {
            let copied = self.accepting_hosted(id)?.read()?;
            if copied.count() == 0 {
                if copied.is_last() {
                    // The host accepts no more.
                    self.end_listener(id);
                    return None;
                }
                continue;
            }
            let socket = *self.accepting_hosted(id)?.socket;
            // Where there is no room for it, it is gone.
            if let Some(socket) = self.adopt_tcp(id, socket) {
                return Some(canon::new_tcp_socket(socket));
            }
        }
    }

    pub(crate) fn accept_hosted_event(&mut self, id: TcpId, copied: Copied) {
        if let Some(accepting) = self.accepting_hosted(id) {
            accepting.is_read = false;
            accepting.copied = Some(copied);
        }
        self.pump_accepting(id);
    }
}
