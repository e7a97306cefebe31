//! `wasi:sockets/instance-network@0.2`

use crate::generate::step::Step;

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function {
        "instance-network" => &[Step::Network],
        _ => return None,
    })
}
