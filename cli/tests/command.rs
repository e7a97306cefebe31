//! What the command does with files, streams, bad input and many builds at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const GUEST: &str = r#"(component
    (import "wasi:cli/stdout@0.2.0" (instance))
    (import "wasi:sockets/network@0.2.0" (instance (export "network" (type (sub resource)))))
)"#;

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).expect("valid text")
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("in.wasm"), component(GUEST)).expect("written");
    folder
}

fn sockvirt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockvirt"));
    command.current_dir(folder).env("TERM", "dumb");
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    sockvirt(folder).args(args).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// Builds a bad input. It must say this, exit with 2, and leave an output that was there alone.
fn refuses(input: &[u8], said: &str) {
    let folder = folder();
    fs::write(folder.path().join("in.wasm"), input).expect("written");
    let new = run(folder.path(), &["build", "in.wasm", "-o", "new.wasm"]);
    assert_eq!(new.status.code(), Some(2), "{}", stderr(&new));
    assert!(stderr(&new).contains(said), "{}", stderr(&new));
    fs::write(folder.path().join("old.wasm"), "as it was").expect("written");
    let old = run(folder.path(), &["build", "in.wasm", "-o", "old.wasm"]);
    assert_eq!(old.status.code(), Some(2));
    let kept = fs::read_to_string(folder.path().join("old.wasm")).expect("still there");
    assert_eq!(kept, "as it was");
    assert_eq!(files(folder.path()), ["in.wasm", "old.wasm"]);
}

#[test]
fn refuses_an_empty_file() {
    refuses(b"", "the input is empty");
}

#[test]
fn refuses_a_truncated_component() {
    let whole = component(GUEST);
    for length in 1..8 {
        refuses(&whole[..length], "the input is cut off");
    }
    refuses(
        &whole[..whole.len() - 3],
        "the input is cut off: it ends at offset",
    );
}

#[test]
fn refuses_text() {
    refuses(GUEST.as_bytes(), "WebAssembly text, not a binary");
    refuses(b"hello\n", "not WebAssembly");
}

#[test]
fn refuses_an_invalid_component() {
    let mut bytes = component(GUEST);
    bytes.extend([11, 3, 1, 9, 9]);
    refuses(&bytes, "not valid at offset");
}

#[test]
fn refuses_an_unknown_layer() {
    refuses(b"\0asm\x0d\0\x02\0", "unknown version (0x0002000d)");
}

#[test]
fn refuses_unknown_versions_of_sockets() {
    refuses(
        &component(&GUEST.replace("@0.2.0", "@2.0.0")),
        "that version of `wasi:sockets` is not known",
    );
    refuses(
        &component(&GUEST.replace("@0.2.0", "@0.2.0-rc-2023-11-05")),
        "a release candidate",
    );
}

#[test]
fn refuses_core_modules_without_wasi() {
    refuses(
        &component("(module)"),
        "a core module without any WASI import",
    );
    let foreign = component(r#"(module (import "env" "f" (func)))"#);
    refuses(&foreign, "imports `env::f`, which is not WASI");
}

#[test]
fn adapts_preview1_modules_unless_told_not_to() {
    let folder = folder();
    let module = component(
        r#"(module
            (import "wasi_snapshot_preview1" "sock_shutdown" (func (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
            (memory (export "memory") 1)
            (func (export "_start"))
        )"#,
    );
    fs::write(folder.path().join("in.wasm"), module).expect("written");
    let built = run(folder.path(), &["build", "in.wasm", "-o", "out.wasm"]);
    assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
    assert!(
        stderr(&built).contains("preview1 module"),
        "{}",
        stderr(&built)
    );
    assert!(
        stderr(&built).contains("`sock_shutdown`"),
        "{}",
        stderr(&built)
    );
    let check = run(folder.path(), &["check", "out.wasm"]);
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
    let refused = run(
        folder.path(),
        &["build", "in.wasm", "-o", "new.wasm", "--no-adapt"],
    );
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("hint: leave `--no-adapt` out"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn copies_a_component_without_sockets() {
    let folder = folder();
    let plain = component("(component)");
    fs::write(folder.path().join("in.wasm"), &plain).expect("written");
    let built = run(folder.path(), &["build", "in.wasm", "-o", "out.wasm"]);
    assert_eq!(built.status.code(), Some(0));
    assert!(
        stderr(&built).contains("copied as it is"),
        "{}",
        stderr(&built)
    );
    assert_eq!(
        fs::read(folder.path().join("out.wasm")).expect("written"),
        plain
    );
}

#[test]
fn builds_onto_its_own_input() {
    let folder = folder();
    fs::set_permissions(
        folder.path().join("in.wasm"),
        fs::Permissions::from_mode(0o640),
    )
    .expect("set");
    std::os::unix::fs::symlink("in.wasm", folder.path().join("link.wasm")).expect("linked");
    let built = run(folder.path(), &["build", "in.wasm", "-o", "link.wasm"]);
    assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
    let check = run(folder.path(), &["check", "in.wasm"]);
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
    let mode = fs::metadata(folder.path().join("in.wasm"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(folder.path().join("link.wasm").is_symlink());
    let again = run(folder.path(), &["build", "in.wasm", "-o", "in.wasm"]);
    assert!(
        stderr(&again).contains("was built by sockvirt"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn leaves_nothing_where_it_cannot_write() {
    let folder = folder();
    for target in ["no/such/folder/out.wasm", "."] {
        let output = run(folder.path(), &["build", "in.wasm", "-o", target]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("cannot write"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(files(folder.path()), ["in.wasm"]);
    let missing = run(folder.path(), &["build", "missing.wasm", "-o", "out.wasm"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("cannot read `missing.wasm`"),
        "{}",
        stderr(&missing)
    );
}

/// A file system too small for the output, where the machine lets a test make one; and the device
/// that is always full.
#[test]
fn leaves_the_old_output_on_a_full_disk() {
    let folder = folder();
    let full = run(folder.path(), &["build", "in.wasm", "-o", "/dev/full"]);
    assert_eq!(full.status.code(), Some(2));
    assert!(
        stderr(&full).contains("No space left on device"),
        "{}",
        stderr(&full)
    );

    // A limit on the size of files stops a write in the middle as a full disk does.
    fs::write(folder.path().join("old.wasm"), "as it was").expect("written");
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} build in.wasm -q -o old.wasm",
        env!("CARGO_BIN_EXE_sockvirt")
    );
    let limited = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output();
    let limited = limited.expect("it runs");
    assert_eq!(limited.status.code(), Some(2), "{}", stderr(&limited));
    assert!(
        stderr(&limited).contains("cannot write `old.wasm`"),
        "{}",
        stderr(&limited)
    );
    let kept = fs::read_to_string(folder.path().join("old.wasm")).expect("still there");
    assert_eq!(kept, "as it was");
    assert_eq!(files(folder.path()), ["in.wasm", "old.wasm"]);
}

#[test]
fn streams_from_standard_input_to_standard_output() {
    let folder = folder();
    let file = run(folder.path(), &["build", "in.wasm", "-o", "out.wasm"]);
    assert_eq!(file.status.code(), Some(0));
    let mut child = sockvirt(folder.path())
        .args(["build", "-", "--report", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, &component(GUEST)).expect("taken");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        output.stdout,
        fs::read(folder.path().join("out.wasm")).expect("written")
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).expect("JSON");
    assert_eq!(report["mode"], "deny-at-create");
    assert_eq!(report["removed"][0], "wasi:sockets/network@0.2.0");
    assert_eq!(report["imports"][0]["name"], "wasi:cli/stdout@0.2.0");
}

#[test]
fn reports_in_json_on_standard_output() {
    let folder = folder();
    let output = run(
        folder.path(),
        &["build", "in.wasm", "-o", "out.wasm", "--json"],
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let size = fs::metadata(folder.path().join("out.wasm"))
        .expect("written")
        .len();
    assert_eq!(report["bytes_out"], size);
    assert!(output.stderr.is_empty());
}

/// Lookups that the policy answers itself need a clock for each kind of pollable, and the name that
/// one would have is taken by the guest's own, which has nothing of what is needed.
#[test]
fn adds_a_clock_for_each_version_of_pollables() {
    let guest = include_str!("cases/lookup/guest.wat")
        .replace(
            "(import \"wasi:sockets/ip-name-lookup",
            "(import \"wasi:clocks/monotonic-clock@0.2.12\" (instance))
             (import \"wasi:io/poll@0.2.12\" (instance (export \"pollable\" (type (sub resource)))))
             (import \"wasi:io/poll@0.2.0\" (instance $poll
               (export \"pollable\" (type (sub resource)))))
             (alias export $poll \"pollable\" (type $p))
             (import \"wasi:sockets/ip-name-lookup",
        )
        .replace(
            "(export \"resolve-addresses\"",
            "(alias outer 1 $p (type $p0))
             (export \"pollable\" (type $pollable (eq $p0)))
             (export \"[method]resolve-address-stream.subscribe\" (func
               (param \"self\" (borrow $stream)) (result (own $pollable))))
             (export \"resolve-addresses\"",
        );
    let folder = folder();
    fs::write(folder.path().join("in.wasm"), component(&guest)).expect("written");
    let host = ["--host", "db.test=192.0.2.5"];
    let args = [&["build", "in.wasm", "-o", "out.wasm"], &host[..]].concat();
    let built = run(folder.path(), &args);
    assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
    let out = run(folder.path(), &["check", "out.wasm"]);
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
}

#[test]
fn checks_what_can_still_reach_a_network() {
    let folder = folder();
    let bare = run(folder.path(), &["check", "in.wasm"]);
    assert_eq!(bare.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&bare.stdout),
        "wasi:sockets/network@0.2.0 (sockets)\n"
    );
    let guest = component(
        r#"(component
            (import "wasi:sockets/network@0.2.0" (instance))
            (import "wasi:http/types@0.2.0" (instance))
            (import "wasi:http/outgoing-handler@0.2.0" (instance))
            (import "wasi:tls/types@0.2.0-draft" (instance))
            (import "my:own/log" (instance))
        )"#,
    );
    fs::write(folder.path().join("in.wasm"), guest).expect("written");
    run(folder.path(), &["build", "in.wasm", "-o", "out.wasm"]);
    let out = run(folder.path(), &["check", "out.wasm", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let check: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let names: Vec<_> = check["violations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            (
                it["name"].as_str().expect("a name"),
                it["reach"].as_str().expect("a kind"),
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("wasi:http/outgoing-handler@0.2.0", "http"),
            ("wasi:tls/types@0.2.0-draft", "tls"),
            ("my:own/log", "custom"),
        ]
    );
    let ignored = run(
        folder.path(),
        &[
            "check",
            "out.wasm",
            "--deny-network",
            "--ignore=my:own/log",
            "--ignore=wasi:http/outgoing-handler@0.2.0",
            "--ignore=wasi:tls/types@0.2.0-draft",
        ],
    );
    assert_eq!(ignored.status.code(), Some(0), "{}", stderr(&ignored));
    fs::write(folder.path().join("module.wasm"), component("(module)")).expect("written");
    assert_eq!(
        run(folder.path(), &["check", "module.wasm"]).status.code(),
        Some(2)
    );
}

/// A folder with a guest that looks names up, built so that it gets one (`narrow.wasm`) and so that
/// it gets many (`wide.wasm`).
fn narrow_and_wide() -> TempDir {
    let folder = folder();
    let guest = include_str!("cases/lookup/guest.wat");
    fs::write(folder.path().join("in.wasm"), component(guest)).expect("written");
    for (out, allowed) in [
        ("narrow.wasm", "tcp://a.test:80"),
        ("wide.wasm", "tcp://**.example:80"),
    ] {
        let built = run(
            folder.path(),
            &["build", "in.wasm", "-o", out, "--allow", allowed],
        );
        assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
    }
    folder
}

/// Takes a component apart: what it is, and the section with its policy, which is the last one.
fn unlabelled(component: &[u8]) -> (&[u8], &[u8]) {
    let name = b"\x0fsockvirt:policy";
    let at = component.windows(name.len()).position(|it| it == name);
    let at = at.expect("it has a policy");
    // In front of it are the kind of section, which is 0, and the size of what follows in LEB128.
    let bits = usize::BITS - (component.len() - at).leading_zeros();
    component.split_at(at - bits.div_ceil(7) as usize - 1)
}

/// Checks a component that is not what it says, and gives what is said of that.
fn distrusts(folder: &Path, forged: &[u8]) -> String {
    fs::write(folder.join("forged.wasm"), forged).expect("written");
    let output = run(folder, &["check", "forged.wasm"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "wasi:sockets/network@0.2.6 (sockets)\n\
         wasi:sockets/instance-network@0.2.6 (sockets)\n\
         wasi:sockets/ip-name-lookup@0.2.6 (sockets)\n"
    );
    stderr(&output)
}

#[test]
fn believes_no_label() {
    let folder = narrow_and_wide();
    let read = |name| fs::read(folder.path().join(name)).expect("written");
    let (narrow, wide) = (read("narrow.wasm"), read("wide.wasm"));
    for honest in ["narrow.wasm", "wide.wasm"] {
        let output = run(folder.path(), &["check", honest]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let said = "3 imports can reach a network, and the policy allows them\n";
        assert_eq!(stderr(&output), said);
    }
    let not_built = "says nothing, for the component is not what this version builds with it\n";
    for (one, other) in [(&narrow, &wide), (&wide, &narrow)] {
        let forged = [unlabelled(one).0, unlabelled(other).1].concat();
        let said = distrusts(folder.path(), &forged);
        assert!(said.ends_with(not_built), "{said}");
    }
    // The digest is that of what it was.
    let port = b"port = 80";
    let at = narrow.windows(port.len()).rposition(|it| it == port);
    let mut forged = narrow.clone();
    forged[at.expect("the policy says it") + port.len() - 1] = b'1';
    let said = distrusts(folder.path(), &forged);
    assert!(
        said.ends_with("the component carries no policy that allows any\n"),
        "{said}"
    );
}

#[test]
fn trusts_no_byte_that_differs() {
    let folder = narrow_and_wide();
    let narrow = fs::read(folder.path().join("narrow.wasm")).expect("written");
    let guest = fs::read(folder.path().join("in.wasm")).expect("written");
    let guest_at = narrow.windows(guest.len()).position(|it| it == guest);
    let guest_at = guest_at.expect("the guest is in it");
    let inside = guest_at..guest_at + guest.len();
    let mut valid = None;
    // Each of them would take a minute.
    for at in (0..narrow.len())
        .step_by(11)
        .filter(|at| !inside.contains(at))
    {
        let mut changed = narrow.clone();
        changed[at] ^= 1;
        if let Ok(check) = sockvirt::check(&changed) {
            assert!(!check.enforced && !check.passed(), "byte {at}");
            valid = Some(changed);
        }
    }
    let valid = valid.expect("not every change makes it invalid");
    let checked = sockvirt::check(&valid).expect("it was valid");
    assert!(checked.allowed.is_empty());
}

#[test]
fn inspects() {
    let folder = folder();
    let output = run(folder.path(), &["inspect", "in.wasm"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0));
    for line in [
        "kind:     component, WASI 0.2",
        "network:  wasi:sockets/network@0.2.0 (sockets; types only)",
        "wasmtime serve 48: it has no `wasi:sockets/network@0.2.0`",
        "build:    replaces wasi:sockets/network@0.2.0",
    ] {
        assert!(said.contains(line), "{said}");
    }
    run(folder.path(), &["build", "in.wasm", "-o", "out.wasm"]);
    let output = run(folder.path(), &["inspect", "out.wasm", "--json"]);
    let it: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(it["kind"], "component");
    assert_eq!(it["build"]["does"], "copy");
    assert_eq!(it["policy_digest"].as_str().map(str::len), Some(64));
    assert_eq!(it["network"].as_array().map(Vec::len), Some(0));
}

#[test]
fn knows_its_usage() {
    let folder = folder();
    for args in [
        &["build"][..],
        &["nonsense"],
        &["build", "in.wasm", "--deny-at", "never"],
        &["build", "in.wasm", "--deny-as", "refused"],
        &["build", "in.wasm", "--deny-as", "dial=timeout"],
        &[
            "build",
            "in.wasm",
            "-o",
            "out.wasm",
            "--deny-as",
            "connect=timeout",
        ],
        &["build", "in.wasm", "-o", "out.wasm", "--deny-as", "timeout"],
        &[
            "build",
            "in.wasm",
            "-o",
            "out.wasm",
            "--config",
            "missing.toml",
        ],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).starts_with("error"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    assert_eq!(files(folder.path()), ["in.wasm"]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("sockvirt"));
    }
}

#[test]
fn sixteen_builds_at_once_in_one_folder() {
    let folder = folder();
    let policies = [
        ["--deny-at", "create"],
        ["--deny-at", "operation"],
        ["--deny-as", "trap"],
    ];
    let expected = policies.map(|policy| {
        let mut args = vec!["build", "in.wasm", "-q", "-o", "one.wasm"];
        args.extend(policy);
        assert_eq!(run(folder.path(), &args).status.code(), Some(0));
        fs::read(folder.path().join("one.wasm")).expect("written")
    });
    assert_ne!(expected[0], expected[1]);
    let children: Vec<_> = (0..16)
        .map(|i| {
            let out = format!("out{i}.wasm");
            let mut command = sockvirt(folder.path());
            command
                .args(["build", "in.wasm", "-q", "-o", &out])
                .args(policies[i % 3]);
            command.spawn().expect("it runs")
        })
        .collect();
    for (i, mut child) in children.into_iter().enumerate() {
        assert!(child.wait().expect("it ends").success());
        let out = fs::read(folder.path().join(format!("out{i}.wasm"))).expect("written");
        assert_eq!(out, expected[i % 3], "build {i}");
    }
    assert_eq!(files(folder.path()).len(), 18);
}

/// What a script names is in its own folder, wherever the command is run. A policy may stand beside it.
#[test]
fn reads_what_a_script_names_from_its_folder() {
    let folder = folder();
    let below = folder.path().join("tests/fixtures");
    fs::create_dir_all(&below).expect("a folder");
    fs::write(folder.path().join("in.wasm"), component("(component)")).expect("written");
    fs::write(
        folder.path().join("tests/a.toml"),
        "schema = 1\n[[peer]]\nat = 'tcp://a.test:7'\nscript = [{ send = { file = './fixtures/a.bin' } }]\n",
    )
    .expect("written");
    let hosts = "schema = 1\n[dns.hosts]\n'a.test' = { answer = '192.0.2.1' }\n";
    fs::write(folder.path().join("sockvirt.toml"), hosts).expect("written");
    let args = "build in.wasm -o out.wasm --config sockvirt.toml --script tests/a.toml";
    let args: Vec<_> = args.split(' ').collect();
    let missing = run(folder.path(), &args);
    assert_eq!(missing.status.code(), Some(2));
    let said = stderr(&missing);
    assert!(said.contains("cannot read `./fixtures/a.bin`"), "{said}");
    fs::create_dir(below.join("a.bin")).expect("a folder");
    let said = stderr(&run(folder.path(), &args));
    assert!(said.contains("it is not a file"), "{said}");
    fs::remove_dir(below.join("a.bin")).expect("gone");
    fs::write(below.join("a.bin"), [0, 1, 2]).expect("written");
    let built = run(folder.path(), &args);
    assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
}
