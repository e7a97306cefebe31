//! The known ways around allowlists, by address.

#[allow(dead_code, reason = "each test file uses a part")]
mod common;

use common::{Instance, allowed_to, refused};
use sockvirt_policy::{Denial, Operation, Place, Protocol, Verdict};

const ONE: &str = "[[allow]]\nto = '1.2.3.4'\nport = 443";
const ALL: &str = "[[allow]]\nop = ['connect', 'send', 'bind', 'listen']\nto = '*'\nport = '*'";

#[test]
fn a_rule_is_about_its_address_its_port_and_its_protocol() {
    let mut it = Instance::new(&format!("{ONE}\nproto = 'tcp'"));
    assert!(it.connects("1.2.3.4:443"));
    assert!(!it.connects("1.2.3.4:444"));
    assert!(!it.connects("1.2.3.5:443"));
    assert!(!it.connects("[::1.2.3.4]:443"));
    assert!(!it.sends(0, "1.2.3.4:443"));
    assert!(!it.listens("1.2.3.4:443"));
    assert!(!it.binds(Protocol::Tcp, "1.2.3.4:443"));
}

#[test]
fn ipv4_inside_ipv6_is_invalid_or_needs_a_rule_of_its_own() {
    let mut it = Instance::new(ONE);
    assert_eq!(it.connect("[::ffff:1.2.3.4]:443"), Verdict::Invalid);
    assert_eq!(it.connect("[::1.2.3.4]:443"), Verdict::Invalid);
    for embedded in ["2002:102:304::1", "64:ff9b::1.2.3.4", "64:ff9b:1::1.2.3.4"] {
        assert!(!it.connects(&format!("[{embedded}]:443")), "{embedded}");
    }
}

#[test]
fn a_deny_of_ipv4_is_also_about_ipv6_that_has_it_inside() {
    let deny = "[[deny]]\nto = '9.9.9.9'\nport = '*'";
    let allow = "[[allow]]\nto = ['*', '2002::/16', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32']\nport = '*'";
    let teredo_client = "2001:0:102:304::f6f6:f6f6";
    let teredo_server = "2001:0:909:909::fefd:fcfb";
    for (inside, other) in [
        ("2002:909:909::1", "2002:808:808::1"),
        ("64:ff9b::9.9.9.9", "64:ff9b::8.8.8.8"),
        ("64:ff9b:1::9.9.9.9", "64:ff9b:1:808:8:800:808:808"),
        ("64:ff9b:1:909:9:900::", "64:ff9b:1:808:8:800:808:808"),
        (teredo_client, "2001:0:102:304::f7f7:f7f7"),
        (teredo_server, "2001:0:102:304::f7f7:f7f7"),
    ] {
        let (inside, other) = (format!("[{inside}]:80"), format!("[{other}]:80"));
        let mut with = Instance::new(&format!("{allow}\n{deny}"));
        let mut without = Instance::new(allow);
        assert!(!with.connects(&inside), "{inside} is denied");
        assert!(
            without.connects(&inside),
            "{inside} is allowed without the deny"
        );
        assert!(with.connects(&other), "{other} is allowed");
    }
}

#[test]
fn special_ranges_inside_ipv6_are_special() {
    let mut it = Instance::new("[[allow]]\nto = ['*', '64:ff9b::/96', '2002::/16']\nport = '*'");
    for private in [
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:7f00:1::",
    ] {
        assert!(!it.connects(&format!("[{private}]:80")), "{private}");
    }
    assert!(it.connects("[64:ff9b::8.8.8.8]:80"));
}

#[test]
fn special_ranges_need_an_allow_inside_of_them() {
    let mut it = Instance::new("[[allow]]\nto = ['*', '0.0.0.0/0', '::/0']\nport = '*'");
    for special in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "0.1.2.3",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[fd00:ec2::254]",
        "[2001:db8::1]",
        "[fec0::1]",
        "[100::1]",
        "[5f00::1]",
        "[2001:2::1]",
    ] {
        assert!(!it.connects(&format!("{special}:80")), "{special}");
    }
    for ordinary in ["8.8.8.8", "[2606:4700::1111]"] {
        assert!(it.connects(&format!("{ordinary}:80")), "{ordinary}");
    }
}

#[test]
fn a_range_does_not_reach_the_special_range_inside_of_it() {
    let mut it =
        Instance::new("[[allow]]\nto = ['link-local', 'private', 'cgnat', 'reserved']\nport = 80");
    assert!(
        it.connects("169.254.1.1:80") && it.connects("10.0.0.1:80") && it.connects("[fe80::1]:80")
    );
    for metadata in [
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "192.0.0.192",
    ] {
        assert!(!it.connects(&format!("{metadata}:80")), "{metadata}");
    }
    let mut it = Instance::new("[[allow]]\nto = '169.254.0.0/16'\nport = 80");
    assert!(!it.connects("169.254.169.254:80"));
    let mut it = Instance::new("[[allow]]\nto = '169.254.169.254'\nport = 80");
    assert!(it.connects("169.254.169.254:80"));
    let mut it = Instance::new("[[allow]]\nto = 'metadata'\nport = 80");
    assert!(it.connects("169.254.169.254:80") && !it.connects("169.254.169.1:80"));
}

#[test]
fn prefixes_are_written_as_they_are() {
    for (to, hint) in [
        ("0.0.0.0/33", "0.0.0.0/32"),
        ("0.0.0.0/256", "0.0.0.0/32"),
        ("::/129", "::/128"),
        ("10.0.0.1/8", "`10.0.0.0/8`"),
        ("1.2.3.4/15", "`1.2.0.0/15`"),
        ("10.0.0.0/+8", "10.0.0.0/32"),
        ("::ffff:10.0.0.0/104", "IPv4"),
        ("::ffff:10.0.0.1", "write `10.0.0.1`"),
        ("127.1", "four decimal numbers"),
        ("2130706433", "four decimal numbers"),
        ("0x7f.1", "four decimal numbers"),
        ("0177.0.0.1", "four decimal numbers"),
        ("1.2.3.256", "four decimal numbers"),
        ("1.2.3.4:80", "`port`"),
        ("[::1]", "write `::1`"),
        ("fe80::1%eth0", "write `fe80::1`"),
        ("*example.com", "write `*.example.com`"),
        ("a.*.com", "at the front"),
        ("a..com", "between two dots"),
        ("loopbck", "`loopback`"),
        ("", "between two dots"),
        ("tcp://a.com:80", "write `a.com`"),
    ] {
        let error = refused(&format!("[[allow]]\nto = '{to}'\nport = 80"));
        assert!(error.contains(hint), "{to}: {error}");
    }
    let mut it = Instance::new("[[allow]]\nto = '0.0.0.0/32'\nport = '*'");
    assert!(!it.connects("8.8.8.8:80"));
}

#[test]
fn remotes_that_nothing_can_be_at_are_invalid() {
    let mut it =
        Instance::new("[[allow]]\nto = ['*', 'unspecified', 'multicast', 'broadcast']\nport = '*'");
    for to in [
        "0.0.0.0:80",
        "[::]:80",
        "8.8.8.8:0",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "[ff02::1]:80",
    ] {
        assert_eq!(it.connect(to), Verdict::Invalid, "{to}");
    }
    let send = |it: &mut Instance, to| it.decide(Operation::Send, Protocol::Udp, to).verdict;
    assert_eq!(send(&mut it, "0.0.0.0:80"), Verdict::Invalid);
    assert_eq!(send(&mut it, "8.8.8.8:0"), Verdict::Invalid);
}

#[test]
fn multicast_and_broadcast_need_a_rule_that_names_them() {
    for to in ["224.0.0.1:80", "255.255.255.255:80", "[ff02::1]:80"] {
        assert!(!Instance::new(ALL).sends(0, to), "{to}");
        let mut named =
            Instance::new("[[allow]]\nop = 'send'\nto = ['multicast', 'broadcast']\nport = 80");
        assert!(named.sends(0, to), "{to}");
    }
}

#[test]
fn scopes_never_matter() {
    let mut it = Instance::new("[[allow]]\nto = 'fe80::1'\nport = 80");
    assert!(it.connects("[fe80::1%7]:80"));
    assert!(!it.connects("[fe80::2%7]:80"));
    assert_eq!(allowed_to(it.connect("[fe80::1%7]:80")), "[fe80::1%7]:80");
    let mut it = Instance::new(
        "[[allow]]\nto = 'link-local'\nport = 80\n[[deny]]\nto = 'fe80::1'\nport = '*'",
    );
    assert!(!it.connects("[fe80::1%7]:80"));
}

#[test]
fn any_deny_wins() {
    let mut it = Instance::new(
        "[[deny]]\nto = '8.0.0.0/8'\nport = '*'\ndeny-as = 'remote-unreachable'\n\
         [[allow]]\nto = '8.8.8.8'\nport = 443",
    );
    assert_eq!(
        it.connect("8.8.8.8:443"),
        Verdict::Deny(Denial::RemoteUnreachable)
    );
    assert_eq!(
        it.connect("9.9.9.9:443"),
        Verdict::Deny(Denial::AccessDenied)
    );
    // The code does not fit what else the rule denies.
    let sent = it
        .decide(Operation::Send, Protocol::Udp, "8.8.8.8:443")
        .verdict;
    assert_eq!(sent, Verdict::Deny(Denial::AccessDenied));
    let mut it = Instance::new("[[allow]]\nto = '8.0.0.0/8'\nport = '*'\nexcept = ['8.8.0.0/16']");
    assert!(it.connects("8.1.1.1:1") && !it.connects("8.8.1.1:1"));
}

/// TOML writes numbers in four bases.
#[test]
fn a_port_is_the_number_that_the_file_says() {
    for port in ["80", "0x50", "0o120", "0b1010000"] {
        let mut it = Instance::new(&format!("[[allow]]\nto = '1.2.3.4'\nport = {port}"));
        assert!(it.connects("1.2.3.4:80"), "{port}");
        assert!(
            !it.connects("1.2.3.4:50") && !it.connects("1.2.3.4:120"),
            "{port}"
        );
    }
}

#[test]
fn rules_that_let_out_do_not_let_in() {
    let mut it = Instance::new("[[allow]]\nto = ['*', 'loopback', 'unspecified']\nport = '*'");
    assert!(!it.listens("127.0.0.1:80") && !it.listens("0.0.0.0:80"));
    assert!(!it.binds(Protocol::Tcp, "127.0.0.1:80") && !it.binds(Protocol::Udp, "0.0.0.0:53"));
    // The implicit bind is all that comes with it.
    assert!(it.binds(Protocol::Tcp, "0.0.0.0:0") && it.binds(Protocol::Udp, "[::]:0"));
    assert!(!it.listens("0.0.0.0:49152"));
    assert!(!it.accepts("0.0.0.0:49152", "8.8.8.8:80"));
    let mut none = Instance::new("[[allow]]\nto = '1.2.3.4'\nproto = 'tcp'\nport = 1");
    assert!(none.binds(Protocol::Tcp, "0.0.0.0:0"));
    assert!(!none.binds(Protocol::Udp, "0.0.0.0:0"));
    let mut serve = Instance::new("[[allow]]\nop = 'listen'\nto = '0.0.0.0'\nport = 8080");
    assert!(serve.listens("0.0.0.0:8080") && serve.binds(Protocol::Tcp, "0.0.0.0:8080"));
    assert!(!serve.listens("127.0.0.1:8080") && !serve.connects("8.8.8.8:8080"));
    assert!(
        !serve.binds(Protocol::Tcp, "0.0.0.0:0") && !serve.binds(Protocol::Udp, "0.0.0.0:8080")
    );
}

#[test]
fn a_listener_takes_those_it_may_take() {
    let serve = "[[allow]]\nop = 'listen'\nto = '0.0.0.0'\nport = 8080";
    let mut it = Instance::new(serve);
    assert!(it.accepts("0.0.0.0:8080", "10.0.0.1:5000"));
    assert!(!it.accepts("0.0.0.0:8081", "10.0.0.1:5000"));
    let mut it = Instance::new(&format!("{serve}\nfrom = ['10.0.0.0/8', '::/0']"));
    assert!(it.accepts("0.0.0.0:8080", "10.0.0.1:5000"));
    assert!(!it.accepts("0.0.0.0:8080", "11.0.0.1:5000"));
    let mut it = Instance::new(&format!(
        "{serve}\n[[deny]]\nop = 'accept'\nto = '10.0.0.0/8'\nport = '*'"
    ));
    assert!(it.accepts("0.0.0.0:8080", "11.0.0.1:5000"));
    assert!(!it.accepts("0.0.0.0:8080", "10.0.0.1:5000"));
    assert!(refused("[[allow]]\nto = '1.2.3.4'\nport = 1\nfrom = '1.1.1.1'").contains("listen"));
}

#[test]
fn ports_that_the_host_chooses_are_not_ports_that_the_guest_chooses() {
    let mut it = Instance::new("[[allow]]\nop = 'listen'\nto = '127.0.0.1'\nport = 0");
    assert!(it.binds(Protocol::Tcp, "127.0.0.1:0") && !it.binds(Protocol::Tcp, "127.0.0.1:80"));
    assert!(it.listens("127.0.0.1:49152") && it.accepts("127.0.0.1:49152", "127.0.0.1:1"));
    let mut it = Instance::new(
        "[[allow]]\nop = 'listen'\nto = '127.0.0.1'\nport = 0\n\
         [[allow]]\nop = 'bind'\nto = '127.0.0.1'\nport = 7000",
    );
    assert!(it.binds(Protocol::Tcp, "127.0.0.1:7000") && !it.listens("127.0.0.1:7000"));
}

#[test]
fn a_udp_socket_sends_where_it_may_and_hears_from_there() {
    let mut it = Instance::new("[[allow]]\nop = 'send'\nto = ['1.1.1.1', '1.0.0.1']\nport = 53");
    let (one, two) = (it.session.open_udp(), it.session.open_udp());
    assert!(it.sends(one, "1.1.1.1:53") && !it.sends(one, "8.8.8.8:53"));
    assert!(it.receives(one, "1.1.1.1:53"));
    for stranger in ["1.1.1.1:54", "1.0.0.1:53", "8.8.8.8:53"] {
        assert!(!it.receives(one, stranger), "{stranger}");
    }
    assert!(!it.receives(two, "1.1.1.1:53"));
    // Connecting is one thing with sending, and its end too.
    let remote = "1.0.0.1:53"
        .parse()
        .ok()
        .and_then(Place::of)
        .expect("a place");
    it.session.connected(two, Some((remote, remote)));
    assert!(it.receives(two, "1.0.0.1:53"));
    it.session.connected(two, None);
    assert!(!it.receives(two, "1.0.0.1:53"));
    it.session.close_udp(one);
    assert!(!it.receives(one, "1.1.1.1:53"));
    assert_eq!(it.session.open_udp(), one);
    assert!(!it.receives(one, "1.1.1.1:53"));
}

#[test]
fn udp_sockets_and_their_peers_are_bounded() {
    let mut it = Instance::new("[[allow]]\nop = 'send'\nto = '*'\nport = '*'");
    let sockets: Vec<_> = (0..1024).map(|_| it.session.open_udp()).collect();
    assert!(sockets.iter().all(|it| *it != 0));
    assert_eq!(it.session.open_udp(), 0);
    for port in 1..=64 {
        assert!(it.sends(1, &format!("8.8.8.8:{port}")));
    }
    assert!(it.receives(1, "8.8.8.8:1"));
    assert!(it.sends(1, "8.8.8.8:65"));
    assert!(it.receives(1, "8.8.8.8:1") && it.receives(1, "8.8.8.8:65"));
    assert!(!it.receives(1, "8.8.8.8:2"));
    for socket in &sockets {
        for port in 1..=8 {
            assert!(it.sends(*socket, &format!("9.9.9.9:{port}")));
        }
    }
    assert!(!it.receives(1, "9.9.9.9:8") && it.receives(1024, "9.9.9.9:8"));
    sockets.iter().for_each(|it_| it.session.close_udp(*it_));
    assert_ne!(it.session.open_udp(), 0);
}

#[test]
fn redirects_lead_where_they_say_and_nowhere_else() {
    let redirect = "[[redirect]]\nfrom = 'tcp://8.8.8.0/24:9000'\nto = '127.0.0.1:19000'";
    let mut it = Instance::new(redirect);
    assert_eq!(allowed_to(it.connect("8.8.8.8:9000")), "127.0.0.1:19000");
    assert!(!it.connects("8.8.8.8:9001") && !it.connects("127.0.0.1:19000"));
    assert!(!it.sends(0, "8.8.8.8:9000"));
    for denied in ["8.8.8.8", "127.0.0.1"] {
        let mut it = Instance::new(&format!(
            "{redirect}\n[[deny]]\nto = '{denied}'\nport = '*'"
        ));
        assert!(!it.connects("8.8.8.8:9000"), "{denied}");
    }
    let mut it = Instance::new("[[redirect]]\nfrom = 'tcp://[2606::/16]:1'\nto = '127.0.0.1:2'");
    assert_eq!(
        it.connect("[2606::1]:1"),
        Verdict::Deny(Denial::RemoteUnreachable)
    );
}

#[test]
fn redirects_make_no_loops() {
    let redirect =
        |from: &str, to: &str| format!("[[redirect]]\nfrom = 'tcp://{from}'\nto = '{to}'\n");
    let there = redirect("8.8.8.8:1", "9.9.9.9:1");
    let back = redirect("9.9.9.0/24:1-5", "8.8.8.8:1");
    assert!(refused(&format!("{there}{back}")).contains("leads away from"));
    let itself = redirect("8.8.8.0/24:1", "8.8.8.8:1");
    assert!(refused(&itself).contains("leads away from"));
    let onwards = redirect("9.9.9.9:1", "7.7.7.7:1");
    assert!(refused(&format!("{there}{onwards}")).contains("leads away from"));
    let fork = redirect("8.8.8.8:1", "7.7.7.7:1");
    assert!(refused(&format!("{there}{fork}")).contains("different places"));
    let elsewhere = redirect("9.9.9.9:2", "7.7.7.7:1");
    assert!(Instance::new(&format!("{there}{elsewhere}")).connects("8.8.8.8:1"));
    assert!(refused(&redirect("8.8.8.8:1", "0.0.0.0:1")).contains("nothing can be reached"));
}

#[test]
fn what_is_not_known_is_an_error() {
    for (policy, hint) in [
        ("[[allow]]\nto = '*'\nports = 80", "did you mean `port`?"),
        ("[[alow]]\nto = '*'\nport = 80", "did you mean `allow`?"),
        ("[dns]\nhost = {}", "did you mean `hosts`?"),
        (
            "[dns.hosts]\n'a.test' = { answers = ['1.2.3.4'] }",
            "did you mean `answer`?",
        ),
        ("[[peer]]", "the peer has no `at`"),
        ("[clock]\nmod = 'host'", "did you mean `mode`?"),
        ("[loopback]\non-deadlock = 'hang'", "there is none"),
        ("[[allow]]\nto = '*'", "`port`"),
        ("[[allow]]\nport = 80", "`to`"),
        ("[[allow]]\nto = '*'\nport = 70000", "65535"),
        (
            "[[allow]]\nop = 'listen'\nproto = 'udp'\nto = '1.2.3.4'\nport = 1",
            "`bind` and `receive`",
        ),
        (
            "[[allow]]\nop = 'listen'\nto = 'a.test'\nport = 1",
            "is a name",
        ),
        ("[[allow]]\nto = '*.com'\nport = 1", "wide = true"),
        ("[[allow]]\nto = '**.co.uk'\nport = 1", "wide = true"),
        (
            "[[allow]]\nid = 'a'\nto = '*'\nport = 1\n[[deny]]\nid = 'a'\nto = '*'\nport = 1",
            "line 3",
        ),
    ] {
        let error = refused(policy);
        assert!(error.contains(hint), "{policy}: {error}");
    }
}
