//! What `check` finds in outputs whose policy reaches the host.

use anyhow::{Context, Result};
use sockvirt::{Reach, check};
use sockvirt_tests::allowlist::{self, allow, everything};
use sockvirt_tests::guests::Guest;

/// The programs that only the allowlist is tried with, and those of all tests.
fn guests() -> impl Iterator<Item = Guest> {
    let more = [Guest::ProbeStd, Guest::Echo, Guest::Redis];
    let probes = Guest::PROBES.into_iter().chain(more);
    Guest::COMMANDS.into_iter().chain(probes)
}

#[test]
fn honest_outputs_pass() -> Result<()> {
    let tcp = allow("to = \"127.0.0.1\"\nport = 80\nproto = \"tcp\"");
    for guest in guests() {
        for (rules, all) in [(everything(), true), (tcp.clone(), false)] {
            let check = check(&allowlist::build(guest, &rules)?).context(guest.name())?;
            assert!(
                check.passed() && check.enforced,
                "{}: {check:?}",
                guest.name()
            );
            assert!(!check.allowed.is_empty(), "{}", guest.name());
            assert!(check.allowed.iter().all(|it| it.reach == Reach::Sockets));
            // What the policy has no use for is not imported to begin with.
            let imports = |part| check.allowed.iter().any(|it| it.name.contains(part));
            if !all {
                assert!(!imports("/udp") && !imports("/ip-name-lookup"), "{check:?}");
            }
        }
    }
    Ok(())
}

/// The same program with a policy that reaches more, in which somebody wrote one that reaches less.
#[test]
fn outputs_that_reach_more_than_they_say_do_not_pass() -> Result<()> {
    let narrow = allow("to = \"127.0.0.1\"\nport = 80");
    for probe in Guest::PROBES {
        let honest = allowlist::build(probe, &narrow)?;
        let wide = allowlist::build(probe, &everything())?;
        let forged = [
            without_label(&wide),
            &honest[without_label(&honest).len()..],
        ]
        .concat();
        let (honest, forged) = (check(&honest)?, check(&forged)?);
        assert!(honest.passed() && honest.enforced);
        // It says so, and is not believed.
        assert_eq!(forged.policy_digest, honest.policy_digest);
        assert!(!forged.enforced && !forged.passed());
        assert!(forged.allowed.is_empty());
        assert!(forged.violations.len() >= honest.allowed.len());
    }
    Ok(())
}

/// A component up to the section that has its policy, which is the last one.
fn without_label(component: &[u8]) -> &[u8] {
    let name = b"\x0fsockvirt:policy";
    let at = component.windows(name.len()).rposition(|it| it == name);
    let at = at.expect("it has a policy");
    // In front of it are the kind of section, which is 0, and the size of what follows in LEB128.
    let bits = usize::BITS - (component.len() - at).leading_zeros();
    &component[..at - bits.div_ceil(7) as usize - 1]
}
