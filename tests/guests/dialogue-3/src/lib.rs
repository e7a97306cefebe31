//! As `dialogue`, with the sockets, names and clocks of WASI 0.3.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;
mod steps;

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let mut has = steps::Has::default();
        for arg in wasip3::cli::environment::get_arguments().iter().skip(1) {
            if arg == "fail" {
                return Err(());
            }
            net::print(has.act(arg).await + "\n").await?;
        }
        Ok(())
    }
}
