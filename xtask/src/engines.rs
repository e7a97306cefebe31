//! `cargo xtask engines`

use anyhow::Result;
use xshell::{Shell, cmd};

/// Installs jco, componentize-qjs and a Node.js for WASI 0.3 into `tests/engines/node_modules`, componentize-py and a compiler
/// of C into `tests/engines/.venv`, in the versions that are pinned there. It needs npm and Python 3.
pub(crate) fn run() -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(crate::root().join("tests/engines"));
    cmd!(shell, "npm install --no-package-lock --no-audit --no-fund").run()?;
    cmd!(shell, "python3 -m venv .venv").run()?;
    cmd!(
        shell,
        ".venv/bin/pip install --quiet --requirement requirements.txt"
    )
    .run()?;
    Ok(())
}
