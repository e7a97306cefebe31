//! How much memory a network takes, of a process that does nothing else.

mod common;

use common::{Net, at};
use sockvirt_netstack::{Config, ErrorCode, Family, Limits, Network};
use std::fs;

/// The bytes of memory that this process has resident, on Linux.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}

/// One test, so that nothing else takes memory at the same time.
#[test]
fn memory_is_bounded() {
    let before = resident();
    let mut net = Net::new();
    idle_connections(&mut net);
    if let (Some(before), Some(after)) = (before, resident()) {
        let taken = (after - before) >> 20;
        println!("10,000 idle connections take {taken} MiB");
        assert!(taken < 40);
    }
    whoever_only_opens(&mut net);
    whoever_only_writes();
}

/// Connections that were busy once, and are not any more.
fn idle_connections(net: &mut Net) {
    let listener = net.listener("127.0.0.1:80");
    let data = vec![7; 65_536];
    for _ in 0..10_000 {
        let (_, near) = net.connected(at("127.0.0.1:80")).unwrap();
        let (_, far) = net.0.tcp_accept(listener).unwrap();
        for (from, to) in [(near, far), (far, near)] {
            net.write(from, &data).unwrap();
            net.0.skip(to, data.len());
        }
    }
    let usage = net.0.usage();
    assert_eq!((usage.ends, usage.buffered), (20_000, 0));
}

fn whoever_only_opens(net: &mut Net) {
    let mut opened = net.0.usage().tcp;
    while net.0.tcp_create(Family::V4).is_ok() {
        opened += 1;
    }
    assert_eq!(opened, Limits::new().tcp as usize);
    let mut bound = 0;
    while net.try_datagrams(at("127.0.0.1:0")).is_ok() {
        bound += 1;
    }
    assert_eq!(bound, Limits::new().udp);
    let mut lookups = 0;
    while net.0.lookup(b"localhost").is_ok() {
        lookups += 1;
    }
    assert_eq!(lookups, Limits::new().lookups);
}

/// Beyond the limit every connection still gets a little, and nobody gets more than he was
/// permitted before.
fn whoever_only_writes() {
    let limits = Limits {
        buffered: 2 << 20,
        buffered_at_most: 8 << 20,
        ..Limits::new()
    };
    let mut net = Net(Network::new(Config {
        limits,
        ..Config::default()
    }));
    let pairs: Vec<_> = (0..300).map(|_| net.pair()).collect();
    let early: Vec<_> = pairs
        .iter()
        .map(|it| net.0.writable(it.far).unwrap())
        .collect();
    for pair in &pairs {
        let mut written = 0;
        while let Ok(permit @ 1..) = net.0.writable(pair.near) {
            net.0
                .write_with(pair.near, permit, |run| run.fill(7))
                .unwrap();
            written += permit;
        }
        assert!(written >= 4_096);
        assert!(!net.0.output_ready(pair.near));
    }
    assert!(net.0.usage().buffered <= limits.buffered + 300 * 4_096);
    let mut failed = 0;
    for (pair, permit) in pairs.iter().zip(early) {
        let written = net.0.write_with(pair.far, permit, |run| run.fill(7));
        failed += usize::from(written.is_err());
        assert!(net.0.usage().buffered <= limits.buffered_at_most);
    }
    assert!(failed > 0, "there is no memory for all of it");
    let full = net.0.flush(pairs[299].far);
    assert_eq!(
        full,
        Err(sockvirt_netstack::StreamEnd::Failed(ErrorCode::OutOfMemory))
    );
    for pair in pairs {
        net.0.tcp_drop(pair.client);
        net.0.tcp_drop(pair.server);
    }
    net.is_empty();
}
