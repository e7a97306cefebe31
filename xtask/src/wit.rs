//! `cargo xtask wit`
//!
//! The declarations of WASI (names and types, no documentation), as the crates `wasip2` and
//! `wasip3` ship them in the versions that the guests are built with. Of the packages only
//! `wasi:sockets` and those that it uses.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use wit_component::WitPrinter;
use wit_parser::Resolve;
use xshell::{Shell, cmd};

/// The crates, and the folders in `wit/` that their packages go to.
const SOURCES: [(&str, &str); 2] = [("wasip2", "0.2"), ("wasip3", "0.3")];

/// The packages of namespace `wasi` that are written.
const PACKAGES: [&str; 3] = ["clocks", "io", "sockets"];

/// Writes the declarations, or only compares them with what is there.
pub(crate) fn run(check: bool) -> Result<()> {
    let metadata = metadata()?;
    for (source, folder) in SOURCES {
        let wit = crate_folder(&metadata, source)?.join("wit");
        let target = crate::root().join("wit").join(folder);
        for (name, text) in declarations(&wit)? {
            let path = target.join(format!("{name}.wit"));
            if check {
                let there = fs::read_to_string(&path).unwrap_or_default();
                ensure!(
                    there == text,
                    "`{}` is not what `{source}` ships: run `cargo xtask wit`",
                    path.display()
                );
            } else {
                fs::create_dir_all(&target)?;
                fs::write(&path, text)?;
            }
        }
    }
    Ok(())
}

/// What cargo knows of the guests' workspace, which pins the crates.
fn metadata() -> Result<Value> {
    let shell = Shell::new()?;
    shell.change_dir(crate::root().join("tests/guests"));
    let json = cmd!(shell, "cargo metadata --format-version 1 --locked").read()?;
    serde_json::from_str(&json).context("cargo prints JSON")
}

fn crate_folder(metadata: &Value, name: &str) -> Result<PathBuf> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo lists packages")?;
    // Of several versions the newest: cargo lists them in order.
    let package = packages.iter().rfind(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.with_context(|| format!("no guest depends on `{name}`"))?;
    let folder = Path::new(manifest)
        .parent()
        .context("a manifest is in a folder")?;
    Ok(folder.to_owned())
}

/// The packages of a folder of WIT that are written, each with its text.
fn declarations(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut resolve = Resolve::default();
    resolve.push_dir(folder)?;
    let mut texts = Vec::new();
    for (id, package) in resolve.packages.iter() {
        let name = &package.name;
        if name.namespace == "wasi" && PACKAGES.contains(&name.name.as_str()) {
            let mut printer = WitPrinter::default();
            printer.emit_docs(false).print(&resolve, id, &[])?;
            texts.push((name.name.to_string(), printer.output.to_string()));
        }
    }
    Ok(texts)
}
