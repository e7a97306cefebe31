//! What holds of every policy.

use proptest::prelude::*;
use sockvirt_policy::{Denial, DenyAt, DenyRule, Operation, Policy, Protocol};

fn denial() -> impl Strategy<Value = Denial> {
    prop::sample::select(Denial::ALL.to_vec())
}

fn rule() -> impl Strategy<Value = DenyRule> {
    let operations = prop::sample::subsequence(Operation::ALL.to_vec(), 1..=3);
    let protocol = prop::option::of(prop::sample::select(Protocol::ALL.to_vec()));
    (operations, protocol, denial()).prop_filter_map("unfit", |(ops, protocol, deny_as)| {
        DenyRule::new(ops, protocol, deny_as).ok()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let deny_at = prop::sample::select(DenyAt::ALL.to_vec());
    let parts = (
        deny_at,
        denial(),
        denial(),
        prop::collection::vec(rule(), 0..4),
    );
    parts.prop_filter_map("contradicts itself", |(deny_at, deny_as, dns, rules)| {
        let policy = Policy::deny_all().with_deny_at(deny_at);
        let policy = policy.clone().with_deny_as(deny_as).unwrap_or(policy);
        let policy = policy.clone().with_dns_deny_as(dns).unwrap_or(policy);
        let policy = rules.into_iter().try_fold(policy, Policy::with_rule).ok()?;
        policy.check().is_ok().then_some(policy)
    })
}

fn answers(policy: &Policy) -> Vec<Denial> {
    let each = Operation::ALL.into_iter();
    let mut answers: Vec<_> = each
        .flat_map(|operation| Protocol::ALL.map(|protocol| policy.denial(operation, protocol)))
        .collect();
    answers.push(policy.resolve_denial());
    answers.push(policy.create_denial());
    answers
}

proptest! {
    /// The canonical text says everything, and says it one way only.
    #[test]
    fn canonical_text_is_the_policy(policy in policy()) {
        let text = policy.canonical();
        let read = Policy::from_toml(&text).expect("it reads its own text");
        prop_assert_eq!(answers(&read), answers(&policy));
        prop_assert_eq!(read.deny_at(), policy.deny_at());
        prop_assert_eq!(read.canonical(), text);
    }

    /// Nothing ends in a way that it does not have.
    #[test]
    fn denials_fit(policy in policy()) {
        for operation in Operation::ALL {
            for protocol in Protocol::ALL {
                prop_assert!(policy.denial(operation, protocol).fits(operation));
            }
        }
    }

    /// The order of rules never matters.
    #[test]
    fn order_never_matters(rules in prop::collection::vec(rule(), 0..5)) {
        let at = || Policy::deny_all().with_deny_at(DenyAt::Operation);
        let forwards = rules.iter().cloned().try_fold(at(), Policy::with_rule);
        let backwards = rules.into_iter().rev().try_fold(at(), Policy::with_rule);
        match (forwards, backwards) {
            (Ok(forwards), Ok(backwards)) => {
                prop_assert_eq!(forwards.canonical(), backwards.canonical());
            }
            (forwards, backwards) => prop_assert_eq!(forwards.is_err(), backwards.is_err()),
        }
    }

    /// Whatever is wrong with a file, it is wrong somewhere in it.
    #[test]
    fn errors_have_a_place(text in "(schema = 1\n)?([a-z\\[\\]=\"\n -é]{0,20}(deny-as|policy|op|to)?){0,6}") {
        if let Err(e) = Policy::from_toml(&text) {
            prop_assert!(e.line() >= 1 && e.column() >= 1);
            prop_assert!(text.get(e.span()).is_some());
        }
    }
}
