//! What the functions of `wasi:sockets@0.2` answer, a file for each interface.

pub(crate) mod instance_network;
pub(crate) mod ip_name_lookup;
pub(crate) mod network;
pub(crate) mod tcp;
pub(crate) mod tcp_create_socket;
pub(crate) mod udp;
pub(crate) mod udp_create_socket;
