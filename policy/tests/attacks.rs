//! The known ways around allowlists.

use sockvirt_policy::{NoNames, Operation, Policy, Protocol, Rules, Session, Verdict};

fn verdict(policy: &str, operation: Operation, protocol: Protocol, to: &str) -> Verdict {
    let policy = Policy::from_toml(&format!("schema = 1\n{policy}")).expect("a policy");
    let wire = policy.wire();
    let rules = Rules::read(&wire).expect("rules");
    let mut session = Box::new(Session::<NoNames>::new());
    let to = to.parse().expect("an address");
    session.decide(&rules, operation, protocol, 0, to).verdict
}

fn connects(policy: &str, to: &str) -> bool {
    let verdict = verdict(policy, Operation::Connect, Protocol::Tcp, to);
    matches!(verdict, Verdict::Allow { .. })
}

#[test]
fn an_address_is_itself() {
    let policy = "[[allow]]\nto = '1.2.3.4'\nport = 443";
    assert!(connects(policy, "1.2.3.4:443"));
    assert!(!connects(policy, "1.2.3.4:444"));
    assert!(!connects(policy, "1.2.3.5:443"));
    assert!(!connects(policy, "[::ffff:1.2.3.4]:443"));
    assert!(connects("[[allow]]\nto = '*'\nport = '*'", "8.8.8.8:1"));
    assert!(connects(
        "[[allow]]\nto = '*'\nport = '*'",
        "[2606:4700::1]:1"
    ));
    assert!(!connects("[[allow]]\nto = '*'\nport = '*'", "10.0.0.1:1"));
    assert!(connects(
        "[[allow]]\nto = '10.0.0.0/8'\nport = '*'",
        "10.0.0.1:1"
    ));
    assert!(!connects(
        "[[allow]]\nto = '169.254.0.0/16'\nport = '*'",
        "169.254.169.254:80"
    ));
    assert!(connects(
        "[[allow]]\nto = 'loopback'\nport = '*'",
        "127.0.0.1:80"
    ));
}
