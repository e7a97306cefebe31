//! Carries out a script of calls to `wasi:sockets` 0.3, its first argument, and prints a line for what
//! each gave.
//!
//! A line of the script is a call; behind a tab may stand what is expected of it, on a host whose
//! kernel works in its own time. What has to wait then gets as much time as it needs to become that.
//! Without it, nothing is waited for longer than it takes everybody in the program to have their turn,
//! and what waits still is taken back.
//!
//! Things have names: a letter for their kind and a number that the script chooses. A connection's
//! streams are `w1` and `r1`, how they ended `s1` and `e1`, what `t1` accepts comes from `l1`. A call
//! that `begin` makes goes on as `b1`, beside all that follow, until `finish` waits for it.
//! Addresses are `IP:PORT`, where a port may be a letter, whose number is an argument of the program,
//! or `@NAME` for that of a socket. Ports that the network chose are printed as `p0`, `p1` in their
//! order.

#![no_std]

extern crate alloc;

#[path = "../../probe3/src/address.rs"]
mod address;
#[path = "../../bare.rs"]
mod bare;
mod patience;
mod pending;
mod streams;
mod tcp;
mod udp;
mod world;

use alloc::string::String;
use alloc::vec::Vec;
use world::World;

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let arguments: Vec<String> = wasip3::cli::environment::get_arguments();
        let script = arguments.get(1).ok_or(())?;
        let mut world = World::new(&arguments[2..]);
        let mut said = String::new();
        for line in script.lines() {
            let (call, expected) = match line.split_once('\t') {
                Some((call, expected)) => (call, Some(expected)),
                None => (line, None),
            };
            said += &world.call(call, expected).await;
            said.push('\n');
        }
        drop(world);
        print(said + "end\n").await
    }
}

async fn print(text: String) -> Result<(), ()> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = wasip3::cli::stdout::write_via_stream(reader);
    writer.write_all(text.into_bytes()).await;
    drop(writer);
    written.await.map_err(drop)
}
