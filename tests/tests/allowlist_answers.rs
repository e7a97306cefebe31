//! Ways around an allowlist of names by what they resolve to, each of them tried in both versions of
//! WASI.

use anyhow::Result;
use sockvirt_tests::allowlist::{allow, deny, local, on_both, public};
use sockvirt_tests::names::Failure;
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};

#[test]
fn nothing_is_reached_before_it_is_learned() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new().answering("db.test", ["127.0.0.1"]);
    let connect = format!("connect {greeter}");
    let script = ["tcp4", &connect, "resolve db.test", &connect];
    on_both(&host, &local("db.test", port), &script, |run| {
        let expected = ["ok", "access-denied", "[127.0.0.1]", "ok"];
        assert_eq!(run.results(), expected);
        assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
    })
}

#[test]
fn looking_an_address_up_teaches_nothing() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let rules = local("**.test", port) + &public("*.example");
    let connect = format!("connect {greeter}");
    let script = ["resolve 127.0.0.1", "tcp4", &connect, "resolve ::1", "tcp6"];
    on_both(&Recording::new(), &rules, &script, |run| {
        assert_eq!(run.results()[0], "[127.0.0.1]");
        assert_eq!(run.results()[2], "access-denied");
        assert_eq!(run.results()[3], "[::1]");
        assert!(run.names.is_empty());
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// The rule's name is in the hands of somebody else, who answers with what is inside.
#[test]
fn an_answer_that_points_inside_is_left_out() -> Result<()> {
    let inside = [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "64:ff9b::a9fe:a9fe",
    ];
    let host = Recording::new()
        .answering("evil.test", inside)
        .answering("mixed.test", ["127.0.0.1", "93.184.216.34", "10.0.0.1"]);
    let mut script = vec![
        "resolve evil.test".to_owned(),
        "resolve mixed.test".to_owned(),
    ];
    for ip in inside {
        let (tcp, ip) = match ip.contains(':') {
            true => ("tcp6", format!("[{ip}]")),
            false => ("tcp4", ip.to_owned()),
        };
        script.extend([tcp.to_owned(), format!("connect {ip}:443")]);
    }
    let script: Vec<_> = script.iter().map(String::as_str).collect();
    on_both(&host, &public("*.test"), &script, |run| {
        let evil = run.results()[0];
        assert!(["[]", "name-unresolvable"].contains(&evil), "{evil}");
        assert_eq!(run.results()[1], "[93.184.216.34]");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// A name may be said to live in one range, and is not let into another.
#[test]
fn a_name_stays_where_it_resolves_to() -> Result<()> {
    let host = Recording::new().answering("db.test", ["10.1.1.1", "127.0.0.1", "192.168.1.1"]);
    let to = "to = \"db.test\"\nport = 5432\nresolves-to = [\"10.0.0.0/8\"]";
    let script = [
        "resolve db.test",
        "tcp4",
        "connect 127.0.0.1:5432",
        "connect 192.168.1.1:5432",
        "connect 10.1.1.1:5432",
    ];
    on_both(&host, &allow(to), &script, |run| {
        assert_eq!(run.results()[0], "[10.1.1.1]");
        assert_eq!(run.reached_by(Use::TcpConnect), ["10.1.1.1:5432"]);
    })
}

/// What was good at the first lookup does not vouch for what the second one says.
#[test]
fn a_changed_answer_is_looked_at_again() -> Result<()> {
    let (_, port) = peers::welcome();
    let host = Recording::new()
        .answering("moves.test", ["127.0.0.1"])
        .answering("moves.test", ["169.254.169.254", "127.0.0.2"]);
    let script = [
        "resolve moves.test",
        "tcp4",
        &format!("connect 127.0.0.2:{port}"),
        "resolve moves.test",
        &format!("connect 169.254.169.254:{port}"),
        &format!("connect 127.0.0.2:{port}"),
        "tcp4",
        // The first answer still holds: connections may outlive an address.
        &format!("connect 127.0.0.1:{port}"),
    ];
    on_both(&host, &local("moves.test", port), &script, |run| {
        let said = run.results();
        assert_eq!(said[2], "access-denied");
        assert_eq!(said[3], "[127.0.0.2]");
        assert_eq!(said[4], "access-denied");
        assert_eq!(said[7], "ok");
        let reached = [2, 1].map(|last| format!("127.0.0.{last}:{port}"));
        assert_eq!(run.reached_by(Use::TcpConnect), reached);
    })
}

/// A thousand addresses are remembered, not ten thousand; nothing that is open is cut.
#[test]
fn ten_thousand_names_do_not_cut_a_connection() -> Result<()> {
    let echo = peers::echo_server("127.0.0.1");
    let port = echo.port();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("*.many.test", ["127.0.0.3"]);
    let rules = local("db.test", port) + &local("*.many.test", 9);
    let again = format!("connect {echo}");
    let script = [
        &format!("connect-name db.test:{port}"),
        "send before",
        "receive",
        "resolve-many 10000 .many.test",
        "send after",
        "receive",
        "tcp4",
        &again,
        "resolve db.test",
        &again,
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert_eq!(said[2], "before");
        assert_eq!(said[3], "10000");
        assert_eq!(said[5], "after");
        // It was the oldest, and is forgotten until it is asked for again.
        assert_eq!(said[7..], ["access-denied", "[127.0.0.1]", "ok"]);
        assert_eq!(run.names.len(), 10_002);
    })
}

/// A deny by address holds for what a name leads to.
#[test]
fn a_denied_address_has_no_names() -> Result<()> {
    let (_, port) = peers::welcome();
    let host = Recording::new().answering("db.test", ["127.0.0.2", "127.0.0.1"]);
    let rules = local("db.test", port) + &deny("to = \"127.0.0.1\"\nport = \"*\"");
    let script = [
        "resolve db.test",
        "tcp4",
        &format!("connect 127.0.0.1:{port}"),
    ];
    on_both(&host, &rules, &script, |run| {
        assert_eq!(run.results()[0], "[127.0.0.2]");
        assert_eq!(run.results()[2], "access-denied");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// Two names have one address, which is learned for both. The deny rule for one of them holds for
/// the address, whoever taught it first.
#[test]
fn a_denied_name_takes_the_address_from_its_neighbours() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new()
        .answering("good.test", ["127.0.0.1"])
        .answering("bad.test", ["127.0.0.1"]);
    let denial = format!("to = \"bad.test\"\nport = {port}\ndeny-as = \"remote-unreachable\"");
    let rules = local("good.test", port) + &local("bad.test", port ^ 1) + &deny(&denial);
    let connect = format!("connect {greeter}");
    let elsewhere = format!("connect 127.0.0.1:{}", port ^ 1);
    let script = [
        "resolve good.test",
        "tcp4",
        &connect,
        "resolve bad.test",
        "tcp4",
        &connect,
        &elsewhere,
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert_eq!(said[2..4], ["ok", "[127.0.0.1]"]);
        assert_eq!(said[5], "remote-unreachable");
        let reached = [greeter.to_string(), format!("127.0.0.1:{}", port ^ 1)];
        assert_eq!(run.reached_by(Use::TcpConnect), reached);
    })?;
    let script = ["resolve bad.test", "resolve good.test", "tcp4", &connect];
    on_both(&host, &rules, &script, |run| {
        assert_eq!(run.results()[3], "remote-unreachable");
        assert!(run.reached_by(Use::TcpConnect).is_empty());
    })
}

/// A name of which all is denied is never looked up, so that no address is known to be its own; and
/// an address that stands for one name is nobody else's.
#[test]
fn a_denied_name_without_addresses_takes_none() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new()
        .answering("good.test", ["127.0.0.1"])
        .answering("bad.test", ["127.0.0.1"]);
    let denied = deny(&format!("to = \"bad.test\"\nport = {port}"));
    let script = [
        "resolve bad.test",
        &format!("connect-name good.test:{port}"),
        "receive-all",
    ];
    on_both(&host, &(local("*.test", port) + &denied), &script, |run| {
        let connected = format!("{greeter} ok");
        let expected = ["permanent-resolver-failure", &connected, "welcome"];
        assert_eq!(run.results(), expected);
        assert_eq!(run.names, ["good.test"]);
    })?;
    let other = local("bad.test", port ^ 1);
    let rules = format!("[dns]\nmode = \"virtual\"\n{}", local("*.test", port)) + &other + &denied;
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert!(said[0].starts_with("[198.1"), "{}", said[0]);
        assert_eq!(said[2], "welcome");
        assert_eq!(run.names, ["bad.test", "good.test"]);
    })
}

#[test]
fn lookups_fail_as_the_host_says() -> Result<()> {
    let host = Recording::new()
        .failing("later.test", Failure::Temporary)
        .failing("never.test", Failure::Permanent)
        .answering("db.test", ["127.0.0.1"])
        .answering("empty.test", []);
    let script = [
        "resolve later.test",
        "resolve never.test",
        "resolve gone.test",
        "resolve empty.test",
        "resolve db.test",
    ];
    on_both(&host, &local("*.test", 80), &script, |run| {
        let said = run.results();
        assert_eq!(said[0], "temporary-resolver-failure");
        assert_eq!(said[1], "permanent-resolver-failure");
        assert_eq!(said[2], "name-unresolvable");
        assert!(
            ["[]", "name-unresolvable"].contains(&said[3]),
            "{}",
            said[3]
        );
        assert_eq!(said[4], "[127.0.0.1]");
        assert_eq!(run.names.len(), script.len());
    })
}

/// More lookups that nobody waits for than there may be at a time, of a name that is answered and
/// of one that never is, leave room for the next one.
#[test]
fn lookups_that_are_given_up_leave_nothing_behind() -> Result<()> {
    let host = Recording::new()
        .never_answering("slow.test")
        .answering("db.test", ["127.0.0.1"]);
    let mut script = ["abandon slow.test", "abandon db.test"].repeat(1_100);
    script.push("resolve db.test");
    let rules = local("*.test", 80);
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        let (last, given_up) = said.split_last().expect("it says something");
        assert!(given_up.iter().all(|said| *said == "pending"));
        assert_eq!(*last, "[127.0.0.1]");
        assert_eq!(run.names.len(), script.len());
    })
}

/// Programs see addresses of the adapter's own; what they stand for is not to be had by itself.
#[test]
fn virtual_names_hide_their_addresses() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("neighbour.test", ["127.0.0.1"])
        .answering("inside.test", ["169.254.169.254"]);
    let rules = format!(
        "[dns]\nmode = \"virtual\"\n{}{}",
        local("db.test", port),
        local("neighbour.test", port ^ 1)
    ) + &local("inside.test", 80);
    let script = [
        "resolve db.test",
        "tcp4",
        &format!("connect {greeter}"),
        &format!("connect-name neighbour.test:{port}"),
        &format!("connect-name db.test:{port}"),
        "receive-all",
        "resolve inside.test",
    ];
    on_both(&host, &rules, &script, |run| {
        let said = run.results();
        assert!(said[0].starts_with("[198.1"), "{}", said[0]);
        assert_eq!(said[2], "access-denied");
        assert!(said[3].ends_with(" access-denied"), "{}", said[3]);
        assert!(
            said[4].starts_with("198.1") && said[4].ends_with(" ok"),
            "{}",
            said[4]
        );
        assert_eq!(said[5], "welcome");
        assert!(!said[6].contains("169.254"), "{}", said[6]);
        assert_eq!(run.reached_by(Use::TcpConnect), [greeter.to_string()]);
    })
}

/// What is dialled is what was checked: an answer that turns bad does not lead there.
#[test]
fn a_virtual_name_that_turns_bad_leads_nowhere_bad() -> Result<()> {
    let (_, port) = peers::welcome();
    let host = Recording::new()
        .answering("db.test", ["127.0.0.1"])
        .answering("db.test", ["169.254.169.254"]);
    let rules = format!("[dns]\nmode = \"virtual\"\n{}", local("db.test", port));
    let connect = format!("connect-name db.test:{port}");
    let script = [&*connect, "receive-all", &connect];
    on_both(&host, &rules, &script, |run| {
        assert_eq!(run.results()[1], "welcome");
        let reached = run.reached_by(Use::TcpConnect);
        let good = format!("127.0.0.1:{port}");
        assert!(
            reached.iter().all(|address| *address == good),
            "{reached:?}"
        );
    })
}
