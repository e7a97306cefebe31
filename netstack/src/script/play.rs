//! A script that is played: what everybody in it shares, and who is at what.

use super::account::{Closed, Ended, Past};
use super::bytes::Captures;
use super::link::Link;
use super::matcher::Book;
use super::report::Failure;
use super::talk::{Talk, Who};
use super::{Accept, Connection, Nanoseconds, Protocol, Script, Serves};
use crate::{Network, address};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// How much time each call takes where time passes only when everything waits: a program that asks
/// again and again without waiting gets somewhere, too.
const TICK: Nanoseconds = 1_000;
/// When the clock begins. Programs subtract from it.
const BEGIN: Nanoseconds = 3_600_000_000_000;
/// How often time may pass for a program that waits while nothing of the script happens.
const PATIENCE: u32 = 1_000_000;
/// How long a program may go on with timers of its own after the last client is done.
const GRACE: Nanoseconds = 600_000_000_000;
/// No more connections and conversations are there at a time, and no more of them wait.
const MOST: usize = 16_384;

/// What all who take part can see.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) script: Rc<Script>,
    pub(crate) now: Nanoseconds,
    pub(crate) captures: Captures,
    pub(crate) gates: Vec<bool>,
    pub(crate) failures: Vec<Failure>,
    /// For each peer, how often each of its stubs was used.
    pub(crate) used: Vec<Vec<u32>>,
    /// Whether the program has ended.
    pub(crate) is_over: bool,
}

impl Stage {
    pub(crate) fn book(&self) -> Book<'_> {
        Book {
            script: &self.script,
            captures: &self.captures,
        }
    }
}

/// A script that is played.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) talks: Vec<Talk>,
    /// For each peer, how many connections to it there were.
    pub(crate) opened: Vec<u32>,
    /// For each client, whether it has connected, and whether it is done.
    pub(crate) clients: Vec<Attempt>,
    /// For each name, how often it was looked up.
    pub(crate) lookups: Vec<u32>,
    /// What of it is over.
    pub(super) ended: Ended,
    /// The status that the program has ended with.
    pub(super) status: u32,
    connects: Vec<Connecting>,
    /// How often time has passed since something of the script happened.
    idle: u32,
    /// When the last client was done.
    done_at: Option<Nanoseconds>,
}

/// What became of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It has not connected. It goes on to `Connected`.
    Waits,
    /// It has connected.
    Connected,
}

/// A connect whose outcome is decided.
#[derive(Clone, Copy, Debug)]
struct Connecting {
    /// The number of the socket.
    socket: u32,
    /// The number of the connection, from 1.
    number: u32,
    /// At which place in the script it stands, where the peer has single connections.
    place: usize,
    accept: Accept,
    at: Nanoseconds,
}

/// How a connect to a peer goes on.
#[derive(Debug)]
pub(crate) enum Outcome {
    Later,
    Ends(Accept),
    Opens(Opening),
}

/// A connection to a peer that opens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    peer: u32,
    number: u32,
    place: usize,
}

impl Play {
    pub(crate) fn new(script: Script) -> Self {
        let stubs = |serves: &Serves| match serves {
            Serves::Stubs(stubs) => vec![0; stubs.stubs.len()],
            _ => Vec::new(),
        };
        Play {
            talks: Vec::new(),
            opened: vec![0; script.peers.len()],
            clients: vec![Attempt::Waits; script.clients.len()],
            lookups: vec![0; script.names.len()],
            ended: Ended::default(),
            status: 0,
            connects: Vec::new(),
            idle: 0,
            done_at: None,
            stage: Stage {
                now: BEGIN,
                captures: vec![None; script.captures.len()],
                gates: vec![false; script.gates.len()],
                failures: Vec::new(),
                used: script.peers.iter().map(|it| stubs(&it.serves)).collect(),
                is_over: false,
                script: Rc::new(script),
            },
        }
    }

    /// How the connect of a socket goes on, which is decided when it is first asked.
    pub(crate) fn connect(&mut self, socket: u32, peer: u32, remote: SocketAddr) -> Outcome {
        let known = self.connects.iter().position(|it| it.socket == socket);
        let place = match known {
            Some(place) => place,
            None => {
                let connecting = self.decide(socket, peer, remote);
                self.connects.push(connecting);
                self.connects.len() - 1
            }
        };
        let Some(connecting) = self.connects.get(place).copied() else {
            return Outcome::Later;
        };
        if connecting.at > self.stage.now {
            return Outcome::Later;
        }
        self.connects.swap_remove(place);
        match connecting.accept {
            Accept::Now => Outcome::Opens(Opening {
                peer,
                number: connecting.number,
                place: connecting.place,
            }),
            accept => {
                self.note_closed(peer, connecting, remote);
                Outcome::Ends(accept)
            }
        }
    }

    fn note_closed(&mut self, peer: u32, connecting: Connecting, address: SocketAddr) {
        let Connecting {
            number,
            place,
            accept,
            ..
        } = connecting;
        let serves = self.stage.script.peers.get(peer as usize);
        let connection = match serves.map(|it| &it.serves) {
            Some(Serves::Connections(all)) => all.get(place),
            _ => None,
        };
        self.ended.add(Past::Closed(Closed {
            who: Who::Peer { peer, number },
            address,
            line: connection.map_or(0, |it| it.line),
            accept,
        }));
    }

    fn decide(&mut self, socket: u32, peer: u32, remote: SocketAddr) -> Connecting {
        let opened = self.opened.get_mut(peer as usize);
        let before = opened.map_or(0, |it| {
            *it = it.saturating_add(1);
            *it - 1
        });
        let serves = self.stage.script.peers.get(peer as usize);
        let serves = serves.map(|it| &it.serves);
        let found = match serves {
            Some(Serves::Connections(all)) => {
                place_of(all, before).map(|(place, it)| (place, it.accept, it.after))
            }
            Some(Serves::Stubs(stubs)) => {
                let fits = stubs.connections.has_room(before);
                fits.then_some((0, Accept::Now, 0))
            }
            Some(Serves::Service(service)) => {
                let fits = service.connections.has_room(before);
                fits.then_some((0, Accept::Now, 0))
            }
            None => None,
        };
        let (place, accept, after) = found.unwrap_or_else(|| {
            self.stage.unexpected_connection(peer, before + 1, remote);
            // It stands nowhere.
            (usize::MAX, Accept::Refuse, 0)
        });
        self.idle = 0;
        Connecting {
            socket,
            number: before + 1,
            place,
            accept,
            at: self.stage.now.saturating_add(after),
        }
    }

    /// Forgets a socket that was to be connected.
    pub(crate) fn forget(&mut self, socket: u32) {
        self.connects.retain(|it| it.socket != socket);
    }

    /// Begins what a peer does in a connection.
    pub(crate) fn open(&mut self, opening: Opening, link: Link, address: SocketAddr) {
        let Opening {
            peer,
            number,
            place,
        } = opening;
        let serves = self.stage.script.peers.get(peer as usize);
        let Some(serves) = serves.map(|it| &it.serves) else {
            return;
        };
        let who = Who::Peer { peer, number };
        let talk = match serves {
            Serves::Connections(all) => {
                let steps = all.get(place).map(|it| it.steps).unwrap_or_default();
                Talk::steps(who, link, address, steps)
            }
            Serves::Stubs(stubs) => Talk::stubs(who, link, address, stubs, self.stage.book()),
            Serves::Service(service) => Talk::service(who, link, address, service.kind),
        };
        self.talks.push(talk);
    }

    /// Whether one more conversation has room.
    pub(crate) fn has_room(&self) -> bool {
        self.talks.len() < MOST
    }

    /// The conversation of datagrams between a socket and a peer.
    pub(crate) fn datagrams(&mut self, socket: u32, to: SocketAddr) -> Option<&mut Talk> {
        let is_it = |talk: &Talk| talk.link.is_between(socket, to);
        if let Some(place) = self.talks.iter().position(is_it) {
            return self.talks.get_mut(place);
        }
        let Some(peer) = self.stage.script.peer_at(Protocol::Udp, to) else {
            self.stage.unexpected_datagram(to);
            return None;
        };
        if !self.has_room() {
            return None;
        }
        let decided = self.decide(socket, peer, to);
        if decided.accept != Accept::Now {
            return None;
        }
        let opening = Opening {
            peer,
            number: decided.number,
            place: decided.place,
        };
        self.open(opening, Link::datagrams(socket, to), to);
        self.talks.last_mut()
    }

    /// Has everybody do what can be done now.
    pub(crate) fn turn(&mut self, network: &mut Network) {
        if !self.stage.script.host_clock {
            self.stage.now = self.stage.now.saturating_add(TICK);
        }
        loop {
            let mut goes_on = self.start_clients(network);
            for talk in &mut self.talks {
                goes_on |= talk.run(&mut self.stage, network);
            }
            if !goes_on {
                break;
            }
            self.idle = 0;
        }
        // What is done and closed says nothing any more.
        for talk in self.talks.extract_if(.., |talk| talk.is_gone()) {
            self.ended.add(Past::Talk(Box::new(talk)));
        }
        if self.done_at.is_none() && self.clients_are_done() {
            self.done_at = Some(self.stage.now);
        }
    }

    fn start_clients(&mut self, network: &mut Network) -> bool {
        let mut started = false;
        let waiting = (0..).zip(self.clients.iter_mut());
        for (number, attempt) in waiting.filter(|(_, it)| **it == Attempt::Waits) {
            let clients = &self.stage.script.clients;
            let Some(client) = clients.get(number as usize) else {
                continue;
            };
            let link = match client.protocol {
                Protocol::Tcp => network.connect_client(client.from, client.to),
                Protocol::Udp => network.reach_client(client.from, client.to),
            };
            if let Some(link) = link {
                *attempt = Attempt::Connected;
                let who = Who::Client(number);
                let talk = Talk::steps(who, link, client.to, client.steps);
                self.talks.push(talk);
                started = true;
            }
        }
        started
    }

    /// Whether all clients have done what they had to.
    fn clients_are_done(&self) -> bool {
        let connected = self.clients.iter().all(|it| *it == Attempt::Connected);
        let is_busy = |talk: &Talk| matches!(talk.who, Who::Client(_)) && !talk.is_done();
        !self.clients.is_empty() && connected && !self.talks.iter().any(is_busy)
    }

    /// The next moment at which something happens without the program, if there is one.
    pub(crate) fn next_moment(&self) -> Option<Nanoseconds> {
        let talks = self.talks.iter().filter_map(Talk::due);
        let connects = self.connects.iter().map(|it| it.at);
        talks
            .chain(connects)
            .filter(|it| *it > self.stage.now)
            .min()
    }

    /// Has time pass up to a moment at which somebody waits for something. False where that was for
    /// nothing for too long.
    pub(crate) fn pass_to(&mut self, moment: Nanoseconds) -> bool {
        self.stage.now = self.stage.now.max(moment);
        self.idle += 1;
        self.idle <= PATIENCE
    }

    /// Whether the program is to end, which waits until a moment of its own, or for ever.
    pub(crate) fn is_to_end(&self, until: Option<Nanoseconds>) -> bool {
        let Some(done) = self.done_at.filter(|_| self.stage.script.ends) else {
            return false;
        };
        self.next_moment().is_none() && until.is_none_or(|until| until.saturating_sub(done) > GRACE)
    }

    /// Notes a write of the program.
    pub(crate) fn note_write(&mut self, end: u32, count: usize) {
        let mut talks = self.talks.iter_mut();
        if let Some(talk) = talks.find(|talk| talk.link.is_end(end)) {
            talk.note_write(count as u64);
        }
    }

    /// Whether the program must end at once.
    pub(crate) fn traps(&self) -> bool {
        self.stage.script.traps && !self.stage.failures.is_empty()
    }
}

/// The entry of a connection, of which there were some before, and its place.
fn place_of(connections: &[Connection], before: u32) -> Option<(usize, &Connection)> {
    let mut left = before;
    for (place, connection) in connections.iter().enumerate() {
        match connection.times.most {
            Some(most) if left >= most => left -= most,
            _ => return Some((place, connection)),
        }
    }
    None
}

impl super::Count {
    /// Whether there may be one more.
    pub(crate) fn has_room(self, before: u32) -> bool {
        self.most.is_none_or(|most| before < most)
    }
}

/// What a script does on a network.
impl Network {
    /// A network on which a script is played.
    pub fn with_script(config: crate::Config, script: Script) -> Self {
        let mut network = Network::new(config);
        network.play = Some(Box::new(Play::new(script)));
        network
    }

    /// Has everybody in the script do what can be done now. Whoever owns the network calls this
    /// before each call of the program's.
    pub fn turn(&mut self) {
        if let Some(mut play) = self.play.take() {
            play.turn(self);
            self.play = Some(play);
        }
    }

    /// What time it is, on the script's clock.
    pub fn now(&self) -> Nanoseconds {
        self.play.as_ref().map_or(0, |it| it.stage.now)
    }

    /// Says what time it is, where the script has the host's clock.
    pub fn set_now(&mut self, now: Nanoseconds) {
        if let Some(play) = &mut self.play {
            play.stage.now = now;
        }
    }

    /// Whether time passes on the host's clock.
    pub fn has_host_clock(&self) -> bool {
        self.play
            .as_ref()
            .is_some_and(|it| it.stage.script.host_clock)
    }

    /// The next moment at which something happens without the program, if there is one.
    pub fn next_moment(&self) -> Option<Nanoseconds> {
        let lookups = (0..self.lookups.numbers()).filter_map(|it| self.lookups.get(it));
        let lookups = lookups.map(|it| it.due).filter(|due| *due > self.now());
        let play = self.play.as_ref().and_then(|it| it.next_moment());
        lookups.chain(play).min()
    }

    /// Has time pass up to a moment for which the program waits. False where it has waited for
    /// nothing for too long.
    pub fn pass_to(&mut self, moment: Nanoseconds) -> bool {
        let passes = self.play.as_mut().is_none_or(|it| it.pass_to(moment));
        self.turn();
        passes
    }

    /// Whether the program, which waits until a moment or for ever, is to end: all clients are done.
    pub fn is_to_end(&self, until: Option<Nanoseconds>) -> bool {
        self.play.as_ref().is_some_and(|it| it.is_to_end(until))
    }

    /// Whether the program is to end at once, for something was not as the script says.
    pub fn traps(&self) -> bool {
        self.play.as_ref().is_some_and(|it| it.traps())
    }

    /// Whether an address is one of this network: inside, or a peer's.
    pub fn has_address(&self, protocol: Protocol, address: SocketAddr) -> bool {
        address::is_inside(address.ip()) || self.has_peer(protocol, address)
    }

    pub(crate) fn has_peer(&self, protocol: Protocol, address: SocketAddr) -> bool {
        let play = self.play.as_ref();
        play.is_some_and(|it| it.stage.script.peer_at(protocol, address).is_some())
    }
}
