//! The policy that the command line asks for: the files', with the flags on top.

use crate::args::PolicyArgs;
use crate::say::BadPolicy;
use anyhow::Context;
use sockvirt::Policy;
use sockvirt::policy::{FileError, InvalidPolicy, LoopbackMode};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The longest file that another one may name, in bytes.
const LONGEST: u64 = 64 << 20;

/// The policy file's text, if there is one.
pub(crate) struct Config(Option<File>);

/// A text of so many bytes takes about as long to read as a guest, so that a second thread is worth it.
const LONG: usize = 64 << 10;

impl Config {
    pub(crate) fn read(args: &PolicyArgs) -> anyhow::Result<Self> {
        args.config
            .as_deref()
            .map(File::read)
            .transpose()
            .map(Config)
    }

    pub(crate) fn is_long(&self) -> bool {
        self.0.as_ref().is_some_and(|file| file.text.len() > LONG)
    }

    /// Reads the rest, and adds the flags.
    pub(crate) fn policy(
        &self,
        args: &PolicyArgs,
        script: Option<&Path>,
    ) -> anyhow::Result<Policy> {
        let mut policy = match &self.0 {
            None => Policy::deny_all(),
            Some(file) => {
                file.policy(|text, name, fixtures| Policy::from_toml_with(text, name, fixtures))?
            }
        };
        if let Some(path) = script {
            let beside = self.0.as_ref().map_or("", |file| &file.text);
            let file = File::read(path)?;
            policy = file
                .policy(|text, name, fixtures| policy.with_script(beside, text, name, fixtures))?;
        }
        if let Some(deny_at) = args.deny_at {
            policy = policy.with_deny_at(deny_at);
        }
        if let Some(mode) = args.dns {
            policy = policy.with_dns_mode(mode);
        }
        if args.loopback {
            policy = policy.with_loopback(LoopbackMode::Virtual);
        }
        if let Some(log) = args.log {
            policy = policy.with_log(log);
        }
        let lists = [
            &args.allow,
            &args.deny,
            &args.allow_resolve,
            &args.redirect,
            &args.host,
            &args.addr_pool,
        ];
        for flag in lists.into_iter().flatten() {
            policy = policy.with_flag(flag.clone())?;
        }
        for flag in &args.deny_as {
            if flag.operations.is_empty() {
                policy = policy.with_deny_as(flag.denial).context(
                    "`--deny-as` without an operation stands for all of them, \
                     and `--deny-as OP=CODE` for one",
                )?;
            }
            for &operation in &flag.operations {
                policy = policy
                    .overriding(operation, flag.denial)
                    .context("`--deny-as` does not fit")?;
            }
        }
        match policy.check() {
            Ok(()) => Ok(policy),
            Err(e @ InvalidPolicy::NeverReached { .. }) => {
                Err(e).context("use `--deny-at operation` with it")
            }
            Err(e @ InvalidPolicy::LoopbackInMemory { .. }) => {
                Err(e).context("leave the rule out, or `--loopback`")
            }
            Err(e) => Err(e.into()),
        }
    }
}

/// A file of TOML.
struct File {
    path: PathBuf,
    text: String,
}

/// Reads a file that another one names.
type Fixtures<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read `{}`", path.display()))?;
        let path = path.to_owned();
        Ok(File { path, text })
    }

    /// The policy that some reader makes of it.
    fn policy(
        &self,
        read: impl FnOnce(&str, &str, Fixtures<'_>) -> Result<Policy, FileError>,
    ) -> anyhow::Result<Policy> {
        let path = self.path.display().to_string();
        // The output is the same wherever the folder is.
        let name = self.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let policy = read(&self.text, &name, &|name| fixture(folder, name));
        policy.map_err(|error| {
            let text = self.text.clone();
            BadPolicy { path, text, error }.into()
        })
    }
}

/// Reads a file in a folder or below. Where a link leads is for whoever made it.
fn fixture(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let mut parts = Path::new(name).components();
    if name.is_empty() || !parts.all(|it| matches!(it, Component::Normal(_) | Component::CurDir)) {
        return Err("it is not in the folder of the file that names it".to_owned());
    }
    let path = folder.join(name);
    // Devices never end.
    match fs::metadata(&path) {
        Ok(it) if !it.is_file() => return Err("it is not a file".to_owned()),
        Ok(it) if it.len() > LONGEST => return Err("it has more than 64 MiB".to_owned()),
        Ok(_) => {}
        Err(e) => return Err(e.to_string()),
    }
    fs::read(path).map_err(|e| e.to_string())
}
