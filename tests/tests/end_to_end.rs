//! Every guest, composed, on a host without sockets, beside the same guest on a host that denies
//! them: what it prints and how it ends must be the same.

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Arguments, Trial};
use sockvirt::policy::{DenyAt, Policy};
use sockvirt::{Built, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};

fn main() {
    let mut trials = Vec::new();
    for guest in Guest::COMMANDS {
        for deny_at in DenyAt::ALL {
            let name = format!("{}::denied_at_{deny_at}", guest.name());
            trials.push(trial(name, move || like_a_host_that_denies(guest, deny_at)));
        }
        let name = format!("{}::bare_does_not_start", guest.name());
        trials.push(trial(name, move || bare_does_not_start(guest)));
    }
    for deny_at in DenyAt::ALL {
        trials.push(trial(format!("http::denied_at_{deny_at}"), move || {
            serves(deny_at)
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: String, test: impl Fn() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || test().map_err(|e| format!("{e:?}").into()))
}

fn build(guest: &[u8], deny_at: DenyAt) -> Result<Built> {
    let built = Virtualizer::new(Policy::deny_all().with_deny_at(deny_at)).build(guest)?;
    ensure!(
        !built.report.removed.is_empty(),
        "the guest imports no sockets"
    );
    ensure!(
        sockvirt::check(&built.component)?.passed(),
        "the output can reach a network"
    );
    Ok(built)
}

fn like_a_host_that_denies(guest: Guest, deny_at: DenyAt) -> Result<()> {
    let bytes = guest.build()?;
    let denying = match deny_at {
        DenyAt::Create => Sockets::DeniedAtCreate,
        DenyAt::Operation => Sockets::DeniedAtOperation,
    };
    let bare = host::run(&bytes, denying).context("the bare guest")?;
    let built = build(&bytes, deny_at)?;
    let composed = host::run(&built.component, Sockets::None).context("the composed guest")?;
    ensure!(!bare.stdout.is_empty(), "the guest prints nothing");
    similar(&bare.stdout, &composed.stdout)?;
    ensure!(bare == composed, "bare: {bare:?}\ncomposed: {composed:?}");
    Ok(())
}

fn similar(bare: &str, composed: &str) -> Result<()> {
    let mut lines = bare.lines().zip(composed.lines()).enumerate();
    match lines.find(|(_, (bare, composed))| bare != composed) {
        None => Ok(()),
        Some((i, (bare, composed))) => {
            anyhow::bail!(
                "line {}:\n  bare:     {bare}\n  composed: {composed}",
                i + 1
            )
        }
    }
}

/// That the host has no sockets must matter, or the tests above show nothing.
fn bare_does_not_start(guest: Guest) -> Result<()> {
    match host::run(&guest.build()?, Sockets::None) {
        Ok(outcome) => anyhow::bail!("it started: {outcome:?}"),
        Err(e) => {
            let said = format!("{e:?}");
            ensure!(
                said.contains("matching implementation was not found"),
                "{said}"
            );
            Ok(())
        }
    }
}

fn serves(deny_at: DenyAt) -> Result<()> {
    let bytes = Guest::Http.build()?;
    let bare = host::serve(&bytes, Sockets::DeniedAtCreate).context("the bare guest")?;
    let built = build(&bytes, deny_at)?;
    let composed = host::serve(&built.component, Sockets::None).context("the composed guest")?;
    ensure!(
        bare == "connect: Err(PermissionDenied)\n",
        "the bare guest answers {bare:?}"
    );
    ensure!(bare == composed, "bare: {bare:?}, composed: {composed:?}");
    Ok(())
}
