//! As `ensemble`, with what WASI 0.3 has: the others have 0.2.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;
#[path = "../../dialogue-3/src/steps.rs"]
mod steps;

use test::ensemble::{another, player, quitter, sleeper};

wit_bindgen::generate!({ path: "../player/wit", world: "directs" });

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let mut has = None;
        for arg in wasip3::cli::environment::get_arguments().iter().skip(1) {
            let said = match arg.split_once(": ") {
                Some(("player", step)) => player::act(step),
                Some(("another", step)) => another::act(step),
                Some(("sleeper", step)) => sleeper::act(step),
                Some(("quitter", step)) => quitter::act(step),
                _ => has.get_or_insert_with(steps::Has::default).act(arg).await,
            };
            net::print(said + "\n").await?;
        }
        Ok(())
    }
}
