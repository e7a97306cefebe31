//! What the tests share: guests built by real toolchains, and hosts to run them on.

pub mod guests;
pub mod host;
