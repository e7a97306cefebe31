//! The known ways around allowlists, by name.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{Instance, allowed_to};
use sockvirt_policy::{Denial, Lookup, Operation, Protocol, Verdict};

const API: &str = "[[allow]]\nto = '*.example.com'\nport = 443\n";

#[test]
fn nothing_learned_is_nothing_reached() {
    let mut it = Instance::new(API);
    assert!(!it.connects("8.8.8.8:443"));
    assert_eq!(it.resolve("api.example.com", &["8.8.8.8"]), ["8.8.8.8"]);
    assert!(it.connects("8.8.8.8:443"));
    assert!(!it.connects("8.8.8.8:80") && !it.connects("8.8.4.4:443"));
}

#[test]
fn patterns_are_whole_labels() {
    let mut it = Instance::new(API);
    for name in [
        "api.example.com",
        "API.Example.COM",
        "api.example.com.",
        "_x-1.example.com",
    ] {
        assert!(it.may_ask(name), "{name}");
    }
    for name in [
        "example.com",
        "evilexample.com",
        "a.b.example.com",
        "example.com.evil.org",
        "com",
        "api.example.co",
    ] {
        assert!(!it.may_ask(name), "{name}");
    }
    let mut deep = Instance::new("[[allow]]\nto = '**.example.com'\nport = 443");
    assert!(deep.may_ask("a.b.example.com") && deep.may_ask("a.example.com"));
    assert!(!deep.may_ask("example.com") && !deep.may_ask("evilexample.com"));
    let mut all = Instance::new("[[allow]]\nto = '*'\nport = 443");
    assert!(all.may_ask("localhost") && all.may_ask("a.b.c"));
    let mut wide = Instance::new("[[allow]]\nto = '*.com'\nport = 443\nwide = true");
    assert!(wide.may_ask("example.com") && !wide.may_ask("com"));
    let mut unicode = Instance::new("[[allow]]\nto = 'bücher.example'\nport = 443");
    assert!(unicode.may_ask("xn--bcher-kva.example"));
}

#[test]
fn what_is_no_name_is_invalid() {
    let mut it = Instance::new("[[allow]]\nto = '*'\nport = '*'");
    let long = "a.".repeat(126) + "aa";
    for name in [
        "",
        ".",
        "a..b",
        ".a",
        "a.example。com",
        "a b",
        "a/b",
        "a\0b",
        "bücher.example",
        "a%b",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "1.2.3.256",
        "a.1",
        "a.0x",
        "0x7f000001",
        "::ffff:1.2.3.4",
        "[::1]",
        "fe80::1%1",
        "1.2.3.4:80",
        &long,
        "a1234567890123456789012345678901234567890123456789012345678901234.com",
    ] {
        assert_eq!(it.lookup(name), Lookup::Invalid, "{name}");
    }
    assert!(it.may_ask(&long[..253]), "{}", long.len());
}

#[test]
fn a_literal_answers_itself_and_teaches_nothing() {
    let mut it = Instance::new(API);
    assert_eq!(it.resolve("8.8.8.8", &[]), ["8.8.8.8"]);
    assert_eq!(it.resolve("2606:4700::1", &[]), ["2606:4700::1"]);
    assert!(!it.connects("8.8.8.8:443") && !it.connects("[2606:4700::1]:443"));
}

#[test]
fn answers_in_special_ranges_are_left_out() {
    let mut it = Instance::new(API);
    let answers = [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "8.8.8.8",
        "::1",
        "::ffff:8.8.4.4",
    ];
    assert_eq!(it.resolve("api.example.com", &answers), ["8.8.8.8"]);
    assert!(!it.connects("127.0.0.1:443") && !it.connects("169.254.169.254:443"));
    let mut it = Instance::new(&format!("{API}resolves-to = ['10.0.0.0/8', 'loopback']"));
    assert_eq!(
        it.resolve("api.example.com", &answers),
        ["127.0.0.1", "10.0.0.1", "::1"]
    );
    assert!(it.connects("10.0.0.1:443") && !it.connects("8.8.8.8:443"));
}

#[test]
fn an_answer_that_changes_does_not_get_in() {
    let mut it = Instance::new(API);
    assert_eq!(it.resolve("api.example.com", &["8.8.8.8"]), ["8.8.8.8"]);
    assert!(it.resolve("api.example.com", &["127.0.0.1"]).is_empty());
    assert!(it.connects("8.8.8.8:443") && !it.connects("127.0.0.1:443"));
    // It is a union over lookups.
    it.resolve("api.example.com", &["8.8.4.4"]);
    assert!(it.connects("8.8.8.8:443") && it.connects("8.8.4.4:443"));
}

#[test]
fn denies_of_addresses_and_names_win() {
    let deny = "[[deny]]\nto = '8.8.8.0/24'\nport = '*'";
    let mut it = Instance::new(&format!("{API}{deny}"));
    assert_eq!(
        it.resolve("api.example.com", &["8.8.8.8", "8.8.4.4"]),
        ["8.8.4.4"]
    );
    let mut it = Instance::new(&format!(
        "{API}[[deny]]\nto = 'bad.example.com'\nport = '*'"
    ));
    assert!(it.may_ask("api.example.com") && !it.may_ask("bad.example.com"));
    // A deny of one port leaves the others.
    let mut it = Instance::new(
        "[[allow]]\nto = 'a.test'\nport = [80, 443]\n[[deny]]\nto = '*.test'\nport = 80\n\
         [[deny]]\nto = 'a.test'\nport = 80",
    );
    assert_eq!(it.resolve("a.test", &["8.8.8.8"]), ["8.8.8.8"]);
    assert!(it.connects("8.8.8.8:443") && !it.connects("8.8.8.8:80"));
    let mut it = Instance::new(&format!(
        "{API}[[deny]]\nop = 'resolve'\nto = '*.example.com'\ndeny-as = 'name-unresolvable'"
    ));
    assert_eq!(
        it.lookup("api.example.com"),
        Lookup::Deny(Denial::NameUnresolvable)
    );
    let mut it = Instance::new(
        "[[allow]]\nto = '**.example.com'\nport = 1\nexcept = ['*.bad.example.com', '8.8.8.8']",
    );
    assert!(!it.may_ask("x.bad.example.com") && it.may_ask("bad.example.com"));
    assert!(it.resolve("a.example.com", &["8.8.8.8"]).is_empty());
}

#[test]
fn a_lookup_alone_lets_nothing_out() {
    let mut it = Instance::new("[[allow]]\nop = 'resolve'\nto = '**.example.com'");
    assert_eq!(
        it.resolve("a.example.com", &["8.8.8.8", "10.0.0.1"]),
        ["8.8.8.8"]
    );
    assert!(!it.connects("8.8.8.8:443"));
    let mut it = Instance::new(
        "[[allow]]\nop = 'resolve'\nto = 'a.test'\n[[allow]]\nto = '10.0.0.0/8'\nport = 1",
    );
    assert_eq!(
        it.resolve("a.test", &["10.0.0.1", "192.168.0.1"]),
        ["10.0.0.1"]
    );
    assert!(it.connects("10.0.0.1:1"));
}

#[test]
fn hosts_of_the_policy_answer_inside() {
    let hosts = "[dns.hosts]\n'db.test' = { answer = ['10.0.0.5', 'fd00::5'] }\n'gone.test' = { fail = 'name-unresolvable' }\n";
    let mut it = Instance::new(hosts);
    assert_eq!(it.resolve("DB.test.", &[]), ["10.0.0.5", "fd00::5"]);
    assert_eq!(
        it.lookup("gone.test"),
        Lookup::Deny(Denial::NameUnresolvable)
    );
    assert_eq!(
        it.lookup("other.test"),
        Lookup::Deny(Denial::PermanentResolverFailure)
    );
    assert!(!it.connects("10.0.0.5:5432"));
    let mut it = Instance::new(&format!("{hosts}[[allow]]\nto = 'db.test'\nport = 5432"));
    assert!(!it.connects("10.0.0.5:5432"));
    it.resolve("db.test", &[]);
    assert!(it.connects("10.0.0.5:5432") && it.connects("[fd00::5]:5432"));
    assert!(!it.connects("10.0.0.6:5432"));
}

#[test]
fn modes_say_who_answers() {
    let off = "[dns]\nmode = 'off'\ndeny-as = 'temporary-resolver-failure'\n[dns.hosts]\n'a.example.com' = { answer = ['1.2.3.4'] }\n";
    let mut it = Instance::new(&format!("{off}{API}"));
    for name in ["a.example.com", "1.2.3.4"] {
        assert_eq!(
            it.lookup(name),
            Lookup::Deny(Denial::TemporaryResolverFailure),
            "{name}"
        );
    }
    let mut it = Instance::new(&format!("{}{API}", off.replace("off", "static")));
    assert_eq!(it.resolve("a.example.com", &[]), ["1.2.3.4"]);
    assert_eq!(
        it.lookup("b.example.com"),
        Lookup::Deny(Denial::TemporaryResolverFailure)
    );
}

#[test]
fn virtual_names_hide_their_addresses() {
    let mut it = Instance::new(&format!("[dns]\nmode = 'virtual'\n{API}"));
    let seen = it.resolve(
        "api.example.com",
        &["127.0.0.1", "8.8.8.8", "8.8.4.4", "2606::1"],
    );
    assert_eq!(seen, ["198.18.4.0", "2001:2::400"]);
    assert_eq!(allowed_to(it.connect("198.18.4.0:443")), "8.8.8.8:443");
    assert_eq!(allowed_to(it.connect("[2001:2::400]:443")), "[2606::1]:443");
    for raw in [
        "8.8.8.8:443",
        "8.8.4.4:443",
        "198.18.4.0:80",
        "198.18.4.1:443",
        "198.18.0.0:443",
    ] {
        assert!(!it.connects(raw), "{raw}");
    }
    // Neighbours on a shared address stay apart.
    let other = it.resolve("www.example.com", &["8.8.8.8"]);
    assert_eq!(other, ["198.18.4.1"]);
    // A later lookup leads to its answers.
    it.resolve("api.example.com", &["9.9.9.9"]);
    assert_eq!(allowed_to(it.connect("198.18.4.0:443")), "9.9.9.9:443");
    // A deny of the first leads to the next.
    let deny = "[[deny]]\nto = '8.8.8.8'\nport = 443\n";
    let mut it = Instance::new(&format!(
        "[dns]\nmode = 'virtual'\nrange = '10.64.0.0/16'\n{deny}[[allow]]\nto = '*.example.com'\nport = [80, 443]"
    ));
    assert_eq!(
        it.resolve("api.example.com", &["8.8.8.8", "8.8.4.4"]),
        ["10.64.4.0"]
    );
    assert_eq!(allowed_to(it.connect("10.64.4.0:443")), "8.8.4.4:443");
    assert_eq!(allowed_to(it.connect("10.64.4.0:80")), "8.8.8.8:80");
}

#[test]
fn replies_to_virtual_names_come_from_them() {
    let mut it = Instance::new("[dns]\nmode = 'virtual'\n[[allow]]\nto = 'ntp.test'\nport = 123");
    it.resolve("ntp.test", &["8.8.8.8"]);
    let udp = it.session.open_udp();
    let sent = it.decide_on(Operation::Send, Protocol::Udp, udp, "198.18.4.0:123");
    assert_eq!(allowed_to(sent.verdict), "8.8.8.8:123");
    let heard = it.decide_on(Operation::Receive, Protocol::Udp, udp, "8.8.8.8:123");
    assert_eq!(allowed_to(heard.verdict), "198.18.4.0:123");
}

#[test]
fn a_redirected_name_need_not_exist() {
    for mode in ["learn", "virtual", "static"] {
        let mut it = Instance::new(&format!(
            "[dns]\nmode = '{mode}'\n[[redirect]]\nfrom = 'tcp://metrics.internal:9000'\nto = '127.0.0.1:19000'"
        ));
        assert_eq!(
            it.resolve("metrics.internal", &[]),
            ["198.18.4.0"],
            "{mode}"
        );
        assert_eq!(allowed_to(it.connect("198.18.4.0:9000")), "127.0.0.1:19000");
        assert!(!it.connects("198.18.4.0:9001") && !it.connects("127.0.0.1:19000"));
        assert!(!it.may_ask("other.internal"));
    }
    // What is looked up anyway is redirected where it was found.
    let mut it = Instance::new(
        "[[redirect]]\nfrom = 'tcp://a.test:1'\nto = '127.0.0.1:2'\n[[allow]]\nto = 'a.test'\nport = 80",
    );
    assert_eq!(it.resolve("a.test", &["8.8.8.8"]), ["8.8.8.8"]);
    assert_eq!(allowed_to(it.connect("8.8.8.8:1")), "127.0.0.1:2");
    assert_eq!(allowed_to(it.connect("8.8.8.8:80")), "8.8.8.8:80");
    let mut it = Instance::new(
        "[[redirect]]\nfrom = 'tcp://a.test:1'\nto = '127.0.0.1:2'\n[[deny]]\nto = 'a.test'\nport = 1",
    );
    it.resolve("a.test", &[]);
    assert!(!it.connects("198.18.4.0:1"));
}

#[test]
fn ten_thousand_names_push_out_what_was_not_used() {
    let mut it = Instance::new("[[allow]]\nto = '**.test'\nport = 443");
    it.resolve("kept.test", &["9.9.9.9"]);
    for i in 0..10_000_u32 {
        let ip = format!("8.{}.{}.1", i / 256, i % 256);
        assert_eq!(it.resolve(&format!("n{i}.test"), &[&ip]), [ip.as_str()]);
        assert!(it.connects("9.9.9.9:443"), "what is used stays");
        assert!(it.connects(&format!("{ip}:443")));
    }
    assert!(!it.connects("8.0.0.1:443"), "what is not used goes");
    let learned =
        (0..10_000_u32).filter(|i| it.connects(&format!("8.{}.{}.1:443", i / 256, i % 256)));
    assert_eq!(learned.count(), 1023);
}

#[test]
fn a_name_has_64_addresses() {
    let mut it = Instance::new("[[allow]]\nto = 'a.test'\nport = 443");
    let many: Vec<_> = (1..=100).map(|i| format!("8.8.8.{i}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(it.resolve("a.test", &many), many[..64]);
    it.resolve("a.test", &["9.9.9.9"]);
    assert!(
        it.connects("9.9.9.9:443") && !it.connects("8.8.8.1:443") && it.connects("8.8.8.2:443")
    );
}

#[test]
fn lookups_in_flight_are_bounded_and_keep_their_names() {
    let mut it = Instance::new("[[allow]]\nto = '**.test'\nport = 443");
    let queries: Vec<_> = (0..1024).map(|i| it.begin(&format!("n{i}.test"))).collect();
    assert_eq!(
        it.lookup("more.test"),
        Lookup::Deny(Denial::TemporaryResolverFailure)
    );
    let Lookup::Ask(query) = queries[0] else {
        panic!("it asks");
    };
    it.session.end_lookup(query);
    assert!(it.may_ask("more.test"));
}

#[test]
fn an_old_virtual_address_means_nobody_else() {
    let mut it = Instance::new("[dns]\nmode = 'virtual'\n[[allow]]\nto = '**.test'\nport = 443");
    let old = it.resolve("old.test", &["8.8.8.8"]);
    for i in 0..1024 {
        it.resolve(&format!("n{i}.test"), &["9.9.9.9"]);
    }
    assert_eq!(
        it.connect(&format!("{}:443", old[0])),
        Verdict::Deny(Denial::AccessDenied)
    );
    assert_ne!(it.resolve("old.test", &["8.8.8.8"]), old);
}
