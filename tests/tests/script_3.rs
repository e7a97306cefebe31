//! Scripts that are played to programs of WASI 0.3 which are no commands.

use anyhow::Result;
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::script::{DAY, play, run_on_odd_clocks, verdict};
use wasmtime::component::Component;

/// What an export of the program's own gives, and what the script's report says then.
fn serve(script: &str) -> Result<(String, bool, String)> {
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Service3.build()?)?;
    let component = Component::new(host::engine(), &built.component)?;
    let (mut store, _) = host::store(Sockets::None);
    let linker = host::linker(Sockets::None)?;
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    runtime.block_on(async {
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let serve = instance.get_typed_func::<(u16,), (String,)>(&mut store, "serve")?;
        let call = async |store: &_| serve.call_concurrent(store, (80,)).await;
        let (asked,) = store.run_concurrent(call).await??;
        let (is_well, text) = verdict(&mut store, &instance).await?;
        Ok((asked, is_well, text))
    })
}

/// The server calls no async function of sockets: nobody but the network's own task goes on.
#[test]
fn a_client_connects_to_a_server_behind_an_export() -> Result<()> {
    let script = r#"
schema = 1
[[client]]
to = "tcp://127.0.0.1:80"
script = [{ send = "q" }, { wait = "1h" }, { send = "uery" }, { expect = "answer" }]
"#;
    let (asked, is_well, text) = serve(script)?;
    assert_eq!(
        (asked.as_str(), is_well, text.as_str()),
        ("query", true, "")
    );
    Ok(())
}

#[test]
fn a_server_behind_an_export_that_answers_wrong_is_told_of() -> Result<()> {
    let script = r#"
schema = 1
[[client]]
name = "c"
to = "tcp://127.0.0.1:80"
script = [{ send = "query" }, { expect = "annoy" }]
"#;
    let (_, is_well, text) = serve(script)?;
    assert!(!is_well);
    assert!(text.starts_with("FAIL client \"c\""), "{text}");
    Ok(())
}

/// What is built is the verdict: its exit status, and what went wrong on standard error.
#[test]
fn an_output_tells_what_went_wrong() -> Result<()> {
    let script = r#"
schema = 1
[[peer]]
name = "p"
at = "tcp://192.0.2.10:7"
script = [{ expect = "hello" }, { send = "you" }]
"#;
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue3.build()?)?;
    let run = |text| {
        let args = ["connect 192.0.2.10:7", text, "read 9"];
        host::run_with(&built.component, Sockets::None, &args)
    };
    let good = run("write hello")?;
    assert_eq!((good.status, good.stderr.as_str()), (0, ""), "{good:?}");
    let bad = run("write hallo")?;
    assert_eq!(bad.status, 1);
    assert!(
        bad.stderr.starts_with("FAIL peer \"p\" tcp 192.0.2.10:7"),
        "{bad:?}"
    );
    Ok(())
}

/// As with WASI 0.2, a program that gives up is told where.
#[test]
fn a_program_that_fails_is_told_how_far_everybody_was() -> Result<()> {
    let script = r#"schema = 1
[[peer]]
name = "p"
at = "tcp://192.0.2.10:7"
script = [
  { expect = "a" },
  { send = "bc" },
  { reset = true },
]
"#;
    let args = ["connect 192.0.2.10:7", "write a", "read 9", "fail"];
    let report = play(Guest::Dialogue3, "a.toml", script, &args)?;
    let expected = "\
FAIL the program ended with status 1
  peer \"p\" tcp 192.0.2.10:7, connection 1, reset by step 3  (a.toml:8)
    it got 1 byte and sent 2: bc
";
    assert_eq!(
        (report.status, report.to_string()),
        (Some(1), expected.to_owned())
    );
    Ok(())
}

/// With the host's clock nothing is skipped: who waits does so on it, and the date is the host's.
#[test]
fn the_clock_is_the_hosts() -> Result<()> {
    let script = r#"schema = 1
[clock]
mode = "host"
[[peer]]
name = "p"
at = "tcp://192.0.2.10:7"
script = [{ wait = "5s" }, { send = "a" }, { expect-nothing = "5s" }, { send = "b" }]
"#;
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Dialogue3.build()?)?;
    let outcome = run_on_odd_clocks(
        &built.component,
        &[
            "connect 192.0.2.10:7",
            "read 1",
            "read 1",
            "sleep 5000",
            "time",
            "date",
        ],
    )?;
    let expected = "connect 192.0.2.10:7: done\nread 1: \"a\"\nread 1: \"b\"\nsleep 5000: done\n30";
    let rest = outcome.stdout.strip_prefix(expected);
    let rest = rest.and_then(|it| it.split_once(" ms have passed\n"));
    assert!(rest.is_some_and(|(ms, _)| ms.len() == 3), "{outcome:?}");
    assert_eq!(rest.map(|it| it.1), Some(&*format!("date: {DAY} days\n")));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    Ok(())
}

/// A program that has no clock of its own is given one to wait with.
#[test]
fn a_clock_is_added_where_there_is_none() -> Result<()> {
    let script = r#"
schema = 1
[clock]
mode = "host"
[[client]]
to = "tcp://127.0.0.1:80"
script = [{ send = "q" }, { wait = "20ms" }, { send = "uery" }, { expect = "answer" }]
"#;
    let (asked, is_well, text) = serve(script)?;
    assert_eq!(
        (asked.as_str(), is_well, text.as_str()),
        ("query", true, "")
    );
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Service3.build()?)?;
    let said = built.report.imports.iter().map(|it| it.name.as_str());
    let clocks = said.filter(|it| it.starts_with("wasi:clocks/monotonic-clock@0.3"));
    assert_eq!(clocks.count(), 1);
    let checked = sockvirt::check(&built.component)?;
    assert!(checked.passed() && checked.enforced, "{checked:?}");
    Ok(())
}

/// A program that ends by `exit` has nothing to wait with either.
#[test]
fn who_exits_needs_no_clock() -> Result<()> {
    for clock in ["virtual", "host"] {
        let script = |last: &str| {
            format!(
                "schema = 1\n[clock]\nmode = \"{clock}\"\n[[peer]]\nname = \"p\"\n\
                at = \"tcp://192.0.2.10:7\"\nscript = [{{ wait = \"20ms\" }}, {{ send = \"a\" }}{last}]\n"
            )
        };
        let good = play(Guest::Quits3, "a.toml", &script(""), &[])?;
        assert!(good.passed(), "{good}");
        let more = script(", { expect = \"b\" }");
        let bad = play(Guest::Quits3, "a.toml", &more, &[])?;
        assert_eq!(bad.status, Some(1), "{bad}");
    }
    Ok(())
}
