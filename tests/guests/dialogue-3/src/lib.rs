//! As `dialogue`, with the sockets, names and clocks of WASI 0.3.

#![no_std]

extern crate alloc;

#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;
mod steps;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

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
