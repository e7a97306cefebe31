//! What must hold whatever the input, as one function for each fuzz target.
//!
//! The functions panic where it does not. A driver only has to call them with bytes: libFuzzer
//! does for `cargo fuzz run -s none TARGET`, and `tests/smoke.rs` does without it, for as many
//! inputs as `SMOKE` says. With `--no-trace-compares`, `components` is several times as fast.
//!
//! Seeds are in `seeds`, as text. `cargo run --example seed` makes the corpus of them that
//! `cargo fuzz` starts from. What [`components()`] made of an input is had by
//! `cargo run --example component -- INPUT OUT.wasm`.

#![forbid(unsafe_code)]

#[path = "../../netstack/tests/common/driver.rs"]
mod calls;
mod function;
mod guest;
mod interfaces;
mod matcher;
mod smith;
mod spellings;

use arbitrary::{Arbitrary, Unstructured};
use sockvirt::policy::{
    Denial, DenyAt, DenyRule, Flag, Key, Lookup, LoopbackMode, NameTable, Operation, Protocol,
    Rules, Script, Session,
};
use sockvirt::{Built, Error, Mode, Policy, Reach, Virtualizer};
use std::net::{IpAddr, SocketAddr};
use std::panic;

/// Makes panics what they are outside of libFuzzer. Its driver ends the process at once, before the
/// library can make an error of a panic of one of its dependencies.
pub fn let_panics_be_caught() {
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

/// Whatever a script expects, and however its bytes come: it takes those that a naive reading does.
pub fn matcher(data: &[u8]) {
    let _ = matcher::compare(&mut Unstructured::new(data));
}

/// Whatever the bytes: [`inspect`](sockvirt::inspect) and [`check`](sockvirt::check) end, and
/// [`holds`] wherever sockets are denied.
pub fn bytes(data: &[u8]) {
    let _ = sockvirt::inspect(data);
    let _ = sockvirt::check(data);
    for deny_at in DenyAt::ALL {
        holds(data, &Policy::deny_all().with_deny_at(deny_at));
    }
}

/// Whatever the component: what [`bytes()`] says, and [`holds`] under a policy with rules, with
/// a network in memory and without. The
/// components are made of the data by [`component`].
pub fn components(data: &[u8]) {
    let mut data = Unstructured::new(data);
    let Ok(rules) = policy_with_rules(&mut data) else {
        return;
    };
    let Some(component) = generate(&mut data) else {
        return;
    };
    bytes(&component);
    for policy in [&rules, &Policy::deny_all()] {
        let in_memory = policy.clone().with_loopback(LoopbackMode::Virtual);
        holds(&component, &in_memory);
    }
    holds(&component, &rules);
}

/// Whatever the component that is made of the data: what is built of it does the same.
#[cfg(feature = "run")]
pub fn programs(data: &[u8]) {
    use sockvirt_tests::made_up::{Program, behaves_as_before};
    if let Ok(program) = Program::of(&mut Unstructured::new(data))
        && let Err(e) = behaves_as_before(&program)
    {
        panic!("{e:?}\n{}", program.text);
    }
}

/// Whatever the text: a policy that is read has a canonical text that is read as the same, and
/// an error has a place within the text.
pub fn policy(text: &str) {
    match Policy::from_toml(text) {
        Ok(policy) => {
            let canonical = policy.canonical();
            let again = Policy::from_toml(&canonical).expect("canonical text can be read");
            assert_eq!(again.canonical(), canonical);
            assert_eq!(decisions(&again), decisions(&policy));
        }
        Err(e) => {
            assert!(e.line() >= 1 && e.column() >= 1, "{e:?}");
            assert!(text.get(e.span()).is_some(), "{e:?} is outside of {text:?}");
            let _ = e.to_string();
        }
    }
}

/// Whatever the text: a script that is read comes back from its bytes, and an error has a place
/// within the text. Whatever it names as a file has three bytes.
pub fn script(text: &str) {
    match Policy::from_toml_with(text, "script.toml", &|_| Ok(vec![0, 1, 2])) {
        Ok(policy) => {
            if let Some(script) = policy.script() {
                let again = Script::from_bytes(&script.to_bytes());
                assert_eq!(again.as_ref(), Some(script));
            }
        }
        Err(e) => assert!(text.get(e.span()).is_some(), "{e:?} is outside of {text:?}"),
    }
}

/// Whatever the text: a flag that is read adds to a policy, which then has a canonical text that is
/// read as the same; and a mistake says what is wrong.
pub fn flags(text: &str) {
    let readers = [
        Flag::allow,
        Flag::deny,
        Flag::allow_resolve,
        Flag::addr_pool,
        Flag::redirect,
        Flag::host,
    ];
    for read in readers {
        match read(text).and_then(|flag| Policy::deny_all().with_flag(flag)) {
            Ok(with_flag) if with_flag.check().is_ok() => policy(&with_flag.canonical()),
            Ok(_) => {}
            Err(mistake) => assert!(!mistake.to_string().is_empty()),
        }
    }
}

/// Whatever the bytes: rules that can be read decide, and what is no rules is an error. Nothing
/// panics, and nothing runs without end.
pub fn wire(data: &[u8]) {
    if let Ok(rules) = Rules::read(data) {
        ask(rules, data);
    }
    ask(Rules::trusted(data), data);
}

fn ask(rules: Rules<'_>, data: &[u8]) {
    let mut session = Session::<NameTable>::boxed();
    let mut asked = Unstructured::new(data);
    for _ in 0..64 {
        let Ok((v6, words, port)) = <(bool, u128, u16)>::arbitrary(&mut asked) else {
            return;
        };
        let ip = match v6 {
            true => IpAddr::V6(words.into()),
            false => IpAddr::V4((words as u32).into()),
        };
        let udp = session.open_udp();
        for operation in Operation::ALL {
            for protocol in Protocol::ALL {
                let address = SocketAddr::new(ip, port);
                session.decide(&rules, operation, protocol, udp, address);
            }
        }
        session.accept(
            &rules,
            SocketAddr::new(ip, port),
            SocketAddr::new(ip, !port),
        );
        let name = &data[..usize::from(port).min(data.len())];
        if let Lookup::Ask(query) | Lookup::Inside(query) = session.resolve(&rules, name).lookup {
            if let Some(key) = Key::of(ip) {
                session.answered(&rules, query, key);
            }
            while session.next_inside(&rules, query).is_some() {}
            session.end_lookup(query);
        }
        session.close_udp(udp);
    }
}

/// Whatever the calls: the network in memory does not panic, stays within its limits, loses no byte
/// of a connection, and is empty once everything was dropped.
pub fn netstack(data: &[u8]) {
    calls::drive(data);
}

/// Whatever is done to the wire form of a policy: what [`wire()`] says.
pub fn wire_of(text: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    if let Ok(policy) = Policy::from_toml(text) {
        let mut bytes = policy.wire();
        wire(&bytes);
        damage(&mut bytes);
        wire(&bytes);
    }
}

/// The component that [`components()`] makes of an input: one that imports interfaces of
/// `wasi:sockets`, right and wrong, or one of `wasm-smith`. `None` where the data is none.
pub fn component(data: &[u8]) -> Option<Vec<u8>> {
    let mut data = Unstructured::new(data);
    policy_with_rules(&mut data).ok()?;
    generate(&mut data)
}

/// Builds with a policy. What is built passes the check for sockets. Built again without any, it
/// imports none any more; where it imported none before, it is copied unchanged.
///
/// # Panics
///
/// If one of that is not so, or if the build ends with [`Error::Refused`], which is what the tool
/// calls its own bugs.
pub fn holds(component: &[u8], policy: &Policy) {
    let virtualizer = Virtualizer::new(policy.clone());
    let built = match virtualizer.build(component) {
        Ok(built) => built.component,
        Err(e @ Error::Refused { .. }) => panic!("{e}"),
        Err(e) => {
            let _ = (e.to_string(), e.hint());
            return;
        }
    };
    let check = sockvirt::check(&built).expect("what was built is valid");
    let sockets = |reach| reach == Reach::Sockets;
    assert!(
        !check.violations.iter().any(|it| sockets(it.reach)),
        "{check:?}"
    );
    sockvirt::inspect(&built).expect("what was built can be inspected");
    let imports_sockets = check.allowed.iter().any(|it| sockets(it.reach));
    let Built {
        component, report, ..
    } = match Virtualizer::new(Policy::deny_all()).build(&built) {
        Ok(built) => built,
        Err(e @ Error::Refused { .. }) => panic!("{e}"),
        // What the host keeps is not looked at, until it is taken away.
        Err(e) => return assert!(imports_sockets, "what was built builds: {e}"),
    };
    assert_eq!(report.mode == Mode::Copied, !imports_sockets);
    assert_eq!(component == built, !imports_sockets);
}

/// All that a policy decides.
fn decisions(policy: &Policy) -> (DenyAt, Denial, Denial, Vec<Denial>) {
    let sockets = Operation::ALL
        .into_iter()
        .filter(|it| *it != Operation::Resolve);
    let both = sockets.flat_map(|op| Protocol::ALL.map(|protocol| policy.denial(op, protocol)));
    (
        policy.deny_at(),
        policy.create_denial(),
        policy.resolve_denial(),
        both.collect(),
    )
}

/// Policies that reach the host, each in another way.
const ALLOWING: [&str; 5] = [
    "[[allow]]\nto = '10.0.0.0/8'\nport = '*'\n",
    "[[allow]]\nto = '*'\nport = '*'\nproto = 'udp'\n",
    "[[allow]]\nto = ['**.example.com', '10.0.0.1']\nport = [443, '5000-6000']\nproto = 'tcp'\n",
    "[[allow]]\nop = ['listen']\nto = '0.0.0.0'\nport = 80\nfrom = '10.0.0.0/8'\n",
    "[dns.hosts]\n'a.test' = { answer = ['192.0.2.1'] }\n[policy]\nlog = 'all'\n",
];

fn policy_with_rules(data: &mut Unstructured<'_>) -> arbitrary::Result<Policy> {
    if bool::arbitrary(data)? {
        let text = format!("schema = 1\n{}", data.choose(&ALLOWING)?);
        return Ok(Policy::from_toml(&text).expect("a policy"));
    }
    let mut policy = Policy::deny_all().with_deny_at(*data.choose(&DenyAt::ALL)?);
    if bool::arbitrary(data)? {
        policy = policy
            .with_deny_as(Denial::Trap)
            .expect("all can end in a trap");
    }
    for _ in 0..data.int_in_range(0..=2)? {
        let operation = *data.choose(&Operation::ALL)?;
        let protocol = *data.choose(&[None, Some(Protocol::Tcp), Some(Protocol::Udp)])?;
        let denial = *data.choose(&Denial::ALL)?;
        if let Ok(rule) = DenyRule::new([operation], protocol, denial)
            && let Ok(with_rule) = policy.clone().with_rule(rule)
        {
            policy = with_rule;
        }
    }
    Ok(policy)
}

fn generate(data: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    match data.int_in_range(0..=15).ok()? {
        14 => smith::component(data),
        15 => smith::with_sockets(data),
        _ => wat::parse_str(guest::text(data).ok()?).ok(),
    }
}
