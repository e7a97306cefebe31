//! The program, and caches that a script plays to it.

use sockvirt::Policy;
use std::path::Path;
use std::process::Command;

/// The program as a component.
fn component() -> Vec<u8> {
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/component");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["--package", "example-scripted", "--target-dir", target])
        .status();
    assert!(built.expect("cargo runs").success());
    let component = Path::new(target).join("wasm32-wasip2/release/example-scripted.wasm");
    std::fs::read(component).expect("cargo made it")
}

#[test]
fn a_reply_that_dribbles_is_read() {
    let script = Policy::from_toml(include_str!("dribble.test.toml")).expect("a script");
    let report = sockvirt::test(&component(), &script).expect("it runs");
    assert!(report.passed(), "{report}");
}

#[test]
fn a_cache_that_is_away_is_asked_again() {
    let script = Policy::from_toml(include_str!("refused.test.toml")).expect("a script");
    let report = sockvirt::test(&component(), &script).expect("it runs");
    assert!(report.passed(), "{report}");
    let stdout = String::from_utf8_lossy(&report.stdout);
    let expected = "timed out; again in 1 s\nunexpected end of file; again in 10 s\nhello\n";
    assert_eq!(stdout, expected);
}

/// What a program that asks for something else is told.
#[test]
fn a_cache_that_expects_something_else_says_so() {
    let script = include_str!("dribble.test.toml").replace("$8\\r\\ngreeting", "$4\\r\\nname");
    let script = Policy::from_toml(&script).expect("a script");
    let report = sockvirt::test(&component(), &script).expect("it runs");
    assert!(!report.passed());
    let text = report.to_string();
    assert!(text.contains("step 1"), "{text}");
    assert!(text.contains("^ byte 14"), "{text}");
}
