//! Has the others of `ensemble` do what its arguments say, which have 0.2. Of WASI 0.3 it has clocks, and
//! no sockets.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use test::ensemble::{another, player, quitter, sleeper};
use wasip3::clocks::monotonic_clock::{now, wait_for};
use wasip3::clocks::system_clock;

wit_bindgen::generate!({ path: "../player/wit", world: "directs" });

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let begin = now();
        for arg in wasip3::cli::environment::get_arguments().iter().skip(1) {
            let said = match arg.split_once(": ") {
                Some(("player", step)) => player::act(step),
                Some(("another", step)) => another::act(step),
                Some(("sleeper", step)) => sleeper::act(step),
                Some(("quitter", step)) => quitter::act(step),
                _ => act(arg, begin).await,
            };
            print(said + "\n").await?;
        }
        Ok(())
    }
}

async fn act(step: &str, begin: u64) -> String {
    let (word, rest) = step.split_once(' ').unwrap_or((step, "0"));
    match word {
        "time" => return format!("{} ms have passed", (now() - begin) / 1_000_000),
        "date" => return format!("{} days", system_clock::now().seconds / 86_400),
        "sleep" => wait_for(rest.parse::<u64>().unwrap() * 1_000_000).await,
        _ => panic!(),
    }
    format!("{step}: done")
}

async fn print(text: String) -> Result<(), ()> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = wasip3::cli::stdout::write_via_stream(reader);
    let left: Vec<u8> = writer.write_all(text.into_bytes()).await;
    drop(writer);
    assert!(left.is_empty());
    written.await.map_err(drop)
}
