//! What a decision costs: `cargo bench -p sockvirt-policy`.

use criterion::{Criterion, criterion_group, criterion_main};
use sockvirt_policy::{
    Key, Lookup, NameTable, NoNames, Operation, Policy, Protocol, Rules, Session,
};
use std::fmt::Write;
use std::hint::black_box;
use std::net::SocketAddr;

fn policy(rules: impl Iterator<Item = String>) -> Policy {
    let text = rules.fold("schema = 1\n".to_owned(), |mut text, to| {
        let _ = write!(text, "[[allow]]\nto = '{to}'\nport = 443\n");
        text
    });
    Policy::from_toml(&text).expect("a policy")
}

/// Prefixes of several lengths, some in others.
fn prefixes(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|i| {
        let (a, b) = (20 + i / 256 % 40, i % 256);
        match i % 3 {
            0 => format!("{a}.{b}.0.0/16"),
            1 => format!("{a}.{b}.7.0/24"),
            _ => format!("{a}.{b}.{}.9", i / 10240),
        }
    })
}

fn by_address(criterion: &mut Criterion, name: &str, policy: &Policy) {
    let wire = policy.wire();
    let rules = Rules::read(&wire).expect("rules");
    let mut session = Session::<NoNames>::boxed();
    let to: Vec<SocketAddr> = (0..256_u32)
        .map(|i| SocketAddr::from(([20 + (i * 7 % 50) as u8, (i * 31) as u8, 7, 9], 443)))
        .collect();
    let mut next = to.iter().cycle();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let to = *next.next().expect("it never ends");
            session.decide(&rules, Operation::Connect, Protocol::Tcp, 0, black_box(to))
        });
    });
}

fn by_name(criterion: &mut Criterion) {
    let policy = policy((0..10_000).map(|i| format!("*.n{i}.test")));
    let wire = policy.wire();
    let rules = Rules::read(&wire).expect("rules");
    let mut session = Session::<NameTable>::boxed();
    for i in 0..1000_u32 {
        let name = format!("a.n{}.test", i * 7);
        if let Lookup::Ask(query) = session.resolve(&rules, name.as_bytes()).lookup {
            let ip = Key::v4(20 << 24 | i << 8 | 1);
            session.answered(&rules, query, ip);
            session.end_lookup(query);
        }
    }
    let to = SocketAddr::from(([20, 2, 9, 1], 443));
    criterion.bench_function("connect, 10,000 names, 1,000 learned", |bencher| {
        bencher
            .iter(|| session.decide(&rules, Operation::Connect, Protocol::Tcp, 0, black_box(to)));
    });
    criterion.bench_function("resolve, 10,000 names", |bencher| {
        bencher.iter(|| {
            let lookup = session.resolve(&rules, black_box(b"a.n777.test")).lookup;
            if let Lookup::Ask(query) = lookup {
                session.end_lookup(query);
            }
        });
    });
}

fn decide(criterion: &mut Criterion) {
    by_address(criterion, "connect, 10 rules", &policy(prefixes(10)));
    let many = policy(prefixes(10_000));
    by_address(criterion, "connect, 10,000 prefixes", &many);
    by_name(criterion);
    criterion.bench_function("compile 10,000 rules", |bencher| {
        bencher.iter(|| many.wire())
    });
    let text = many.canonical();
    criterion.bench_function("read 10,000 rules", |bencher| {
        bencher.iter(|| Policy::from_toml(&text));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
