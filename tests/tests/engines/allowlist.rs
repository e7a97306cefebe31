//! Programs under a policy that allows something, on Node.js as on wasmtime.
//!
//! No datagram is denied here: the sockets of jco's shim, 0.26.1, throw what no program can catch
//! where they are shown one for an invalid address.

use crate::node::node_with_sockets;
use anyhow::{Result, ensure};
use sockvirt_tests::allowlist::{allow, build, deny};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::Recording;

type Test = fn() -> Result<()>;

pub(crate) const TESTS: [(&str, Test); 3] = [
    ("allowlist_of_addresses", addresses),
    ("allowlist_of_a_library", library),
    ("allowlist_of_datagrams_and_answers", datagrams_and_answers),
];

/// What a program prints under these rules, on Node.js and the same on wasmtime.
fn on_both(guest: Guest, rules: &str, args: &[&str]) -> Result<Vec<String>> {
    let component = build(guest, rules)?;
    let node = node_with_sockets(&component, args)?;
    let stderr = String::from_utf8_lossy(&node.output.stderr);
    ensure!(node.output.status.success(), "{stderr}");
    let lookup = |name: &String| name.contains("/ip-name-lookup");
    ensure!(!node.sockets.is_empty() && !node.sockets.iter().any(lookup));
    let node = String::from_utf8(node.output.stdout)?;
    let wasmtime = Recording::new().run(&component, args)?;
    ensure!(
        wasmtime.outcome.stdout == node,
        "{wasmtime:?}, on Node.js:\n{node}"
    );
    Ok(wasmtime.results().into_iter().map(str::to_owned).collect())
}

fn addresses() -> Result<()> {
    let (greeter, _) = peers::welcome();
    let echo = peers::echo_server("::1");
    let server = peers::free_port("127.0.0.1");
    let to = |ip: &str, port: u16| format!("to = \"{ip}\"\nport = {port}\nproto = \"tcp\"");
    let rules = [
        allow(&to("127.0.0.0/8", greeter.port())),
        allow(&to("::1", echo.port())),
        allow(&format!("{}\nop = [\"listen\"]", to("127.0.0.1", server))),
        deny(&format!(
            "{}\ndeny-as = \"timeout\"",
            to("127.0.0.2", greeter.port())
        )),
    ];
    let script = [
        ("tcp4", "ok"),
        (
            &format!("connect 127.0.0.1:{}", echo.port()),
            "access-denied",
        ),
        (&format!("connect 127.0.0.2:{}", greeter.port()), "timeout"),
        ("connect 127.0.0.1:0", "invalid-argument"),
        (&format!("connect {greeter}"), "ok"),
        ("remote", &greeter.to_string()),
        ("receive-all", "welcome"),
        ("tcp6", "ok"),
        (
            &format!("connect [::1]:{}", greeter.port()),
            "access-denied",
        ),
        (&format!("connect {echo}"), "ok"),
        ("send hello", "ok"),
        ("receive", "hello"),
        ("tcp4", "ok"),
        ("bind 127.0.0.1:0", "access-denied"),
        (&format!("bind 127.0.0.1:{server}"), "ok"),
        ("listen", "ok"),
        ("udp4", "access-denied"),
    ];
    let (script, expected): (Vec<_>, Vec<_>) = script.into_iter().unzip();
    let said = on_both(Guest::Probe2, &rules.concat(), &script)?;
    ensure!(said == expected, "{said:?}");
    Ok(())
}

fn library() -> Result<()> {
    let (web, other) = (
        peers::http_server("127.0.0.1"),
        peers::http_server("127.0.0.1"),
    );
    let rules = allow(&format!(
        "to = \"127.0.0.1\"\nport = {}\nproto = \"tcp\"",
        web.port()
    ));
    let script = [format!("get {web} /page"), format!("get {other} /page")];
    let script = script.each_ref().map(String::as_str);
    let said = on_both(Guest::ProbeStd, &rules, &script)?;
    ensure!(
        said == ["GET /page HTTP/1.1", "PermissionDenied"],
        "{said:?}"
    );
    Ok(())
}

/// What is answered inside, and datagrams: their streams have destructors.
fn datagrams_and_answers() -> Result<()> {
    let echo = peers::udp_echo_server("127.0.0.1");
    let rules = allow(&format!(
        "to = \"127.0.0.1\"\nport = {}\nproto = \"udp\"\nop = [\"send\"]",
        echo.port()
    ));
    let hosts = "[dns.hosts]\n\"db.test\" = { answer = [\"192.0.2.5\"] }\n";
    let send = format!("send-to {echo} hello");
    let said = format!("hello from {echo}");
    let script = [
        ("resolve 127.0.0.1", "[127.0.0.1]"),
        ("resolve ::1", "[::1]"),
        ("resolve other.test", "permanent-resolver-failure"),
        ("udp4", "ok"),
        ("bind 0.0.0.0:0", "ok"),
        (&send, "ok"),
        ("receive", &said),
    ];
    let named = [("resolve db.test", "[192.0.2.5]")];
    for (rules, script) in [
        (rules.clone(), script.to_vec()),
        (format!("{hosts}{rules}"), [&script[..], &named].concat()),
    ] {
        let (script, expected): (Vec<_>, Vec<_>) = script.into_iter().unzip();
        let said = on_both(Guest::Probe2, &rules, &script)?;
        ensure!(said == expected, "{said:?}");
    }
    Ok(())
}
