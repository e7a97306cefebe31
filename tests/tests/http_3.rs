//! HTTP handlers of WASI 0.3 with a network in memory, or with a script that is played on it.

use anyhow::Result;
use sockvirt::policy::{Flag, LoopbackMode};
use sockvirt::{Policy, Virtualizer};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::peers::{own_address, upper_case_server};
use sockvirt_tests::recording::Recording;
use sockvirt_tests::script::verdict;
use wasmtime::component::Component;

/// What the handler answers on a host without sockets.
fn serve(policy: Policy, path: &str) -> Result<String> {
    let built = Virtualizer::new(policy).build(&Guest::Http3.build()?)?;
    let check = sockvirt::check(&built.component)?;
    assert!(check.enforced && check.passed(), "{check:?}");
    let component = Component::new(host::engine(), &built.component)?;
    let (store, _) = host::store(Sockets::None);
    let linker = host::linker(Sockets::None)?;
    let nothing = async |_: &mut _, _: &_| Ok(());
    Ok(host::serve_3_in(&linker, store, &component, path, nothing)?.0)
}

/// The same with a script, and what its report says then.
fn play(script: &str, path: &str) -> Result<(String, bool, String)> {
    let policy = Policy::from_toml(script).map_err(|e| anyhow::anyhow!("{e}"))?;
    let built = Virtualizer::new(policy).build(&Guest::Http3.build()?)?;
    let component = Component::new(host::engine(), &built.component)?;
    let (store, _) = host::store(Sockets::None);
    let linker = host::linker(Sockets::None)?;
    let (answer, (is_well, text)) = host::serve_3_in(&linker, store, &component, path, verdict)?;
    Ok((answer, is_well, text))
}

#[test]
fn a_handler_is_client_and_server_in_memory() -> Result<()> {
    let policy = Policy::deny_all().with_loopback(LoopbackMode::Virtual);
    assert_eq!(serve(policy, "/both")?, "query answer");
    Ok(())
}

#[test]
fn what_a_handler_may_not_reach_is_denied() -> Result<()> {
    let policy = Policy::deny_all().with_loopback(LoopbackMode::Virtual);
    assert_eq!(serve(policy, "/203.0.113.9:80")?, "ErrorCode::AccessDenied");
    Ok(())
}

#[test]
fn a_peer_is_played_to_a_handler() -> Result<()> {
    let script = r#"
schema = 1
[[peer]]
name = "p"
at = "tcp://192.0.2.10:7"
script = [{ expect = "query" }, { wait = "1h" }, { send = "played" }, { close = "both" }]
"#;
    let (answer, is_well, text) = play(script, "/192.0.2.10:7")?;
    assert_eq!((&*answer, is_well, &*text), ("played", true, ""));
    let (_, is_well, text) = play(&script.replace("query", "quest"), "/192.0.2.10:7")?;
    assert!(!is_well);
    assert!(text.starts_with("FAIL peer \"p\""), "{text}");
    Ok(())
}

#[test]
fn a_client_of_a_script_connects_to_a_handler() -> Result<()> {
    let script = r#"
schema = 1
[[client]]
name = "c"
to = "tcp://127.0.0.1:80"
script = [
  { send = "que" },
  { wait = "1h" },
  { send = "stion" },
  { expect = "answer" },
  { close = "both" },
]
"#;
    let (answer, is_well, text) = play(script, "/client")?;
    assert_eq!((&*answer, is_well, &*text), ("question", true, ""));
    Ok(())
}

/// On a host that has sockets, what is the policy's to allow is the host's.
#[test]
fn a_handler_reaches_the_host_besides() -> Result<()> {
    let server = upper_case_server(&own_address().to_string());
    let policy = Policy::deny_all()
        .with_loopback(LoopbackMode::Virtual)
        .with_flag(Flag::allow(&format!("tcp://{server}"))?)?;
    let built = Virtualizer::new(policy).build(&Guest::Http3.build()?)?;
    let host = Recording::new().letting(own_address());
    let (answer, _) = host.serve_3(&built.component, &format!("/{server}"))?;
    assert_eq!(answer, "QUERY");
    let (answer, run) = host.serve_3(&built.component, "/both")?;
    assert_eq!(answer, "query answer");
    assert_eq!(run.reached(), [""; 0]);
    Ok(())
}
