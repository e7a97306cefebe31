//! Programs that serve: who gets through to them.

use anyhow::Result;
use sockvirt_tests::allowlist::{self, allow, deny, on_both};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};
use std::net::SocketAddr;
use std::thread;

/// A rule that lets a server listen here.
fn listen(server: SocketAddr, more: &str) -> String {
    allow(&format!(
        "to = \"{}\"\nport = {}\nop = [\"listen\"]\n{more}",
        server.ip(),
        server.port()
    ))
}

fn server(ip: &str) -> Result<SocketAddr> {
    Ok(SocketAddr::new(ip.parse()?, peers::free_port(ip)))
}

/// Two clients come, one after the other, and the program accepts once: who is it?
///
/// In 0.2. In 0.3 connections come to the program in a stream that nothing can be taken out of.
fn accepted(rules: &str, server: SocketAddr, clients: [&'static str; 2]) -> Result<String> {
    let clients = thread::spawn(move || -> Result<_> {
        // The second comes when the first is in the queue.
        let first = peers::connect_from(clients[0], server)?;
        let second = peers::connect_from(clients[1], server)?;
        Ok((first, second))
    });
    let script = ["tcp4", &format!("bind {server}"), "listen", "accept"];
    let run = allowlist::run(Guest::Probe2, &Recording::new(), rules, &script)?;
    clients.join().expect("no panic")?;
    Ok(run.results()[3].to_owned())
}

#[test]
fn only_those_are_accepted_who_may_come() -> Result<()> {
    for from in [
        "from = [\"127.0.0.2\"]",
        "from = [\"127.0.0.2/31\", \"10.0.0.0/8\"]",
    ] {
        let server = server("127.0.0.1")?;
        let peer = accepted(&listen(server, from), server, ["127.0.0.1", "127.0.0.2"])?;
        assert!(peer.starts_with("127.0.0.2:"), "{peer}");
    }
    Ok(())
}

#[test]
fn everybody_is_accepted_where_nothing_is_said() -> Result<()> {
    let server = server("127.0.0.1")?;
    let peer = accepted(&listen(server, ""), server, ["127.0.0.2", "127.0.0.1"])?;
    assert!(peer.starts_with("127.0.0.2:"), "{peer}");
    Ok(())
}

#[test]
fn a_deny_keeps_clients_out() -> Result<()> {
    let server = server("127.0.0.1")?;
    let keep_out = deny("to = \"127.0.0.2\"\nport = \"*\"\nop = [\"accept\"]");
    let rules = listen(server, "") + &keep_out;
    let peer = accepted(&rules, server, ["127.0.0.2", "127.0.0.1"])?;
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    Ok(())
}

/// In 0.3 the program gets hold of those who may not come, and neither hears them nor is heard.
#[test]
fn nothing_passes_between_a_program_and_those_who_may_not_come() -> Result<()> {
    let keep_out = deny("to = \"127.0.0.1\"\nport = \"*\"\nop = [\"accept\"]");
    for (from, denied) in [("from = [\"127.0.0.2\"]", ""), ("", &*keep_out)] {
        let server = server("127.0.0.1")?;
        let clients = thread::spawn(move || {
            let refused = peers::ask("127.0.0.1", server, "let me in");
            (refused, peers::ask("127.0.0.2", server, "may I?"))
        });
        let script = [
            "tcp4",
            &format!("bind {server}"),
            "listen",
            "accept",
            "use 1",
            "receive",
            "send secret",
            "drop",
            "use 0",
            "accept",
            "use 2",
            "receive",
            "send yes",
            "drop",
        ];
        let rules = listen(server, from) + denied;
        let run = allowlist::run(Guest::Probe3, &Recording::new(), &rules, &script)?;
        println!("{:?}", run.lines());
        assert!(run.results()[3].starts_with("127.0.0.1:"));
        assert_eq!(run.results()[5..7], ["invalid-state", "invalid-state"]);
        assert!(run.results()[9].starts_with("127.0.0.2:"));
        assert_eq!(run.results()[11], "may I?");
        let (refused, allowed) = clients.join().expect("no panic");
        // It may be told by a reset that nobody listens.
        assert_eq!(refused.unwrap_or_default(), "");
        assert_eq!(allowed?, "yes");
    }
    Ok(())
}

/// Those who may not come take nobody's place: a thousand of them, and then one who may.
#[test]
fn those_who_may_not_come_take_no_place() -> Result<()> {
    let server = server("127.0.0.1")?;
    let rules = listen(server, "from = [\"127.0.0.2\"]");
    let clients = thread::spawn(move || -> Result<String> {
        for _ in 0..1_000 {
            drop(peers::connect_from("127.0.0.1", server)?);
        }
        peers::ask("127.0.0.2", server, "may I?")
    });
    let script = [
        "tcp4",
        &format!("bind {server}"),
        "listen",
        "accept",
        "use 1",
        "receive",
        "send yes",
        "drop",
    ];
    let run = allowlist::run(Guest::Probe2, &Recording::new(), &rules, &script)?;
    assert_eq!(clients.join().expect("no panic")?, "yes");
    assert_eq!(run.results()[5], "may I?");
    Ok(())
}

/// An exact address is no wildcard, nor the reverse.
#[test]
fn a_server_listens_where_the_rule_says() -> Result<()> {
    let port = peers::free_port("127.0.0.1");
    let wildcard = SocketAddr::from(([0, 0, 0, 0], port));
    let script = [
        "tcp4",
        &format!("bind 127.0.0.1:{port}"),
        &format!("bind {wildcard}"),
        "listen",
        "local",
    ];
    on_both(&Recording::new(), &listen(wildcard, ""), &script, |run| {
        let (no, here) = ("access-denied", wildcard.to_string());
        assert_eq!(run.results(), ["ok", no, "ok", "ok", &here]);
        let reached = [format!("tcp-bind {here}"), format!("tcp-listen {here}")];
        assert_eq!(run.reached(), reached);
    })
}

/// Port 0 in a rule is a port that the host chooses.
#[test]
fn a_port_that_the_host_chooses_is_allowed_as_such() -> Result<()> {
    let rules = allow("to = \"127.0.0.1\"\nport = 0\nop = [\"listen\"]");
    let script = ["tcp4", "bind 127.0.0.1:8080", "bind 127.0.0.1:0", "listen"];
    on_both(&Recording::new(), &rules, &script, |run| {
        assert_eq!(run.results(), ["ok", "access-denied", "ok", "ok"]);
        assert_eq!(run.reached()[0], "tcp-bind 127.0.0.1:0");
        assert_eq!(run.reached_by(Use::TcpListen).len(), 1);
    })
}

#[test]
fn replies_come_from_those_who_were_asked() -> Result<()> {
    for probe in Guest::PROBES {
        let (peer, talk) = peers::peer_and_stranger();
        let rules = allow(&format!(
            "to = \"127.0.0.1\"\nport = {}\nop = [\"send\"]",
            peer.port()
        ));
        let script = [
            "udp4",
            "bind 0.0.0.0:0",
            &format!("send-to {peer} hello"),
            "receive",
        ];
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        talk.join().expect("no panic")?;
        assert_eq!(run.results()[3], format!("from a peer from {peer}"));
    }
    Ok(())
}

#[test]
fn datagrams_of_strangers_come_where_a_rule_says_so() -> Result<()> {
    for probe in Guest::PROBES {
        let (peer, talk) = peers::peer_and_stranger();
        let rules = allow("to = \"127.0.0.1\"\nport = \"*\"\nop = [\"send\", \"receive\"]");
        let script = [
            "udp4",
            "bind 0.0.0.0:0",
            &format!("send-to {peer} hello"),
            "receive",
            "receive",
        ];
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        let stranger = talk.join().expect("no panic")?;
        assert_eq!(run.results()[3], format!("from a stranger from {stranger}"));
        assert_eq!(run.results()[4], format!("from a peer from {peer}"));
    }
    Ok(())
}

/// A server by UDP: who may ask it is a rule of its own, and so is whom it may answer.
#[test]
fn a_server_of_datagrams_answers() -> Result<()> {
    let server = server("127.0.0.1")?;
    let rules = allow(&format!(
        "to = \"127.0.0.1\"\nport = {}\nop = [\"bind\"]\nproto = \"udp\"",
        server.port()
    )) + &allow("to = \"127.0.0.1\"\nport = \"*\"\nop = [\"receive\", \"send\"]");
    let client = thread::spawn(move || -> std::io::Result<String> {
        let socket = peers::udp_socket("127.0.0.1");
        socket.set_read_timeout(Some(std::time::Duration::from_millis(20)))?;
        let mut answer = [0; 64];
        loop {
            // Until the program is there.
            socket.send_to(b"a question", server)?;
            if let Ok((length, _)) = socket.recv_from(&mut answer) {
                return Ok(String::from_utf8_lossy(&answer[..length]).into_owned());
            }
        }
    });
    let component = allowlist::build(Guest::ProbeStd, &rules)?;
    let serve = format!("serve-udp {server} 1");
    let run = Recording::new().run(&component, &[&serve])?;
    assert_eq!(run.results(), ["10 bytes"]);
    assert_eq!(client.join().expect("no panic")?, "a question");
    Ok(())
}
