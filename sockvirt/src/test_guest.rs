//! Components of the declarations in `wit/`, for tests.

use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// The `imports` world of `wasi:sockets` in a version, from the declarations in `wit/`, without a function.
fn sockets(version: &str, packages: &[&str], without: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve {
        all_features: true,
        ..Resolve::default()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../wit")
        .join(version);
    let mut last = None;
    for package in packages {
        let path = folder.join(package);
        let text = std::fs::read_to_string(&path).expect("a file");
        let mut left = Vec::new();
        for line in text.lines() {
            if !without.is_empty() && line.trim().starts_with(without) {
                // Since when there is it is said before.
                left.pop();
            } else {
                left.push(line);
            }
        }
        last = Some(
            resolve
                .push_str(&path, &left.join("\n"))
                .expect("valid WIT"),
        );
    }
    let package = last.expect("a package");
    let world = resolve
        .select_world(&[package], Some("imports"))
        .expect("a world");
    (resolve, world)
}

pub(crate) fn versions() -> [(Resolve, WorldId); 2] {
    [
        sockets("0.2", &["io.wit", "clocks.wit", "sockets.wit"], ""),
        sockets("0.3", &["clocks.wit", "sockets.wit"], ""),
    ]
}

/// Those of 0.3, without a function.
pub(crate) fn without(function: &str) -> (Resolve, WorldId) {
    sockets("0.3", &["clocks.wit", "sockets.wit"], function)
}

/// A component that imports every function of a world.
pub(crate) fn guest(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).expect("it embeds");
    let mut encoder = ComponentEncoder::default();
    encoder
        .validate(true)
        .module(&module)
        .expect("a module")
        .encode()
        .expect("a component")
}
