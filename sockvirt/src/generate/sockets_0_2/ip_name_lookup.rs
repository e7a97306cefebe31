//! `wasi:sockets/ip-name-lookup@0.2`

use crate::generate::step::Step;
use sockvirt_policy::{Operation, Protocol};

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function {
        "resolve-addresses" => &[Step::Deny(Operation::Resolve, Protocol::Udp)],
        // A lookup fails before there is a stream.
        "[method]resolve-address-stream.resolve-next-address"
        | "[method]resolve-address-stream.subscribe" => &[],
        _ => return None,
    })
}
