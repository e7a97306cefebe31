//! Programs in C, by the sockets of wasi-libc.
//!
//! The compiler is Clang, as Zig's package for Python has it, with the headers of wasi-libc. The library
//! itself, and the linker that makes components, come with Rust's target.

use crate::tools::tool;
use anyhow::{Context, Result, ensure};
use sockvirt_tests::guests;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Builds a program of `guests/c`.
pub(crate) fn c(name: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let [object, made] = ["made.o", "made.wasm"].map(|name| folder.path().join(name));
    let source = guests::folder().join("c").join(format!("{name}.c"));
    let mut compile = Command::new(tool(".venv/bin/python")?);
    compile
        .args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2"])
        // The headers have sockets for whoever says that the library has.
        .args([
            "-D__wasip2__",
            "-D__wasilibc_use_wasip2",
            "-Wall",
            "-Werror",
        ])
        .args([
            OsStr::new("-c"),
            source.as_ref(),
            "-o".as_ref(),
            object.as_ref(),
        ]);
    run(&mut compile)?;
    let library = rustc_folder(&["--target", TARGET])?;
    let tools = rustc_folder(&[])?.join("../bin");
    let libc = library.join("self-contained");
    let mut link = Command::new(tools.join("wasm-component-ld"));
    link.arg("--wasm-ld-path")
        .arg(tools.join("gcc-ld/wasm-ld"))
        .args([libc.join("crt1-command.o"), object, libc.join("libc.a")])
        .arg(builtins(&library)?)
        .arg("-o")
        .arg(&made);
    run(&mut link)?;
    fs::read(made).context("the linker made no file")
}

/// The folder of the libraries of a target, or of rustc's own.
fn rustc_folder(target: &[&str]) -> Result<PathBuf> {
    let rustc = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .args(target)
        .output()
        .context("cannot run rustc")?;
    let folder = String::from_utf8(rustc.stdout)?;
    Ok(PathBuf::from(folder.trim_end()))
}

/// The functions that compilers expect to be there.
fn builtins(library: &Path) -> Result<PathBuf> {
    let mut files = fs::read_dir(library)?.filter_map(|it| Some(it.ok()?.path()));
    let builtins = files.find(|path| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| {
            name.starts_with("libcompiler_builtins-") && name.ends_with(".rlib")
        })
    });
    builtins.with_context(|| format!("Rust has no {TARGET}: `rustup target add {TARGET}`"))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}:\n{said}");
    Ok(())
}
