//! What a peer or a client has to do with the program: its end of a connection, or datagrams.

use super::faults::Faults;
use super::play::{Opening, Outcome};
use super::{Accept, Protocol};
use crate::connect::Connect;
use crate::ports::{Binding, Space};
use crate::{EndId, ErrorCode, Family, Network, UdpId, address};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How the program comes to peers that are not inside.
const SOURCE: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
);

/// No more datagrams wait for a peer.
const MOST: usize = 4096;

/// What a peer or a client has to do with the program.
#[derive(Debug)]
pub(crate) enum Link {
    /// An end of a connection, `None` once it was let go; and bytes of it that were read, and are to
    /// be read again.
    Stream(Option<EndId>, Vec<u8>),
    Datagrams(Datagrams),
}

/// Datagrams to and from a socket of the program's.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: u32,
    /// The address of the peer or client.
    own: SocketAddr,
    /// Those that have come, and did not pass by the faults yet.
    raw: VecDeque<Vec<u8>>,
    /// Those that have come.
    queue: VecDeque<Vec<u8>>,
    /// How much of the first one was read.
    read: usize,
    faults: Faults,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Bytes are there.
    Bytes,
    /// Nothing yet.
    Nothing,
    /// The program has said that it sends no more.
    End,
    /// It has let the connection go besides.
    Gone,
    /// It has reset the connection.
    Reset,
}

impl Link {
    pub(crate) fn datagrams(socket: u32, own: SocketAddr) -> Self {
        Link::Datagrams(Datagrams {
            socket,
            own,
            raw: VecDeque::new(),
            queue: VecDeque::new(),
            read: 0,
            faults: Faults::default(),
        })
    }

    fn stream(end: EndId) -> Self {
        Link::Stream(Some(end), Vec::new())
    }

    /// Has bytes of a stream be read again, before those that have come since.
    pub(crate) fn read_again(&mut self, bytes: &[u8]) {
        if let Link::Stream(_, again) = self {
            again.splice(..0, bytes.iter().copied());
        }
    }

    pub(crate) fn is_end(&self, number: u32) -> bool {
        matches!(self, Link::Stream(Some(end), _) if end.0 == number)
    }

    pub(crate) fn is_between(&self, socket: u32, own: SocketAddr) -> bool {
        matches!(self, Link::Datagrams(it) if it.socket == socket && it.own == own)
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Link::Stream(..))
    }

    /// What comes next.
    pub(crate) fn next(&mut self, network: &Network) -> Next {
        let end = match self {
            Link::Datagrams(datagrams) => {
                datagrams.pass_faults();
                return match datagrams.queue.is_empty() {
                    true => Next::Nothing,
                    false => Next::Bytes,
                };
            }
            Link::Stream(_, again) if !again.is_empty() => return Next::Bytes,
            Link::Stream(None, _) => return Next::Gone,
            Link::Stream(Some(end), _) => network.ends.get(end.0),
        };
        let Some(end) = end else {
            return Next::Gone;
        };
        if end.incoming.len() > 0 {
            Next::Bytes
        } else if end.fault.is_some() {
            Next::Reset
        } else if end.is_last && (end.is_over || end.peer.is_none()) {
            match end.peer.is_none() {
                true => Next::Gone,
                false => Next::End,
            }
        } else if end.is_last {
            Next::End
        } else {
            Next::Nothing
        }
    }

    /// The next bytes that have come, in one piece; of a datagram, what is left of it.
    pub(crate) fn peek<'n>(&'n self, network: &'n Network) -> &'n [u8] {
        match self {
            Link::Stream(_, again) if !again.is_empty() => again,
            Link::Stream(Some(end), _) => {
                let [first, _] = network.peek(*end, usize::MAX);
                first
            }
            Link::Stream(None, _) => &[],
            Link::Datagrams(it) => {
                let first = it.queue.front();
                first.and_then(|it_| it_.get(it.read..)).unwrap_or_default()
            }
        }
    }

    /// Takes bytes out that were looked at. Whether that was the end of a datagram.
    pub(crate) fn take(&mut self, network: &mut Network, count: usize) -> bool {
        match self {
            Link::Stream(_, again) if !again.is_empty() => {
                again.drain(..count.min(again.len()));
                false
            }
            Link::Stream(Some(end), _) => {
                network.skip(*end, count);
                false
            }
            Link::Stream(None, _) => false,
            Link::Datagrams(it) => {
                it.read += count;
                let is_read = it.queue.front().is_some_and(|first| it.read >= first.len());
                if is_read {
                    it.queue.pop_front();
                    it.read = 0;
                }
                is_read
            }
        }
    }

    /// Whether a datagram was read in part.
    pub(crate) fn is_within(&self) -> bool {
        matches!(self, Link::Datagrams(it) if it.read > 0)
    }

    /// How much may be sent, which may be nothing yet; `None` where the program reads no more.
    pub(crate) fn room(&mut self, network: &mut Network) -> Option<usize> {
        match self {
            Link::Datagrams(_) => Some(usize::MAX),
            Link::Stream(None, _) => None,
            Link::Stream(Some(id), _) => {
                let end = network.ends.get(id.0)?;
                if end.is_over || end.peer.is_none() {
                    return None;
                }
                network.writable(*id).ok()
            }
        }
    }

    /// Whether the program has read all that was sent.
    pub(crate) fn is_read(&self, network: &Network) -> bool {
        let Link::Stream(Some(end), _) = self else {
            return true;
        };
        let end = network.ends.get(end.0);
        let peer = end.and_then(|it| network.ends.get(it.peer?));
        peer.is_none_or(|peer| peer.incoming.len() == 0)
    }

    /// Sends bytes for which there is room; those of a datagram are one.
    pub(crate) fn send(&mut self, network: &mut Network, bytes: &[u8]) {
        match self {
            Link::Stream(Some(end), _) => {
                let mut rest = bytes;
                let _ = network.write_with(*end, bytes.len(), |place| {
                    let (now, later) = rest.split_at(place.len().min(rest.len()));
                    place.copy_from_slice(now);
                    rest = later;
                });
            }
            Link::Stream(None, _) => {}
            Link::Datagrams(it) => {
                for datagram in it.faults.outgoing(bytes) {
                    network.deliver_from(it.socket, it.own, &datagram);
                }
            }
        }
    }

    /// Room for a datagram that the program sends, if there is any.
    pub(crate) fn receive(&mut self, len: usize) -> Option<&mut [u8]> {
        match self {
            Link::Datagrams(it) if it.raw.len() + it.queue.len() < MOST => {
                it.raw.push_back(vec![0; len]);
                it.raw.back_mut().map(Vec::as_mut_slice)
            }
            _ => None,
        }
    }

    /// Has something become of the next datagrams.
    pub(crate) fn fault(&mut self, fault: super::Fault) {
        if let Link::Datagrams(it) = self {
            it.faults.add(fault);
        }
    }

    /// Has the program send no more than so many bytes ahead.
    pub(crate) fn set_window(&mut self, network: &mut Network, window: u32) {
        if let Link::Stream(Some(end), _) = self
            && let Some(end) = network.ends.get_mut(end.0)
        {
            end.window = Some(window);
        }
    }

    /// Says that nothing more is sent.
    pub(crate) fn end_output(&mut self, network: &mut Network) {
        if let Link::Stream(Some(end), _) = self {
            network.drop_output(*end);
        }
    }

    /// Reads no more. What still comes is answered with a reset once nothing is sent either.
    pub(crate) fn end_input(&mut self, network: &mut Network) {
        if let Link::Stream(Some(end), _) = self {
            network.drop_input(*end);
        }
    }

    /// Lets the connection go.
    pub(crate) fn close(&mut self, network: &mut Network) {
        if let Link::Stream(end, _) = self
            && let Some(end) = end.take()
        {
            network.end_release(end);
        }
    }

    /// Resets the connection.
    pub(crate) fn reset(&mut self, network: &mut Network) {
        if let Link::Stream(end, _) = self
            && let Some(end) = end.take()
        {
            network.abort(end.0);
        }
    }
}

impl Datagrams {
    fn pass_faults(&mut self) {
        while let Some(datagram) = self.raw.pop_front() {
            self.queue.extend(self.faults.incoming(datagram));
        }
    }
}

fn source(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(SOURCE.0),
        Family::V6 => IpAddr::V6(SOURCE.1),
    }
}

/// Connections between the program and those in the script.
impl Network {
    /// Connects a socket to a peer. `None` where that is not the script's business.
    pub(crate) fn connect_to_peer(
        &mut self,
        socket: u32,
        family: Family,
        binding: Option<Binding>,
        remote: SocketAddr,
    ) -> Option<Result<u32, ErrorCode>> {
        let space = Space::tcp(family);
        let inside = address::is_inside(remote.ip());
        if inside
            && self
                .ports
                .reached(space, remote)
                .into_iter()
                .flatten()
                .next()
                .is_some()
        {
            return None;
        }
        let leads_out = self.config.leads_out && !inside;
        let play = self.play.as_mut()?;
        let Some(peer) = play.stage.script.peer_at(Protocol::Tcp, remote) else {
            if leads_out {
                return None;
            }
            play.stage.unexpected(Protocol::Tcp, remote);
            return Some(Err(ErrorCode::ConnectionRefused));
        };
        if !play.has_room() {
            return Some(Err(ErrorCode::OutOfMemory));
        }
        match play.connect(socket, peer, remote) {
            Outcome::Later => Some(Err(ErrorCode::WouldBlock)),
            Outcome::Ends(accept) => Some(Err(match accept {
                Accept::Timeout => ErrorCode::Timeout,
                Accept::Unreachable => ErrorCode::RemoteUnreachable,
                Accept::Reset => ErrorCode::ConnectionReset,
                Accept::Refuse | Accept::Now => ErrorCode::ConnectionRefused,
            })),
            Outcome::Opens(opening) => Some(self.open_peer(opening, family, binding, remote)),
        }
    }

    fn open_peer(
        &mut self,
        opening: Opening,
        family: Family,
        binding: Option<Binding>,
        remote: SocketAddr,
    ) -> Result<u32, ErrorCode> {
        let mut local = match binding {
            Some(binding) => binding.address,
            None => SocketAddr::new(family.unspecified(), 0),
        };
        if address::is_no_source(local.ip()) {
            let inside = address::is_inside(remote.ip());
            local.set_ip(if inside {
                family.source()
            } else {
                source(family)
            });
        }
        let space = Space::tcp(family);
        let connect = Connect {
            space,
            local,
            remote,
            binding,
        };
        let (here, there) = self.pair(connect)?;
        if let Some(play) = &mut self.play {
            play.open(opening, Link::stream(EndId(there)), remote);
        }
        Ok(here)
    }

    /// Connects a client, if the program listens and has room.
    pub(crate) fn connect_client(&mut self, from: SocketAddr, to: SocketAddr) -> Option<Link> {
        let (family, to) = target(to);
        let space = Space::tcp(family);
        let listener = self.ports.reached(space, to).into_iter().flatten().next()?;
        let binding = Binding {
            space,
            address: from,
            shared: true,
            by_number: false,
        };
        let connect = Connect {
            space,
            local: from,
            remote: to,
            binding: Some(binding),
        };
        let here = self.connect_to(connect, listener).ok()?;
        Some(Link::stream(EndId(here)))
    }

    /// A client of datagrams, if the program receives there.
    pub(crate) fn reach_client(&mut self, from: SocketAddr, to: SocketAddr) -> Option<Link> {
        let (family, to) = target(to);
        let space = Space::udp(family);
        let socket = self.ports.reached(space, to).into_iter().flatten().next()?;
        Some(Link::datagrams(socket, from))
    }

    /// Puts a datagram into the queue of a socket, if it hears the sender.
    fn deliver_from(&mut self, socket: u32, from: SocketAddr, datagram: &[u8]) {
        let hears = self.udp.get(socket).is_some_and(|it| it.hears(from));
        if hears && let Some(place) = self.deliver(socket, from, datagram.len()) {
            place.copy_from_slice(datagram);
        }
    }

    /// Whether datagrams to an address are the script's business.
    pub(crate) fn is_for_script(&self, to: SocketAddr) -> bool {
        let Some(play) = &self.play else {
            return false;
        };
        let is_client = |it: &super::talk::Talk| it.link.is_of(to);
        !self.config.leads_out
            || play.stage.script.peer_at(Protocol::Udp, to).is_some()
            || play.talks.iter().any(is_client)
    }

    /// Room for a datagram to somebody in the script.
    pub(crate) fn send_to_script(
        &mut self,
        id: UdpId,
        to: SocketAddr,
        len: usize,
    ) -> Option<&mut [u8]> {
        let talk = self.play.as_mut()?.datagrams(id.0, to)?;
        talk.link.receive(len)
    }
}

impl Link {
    /// Whether it is of datagrams, and this is the address of who takes part in the script.
    pub(crate) fn is_of(&self, own: SocketAddr) -> bool {
        matches!(self, Link::Datagrams(it) if it.own == own)
    }
}

/// Where a client connects to. The wildcard stands for what is inside.
fn target(to: SocketAddr) -> (Family, SocketAddr) {
    let family = match to {
        SocketAddr::V4(_) => Family::V4,
        SocketAddr::V6(_) => Family::V6,
    };
    let mut to = to;
    if to.ip().is_unspecified() {
        to.set_ip(family.source());
    }
    (family, to)
}
