//! `sockvirt run`

use crate::args::Run;
use crate::policy::Config;
use crate::{Answer, files};
use anyhow::Context;
use sockvirt::Virtualizer;
use sockvirt::run::{Cache, Runner};

pub(crate) fn run(args: &Run) -> anyhow::Result<Answer> {
    let policy = Config::read(&args.policy)?.policy(&args.policy, args.script.script.as_deref())?;
    let input = files::read(&args.input)?;
    let file = || format!("`{}`", args.input.display());
    let built = Virtualizer::new(policy).build(&input).with_context(file)?;
    let runner = Runner::new(Cache::User)?;
    let status = runner.run(&built.component, &args.program.surroundings());
    Ok(match status.with_context(file)? {
        0 => Answer::Done,
        status => Answer::Status(status),
    })
}
