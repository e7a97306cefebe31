//! A script as it is run: what a file says, with every name, target and expression worked out.
//!
//! All steps of a script are in one list. Whoever has steps has a run of them.

use super::wire::wire;
use crate::ErrorCode;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// A moment or a span of time, in nanoseconds.
pub type Nanoseconds = u64;

wire! {
    /// A script.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Script {
        /// What reports call its file.
        pub file: String,
        /// Whether time passes on the host's clock. Otherwise it passes when everything waits.
        pub host_clock: bool,
        /// Whether everything that the script does not say is a failure.
        pub strict: bool,
        /// Whether the program ends at the first mismatch. Otherwise the connection does.
        pub traps: bool,
        /// Whether the program ends once the last client is done.
        pub ends: bool,
        /// What names stand for, sorted by name.
        pub names: Vec<Name>,
        /// Who can be connected to.
        pub peers: Vec<Peer>,
        /// Who connects.
        pub clients: Vec<Client>,
        /// All steps.
        pub steps: Vec<Step>,
        /// What can be signalled, by name.
        pub gates: Vec<String>,
        /// What can be captured, by name.
        pub captures: Vec<String>,
        /// The expressions that bytes can be matched with.
        pub expressions: Vec<Dfa>,
    }
}

wire! {
    /// A name, and what looking it up gives.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Name {
        /// In lower case, without a dot at its end.
        pub name: String,
        /// Where the file says so.
        pub line: u32,
        /// What a lookup gives.
        pub first: Found,
        /// How often, if something else follows.
        pub times: Option<u32>,
        /// What follows.
        pub then: Option<Found>,
        /// How long a lookup takes.
        pub delay: Nanoseconds,
    }
}

wire! {
    /// What a lookup gives.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Found {
        /// These addresses, in this order.
        Addresses(Vec<IpAddr>),
        /// An error.
        Fail(ErrorCode),
    }
}

wire! {
    /// TCP or UDP.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Protocol {
        /// TCP.
        Tcp,
        /// UDP.
        Udp,
    }
}

wire! {
    /// Addresses that a peer has.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub struct Target {
        /// A prefix, and how many of its bits count; any address if there is none.
        pub net: Option<Net>,
        /// The first port.
        pub first: u16,
        /// The last port.
        pub last: u16,
    }
}

wire! {
    /// A prefix of addresses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Net {
        /// An address that has it.
        pub ip: IpAddr,
        /// How many of its bits count.
        pub bits: u8,
    }
}

wire! {
    /// Somebody whom the program connects to, or sends datagrams to.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Peer {
        /// What reports call it.
        pub name: String,
        /// Where the file says so.
        pub line: u32,
        /// TCP or UDP.
        pub protocol: Protocol,
        /// Where it is.
        pub at: Vec<Target>,
        /// What it does.
        pub serves: Serves,
    }
}

wire! {
    /// What a peer does.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Serves {
        /// Connection by connection, in this order.
        Connections(Vec<Connection>),
        /// The same in every connection: what somebody answers to what.
        Stubs(Stubs),
        /// The same in every connection, whatever comes.
        Service(Service),
    }
}

wire! {
    /// One connection, or several alike.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Connection {
        /// Where the file says so.
        pub line: u32,
        /// How it begins.
        pub accept: Accept,
        /// How long that takes.
        pub after: Nanoseconds,
        /// How many there are.
        pub times: Count,
        /// What happens in it.
        pub steps: Run,
    }
}

wire! {
    /// How a connection begins.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Accept {
        /// It is there.
        Now,
        /// `connection-refused`
        Refuse,
        /// `timeout`
        Timeout,
        /// `remote-unreachable`
        Unreachable,
        /// `connection-reset`
        Reset,
    }
}

wire! {
    /// How often something happens.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Count {
        /// At least.
        pub least: u32,
        /// At most, if there is a limit.
        pub most: Option<u32>,
    }
}

impl Count {
    /// Once.
    pub const ONCE: Count = Count {
        least: 1,
        most: Some(1),
    };
    /// Once or more.
    pub const SOME: Count = Count {
        least: 1,
        most: None,
    };
}

wire! {
    /// Answers in no order.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Stubs {
        /// How many connections there are.
        pub connections: Count,
        /// The answers. Of several that fit, the first one counts.
        pub stubs: Vec<Stub>,
    }
}

wire! {
    /// An answer, and what it answers.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Stub {
        /// Where the file says so.
        pub line: u32,
        /// What comes.
        pub when: Expect,
        /// What happens then.
        pub reply: Run,
        /// How often.
        pub times: Count,
    }
}

wire! {
    /// A peer that is always there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Service {
        /// What it does.
        pub kind: ServiceKind,
        /// How many connections there are.
        pub connections: Count,
    }
}

wire! {
    /// What a service does.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ServiceKind {
        /// It sends what it gets.
        Echo,
        /// It reads, and says nothing.
        Discard,
        /// It does not even read.
        Blackhole,
    }
}

wire! {
    /// Somebody who connects to the program, or sends datagrams to it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Client {
        /// What reports call it.
        pub name: String,
        /// Where the file says so.
        pub line: u32,
        /// TCP or UDP.
        pub protocol: Protocol,
        /// Where the program is to listen.
        pub to: SocketAddr,
        /// Where it connects from.
        pub from: SocketAddr,
        /// What it does.
        pub steps: Run,
    }
}

wire! {
    /// A run of steps.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Run {
        /// The first one.
        pub first: u32,
        /// How many there are.
        pub count: u32,
    }
}

wire! {
    /// Something that happens, or must happen.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Step {
        /// Its number in its script, from 1.
        pub number: u32,
        /// Where the file says so.
        pub line: u32,
        /// What it is.
        pub action: Action,
    }
}

wire! {
    /// What happens in a step.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Action {
        /// Bytes come that begin so and end so.
        Expect(Expect),
        /// The program ends its side of the connection.
        ExpectClose(Close),
        /// Nothing comes for so long.
        ExpectNothing(Nanoseconds),
        /// Bytes are sent.
        Send(Send),
        /// The program can send no more than so many bytes ahead.
        Window(u32),
        /// The peer ends its side of the connection.
        Close(Direction),
        /// The peer resets the connection.
        Reset,
        /// Nothing ever happens again.
        Hang,
        /// Time passes.
        Wait(Nanoseconds),
        /// A gate opens.
        Signal(u32),
        /// The next step waits for a gate.
        Await(u32),
        /// Something becomes of the next datagrams.
        Fault(Fault),
        /// The steps behind this one happen several times.
        Repeat(Repeat),
    }
}

wire! {
    /// Bytes that come.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Expect {
        /// Where they end.
        pub frame: Frame,
        /// What must hold of them.
        pub check: Check,
        /// Where they are kept, without what marks their end or counts them.
        pub capture: Option<u32>,
    }
}

wire! {
    /// Where bytes end.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Frame {
        /// They are these.
        Exactly(Bytes),
        /// Behind a delimiter.
        Until(Until),
        /// There are so many.
        Length(u64),
        /// There are as many as the first ones say.
        Prefix(Prefix),
        /// Whatever comes next: what there is of a stream, or the rest of a datagram.
        Any,
    }
}

wire! {
    /// Bytes up to a delimiter.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Until {
        /// The delimiter.
        pub delimiter: Bytes,
        /// How many there may be, with the delimiter.
        pub max: u64,
    }
}

wire! {
    /// A number of bytes before them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prefix {
        /// In how many bytes it is.
        pub size: u8,
        /// Whether the last of them counts most.
        pub little: bool,
        /// How large it may be.
        pub max: u64,
    }
}

wire! {
    /// What must hold of bytes.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Check {
        /// The number of an expression that they match somewhere.
        pub matches: Option<u32>,
        /// What is in them.
        pub contains: Option<Bytes>,
    }
}

wire! {
    /// How the program ends a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Close {
        /// It says that it will send no more.
        Send,
        /// It has let the connection go.
        Both,
        /// It resets it.
        Reset,
        /// Any of these.
        Any,
    }
}

wire! {
    /// Which way a connection ends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Direction {
        /// What the peer sends.
        Send,
        /// What the peer reads.
        Receive,
        /// Both.
        Both,
    }
}

wire! {
    /// Bytes that are sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Send {
        /// The bytes.
        pub bytes: Bytes,
        /// How they are cut: the program has read one piece before the next one comes.
        pub segments: Segments,
        /// How much time lies between two pieces.
        pub gap: Nanoseconds,
    }
}

wire! {
    /// How bytes are cut.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Segments {
        /// Not at all.
        Whole,
        /// Into pieces of this length.
        Each(u32),
        /// Into pieces of these lengths, and the rest.
        List(Vec<u32>),
    }
}

wire! {
    /// What becomes of datagrams, whichever way they go.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Fault {
        /// What becomes of them.
        pub kind: FaultKind,
        /// Of how many.
        pub count: u32,
    }
}

wire! {
    /// What becomes of a datagram.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum FaultKind {
        /// It is lost.
        Drop,
        /// It comes twice.
        Duplicate,
        /// It and those behind it come in the opposite order.
        Reorder,
        /// The bits of its last byte are the opposite.
        Corrupt,
    }
}

wire! {
    /// Steps that happen several times.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Repeat {
        /// How often.
        pub times: u32,
        /// How many steps behind this one.
        pub count: u32,
    }
}

wire! {
    /// Bytes, as the parts that they are joined of.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Bytes {
        /// The parts.
        pub parts: Vec<Part>,
    }
}

impl Bytes {
    /// Bytes that are known.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        Bytes {
            parts: alloc::vec![Part::Literal(bytes.into())],
        }
    }
}

wire! {
    /// A part of bytes.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Part {
        /// These.
        Literal(Vec<u8>),
        /// The same ones again and again.
        Fill(Fill),
        /// What was captured.
        Capture(u32),
    }
}

wire! {
    /// The same bytes again and again.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Fill {
        /// The bytes.
        pub pattern: Vec<u8>,
        /// How many there are in all.
        pub len: u64,
    }
}

wire! {
    /// An expression as a table: it says of bytes, one by one, whether they match.
    ///
    /// A row has the next state for each class of bytes, and for the end of all bytes behind them.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Dfa {
        /// The class of each byte, 256 of them.
        pub classes: Vec<u8>,
        /// How many classes there are.
        pub width: u16,
        /// The rows, one behind the other.
        pub rows: Vec<u16>,
        /// The state before the first byte.
        pub start: u16,
    }
}

impl Dfa {
    /// The state in which bytes do not match, whatever follows.
    pub const DEAD: u16 = u16::MAX;
    /// The state in which they match, whatever follows.
    pub const MATCHED: u16 = u16::MAX - 1;
}
