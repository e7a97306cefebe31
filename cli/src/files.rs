//! Reading inputs and writing outputs.

use anyhow::{Context, bail};
use std::fs::{self, Permissions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Reads a whole file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        return Ok(bytes);
    }
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Where an output goes.
#[derive(Debug)]
pub(crate) enum Target {
    Stdout,
    File(PathBuf),
}

impl Target {
    /// The target that `-o` names. Binary data is refused on a terminal, before any work is done.
    pub(crate) fn choose(path: Option<&Path>, binary: bool) -> anyhow::Result<Self> {
        match path {
            Some(path) if path != Path::new("-") => Ok(Target::File(path.to_owned())),
            _ if binary && io::stdout().is_terminal() => {
                bail!(
                    "the output is binary, and standard output is a terminal: name a file with `-o`, or ask for text with `-t`"
                )
            }
            _ => Ok(Target::Stdout),
        }
    }

    /// Writes the output, whole or not at all.
    pub(crate) fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Target::Stdout => print(bytes),
            Target::File(path) => write_file(path, bytes)
                .with_context(|| format!("cannot write `{}`", path.display())),
        }
    }
}

/// Writes to standard output.
pub(crate) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // Who reads has read enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Writes a file so that whoever looks sees the old contents or the new, and a failure leaves the
/// old: into a new file beside it, which then takes its name.
fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Through links to what they mean, which then stays where it is.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&path) {
        Ok(existing) if existing.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A pipe or a device has no contents to keep, and nothing can take its name.
        Ok(existing) if !existing.is_file() => return write_through(&path, bytes),
        // A file that may not be written is not replaced either.
        Ok(existing) => {
            fs::OpenOptions::new().append(true).open(&path)?;
            existing.permissions()
        }
        Err(_) => Permissions::from_mode(0o666),
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".sockvirt-")
        .permissions(permissions.clone())
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    if fs::metadata(&path).is_ok() {
        // The mode that a file is created with is cut by the umask; that of an old one is kept.
        file.as_file().set_permissions(permissions)?;
    }
    // No `sync_all`: it would take as long as the whole build, and an output that a power cut
    // takes away is built again.
    file.persist(&path)?;
    Ok(())
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.flush()
}
