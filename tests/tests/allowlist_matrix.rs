//! Every operation, of both protocols and families, in both versions of WASI: allowed, denied
//! because no rule allows it, denied by a rule, and in a special range that a rule for everything
//! does not reach. Each row says what the program is told and what arrives at the host.

use anyhow::{Result, ensure};
use libtest_mimic::{Arguments, Trial};
use sockvirt_tests::allowlist::{self, allow, deny};
use sockvirt_tests::guests::Guest;
use sockvirt_tests::peers;
use sockvirt_tests::recording::Recording;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What a row is about.
#[derive(Clone, Copy, Debug)]
enum Operation {
    TcpConnect,
    TcpBind,
    TcpListen,
    UdpBind,
    UdpSend,
    UdpConnect,
}

/// What the policy says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Allowed,
    ByDefault,
    ByRule,
    Special,
}

/// What belongs to a family.
#[derive(Clone, Copy)]
struct Family {
    name: &'static str,
    ip: &'static str,
    /// Where sockets are bound that nobody bound.
    wildcard: &'static str,
}

const OPERATIONS: [Operation; 6] = [
    Operation::TcpConnect,
    Operation::TcpBind,
    Operation::TcpListen,
    Operation::UdpBind,
    Operation::UdpSend,
    Operation::UdpConnect,
];

const FAMILIES: [Family; 2] = [
    Family {
        name: "4",
        ip: "127.0.0.1",
        wildcard: "0.0.0.0:0",
    },
    Family {
        name: "6",
        ip: "::1",
        wildcard: "[::]:0",
    },
];

fn main() {
    let mut trials = Vec::new();
    for probe in Guest::PROBES {
        for operation in OPERATIONS {
            for family in FAMILIES {
                for how in [How::Allowed, How::ByDefault, How::ByRule, How::Special] {
                    let case = Case {
                        operation,
                        family,
                        how,
                    };
                    trials.push(trial(probe, case));
                }
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(probe: Guest, case: Case) -> Trial {
    let name = format!(
        "{}::{:?}{}::{:?}",
        probe.name(),
        case.operation,
        case.family.name,
        case.how
    );
    Trial::test(name, move || {
        case.holds(probe).map_err(|e| format!("{e:?}").into())
    })
}

#[derive(Clone, Copy)]
struct Case {
    operation: Operation,
    family: Family,
    how: How,
}

/// A script, what is printed of it, and what arrives at the host.
struct Row {
    script: Vec<String>,
    says: Vec<String>,
    reaches: Vec<String>,
}

impl Case {
    fn holds(self, probe: Guest) -> Result<()> {
        let address = self.address();
        let rules = self.rules(address);
        let row = self.row(address);
        let script: Vec<_> = row.script.iter().map(String::as_str).collect();
        let run = allowlist::run(probe, &Recording::new(), &rules, &script)?;
        ensure!(run.results() == row.says, "{:?}\n{run:?}", row.says);
        // A connected UDP socket is asked about more than once.
        let reached: BTreeSet<_> = run.reached().into_iter().collect();
        let expected: BTreeSet<_> = row.reaches.into_iter().collect();
        ensure!(reached == expected, "{expected:?}\n{run:?}");
        Ok(())
    }

    /// A peer for what goes out, and a free port for what comes in.
    fn address(self) -> SocketAddr {
        let ip = self.family.ip;
        match self.operation {
            Operation::TcpConnect => peers::echo_server(ip),
            Operation::UdpSend | Operation::UdpConnect => peers::udp_echo_server(ip),
            Operation::TcpBind | Operation::TcpListen | Operation::UdpBind => {
                let ip = ip.parse().expect("an address");
                SocketAddr::new(ip, peers::free_port(self.family.ip))
            }
        }
    }

    fn rules(self, address: SocketAddr) -> String {
        let (ip, port) = (self.family.ip, address.port());
        let (op, proto) = match self.operation {
            Operation::TcpConnect => ("connect", "tcp"),
            Operation::TcpBind => ("bind", "tcp"),
            Operation::TcpListen => ("listen", "tcp"),
            Operation::UdpBind => ("bind", "udp"),
            Operation::UdpSend => ("send", "udp"),
            Operation::UdpConnect => ("connect", "udp"),
        };
        let rule = |to: &str, port: u16, op: &str| {
            format!("to = \"{to}\"\nport = {port}\nop = [\"{op}\"]\nproto = \"{proto}\"")
        };
        let mut rules = match self.how {
            How::Allowed => allow(&rule(ip, port, op)),
            How::ByDefault => allow(&rule(ip, 9, op)),
            How::ByRule => {
                let denial = format!("{}\ndeny-as = \"{}\"", rule(ip, port, op), self.denial());
                allow(&rule(ip, port, op)) + &deny(&denial)
            }
            How::Special => allow(&rule("*", port, op)),
        };
        // What cannot be bound never gets to listen.
        if let Operation::TcpListen = self.operation
            && self.how != How::Allowed
        {
            rules += &allow(&rule(ip, port, "bind"));
        }
        rules
    }

    /// What the rule that denies says.
    fn denial(self) -> &'static str {
        match self.operation {
            Operation::TcpConnect | Operation::UdpConnect => "connection-refused",
            Operation::TcpBind | Operation::UdpBind => "address-in-use",
            Operation::TcpListen => "address-not-bindable",
            Operation::UdpSend => "drop",
        }
    }

    fn row(self, address: SocketAddr) -> Row {
        let wildcard = self.family.wildcard;
        let (socket, mut script, mut says, mut reaches) = match self.operation {
            Operation::TcpConnect => ("tcp", vec![], vec![], vec![]),
            Operation::TcpBind => ("tcp", vec![], vec![], vec![]),
            Operation::TcpListen => (
                "tcp",
                vec![format!("bind {address}")],
                vec!["ok".to_owned()],
                vec![format!("tcp-bind {address}")],
            ),
            Operation::UdpBind => ("udp", vec![], vec![], vec![]),
            Operation::UdpSend | Operation::UdpConnect => (
                "udp",
                vec![format!("bind {wildcard}")],
                vec!["ok".to_owned()],
                vec![format!("udp-bind {wildcard}")],
            ),
        };
        script.insert(0, format!("{socket}{}", self.family.name));
        says.insert(0, "ok".to_owned());
        script.push(self.subject(address));
        says.push(match self.how {
            How::Allowed => "ok".to_owned(),
            How::ByDefault | How::Special => "access-denied".to_owned(),
            How::ByRule if self.denial() == "drop" => "ok".to_owned(),
            How::ByRule => self.denial().to_owned(),
        });
        if self.how == How::Allowed {
            let (then, said, reached) = self.afterwards(address);
            script.extend(then);
            says.extend(said);
            reaches.extend(reached);
        }
        Row {
            script,
            says,
            reaches,
        }
    }

    /// The operation that the row is about.
    fn subject(self, address: SocketAddr) -> String {
        match self.operation {
            Operation::TcpConnect => format!("connect {address}"),
            Operation::TcpBind | Operation::UdpBind => format!("bind {address}"),
            Operation::TcpListen => "listen".to_owned(),
            Operation::UdpSend => format!("send-to {address} hi"),
            Operation::UdpConnect => format!("udp-connect {address}"),
        }
    }

    /// What shows that an allowed operation took place: what to do then, what is printed of it, and
    /// what arrived at the host of all.
    fn afterwards(self, address: SocketAddr) -> (Vec<String>, Vec<String>, Vec<String>) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let here = address.to_string();
        match self.operation {
            Operation::TcpConnect => (
                owned(&["send hi", "receive", "remote"]),
                owned(&["ok", "hi", &here]),
                vec![
                    format!("tcp-bind {}", self.family.wildcard),
                    format!("tcp-connect {address}"),
                ],
            ),
            Operation::TcpBind => (
                owned(&["local"]),
                owned(&[&here]),
                vec![format!("tcp-bind {address}")],
            ),
            Operation::UdpBind => (
                owned(&["local"]),
                owned(&[&here]),
                vec![format!("udp-bind {address}")],
            ),
            Operation::TcpListen => (
                owned(&["local"]),
                owned(&[&here]),
                vec![format!("tcp-listen {address}")],
            ),
            Operation::UdpSend => (
                owned(&["receive"]),
                vec![format!("hi from {address}")],
                vec![
                    format!("udp-send {address}"),
                    format!("udp-receive {address}"),
                ],
            ),
            Operation::UdpConnect => (
                owned(&["remote", "send hi", "receive"]),
                vec![here, "ok".to_owned(), format!("hi from {address}")],
                vec![
                    format!("udp-send {address}"),
                    format!("udp-receive {address}"),
                ],
            ),
        }
    }
}
