//! Where the tools are that are not Rust's.

use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// The folder of the tools that are not Rust's.
pub(crate) fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("engines")
}

/// One of them, which must be there.
pub(crate) fn tool(path: &str) -> Result<PathBuf> {
    let tool = tools().join(path);
    ensure!(
        tool.exists(),
        "`{}` is missing: run `cargo xtask engines` first",
        tool.display()
    );
    Ok(tool)
}
