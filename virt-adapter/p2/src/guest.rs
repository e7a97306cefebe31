//! The caller's side of a call: its memory, and the host's functions in the version that it
//! imports.

use crate::binding::Slot;
use crate::layout::streams::{self, stream_error};
use crate::layout::{tcp_create_socket, udp};
use crate::lower::{Ended, FLAT, lower_family};
use crate::memory::release;
#[cfg(feature = "script")]
use crate::state;
use crate::state::away;
use alloc::vec::Vec;
use sockvirt_netstack::{ErrorCode, Family};

/// The binding that a call came by.
#[derive(Clone, Copy)]
pub(crate) struct Guest(u32);

type Copy3 = extern "C" fn(u32, u32, u32);
type Realloc = extern "C" fn(u32, u32, u32, u32) -> u32;
type Ready = extern "C" fn(u32) -> u32;
type Block = extern "C" fn(u32);
type SubscribeDuration = extern "C" fn(u64) -> u32;
type Stderr = extern "C" fn() -> u32;
type Write = extern "C" fn(u32, u32, u32, u32);
#[rustfmt::skip]
type StartBind = extern "C" fn(
    u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32,
);
type CheckWrite = extern "C" fn(u32, u32);
type Read = extern "C" fn(u32, u64, u32);

/// A datagram to send, as the host reads it.
#[repr(C, align(4))]
pub(crate) struct Outgoing(pub(crate) [u8; udp::outgoing_datagram::SIZE]);

/// One that was received.
pub(crate) type Incoming = [u8; udp::incoming_datagram::SIZE];

/// Where the host writes the result of a function of a stream: the case, and what it has.
#[repr(C, align(8))]
struct Answer([u8; streams::output_stream_check_write::SIZE]);

impl Guest {
    pub(crate) fn new(binding: u32) -> Self {
        #[cfg(feature = "script")]
        state::came_by(binding);
        Guest(binding)
    }

    /// Whether there is anything to call: what is lowered without a memory, where nothing of its
    /// version has one, comes by no binding.
    pub(crate) fn is_bound(self) -> bool {
        self.0 != 0
    }

    fn place(self, slot: Slot) -> usize {
        (self.0 + slot as u32) as usize
    }

    /// Writes into the caller's memory.
    pub(crate) fn write(self, to: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        // SAFETY: a function pointer is a place in the table. What stands in this one has this
        // signature, and reads no more of this module's memory than it is told to.
        let copy_out: Copy3 = unsafe { core::mem::transmute(self.place(Slot::CopyOut)) };
        copy_out(
            to,
            bytes.as_ptr().expose_provenance() as u32,
            bytes.len() as u32,
        );
    }

    /// Reads from the caller's memory.
    pub(crate) fn read(self, from: u32, into: &mut [u8]) {
        if into.is_empty() {
            return;
        }
        // SAFETY: as above; it writes no more of this module's memory than it is told to, which is
        // what the slice borrows.
        let copy_in: Copy3 = unsafe { core::mem::transmute(self.place(Slot::CopyIn)) };
        copy_in(
            into.as_mut_ptr().expose_provenance() as u32,
            from,
            into.len() as u32,
        );
    }

    /// A new block in the caller's memory.
    pub(crate) fn allocate(self, align: u32, size: u32) -> u32 {
        // SAFETY: as above.
        let realloc: Realloc = unsafe { core::mem::transmute(self.place(Slot::Allocate)) };
        away(|| realloc(0, 0, align, size))
    }

    /// Waits for the first of these pollables of the host, and gives the positions of those that
    /// are ready.
    pub(crate) fn poll(self, pollables: &[u32]) -> Vec<u32> {
        let mut result = [0u32; 2];
        // SAFETY: as above. The host reads the list, and writes where its result is.
        let poll: Copy3 = unsafe { core::mem::transmute(self.place(Slot::Poll)) };
        poll(
            pollables.as_ptr().expose_provenance() as u32,
            pollables.len() as u32,
            result.as_mut_ptr().expose_provenance() as u32,
        );
        let [at, count] = result.map(|it| it as usize);
        let first: *const u32 = core::ptr::with_exposed_provenance(at);
        // SAFETY: the host wrote so many numbers there, in a block that it got from `realloc`.
        let ready = unsafe { core::slice::from_raw_parts(first, count) }.to_vec();
        release(at, count * 4);
        ready
    }

    /// Waits for a moment that never comes.
    pub(crate) fn hang(self) -> ! {
        // SAFETY: as above.
        let subscribe: SubscribeDuration =
            unsafe { core::mem::transmute(self.place(Slot::SubscribeDuration)) };
        loop {
            self.block(subscribe(u64::MAX));
        }
    }

    /// A pollable of the host's that is ready after some nanoseconds.
    #[cfg(feature = "script")]
    pub(crate) fn timer(self, nanoseconds: u64) -> u32 {
        // SAFETY: as above.
        let subscribe: SubscribeDuration =
            unsafe { core::mem::transmute(self.place(Slot::SubscribeDuration)) };
        subscribe(nanoseconds)
    }

    /// What time it is on the host's clock.
    #[cfg(feature = "script")]
    pub(crate) fn now(self) -> u64 {
        // SAFETY: as above.
        let now: extern "C" fn() -> u64 = unsafe { core::mem::transmute(self.place(Slot::Now)) };
        now()
    }

    /// Ends the program, well or not.
    #[cfg(all(feature = "script", not(feature = "remote")))]
    pub(crate) fn exit(self, is_well: bool) {
        // SAFETY: as above; it has the signature of `block`.
        let exit: Block = unsafe { core::mem::transmute(self.place(Slot::Exit)) };
        exit((!is_well).into());
    }

    /// Waits for a pollable of the host's.
    pub(crate) fn block(self, pollable: u32) {
        // SAFETY: as above.
        let block: Block = unsafe { core::mem::transmute(self.place(Slot::Block)) };
        block(pollable);
    }

    /// Drops something of the host's.
    pub(crate) fn drop_host(self, slot: Slot, handle: u32) {
        // SAFETY: as above; it has the signature of `block`.
        let drop: Block = unsafe { core::mem::transmute(self.place(slot)) };
        drop(handle);
    }

    /// A pollable for a socket of the host's.
    pub(crate) fn subscribe(self, slot: Slot, socket: u32) -> u32 {
        // SAFETY: as above; it has the signature of `ready`.
        let subscribe: Ready = unsafe { core::mem::transmute(self.place(slot)) };
        subscribe(socket)
    }

    /// A network of the host's.
    pub(crate) fn instance_network(self) -> u32 {
        // SAFETY: as above; it has the signature of `get-stderr`.
        let network: Stderr = unsafe { core::mem::transmute(self.place(Slot::InstanceNetwork)) };
        network()
    }

    /// A new socket of the host's.
    pub(crate) fn create(self, slot: Slot, family: Family) -> Result<u32, ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above; it has the signature of `check-write`.
        let create: CheckWrite = unsafe { core::mem::transmute(self.place(slot)) };
        create(lower_family(family), answer.at());
        let payload = tcp_create_socket::create_tcp_socket::PAYLOAD;
        answer.code(payload)?;
        Ok(answer.word(payload))
    }

    /// Sets an option of a socket of the host's, as well as it goes.
    pub(crate) fn set(self, slot: Slot, socket: u32, value: u64) {
        let mut answer = Answer::new();
        let is_narrow = matches!(
            slot,
            Slot::KeepAlive | Slot::KeepAliveCount | Slot::HopLimitTcp | Slot::HopLimitUdp
        );
        if is_narrow {
            // SAFETY: as above; it has the signature of `poll`.
            let set: Copy3 = unsafe { core::mem::transmute(self.place(slot)) };
            set(socket, value as u32, answer.at());
        } else {
            // SAFETY: as above; it has the signature of `read`.
            let set: Read = unsafe { core::mem::transmute(self.place(slot)) };
            set(socket, value, answer.at());
        }
    }

    /// Binds a UDP socket of the host's to the wildcard address, and a port that the host chooses.
    pub(crate) fn bind_udp(
        self,
        socket: u32,
        network: u32,
        family: Family,
    ) -> Result<(), ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above.
        let start: StartBind = unsafe { core::mem::transmute(self.place(Slot::StartBindUdp)) };
        let case = lower_family(family);
        // In both families all is 0.
        start(
            socket,
            network,
            case,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            answer.at(),
        );
        answer.code(udp::udp_socket_start_bind::PAYLOAD)?;
        // SAFETY: as above; it has the signature of `check-write`.
        let finish: CheckWrite = unsafe { core::mem::transmute(self.place(Slot::FinishBindUdp)) };
        loop {
            finish(socket, answer.at());
            match answer.code(udp::udp_socket_finish_bind::PAYLOAD) {
                Err(ErrorCode::WouldBlock) => {
                    let pollable = self.subscribe(Slot::SubscribeUdp, socket);
                    self.block(pollable);
                    self.drop_host(Slot::DropPollable, pollable);
                }
                result => return result,
            }
        }
    }

    /// Has a UDP socket of the host's connect, or not, and gives its streams: incoming, outgoing.
    pub(crate) fn stream_udp(
        self,
        socket: u32,
        remote: Option<[u32; FLAT]>,
    ) -> Result<[u32; 2], ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above; it has the signature of `start-bind`.
        let stream: StartBind = unsafe { core::mem::transmute(self.place(Slot::StreamUdp)) };
        let given = remote.is_some().into();
        let [a, b, c, d, e, f, g, h, i, j, k, l] = remote.unwrap_or_default();
        stream(
            socket,
            given,
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            j,
            k,
            l,
            answer.at(),
        );
        let payload = udp::udp_socket_stream::PAYLOAD;
        answer.code(payload)?;
        Ok([payload, payload + 4].map(|at| answer.word(at)))
    }

    /// Receives so many datagrams at most from a stream of the host. Each is given as the host
    /// writes it, and its data, which it refers to in this module's memory.
    pub(crate) fn receive(
        self,
        incoming: u32,
        most: u64,
        mut take: impl FnMut(Incoming, &[u8]),
    ) -> Result<(), ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above; it has the signature of `read`.
        let receive: Read = unsafe { core::mem::transmute(self.place(Slot::Receive)) };
        receive(incoming, most, answer.at());
        let payload = udp::incoming_datagram_stream_receive::PAYLOAD;
        answer.code(payload)?;
        let [at, count] = [payload, payload + 4].map(|place| answer.word(place));
        let length = count.saturating_mul(udp::incoming_datagram::SIZE as u32);
        for record in given_back(at, length).chunks_exact(udp::incoming_datagram::SIZE) {
            let Ok(record) = Incoming::try_from(record) else {
                continue;
            };
            let word = |at: usize| {
                u32::from_le_bytes([0, 1, 2, 3].map(|i| record.get(at + i).copied().unwrap_or(0)))
            };
            let data = udp::incoming_datagram::DATA;
            take(record, &given_back(word(data), word(data + 4)));
        }
        Ok(())
    }

    /// How many datagrams may be given to a stream of the host.
    pub(crate) fn check_send(self, outgoing: u32) -> Result<u64, ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above; it has the signature of `check-write`.
        let check: CheckWrite = unsafe { core::mem::transmute(self.place(Slot::CheckSend)) };
        check(outgoing, answer.at());
        answer.count(udp::outgoing_datagram_stream_check_send::PAYLOAD)
    }

    /// Gives a datagram to a stream of the host, which lets one in, and says how many it took.
    pub(crate) fn send(self, outgoing: u32, datagram: &Outgoing) -> Result<u64, ErrorCode> {
        let mut answer = Answer::new();
        // SAFETY: as above; it has the signature of `write`. The host reads the datagram.
        let send: Write = unsafe { core::mem::transmute(self.place(Slot::Send)) };
        let at = datagram.0.as_ptr().expose_provenance() as u32;
        send(outgoing, at, 1, answer.at());
        answer.count(udp::outgoing_datagram_stream_send::PAYLOAD)
    }

    /// Writes to standard error of the host, as well as it goes.
    #[cfg(not(all(feature = "script", feature = "remote")))]
    pub(crate) fn report(self, text: &str) {
        // SAFETY: as above.
        let stderr: Stderr = unsafe { core::mem::transmute(self.place(Slot::Stderr)) };
        let stderr = stderr();
        for bytes in text.as_bytes().chunks(MOST_AT_ONCE) {
            let _ = self.blocking_write(stderr, bytes);
        }
    }

    /// Whether a pollable of the host is ready.
    pub(crate) fn is_ready(self, pollable: u32) -> bool {
        // SAFETY: as above.
        let ready: Ready = unsafe { core::mem::transmute(self.place(Slot::Ready)) };
        ready(pollable) != 0
    }

    /// How much may be written to a stream of the host.
    pub(crate) fn check_write(self, output: u32) -> Result<u64, Ended> {
        let mut answer = Answer::new();
        // SAFETY: as above. The host writes where the answer is.
        let check: CheckWrite = unsafe { core::mem::transmute(self.place(Slot::CheckWrite)) };
        check(output, answer.at());
        answer.number(streams::output_stream_check_write::PAYLOAD)
    }

    /// Writes to a stream of the host, which lets so much in.
    pub(crate) fn write_to(self, output: u32, bytes: &[u8]) -> Result<(), Ended> {
        self.put(Slot::Write, output, bytes)
    }

    /// Writes to a stream of the host once it lets so much in: [`MOST_AT_ONCE`] bytes at most.
    pub(crate) fn blocking_write(self, output: u32, bytes: &[u8]) -> Result<(), Ended> {
        self.put(Slot::BlockingWrite, output, bytes)
    }

    fn put(self, slot: Slot, output: u32, bytes: &[u8]) -> Result<(), Ended> {
        let mut answer = Answer::new();
        // SAFETY: as above. The host reads the bytes, and writes where the answer is.
        let write: Write = unsafe { core::mem::transmute(self.place(slot)) };
        write(
            output,
            bytes.as_ptr().expose_provenance() as u32,
            bytes.len() as u32,
            answer.at(),
        );
        answer.case(streams::output_stream_write::PAYLOAD)
    }

    /// Reads from a stream of the host: [`Slot::Read`] or [`Slot::BlockingRead`].
    pub(crate) fn read_from(self, slot: Slot, input: u32, most: u64) -> Result<Vec<u8>, Ended> {
        let mut answer = Answer::new();
        // SAFETY: as above. The host writes where the answer is.
        let read: Read = unsafe { core::mem::transmute(self.place(slot)) };
        read(input, most, answer.at());
        let payload = streams::input_stream_read::PAYLOAD;
        answer.case(payload)?;
        let [at, count] = [payload, payload + 4].map(|place| answer.word(place));
        Ok(given_back(at, count))
    }
}

/// Bytes that the host gave back.
fn given_back(at: u32, count: u32) -> Vec<u8> {
    let [at, count] = [at, count].map(|it| it as usize);
    let first: *const u8 = core::ptr::with_exposed_provenance(at);
    // SAFETY: the host wrote so many bytes there, in a block that it got from `realloc`.
    let bytes = unsafe { core::slice::from_raw_parts(first, count) }.to_vec();
    release(at, count);
    bytes
}

/// As much is written at once by a function that waits, as the WIT has it.
pub(crate) const MOST_AT_ONCE: usize = 4096;

impl Answer {
    fn new() -> Self {
        Answer([0; streams::output_stream_check_write::SIZE])
    }

    fn at(&mut self) -> u32 {
        self.0.as_mut_ptr().expose_provenance() as u32
    }

    fn byte(&self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|i| self.byte(at + i)))
    }

    /// Whether it is an error, which is where the payload is.
    fn case(&self, payload: usize) -> Result<(), Ended> {
        match (self.byte(0), self.byte(payload)) {
            (0, _) => Ok(()),
            (_, stream_error::LAST_OPERATION_FAILED) => {
                Err(Ended::Failed(self.word(payload + stream_error::PAYLOAD)))
            }
            _ => Err(Ended::Closed),
        }
    }

    /// Whether it is an error of sockets, which is where the payload is.
    fn code(&self, payload: usize) -> Result<(), ErrorCode> {
        match self.byte(0) {
            0 => Ok(()),
            _ => Err(ErrorCode::of(self.byte(payload)).unwrap_or(ErrorCode::Unknown)),
        }
    }

    fn number(&self, payload: usize) -> Result<u64, Ended> {
        self.case(payload)?;
        Ok(self.long(payload))
    }

    /// A number, or an error of sockets.
    fn count(&self, payload: usize) -> Result<u64, ErrorCode> {
        self.code(payload)?;
        Ok(self.long(payload))
    }

    fn long(&self, at: usize) -> u64 {
        let [low, high] = [at, at + 4].map(|at| u64::from(self.word(at)));
        low | high << 32
    }
}
