//! `wasi:sockets/tcp@0.2`

use crate::generate::step::{Step, TCP_LOCAL, TCP_REMOTE, options};
use sockvirt_policy::{Operation, Protocol};

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function.strip_prefix("[method]tcp-socket.")? {
        "start-bind" => &[
            Step::Idle,
            Step::Fresh,
            Step::Address(TCP_LOCAL),
            Step::Deny(Operation::Bind, Protocol::Tcp),
        ],
        "start-connect" => &[
            Step::Idle,
            Step::Fresh,
            Step::Address(TCP_REMOTE),
            Step::StartConnect,
        ],
        "finish-connect" => &[Step::FinishConnect],
        // Nothing was ever bound.
        "start-listen" => &[Step::Idle, Step::Fail("invalid-state")],
        "finish-bind" | "finish-listen" => &[Step::Fail("not-in-progress")],
        "accept" | "shutdown" => &[Step::Fail("invalid-state")],
        "local-address" | "remote-address" => &[Step::Open, Step::Fail("invalid-state")],
        "is-listening" => &[Step::No],
        "address-family" => &[Step::Family],
        "set-listen-backlog-size" => options::SET_BACKLOG,
        "keep-alive-enabled" => options::KEEP_ALIVE,
        "set-keep-alive-enabled" => options::SET_KEEP_ALIVE,
        "keep-alive-idle-time" => options::KEEP_ALIVE_IDLE,
        "set-keep-alive-idle-time" => options::SET_KEEP_ALIVE_IDLE,
        "keep-alive-interval" => options::KEEP_ALIVE_INTERVAL,
        "set-keep-alive-interval" => options::SET_KEEP_ALIVE_INTERVAL,
        "keep-alive-count" => options::KEEP_ALIVE_COUNT,
        "set-keep-alive-count" => options::SET_KEEP_ALIVE_COUNT,
        "hop-limit" => options::HOP_LIMIT,
        "set-hop-limit" => options::SET_HOP_LIMIT,
        "receive-buffer-size" => options::RECEIVE_BUFFER,
        "set-receive-buffer-size" => options::SET_RECEIVE_BUFFER,
        "send-buffer-size" => options::SEND_BUFFER,
        "set-send-buffer-size" => options::SET_SEND_BUFFER,
        "subscribe" => &[Step::Ready],
        _ => return None,
    })
}
