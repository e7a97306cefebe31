//! Which peers the UDP sockets may hear from.

use crate::Place;
use crate::rules::Stored;

const SOCKETS: usize = 1024;
const PEERS: usize = 4096;
const PEERS_A_SOCKET: u16 = 64;

#[derive(Clone, Copy)]
struct Socket {
    open: bool,
    /// How many peers are in its chain.
    peers: u16,
    /// The first peer, plus one; 0 for none.
    first: u16,
    /// The peer that it is connected to.
    connected: Option<Pair>,
}

/// Where the guest believes a peer to be, and where it is.
#[derive(Clone, Copy)]
struct Pair {
    asked: Spot,
    real: Spot,
}

/// A place in a table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Spot {
    ip: Stored,
    port: u16,
}

impl Spot {
    const fn new(Place { key, port }: Place) -> Self {
        let ip = Stored::new(key);
        Spot { ip, port }
    }

    const fn place(self) -> Place {
        let (key, port) = (self.ip.key(), self.port);
        Place { key, port }
    }
}

#[derive(Clone, Copy)]
struct Peer {
    /// The socket that has it, from 1; 0 for none.
    socket: u16,
    /// The next peer of the same socket, plus one.
    next: u16,
    /// When it was last used.
    used: u32,
    pair: Pair,
}

pub(super) struct Sockets {
    sockets: [Socket; SOCKETS],
    peers: [Peer; PEERS],
    now: u32,
}

impl Sockets {
    pub(super) const fn new() -> Self {
        const NOWHERE: Spot = Spot {
            ip: Stored::ZERO,
            port: 0,
        };
        const PAIR: Pair = Pair {
            asked: NOWHERE,
            real: NOWHERE,
        };
        let socket = Socket {
            open: false,
            peers: 0,
            first: 0,
            connected: None,
        };
        let peer = Peer {
            socket: 0,
            next: 0,
            used: 0,
            pair: PAIR,
        };
        Sockets {
            sockets: [socket; SOCKETS],
            peers: [peer; PEERS],
            now: 0,
        }
    }

    fn socket(&mut self, udp: u32) -> Option<&mut Socket> {
        let index = usize::try_from(udp).ok()?.checked_sub(1)?;
        self.sockets.get_mut(index).filter(|socket| socket.open)
    }

    pub(super) fn open(&mut self) -> u32 {
        for (number, socket) in (1..).zip(&mut self.sockets) {
            if !socket.open {
                socket.open = true;
                return number;
            }
        }
        0
    }

    pub(super) fn close(&mut self, udp: u32) {
        let Some(socket) = self.socket(udp) else {
            return;
        };
        let mut at = socket.first;
        *socket = Socket {
            open: false,
            peers: 0,
            first: 0,
            connected: None,
        };
        while let Some(peer) = peer(&mut self.peers, at) {
            peer.socket = 0;
            at = core::mem::take(&mut peer.next);
        }
    }

    pub(super) fn connected(&mut self, udp: u32, remote: Option<(Place, Place)>) {
        if let Some(socket) = self.socket(udp) {
            socket.connected = remote.map(|(asked, real)| Pair {
                asked: Spot::new(asked),
                real: Spot::new(real),
            });
        }
    }

    /// Where the guest believes a peer to be that the socket has sent to or is connected to.
    pub(super) fn knows(&mut self, udp: u32, real: Place) -> Option<Place> {
        let spot = Spot::new(real);
        let socket = self.socket(udp)?;
        let mut at = socket.first;
        if let Some(pair) = socket.connected.filter(|pair| pair.real == spot) {
            return Some(pair.asked.place());
        }
        self.now = self.now.wrapping_add(1);
        while let Some(peer) = peer(&mut self.peers, at) {
            if peer.pair.real == spot {
                peer.used = self.now;
                return Some(peer.pair.asked.place());
            }
            at = peer.next;
        }
        None
    }

    /// Notes that a socket may hear from where it sends to.
    pub(super) fn sent(&mut self, udp: u32, asked: Place, real: Place) {
        let (asked, real) = (Spot::new(asked), Spot::new(real));
        let Some(socket) = self.socket(udp) else {
            return;
        };
        let (first, full) = (socket.first, socket.peers >= PEERS_A_SOCKET);
        self.now = self.now.wrapping_add(1);
        let mut oldest = (u32::MAX, 0);
        let mut at = first;
        while let Some(peer) = peer(&mut self.peers, at) {
            if peer.pair.real == real {
                peer.pair.asked = asked;
                peer.used = self.now;
                return;
            }
            oldest = oldest.min((peer.used, at));
            at = peer.next;
        }
        let at = if full { oldest.1 } else { self.take(udp) };
        if let Some(peer) = peer(&mut self.peers, at) {
            peer.pair = Pair { asked, real };
            peer.used = self.now;
        }
    }

    /// A free peer, put first in the socket's chain; the longest unused one of all where none is
    /// free.
    fn take(&mut self, udp: u32) -> u16 {
        let mut oldest = (u32::MAX, 0);
        for (number, peer) in (1..).zip(&self.peers) {
            if peer.socket == 0 {
                oldest = (0, number);
                break;
            }
            oldest = oldest.min((peer.used, number));
        }
        let at = oldest.1;
        self.unlink(at);
        let Some(socket) = self.socket(udp) else {
            return 0;
        };
        let next = core::mem::replace(&mut socket.first, at);
        socket.peers += 1;
        if let Some(peer) = peer(&mut self.peers, at) {
            peer.socket = udp as u16;
            peer.next = next;
        }
        at
    }

    /// Takes a peer out of the chain that it is in.
    fn unlink(&mut self, at: u16) {
        let Some(&mut Peer { socket, next, .. }) = peer(&mut self.peers, at) else {
            return;
        };
        let Some(socket) = self.socket(socket.into()) else {
            return;
        };
        socket.peers -= 1;
        if socket.first == at {
            socket.first = next;
            return;
        }
        let mut before = socket.first;
        while let Some(peer) = peer(&mut self.peers, before) {
            if peer.next == at {
                peer.next = next;
                return;
            }
            before = peer.next;
        }
    }
}

fn peer(peers: &mut [Peer], at: u16) -> Option<&mut Peer> {
    peers.get_mut(usize::from(at).checked_sub(1)?)
}
