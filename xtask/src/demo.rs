//! `cargo xtask demo`

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

/// Builds the example `fetch`, shows that it does not start on a host without sockets, takes the
/// network out of it, and shows that it starts there.
pub(crate) fn run() -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(crate::root());
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let guest = format!("{target}/demo/wasm32-wasip2/release/fetch.wasm");
    let out = format!("{target}/demo/out.wasm");
    let (sockvirt, host) = (
        format!("{target}/debug/sockvirt"),
        format!("{target}/debug/host-without-sockets"),
    );
    cmd!(shell, "rustup target add wasm32-wasip2")
        .quiet()
        .ignore_stderr()
        .run()?;
    cmd!(
        shell,
        "cargo build --quiet --release --locked --manifest-path examples/Cargo.toml
         --target wasm32-wasip2 --target-dir {target}/demo"
    )
    .run()?;
    cmd!(
        shell,
        "cargo build --quiet --package sockvirt-cli --package sockvirt-tests"
    )
    .run()?;

    println!("\n# as it was built, on a host without sockets:");
    let bare = cmd!(shell, "{host} {guest}").ignore_status().output()?;
    ensure!(
        !bare.status.success(),
        "it starts without sockets: the example shows nothing"
    );
    println!(
        "{}",
        String::from_utf8_lossy(&bare.stderr)
            .lines()
            .next()
            .unwrap_or_default()
    );

    println!("\n# taking the network out:");
    cmd!(shell, "{sockvirt} build {guest} -o {out}").run()?;

    println!("\n# what came out, on the same host:");
    cmd!(shell, "{host} {out}").run()?;
    cmd!(shell, "{sockvirt} check {out}").run()?;
    Ok(())
}
