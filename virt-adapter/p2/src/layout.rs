//! Where the Canonical ABI puts things in memory. `cargo xtask layout` writes this file from
//! `wit/0.2`.

#![allow(dead_code, reason = "all of it is written, and some of it used")]

/// `wasi:io/poll@0.2`
pub(crate) mod poll {
    pub(crate) mod poll {
        pub(crate) const SIZE: usize = 8;
    }
}

/// `wasi:io/streams@0.2`
pub(crate) mod streams {
    pub(crate) mod stream_error {
        pub(crate) const SIZE: usize = 8;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const LAST_OPERATION_FAILED: u8 = 0;
        pub(crate) const CLOSED: u8 = 1;
    }
    pub(crate) mod input_stream_read {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod input_stream_blocking_read {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod input_stream_skip {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod input_stream_blocking_skip {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod output_stream_check_write {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod output_stream_write {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_blocking_write_and_flush {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_flush {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_blocking_flush {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_write_zeroes {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_blocking_write_zeroes_and_flush {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod output_stream_splice {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod output_stream_blocking_splice {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
}

/// `wasi:clocks/wall-clock@0.2`
pub(crate) mod wall_clock {
    pub(crate) mod datetime {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const SECONDS: usize = 0;
        pub(crate) const NANOSECONDS: usize = 8;
    }
}

/// `wasi:sockets/network@0.2`
pub(crate) mod network {
    pub(crate) mod error_code {
        pub(crate) const SIZE: usize = 1;
        pub(crate) const UNKNOWN: u8 = 0;
        pub(crate) const ACCESS_DENIED: u8 = 1;
        pub(crate) const NOT_SUPPORTED: u8 = 2;
        pub(crate) const INVALID_ARGUMENT: u8 = 3;
        pub(crate) const OUT_OF_MEMORY: u8 = 4;
        pub(crate) const TIMEOUT: u8 = 5;
        pub(crate) const CONCURRENCY_CONFLICT: u8 = 6;
        pub(crate) const NOT_IN_PROGRESS: u8 = 7;
        pub(crate) const WOULD_BLOCK: u8 = 8;
        pub(crate) const INVALID_STATE: u8 = 9;
        pub(crate) const NEW_SOCKET_LIMIT: u8 = 10;
        pub(crate) const ADDRESS_NOT_BINDABLE: u8 = 11;
        pub(crate) const ADDRESS_IN_USE: u8 = 12;
        pub(crate) const REMOTE_UNREACHABLE: u8 = 13;
        pub(crate) const CONNECTION_REFUSED: u8 = 14;
        pub(crate) const CONNECTION_RESET: u8 = 15;
        pub(crate) const CONNECTION_ABORTED: u8 = 16;
        pub(crate) const DATAGRAM_TOO_LARGE: u8 = 17;
        pub(crate) const NAME_UNRESOLVABLE: u8 = 18;
        pub(crate) const TEMPORARY_RESOLVER_FAILURE: u8 = 19;
        pub(crate) const PERMANENT_RESOLVER_FAILURE: u8 = 20;
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
}

/// `wasi:sockets/ip-name-lookup@0.2`
pub(crate) mod ip_name_lookup {
    pub(crate) mod resolve_address_stream_resolve_next_address {
        pub(crate) const SIZE: usize = 22;
        pub(crate) const PAYLOAD: usize = 2;
    }
    pub(crate) mod resolve_addresses {
        pub(crate) const SIZE: usize = 8;
        pub(crate) const PAYLOAD: usize = 4;
    }
}

/// `wasi:sockets/tcp@0.2`
pub(crate) mod tcp {
    pub(crate) mod shutdown_type {
        pub(crate) const SIZE: usize = 1;
        pub(crate) const RECEIVE: u8 = 0;
        pub(crate) const SEND: u8 = 1;
        pub(crate) const BOTH: u8 = 2;
    }
    pub(crate) mod tcp_socket_start_bind {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_finish_bind {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_start_connect {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_finish_connect {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const PART_0: usize = 0;
        pub(crate) const PART_1: usize = 4;
    }
    pub(crate) mod tcp_socket_start_listen {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_finish_listen {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_accept {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const PART_0: usize = 0;
        pub(crate) const PART_1: usize = 4;
        pub(crate) const PART_2: usize = 8;
    }
    pub(crate) mod tcp_socket_local_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_remote_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_listen_backlog_size {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_keep_alive_enabled {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_set_keep_alive_enabled {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_keep_alive_idle_time {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_keep_alive_idle_time {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_keep_alive_interval {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_keep_alive_interval {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_keep_alive_count {
        pub(crate) const SIZE: usize = 8;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod tcp_socket_set_keep_alive_count {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_hop_limit {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_set_hop_limit {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_receive_buffer_size {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_receive_buffer_size {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_send_buffer_size {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod tcp_socket_set_send_buffer_size {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod tcp_socket_shutdown {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
}

/// `wasi:sockets/tcp-create-socket@0.2`
pub(crate) mod tcp_create_socket {
    pub(crate) mod create_tcp_socket {
        pub(crate) const SIZE: usize = 8;
        pub(crate) const PAYLOAD: usize = 4;
    }
}

/// `wasi:sockets/udp@0.2`
pub(crate) mod udp {
    pub(crate) mod incoming_datagram {
        pub(crate) const SIZE: usize = 40;
        pub(crate) const DATA: usize = 0;
        pub(crate) const REMOTE_ADDRESS: usize = 8;
    }
    pub(crate) mod outgoing_datagram {
        pub(crate) const SIZE: usize = 44;
        pub(crate) const DATA: usize = 0;
        pub(crate) const REMOTE_ADDRESS: usize = 8;
    }
    pub(crate) mod udp_socket_start_bind {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod udp_socket_finish_bind {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod udp_socket_stream {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
        pub(crate) const PART_0: usize = 0;
        pub(crate) const PART_1: usize = 4;
    }
    pub(crate) mod udp_socket_local_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_remote_address {
        pub(crate) const SIZE: usize = 36;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod udp_socket_unicast_hop_limit {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod udp_socket_set_unicast_hop_limit {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod udp_socket_receive_buffer_size {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod udp_socket_set_receive_buffer_size {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod udp_socket_send_buffer_size {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod udp_socket_set_send_buffer_size {
        pub(crate) const SIZE: usize = 2;
        pub(crate) const PAYLOAD: usize = 1;
    }
    pub(crate) mod incoming_datagram_stream_receive {
        pub(crate) const SIZE: usize = 12;
        pub(crate) const PAYLOAD: usize = 4;
    }
    pub(crate) mod outgoing_datagram_stream_check_send {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
    pub(crate) mod outgoing_datagram_stream_send {
        pub(crate) const SIZE: usize = 16;
        pub(crate) const PAYLOAD: usize = 8;
    }
}

/// `wasi:sockets/udp-create-socket@0.2`
pub(crate) mod udp_create_socket {
    pub(crate) mod create_udp_socket {
        pub(crate) const SIZE: usize = 8;
        pub(crate) const PAYLOAD: usize = 4;
    }
}
