//! Each target on a fixed sequence of inputs, without libFuzzer: `SMOKE` of them, or a few.

use sockvirt_fuzz as fuzz;
use std::env;

/// Numbers that look random: `splitmix64`.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, limit: usize) -> Vec<u8> {
        let length = self.below(limit);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Changes a few bytes, and cuts now and then.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if !bytes.is_empty() {
                let at = self.below(bytes.len());
                bytes[at] = self.next() as u8;
            }
        }
        if self.below(16) == 0 {
            bytes.truncate(self.below(bytes.len() + 1));
        }
    }
}

fn inputs(few: u64) -> impl Iterator<Item = Numbers> {
    let count = env::var("SMOKE").ok().and_then(|count| count.parse().ok());
    (0..count.unwrap_or(few)).map(Numbers)
}

#[test]
fn components() {
    let mut made = 0;
    let mut tried = 0;
    for mut numbers in inputs(300) {
        let data = numbers.bytes(4096);
        tried += 1;
        made += u32::from(fuzz::component(&data).is_some());
        fuzz::components(&data);
    }
    println!("{made} of {tried} inputs make a component");
}

#[test]
fn bytes() {
    for mut numbers in inputs(300) {
        let data = numbers.bytes(4096);
        if let Some(mut component) = fuzz::component(&data) {
            numbers.damage(&mut component);
            fuzz::bytes(&component);
        }
    }
}

#[test]
fn policy() {
    let seeds = [
        include_str!("../seeds/rules.toml"),
        include_str!("../seeds/allow.toml"),
    ];
    for mut numbers in inputs(3_000) {
        let mut text = seeds[numbers.below(2)].as_bytes().to_vec();
        numbers.damage(&mut text);
        fuzz::policy(&String::from_utf8_lossy(&text));
    }
}

#[test]
fn script() {
    let seed = include_str!("../seeds/script.toml");
    for mut numbers in inputs(1_000) {
        let mut text = seed.as_bytes().to_vec();
        fuzz::script(&String::from_utf8_lossy(&text));
        numbers.damage(&mut text);
        fuzz::script(&String::from_utf8_lossy(&text));
    }
}

/// Flags to damage.
const FLAGS: [&str; 8] = [
    "tcp://db.internal:5432",
    "connect,send=udp://[fd00::/8]:21,35000-35999#resolves-to=private",
    "listen=tcp://0.0.0.0:8080#from=10.0.0.0/8",
    "**.example.com,*.example.org",
    "10.0.0.0/8,fd00::/8,127.0.0.1",
    "tcp://db.internal:5432->127.0.0.1:5432",
    "db.test=192.0.2.5,2001:db8::1",
    "gone.test=!name-unresolvable",
];

#[test]
fn flags() {
    for mut numbers in inputs(2_000) {
        let mut text = FLAGS[numbers.below(FLAGS.len())].as_bytes().to_vec();
        fuzz::flags(&String::from_utf8_lossy(&text));
        numbers.damage(&mut text);
        fuzz::flags(&String::from_utf8_lossy(&text));
    }
}

#[test]
fn wire() {
    let seed = include_str!("../seeds/allow.toml");
    for mut numbers in inputs(300) {
        fuzz::wire_of(seed, |bytes| numbers.damage(bytes));
        fuzz::wire(&numbers.bytes(4096));
    }
}

#[test]
fn netstack() {
    for mut numbers in inputs(1_000) {
        fuzz::netstack(&numbers.bytes(4096));
    }
}

#[test]
fn matcher() {
    for mut numbers in inputs(5000) {
        fuzz::matcher(&numbers.bytes(96));
    }
}
