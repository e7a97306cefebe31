//! What `sockvirt test` tells of scripts, to people and to machines.

use sockvirt_guest_builder::Guest;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A cache whose reply ends in the middle, and one whose reply does not.
const SCRIPT: &str = r#"schema = 1
[[peer]]
name = "cache"
at = "tcp://cache.test:6379"
script = [
  { expect-until = "greeting\r\n" },
  { send = "$5\r\nhel" },
  END
]
"#;

/// A folder with a client of Redis, and two scripts.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    write("app.wasm", &Guest::Clients.build().expect("a guest"));
    write("app-3.wasm", &Guest::Dialogue3.build().expect("a guest"));
    write("several.wasm", &Guest::Ensemble.build().expect("a guest"));
    fs::create_dir(folder.path().join("scripts")).expect("made");
    let script = |name: &str, end: &str| {
        let script = SCRIPT.replace("END", end);
        write(&format!("scripts/{name}.toml"), script.as_bytes());
    };
    script("cut-off", "{ reset = true },");
    script("whole", "{ send = \"lo\\r\\n\" },");
    folder
}

fn test(folder: &TempDir, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sockvirt"))
        .current_dir(folder.path())
        .args(["test", "app.wasm", "--script", "scripts", "--no-cache"])
        .args(options)
        .args(["--", "redis", "redis://cache.test/", "greeting", "1"])
        .output()
        .expect("it runs")
}

/// Where the program was when it gave up is in everything that is told of it.
#[test]
fn every_report_says_where_a_program_gave_up() {
    let folder = folder();
    let lines = [
        "FAIL the program ended with status 1",
        "peer \"cache\" tcp 198.18.0.1:6379, connection 1, reset by step 3  (cut-off.toml:8)",
        "it got 27 bytes and sent 7: $5\\r\\nhel",
    ];
    let people = test(&folder, &["--junit", "junit.xml"]);
    assert_eq!(people.status.code(), Some(1), "{people:?}");
    let text = String::from_utf8_lossy(&people.stdout);
    assert!(text.starts_with("FAIL  scripts/cut-off.toml  "), "{text}");
    assert!(text.contains("\nok    scripts/whole.toml  "), "{text}");
    assert!(text.ends_with("\n1 passed, 1 failed\n"), "{text}");
    let junit = fs::read_to_string(folder.path().join("junit.xml")).expect("written");
    assert!(
        junit.contains(&format!("<failure message=\"{}\"", lines[0])),
        "{junit}"
    );
    assert!(
        junit.contains("tests=\"2\"") && junit.contains("failures=\"1\""),
        "{junit}"
    );
    let machines = test(&folder, &["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&machines.stdout).expect("JSON");
    let told = json[0]["failures"][0].as_str().expect("a failure");
    assert_eq!(json[1]["passed"], true, "{json}");
    for line in lines {
        assert!(text.contains(line), "{text}");
        assert!(junit.replace("&quot;", "\"").contains(line), "{junit}");
        assert!(told.contains(line), "{told}");
    }
}

/// A program that is made of several components is told of as any is.
#[test]
fn a_program_of_several_components_is_tested() {
    let folder = folder();
    let test = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockvirt"));
        command.current_dir(folder.path());
        command.args([
            "test",
            "several.wasm",
            "--script",
            "scripts",
            "--no-cache",
            "--",
        ]);
        let tested = command.args(args).output().expect("it runs");
        let text = String::from_utf8_lossy(&tested.stdout).into_owned();
        (tested.status.code(), text)
    };
    let connect = "player: connect cache.test:6379";
    let (status, text) = test(&[connect, "player: write greeting\\r\\n", "player: read-all"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("\n2 passed, 0 failed\n"), "{text}");
    let (status, text) = test(&[connect]);
    assert_eq!(status, Some(1), "{text}");
    let told = "peer \"cache\" tcp 198.18.0.1:6379, connection 1, step 1  (whole.toml:6)\n";
    assert!(text.contains(told), "{text}");
    assert!(text.ends_with("\n0 passed, 2 failed\n"), "{text}");
}

#[test]
fn a_filter_takes_some_scripts() {
    let folder = folder();
    let whole = test(&folder, &["--filter", "whole"]);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    let none = test(&folder, &["--filter", "nothing"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
}

/// A component with a script carries it: who is where can be asked of the output alone. That of WASI 0.2
/// has the network inside of the program, or beside the components that it is made of, and that of 0.3
/// beside the program.
#[test]
fn an_output_says_what_its_script_has_where() {
    let folder = folder();
    for app in ["app.wasm", "app-3.wasm", "several.wasm"] {
        says_what_its_script_has_where(&folder, app);
    }
}

fn says_what_its_script_has_where(folder: &TempDir, app: &str) {
    let run = |args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockvirt"));
        command.current_dir(folder.path()).args(args.split(' '));
        command.output().expect("it runs")
    };
    let built = run(&format!(
        "build {app} --script scripts/cut-off.toml -o out.wasm"
    ));
    assert_eq!(built.status.code(), Some(0), "{built:?}");
    let said = |args: &str| String::from_utf8(run(args).stdout).expect("text");
    let expected = "\
asked:    connect tcp://cache.test:6379
decision: allow
leads to: peer \"cache\"
because:  peer \"cache\" of the script is there
          connection 1: 3 steps (cut-off.toml:2)
          looking it up answers 198.18.0.1

[[peer]]
name = \"cache\"
at = [\"tcp://198.18.0.1:6379\"]
";
    assert_eq!(
        said("explain out.wasm connect tcp://cache.test:6379"),
        expected
    );
    let expected = "\
asked:    resolve other.test
decision: deny, as permanent-resolver-failure
because:  `[dns.hosts]` does not have it, and nobody else is asked
";
    assert_eq!(said("explain out.wasm resolve other.test"), expected);
    let inspected = said("inspect out.wasm");
    let script = "\nscript:   cut-off.toml, 1 peer, 0 clients, 3 steps\n          sha256:";
    assert!(inspected.contains(script), "{inspected}");
    let checked = run("check out.wasm");
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    believes_no_label_of(folder);
}

/// One that says another script than it has is not what is built, and has none that it could tell of.
fn believes_no_label_of(folder: &TempDir) {
    let mut forged = fs::read(folder.path().join("out.wasm")).expect("written");
    let honest = sockvirt::check(&forged).expect("a component");
    let digest = honest.script_digest.expect("it has a script");
    assert!(honest.enforced);
    let at = forged
        .windows(digest.len())
        .position(|it| it == digest.as_bytes());
    let digit = &mut forged[at.expect("it says so")];
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    let check = sockvirt::check(&forged).expect("a component");
    assert_eq!((check.enforced, check.script_digest), (false, None));
    assert_eq!(
        sockvirt::inspect(&forged).expect("a component").script,
        None
    );
}
