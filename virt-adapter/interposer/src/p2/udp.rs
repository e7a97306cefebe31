//! `wasi:sockets/udp@0.2`
//!
//! The sockets are the host's. The streams of datagrams are made here around the host's, because a
//! stream must know of which socket it is: replies are let in from where that socket has sent to.

use super::{HANDLE, Refusal, UNIT};
use crate::address::{Address, export_with_address, import_with_address, pass_address};
use crate::codes::Code;
use crate::memory::{call, fail, load8, load32, move_block, result, store8, store32, trap};
use crate::policy::{self, Refused, Udp};
use core::cell::Cell;

import_with_address! { "wasi:sockets/udp@0.2"
    "[method]udp-socket.start-bind" host_start_bind(this, network; address; result);
    "[method]udp-socket.stream" host_stream(this, given; address; result);
}

#[link(wasm_import_module = "wasi:sockets/udp@0.2")]
unsafe extern "C" {
    #[link_name = "[method]udp-socket.address-family"]
    safe fn host_address_family(this: u32) -> u32;
    #[link_name = "[method]incoming-datagram-stream.receive"]
    safe fn host_receive(stream: u32, most: u64, result: u32);
    #[link_name = "[method]incoming-datagram-stream.subscribe"]
    safe fn host_subscribe_incoming(stream: u32) -> u32;
    #[link_name = "[method]outgoing-datagram-stream.check-send"]
    safe fn host_check_send(stream: u32, result: u32);
    #[link_name = "[method]outgoing-datagram-stream.send"]
    safe fn host_send(stream: u32, datagrams: u32, count: u32, result: u32);
    #[link_name = "[method]outgoing-datagram-stream.subscribe"]
    safe fn host_subscribe_outgoing(stream: u32) -> u32;
    #[link_name = "[resource-drop]udp-socket"]
    safe fn drop_socket(this: u32);
    #[link_name = "[resource-drop]network"]
    safe fn drop_network(network: u32);
    #[link_name = "[resource-drop]incoming-datagram-stream"]
    safe fn drop_host_incoming(stream: u32);
    #[link_name = "[resource-drop]outgoing-datagram-stream"]
    safe fn drop_host_outgoing(stream: u32);
}

#[link(wasm_import_module = "own")]
unsafe extern "C" {
    #[link_name = "[resource-new]incoming-datagram-stream"]
    safe fn new_incoming(representation: u32) -> u32;
    #[link_name = "[resource-new]outgoing-datagram-stream"]
    safe fn new_outgoing(representation: u32) -> u32;
}

/// The two streams that a call of `stream` gives. Each is represented by its place in [`PAIRS`],
/// counted from 1.
struct Pair {
    /// The host's streams; [`NONE`] for one that was dropped or never was.
    incoming: Cell<u32>,
    outgoing: Cell<u32>,
    /// What the policy knows it by; 0 where it knows nothing of it.
    udp: Cell<u32>,
    is_v6: Cell<bool>,
    is_connected: Cell<bool>,
    /// Where it is connected to, by the address that the guest knows, and by the real one.
    asked: Cell<Address>,
    real: Cell<Address>,
    /// How many datagrams may be sent.
    permit: Cell<u64>,
}

/// No handle is 0.
const NONE: u32 = 0;

/// As many as the policy keeps account of.
const MOST: usize = 1024;

struct Pairs([Pair; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Pairs {}

static PAIRS: Pairs = Pairs(
    [const {
        Pair {
            incoming: Cell::new(NONE),
            outgoing: Cell::new(NONE),
            udp: Cell::new(0),
            is_v6: Cell::new(false),
            is_connected: Cell::new(false),
            asked: Cell::new(Address([0; 12])),
            real: Cell::new(Address([0; 12])),
            permit: Cell::new(0),
        }
    }; MOST],
);

impl Pair {
    fn of(representation: u32) -> &'static Pair {
        match PAIRS.0.get((representation as usize).wrapping_sub(1)) {
            Some(pair) => pair,
            None => trap(),
        }
    }

    fn is_vacant(&self) -> bool {
        self.incoming.get() == NONE && self.outgoing.get() == NONE
    }

    /// A pair that nobody uses, and its representation.
    fn vacant() -> Option<(u32, &'static Pair)> {
        let at = PAIRS.0.iter().position(Pair::is_vacant)?;
        Some((at as u32 + 1, PAIRS.0.get(at)?))
    }

    /// Tells the policy which pairs are no longer used. Destructors leave that for later: there are
    /// engines on which they cannot call another component.
    fn sweep() {
        for pair in PAIRS.0.iter().filter(|pair| pair.is_vacant()) {
            match pair.udp.replace(0) {
                0 => {}
                udp => Udp(udp).close(),
            }
        }
    }

    fn udp(&self) -> Udp {
        Udp(self.udp.get())
    }
}

export_with_address! {
    "wasi:sockets/udp@0.2#[method]udp-socket.start-bind"
    start_bind(this, network; asked) {
        let mut address = asked;
        let decided = policy::udp_bind(&mut address);
        pass_address!(host_start_bind(this, network; address; result()));
        if let Err(refused) = decided {
            let refusal = Refusal { payload: UNIT, is_v6: asked.is_v6(), refused };
            refusal.end(|| host_address_family(this) != 0);
        }
        drop_socket(this);
        drop_network(network);
        result()
    }
}

export_with_address! {
    "wasi:sockets/udp@0.2#[method]udp-socket.stream"
    stream(this, given; asked) {
        let result = open_streams(this, given != 0, asked);
        drop_socket(this);
        result
    }
}

fn open_streams(this: u32, given: bool, asked: Address) -> u32 {
    Pair::sweep();
    let (Some((representation, pair)), Some(udp)) = (Pair::vacant(), Udp::open()) else {
        return fail(HANDLE, Code::OUT_OF_MEMORY.number());
    };
    let is_v6 = || host_address_family(this) != 0;
    let mut address = asked;
    let decided = match given {
        true => udp.connect(&mut address),
        false => Ok(()),
    };
    pass_address!(host_stream(this, given.into(); address; result()));
    if let Err(refused) = decided {
        let refusal = Refusal {
            payload: HANDLE,
            is_v6: asked.is_v6(),
            refused,
        };
        refusal.end(is_v6);
    }
    if load8(result()) != 0 {
        udp.close();
        return result();
    }
    pair.real.set(address);
    udp.connected(given);
    pair.udp.set(udp.0);
    pair.is_connected.set(given);
    pair.asked.set(asked);
    pair.permit.set(0);
    pair.incoming.set(load32(result() + HANDLE));
    pair.outgoing.set(load32(result() + HANDLE + 4));
    pair.is_v6.set(is_v6());
    store32(result() + HANDLE, new_incoming(representation));
    store32(result() + HANDLE + 4, new_outgoing(representation));
    result()
}

/// The destructor of `incoming-datagram-stream`.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[dtor]incoming-datagram-stream")]
extern "C" fn drop_incoming(representation: u32) {
    let pair = Pair::of(representation);
    drop_host_incoming(pair.incoming.replace(NONE));
}

/// The destructor of `outgoing-datagram-stream`.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[dtor]outgoing-datagram-stream")]
extern "C" fn drop_outgoing(representation: u32) {
    let pair = Pair::of(representation);
    drop_host_outgoing(pair.outgoing.replace(NONE));
}

/// An `incoming-datagram` in memory: the data's address and length, and where it comes from.
mod incoming {
    pub(super) const SIZE: u32 = 40;
    pub(super) const REMOTE: u32 = 8;
}

/// Receives from the host, and leaves out what the policy does not let in.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]incoming-datagram-stream.receive")]
extern "C" fn receive(representation: u32, most: u64) -> u32 {
    let pair = Pair::of(representation);
    host_receive(pair.incoming.get(), most, result());
    call::end();
    if load8(result()) != 0 {
        return result();
    }
    let (first, count) = (load32(result() + 4), load32(result() + 8));
    let mut kept = 0;
    for i in 0..count {
        let at = first + i * incoming::SIZE;
        let mut remote = Address::load(at + incoming::REMOTE);
        if !lets_in(pair, &mut remote) {
            continue;
        }
        let to = first + kept * incoming::SIZE;
        if to != at {
            move_block(to, at, incoming::SIZE);
        }
        remote.store(to + incoming::REMOTE);
        kept += 1;
    }
    store32(result() + 8, kept);
    result()
}

/// Whether a sender is let in. Its address becomes the one by which the guest knows it.
fn lets_in(pair: &Pair, remote: &mut Address) -> bool {
    // What else arrives at a connected socket was on its way before.
    if pair.is_connected.get() && *remote == pair.real.get() {
        *remote = pair.asked.get();
        return true;
    }
    pair.udp().receive(remote)
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]incoming-datagram-stream.subscribe")]
extern "C" fn subscribe_incoming(representation: u32) -> u32 {
    host_subscribe_incoming(Pair::of(representation).incoming.get())
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.subscribe")]
extern "C" fn subscribe_outgoing(representation: u32) -> u32 {
    host_subscribe_outgoing(Pair::of(representation).outgoing.get())
}

#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.check-send")]
extern "C" fn check_send(representation: u32) -> u32 {
    let pair = Pair::of(representation);
    host_check_send(pair.outgoing.get(), result());
    if load8(result()) == 0 {
        pair.permit.set(load_u64(result() + 8));
    }
    result()
}

/// An `outgoing-datagram` in memory: the data's address and length, and an option of where to.
mod outgoing {
    pub(super) const SIZE: u32 = 44;
    pub(super) const GIVEN: u32 = 8;
    pub(super) const REMOTE: u32 = 12;
}

/// Where the payload of a `result<u64, error-code>` is.
const COUNT: u32 = 8;

/// Sends what the policy allows of the datagrams, from the first up to one that it denies. As the
/// WIT has it, an error is only told where nothing was sent before it.
#[unsafe(export_name = "wasi:sockets/udp@0.2#[method]outgoing-datagram-stream.send")]
extern "C" fn send(representation: u32, first: u32, count: u32) -> u32 {
    call::end();
    let pair = Pair::of(representation);
    if u64::from(count) > pair.permit.replace(0) && count > 0 {
        trap();
    }
    // Those that are lost before any is sent, and where those that are sent end.
    let (mut lost, mut end) = (0, 0);
    let mut refused = None;
    for i in 0..count {
        match destination(pair, first + i * outgoing::SIZE) {
            Send::Pass => end = i + 1,
            Send::Lose if end == lost => (lost, end) = (i + 1, i + 1),
            Send::Lose => break,
            Send::Refuse(why) => {
                refused = Some(why);
                break;
            }
        }
    }
    match refused {
        Some(why) if end == 0 => refuse(pair, first, why),
        _ => pass(pair, first + lost * outgoing::SIZE, end - lost, lost),
    }
}

/// Sends datagrams through the host, on top of those that were lost.
fn pass(pair: &Pair, first: u32, count: u32, lost: u32) -> u32 {
    if count == 0 {
        store8(result(), 0);
        store_u64(result() + COUNT, lost.into());
        return result();
    }
    host_send(pair.outgoing.get(), first, count, result());
    match load8(result()) {
        0 => store_u64(
            result() + COUNT,
            load_u64(result() + COUNT) + u64::from(lost),
        ),
        _ if lost == 0 => {}
        _ => {
            store8(result(), 0);
            store_u64(result() + COUNT, lost.into());
        }
    }
    result()
}

/// Fails as the host fails one datagram to nowhere, or as the policy says.
fn refuse(pair: &Pair, datagram: u32, refused: Refused) -> u32 {
    let is_v6 = Address::load(datagram + outgoing::REMOTE).is_v6();
    Address::NOWHERE.store(datagram + outgoing::REMOTE);
    host_send(pair.outgoing.get(), datagram, 1, result());
    let refusal = Refusal {
        payload: COUNT,
        is_v6,
        refused,
    };
    refusal.end(|| pair.is_v6.get());
    result()
}

enum Send {
    Pass,
    /// It counts as sent.
    Lose,
    Refuse(Refused),
}

/// What becomes of a datagram. Its destination is made the real one.
fn destination(pair: &Pair, datagram: u32) -> Send {
    if load8(datagram + outgoing::GIVEN) == 0 {
        // To where the socket is connected, or an error of the host's.
        return Send::Pass;
    }
    let mut address = Address::load(datagram + outgoing::REMOTE);
    if pair.is_connected.get() {
        if address != pair.asked.get() {
            return Send::Refuse(None);
        }
        store8(datagram + outgoing::GIVEN, 0);
        return Send::Pass;
    }
    match pair.udp().send(&mut address) {
        Ok(()) => {
            address.store(datagram + outgoing::REMOTE);
            Send::Pass
        }
        Err(Some(denial)) if denial.is_drop() => Send::Lose,
        Err(refused) => Send::Refuse(refused),
    }
}

fn load_u64(at: u32) -> u64 {
    u64::from(load32(at)) | u64::from(load32(at + 4)) << 32
}

fn store_u64(at: u32, value: u64) {
    store32(at, value as u32);
    store32(at + 4, (value >> 32) as u32);
}
