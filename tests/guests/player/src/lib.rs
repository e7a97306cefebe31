//! Does one step of a conversation at a time, when another component tells it to.

#[path = "../../dialogue/src/steps.rs"]
mod steps;

use exports::test::ensemble::player::Guest;
use std::cell::RefCell;

wit_bindgen::generate!({ path: "wit", world: "plays" });

struct Player;

export!(Player);

thread_local! {
    static HAS: RefCell<steps::Has> = RefCell::default();
}

impl Guest for Player {
    fn act(step: String) -> String {
        HAS.with_borrow_mut(|has| has.act(&step))
    }
}
