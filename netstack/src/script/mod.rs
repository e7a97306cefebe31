//! What happens on the network beside the program: peers, clients, names and time, as a script says.
//!
//! A [`Script`] is data. It comes as bytes ([`Script::from_bytes`]), which the tool writes.

mod program;
mod wire;

pub use program::*;
