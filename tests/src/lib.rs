//! What the tests share: guests built by real toolchains, and hosts to run them on.

pub mod allowlist;
pub mod host;
pub mod loopback;
pub mod loopback_and_host;
pub mod made_up;
pub mod names;
pub mod peers;
pub mod recording;
pub mod script;

pub use sockvirt_guest_builder as guests;
