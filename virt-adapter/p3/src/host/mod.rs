//! What leads to the host.
//!
//! Where a socket leads is known only when it is bound, connected or sent from. Until then it is one of
//! the network's. If it then leads elsewhere, a socket of the host's stands behind it, with the options
//! that were set: the guest's handle is the same, and so is the number of the network's socket, which
//! is kept for that alone. What is called of it is the host's own function, and its streams and
//! futures reach the guest as they are.
//!
//! What is called the host here is whatever the component is given for it. It asks the policy.

pub(crate) mod accept;
pub(crate) mod call;
pub(crate) mod names;
pub(crate) mod tcp;
pub(crate) mod udp;

use crate::layout::types::error_code;
use crate::lower::{Code, Room, pass};
use crate::memory::{release, trap};
use alloc::vec::Vec;
use sockvirt_netstack::{TcpId, UdpId};
use udp::Beside;

/// The sockets of the host's, by the numbers of the network's that they stand behind.
#[derive(Default)]
pub(crate) struct Hosted {
    /// 0, which no handle is, for none.
    tcp: Vec<u32>,
    udp: Vec<Option<Beside>>,
    /// The text of the last error that was given, which its reader has read when the next one is.
    text: Option<Given>,
}

/// A block that was given by `realloc`, and how long it is. It is freed with this.
pub(crate) struct Given(pub(crate) u32, pub(crate) u32);

impl Drop for Given {
    fn drop(&mut self) {
        release(self.0 as usize, self.1 as usize);
    }
}

impl Hosted {
    /// The socket of the host's that a socket of TCP is.
    pub(crate) fn tcp(&self, id: TcpId) -> Option<u32> {
        let socket = self.tcp.get(id.number() as usize).copied();
        socket.filter(|it| *it != 0)
    }

    /// The one that options are set on.
    pub(crate) fn set_on_tcp(&self, id: TcpId) -> Option<u32> {
        self.tcp(id)
    }

    fn put_tcp(&mut self, id: TcpId, socket: u32) {
        let place = id.number() as usize;
        if self.tcp.len() <= place {
            self.tcp.resize(place + 1, 0);
        }
        if let Some(it) = self.tcp.get_mut(place) {
            *it = socket;
        }
    }

    /// Whether there are sockets of the host's.
    #[cfg(feature = "script")]
    pub(crate) fn is_used(&self) -> bool {
        self.tcp.iter().any(|it| *it != 0) || self.udp.iter().any(Option::is_some)
    }

    /// The same for one of UDP, if nothing of it is the network's.
    pub(crate) fn udp(&self, id: UdpId) -> Option<u32> {
        let beside = self.beside(id).filter(|it| it.is_all());
        beside.map(|it| it.socket)
    }

    /// The one that options are set on too.
    pub(crate) fn set_on_udp(&self, id: UdpId) -> Option<u32> {
        self.beside(id).map(|it| it.socket)
    }

    fn beside(&self, id: UdpId) -> Option<Beside> {
        self.udp.get(id.number() as usize).copied().flatten()
    }

    fn put_udp(&mut self, id: UdpId, beside: Option<Beside>) {
        let place = id.number() as usize;
        if self.udp.len() <= place {
            self.udp.resize(place + 1, None);
        }
        if let Some(it) = self.udp.get_mut(place) {
            *it = beside;
        }
    }

    /// Has the host answer in the place of the network. The payload of its result is that far behind its
    /// start.
    pub(crate) fn answer(&mut self, payload: usize, call: impl FnOnce(&mut Room)) -> *const u8 {
        self.text = None;
        pass(|room| {
            call(room);
            self.text = room.text(payload);
        })
    }
}

/// A result of the host's.
impl Room {
    pub(crate) fn new() -> Self {
        Room([0; 64])
    }

    pub(crate) fn word(&self, at: usize) -> u32 {
        let bytes = self.0.get(at..).and_then(|it| it.first_chunk());
        bytes.map_or_else(|| trap(), |it| u32::from_le_bytes(*it))
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.word(at) as u8
    }

    fn is_error(&self) -> bool {
        self.byte(0) != 0
    }

    /// The text of an error, if it has one.
    fn text(&self, payload: usize) -> Option<Given> {
        let at = payload + error_code::PAYLOAD;
        let is_given = self.is_error() && self.byte(at) != 0;
        is_given.then(|| Given(self.word(at + 4), self.word(at + 8)))
    }

    /// The code of an error, whose text is not wanted.
    pub(crate) fn code(&self, payload: usize) -> Result<(), Code> {
        drop(self.text(payload));
        match self.is_error() {
            true => Err(Code(self.byte(payload))),
            false => Ok(()),
        }
    }

    /// An error or no value in core values, with the text that they point to.
    fn flat(&self, payload: usize) -> ([u32; 5], Option<Given>) {
        if !self.is_error() {
            return ([0; 5], None);
        }
        let text = self.text(payload);
        let (at, length) = text.as_ref().map_or((0, 0), |it| (it.0, it.1));
        let code = self.byte(payload).into();
        ([1, code, text.is_some().into(), at, length], text)
    }
}
