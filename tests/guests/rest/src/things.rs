//! Handles of a host's, passed in every way.

use crate::world::test::rest::things::{
    Lent, Pair, Some as Things, Thing, more, name_of, names, pick, swap, word_for,
};

fn thing(name: &str) -> Thing {
    Thing::new(name)
}

pub(crate) fn talk() {
    let (one, two) = (thing("one"), thing("two"));
    two.rename("second");
    let joined = Thing::join(&one, &two);
    // The same handle several times in one call.
    let twice = Thing::join(&joined, &joined);
    let all = names(&Lent {
        first: &one,
        others: vec![&one, &two, &joined, &twice, &one],
    });
    println!("names: {all:?}");
    println!("maybe: {:?} {:?}", name_of(Some(&one)), name_of(None));
    println!("words: {} {}", word_for(Ok(&two)), word_for(Err("none")));
    let Pair { left, right } = swap(Pair {
        left: one,
        right: two,
    });
    println!("swapped: {} {}", left.name(), right.name());
    for things in [
        Things::Nothing,
        Things::One(left),
        Things::Labelled(("label".to_owned(), right)),
        Things::Many(vec![joined, twice]),
    ] {
        println!("more: {}", text(&more(things)));
    }
    let found = pick(vec![thing("a"), thing("b"), thing("c")], 1);
    println!("picked: {:?}", found.map(|it| it.name()).map_err(|_| ()));
    let back = pick(vec![thing("a"), thing("b")], 2);
    let back = back.map_err(|all| all.iter().map(Thing::name).collect::<Vec<_>>());
    println!("picked: {:?}", back.map(drop));
}

pub(crate) fn text(things: &Things) -> String {
    match things {
        Things::Nothing => "nothing".to_owned(),
        Things::One(one) => one.name(),
        Things::Labelled((label, one)) => format!("{label} {}", one.name()),
        Things::Many(all) => all.iter().map(Thing::name).collect::<Vec<_>>().join(" "),
    }
}
