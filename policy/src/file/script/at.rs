//! Where peers are.

use super::draft::Draft;
use super::names::Names;
use crate::file::table::Text;
use crate::file::{Fault, Result};
use crate::flag::{Place, place};
use crate::{NamePattern, Protocol as OfRules};
use core::net::IpAddr;
use core::ops::Range;
use sockvirt_netstack::script::{Net, Protocol, Target};
use std::collections::HashMap;

/// Reads `tcp://HOST:PORT`.
pub(super) fn read(
    Text { text, span }: &Text<'_>,
    names: &mut Names,
    draft: &Draft<'_>,
) -> Result<(Protocol, Vec<Target>)> {
    let place = place(text).map_err(|e| Fault::at(span.clone(), e))?;
    let protocol = protocol(&place);
    let nets = nets(&place, names, span, draft.line(span))?;
    let Some(ports) = place.ports else {
        let hint = format!("write `{text}:443`, or `{text}:*` for every port");
        return Err(Fault::new(span.clone(), format!("`{text}` has no port")).hint(hint));
    };
    if ports.ranges().any(|range| range == (0, 0)) {
        let message = "nobody connects to port 0";
        return Err(Fault::new(span.clone(), message).hint("ports are 1 to 65535"));
    }
    let mut targets = Vec::new();
    for net in nets {
        for (first, last) in ports.ranges() {
            targets.push(Target { net, first, last });
        }
    }
    Ok((protocol, targets))
}

/// The protocol of a place.
pub(super) fn protocol(place: &Place) -> Protocol {
    match place.protocol {
        OfRules::Tcp => Protocol::Tcp,
        OfRules::Udp => Protocol::Udp,
    }
}

/// The addresses of a place; `None` is any.
fn nets(
    place: &Place,
    names: &mut Names,
    span: &Range<usize>,
    line: u32,
) -> Result<Vec<Option<Net>>> {
    let wrong = |message: String, hint: &str| Err(Fault::new(span.clone(), message).hint(hint));
    match &place.host {
        crate::Target::Any => Ok(vec![None]),
        crate::Target::Net(net) if net.addr().is_unspecified() && net.prefix_len() != 0 => wrong(
            format!("nobody connects to `{}`", net.addr()),
            "write `*` for any address",
        ),
        crate::Target::Net(net) => Ok(vec![Some(Net {
            ip: net.addr(),
            bits: net.prefix_len(),
        })]),
        crate::Target::Name(NamePattern::Exact(name)) => {
            let addresses = names.addresses(name, span, line)?;
            Ok(addresses.into_iter().map(|ip| Some(one(ip))).collect())
        }
        crate::Target::Name(pattern) => wrong(
            format!("`{pattern}` is a pattern, and a peer has names of its own"),
            "write a list of names, or `*` for any address",
        ),
        crate::Target::Range(range) => wrong(
            format!("`{range}` is a range, and a peer is at addresses"),
            "write its prefix, such as `10.0.0.0/8`",
        ),
    }
}

fn one(ip: IpAddr) -> Net {
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    Net { ip, bits }
}

/// Where each target stands.
#[derive(Default)]
pub(super) struct Taken(HashMap<(Protocol, Target), Range<usize>>);

impl Taken {
    /// Notes a target. Two that are equal are an error: neither of them is the closer one.
    pub(super) fn take(
        &mut self,
        protocol: Protocol,
        target: &Target,
        Text { text, span }: &Text<'_>,
    ) -> Result<()> {
        match self.0.insert((protocol, target.clone()), span.clone()) {
            None => Ok(()),
            Some(other) => {
                let message = format!("`{text}` is where another `at` is");
                Err(Fault::new(span.clone(), message).beside(other))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
