//! Servers and their clients in one program, over the sockets of WASI 0.3.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

mod given_up;
mod hosted;
mod net;
mod tcp;
mod udp;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt::Debug;

wasip3::cli::command::export!(Guest);

struct Guest;

/// What is printed at the end, whatever order it came in.
struct Out(RefCell<String>);

impl Out {
    fn say(&self, what: &str, result: &impl Debug) {
        self.0
            .borrow_mut()
            .push_str(&format!("{what}: {result:?}\n"));
    }
}

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let out = Out(RefCell::new(String::new()));
        let arguments: Vec<_> = wasip3::cli::environment::get_arguments();
        let names: Vec<_> = arguments.iter().skip(1).map(ToString::to_string).collect();
        let names = match names.is_empty() {
            true => [
                "echo",
                "half",
                "drops",
                "many",
                "datagrams",
                "names",
                "states",
            ]
            .map(ToString::to_string)
            .to_vec(),
            false => names,
        };
        for name in names {
            match name.as_str() {
                "echo" => tcp::echo(&out).await,
                "half" => tcp::half_close(&out).await,
                "drops" => tcp::drops(&out).await,
                "unaccepted" => tcp::unaccepted(&out).await,
                "cancel" => given_up::cancel(&out).await,
                "readiness" => given_up::readiness(&out).await,
                "queued" => given_up::queued(&out).await,
                "connects" => given_up::connects(&out).await,
                "many" => tcp::many(&out, 500).await,
                "thousands" => tcp::many(&out, 4_000).await,
                "states" => tcp::states(&out).await,
                "datagrams" => udp::datagrams(&out).await,
                "names" => udp::names(&out).await,
                name => match name.split_once(' ') {
                    Some(("outside", to)) => hosted::outside(&out, to).await,
                    Some(("beside", rest)) => hosted::beside(&out, rest).await,
                    _ => return Err(()),
                },
            }
        }
        net::print(out.0.into_inner()).await
    }
}
