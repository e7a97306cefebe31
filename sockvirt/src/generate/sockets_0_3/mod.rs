//! What the functions of `wasi:sockets@0.3` answer, a file for each interface.

pub(crate) mod ip_name_lookup;
pub(crate) mod types;
