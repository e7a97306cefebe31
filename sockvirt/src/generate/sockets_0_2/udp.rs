//! `wasi:sockets/udp@0.2`

use crate::generate::step::{Step, UDP_LOCAL, options};
use sockvirt_policy::{Operation, Protocol};

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    let Some(method) = function.strip_prefix("[method]udp-socket.") else {
        return datagram_stream(function);
    };
    Some(match method {
        "start-bind" => &[
            Step::Address(UDP_LOCAL),
            Step::Deny(Operation::Bind, Protocol::Udp),
        ],
        "finish-bind" => &[Step::Fail("not-in-progress")],
        // Nothing was ever bound.
        "stream" | "local-address" | "remote-address" => &[Step::Fail("invalid-state")],
        "address-family" => &[Step::Family],
        "unicast-hop-limit" => options::HOP_LIMIT,
        "set-unicast-hop-limit" => options::SET_HOP_LIMIT,
        "receive-buffer-size" => options::RECEIVE_BUFFER,
        "set-receive-buffer-size" => options::SET_RECEIVE_BUFFER,
        "send-buffer-size" => options::SEND_BUFFER,
        "set-send-buffer-size" => options::SET_SEND_BUFFER,
        "subscribe" => &[Step::Ready],
        _ => return None,
    })
}

/// Datagram streams exist only for bound sockets, so none ever does.
fn datagram_stream(function: &str) -> Option<&'static [Step]> {
    matches!(
        function,
        "[method]incoming-datagram-stream.receive"
            | "[method]incoming-datagram-stream.subscribe"
            | "[method]outgoing-datagram-stream.check-send"
            | "[method]outgoing-datagram-stream.send"
            | "[method]outgoing-datagram-stream.subscribe"
    )
    .then_some(&[])
}
