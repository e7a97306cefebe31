//! `wasi:sockets/ip-name-lookup@0.3`

use crate::generate::step::Step;
use sockvirt_policy::{Operation, Protocol};

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function {
        "resolve-addresses" => &[Step::Deny(Operation::Resolve, Protocol::Udp)],
        _ => return None,
    })
}
