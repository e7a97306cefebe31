//! `cargo xtask prebuilt`
//!
//! Builds the code that travels inside components, which is checked in. The same source gives the
//! same bytes wherever it is built: the compiler is called without cargo, which would have the order
//! of functions depend on the path of the checkout; no path of the machine gets in; and the tools
//! have fixed versions.

use anyhow::{Context, Result, ensure};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use xshell::{Shell, cmd};

/// What `sockvirt/prebuilt` holds: the name, the source in `virt-adapter/`, and its features.
const MODULES: [(&str, &str, &[&str]); 20] = [
    ("hub", "hub", &[]),
    ("hub-script", "hub", &["script"]),
    ("interposer", "interposer", &[]),
    ("interposer-names", "interposer", &["names"]),
    (NETWORK, "p2", &[]),
    (REMOTE, "p2", &["remote"]),
    (REMOTE_SCRIPT, "p2", &["remote", "script"]),
    (SCRIPT, "p2", &["script"]),
    ("network-3", "p3", &[]),
    ("network-3-host", "p3", &["host"]),
    ("network-3-script", "p3", &["script"]),
    ("network-3-script-host", "p3", &["script", "host"]),
    ("network-3-shared", "p3", &["shared"]),
    ("network-3-shared-host", "p3", &["shared", "host"]),
    ("network-3-shared-script", "p3", &["shared", "script"]),
    (
        "network-3-shared-script-host",
        "p3",
        &["shared", "script", "host"],
    ),
    ("policy", "policy", &[]),
    ("policy-log", "policy", &["log"]),
    ("policy-names", "policy", &["names"]),
    ("policy-names-log", "policy", &["names", "log"]),
];

/// The modules whose table others add to: alone, with the network in another component, and both with
/// a script.
const NETWORK: &str = "network";
const REMOTE: &str = "network-remote";
const SCRIPT: &str = "network-script";
const REMOTE_SCRIPT: &str = "network-remote-script";

/// How that is linked: nobody may take its table for all that will be in there.
const OPEN_TABLE: [&str; 2] = ["-Clink-arg=--export-table", "-Clink-arg=--growable-table"];

/// The crates that they share with the tool: the name, the folder, and the features that they have
/// where a module has them.
const CRATES: [(&str, &str, &[&str]); 2] = [
    ("sockvirt_netstack", "netstack", &["script"]),
    ("sockvirt_policy", "policy", &[]),
];

const TARGET: &str = "wasm32-unknown-unknown";

/// How everything is compiled: as small as can be, without unwinding.
const OPTIONS: [&str; 8] = [
    "--edition=2024",
    "--cap-lints=allow",
    "-Copt-level=z",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cembed-bitcode=yes",
    "-Cmetadata=sockvirt",
    "-Ctarget-feature=+bulk-memory",
];

/// How a module is linked: memory comes from the component around, and the stack is what is left
/// below 8 KiB.
const LINK: [&str; 5] = [
    "--crate-type=cdylib",
    "-Clto=fat",
    "-Cstrip=symbols",
    "-Clink-arg=--import-memory",
    "-Clink-arg=-zstack-size=8192",
];

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
    // Where there is no rustup, the compiler says what is missing.
    let _ = cmd!(shell, "rustup target add {TARGET}").quiet().run();
    shell.change_dir(&root);
    let target = root.join("target/prebuilt");
    fs::create_dir_all(&target)?;
    let wasm_opt = install_wasm_opt(&shell, &target)?;
    let mut made = HashSet::new();
    let remap = format!("--remap-path-prefix={}=sockvirt", root.display());
    for (name, folder, features) in MODULES {
        let built = target.join(format!("{name}.built.wasm"));
        let mut externs = Vec::new();
        for (krate, folder, known) in CRATES {
            let shared: Vec<_> = features.iter().filter(|it| known.contains(*it)).collect();
            let suffix: String = shared.iter().map(|it| format!("-{it}")).collect();
            let rlib = target.join(format!("lib{krate}{suffix}.rlib"));
            externs.push(format!("--extern={krate}={}", rlib.display()));
            if !made.insert(rlib.clone()) {
                continue;
            }
            let features = shared.iter().map(|it| format!("--cfg=feature=\"{it}\""));
            let source = format!("{folder}/src/lib.rs");
            cmd!(
                shell,
                "rustc {OPTIONS...} {remap} --target {TARGET} --crate-type=rlib
                 --crate-name {krate} {features...} {source} -o {rlib}"
            )
            .run()?;
        }
        let features = features.iter().map(|it| format!("--cfg=feature=\"{it}\""));
        let source = format!("virt-adapter/{folder}/src/lib.rs");
        let table = OPEN_TABLE
            .iter()
            .filter(|_| [NETWORK, REMOTE, SCRIPT, REMOTE_SCRIPT].contains(&name));
        cmd!(
            shell,
            "rustc {OPTIONS...} {LINK...} {table...} {remap} --target {TARGET} --crate-name sockvirt_core
             {features...} {externs...} {source} -o {built}"
        )
        .run()?;
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
