//! Programs in Python, made components by componentize-py.

use crate::tools::tool;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sockvirt_tests::guests;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a program of `guests/python`, with the packages that are installed beside
/// componentize-py.
pub(crate) fn python(name: &str) -> Result<Vec<u8>> {
    python_for(name, &wasi_wit("wasip2")?)
}

/// The same for WASI 0.3.
pub(crate) fn python_3(name: &str) -> Result<Vec<u8>> {
    python_for(name, &wasi_wit("wasip3")?)
}

fn python_for(name: &str, wit: &Path) -> Result<Vec<u8>> {
    let componentize = tool(".venv/bin/componentize-py")?;
    // Python leaves compiled modules beside its sources: these are copies.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = format!("{name}.py");
    let source = guests::folder().join("python").join(&file);
    fs::copy(&source, folder.path().join(&file))
        .with_context(|| format!("cannot copy `{}`", source.display()))?;
    let output = Command::new(componentize)
        .args(["--quiet", "--world", "wasi:cli/command", "--wit-path"])
        .arg(wit)
        .args(["componentize", name, "--output", "app.wasm"])
        .args(["--python-path", ".", "--python-path"])
        .arg(packages()?)
        .current_dir(folder.path())
        .output()
        .context("cannot run componentize-py")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot build `{file}`:\n{said}");
    fs::read(folder.path().join("app.wasm")).context("componentize-py made no file")
}

/// Where packages are installed, in a folder that is named after Python's version.
fn packages() -> Result<PathBuf> {
    let pythons = tool(".venv/lib")?;
    let mut pythons = fs::read_dir(&pythons)?;
    let python = pythons.next().context("there is no Python")??;
    Ok(python.path().join("site-packages"))
}

/// The WIT of WASI, as the crate `wasip2` or `wasip3` brings it, by the guest of the same name.
pub(crate) fn wasi_wit(wasi: &str) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked"])
        .arg("--filter-platform=wasm32-wasip2")
        .current_dir(guests::folder())
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot read the metadata:\n{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = list(&metadata["packages"]);
    let guest = find(packages, "name", &Value::from(format!("guest-{wasi}")))?;
    let node = find(list(&metadata["resolve"]["nodes"]), "id", &guest["id"])?;
    let wasi = find(list(&node["deps"]), "name", &Value::from(wasi))?;
    let wasi = find(packages, "id", &wasi["pkg"])?;
    let manifest = wasi["manifest_path"].as_str().context("no path")?;
    Ok(Path::new(manifest).with_file_name("wit"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn find<'v>(values: &'v [Value], key: &str, is: &Value) -> Result<&'v Value> {
    let found = values.iter().find(|value| value[key] == *is);
    found.with_context(|| format!("cargo metadata has no {key} {is}"))
}
