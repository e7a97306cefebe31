//! Names that a script stands for.

use super::account::Past;
use super::play::Play;
use super::{Found, Name};
use crate::{ErrorCode, Network};
use core::net::IpAddr;

/// What a lookup of a name of the script gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scripted {
    name: u32,
    /// Whether it is what follows.
    is_later: bool,
}

impl Play {
    /// Looks a name up: what it gives, and when. `None` where the script does not have it.
    pub(crate) fn look_up(&mut self, name: &[u8]) -> Option<(Result<Scripted, ErrorCode>, u64)> {
        let order = |it: &Name| crate::names::compare(it.name.as_bytes(), name);
        let place = self.stage.script.names.binary_search_by(order).ok()?;
        let found = self.stage.script.names.get(place)?;
        let times = self.lookups.get_mut(place)?;
        let is_later = found.then.is_some() && found.times.is_some_and(|it| *times >= it);
        *times = times.saturating_add(1);
        let scripted = Scripted {
            name: place as u32,
            is_later,
        };
        let due = self.stage.now.saturating_add(found.delay);
        let result = match scripted.of(found) {
            Found::Fail(code) => {
                self.ended.add(Past::Lookup(place, *code));
                Err(*code)
            }
            Found::Addresses(_) => Ok(scripted),
        };
        Some((result, due))
    }
}

impl Scripted {
    fn of(self, name: &Name) -> &Found {
        match (&name.then, self.is_later) {
            (Some(then), true) => then,
            _ => &name.first,
        }
    }
}

impl Network {
    /// The addresses of a name of the script.
    pub(crate) fn scripted(&self, scripted: Scripted) -> &[IpAddr] {
        let play = self.play.as_ref();
        let name = play.and_then(|it| it.stage.script.names.get(scripted.name as usize));
        match name.map(|it| scripted.of(it)) {
            Some(Found::Addresses(addresses)) => addresses,
            _ => &[],
        }
    }

    /// Whether a lookup has something to give.
    pub fn lookup_ready(&self, id: crate::LookupId) -> bool {
        let lookup = self.lookups.get(id.0);
        lookup.is_none_or(|it| it.due <= self.now())
    }
}
