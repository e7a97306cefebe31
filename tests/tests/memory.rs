//! What programs of WASI 0.3 do again and again takes no more memory of the engine's each time.

use anyhow::Result;
use peak_alloc::PeakAlloc;
use sockvirt::Virtualizer;
use sockvirt::policy::Policy;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::{loopback, peers, recording};
use std::net::{SocketAddr, TcpListener};
use wasmtime::component::Component;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How much longer the second run is.
const MORE: usize = 3_000;

/// A task of wasmtime 48.0.8 takes 288 bytes, and more for what it is noted in.
const LESS_THAN_A_TASK: usize = 100;

/// Runs a program that does something so many times, then that many more.
fn takes_no_more(run: impl Fn(usize) -> Result<()>) -> Result<()> {
    let peak = |count| {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        run(count)?;
        anyhow::Ok(MEMORY.peak_usage() - before)
    };
    peak(100)?;
    let (few, many) = (peak(100)?, peak(100 + MORE)?);
    let grown = many.saturating_sub(few);
    assert!(grown < MORE * LESS_THAN_A_TASK, "{few}, then {many}");
    Ok(())
}

/// A server that accepts and hangs up, in one thread.
fn hangs_up(ip: &str) -> Result<SocketAddr> {
    let listener = TcpListener::bind((ip, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || listener.incoming().for_each(drop));
    Ok(address)
}

/// How long it took the program, which it says unless something went wrong.
fn took(said: &str) -> Option<u64> {
    said.trim().split_once(" -> ")?.1.parse().ok()
}

/// One test: what is measured is of the whole process.
#[test]
fn calls_leave_nothing_behind() -> Result<()> {
    let server = peers::udp_echo_server("127.0.0.1");
    let rule = format!(
        "schema = 1\n[[allow]]\nto = \"127.0.0.1\"\nport = {}\nop = [\"send\"]\n",
        server.port()
    );
    let built = Virtualizer::new(Policy::from_toml(&rule)?).build(&Guest::Probe3.build()?)?;
    let component = Component::new(host::engine(), built.component)?;
    takes_no_more(|count| {
        let argument = format!("pings {server} 16 {count}");
        let outcome = recording::run_open(host::engine(), &component, &[&argument])?;
        assert!(took(&outcome.stdout).is_some(), "{outcome:?}");
        Ok(())
    })?;

    // The same through a network in memory, to the machine's own address.
    let own = peers::own_address().to_string();
    let (datagrams, server) = (peers::udp_echo_server(&own), hangs_up(&own)?);
    let rules = format!(
        "schema = 1\n[loopback]\nmode = \"virtual\"\n\
         [[allow]]\nto = \"{own}\"\nport = {}\nproto = \"udp\"\nop = [\"send\"]\n\
         [[allow]]\nto = \"{own}\"\nport = {}\nproto = \"tcp\"\n",
        datagrams.port(),
        server.port()
    );
    let built = Virtualizer::new(Policy::from_toml(&rules)?).build(&Guest::Probe3.build()?)?;
    let component = Component::new(host::engine(), built.component)?;
    for (does, to) in [("pings", datagrams), ("connects", server)] {
        takes_no_more(|count| {
            let size = if does == "pings" { "16 " } else { "" };
            let argument = format!("{does} {to} {size}{count}");
            let outcome = recording::run_open(host::engine(), &component, &[&argument])?;
            assert!(took(&outcome.stdout).is_some(), "{outcome:?}");
            Ok(())
        })?;
    }

    // What is denied without the host.
    let built = Virtualizer::new(Policy::deny_all()).build(&Guest::Probe3.build()?)?;
    let component = Component::new(host::engine(), built.component)?;
    takes_no_more(|count| {
        let argument = format!("resolve-many {count} .test");
        let outcome = recording::run_open(host::engine(), &component, &[&argument])?;
        assert_eq!(outcome.stdout, format!("{argument} -> 0\n"));
        Ok(())
    })?;

    let built = loopback::build(&Guest::Turns3.build()?)?;
    takes_no_more(|count| {
        let outcome = host::run_with(&built, Sockets::None, &["connects", &count.to_string()])?;
        assert_eq!(outcome.status, 0, "{outcome:?}");
        Ok(())
    })
}
