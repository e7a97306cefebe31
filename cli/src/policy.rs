//! The policy that the command line asks for: the file's, with the flags on top.

use crate::args::PolicyArgs;
use crate::say::BadPolicy;
use anyhow::Context;
use sockvirt::Policy;
use sockvirt::policy::{InvalidPolicy, LoopbackMode};
use std::fs;

/// Reads the file and adds the flags.
pub(crate) fn read(args: &PolicyArgs) -> anyhow::Result<Policy> {
    let mut policy = match &args.config {
        None => Policy::deny_all(),
        Some(path) => {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
            Policy::from_toml(&text).map_err(|error| BadPolicy {
                path: name,
                text,
                error,
            })?
        }
    };
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
