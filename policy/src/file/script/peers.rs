//! Those whom the program connects to.

use super::at::{self, Taken};
use super::draft::Draft;
use super::names::Names;
use super::values;
use super::{keys, limits, words};
use crate::file::table::Table;
use crate::file::{Fault, Result};
use core::ops::Range;
use sockvirt_netstack::script::{
    Accept, Check, Connection, Count, Expect, Frame, Peer, Protocol, Serves, Service, Stub, Stubs,
    Target,
};
use std::collections::HashMap;

pub(super) fn read(file: &Table<'_>, names: &mut Names, draft: &mut Draft<'_>) -> Result<()> {
    let mut taken = Taken::default();
    let mut called = HashMap::new();
    for table in file.tables("peer", &keys::PEER)? {
        table.finish()?;
        let (protocol, at) = where_it_is(&table, names, &mut taken, draft)?;
        let name = name(&table, &mut called)?;
        let serves = serves(&table, protocol, draft)?;
        draft.script.peers.push(Peer {
            name,
            line: draft.line(&table.span),
            protocol,
            at,
            serves,
        });
    }
    Ok(())
}

fn where_it_is(
    table: &Table<'_>,
    names: &mut Names,
    taken: &mut Taken,
    draft: &Draft<'_>,
) -> Result<(Protocol, Vec<Target>)> {
    let texts = table.strings("at")?;
    let texts = texts.ok_or_else(|| {
        let missing = table.missing("at");
        missing.hint("write `at = \"tcp://db.test:5432\"`")
    })?;
    let mut protocol = None;
    let mut all = Vec::new();
    for text in texts {
        let text = text?;
        let (its, targets) = at::read(&text, names, draft)?;
        if *protocol.get_or_insert(its) != its {
            let message = "a peer is there over TCP or over UDP, not both";
            return Err(Fault::new(text.span.clone(), message).hint("make two peers of it"));
        }
        if taken.len() + targets.len() > limits::TARGETS {
            let message = format!("the peers are at more than {} places", limits::TARGETS);
            return Err(Fault::new(text.span.clone(), message).hint("a prefix is one place"));
        }
        for target in &targets {
            taken.take(its, target, &text)?;
        }
        all.extend(targets);
    }
    Ok((protocol.unwrap_or(Protocol::Tcp), all))
}

/// The name of a peer or, without one, where it is.
fn name(table: &Table<'_>, called: &mut HashMap<String, Range<usize>>) -> Result<String> {
    let (name, span) = match table.string("name")? {
        Some(text) => values::name(text)?,
        None => {
            let mut texts = table.strings("at")?.into_iter().flatten();
            let first = texts.next().transpose()?.map_or("", |it| it.text);
            let name = match texts.count() {
                0 => first.to_owned(),
                more => format!("{first} and {more} more"),
            };
            (name, table.span.clone())
        }
    };
    once(name, span, called)
}

/// Checks that nobody else has a name.
pub(super) fn once(
    name: String,
    span: Range<usize>,
    called: &mut HashMap<String, Range<usize>>,
) -> Result<String> {
    match called.insert(name.clone(), span.clone()) {
        None => Ok(name),
        Some(other) => {
            let message = format!("another one is called `{name}`");
            Err(Fault::new(span, message).beside(other))
        }
    }
}

/// What a peer does, of which there is one thing.
fn serves(table: &Table<'_>, protocol: Protocol, draft: &mut Draft<'_>) -> Result<Serves> {
    let ways = ["connection", "script", "on", "service"];
    let mut said = ways.into_iter().filter(|key| table.has(key));
    let way = match (said.next(), said.next()) {
        (Some(way), None) => way,
        (None, _) => {
            return Err(Fault::new(table.span.clone(), "the peer does nothing")
                .hint("write `[[peer.connection]]`, `[[peer.on]]`, `script` or `service`"));
        }
        (Some(first), Some(second)) => {
            let message = format!("a peer does one thing, and `{first}` and `{second}` are two");
            return Err(Fault::new(table.span.clone(), message)
                .hint("make two peers of it; the closer `at` counts"));
        }
    };
    let connections = table.count("connections")?;
    if connections.is_some() && matches!(way, "connection" | "script") {
        let message = format!("`connections` is not for a peer with `{way}`");
        return Err(Fault::new(table.span.clone(), message)
            .hint("write `repeat` in a `[[peer.connection]]`"));
    }
    let connections = connections.unwrap_or(Count::SOME);
    match way {
        "connection" => connection_by_connection(table, protocol, draft),
        "on" => stubs(table, protocol, connections, draft),
        "service" => {
            let kind = table.word("service", &words::SERVICES)?;
            let kind = kind.ok_or_else(|| table.missing("service"))?;
            Ok(Serves::Service(Service { kind, connections }))
        }
        _ => Ok(Serves::Connections(vec![Connection {
            line: draft.line(&table.span),
            accept: Accept::Now,
            after: 0,
            times: Count::ONCE,
            steps: draft.steps(table, "script", protocol)?,
        }])),
    }
}

fn connection_by_connection(
    peer: &Table<'_>,
    protocol: Protocol,
    draft: &mut Draft<'_>,
) -> Result<Serves> {
    let mut all = Vec::new();
    let mut last: Option<Range<usize>> = None;
    for table in some(
        peer,
        "connection",
        peer.tables("connection", &keys::CONNECTION)?,
    )? {
        table.finish()?;
        if let Some(last) = last {
            let message = "this connection is never reached: the one before it repeats for ever";
            return Err(Fault::new(table.span.clone(), message).beside(last));
        }
        let connection = connection(&table, protocol, draft)?;
        last = connection.times.most.is_none().then(|| table.span.clone());
        all.push(connection);
    }
    Ok(Serves::Connections(all))
}

fn connection(table: &Table<'_>, protocol: Protocol, draft: &mut Draft<'_>) -> Result<Connection> {
    let accept = table.word("accept", &words::ACCEPTS)?;
    let after = table.time("after")?;
    if protocol == Protocol::Udp && (accept.is_some() || after.is_some()) {
        let message = "`accept` and `after` are for TCP";
        return Err(Fault::new(table.span.clone(), message)
            .hint("over UDP a connection is a socket of the program's"));
    }
    let accept = accept.unwrap_or(Accept::Now);
    if accept != Accept::Now && table.has("script") {
        let message = "nothing happens in a connection that does not come about";
        return Err(Fault::new(table.span.clone(), message).hint("leave `script` or `accept` out"));
    }
    Ok(Connection {
        line: draft.line(&table.span),
        accept,
        after: after.unwrap_or_default(),
        times: table.count("repeat")?.unwrap_or(Count::ONCE),
        steps: draft.steps(table, "script", protocol)?,
    })
}

fn stubs(
    peer: &Table<'_>,
    protocol: Protocol,
    connections: Count,
    draft: &mut Draft<'_>,
) -> Result<Serves> {
    let mut stubs: Vec<(Stub, Range<usize>)> = Vec::new();
    for table in some(peer, "on", peer.tables("on", &keys::ON)?)? {
        table.finish()?;
        if stubs.len() >= limits::ANSWERS {
            let message = format!("the peer has more than {} answers", limits::ANSWERS);
            return Err(Fault::new(table.span.clone(), message));
        }
        let stub = stub(&table, protocol, draft)?;
        let before = stubs.iter().find(|(it, _)| hides(it, &stub));
        if let Some((_, other)) = before {
            let message = "this answer is never given: the other one fits first";
            return Err(Fault::new(table.span.clone(), message).beside(other.clone()));
        }
        stubs.push((stub, table.span.clone()));
    }
    Ok(Serves::Stubs(Stubs {
        connections,
        stubs: stubs.into_iter().map(|(stub, _)| stub).collect(),
    }))
}

/// Whether one answer is given wherever another one could be.
fn hides(first: &Stub, second: &Stub) -> bool {
    let (first_when, when) = (&first.when, &second.when);
    let same = first_when.frame == when.frame && first_when.check == when.check;
    let any = first_when.frame == Frame::Any && first_when.check == Check::default();
    first.times.most.is_none() && (same || any)
}

fn stub(table: &Table<'_>, protocol: Protocol, draft: &mut Draft<'_>) -> Result<Stub> {
    let when = table.table("when", &keys::WHEN)?;
    let when = when.ok_or_else(|| {
        let missing = table.missing("when");
        missing.hint("write `when = { until = \"\\r\\n\" }`")
    })?;
    when.finish()?;
    let when = what_comes(&when, protocol, draft)?;
    if !table.has("reply") {
        return Err(table
            .missing("reply")
            .hint("write `reply = []` if nothing happens"));
    }
    Ok(Stub {
        line: draft.line(&table.span),
        when,
        reply: draft.steps(table, "reply", protocol)?,
        times: table.count("times")?.unwrap_or(Count::SOME),
    })
}

fn what_comes(when: &Table<'_>, protocol: Protocol, draft: &mut Draft<'_>) -> Result<Expect> {
    let frames = ["until", "len", "exactly", "any"];
    let mut said = frames.into_iter().filter(|key| when.has(key));
    let (Some(key), None) = (said.next(), said.next()) else {
        let message = "`when` is one of `until`, `len`, `exactly` and `any`";
        return Err(Fault::new(when.span.clone(), message)
            .hint("write { until = \"\\r\\n\" }, and `matches` or `contains` beside it"));
    };
    let unfit: &[_] = match key {
        "until" => &[],
        "exactly" => &["max", "matches", "contains", "capture"],
        _ => &["max"],
    };
    if let Some(other) = unfit.iter().find(|it| when.has(it)) {
        let message = format!("`{other}` does not go with `{key}`");
        return Err(Fault::new(when.span.clone(), message).hint("leave it out"));
    }
    let frame = match key {
        "until" => draft.until(when, "until")?,
        "len" => draft.counted(when, "len")?,
        "exactly" => draft.exactly(when, "exactly", protocol == Protocol::Udp)?,
        _ => {
            when.truth("any")?;
            None
        }
    };
    let frame = frame.unwrap_or(Frame::Any);
    let check = draft.check(when, &frame)?;
    Ok(Expect {
        frame,
        check,
        capture: draft.capture(when)?,
    })
}

/// Tables of a list that has some.
fn some<'t>(peer: &Table<'_>, key: &str, tables: Vec<Table<'t>>) -> Result<Vec<Table<'t>>> {
    match tables.is_empty() {
        false => Ok(tables),
        true => Err(Fault::new(peer.span.clone(), format!("`{key}` is empty"))
            .hint(format!("write `[[peer.{key}]]`"))),
    }
}
