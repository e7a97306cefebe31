//! `wasi:sockets/udp-create-socket@0.2`

use crate::generate::step::Step;
use sockvirt_policy::Protocol;

/// The steps of a function, by its name in WIT.
pub(crate) fn steps(function: &str) -> Option<&'static [Step]> {
    Some(match function {
        "create-udp-socket" => &[Step::Create(Protocol::Udp)],
        _ => return None,
    })
}
