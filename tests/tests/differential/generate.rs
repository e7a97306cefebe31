//! Sequences of calls, made at random.
//!
//! What is called mostly makes sense: a rough idea of what each thing is at says what comes next.
//! Now and then it does not, and calls come in orders in which nobody would make them.

use crate::random::Random;
use std::fmt::Display;

/// How often each kind of step is made, in the order of `step`.
type Theme = [usize; 13];

/// A bit of everything; much of streams, of their ends, or of datagrams; sockets that get no further
/// than a connect; and options.
const THEMES: [Theme; 6] = [
    [16, 4, 6, 22, 5, 8, 10, 5, 4, 11, 2, 6, 1],
    [6, 0, 2, 50, 12, 0, 0, 6, 2, 10, 0, 12, 0],
    [4, 0, 4, 30, 16, 0, 0, 10, 0, 10, 0, 26, 0],
    [0, 0, 0, 0, 0, 14, 52, 8, 4, 10, 0, 11, 1],
    [12, 10, 32, 2, 2, 8, 4, 12, 4, 6, 2, 6, 0],
    [10, 4, 10, 0, 0, 6, 0, 6, 50, 8, 4, 4, 1],
];

/// Names that are looked up.
pub(crate) const NAMES: [&str; 31] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "[::1]",
    "1.2.3.4",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "256.1.1.1",
    "1.2.3.4.5",
    "2130706433",
    "4294967296",
    "::ffff:1.2.3.4",
    "[::",
    "::1]",
    "fe80::1%1",
    "",
    "a b",
    "a/b",
    "a:80",
    "a@b",
    "a|b",
    "a^b",
    "a<b",
    "1.",
    "127.0.0.1.",
    "0x",
    "#",
    "1.2.3.09",
    "[127.0.0.1]",
    "::g",
];

/// The calls of the sequence with this number.
pub(crate) fn sequence(seed: u64) -> String {
    let mut random = Random::new(seed);
    let steps = 4 + random.below(46);
    let mut sequence = Sequence {
        theme: random.pick(&THEMES),
        is_tight: random.percent(10),
        missing: random.pick(&[0, 0, 0, 3, 15]),
        odd: random.pick(&[2, 2, 4, 4, 30]),
        random,
        calls: String::new(),
        sockets: Vec::new(),
        pollables: Vec::new(),
        lookups: Vec::new(),
        named: 0,
    };
    for _ in 0..steps {
        sequence.step();
    }
    sequence.calls
}

/// What a socket is at, as far as the generator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Bound,
    Listening,
    Connecting,
    /// It has streams.
    Connected,
}

#[derive(Clone, Debug)]
struct Socket {
    number: usize,
    is_udp: bool,
    is_v6: bool,
    stage: Stage,
    /// How much may still be written, so that no buffer of the kernel's fills up.
    budget: usize,
}

impl Socket {
    fn name(&self) -> String {
        format!("{}{}", if self.is_udp { 'u' } else { 't' }, self.number)
    }

    fn streams(&self) -> [String; 2] {
        match self.is_udp {
            true => ["in", "out"].map(|it| format!("{it}{}", self.number)),
            false => ["i", "o"].map(|it| format!("{it}{}", self.number)),
        }
    }
}

struct Pollable {
    name: String,
    of: String,
}

struct Sequence {
    random: Random,
    calls: String,
    theme: Theme,
    /// Whether sockets get buffers of any size, and little is sent.
    is_tight: bool,
    /// How many calls in a hundred are left out, so that others make no sense.
    missing: usize,
    /// How many addresses in a hundred are not those of loopback that everybody knows.
    odd: usize,
    sockets: Vec<Socket>,
    pollables: Vec<Pollable>,
    lookups: Vec<String>,
    named: usize,
}

impl Sequence {
    fn say(&mut self, call: impl Display) {
        // A call that is missing is an order that nobody thought of.
        if self.random.percent(self.missing) {
            return;
        }
        self.calls.push_str(&call.to_string());
        self.calls.push('\n');
    }

    fn number(&mut self) -> usize {
        self.named += 1;
        self.named
    }

    fn step(&mut self) {
        let mut chosen = self.random.below(self.theme.iter().sum());
        let mut weights = self.theme.iter();
        let step = weights.position(|weight| match chosen.checked_sub(*weight) {
            Some(rest) => {
                chosen = rest;
                false
            }
            None => true,
        });
        match step.unwrap_or_default() {
            0 => self.pair(),
            1 => drop(self.socket(false)),
            2 => self.advance_tcp(),
            3 => self.stream(),
            4 => self.shut_down(),
            5 => self.datagrams(),
            6 => self.datagram(),
            7 => self.ask(),
            8 => self.option(),
            9 => self.pollable(),
            10 => self.lookup(),
            11 => self.drop(),
            _ => self.trap(),
        }
    }

    /// One of the sockets that are as they should be, or sometimes any.
    fn find(&mut self, is: impl Fn(&Socket) -> bool) -> Option<Socket> {
        let any = self.random.percent(2 + self.missing);
        let fit = self.sockets.iter().filter(|it| any || is(it));
        let fit: Vec<&Socket> = fit.collect();
        let chosen = self.random.below(fit.len());
        fit.get(chosen).map(|it| (*it).clone())
    }

    fn socket_mut(&mut self, number: usize) -> Option<&mut Socket> {
        self.sockets.iter_mut().find(|it| it.number == number)
    }

    fn set_stage(&mut self, number: usize, stage: Stage) {
        if let Some(socket) = self.socket_mut(number) {
            socket.stage = stage;
        }
    }

    fn add(&mut self, is_udp: bool, is_v6: bool, stage: Stage) -> Socket {
        let socket = Socket {
            number: self.number(),
            is_udp,
            is_v6,
            stage,
            budget: if self.is_tight { 64 } else { 40_000 },
        };
        self.sockets.push(socket.clone());
        socket
    }

    fn socket(&mut self, is_udp: bool) -> Socket {
        let is_v6 = self.random.percent(30);
        let socket = self.add(is_udp, is_v6, Stage::Fresh);
        let kind = if is_udp { "udp" } else { "tcp" };
        let family = if is_v6 { 6 } else { 4 };
        self.say(format!("{kind} {} {family}", socket.name()));
        socket
    }
}

/// Addresses.
impl Sequence {
    /// One to bind to.
    fn local(&mut self, is_v6: bool) -> String {
        let is_v6 = is_v6 != self.random.percent(2);
        let ip = match is_v6 {
            false => self.random.pick(&[
                "127.0.0.1",
                "127.0.0.1",
                "127.0.0.1",
                "127.0.0.1",
                "0.0.0.0",
                "0.0.0.0",
                "127.0.0.2",
                "127.1.2.3",
            ]),
            true => self
                .random
                .pick(&["[::1]", "[::1]", "[::1]", "[::1]", "[::]"]),
        };
        let ip = match self.random.percent(self.odd) {
            true => self.odd_ip(is_v6),
            false => ip,
        };
        let port = self.random.pick(&["0", "0", "0", "A", "A", "B", "C"]);
        self.with_scope(format!("{ip}:{port}"), is_v6)
    }

    fn odd_ip(&mut self, is_v6: bool) -> &'static str {
        match is_v6 {
            false => self.random.pick(&[
                "127.255.255.255",
                "192.0.2.1",
                "224.0.0.1",
                "255.255.255.255",
                "127.0.0.0",
                "0.0.0.1",
                "240.0.0.1",
            ]),
            true => self.random.pick(&[
                "[::2]",
                "[::ffff:127.0.0.1]",
                "[2001:db8::1]",
                "[ff02::1]",
                "[fe80::1]",
                "[::127.0.0.1]",
                "[::ffff:0.0.0.0]",
            ]),
        }
    }

    fn with_scope(&mut self, address: String, is_v6: bool) -> String {
        match is_v6 && self.random.percent(8) {
            true => {
                let (flow, scope) = (self.random.below(3), self.random.below(3));
                format!("{address}/{flow}/{scope}")
            }
            false => address,
        }
    }

    /// One to send to: mostly that of a socket.
    fn remote(&mut self, from: &Socket) -> String {
        let stage = match from.is_udp {
            true => Stage::Bound,
            false => Stage::Listening,
        };
        let (is_udp, is_v6) = (from.is_udp, from.is_v6);
        let to = self.find(|it| {
            it.is_udp == is_udp
                && it.is_v6 == is_v6
                && (it.stage == stage || is_udp && it.stage == Stage::Connected)
        });
        match to {
            Some(to) if self.random.percent(85) => format!("@{}", to.name()),
            Some(to) if self.random.percent(40) => {
                let ip = match is_v6 {
                    false => {
                        self.random
                            .pick(&["127.0.0.2", "127.0.0.1", "127.255.255.255", "0.0.0.0"])
                    }
                    true => self.random.pick(&["[::1]", "[::]"]),
                };
                format!("{ip}:@{}", to.name())
            }
            _ => self.local(is_v6),
        }
    }
}

/// TCP.
impl Sequence {
    /// A listener and a client of it.
    fn pair(&mut self) {
        let is_v6 = self.random.percent(30);
        let old = self.find(|it| it.stage == Stage::Listening && it.is_v6 == is_v6);
        let listener = match old {
            Some(old) if self.random.percent(70) => old,
            _ => {
                let listener = self.add(false, is_v6, Stage::Listening);
                let family = if is_v6 { 6 } else { 4 };
                self.say(format!("tcp {} {family}", listener.name()));
                let local = self.local(is_v6);
                self.say(format!("start-bind {} {local}", listener.name()));
                self.say(format!("finish-bind {}", listener.name()));
                self.say(format!("start-listen {}", listener.name()));
                self.say(format!("finish-listen {}", listener.name()));
                listener
            }
        };
        let client = self.add(false, listener.is_v6, Stage::Connected);
        let family = if listener.is_v6 { 6 } else { 4 };
        self.say(format!("tcp {} {family}", client.name()));
        if self.random.percent(15) {
            let local = self.local(listener.is_v6);
            self.say(format!("start-bind {} {local}", client.name()));
            self.say(format!("finish-bind {}", client.name()));
        }
        self.say(format!(
            "start-connect {} @{}",
            client.name(),
            listener.name()
        ));
        self.say(format!("finish-connect {}", client.name()));
        if self.random.percent(85) {
            self.accept(&listener);
        }
    }

    fn accept(&mut self, listener: &Socket) {
        let accepted = self.add(false, listener.is_v6, Stage::Connected);
        self.say(format!("accept {} {}", listener.name(), accepted.number));
    }

    /// The next call in the life of a socket.
    fn advance_tcp(&mut self) {
        let Some(socket) = self.find(|it| !it.is_udp && it.stage != Stage::Connected) else {
            self.socket(false);
            return;
        };
        let name = socket.name();
        match (socket.stage, self.random.below(4)) {
            (Stage::Fresh, 0) => self.connect(&socket),
            (Stage::Fresh, _) => {
                let local = self.local(socket.is_v6);
                self.say(format!("start-bind {name} {local}"));
                self.say(format!("finish-bind {name}"));
                self.set_stage(socket.number, Stage::Bound);
            }
            (Stage::Bound, 0) => self.connect(&socket),
            (Stage::Bound, _) => {
                self.say(format!("start-listen {name}"));
                self.say(format!("finish-listen {name}"));
                self.set_stage(socket.number, Stage::Listening);
            }
            (Stage::Listening, _) => self.accept(&socket),
            (Stage::Connecting | Stage::Connected, _) => {
                self.say(format!("finish-connect {name}"));
                self.set_stage(socket.number, Stage::Connected);
            }
        }
    }

    fn connect(&mut self, socket: &Socket) {
        let remote = self.remote(socket);
        self.say(format!("start-connect {} {remote}", socket.name()));
        self.set_stage(socket.number, Stage::Connecting);
    }

    fn shut_down(&mut self) {
        if let Some(socket) = self.find(|it| !it.is_udp && it.stage == Stage::Connected) {
            let how = self.random.pick(&["receive", "send", "send", "both"]);
            self.say(format!("shutdown {} {how}", socket.name()));
        }
    }

    fn count(&mut self) -> usize {
        match self.is_tight {
            true => self.random.pick(&[0, 1, 2, 7]),
            false => self
                .random
                .pick(&[0, 1, 1, 5, 100, 100, 1_000, 4_096, 9_000]),
        }
    }

    /// A call on a stream of a connection.
    fn stream(&mut self) {
        let Some(socket) = self.find(|it| !it.is_udp && it.stage == Stage::Connected) else {
            return self.pair();
        };
        let [input, output] = socket.streams();
        let most = self.random.pick(&[0, 1, 10, 100, 5_000, 70_000]);
        match self.random.below(10) {
            0..3 => {
                let verb =
                    self.random
                        .pick(&["read", "read", "blocking-read", "skip", "blocking-skip"]);
                self.say(format!("{verb} {input} {most}"));
            }
            3 => self.splice(&output, most),
            4 => {
                let verb = self
                    .random
                    .pick(&["flush", "blocking-flush", "check-write", "debug"]);
                match verb {
                    // The error that the stream gave has its name.
                    "debug" if self.random.percent(50) => self.say(format!("debug e{input}")),
                    "debug" => self.say(format!("debug e{output}")),
                    _ => self.say(format!("{verb} {output}")),
                }
            }
            _ => self.write(&socket, &output),
        }
    }

    fn splice(&mut self, output: &str, most: usize) {
        if let Some(from) = self.find(|it| !it.is_udp && it.stage == Stage::Connected) {
            let [input, _] = from.streams();
            let verb = self.random.pick(&["splice", "blocking-splice"]);
            self.say(format!("{verb} {output} {input} {most}"));
        }
    }

    fn write(&mut self, socket: &Socket, output: &str) {
        let count = self.count().min(socket.budget);
        if let Some(socket) = self.socket_mut(socket.number) {
            socket.budget -= count;
        }
        match self.random.below(6) {
            0 => self.say(format!("blocking-write {output} {}", count.min(4_096))),
            1 => self.say(format!("blocking-zeroes {output} {}", count.min(4_096))),
            2 => {
                self.say(format!("check-write {output}"));
                self.say(format!("zeroes {output} {count}"));
            }
            _ => {
                self.say(format!("check-write {output}"));
                self.say(format!("write {output} {count}"));
            }
        }
    }
}

/// UDP.
impl Sequence {
    /// The next call in the life of a socket.
    fn datagrams(&mut self) {
        let socket = self.find(|it| it.is_udp);
        let socket = match socket {
            Some(socket) if self.random.percent(50) => socket,
            _ => self.socket(true),
        };
        let name = socket.name();
        match socket.stage {
            Stage::Fresh => {
                let local = self.local(socket.is_v6);
                self.say(format!("start-bind {name} {local}"));
                self.say(format!("finish-bind {name}"));
                self.set_stage(socket.number, Stage::Bound);
                if self.random.percent(70) {
                    self.open(&socket);
                }
            }
            _ => {
                if socket.stage == Stage::Connected {
                    self.drop_streams(&socket);
                }
                self.open(&socket);
            }
        }
    }

    fn open(&mut self, socket: &Socket) {
        let remote = match self.random.percent(50) {
            true => "-".to_owned(),
            false => self.remote(socket),
        };
        self.say(format!("stream {} {remote}", socket.name()));
        self.set_stage(socket.number, Stage::Connected);
    }

    /// Sends or receives.
    fn datagram(&mut self) {
        let Some(socket) = self.find(|it| it.is_udp && it.stage == Stage::Connected) else {
            return self.datagrams();
        };
        let [input, output] = socket.streams();
        if self.random.percent(40) {
            let most = self.random.pick(&[0, 1, 2, 20, 1_000]);
            return self.say(format!("receive {input} {most}"));
        }
        let count = self.random.pick(&[0, 1, 1, 1, 2, 3]);
        let mut call = format!("send {output}");
        let mut left = socket.budget;
        for _ in 0..count {
            let length = self
                .random
                .pick(&[0, 1, 10, 10, 192, 193, 1_500, 9_000])
                .min(left);
            left -= length;
            let length = match self.random.percent(3) {
                true => self
                    .random
                    .pick(&[65_507, 65_508, 65_527, 65_528, 65_535, 65_536]),
                false => length,
            };
            call.push_str(&format!(" {length}"));
            if self.random.percent(60) {
                let remote = self.remote(&socket);
                call.push_str(&format!(">{remote}"));
            }
        }
        if let Some(socket) = self.socket_mut(socket.number) {
            socket.budget = left;
        }
        self.say(format!("check-send {output}"));
        self.say(call);
    }
}

/// What all things have in common.
impl Sequence {
    fn ask(&mut self) {
        let Some(socket) = self.find(|_| true) else {
            return;
        };
        let verb = match socket.is_udp {
            true => self.random.pick(&["local", "remote", "family"]),
            false => {
                self.random
                    .pick(&["local", "remote", "local", "remote", "family", "listening"])
            }
        };
        self.say(format!("{verb} {}", socket.name()));
    }

    fn option(&mut self) {
        let Some(socket) = self.find(|_| true) else {
            return;
        };
        let name = socket.name();
        if !socket.is_udp && self.random.percent(10) {
            let size = self.random.pick(&[0, 1_000, 1_u64 << 40]);
            return self.say(format!("backlog {name} {size}"));
        }
        let option = match socket.is_udp {
            true => self
                .random
                .pick(&["hop-limit", "receive-buffer", "send-buffer"]),
            false => self.random.pick(&[
                "keep-alive",
                "keep-alive-idle",
                "keep-alive-interval",
                "keep-alive-count",
                "hop-limit",
                "receive-buffer",
                "send-buffer",
            ]),
        };
        if self.random.percent(60) {
            let value = self.value(option, socket.is_udp);
            self.say(format!("set {name} {option} {value}"));
        }
        if self.random.percent(80) {
            self.say(format!("get {name} {option}"));
        }
    }

    fn value(&mut self, option: &str, is_udp: bool) -> u64 {
        const SECOND: u64 = 1_000_000_000;
        match option {
            "keep-alive" => self.random.pick(&[0, 1]),
            "keep-alive-idle" | "keep-alive-interval" => {
                self.random
                    .pick(&[0, 1, SECOND - 1, SECOND, SECOND + 1, 77 * SECOND, u64::MAX])
            }
            "keep-alive-count" => self.random.pick(&[0, 1, 5, 127, 128, u64::from(u32::MAX)]),
            "hop-limit" => self.random.pick(&[0, 1, 64, 255]),
            // How many datagrams fit into a small buffer differs between kernels.
            "receive-buffer" if self.is_tight && is_udp => {
                self.random.pick(&[0, 10_000, 100_000, u64::MAX])
            }
            _ if self.is_tight => self
                .random
                .pick(&[0, 1, 10_000, 100_000, 1 << 32, u64::MAX]),
            _ => self.random.pick(&[0, 100_000, 200_001, 1 << 32]),
        }
    }

    fn pollable(&mut self) {
        let asked = self.random.below(4);
        if self.pollables.is_empty() || asked == 0 {
            return self.subscribe();
        }
        let chosen = self.random.below(self.pollables.len());
        let name = self.pollables[chosen].name.clone();
        match asked {
            1 => self.say(format!("ready {name}")),
            2 => self.say(format!("block {name}")),
            _ => {
                let mut call = format!("poll {name}");
                for _ in 0..self.random.below(4) {
                    let chosen = self.random.below(self.pollables.len());
                    call.push_str(&format!(" {}", self.pollables[chosen].name));
                }
                self.say(call);
            }
        }
    }

    fn subscribe(&mut self) {
        let listener = match self.random.percent(25) {
            true => self.find(|it| it.stage == Stage::Listening),
            false => None,
        };
        let Some(socket) = listener.or_else(|| self.find(|_| true)) else {
            return;
        };
        let has_streams = socket.stage == Stage::Connected;
        let of = match self.random.below(3) {
            stream @ 0..2 if has_streams => socket.streams()[stream].clone(),
            _ => socket.name(),
        };
        let name = format!("p{}", self.number());
        self.say(format!("subscribe {of} {name}"));
        self.pollables.push(Pollable { name, of });
    }

    fn lookup(&mut self) {
        let number = self.number();
        let name = self.random.pick(&NAMES);
        self.say(format!("resolve r{number} {name}"));
        self.lookups.push(format!("r{number}"));
        for _ in 0..self.random.below(4) {
            self.say(format!("next r{number}"));
        }
        if self.random.percent(30) {
            let pollable = format!("p{}", self.number());
            self.say(format!("subscribe r{number} {pollable}"));
            self.say(format!("ready {pollable}"));
            self.say(format!("drop {pollable}"));
        }
    }

    fn drop(&mut self) {
        match self.random.below(10) {
            0 if !self.lookups.is_empty() => {
                let lookup = self.lookups.remove(0);
                self.say(format!("drop {lookup}"));
            }
            1 | 2 if !self.pollables.is_empty() => {
                let chosen = self.random.below(self.pollables.len());
                let pollable = self.pollables.remove(chosen);
                self.say(format!("drop {}", pollable.name));
            }
            3 | 4 => {
                if let Some(socket) = self.find(|it| it.stage == Stage::Connected) {
                    let [input, output] = socket.streams();
                    let stream = match self.random.percent(50) {
                        true => input,
                        false => output,
                    };
                    self.drop_pollables(&stream);
                    self.say(format!("drop {stream}"));
                }
            }
            _ => self.drop_socket(),
        }
    }

    fn drop_pollables(&mut self, of: &str) {
        let (gone, kept) = std::mem::take(&mut self.pollables)
            .into_iter()
            .partition(|it| it.of == of);
        self.pollables = kept;
        for pollable in Vec::from_iter::<Vec<Pollable>>(gone) {
            self.say(format!("drop {}", pollable.name));
        }
    }

    fn drop_streams(&mut self, socket: &Socket) {
        for stream in socket.streams() {
            self.drop_pollables(&stream);
            self.say(format!("drop {stream}"));
        }
    }

    fn drop_socket(&mut self) {
        let Some(socket) = self.find(|_| true) else {
            return;
        };
        if socket.stage == Stage::Connected {
            self.drop_streams(&socket);
        }
        self.drop_pollables(&socket.name());
        self.say(format!("drop {}", socket.name()));
        self.sockets.retain(|it| it.number != socket.number);
    }

    /// A call that may end the program.
    fn trap(&mut self) {
        let Some(socket) = self.find(|it| it.stage == Stage::Connected) else {
            return;
        };
        let [_, output] = socket.streams();
        match (socket.is_udp, self.random.below(4)) {
            (_, 0) => self.say(format!("drop {}", socket.name())),
            (true, 1) => self.say(format!("stream {} -", socket.name())),
            (true, _) => self.say(format!("send {output} 1 1")),
            (false, 1) => self.say(format!("blocking-write {output} 4097")),
            (false, 2) => {
                let (verb, count) = self.random.pick(&[
                    ("blocking-zeroes", 4_097_u64),
                    ("zeroes", 65_537),
                    ("zeroes", u64::MAX),
                    ("write", 65_537),
                ]);
                self.say(format!("check-write {output}"));
                self.say(format!("{verb} {output} {count}"));
            }
            (false, _) => self.say(format!("write {output} 1")),
        }
    }
}
