//! Sequences of calls to the sockets of WASI 0.3, made at random.

use crate::generate::NAMES;
use crate::random::Random;
use std::fmt::Display;

/// How often each kind of step is made, in the order of `step`.
type Theme = [usize; 9];

/// A bit of everything; much of streams and of their ends; datagrams; sockets by themselves; and much
/// that goes on beside the rest.
const THEMES: [Theme; 5] = [
    [14, 20, 10, 8, 14, 10, 10, 4, 8],
    [8, 50, 8, 12, 0, 2, 2, 4, 18],
    [0, 0, 0, 0, 60, 10, 20, 2, 8],
    [8, 4, 0, 4, 0, 40, 20, 0, 10],
    [10, 20, 0, 6, 16, 0, 0, 40, 8],
];

/// The calls of the sequence with this number.
pub(crate) fn sequence(seed: u64) -> String {
    let mut random = Random::new(seed ^ 0x3333_0000);
    let steps = 4 + random.below(36);
    let mut sequence = Sequence {
        theme: random.pick(&THEMES),
        missing: random.pick(&[0, 0, 0, 3, 15]),
        random,
        calls: String::new(),
        sockets: Vec::new(),
        named: 0,
        pending: Vec::new(),
    };
    for _ in 0..steps {
        sequence.step();
    }
    sequence.calls
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Listening,
    /// It has streams.
    Connected,
}

#[derive(Clone)]
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
}

struct Sequence {
    random: Random,
    calls: String,
    theme: Theme,
    /// How many calls in a hundred are left out, so that others make no sense.
    missing: usize,
    sockets: Vec<Socket>,
    named: usize,
    /// The numbers of calls that go on, and of the sockets that are waited at.
    pending: Vec<(usize, usize)>,
}

impl Sequence {
    fn say(&mut self, call: impl Display) {
        if !self.random.percent(self.missing) {
            self.calls.push_str(&format!("{call}\n"));
        }
    }

    fn step(&mut self) {
        let mut chosen = self.random.below(self.theme.iter().sum());
        let step = self.theme.iter().position(|weight| {
            let is_past = chosen >= *weight;
            chosen = chosen.saturating_sub(*weight);
            !is_past
        });
        match step.unwrap_or_default() {
            0 => self.pair(),
            1 => self.stream(),
            2 => self.accept(),
            3 => self.end(),
            4 => self.datagram(),
            5 => self.advance(),
            6 => self.ask(),
            7 => self.pend(),
            _ => self.drop(),
        }
    }

    /// One of the sockets that are as they should be, or sometimes any.
    fn find(&mut self, is: impl Fn(&Socket) -> bool) -> Option<Socket> {
        let any = self.random.percent(2 + self.missing);
        let fit: Vec<&Socket> = self.sockets.iter().filter(|it| any || is(it)).collect();
        let chosen = self.random.below(fit.len());
        fit.get(chosen).map(|it| (*it).clone())
    }

    fn socket_mut(&mut self, number: usize) -> Option<&mut Socket> {
        self.sockets.iter_mut().find(|it| it.number == number)
    }

    fn add(&mut self, is_udp: bool, is_v6: bool, stage: Stage) -> Socket {
        self.named += 1;
        let socket = Socket {
            number: self.named,
            is_udp,
            is_v6,
            stage,
            budget: 40_000,
        };
        self.sockets.push(socket.clone());
        socket
    }

    fn create(&mut self, is_udp: bool, is_v6: bool, stage: Stage) -> Socket {
        let socket = self.add(is_udp, is_v6, stage);
        let kind = if is_udp { "udp" } else { "tcp" };
        let family = if is_v6 { 6 } else { 4 };
        self.say(format!("{kind} {} {family}", socket.name()));
        socket
    }

    fn local(&mut self, is_v6: bool) -> String {
        let is_v6 = is_v6 != self.random.percent(2);
        const V4: [&str; 8] = [
            "127.0.0.1",
            "127.0.0.1",
            "127.0.0.1",
            "0.0.0.0",
            "127.0.0.2",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
        ];
        const V6: [&str; 6] = [
            "[::1]",
            "[::1]",
            "[::1]",
            "[::]",
            "[2001:db8::1]",
            "[ff02::1]",
        ];
        let (ips, usual) = if is_v6 { (&V6[..], 3) } else { (&V4[..], 4) };
        let ip = match self.random.percent(5) {
            true => self.random.pick(ips),
            false => self.random.pick(&ips[..usual]),
        };
        let port = self.random.pick(&["0", "0", "0", "A", "A", "B"]);
        format!("{ip}:{port}")
    }

    /// Where to send to: mostly to a socket.
    fn remote(&mut self, from: &Socket) -> String {
        let (is_udp, is_v6) = (from.is_udp, from.is_v6);
        let is_such = |it: &Socket| it.is_udp == is_udp && it.is_v6 == is_v6;
        let to = self.find(|it| is_such(it) && (is_udp || it.stage == Stage::Listening));
        match to {
            Some(to) if self.random.percent(90) => format!("@{}", to.name()),
            _ => self.local(is_v6),
        }
    }

    /// A listener, a client of it, and the streams of both ends.
    fn pair(&mut self) {
        let is_v6 = self.random.percent(30);
        let old = self.find(|it| it.stage == Stage::Listening && it.is_v6 == is_v6);
        let listener = match old {
            Some(old) if self.random.percent(70) => old,
            _ => {
                let listener = self.create(false, is_v6, Stage::Listening);
                if self.random.percent(80) {
                    let local = self.local(is_v6);
                    self.say(format!("bind {} {local}", listener.name()));
                }
                self.say(format!("listen {}", listener.name()));
                listener
            }
        };
        let client = self.create(false, listener.is_v6, Stage::Connected);
        if self.random.percent(15) {
            let local = self.local(listener.is_v6);
            self.say(format!("bind {} {local}", client.name()));
        }
        self.say(format!("connect {} @{}", client.name(), listener.name()));
        self.open(&client);
        if self.random.percent(85) {
            self.accept_from(&listener);
        }
    }

    fn open(&mut self, socket: &Socket) {
        for direction in ["send", "receive"] {
            if self.random.percent(90) {
                self.say(format!("{direction} {}", socket.name()));
            }
        }
    }

    fn accept_from(&mut self, listener: &Socket) {
        let accepted = self.add(false, listener.is_v6, Stage::Connected);
        self.say(format!("accept l{} {}", listener.number, accepted.number));
        self.open(&accepted);
    }

    fn accept(&mut self) {
        if let Some(listener) = self.find(|it| it.stage == Stage::Listening) {
            self.accept_from(&listener);
        }
    }

    fn stream(&mut self) {
        let Some(socket) = self.find(|it| it.stage == Stage::Connected) else {
            return self.pair();
        };
        if self.random.percent(50) {
            let most = self.random.pick(&[1, 10, 100, 5_000, 70_000]);
            return self.say(format!("read r{} {most}", socket.number));
        }
        if self.random.percent(10) {
            let none = self.random.pick(&["read-none r", "write-none w"]);
            return self.say(format!("{none}{}", socket.number));
        }
        let count = self.random.pick(&[1, 1, 5, 100, 1_000, 5_000, 9_000]);
        let count = count.min(socket.budget);
        if let Some(socket) = self.socket_mut(socket.number) {
            socket.budget -= count;
        }
        self.say(format!("write w{} {count}", socket.number));
    }

    /// How a stream has ended, if it has.
    fn end(&mut self) {
        if let Some(socket) = self.find(|it| it.stage == Stage::Connected) {
            let which = self.random.pick(&["s", "e"]);
            self.say(format!("end {which}{}", socket.number));
        }
    }

    fn datagram(&mut self) {
        let Some(socket) = self.find(|it| it.is_udp).filter(|_| self.named > 2) else {
            let is_v6 = self.random.percent(30);
            let socket = self.create(true, is_v6, Stage::Fresh);
            if self.random.percent(80) {
                let local = self.local(is_v6);
                self.say(format!("bind {} {local}", socket.name()));
            }
            return;
        };
        let name = socket.name();
        match self.random.below(10) {
            0 => {
                let remote = self.remote(&socket);
                self.say(format!("connect {name} {remote}"));
            }
            1 => self.say(format!("disconnect {name}")),
            2..6 => match self.pending_at(&socket) {
                Some(begun) => self.say(format!("finish b{begun}")),
                None => self.say(format!("receive {name}")),
            },
            _ => {
                let count = self
                    .random
                    .pick(&[0, 1, 10, 192, 1_500, 9_000, 65_507, 65_508]);
                let to = match self.random.percent(70) {
                    true => self.remote(&socket),
                    false => "-".to_owned(),
                };
                self.say(format!("send {name} {count} {to}"));
            }
        }
    }

    /// A call in the life of a socket, in whatever state that is.
    fn advance(&mut self) {
        let socket = match self.find(|it| !it.is_udp) {
            Some(socket) if self.random.percent(60) => socket,
            _ => {
                let is_v6 = self.random.percent(30);
                self.create(false, is_v6, Stage::Fresh)
            }
        };
        let name = socket.name();
        match self.random.below(5) {
            0 => self.say(format!("listen {name}")),
            1 => {
                let remote = self.remote(&socket);
                self.say(format!("connect {name} {remote}"));
            }
            2 => self.open(&socket),
            _ => {
                let local = self.local(socket.is_v6);
                self.say(format!("bind {name} {local}"));
            }
        }
    }

    /// Begins a call that goes on beside the others, or waits for one or takes it back.
    fn pend(&mut self) {
        let chosen = self.random.below(2 * self.pending.len() + 2);
        if chosen < self.pending.len() {
            let (number, _) = self.pending[chosen];
            if self.random.percent(15) {
                self.pending.swap_remove(chosen);
                return self.say(format!("drop b{number}"));
            }
            return self.say(format!("finish b{number}"));
        }
        let Some(socket) = self.find(|it| it.is_udp || it.stage != Stage::Fresh) else {
            return self.pair();
        };
        if let Some(begun) = self.pending_at(&socket) {
            return self.say(format!("finish b{begun}"));
        }
        self.named += 1;
        let (begun, number) = (self.named, socket.number);
        self.pending.push((begun, number));
        match socket.stage {
            _ if socket.is_udp => self.say(format!("begin b{begun} receive u{number}")),
            Stage::Listening => {
                let accepted = self.add(false, socket.is_v6, Stage::Connected);
                self.say(format!(
                    "begin b{begun} accept l{number} {}",
                    accepted.number
                ));
                self.say(format!("finish b{begun}"));
                self.open(&accepted);
            }
            _ => {
                let most = self.random.pick(&[1, 10, 100, 5_000]);
                self.say(format!("begin b{begun} read r{number} {most}"));
            }
        }
    }

    /// What waits at a socket. Which of several gets what comes is nobody's business.
    fn pending_at(&self, socket: &Socket) -> Option<usize> {
        let mut pending = self.pending.iter();
        let found = pending.find(|(_, number)| *number == socket.number)?;
        Some(found.0)
    }

    fn ask(&mut self) {
        if self.random.percent(10) {
            let name = self.random.pick(&NAMES);
            return self.say(format!("resolve {name}"));
        }
        let Some(socket) = self.find(|_| true) else {
            return;
        };
        let name = socket.name();
        if self.random.percent(60) {
            let verb = self
                .random
                .pick(&["local", "remote", "family", "listening"]);
            return self.say(format!("{verb} {name}"));
        }
        const OPTIONS: [&str; 7] = [
            "hop-limit",
            "receive-buffer",
            "send-buffer",
            "keep-alive",
            "keep-alive-idle",
            "keep-alive-interval",
            "keep-alive-count",
        ];
        let option = match socket.is_udp {
            true => self.random.pick(&OPTIONS[..3]),
            false => self.random.pick(&OPTIONS),
        };
        let value = match option.ends_with("-buffer") {
            // Smaller ones fill up at other times.
            true => self.random.pick(&[0, 200_000, 200_001, 1 << 32]),
            false => self
                .random
                .pick(&[0_u64, 1, 64, 255, 1_000_000_000, 77_000_000_000]),
        };
        if self.random.percent(60) {
            self.say(format!("set {name} {option} {value}"));
        }
        self.say(format!("get {name} {option}"));
    }

    fn drop(&mut self) {
        let Some(socket) = self.find(|_| true) else {
            return;
        };
        let number = socket.number;
        match (socket.stage, self.random.below(6)) {
            (Stage::Connected, 0..2) => self.say(format!("drop w{number}")),
            (Stage::Connected, 2..4) => self.say(format!("drop r{number}")),
            (Stage::Connected, 4) => {
                let which = self.random.pick(&["s", "e"]);
                self.say(format!("drop {which}{number}"));
            }
            (Stage::Listening, 0..3) => self.say(format!("drop l{number}")),
            _ => {
                self.say(format!("drop {}", socket.name()));
                if self.random.percent(50) {
                    self.say(format!("drop w{number}"));
                    self.say(format!("drop r{number}"));
                }
            }
        }
    }
}
