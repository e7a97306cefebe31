//! Golden cases: a folder each in `tests/cases`.
//!
//! `guest.wat` is built with the flags in `options`, if there are any, in a folder with the case's
//! files of TOML and what they name, if there are any. A build that succeeds is compared with `out.wat` and
//! `report.txt`, one that fails with `error.txt`. `SNAPSHOTS=overwrite cargo test --test golden`
//! writes them anew.

use libtest_mimic::{Arguments, Failed, Trial};
use snapbox::{Assert, Data};
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    let trials = cases.into_iter().map(|case| {
        let name = case
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Trial::test(name, move || run(&case))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn run(case: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let wat = fs::read(case.join("guest.wat"))?;
    fs::write(folder.path().join("guest.wasm"), wat::parse_bytes(&wat)?)?;
    for entry in fs::read_dir(case)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|it| it == "toml" || it == "bin")
        {
            fs::copy(
                &path,
                folder.path().join(path.file_name().unwrap_or_default()),
            )?;
        }
    }
    let options = fs::read_to_string(case.join("options")).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_sockvirt"))
        .args(["build", "guest.wasm", "-v", "-t", "-o", "out.wat"])
        .args(options.split_whitespace())
        .current_dir(folder.path())
        .env("TERM", "dumb")
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    let out = fs::read_to_string(folder.path().join("out.wat"));
    match (output.status.code(), out) {
        (Some(0), Ok(out)) => {
            compare(out, &case.join("out.wat"))?;
            compare(said, &case.join("report.txt"))
        }
        (Some(2), Err(_)) => compare(said, &case.join("error.txt")),
        (status, _) => Err(format!("it exited with {status:?} and said:\n{said}").into()),
    }
}

fn compare(actual: String, expected: &Path) -> Result<(), Failed> {
    let expected = Data::read_from(expected, None);
    let result = Assert::new()
        .action_env("SNAPSHOTS")
        .try_eq(None, actual.into(), expected);
    result.map_err(|e| e.to_string().into())
}
