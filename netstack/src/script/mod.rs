//! What happens on the network beside the program: peers, clients, names and time, as a script says.
//!
//! A [`Script`] is data. It comes as bytes ([`Script::from_bytes`]), which the tool writes.

mod account;
mod answers;
mod bytes;
mod expression;
mod faults;
mod link;
mod matcher;
mod names;
mod place;
mod play;
mod program;
mod report;
mod search;
mod steps;
mod talk;
mod wire;

pub(crate) use names::Scripted;
pub(crate) use play::Play;

pub use program::*;
