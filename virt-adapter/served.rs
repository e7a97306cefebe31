//! A network that other components call: `sockvirt_netstack` behind three functions of plain numbers
//! (`calls.rs`), for each component that has one for others.
//!
//! It has no handles and knows no version of WASI: who calls it has those. Ids are given to whoever
//! asks, and nothing that it is told makes it do more than the netstack does.

use crate::calls::{BLOCK, Block, Blocks, Call, MOST, Numbers, Wire, calls};
use core::cell::UnsafeCell;
use core::net::{IpAddr, SocketAddr};
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{
    EndId, ErrorCode, Family, LookupId, Network, Shutdown, SocketOption, StreamEnd, TcpId, UdpId,
    WriteError,
};

/// Whose network it is.
pub(crate) trait Owner {
    fn network(&mut self) -> &mut Network;

    /// Notes an end of a connection that the next call is about.
    fn touches(&mut self, end: EndId);

    /// Takes what has happened meanwhile, without a call: whether anything has.
    fn catch_up(&mut self) -> bool;

    /// Has everybody in the script do what can be done. Whether the program is to end at once.
    #[cfg(feature = "script")]
    fn take_turn(&mut self) -> bool;

    /// Notes whether whoever calls has sockets of the host's, which may be waited for.
    #[cfg(feature = "script")]
    fn note_hosted(&mut self, any: bool);

    /// Ends the script, and tells of it. Whether all was as it should be.
    #[cfg(feature = "script")]
    fn verdict(&mut self) -> bool;

    /// Ends the program with its script, if the host lets programs end.
    #[cfg(feature = "script")]
    fn end(&mut self);
}

/// What is handed over or waits to be fetched, and the last answer.
struct Served {
    handed_over: Blocks,
    fetched: Blocks,
    /// The block that is fetched next.
    next: usize,
    answer: Block,
}

struct Global(UnsafeCell<Served>);

// SAFETY: the module has one thread.
unsafe impl Sync for Global {}

static GLOBAL: Global = Global(UnsafeCell::new(Served {
    handed_over: Blocks::new(),
    fetched: Blocks::new(),
    next: 0,
    answer: [0; 8],
}));

fn served() -> &'static mut Served {
    // SAFETY: exported functions run one at a time, each takes it once, and none of them calls code
    // that does.
    unsafe { &mut *GLOBAL.0.get() }
}

/// Answers a call: where the answer is.
pub(crate) fn answer(owner: &mut impl Owner, call: Block) -> *const Block {
    let served = served();
    served.answer = served.answer(owner, Numbers::of(call)).block;
    &raw const served.answer
}

/// Takes the next block of what is handed over.
#[unsafe(export_name = "put")]
#[allow(
    clippy::too_many_arguments,
    reason = "a block is passed as eight numbers"
)]
extern "C" fn put(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) {
    let served = served();
    if served.handed_over.blocks().len() < MOST / BLOCK {
        served.handed_over.push([a, b, c, d, e, f, g, h]);
    }
}

/// Where the next block is that is fetched.
#[unsafe(export_name = "get")]
extern "C" fn get() -> *const Block {
    let served = served();
    match served.fetched.blocks().get(served.next) {
        Some(block) => {
            served.next += 1;
            block
        }
        None => &raw const served.answer,
    }
}

macro_rules! answers {
    (
        network { $($(#[$when:meta])* $method:ident($($a:ident: $at:ty),*) -> $r:ty;)* }
        hub { $($(#[$with:meta])* $own:ident($($b:ident: $bt:ty),*) -> $s:ty;)* }
    ) => {
        fn answer(&mut self, owner: &mut impl Owner, mut call: Numbers) -> Numbers {
            let mut answer = Numbers::of([0; 8]);
            match call.get() {
                $($(#[$when])* it if it == Call::$method as u64 => {
                    $(let $a = take::<$at>(owner, &mut call);)*
                    let given: $r = owner.network().$method($($a),*);
                    given.put(&mut answer);
                })*
                $($(#[$with])* it if it == Call::$own as u64 => {
                    $(let $b = take::<$bt>(owner, &mut call);)*
                    let given: $s = self.$own(owner, $($b),*);
                    given.put(&mut answer);
                })*
                _ => {}
            }
            answer
        }
    };
}

/// The next argument of a call.
fn take<T: Wire>(owner: &mut impl Owner, call: &mut Numbers) -> T {
    let argument = T::get(call);
    if let Some(end) = argument.end(owner.network()) {
        owner.touches(end);
    }
    argument
}

impl Served {
    calls!(answers);

    /// What was handed over, and nothing is left of it.
    fn take_over(&mut self) -> Blocks {
        core::mem::take(&mut self.handed_over)
    }

    /// Has bytes wait to be fetched.
    fn give(&mut self, bytes: Blocks) {
        self.next = 0;
        self.fetched = bytes;
    }

    fn read(&mut self, owner: &mut impl Owner, id: EndId, most: usize) -> usize {
        let [first, second] = owner.network().peek(id, most.min(MOST));
        let count = first.len() + second.len();
        let mut bytes = Blocks::with_room(count);
        let (front, back) = bytes.bytes_mut(count).split_at_mut(first.len());
        front.copy_from_slice(first);
        back.copy_from_slice(second);
        self.give(bytes);
        owner.network().skip(id, count)
    }

    fn write(&mut self, owner: &mut impl Owner, id: EndId, count: usize) -> Result<(), WriteError> {
        let blocks = self.take_over();
        let mut rest = blocks.bytes(count);
        owner.network().write_with(id, count, |run| {
            if let Some((now, later)) = rest.split_at_checked(run.len()) {
                run.copy_from_slice(now);
                rest = later;
            }
        })
    }

    fn send(
        &mut self,
        owner: &mut impl Owner,
        id: UdpId,
        count: usize,
        to: Option<SocketAddr>,
    ) -> Result<(), ErrorCode> {
        let blocks = self.take_over();
        let bytes = blocks.bytes(count);
        owner.network().udp_send_with(id, count, to, |place| {
            if place.len() == bytes.len() {
                place.copy_from_slice(bytes);
            }
        })
    }

    fn receive(
        &mut self,
        owner: &mut impl Owner,
        id: UdpId,
    ) -> Result<Option<(usize, SocketAddr)>, ErrorCode> {
        let mut received = None;
        let mut blocks = Blocks::new();
        owner.network().udp_receive_with(id, |data, from| {
            blocks = Blocks::with_room(data.len());
            blocks.bytes_mut(data.len()).copy_from_slice(data);
            received = Some((data.len(), from));
        })?;
        self.give(blocks);
        Ok(received)
    }

    fn look_up(&mut self, owner: &mut impl Owner, count: usize) -> Result<LookupId, ErrorCode> {
        let blocks = self.take_over();
        owner.network().lookup(blocks.bytes(count))
    }

    fn catch_up(&mut self, owner: &mut impl Owner) -> bool {
        owner.catch_up()
    }
}

/// What is asked of a script.
#[cfg(feature = "script")]
impl Served {
    /// Notes that the program waits for what can never happen: what was handed over says for what.
    fn waits(&mut self, owner: &mut impl Owner, count: usize) {
        let blocks = self.take_over();
        if let Ok(text) = core::str::from_utf8(blocks.bytes(count)) {
            owner.network().note_deadlock(text);
        }
    }

    fn note_hosted(&mut self, owner: &mut impl Owner, any: bool) {
        owner.note_hosted(any);
    }

    fn take_turn(&mut self, owner: &mut impl Owner) -> bool {
        owner.take_turn()
    }

    fn verdict(&mut self, owner: &mut impl Owner) -> bool {
        owner.verdict()
    }

    fn end(&mut self, owner: &mut impl Owner) {
        owner.end();
    }
}
