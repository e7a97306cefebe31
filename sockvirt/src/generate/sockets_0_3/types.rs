//! `wasi:sockets/types@0.3`

use crate::generate::step::{Step, TCP_LOCAL, TCP_REMOTE, UDP_LOCAL, UDP_REMOTE, options};
use sockvirt_policy::{Operation, Protocol};

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    let (head, method) = function.split_once('.')?;
    match head {
        "[static]tcp-socket" if method == "create" => Some(&[Step::Create(Protocol::Tcp)]),
        "[static]udp-socket" if method == "create" => Some(&[Step::Create(Protocol::Udp)]),
        "[method]tcp-socket" => tcp_socket(method),
        "[method]udp-socket" => udp_socket(method),
        _ => None,
    }
}

fn tcp_socket(method: &str) -> Option<&'static [Step]> {
    Some(match method {
        "bind" => &[
            Step::Fresh,
            Step::Address(TCP_LOCAL),
            Step::Deny(Operation::Bind, Protocol::Tcp),
        ],
        "connect" => &[
            Step::Fresh,
            Step::Address(TCP_REMOTE),
            Step::DenyForGood(Operation::Connect, Protocol::Tcp),
        ],
        // wasmtime loses the socket when it may not listen, and calls its state `other`.
        "listen" => &[
            Step::Fresh,
            Step::DenyLeaving(Operation::Listen, Protocol::Tcp, "other"),
        ],
        "send" | "receive" | "get-local-address" | "get-remote-address" => {
            &[Step::Open, Step::Fail("invalid-state")]
        }
        "get-is-listening" => &[Step::No],
        "get-address-family" => &[Step::Family],
        "set-listen-backlog-size" => options::SET_BACKLOG,
        "get-keep-alive-enabled" => options::KEEP_ALIVE,
        "set-keep-alive-enabled" => options::SET_KEEP_ALIVE,
        "get-keep-alive-idle-time" => options::KEEP_ALIVE_IDLE,
        "set-keep-alive-idle-time" => options::SET_KEEP_ALIVE_IDLE,
        "get-keep-alive-interval" => options::KEEP_ALIVE_INTERVAL,
        "set-keep-alive-interval" => options::SET_KEEP_ALIVE_INTERVAL,
        "get-keep-alive-count" => options::KEEP_ALIVE_COUNT,
        "set-keep-alive-count" => options::SET_KEEP_ALIVE_COUNT,
        "get-hop-limit" => options::HOP_LIMIT,
        "set-hop-limit" => options::SET_HOP_LIMIT,
        "get-receive-buffer-size" => options::RECEIVE_BUFFER,
        "set-receive-buffer-size" => options::SET_RECEIVE_BUFFER,
        "get-send-buffer-size" => options::SEND_BUFFER,
        "set-send-buffer-size" => options::SET_SEND_BUFFER,
        _ => return None,
    })
}

fn udp_socket(method: &str) -> Option<&'static [Step]> {
    Some(match method {
        "bind" => &[
            Step::Address(UDP_LOCAL),
            Step::Deny(Operation::Bind, Protocol::Udp),
        ],
        "connect" => &[
            Step::Address(UDP_REMOTE),
            Step::Deny(Operation::Connect, Protocol::Udp),
        ],
        // Nothing was ever connected, or bound.
        "disconnect" | "receive" | "get-local-address" | "get-remote-address" => {
            &[Step::Fail("invalid-state")]
        }
        "send" => &[
            Step::Datagram,
            Step::Given,
            Step::Address(UDP_REMOTE),
            Step::Deny(Operation::Send, Protocol::Udp),
        ],
        "get-address-family" => &[Step::Family],
        "get-unicast-hop-limit" => options::HOP_LIMIT,
        "set-unicast-hop-limit" => options::SET_HOP_LIMIT,
        "get-receive-buffer-size" => options::RECEIVE_BUFFER,
        "set-receive-buffer-size" => options::SET_RECEIVE_BUFFER,
        "get-send-buffer-size" => options::SEND_BUFFER,
        "set-send-buffer-size" => options::SET_SEND_BUFFER,
        _ => return None,
    })
}
