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

mod function;
mod guest;
mod interfaces;
mod smith;

use arbitrary::{Arbitrary, Unstructured};
use sockvirt::policy::{Denial, DenyAt, DenyRule, Operation, Protocol};
use sockvirt::{Built, Error, Mode, Policy, Reach, Virtualizer};
use std::panic;

/// Makes panics what they are outside of libFuzzer. Its driver ends the process at once, before the
/// library can make an error of a panic of one of its dependencies.
pub fn let_panics_be_caught() {
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
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

/// Whatever the component: what [`bytes()`] says, and [`holds`] under a policy with rules. The
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
    holds(&component, &rules);
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

/// The component that [`components()`] makes of an input: one that imports interfaces of
/// `wasi:sockets`, right and wrong, or one of `wasm-smith`. `None` where the data is none.
pub fn component(data: &[u8]) -> Option<Vec<u8>> {
    let mut data = Unstructured::new(data);
    policy_with_rules(&mut data).ok()?;
    generate(&mut data)
}

/// Builds with a policy. What is built passes the check for sockets, and is copied unchanged when
/// it is built again.
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
    let Built {
        component, report, ..
    } = virtualizer.build(&built).expect("what was built builds");
    assert_eq!(report.mode, Mode::Copied);
    assert!(component == built, "the copy differs");
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

fn policy_with_rules(data: &mut Unstructured<'_>) -> arbitrary::Result<Policy> {
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
