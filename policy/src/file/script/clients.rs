//! Those who connect to the program.

use super::draft::Draft;
use super::peers::once;
use super::{at, keys, limits, values};
use crate::Target;
use crate::file::table::{Table, Text};
use crate::file::{Fault, Result};
use crate::flag::{place, socket_address};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use sockvirt_netstack::script::{Client, Protocol};
use std::collections::HashMap;

/// Where clients are that do not say it, by family.
const FROM: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(203, 0, 113, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
);

/// The port in front of theirs.
const PORT: u16 = 40_000;

pub(super) fn read(file: &Table<'_>, draft: &mut Draft<'_>) -> Result<()> {
    let mut called = HashMap::new();
    let mut pairs = HashMap::new();
    for (number, table) in (1..).zip(file.tables("client", &keys::CLIENT)?) {
        table.finish()?;
        if usize::from(number) > limits::CLIENTS {
            let message = format!("there are more than {} clients", limits::CLIENTS);
            return Err(Fault::new(table.span.clone(), message));
        }
        let client = client(&table, number, draft)?;
        let name = once(client.name.clone(), table.span.clone(), &mut called)?;
        let udp = client.protocol == Protocol::Udp;
        let pair = (udp, client.from, client.to);
        if let Some(other) = pairs.insert(pair, table.span.clone()) {
            let message = format!("`{}` is where another client connects from", client.from);
            return Err(Fault::new(table.span.clone(), message).beside(other));
        }
        draft.script.clients.push(Client { name, ..client });
    }
    Ok(())
}

fn client(table: &Table<'_>, number: u16, draft: &mut Draft<'_>) -> Result<Client> {
    let name = match table.string("name")? {
        Some(text) => values::name(text)?.0,
        None => format!("client {number}"),
    };
    let to = table.string("to")?;
    let to = to.ok_or_else(|| {
        let missing = table.missing("to");
        missing.hint("write `to = \"tcp://0.0.0.0:8080\"`")
    })?;
    let (protocol, to) = listener(&to)?;
    let from = match table.string("from")? {
        Some(text) => source(&text, to)?,
        None => {
            let ip: IpAddr = match to.is_ipv4() {
                true => FROM.0.into(),
                false => FROM.1.into(),
            };
            SocketAddr::new(ip, PORT + number)
        }
    };
    if !table.has("script") {
        let missing = table.missing("script");
        return Err(missing.hint("write `script = [{ send = \"hello\" }]`"));
    }
    Ok(Client {
        name,
        line: draft.line(&table.span),
        protocol,
        to,
        from,
        steps: draft.steps(table, "script", protocol)?,
    })
}

/// Where the program listens: one address, and one port.
fn listener(Text { text, span }: &Text<'_>) -> Result<(Protocol, SocketAddr)> {
    let place = place(text).map_err(|e| Fault::at(span.clone(), e))?;
    let one = match &place.host {
        Target::Net(net) if net.prefix_len() == net.max_prefix_len() => Some(net.addr()),
        _ => None,
    };
    let ports = place.ports.as_ref().map(|ports| ports.ranges());
    let port = ports.and_then(|mut it| {
        it.next()
            .filter(|(low, high)| low == high && *low > 0 && it.len() == 0)
    });
    match (one, port) {
        (Some(ip), Some((port, _))) => Ok((at::protocol(&place), SocketAddr::new(ip, port))),
        _ => Err(Fault::new(
            span.clone(),
            format!("`{text}` is not one address and port"),
        )
        .hint("write the address that the program binds, as `tcp://0.0.0.0:8080`")),
    }
}

fn source(Text { text, span }: &Text<'_>, to: SocketAddr) -> Result<SocketAddr> {
    let from = socket_address(text).map_err(|e| Fault::at(span.clone(), e))?;
    let wrong = |message: String, hint: &str| Err(Fault::new(span.clone(), message).hint(hint));
    if from.port() == 0 || from.ip().is_unspecified() || from.ip().is_multicast() {
        let message = format!("nobody connects from `{text}`");
        return wrong(
            message,
            "write an address and a port, as `203.0.113.9:40001`",
        );
    }
    if from.is_ipv4() != to.is_ipv4() {
        let message = format!("`{text}` and `{to}` are of two families");
        return wrong(message, "both are IPv4, or both are IPv6");
    }
    Ok(from)
}
