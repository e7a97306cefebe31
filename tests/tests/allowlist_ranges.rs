//! Special ranges: what no rule allows by accident, tried in both versions of WASI.

use anyhow::Result;
use sockvirt_tests::allowlist::{SPECIAL, all_give, allow, anywhere, deny, on_both};
use sockvirt_tests::recording::{Recording, Use};

/// A deny for IPv4 holds for them, and so do the special ranges that the embedded one is in.
#[test]
fn an_embedded_address_is_denied_by_its_ipv4() -> Result<()> {
    let rules = anywhere() + &deny("to = \"93.184.216.34\"\nport = \"*\"");
    let script = [
        "tcp6",
        "connect [64:ff9b::93.184.216.34]:80",
        "connect [2002:5db8:d822::1]:80",
        "connect [64:ff9b::127.0.0.1]:80",
        "connect [64:ff9b::169.254.169.254]:80",
        "connect [64:ff9b::10.0.0.1]:80",
        "connect [2002:7f00:1::1]:80",
        "connect [2002:a9fe:a9fe::1]:80",
        "udp6",
        "bind [::]:0",
        "send-to [64:ff9b::93.184.216.34]:80 x",
        "send-to [64:ff9b::169.254.169.254]:80 x",
    ];
    all_give("access-denied", &rules, &script)?;
    let neighbour = ["tcp6", "connect [64:ff9b::93.184.216.35]:80"];
    on_both(&Recording::new(), &rules, &neighbour, |run| {
        let reached = run.reached_by(Use::TcpConnect);
        assert_eq!(reached, ["[64:ff9b::5db8:d823]:80"]);
    })
}

/// UDP may go to many at once only where a rule says so in words.
#[test]
fn multicast_and_broadcast_are_no_accident() -> Result<()> {
    let script = [
        "udp4",
        "bind 0.0.0.0:0",
        "send-to 224.0.0.251:5353 x",
        "send-to 255.255.255.255:9 x",
        "udp-connect 239.255.255.250:1900",
        "udp6",
        "bind [::]:0",
        "send-to [ff02::fb]:5353 x",
    ];
    all_give("access-denied", &anywhere(), &script)?;
    let rules = allow("to = [\"multicast\", \"255.255.255.255\"]\nport = \"*\"\nop = [\"send\"]");
    on_both(&Recording::new(), &rules, &script, |run| {
        let reached = run.reached_by(Use::UdpSend);
        let expected = [
            "224.0.0.251:5353",
            "255.255.255.255:9",
            "239.255.255.250:1900",
            "[ff02::fb]:5353",
        ];
        assert_eq!(reached, expected);
    })
}

/// One address of each special range.
const EXAMPLES: [(&str, &str); 11] = [
    ("loopback", "127.9.9.9:80"),
    ("loopback", "[::1]:80"),
    ("link-local", "169.254.1.1:80"),
    ("link-local", "[fe80::1%1]:80"),
    ("metadata", "169.254.169.254:80"),
    ("private", "10.1.2.3:80"),
    ("private", "[fd00::1]:80"),
    ("cgnat", "100.64.0.1:80"),
    ("documentation", "192.0.2.1:80"),
    ("documentation", "[2001:db8::1]:80"),
    ("reserved", "240.0.0.1:80"),
];

#[test]
fn a_rule_for_everything_leaves_special_ranges_out() -> Result<()> {
    let mut script = Vec::new();
    for (_, address) in EXAMPLES {
        script.push(
            if address.starts_with('[') {
                "tcp6"
            } else {
                "tcp4"
            }
            .to_owned(),
        );
        script.push(format!("connect {address}"));
    }
    let script: Vec<_> = script.iter().map(String::as_str).collect();
    for everywhere in [
        "\"*\"",
        "[\"0.0.0.0/0\", \"::/0\"]",
        "[\"0.0.0.0/1\", \"128.0.0.0/1\"]",
    ] {
        let rules = allow(&format!("to = {everywhere}\nport = \"*\""));
        all_give("access-denied", &rules, &script)?;
    }
    Ok(())
}

#[test]
fn a_special_range_is_allowed_by_its_name() -> Result<()> {
    for (range, address) in EXAMPLES {
        assert!(SPECIAL.contains(&range));
        let rules = allow(&format!("to = \"{range}\"\nport = \"*\""));
        let tcp = if address.starts_with('[') {
            "tcp6"
        } else {
            "tcp4"
        };
        let script = [tcp, &format!("connect {address}")];
        on_both(&Recording::new(), &rules, &script, |run| {
            assert_eq!(run.reached_by(Use::TcpConnect), [address]);
        })?;
    }
    Ok(())
}

/// The address of a cloud's metadata is in the range of link-local ones, but not given away with
/// it.
#[test]
fn link_local_does_not_reach_metadata() -> Result<()> {
    let rules = allow("to = [\"link-local\", \"169.254.0.0/16\"]\nport = \"*\"");
    let script = ["tcp4", "connect 169.254.169.254:80"];
    all_give("access-denied", &rules, &script)?;
    let exact = allow("to = \"169.254.169.254\"\nport = 80");
    on_both(&Recording::new(), &exact, &script, |run| {
        assert_eq!(run.reached_by(Use::TcpConnect), ["169.254.169.254:80"]);
    })
}
