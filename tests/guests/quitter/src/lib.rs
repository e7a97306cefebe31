//! Exits when another component tells it to. It has neither sockets nor a clock.

use exports::test::ensemble::quitter::Guest;

wit_bindgen::generate!({ path: "../player/wit", world: "quits" });

struct Quitter;

export!(Quitter);

impl Guest for Quitter {
    fn act(step: String) -> String {
        match step.strip_prefix("exit ").map(str::parse) {
            Some(Ok(status)) => std::process::exit(status),
            _ => format!("{step}: it cannot"),
        }
    }
}
