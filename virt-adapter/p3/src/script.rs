//! A script that is played: time that passes, and its verdict.

use crate::binding::flags;
use crate::canon::code;
use crate::loaded::Report;
use crate::state::{State, resting};
use crate::text;
use crate::wait::For;
use alloc::string::String;
use core::net::SocketAddr;

/// What is kept of a script between calls.
#[derive(Default)]
pub(crate) struct Script {
    /// How often in a row the driver found nothing to do.
    idle: u32,
    /// Whether the driver waits for an event, and not for its turn.
    is_awaited: bool,
    /// Whether the program is to end, whatever it is at.
    is_at_end: bool,
    /// What is to be told of the program, once it has ended.
    report: Report,
}

/// Others have had their turn so often before it is said that everybody waits: who was woken by one
/// may wake another.
const SETTLED: u32 = 16;

/// So often before it is said that nothing can ever happen. What the program has from the host, as
/// its standard output, may take a moment.
const STUCK: u32 = 20_000;

impl Script {
    /// Whether the program is to end.
    pub(crate) fn ends(&self) -> bool {
        self.is_at_end
    }

    /// Something has happened: nobody can be said to wait.
    pub(crate) fn moves(&mut self) {
        self.idle = 0;
    }
}

/// Has everybody in the script do what can be done.
pub(crate) fn turn(state: &mut State) {
    state.script.idle = 0;
    state.play();
}

impl State {
    /// Has everybody in the script do what there is to do by now, and goes on with what comes of it.
    fn play(&mut self) {
        self.look_at_clock();
        self.network.turn();
        self.pump_all();
    }

    /// Goes on with everything that may have changed.
    pub(crate) fn pump_all(&mut self) {
        self.pump_flows();
        self.pump_listeners();
        if self.network.traps() {
            self.script.is_at_end = true;
        }
        self.wake_ready();
    }

    /// What the driver returns when there is nothing more to do.
    pub(crate) fn rest(&mut self) -> u32 {
        let code = self.pass_or_wait();
        self.script.is_awaited = code != code::YIELD;
        code
    }

    /// Has time pass once everybody waits.
    fn pass_or_wait(&mut self) -> u32 {
        if !self.unsure.is_empty() {
            // Who has read gets to know of it first.
            return code::YIELD;
        }
        if self.script.is_at_end || self.script.report.is_over() {
            return code::wait(self.set);
        }
        self.script.idle += 1;
        if self.script.idle == 1 {
            // What the last event has brought about is for everybody to go on with.
            self.play();
        }
        if self.script.idle < SETTLED {
            return code::YIELD;
        }
        let until = self.waits.earliest();
        if self.network.is_to_end(until) {
            return self.end_program();
        }
        let moments = [until, self.network.next_moment()];
        let moment = moments.into_iter().flatten().min();
        if self.passes_on_host_clock(moment) {
            return self.sleep(moment);
        }
        match moment {
            Some(moment) => {
                if !self.network.pass_to(moment) {
                    self.network.note_deadlock("time to pass, again and again");
                    return self.end_program();
                }
                turn(self);
                code::YIELD
            }
            None if self.outside.flags & (flags::HANG | flags::HOST_TIME) != 0 => self.sleep(None),
            None if self.script.idle < STUCK => code::YIELD,
            None => {
                let waits = self.waits_for();
                self.network.note_deadlock(&waits);
                self.end_program()
            }
        }
    }

    fn end_program(&mut self) -> u32 {
        self.script.is_at_end = true;
        self.wake_ready();
        code::wait(self.set)
    }

    /// Everything that the program waits for.
    fn waits_for(&self) -> String {
        let mut text = String::new();
        for end in self.reading() {
            let (local, remote) = self.network.end_addresses(end);
            describe(&mut text, ("tcp", "reading"), local, remote);
        }
        for id in self.accepting() {
            let local = self.network.tcp_local_address(id).ok();
            describe(&mut text, ("tcp", "accepting"), local, None);
        }
        for waits in self.waits.all() {
            match waits {
                For::Connect(id) => {
                    let local = self.network.tcp_local_address(id).ok();
                    describe(&mut text, ("tcp", "connecting"), local, None);
                }
                For::Receive(id) => {
                    let local = self.network.udp_local_address(id).ok();
                    describe(&mut text, ("udp", "receiving"), local, None);
                }
                For::Nothing | For::Lookup(_) | For::Until(_) | For::End => {}
                #[cfg(feature = "host")]
                For::Called => {}
            }
        }
        text
    }

    /// Ends the script, and gives what is to be told of it.
    pub(crate) fn end_script(&mut self) -> Option<&str> {
        // What the driver waits for may be on its way to it, and must not be taken from it.
        if !self.script.is_awaited {
            self.take_events(|_| {});
        }
        self.script.report.end(&mut self.network)
    }

    /// Whether all was as it should be.
    pub(crate) fn is_well(&self) -> bool {
        self.script.report.is_well()
    }
}

/// No report names more sockets: its text would have no end.
const LONGEST: usize = 1000;

/// Writes what is waited for: the socket, and what it is to do.
fn describe(
    text: &mut String,
    (protocol, does): (&str, &str),
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
) {
    if text.len() > LONGEST {
        return;
    }
    for part in [if text.is_empty() { "" } else { ", " }, protocol, " "] {
        text.push_str(part);
    }
    for (before, address) in [("", local), ("-> ", remote)] {
        if let Some(address) = address {
            text.push_str(before);
            text::address(text, address);
            text.push(' ');
        }
    }
    for part in ["(", does, ")"] {
        text.push_str(part);
    }
}

/// Says with which status the program has ended.
#[unsafe(export_name = "sockvirt#ended")]
extern "C" fn ended(status: u32) {
    resting().network.note_status(status);
}

/// Ends the script with its program, and says whether all was as it should be.
#[unsafe(export_name = "sockvirt#finish")]
extern "C" fn finish() -> u32 {
    let state = resting();
    state.end_script();
    state.is_well().into()
}

/// What was not as it should be: where its text is, and how long.
#[unsafe(export_name = "sockvirt#text")]
extern "C" fn text() -> u32 {
    resting().script.report.text()
}
