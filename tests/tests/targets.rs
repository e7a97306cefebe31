//! Each output targets the guest's own world less its sockets: nothing is added to it, nothing is
//! taken away but the sockets, and nothing is raised to another version.

use anyhow::{Context, Result, bail};
use libtest_mimic::{Arguments, Trial};
use sockvirt::Virtualizer;
use sockvirt::policy::{DenyAt, Policy};
use sockvirt_tests::guests::Guest;
use wit_component::{DecodedWasm, decode, targets};
use wit_parser::{Resolve, WorldId};

fn main() {
    let guests = Guest::COMMANDS.into_iter().chain([Guest::Http]);
    let trials = guests.map(|guest| {
        Trial::test(guest.name(), move || {
            targets_its_world(guest).map_err(|e| format!("{e:?}").into())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn targets_its_world(guest: Guest) -> Result<()> {
    let bytes = guest.build()?;
    let (resolve, world) = world_without_sockets(&bytes)?;
    if targets(&resolve, world, &bytes).is_ok() {
        bail!("the bare guest needs no sockets");
    }
    for deny_at in DenyAt::ALL {
        let policy = Policy::deny_all().with_deny_at(deny_at);
        let built = Virtualizer::new(policy).build(&bytes)?;
        targets(&resolve, world, &built.component)
            .with_context(|| format!("denied at {deny_at}"))?;
        let whole = built
            .component
            .windows(bytes.len())
            .any(|window| window == bytes);
        anyhow::ensure!(whole, "the guest is not in it as it was");
    }
    Ok(())
}

fn world_without_sockets(component: &[u8]) -> Result<(Resolve, WorldId)> {
    let DecodedWasm::Component(mut resolve, world) = decode(component)? else {
        bail!("not a component");
    };
    let mut imports = std::mem::take(&mut resolve.worlds[world].imports);
    imports.retain(|key, _| !resolve.name_world_key(key).starts_with("wasi:sockets/"));
    resolve.worlds[world].imports = imports;
    Ok((resolve, world))
}
