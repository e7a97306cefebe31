//! Where the Canonical ABI puts things in memory. `cargo xtask layout` writes this file from
//! `wit/0.3`.

#![allow(dead_code, reason = "all of it is written, and some of it used")]

/// `wasi:clocks/system-clock@0.3`
pub(crate) mod system_clock {
    pub(crate) mod instant {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const SECONDS: usize = 0;
        pub(crate) const NANOSECONDS: usize = 8;
    }
}

/// `wasi:sockets/types@0.3`
pub(crate) mod types {
    pub(crate) mod error_code {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const ACCESS_DENIED: u8 = 0;
        pub(crate) const NOT_SUPPORTED: u8 = 1;
        pub(crate) const INVALID_ARGUMENT: u8 = 2;
        pub(crate) const OUT_OF_MEMORY: u8 = 3;
        pub(crate) const TIMEOUT: u8 = 4;
        pub(crate) const INVALID_STATE: u8 = 5;
        pub(crate) const ADDRESS_NOT_BINDABLE: u8 = 6;
        pub(crate) const ADDRESS_IN_USE: u8 = 7;
        pub(crate) const REMOTE_UNREACHABLE: u8 = 8;
        pub(crate) const CONNECTION_REFUSED: u8 = 9;
        pub(crate) const CONNECTION_BROKEN: u8 = 10;
        pub(crate) const CONNECTION_RESET: u8 = 11;
        pub(crate) const CONNECTION_ABORTED: u8 = 12;
        pub(crate) const DATAGRAM_TOO_LARGE: u8 = 13;
        pub(crate) const OTHER: u8 = 14;
    }
    pub(crate) mod ip_address_family {
        pub(crate) const SIZE: usize = 1;
        pub(crate) const IPV4: u8 = 0;
        pub(crate) const IPV6: u8 = 1;
    }
    pub(crate) mod ip_address {
        pub(crate) const SIZE: usize = 18;
        pub(crate) const PAYLOAD: usize = 2;
        pub(crate) const IPV4: u8 = 0;
        pub(crate) const IPV6: u8 = 1;
    }
    pub(crate) mod ipv4_socket_address {
        pub(crate) const SIZE: usize = 6;
        pub(crate) const PORT: usize = 0;
        pub(crate) const ADDRESS: usize = 2;
    }
    pub(crate) mod ipv6_socket_address {
        pub(crate) const SIZE: usize = 28;
        pub(crate) const PORT: usize = 0;
        pub(crate) const FLOW_INFO: usize = 4;
        pub(crate) const ADDRESS: usize = 8;
        pub(crate) const SCOPE_ID: usize = 24;
    }
    pub(crate) mod ip_socket_address {
        pub(crate) const SIZE: usize = 32;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const IPV4: u8 = 0;
        pub(crate) const IPV6: u8 = 1;
    }
    pub(crate) mod tcp_socket_create {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_bind {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_connect {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const SELF: usize = 0;
        pub(crate) const REMOTE_ADDRESS: usize = 4;
    }
    pub(crate) mod tcp_socket_listen {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_local_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_remote_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_listen_backlog_size {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_keep_alive_enabled {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_keep_alive_enabled {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_keep_alive_idle_time {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_keep_alive_idle_time {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_keep_alive_interval {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_keep_alive_interval {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_keep_alive_count {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_keep_alive_count {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_hop_limit {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_hop_limit {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_receive_buffer_size {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_receive_buffer_size {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_get_send_buffer_size {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_send_buffer_size {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_create {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_bind {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_connect {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_disconnect {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_send {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const SELF: usize = 0;
        pub(crate) const DATA: usize = 4;
        pub(crate) const REMOTE_ADDRESS: usize = 12;
        pub(crate) const REMOTE_ADDRESS_PAYLOAD: usize = 16;
    }
    pub(crate) mod udp_socket_receive {
        pub(crate) const SIZE: usize = 44;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const PART_0: usize = 0;
        pub(crate) const PART_1: usize = 8;
        pub(crate) const SELF: usize = 0;
    }
    pub(crate) mod udp_socket_get_local_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_get_remote_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_get_unicast_hop_limit {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_set_unicast_hop_limit {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_get_receive_buffer_size {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod udp_socket_set_receive_buffer_size {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_get_send_buffer_size {
        pub(crate) const SIZE: usize = 24;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod udp_socket_set_send_buffer_size {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
    }
}

/// `wasi:sockets/ip-name-lookup@0.3`
pub(crate) mod ip_name_lookup {
    pub(crate) mod error_code {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const ACCESS_DENIED: u8 = 0;
        pub(crate) const INVALID_ARGUMENT: u8 = 1;
        pub(crate) const NAME_UNRESOLVABLE: u8 = 2;
        pub(crate) const TEMPORARY_RESOLVER_FAILURE: u8 = 3;
        pub(crate) const PERMANENT_RESOLVER_FAILURE: u8 = 4;
        pub(crate) const OTHER: u8 = 5;
    }
    pub(crate) mod resolve_addresses {
        pub(crate) const SIZE: usize = 20;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const NAME: usize = 0;
    }
}
