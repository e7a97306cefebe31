//! Does what its arguments say, one after the other, or has another component do it: the one that is
//! named before a colon.

#[path = "../../dialogue/src/steps.rs"]
mod steps;

wit_bindgen::generate!({ path: "../player/wit", world: "directs" });

use test::ensemble::{another, player, quitter, sleeper};

fn main() {
    let mut has = None;
    for arg in std::env::args().skip(1) {
        let said = match arg.split_once(": ") {
            Some(("player", step)) => player::act(step),
            Some(("another", step)) => another::act(step),
            Some(("sleeper", step)) => sleeper::act(step),
            Some(("quitter", step)) => quitter::act(step),
            _ => has.get_or_insert_with(steps::Has::default).act(&arg),
        };
        println!("{said}");
    }
}
