//! `cargo xtask prebuilt`
//!
//! Builds the code that travels inside components, which is checked in. The same source gives the
//! same bytes wherever it is built: no path of the machine gets in.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use xshell::{Shell, cmd};

/// The packages in `virt-adapter/`, and what their code is called in `sockvirt/prebuilt`.
const MODULES: [(&str, &str); 2] = [
    ("sockvirt-interposer", "interposer"),
    ("sockvirt-policy-core", "policy"),
];

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the modules, or only compares them with what is there.
pub(crate) fn run(check: bool) -> Result<()> {
    let shell = Shell::new()?;
    let root = fs::canonicalize(crate::root())?;
    // Where there is no rustup, cargo says what is missing.
    let _ = cmd!(shell, "rustup target add {TARGET}").quiet().run();
    shell.change_dir(root.join("virt-adapter"));
    let target = root.join("target/prebuilt");
    shell.set_var("CARGO_TARGET_DIR", &target);
    shell.set_var("CARGO_ENCODED_RUSTFLAGS", flags(&root)?.join("\u{1f}"));
    for (package, name) in MODULES {
        cmd!(
            shell,
            "cargo build --quiet --release --locked --target {TARGET} -p {package}"
        )
        .run()?;
        let file = format!("{}.wasm", package.replace('-', "_"));
        let built = fs::read(target.join(TARGET).join("release").join(file))?;
        let path = root.join(format!("sockvirt/prebuilt/{name}.wasm"));
        if check {
            ensure!(
                fs::read(&path).unwrap_or_default() == built,
                "`sockvirt/prebuilt/{name}.wasm` is not what the source gives: \
                 run `cargo xtask prebuilt`"
            );
        } else {
            fs::write(&path, built)?;
        }
    }
    Ok(())
}

/// Memory comes from the component around; the stack is what is left below 8 KiB.
fn flags(root: &PathBuf) -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.context("cargo has no home")?;
    let remap =
        |path: &PathBuf, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    Ok(vec![
        "-Clink-arg=--import-memory".to_owned(),
        "-Clink-arg=-zstack-size=8192".to_owned(),
        "-Ctarget-feature=+bulk-memory".to_owned(),
        remap(&home, "cargo"),
        remap(root, "sockvirt"),
    ])
}
