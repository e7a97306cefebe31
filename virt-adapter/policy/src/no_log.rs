//! No decision is logged.

use crate::contract::Packed;
use sockvirt_policy::{Operation, Protocol, Resolved, Rules, Ruling};

pub(crate) fn address(_: &Rules<'_>, _: Operation, _: Protocol, _: Packed, _: Ruling) {}

pub(crate) fn name(_: &Rules<'_>, _: &[u8], _: Resolved) {}
