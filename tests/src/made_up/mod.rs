//! Components that are made up, and do as much with a network in memory as without.
//!
//! They call what they import, in an order that is made up as well, and return what they were given. A
//! host that answers anything writes down what it is asked. Both must be the same of a component and of
//! what is built of it, whatever is done in between to the functions that the network has a part in.

mod code;
#[path = "../../../fuzz/src/function.rs"]
mod function;
mod host;
#[path = "../../../fuzz/src/interfaces.rs"]
mod interfaces;
mod types;
mod unit;

use anyhow::{Context, Result, ensure};
use arbitrary::Unstructured;
use sockvirt::policy::LoopbackMode;
use sockvirt::{Error, Policy, Virtualizer};
use std::fmt::Write;
use unit::{Imports, Text};

pub use host::{Trace, trace};

/// A component, what it is built with, and the functions to call, one after the other.
pub struct Program {
    /// The component in the text format.
    pub text: String,
    /// The policy.
    pub policy: Policy,
    /// What it exports, in the order in which it is called.
    pub calls: Vec<String>,
}

impl Program {
    /// The program that is made of such data.
    pub fn of(data: &mut Unstructured<'_>) -> arbitrary::Result<Program> {
        let policy = policy(data)?;
        let versions: &[&str] = data.choose(&[&["0.2.0"][..], &["0.2.6"], &["0.2.0", "0.2.12"]])?;
        let mut whole = unit::unit(data, versions)?;
        let depth = data.int_in_range(0..=2)?;
        for level in 0..depth {
            let mut inside = vec![whole];
            if level == 0 && data.arbitrary()? {
                inside.push(unit::unit(data, versions)?);
            }
            let instances = data.int_in_range(inside.len()..=2)?;
            whole = around(data, &inside, instances, versions)?;
        }
        let mut calls = Vec::new();
        for _ in 0..data.int_in_range(1..=6)? {
            calls.push(data.choose(&whole.exports)?.clone());
        }
        Ok(Program {
            text: format!("(component\n{})", whole.body),
            policy,
            calls,
        })
    }
}

/// A component with so many instances of these inside, which exports what they do.
fn around(
    data: &mut Unstructured<'_>,
    inside: &[Text],
    instances: usize,
    versions: &[&'static str],
) -> arbitrary::Result<Text> {
    let imports = Imports::of(data, versions, 1)?;
    let mut text = Text {
        body: imports.text,
        exports: Vec::new(),
    };
    for (number, it) in inside.iter().enumerate() {
        let _ = writeln!(text.body, "(component $inside{number}\n{})", it.body);
    }
    let with = imports.names.iter();
    let with: String = with
        .map(|name| format!(" (with \"{name}\" (instance ${name}))"))
        .collect();
    for number in 0..instances {
        let component = number.min(inside.len() - 1);
        let _ = writeln!(
            text.body,
            "(instance $instance{number} (instantiate $inside{component}{with}))"
        );
        for name in &inside[component].exports {
            let export = format!("in-{number}-{name}");
            let _ = writeln!(
                text.body,
                "(alias export $instance{number} \"{name}\" (func ${export}))\n\
                 (export \"{export}\" (func ${export}))"
            );
            text.exports.push(export);
        }
    }
    Ok(text)
}

/// A network in memory, more often than not: alone, or with what leads to the host beside it.
fn policy(data: &mut Unstructured<'_>) -> arbitrary::Result<Policy> {
    let rule = match data.arbitrary()? {
        true => "[[allow]]\nto = '192.0.2.0/24'\nport = '*'\n",
        false => "",
    };
    let policy = Policy::from_toml(&format!("schema = 1\n{rule}")).expect("a policy");
    Ok(match data.int_in_range(0..=3)? {
        3 => policy,
        _ => policy.with_loopback(LoopbackMode::Virtual),
    })
}

/// Builds a program, and has it do what it does without. Gives what that is, or nothing if it was
/// refused.
///
/// # Errors
///
/// If it does something else, or is refused for what is not its fault.
pub fn behaves_as_before(program: &Program) -> Result<Option<Trace>> {
    let bare = wat::parse_str(&program.text)?;
    let built = match Virtualizer::new(program.policy.clone()).build(&bare) {
        Ok(built) => built.component,
        Err(Error::NotInMemory { .. } | Error::UnexpectedType { .. }) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let expected = trace(&bare, &program.calls).context("bare")?;
    let does = trace(&built, &program.calls).context("built")?;
    ensure!(does == expected, "bare: {expected:#?}\nbuilt: {does:#?}");
    Ok(Some(does))
}
