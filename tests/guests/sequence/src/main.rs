//! Carries out a script of calls to `wasi:sockets` and `wasi:io` 0.2 that it reads from its standard
//! input, and prints a line for what each gave.
//!
//! A line of the script is a call; behind a tab may stand what is expected of it, on a host whose
//! kernel works in its own time. The script then waits before each call until that host has nothing
//! left to do, and tries calls again that found nothing yet. Nothing is waited for that may never
//! come: calls that block are made when they will not.
//!
//! Things have names: a letter for their kind and a number that the script chooses. Addresses are
//! `IP:PORT`, where a port may be a letter, whose number is an argument of the program, or `@NAME`
//! for that of a socket. Ports that the network chose are printed as `p0`, `p1` in their order.

#[path = "../../probe2/src/address.rs"]
mod address;
mod patience;
mod ports;
mod streams;
mod tcp;
mod udp;
mod world;

use std::io::Read;
use world::World;

fn main() {
    let mut script = String::new();
    let read = std::io::stdin().read_to_string(&mut script);
    read.expect("standard input is text");
    let mut world = World::new(std::env::args().skip(1));
    for line in script.lines() {
        let (call, expected) = match line.split_once('\t') {
            Some((call, expected)) => (call, Some(expected)),
            None => (line, None),
        };
        world.expect(expected);
        let result = world.call(call);
        println!("{result}");
    }
    world.drop_all();
    println!("end");
}
