//! `cargo xtask prebuilt`
//!
//! Builds the code that travels inside components, which is checked in. The same source gives the
//! same bytes wherever it is built: no path of the machine gets in, and the tools have fixed
//! versions.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use xshell::{Shell, cmd};

/// What `sockvirt/prebuilt` holds: the name, the package in `virt-adapter/`, and its features.
const MODULES: [(&str, &str, &str); 5] = [
    ("interposer", "sockvirt-interposer", ""),
    ("policy", "sockvirt-policy-core", ""),
    ("policy-log", "sockvirt-policy-core", "log"),
    ("policy-names", "sockvirt-policy-core", "names"),
    ("policy-names-log", "sockvirt-policy-core", "names,log"),
];

const TARGET: &str = "wasm32-unknown-unknown";

/// The package of npm that has `wasm-opt`.
const BINARYEN: &str = "binaryen@125.0.0";

/// What `wasm-opt` may use: what every engine has.
const WASM_FEATURES: [&str; 4] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-sign-ext",
];

/// Builds the modules, or only compares them with what is there.
pub(crate) fn run(check: bool) -> Result<()> {
    let shell = Shell::new()?;
    let root = fs::canonicalize(crate::root())?;
    // Where there is no rustup, cargo says what is missing.
    let _ = cmd!(shell, "rustup target add {TARGET}").quiet().run();
    shell.change_dir(root.join("virt-adapter"));
    let target = root.join("target/prebuilt");
    let wasm_opt = install_wasm_opt(&shell, &target)?;
    shell.set_var("CARGO_TARGET_DIR", &target);
    shell.set_var("CARGO_ENCODED_RUSTFLAGS", flags(&root)?.join("\u{1f}"));
    for (name, package, features) in MODULES {
        cmd!(
            shell,
            "cargo build --quiet --release --locked --target {TARGET} -p {package}
             --features={features}"
        )
        .run()?;
        let file = format!("{}.wasm", package.replace('-', "_"));
        let built = target.join(TARGET).join("release").join(file);
        let small = target.join(format!("{name}.wasm"));
        cmd!(
            shell,
            "{wasm_opt} -Oz --converge {WASM_FEATURES...} {built} -o {small}"
        )
        .run()?;
        let small = fs::read(small)?;
        let path = root.join(format!("sockvirt/prebuilt/{name}.wasm"));
        if check {
            ensure!(
                fs::read(&path).unwrap_or_default() == small,
                "`sockvirt/prebuilt/{name}.wasm` is not what the source gives: \
                 run `cargo xtask prebuilt`"
            );
        } else {
            fs::write(&path, small)?;
        }
    }
    Ok(())
}

fn install_wasm_opt(shell: &Shell, target: &Path) -> Result<PathBuf> {
    let folder = target.join(BINARYEN);
    let wasm_opt = folder.join("node_modules/.bin/wasm-opt");
    if !wasm_opt.exists() {
        fs::create_dir_all(&folder)?;
        cmd!(shell, "npm install --no-save --prefix {folder} {BINARYEN}")
            .quiet()
            .ignore_stdout()
            .run()
            .context("`wasm-opt` comes by npm")?;
    }
    Ok(wasm_opt)
}

/// Memory comes from the component around; the stack is what is left below 8 KiB.
fn flags(root: &Path) -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.context("cargo has no home")?;
    let remap = |path: &Path, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    Ok(vec![
        "-Clink-arg=--import-memory".to_owned(),
        "-Clink-arg=-zstack-size=8192".to_owned(),
        "-Ctarget-feature=+bulk-memory".to_owned(),
        remap(&home, "cargo"),
        remap(root, "sockvirt"),
    ])
}
