//! Handles of a host's and of our own, taken and given.

use crate::world::exports::test::rest::keeper::{
    self, ChestBorrow, GuestChest, Some as Things, Thing,
};
use std::cell::RefCell;
use std::io::{Read, Write};

crate::world::export!(Keeper with_types_in crate::world);

struct Keeper;

/// What it holds goes through a socket when somebody looks.
struct Chest(RefCell<Option<Thing>>);

impl GuestChest for Chest {
    fn new(thing: Thing) -> Chest {
        Chest(RefCell::new(Some(thing)))
    }

    fn look(&self) -> String {
        let thing = self.0.borrow();
        let (mut client, mut server) = crate::connection().expect("a connection");
        let name = thing.as_ref().map_or_else(String::new, Thing::name);
        client.write_all(name.as_bytes()).expect("it is written");
        drop(client);
        let mut seen = String::new();
        server.read_to_string(&mut seen).expect("it is read");
        seen
    }

    fn open(this: keeper::Chest) -> Option<Thing> {
        this.get::<Chest>().0.take()
    }
}

impl keeper::Guest for Keeper {
    type Chest = Chest;

    fn same(left: ChestBorrow<'_>, right: ChestBorrow<'_>) -> bool {
        std::ptr::eq(left.get::<Chest>(), right.get::<Chest>())
    }

    fn join(left: &Thing, right: Option<&Thing>) -> String {
        let right = right.map_or_else(|| "nothing".to_owned(), Thing::name);
        format!("{} and {right}", left.name())
    }

    fn sort(mut things: Vec<Thing>) -> Result<Things, (u32, Vec<Thing>)> {
        things.sort_by_key(Thing::name);
        match things.len() {
            0 => Ok(Things::Nothing),
            1 => Ok(Things::One(things.remove(0))),
            2 => Ok(Things::Labelled((things[0].name(), things.remove(1)))),
            3 => Ok(Things::Many(things)),
            count => Err((count as u32, things)),
        }
    }
}
