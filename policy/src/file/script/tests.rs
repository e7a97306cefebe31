//! Good scripts become what they say. Bad ones are golden cases of the command.

use super::expression::compile;
use crate::{LoopbackMode, Policy};
use proptest::prelude::*;
use sockvirt_netstack::ErrorCode;
use sockvirt_netstack::script::*;

/// The contract's own example.
const EXAMPLE: &str = include_str!("example.toml");

fn fixtures(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "fixtures/a.bin" => Ok(vec![1, 2, 3]),
        _ => Err("there is no such file".to_owned()),
    }
}

fn policy(text: &str) -> Policy {
    let text = format!("schema = 1\n{text}");
    let read = Policy::from_toml_with(&text, "a.toml", &fixtures);
    let policy = read.unwrap_or_else(|e| panic!("{e}\n{text}"));
    if let Some(script) = policy.script() {
        let again = Script::from_bytes(&script.to_bytes());
        assert_eq!(again.as_ref(), Some(script), "{text}");
    }
    policy
}

fn script(text: &str) -> Script {
    policy(text).script().expect("a script").clone()
}

fn error(text: &str) -> String {
    let text = format!("schema = 1\n{text}");
    let read = Policy::from_toml_with(&text, "a.toml", &fixtures);
    read.expect_err("it is wrong").to_string()
}

/// The steps of a script of a peer.
fn steps(protocol: &str, steps: &str) -> Vec<Step> {
    let at = format!("at = '{protocol}://192.0.2.1:7'");
    script(&format!("[[peer]]\n{at}\nscript = [{steps}]\n")).steps
}

fn actions(protocol: &str, text: &str) -> Vec<Action> {
    let steps = steps(protocol, text).into_iter();
    steps.map(|step| step.action).collect()
}

/// The one action of a step.
fn action(protocol: &str, step: &str) -> Action {
    let all = actions(protocol, step);
    let [one] = all.as_slice() else {
        panic!("{step} is {all:?}");
    };
    one.clone()
}

/// What `send` sends.
fn bytes(text: &str) -> Vec<Part> {
    match action("tcp", &format!("{{ send = {text} }}")) {
        Action::Send(send) => send.bytes.parts,
        other => panic!("{text} is {other:?}"),
    }
}

fn literal(bytes: &[u8]) -> Part {
    Part::Literal(bytes.to_vec())
}

#[test]
fn the_example_of_the_contract_reads() {
    let policy = Policy::from_toml_with(EXAMPLE, "redis.test.toml", &fixtures).expect("it reads");
    assert_eq!(policy.loopback(), LoopbackMode::Virtual);
    let script = policy.script().expect("a script");
    assert_eq!(
        Script::from_bytes(&script.to_bytes()).as_ref(),
        Some(script)
    );
    assert_eq!(script.file, "redis.test.toml");
    assert!(script.strict && script.ends && !script.traps && !script.host_clock);

    let names: Vec<_> = script.names.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        ["admin.test", "cache.test", "flaky.test", "gone.test"]
    );
    let admin = Found::Addresses(vec!["198.18.0.1".parse().expect("an address")]);
    assert_eq!(script.names[0].first, admin);
    let flaky = &script.names[2];
    assert_eq!(
        flaky.first,
        Found::Fail(ErrorCode::TemporaryResolverFailure)
    );
    assert_eq!((flaky.times, flaky.delay), (Some(2), 250_000_000));
    assert!(matches!(&flaky.then, Some(Found::Addresses(all)) if all.len() == 1));

    let [cache, admin, echo] = script.peers.as_slice() else {
        panic!("{:?}", script.peers);
    };
    assert_eq!(cache.name, "cache");
    let ip = "192.0.2.10".parse().expect("an address");
    let net = Some(Net { ip, bits: 32 });
    let (first, last) = (6379, 6379);
    assert_eq!(cache.at, [Target { net, first, last }]);
    let Serves::Connections(connections) = &cache.serves else {
        panic!("{cache:?}");
    };
    let counts: Vec<_> = connections.iter().map(|it| it.steps.count).collect();
    assert_eq!(counts, [5, 0, 3]);
    assert_eq!(connections[1].accept, Accept::Refuse);
    assert_eq!(connections[2].times, Count::SOME);
    let numbers: Vec<_> = script.steps.iter().map(|it| it.number).collect();
    assert_eq!(numbers[..8], [1, 2, 3, 4, 5, 1, 2, 3]);
    // The third step stands on the line that says so.
    let line = script.steps[2].line as usize;
    assert!(
        EXAMPLE
            .lines()
            .nth(line - 1)
            .is_some_and(|it| it.contains("contains"))
    );

    assert_eq!(admin.name, "tcp://admin.test:9000");
    let Serves::Stubs(stubs) = &admin.serves else {
        panic!("{admin:?}");
    };
    assert_eq!(
        stubs.connections,
        Count {
            least: 0,
            most: None
        }
    );
    assert_eq!(stubs.stubs[0].when.check.matches, Some(0));
    assert_eq!(stubs.stubs[0].reply.count, 2);
    let any = Target {
        net: None,
        first: 7,
        last: 7,
    };
    assert_eq!(echo.at, [any]);
    assert!(matches!(&echo.serves, Serves::Service(it) if it.kind == ServiceKind::Echo));

    let [client] = script.clients.as_slice() else {
        panic!("{:?}", script.clients);
    };
    assert_eq!(client.from.to_string(), "203.0.113.9:40001");
    assert_eq!(client.to.to_string(), "0.0.0.0:8080");
    assert_eq!(client.steps.count, 4);
}

#[test]
fn the_example_of_the_documentation_reads() {
    let page = include_str!("../../../../docs/scripts.md");
    let example = page.split("```toml\n").nth(1);
    let example = example.and_then(|it| it.split("```").next());
    let read = Policy::from_toml(example.expect("an example"));
    assert!(read.expect("it reads").script().is_some());
}

#[test]
fn a_policy_has_no_script_unless_it_says_something_of_one() {
    assert_eq!(
        policy("[dns.hosts]\n'a.test' = { answer = '192.0.2.1' }\n").script(),
        None
    );
    let clock = policy("[clock]\nmode = 'host'\n");
    assert!(clock.script().is_some_and(|it| it.host_clock && !it.ends));
    assert_eq!(clock.loopback(), LoopbackMode::Host);
    assert!(
        policy("[report]\nstrict = false\n")
            .script()
            .is_some_and(|it| !it.strict)
    );
    let delay = "[dns.hosts]\n'a.test' = { fail = 'name-unresolvable', delay = '1s' }\n";
    assert!(
        policy(delay)
            .script()
            .is_some_and(|it| it.names[0].delay == 1_000_000_000)
    );
}

#[test]
fn bytes_have_many_spellings() {
    assert_eq!(bytes("'é\\r'"), [literal("é\\r".as_bytes())]);
    assert_eq!(
        bytes("{ hex = '00 fF\n' }".replace('\n', "").as_str()),
        [literal(&[0, 255])]
    );
    assert_eq!(bytes("{ b64 = 'aGk=' }"), [literal(b"hi")]);
    assert_eq!(bytes("{ file = 'fixtures/a.bin' }"), [literal(&[1, 2, 3])]);
    let fill = Part::Fill(Fill {
        pattern: vec![0, 1],
        len: 5,
    });
    assert_eq!(
        bytes("{ fill = '0001', len = 5 }"),
        std::slice::from_ref(&fill)
    );
    let joined = bytes("['a', { hex = '62' }, { fill = '0001', len = 5 }, '', 'c']");
    assert_eq!(joined, [literal(b"ab"), fill, literal(b"c")]);
    let captured = actions(
        "tcp",
        "{ expect-any = true, capture = 'x' }, { send = ['<', { ref = 'x' }] }",
    );
    let Action::Send(send) = &captured[1] else {
        panic!("{captured:?}");
    };
    assert_eq!(send.bytes.parts, [literal(b"<"), Part::Capture(0)]);
}

#[test]
fn times_have_units() {
    let time = |text: &str| match action("tcp", &format!("{{ wait = '{text}' }}")) {
        Action::Wait(time) => time,
        other => panic!("{text} is {other:?}"),
    };
    let table = [
        ("0", 0),
        ("7ns", 7),
        ("250us", 250_000),
        ("5ms", 5_000_000),
        ("1.5s", 1_500_000_000),
        ("0.000000001s", 1),
        ("1m", 60_000_000_000),
        ("2h", 7_200_000_000_000),
    ];
    for (text, nanoseconds) in table {
        assert_eq!(time(text), nanoseconds, "{text}");
    }
    for text in [
        "5",
        "",
        "s",
        "1.s",
        ".5s",
        "-1s",
        "1 s",
        "0.1ns",
        "1.2.3s",
        "99999999999h",
        "1d",
    ] {
        let wrong = error(&format!(
            "[[peer]]\nat = 'tcp://192.0.2.1:7'\nscript = [{{ wait = '{text}' }}]\n"
        ));
        assert!(wrong.contains("hint: write"), "{text}: {wrong}");
    }
}

#[test]
fn counts_are_ranges() {
    let count = |text: &str| {
        let text = format!(
            "[[peer]]\nat = 'tcp://192.0.2.1:7'\nservice = 'discard'\nconnections = {text}\n"
        );
        match script(&text).peers[0].serves {
            Serves::Service(service) => (service.connections.least, service.connections.most),
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(count("2"), (2, Some(2)));
    assert_eq!(count("'2'"), (2, Some(2)));
    assert_eq!(count("'0+'"), (0, None));
    assert_eq!(count("'1-3'"), (1, Some(3)));
}

#[test]
fn each_step_is_an_action() {
    let expect = |frame| {
        Action::Expect(Expect {
            frame,
            check: Check::default(),
            capture: None,
        })
    };
    let until = Until {
        delimiter: Bytes::literal(*b"\r\n"),
        max: 65_536,
    };
    let prefix = |size, little, max| expect(Frame::Prefix(Prefix { size, little, max }));
    let table = [
        (
            "expect = 'a'",
            expect(Frame::Exactly(Bytes::literal(*b"a"))),
        ),
        (r#"expect-until = "\r\n""#, expect(Frame::Until(until))),
        ("expect-len = 0x10", expect(Frame::Length(16))),
        ("expect-len = { prefix = 'u8' }", prefix(1, false, 255)),
        (
            "expect-len = { prefix = 'u32le', max = 9 }",
            prefix(4, true, 9),
        ),
        ("expect-any = true", expect(Frame::Any)),
        ("expect-close = 'any'", Action::ExpectClose(Close::Any)),
        ("expect-nothing = '1ms'", Action::ExpectNothing(1_000_000)),
        ("window = 0", Action::Window(0)),
        ("close = 'receive'", Action::Close(Direction::Receive)),
        ("reset = true", Action::Reset),
        ("hang = true", Action::Hang),
        ("signal = 'x'", Action::Signal(0)),
    ];
    for (step, expected) in table {
        assert_eq!(action("tcp", &format!("{{ {step} }}")), expected, "{step}");
    }
    let both = actions("tcp", "{ signal = 'a' }, { await = 'a' }");
    assert_eq!(both, [Action::Signal(0), Action::Await(0)]);
}

#[test]
fn what_is_sent_is_cut() {
    let cut = |how: &str| match action("tcp", &format!("{{ send = 'abcd', {how} }}")) {
        Action::Send(send) => (send.segments, send.gap),
        other => panic!("{how} is {other:?}"),
    };
    assert_eq!(
        cut("segment = 1, gap = '5ms'"),
        (Segments::Each(1), 5_000_000)
    );
    assert_eq!(cut("segments = [1, 3]"), (Segments::List(vec![1, 3]), 0));
}

#[test]
fn loops_are_in_front_of_what_is_in_them() {
    let steps = steps(
        "tcp",
        "{ repeat = 2, steps = [{ send = 'a' }, { repeat = 3, steps = [{ send = 'b' }] }] }, { send = 'c' }",
    );
    let numbers: Vec<_> = steps.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(
        steps[0].action,
        Action::Repeat(Repeat { times: 2, count: 3 })
    );
    assert_eq!(
        steps[2].action,
        Action::Repeat(Repeat { times: 3, count: 1 })
    );
}

#[test]
fn faults_are_in_front_of_what_they_happen_to() {
    let steps = steps(
        "udp",
        "{ drop = 3 }, { send = 'a', reorder = true }, { send = '' }",
    );
    let fault = |kind, count| Action::Fault(Fault { kind, count });
    assert_eq!(steps[0].action, fault(FaultKind::Drop, 3));
    assert_eq!(steps[1].action, fault(FaultKind::Reorder, 2));
    let numbers: Vec<_> = steps.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2, 2, 3]);
}

#[test]
fn peers_are_at_many_places() {
    let script = script(
        "[dns]\nrange = '198.19.0.0/20'\n\
         [dns.hosts]\n'b.test' = { fail = 'name-unresolvable', then = ['192.0.2.2', '2001:db8::2'] }\n\
         'a.test' = { answer = '198.19.0.1' }\n\
         [[peer]]\nat = ['udp://Z.test:53,100-200', 'udp://b.test:53', 'udp://[2001:db8::]:*', \
         'udp://10.0.0.0/8:9', 'udp://y.test.:1']\nservice = 'echo'\n",
    );
    let at = &script.peers[0].at;
    let text = |it: &Target| {
        let net = it.net.map(|net| format!("{}/{}", net.ip, net.bits));
        format!("{} {}-{}", net.unwrap_or_default(), it.first, it.last)
    };
    let all: Vec<_> = at.iter().map(text).collect();
    let expected = [
        "198.19.0.2/32 53-53",
        "198.19.0.2/32 100-200",
        "192.0.2.2/32 53-53",
        "2001:db8::2/128 53-53",
        "2001:db8::/128 0-65535",
        "10.0.0.0/8 9-9",
        "198.19.0.3/32 1-1",
    ];
    assert_eq!(all, expected);
    assert_eq!(script.peers[0].name, "udp://Z.test:53,100-200 and 4 more");
    let names: Vec<_> = script.names.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a.test", "b.test", "y.test", "z.test"]);
    assert_eq!(script.names[1].times, Some(1));
}

#[test]
fn clients_have_addresses_and_names() {
    let script = script(
        "[[client]]\nto = 'tcp://[::1]:80'\nscript = []\n\
         [[client]]\nto = 'udp://127.0.0.1:53'\nscript = [{ send = 'x' }]\n\
         [report]\nwhen-done = 'stay'\non-mismatch = 'trap'\n",
    );
    assert_eq!(script.clients[0].from.to_string(), "[2001:db8::1]:40001");
    assert_eq!(script.clients[1].from.to_string(), "203.0.113.1:40002");
    assert_eq!(script.clients[1].name, "client 2");
    assert!(script.traps && !script.ends);
}

#[test]
fn a_script_stands_beside_a_policy() {
    let rules = "schema = 1\n[dns.hosts]\n'a.test' = { answer = '192.0.2.1' }\n\
                 [[allow]]\nto = '10.0.0.0/8'\nport = 1\n";
    let peer = "schema = 1\n[[peer]]\nat = 'tcp://a.test:7'\nservice = 'echo'\n";
    let beside = |rules: &str, peer: &str| {
        let policy = Policy::from_toml(rules).expect("a policy");
        policy.with_script(rules, peer, "a.toml", &fixtures)
    };
    let both = beside(rules, peer).expect("both");
    assert_eq!(both.loopback(), LoopbackMode::Virtual);
    assert!(both.canonical().contains("[[allow]]"));
    // An address that the policy file lists stands for no other name.
    let listed = rules.replace("192.0.2.1", "198.18.0.1");
    let other = peer.replace("a.test", "b.test");
    let script = beside(&listed, &other).expect("both").script().cloned();
    let second = Found::Addresses(vec!["198.18.0.2".parse().expect("an address")]);
    assert!(script.is_some_and(|it| it.names[1].first == second));
    let script = both.script().expect("a script");
    assert_eq!(
        script.peers[0].at[0]
            .net
            .map(|net| net.ip.to_string())
            .as_deref(),
        Some("192.0.2.1")
    );
    let twice = format!("{peer}[[allow]]\nto = '10.0.0.0/8'\nport = 1\n");
    let e = beside(rules, &twice).expect_err("twice").to_string();
    assert!(e.contains("`allow` is in the policy file as well"), "{e}");
    let e = beside("schema = 1\n[loopback]\nmode = 'host'\n", peer).expect_err("at the host");
    assert!(e.to_string().contains("on a network in memory"), "{e}");
    let clock = "schema = 1\n[clock]\nmode = 'host'\n";
    let e = beside(clock, peer).expect_err("two scripts").to_string();
    assert!(e.contains("a script of its own"), "{e}");
}

/// Names of peers have the first addresses of the range, and those of rules have the others.
#[test]
fn no_address_stands_for_a_peer_and_for_a_name_of_a_rule() {
    let redirect = "schema = 1\n[[redirect]]\nfrom = 'tcp://far.test:80'\nto = '192.0.2.1:80'\n";
    let peers = |count: usize| {
        let peers =
            (0..count).map(|i| format!("[[peer]]\nat = 'tcp://n{i}.test:7'\nservice = 'echo'\n"));
        format!("{redirect}{}", peers.collect::<String>())
    };
    let policy = Policy::from_toml(&peers(1023)).expect("as many as there can be");
    let script = policy.script().expect("a script");
    let mut all: Vec<_> = script.names.iter().map(|it| it.first.clone()).collect();
    let wire = policy.wire();
    let rules = crate::Rules::read(&wire).expect("rules");
    let mut session = crate::Session::<crate::NameTable>::boxed();
    let crate::Lookup::Inside(query) = session.resolve(&rules, b"far.test").lookup else {
        panic!("a redirect answers its name");
    };
    let far = session.next_inside(&rules, query).expect("an address");
    all.push(Found::Addresses(vec![far.ip()]));
    let mut seen = std::collections::HashSet::new();
    for found in all {
        let Found::Addresses(ips) = found else {
            panic!("no name fails");
        };
        assert!(seen.insert(ips.clone()), "{ips:?} twice");
    }
    assert_eq!(seen.len(), 1024);
    let e = Policy::from_toml(&peers(1024))
        .expect_err("one more")
        .to_string();
    assert!(
        e.contains("no address is left to stand for `n1023.test`"),
        "{e}"
    );
}

#[test]
fn much_of_everything_is_refused() {
    let peer = |more: &str| format!("[[peer]]\nat = 'tcp://192.0.2.1:7'\n{more}");
    let script = |steps: String| peer(&format!("script = [{steps}]\n"));
    let many = |text: &str, count: usize| text.repeat(count);
    let gates: String = (0..1025)
        .map(|i| format!("{{ signal = 'g{i}' }}, "))
        .collect();
    let expressions = (0..257).map(|i| format!("{{ expect-any = true, matches = 'a{i}' }}, "));
    let nested = many("{ repeat = 1, steps = [", 17) + &many("] },", 17);
    let clients = "[[client]]\nto = 'tcp://0.0.0.0:8'\nscript = []\n";
    let answer = "[[peer.on]]\nwhen = { any = true }\nreply = []\ntimes = 1\n";
    let ports: Vec<_> = (1..=32_769)
        .map(|port| (2 * port - 1).to_string())
        .collect();
    let ports = ports[..32_768].join(",");
    let wide =
        format!("['tcp://192.0.2.1:{ports}', 'tcp://192.0.2.2:{ports}', 'tcp://192.0.2.3:1']");
    let large = |_: &str| Ok(vec![0; 33 << 20]);
    let files = format!(
        "schema = 1\n{}",
        script(many("{ send = { file = 'a' } }, ", 2))
    );
    let table = [
        (
            script(many("{send='a'},", 100_001)),
            "more than 100000 steps",
        ),
        (script(gates), "more than 1024 gates"),
        (script(expressions.collect()), "more than 256 expressions"),
        (script(nested), "more than 16 loops"),
        (many(clients, 4097), "more than 4096 clients"),
        (peer("") + &many(answer, 1025), "more than 1024 answers"),
        (
            format!("[[peer]]\nat = {wide}\nservice = 'echo'\n"),
            "more than 65536 places",
        ),
    ];
    for (text, said) in table {
        let wrong = error(&text);
        assert!(wrong.contains(said), "{wrong}");
    }
    let wrong = Policy::from_toml_with(&files, "", &large).expect_err("too large");
    assert!(wrong.to_string().contains("more than 64 MiB"), "{wrong}");
    let named = Policy::from_toml(&files).expect_err("no files").to_string();
    assert!(named.contains("cannot read `a`"), "{named}");
}

/// What a table says of bytes.
fn run(dfa: &Dfa, bytes: &[u8]) -> bool {
    let row = |state: u16, class: usize| {
        let at = usize::from(state) * (usize::from(dfa.width) + 1) + class;
        dfa.rows[at]
    };
    let mut state = dfa.start;
    for byte in bytes {
        state = match state {
            Dfa::DEAD => return false,
            Dfa::MATCHED => return true,
            state => row(state, dfa.classes[usize::from(*byte)].into()),
        };
    }
    match state {
        Dfa::DEAD => false,
        Dfa::MATCHED => true,
        state => row(state, dfa.width.into()) == Dfa::MATCHED,
    }
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abAB01 ]{1,3}",
        prop::sample::select(vec![
            "^",
            "$",
            ".",
            r"\d",
            r"\s",
            r"(?-u:\b)",
            r"(?-u:\B)",
            r"(?-u:\xff)",
            "[^a]",
            "é",
            "(?i:ab)",
            r"(?m:^)",
            r"(?m:$)",
            r"(?s:.)",
            r"\A",
            r"\z",
            "(?-u:[^b])",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|all| format!("(?:{})", all.join("|"))),
            (
                inner,
                prop::sample::select(vec!["*", "+", "?", "{0,2}", "*?", "{2}"])
            )
                .prop_map(|(it, times)| format!("(?:{it}){times}")),
        ]
    })
}

proptest! {
    /// A table matches what its expression matches.
    #[test]
    fn tables_agree_with_expressions(
        expression in expression(),
        random in prop::collection::vec(any::<u8>(), 0..24),
        likely in prop::collection::vec(prop::sample::select(b"abAB01 \n\r\xff\xc3\xa9".to_vec()), 0..24),
    ) {
        use regex_automata::{meta, util::syntax};
        let reference = meta::Builder::new()
            .configure(meta::Config::new().utf8_empty(false))
            .syntax(syntax::Config::new().utf8(false))
            .build(&expression)
            .expect("it is one");
        match compile(&expression) {
            Ok(dfa) => {
                for bytes in [&random, &likely] {
                    prop_assert_eq!(run(&dfa, bytes), reference.is_match(bytes));
                }
            }
            Err(e) => {
                prop_assert!(e.to_string().contains("matches nothing"), "{}", e);
                prop_assert!(!reference.is_match(&random) && !reference.is_match(&likely));
            }
        }
    }

    /// Steps in any order are read or refused, and what is read comes back from its bytes.
    #[test]
    fn scripts_come_back_from_their_bytes(
        steps in prop::collection::vec(prop::sample::select(STEPS.to_vec()), 0..8),
        protocol in prop::sample::select(vec!["tcp", "udp"]),
    ) {
        let steps = steps.join(", ");
        let text = format!(
            "schema = 1\n[[peer]]\nat = '{protocol}://192.0.2.1:7'\nscript = [{steps}]\n\
             [[client]]\nto = '{protocol}://0.0.0.0:8'\nscript = [{{ signal = 'g' }}, {steps}]\n"
        );
        match Policy::from_toml_with(&text, "a.toml", &fixtures) {
            Ok(policy) => {
                let script = policy.script().expect("a script");
                let again = Script::from_bytes(&script.to_bytes());
                prop_assert_eq!(again.as_ref(), Some(script));
            }
            Err(e) => prop_assert!(text.get(e.span()).is_some_and(|it| !it.is_empty()), "{}", e),
        }
    }
}

/// Steps to choose from.
const STEPS: [&str; 14] = [
    "{ expect = ['a', { fill = '00', len = 9 }] }",
    "{ expect-until = 'b', contains = 'c', matches = '^c+', capture = 'c' }",
    "{ expect-len = { prefix = 'u64be' }, capture = 'd' }",
    "{ expect-any = true }",
    "{ expect-close = 'send' }",
    "{ expect-nothing = '1ms' }",
    "{ send = 'abc', segments = [1], gap = '1ms' }",
    "{ send = 'abc' }",
    "{ window = 7 }",
    "{ await = 'g' }",
    "{ duplicate = 2 }",
    "{ repeat = 2, steps = [{ send = 'x' }, { wait = '1s' }] }",
    "{ close = 'send' }",
    "{ hang = true }",
];
