//! Redirects: the way that they open, and no other.

use anyhow::Result;
use sockvirt_tests::allowlist::{self, deny, on_both};
use sockvirt_tests::peers;
use sockvirt_tests::recording::{Recording, Use};

#[test]
fn a_redirect_is_the_only_way_to_its_target() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let rules = format!(
        "[[redirect]]\nid = \"sidecar\"\nfrom = \"tcp://metrics.internal:9000\"\nto = \"{greeter}\"\n\
         [[redirect]]\nfrom = \"tcp://127.0.0.5:9001\"\nto = \"{greeter}\"\n"
    );
    let script = [
        "connect-name metrics.internal:9000",
        "receive-all",
        "tcp4",
        "connect 127.0.0.5:9001",
        "receive-all",
        "tcp4",
        &format!("connect {greeter}"),
        &format!("connect-name metrics.internal:{port}"),
        "tcp4",
        "connect 127.0.0.5:9000",
    ];
    on_both(&Recording::new(), &rules, &script, |run| {
        let said = run.results();
        assert!(said[0].ends_with(" ok"), "{}", said[0]);
        assert_eq!(said[1], "welcome");
        assert_eq!(said[3..5], ["ok", "welcome"]);
        assert_eq!(said[6], "access-denied");
        assert!(said[7].ends_with(" access-denied"), "{}", said[7]);
        assert_eq!(said[9], "access-denied");
        let reached = [greeter.to_string(), greeter.to_string()];
        assert_eq!(run.reached_by(Use::TcpConnect), reached);
        assert!(run.names.is_empty());
    })
}

#[test]
fn a_redirect_is_denied_on_both_its_ends() -> Result<()> {
    let (greeter, port) = peers::welcome();
    let redirect = format!("[[redirect]]\nfrom = \"tcp://127.0.0.5:9001\"\nto = \"{greeter}\"\n");
    for denied in [
        format!("to = \"127.0.0.1\"\nport = {port}"),
        "to = \"127.0.0.5\"\nport = 9001".into(),
    ] {
        let rules = redirect.clone() + &deny(&denied);
        let script = ["tcp4", "connect 127.0.0.5:9001"];
        on_both(&Recording::new(), &rules, &script, |run| {
            assert_eq!(run.results()[1], "access-denied");
            assert!(run.reached_by(Use::TcpConnect).is_empty());
        })?;
    }
    Ok(())
}

#[test]
fn redirects_do_not_go_in_circles() {
    let redirect =
        |from: &str, to: &str| format!("[[redirect]]\nfrom = \"tcp://{from}\"\nto = \"{to}\"\n");
    let circles = [
        redirect("10.0.0.1:1", "10.0.0.2:2") + &redirect("10.0.0.2:2", "10.0.0.1:1"),
        redirect("10.0.0.1:1", "10.0.0.2:2") + &redirect("10.0.0.0/8:2", "10.0.0.3:3"),
    ];
    for circle in circles {
        assert!(allowlist::policy(&circle).is_err(), "{circle}");
    }
}
