//! What people read on standard error.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use sockvirt::policy::{FileError, Mistake};
use std::fmt;

/// A policy file that cannot be used, with all that it takes to show where.
#[derive(Debug)]
pub(crate) struct BadPolicy {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) error: FileError,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

impl std::error::Error for BadPolicy {}

/// Says what went wrong, where, and what to do about it.
pub(crate) fn error(e: &anyhow::Error) {
    if let Some(bad) = e.downcast_ref::<BadPolicy>() {
        return show(bad);
    }
    let head = Style::new()
        .bold()
        .fg_color(Some(AnsiColor::BrightRed.into()));
    anstream::eprintln!("{head}error{head:#}: {e:#}");
    let hint = e
        .chain()
        .find_map(|cause| match cause.downcast_ref::<sockvirt::Error>() {
            Some(e) => e.hint(),
            None => cause.downcast_ref::<Mistake>()?.suggestion(),
        });
    if let Some(hint) = hint {
        let head = Style::new()
            .bold()
            .fg_color(Some(AnsiColor::BrightCyan.into()));
        anstream::eprintln!("{head}hint{head:#}: {hint}");
    }
}

/// Says that the command itself went wrong.
pub(crate) fn bug(panic: &str) {
    error(&anyhow::anyhow!("{panic}").context("this is a bug of sockvirt, please report it"));
}

/// Says something that is no error.
pub(crate) fn note(text: &str) {
    let head = Style::new()
        .bold()
        .fg_color(Some(AnsiColor::BrightGreen.into()));
    anstream::eprintln!("{head}note{head:#}: {text}");
}

impl BadPolicy {
    fn report(&self) -> Vec<Group<'_>> {
        let place = Snippet::source(self.text.as_str())
            .path(self.path.as_str())
            .annotation(AnnotationKind::Primary.span(self.error.span()));
        let mut group =
            Group::with_title(Level::ERROR.primary_title(self.error.message())).element(place);
        if let Some(hint) = self.error.hint() {
            group = group.element(Level::HELP.with_name("hint").message(hint));
        }
        vec![group]
    }
}

fn show(bad: &BadPolicy) {
    let renderer = match AutoStream::choice(&std::io::stderr()) {
        ColorChoice::Never => Renderer::plain(),
        _ => Renderer::styled(),
    };
    anstream::eprintln!("{}", renderer.render(&bad.report()));
}
