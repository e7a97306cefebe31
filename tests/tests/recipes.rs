//! What `docs/policy.md` and the README show: each policy is built as a file and as flags, runs in
//! real programs, and is asked to explain itself; the answers are compared with the documents.
//!
//! `SNAPSHOTS=overwrite` writes the answers anew.

use anyhow::{Context, Result, bail, ensure};
use sockvirt::Virtualizer;
use sockvirt::policy::{Denial, Operation, Policy, Special};
use sockvirt_tests::allowlist::bytes;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::peers::{self, Redis};
use sockvirt_tests::recording::{Recording, Run, Use};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;

/// The recipes, each of which has a test below.
const RECIPES: [&str; 6] = ["database", "api", "server", "dns", "metadata", "airgap"];

/// An address that is not special. Nothing is ever sent there: the host refuses it.
const PUBLIC: &str = "93.184.215.14";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A fenced block of a document.
struct Block {
    /// The language, then what it is, as in `toml recipe:api`.
    info: String,
    text: String,
}

fn document(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| format!("cannot read `{path}`"))
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => blocks.push(Block {
                info: info.to_owned(),
                text: String::new(),
            }),
            (Some(_), true) | (None, false) => {}
            (None, true) => {
                let block = blocks.last_mut().expect("it has begun");
                block.text += line;
                block.text += "\n";
            }
        }
        inside ^= line.starts_with("```");
    }
    blocks
}

/// The one block of this kind.
fn block(document: &str, info: &str) -> Result<String> {
    let mut found = blocks(document).into_iter().filter(|it| it.info == info);
    let block = found.next().with_context(|| format!("no block `{info}`"))?;
    ensure!(found.next().is_none(), "two blocks `{info}`");
    Ok(block.text)
}

/// The file of a recipe.
fn recipe(name: &str) -> Result<String> {
    block(&document("docs/policy.md")?, &format!("toml recipe:{name}"))
}

/// The file of a recipe with stand-ins on loopback for what it is about.
fn on_loopback(name: &str, stand_ins: &[(&str, &str)]) -> Result<String> {
    let mut file = recipe(name)?;
    for (text, stand_in) in stand_ins {
        ensure!(file.contains(text), "`{name}` has no `{text}`:\n{file}");
        file = file.replace(text, stand_in);
    }
    Ok(file)
}

fn run(guest: Guest, host: &Recording, file: &str, script: &[&str]) -> Result<Run> {
    let policy = Policy::from_toml(file).map_err(|e| anyhow::anyhow!("{e}\n{file}"))?;
    let built = Virtualizer::new(policy).build(&bytes(guest)?)?;
    let run = host.run(&built.component, script)?;
    println!("{}: {run:#?}", guest.name());
    Ok(run)
}

/// The command, built as its users build it.
fn sockvirt() -> Result<&'static Path> {
    static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let test = std::env::current_exe().map_err(|e| e.to_string())?;
        let target = test.ancestors().nth(3).ok_or("the test is in no folder")?;
        let output = Command::new("cargo")
            .args(["build", "--quiet", "--locked", "-p", "sockvirt-cli"])
            .arg("--target-dir")
            .arg(target)
            .current_dir(root())
            .output()
            .map_err(|e| e.to_string())?;
        match output.status.success() {
            true => Ok(target.join("debug/sockvirt")),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    });
    match &*BUILT {
        Ok(path) => Ok(path),
        Err(e) => bail!("cannot build the command:\n{e}"),
    }
}

/// The words of a command line with simple quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Runs a command line of a document in a folder and gives all that it says.
fn command(folder: &Path, line: &str) -> Result<String> {
    let words = words(line);
    let Some(("sockvirt", args)) = words.split_first().map(|(name, args)| (&**name, args)) else {
        bail!("`{line}` is not a command of sockvirt");
    };
    let output = Command::new(sockvirt()?)
        .args(args)
        .current_dir(folder)
        .output()?;
    let said = String::from_utf8([output.stdout, output.stderr].concat())?;
    ensure!(output.status.success(), "`{line}`:\n{said}");
    Ok(said)
}

/// Builds a program with the file and with the flags of a recipe, and gives what a console says
/// that is asked the same questions.
fn asked(name: &str, file: Option<&str>, flags: &str, console: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("app.wasm"), bytes(Guest::Probe2)?)?;
    command(folder, flags.trim_end())?;
    let by_flags = std::fs::read(folder.join("out.wasm"))?;
    if let Some(file) = file {
        std::fs::write(folder.join("sockvirt.toml"), file)?;
        let build = "sockvirt build app.wasm -o out.wasm --config sockvirt.toml";
        command(folder, build)?;
        let by_file = std::fs::read(folder.join("out.wasm"))?;
        ensure!(
            by_file == by_flags,
            "`{name}`: the file and the flags differ"
        );
    }
    let mut said = String::new();
    for line in console.lines().filter_map(|line| line.strip_prefix("$ ")) {
        said += &format!("$ {line}\n{}\n", command(folder, line)?.trim_end());
        said += "\n";
    }
    Ok(format!("{}\n", said.trim_end()))
}

/// Compares what consoles say with what a document says that they do.
fn explains(path: &str, names: &[&str]) -> Result<()> {
    let before = document(path)?;
    let mut after = before.clone();
    for name in names {
        let file = block(&before, &format!("toml recipe:{name}")).ok();
        let flags = block(&before, &format!("sh recipe:{name}"))?;
        let info = format!("console recipe:{name}");
        let console = block(&before, &info)?;
        let said = asked(name, file.as_deref(), &flags, &console)?;
        if std::env::var_os("SNAPSHOTS").is_some_and(|it| it == "overwrite") {
            let [old, new] = [&console, &said].map(|text| format!("```{info}\n{text}```"));
            after = after.replace(&old, &new);
        } else {
            assert_eq!(console, said, "`{name}` in {path}");
        }
    }
    if after != before {
        std::fs::write(root().join(path), after)?;
    }
    Ok(())
}

#[test]
fn recipes_explain_themselves() -> Result<()> {
    let document = document("docs/policy.md")?;
    let all = blocks(&document);
    let named = all.iter().filter_map(|it| it.info.split_once(" recipe:"));
    let named: BTreeSet<_> = named.map(|(_, name)| name).collect();
    assert_eq!(named, BTreeSet::from(RECIPES));
    explains("docs/policy.md", &RECIPES)
}

#[test]
fn the_first_example_explains_itself() -> Result<()> {
    explains("README.md", &["first"])
}

#[test]
fn every_policy_that_is_shown_can_be_read() -> Result<()> {
    let document = document("docs/policy.md")?;
    for block in blocks(&document) {
        if block.info.starts_with("toml") {
            let policy = Policy::from_toml(&block.text);
            policy.map_err(|e| anyhow::anyhow!("{e}\n{}", block.text))?;
        }
    }
    let policy = Policy::from_toml(&recipe("database")?)?;
    let canonical = block(&document, "toml canonical:database")?;
    assert_eq!(canonical, policy.canonical());
    Ok(())
}

/// What is in backquotes in the second column of the row that begins with this one.
fn row<'d>(document: &'d str, first: &str) -> Result<Vec<&'d str>> {
    let begins = format!("| `{first}` | ");
    let mut rows = document.lines().filter_map(|it| it.strip_prefix(&begins));
    let row = rows.next().with_context(|| format!("no row `{first}`"))?;
    Ok(row.split('`').skip(1).step_by(2).collect())
}

#[test]
fn tables_say_what_the_code_says() -> Result<()> {
    let scripts = document("docs/scripts.md")?;
    let document = document("docs/policy.md")?;
    for special in Special::ALL {
        let nets = special.nets().map(|net| {
            let one = net.prefix_len() == net.max_prefix_len();
            if one {
                net.addr().to_string()
            } else {
                net.to_string()
            }
        });
        let nets: BTreeSet<_> = nets.collect();
        let said = row(&document, special.name())?;
        assert_eq!(nets, said.into_iter().map(str::to_owned).collect());
    }
    let common = [Denial::AccessDenied, Denial::Trap];
    for (operation, begins) in [
        (Operation::Resolve, "resolve"),
        (Operation::Connect, "connect"),
        (Operation::Bind, "bind`, `listen"),
        (Operation::Listen, "bind`, `listen"),
        (Operation::Send, "send"),
        (Operation::Accept, "accept`, `receive"),
        (Operation::Receive, "accept`, `receive"),
    ] {
        let (_, section) = document.split_once("\n## How denied").context("moved")?;
        let codes = Denial::fitting(operation).filter(|it| !common.contains(it));
        let codes: BTreeSet<_> = codes.map(Denial::name).collect();
        assert_eq!(codes, BTreeSet::from_iter(row(section, begins)?));
    }
    let schema: serde_json::Value = serde_json::from_str(&Policy::json_schema())?;
    for_each_key(&schema, &mut |key| {
        let is_said = [&document, &scripts].iter().any(|it| it.contains(key));
        assert!(is_said, "nothing is said of `{key}`");
    });
    Ok(())
}

fn for_each_key(schema: &serde_json::Value, look: &mut impl FnMut(&str)) {
    match schema {
        serde_json::Value::Object(members) => {
            let properties = members.get("properties");
            let keys = properties.and_then(|it| it.as_object());
            keys.into_iter()
                .flat_map(|it| it.keys())
                .for_each(|it| look(it));
            members.values().for_each(|it| for_each_key(it, look));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|it| for_each_key(it, look)),
        _ => {}
    }
}

/// A name, learned: what it answered, at its port, once it was looked up.
#[test]
fn database() -> Result<()> {
    let host = Recording::new()
        .answering("redis.internal", ["127.0.0.1", "10.20.0.5", PUBLIC])
        .answering("example.com", [PUBLIC]);
    for probe in Guest::PROBES {
        let script = [
            "tcp4",
            "connect 10.20.0.5:6379",
            "resolve example.com",
            "resolve redis.internal",
            "connect 10.20.0.5:22",
            "connect 10.20.0.6:6379",
            "connect 127.0.0.1:6379",
            "connect 10.20.0.5:6379",
            "udp4",
        ];
        let run = run(probe, &host, &recipe("database")?, &script)?;
        let said = run.results();
        assert_eq!(
            said[1..4],
            ["access-denied", "permanent-resolver-failure", "[10.20.0.5]"]
        );
        assert_eq!(said[4..7], ["access-denied"; 3]);
        assert_eq!(said[8], "access-denied");
        // The last one got there, and this host refuses what is not on the machine.
        assert_eq!(run.reached_by(Use::TcpConnect), ["10.20.0.5:6379"]);
        assert_eq!(run.names, ["redis.internal"]);
    }
    let redis = Redis::start()?;
    let port = redis.address.port().to_string();
    let file = on_loopback("database", &[("6379", &port), ("private", "loopback")])?;
    let host = Recording::new().answering("redis.internal", ["127.0.0.1"]);
    let url = format!("redis://redis.internal:{port}/");
    let run = run(Guest::Redis, &host, &file, &[&url])?;
    assert!(run.outcome.stdout.ends_with("large: true\n"));
    Ok(())
}

/// A pattern, virtual: real addresses are the host's affair.
#[test]
fn api() -> Result<()> {
    let host = Recording::new()
        .answering("eu.api.example.com", ["10.0.0.1", PUBLIC])
        .answering("api.example.com", [PUBLIC]);
    for probe in Guest::PROBES {
        let script = [
            "connect-name eu.api.example.com:443",
            "connect-name api.example.com:443",
            "connect-name a.eu.api.example.com:443",
            "connect-name eu.api.example.com:80",
            "tcp4",
            &format!("connect {PUBLIC}:443"),
        ];
        let run = run(probe, &host, &recipe("api")?, &script)?;
        let said = run.results();
        assert!(said[0].starts_with("198.18."), "{said:?}");
        assert_eq!(said[1..3], ["permanent-resolver-failure"; 2]);
        assert!(said[3].ends_with(":80 access-denied"), "{said:?}");
        assert_eq!(said[5], "access-denied");
        assert_eq!(run.reached_by(Use::TcpConnect), [format!("{PUBLIC}:443")]);
        assert_eq!(run.names, ["eu.api.example.com"; 2]);
    }
    let web = peers::http_server("127.0.0.1");
    let port = format!("port = {}\nresolves-to = [\"loopback\"]", web.port());
    let file = on_loopback("api", &[("port = 443", &port)])?;
    let host = Recording::new().answering("eu.api.example.com", ["127.0.0.1"]);
    let get = format!("get eu.api.example.com:{} /v1", web.port());
    let direct = format!("get {web} /v1");
    let run = run(Guest::ProbeStd, &host, &file, &[&get, &direct])?;
    assert_eq!(run.results(), ["GET /v1 HTTP/1.1", "PermissionDenied"]);
    assert_eq!(run.reached_by(Use::TcpConnect), [web.to_string()]);
    Ok(())
}

#[test]
fn server() -> Result<()> {
    for probe in Guest::PROBES {
        let script = [
            "tcp4",
            "bind 0.0.0.0:8081",
            "bind 127.0.0.1:8080",
            "bind 0.0.0.0:0",
            "connect 10.0.0.7:8080",
            "bind 0.0.0.0:8080",
        ];
        let run = run(probe, &Recording::new(), &recipe("server")?, &script)?;
        assert_eq!(run.results()[1..5], ["access-denied"; 4]);
        // Somebody else may have that port on this machine. The program was let try.
        assert_eq!(run.reached_by(Use::TcpBind), ["0.0.0.0:8080"]);
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    }
    for probe in Guest::PROBES {
        serves_those_who_may_come(probe)?;
    }
    Ok(())
}

fn serves_those_who_may_come(probe: Guest) -> Result<()> {
    // Nothing else on this machine has to do with that address.
    let ip = "127.0.0.77";
    let server = SocketAddr::new(ip.parse()?, peers::free_port(ip));
    let port = server.port().to_string();
    let stand_ins = [
        ("8080", &*port),
        ("0.0.0.0\"", "127.0.0.77\""),
        ("10.0.0.0/8", "127.0.0.2"),
    ];
    let file = on_loopback("server", &stand_ins)?;
    let clients = thread::spawn(move || -> Result<String> {
        let _stranger = peers::connect_from("127.0.0.1", server)?;
        peers::ask("127.0.0.2", server, "may I?")
    });
    let bind = format!("bind {server}");
    let begin = ["tcp4", &bind, "listen", "accept"];
    // In 0.3 the stranger is seen, and cannot be heard.
    let stranger = ["use 1", "receive", "use 0", "accept", "use 2"];
    let rest: &[&str] = if probe.is_p3() { &stranger } else { &["use 1"] };
    let script = [&begin, rest, &["receive", "send yes", "drop"]].concat();
    let run = run(probe, &Recording::new(), &file, &script)?;
    assert_eq!(clients.join().expect("no panic")?, "yes");
    let said = run.results();
    if probe.is_p3() {
        assert_eq!(said[5], "invalid-state");
    }
    assert!(said[3 + rest.len() - 1].starts_with("127.0.0.2:"));
    assert_eq!(said[4 + rest.len()], "may I?");
    assert_eq!(run.reached_by(Use::TcpListen), [server.to_string()]);
    Ok(())
}

#[test]
fn dns() -> Result<()> {
    for probe in Guest::PROBES {
        let script = [
            "udp4",
            "bind 0.0.0.0:0",
            "send-to 9.9.9.10:53 question",
            "send-to 9.9.9.9:54 question",
            "send-to 9.9.9.9:53 question",
            "udp4",
            "bind 0.0.0.0:53",
            "tcp4",
            "resolve example.com",
        ];
        let run = run(probe, &Recording::new(), &recipe("dns")?, &script)?;
        let said = run.results();
        assert_eq!(said[2..4], ["access-denied"; 2]);
        assert_eq!(
            said[6..],
            [
                "access-denied",
                "access-denied",
                "permanent-resolver-failure"
            ]
        );
        let sent = run.reached_by(Use::UdpSend);
        assert!(!sent.is_empty() && sent.iter().all(|to| to == "9.9.9.9:53"));
        assert_eq!(run.reached_by(Use::UdpBind), ["0.0.0.0:0"]);
        assert!(run.names.is_empty());
    }
    let resolver = peers::udp_echo_server("127.0.0.1");
    let other = peers::udp_echo_server("127.0.0.1");
    let port = resolver.port().to_string();
    let file = on_loopback("dns", &[("9.9.9.9", "127.0.0.1"), ("53", &port)])?;
    let questions = [resolver, other].map(|to| format!("ask 0.0.0.0:0 {to} example"));
    let script = questions.each_ref().map(String::as_str);
    let run = run(Guest::ProbeStd, &Recording::new(), &file, &script)?;
    let answer = format!("example from {resolver}");
    assert_eq!(run.results(), [&*answer, "PermissionDenied"]);
    Ok(())
}

#[test]
fn metadata() -> Result<()> {
    let host = Recording::new()
        .answering("metadata.google.internal", ["169.254.169.254"])
        .answering("example.com", ["192.168.0.1", PUBLIC]);
    for probe in Guest::PROBES {
        let script = [
            "tcp4",
            "connect 169.254.169.254:80",
            "connect 169.254.169.254:8080",
            "connect 192.168.0.1:80",
            &format!("connect {PUBLIC}:22"),
            "resolve metadata.google.internal",
            "resolve example.com",
            &format!("connect {PUBLIC}:443"),
            "tcp6",
            "connect [fd00:ec2::254]:80",
            "connect [64:ff9b::a9fe:a9fe]:80",
            "connect [::ffff:169.254.169.254]:80",
        ];
        let run = run(probe, &host, &recipe("metadata")?, &script)?;
        let said = run.results();
        assert_eq!(said[1..3], ["remote-unreachable"; 2]);
        assert_eq!(said[3..5], ["access-denied"; 2]);
        assert_eq!(said[5..7], ["[]", &*format!("[{PUBLIC}]")]);
        assert_eq!(said[9..11], ["remote-unreachable"; 2]);
        assert_eq!(said[11], "invalid-argument");
        assert_eq!(run.reached_by(Use::TcpConnect), [format!("{PUBLIC}:443")]);
    }
    let web = peers::http_server("127.0.0.1");
    let port = web.port().to_string();
    let file = on_loopback(
        "metadata",
        &[
            ("\"*\"\nport = [80", "\"loopback\"\nport = [80"),
            ("443", &port),
        ],
    )?;
    let get = format!("get {web} /page");
    let run = run(Guest::ProbeStd, &Recording::new(), &file, &[&get])?;
    assert_eq!(run.results(), ["GET /page HTTP/1.1"]);
    Ok(())
}

/// It runs where there are no sockets, and does what the program does where they are denied.
#[test]
fn airgap() -> Result<()> {
    for guest in [Guest::Std, Guest::Tokio, Guest::Wasip3] {
        let policy = Policy::from_toml(&recipe("airgap")?)?;
        let bare = bytes(guest)?;
        assert!(host::run(&bare, Sockets::None).is_err());
        let built = Virtualizer::new(policy).build(&bare)?;
        let denied = host::run(&bare, Sockets::DeniedAtCreate)?;
        assert_eq!(host::run(&built.component, Sockets::None)?, denied);
        assert!(sockvirt::check(&built.component)?.passed());
        assert_eq!(built.report.network_imports().count(), 0);
    }
    Ok(())
}

/// The lines that the document shows, of a program that does what they tell.
#[test]
fn log() -> Result<()> {
    let logs = "schema = 1\n[policy]\nlog = \"all\"";
    let file = on_loopback("database", &[("schema = 1", logs)])?;
    let host = Recording::new().answering("redis.internal", ["10.20.0.5"]);
    let script = [
        "tcp4",
        "connect 10.20.0.5:22",
        "resolve redis.internal",
        "connect 10.20.0.5:6379",
    ];
    let shown = block(&document("docs/policy.md")?, "json log")?;
    for probe in Guest::PROBES {
        let run = run(probe, &host, &file, &script)?;
        assert_eq!(run.outcome.stderr, shown);
    }
    // The flag says the same.
    let flags = block(&document("docs/policy.md")?, "sh recipe:database")?;
    let flags = format!("{} --log all", flags.trim_end());
    let file_that_logs = recipe("database")?.replace("schema = 1", logs);
    asked("log", Some(&file_that_logs), &flags, "")?;
    let denied = file.replace("\"all\"", "\"denied\"");
    let run = run(Guest::Probe2, &host, &denied, &script)?;
    assert_eq!(run.outcome.stderr.lines().next(), shown.lines().next());
    assert_eq!(run.outcome.stderr.lines().count(), 1);
    Ok(())
}
