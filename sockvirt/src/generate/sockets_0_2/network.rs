//! `wasi:sockets/network@0.2`

use crate::generate::step::Step;

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function {
        // No error that the host reports was ever one of a socket.
        "network-error-code" => &[Step::Done],
        _ => return None,
    })
}
