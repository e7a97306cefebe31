//! Addresses as the words of a script, with names for their ports.

use crate::address::read;
use std::cell::RefCell;
use std::net::SocketAddr;
use wasip2::sockets::network::IpSocketAddress;

/// The numbers of ports that have names.
pub struct Ports {
    letters: Vec<(String, u16)>,
    /// Those that the network chose, in their order.
    chosen: RefCell<Vec<u16>>,
}

impl Ports {
    /// The arguments are `LETTER=NUMBER`.
    pub fn new(args: impl Iterator<Item = String>) -> Ports {
        let letter = |arg: String| {
            let (letter, number) = arg.split_once('=')?;
            Some((letter.to_owned(), number.parse().ok()?))
        };
        Ports {
            letters: args.filter_map(letter).collect(),
            chosen: RefCell::default(),
        }
    }

    /// The number of a port that is a letter, or a number.
    pub fn number(&self, word: &str) -> u16 {
        let letter = self.letters.iter().find(|(letter, _)| letter == word);
        match letter {
            Some((_, number)) => *number,
            None => word.parse().expect("a port is a letter or a number"),
        }
    }

    fn name(&self, port: u16) -> String {
        if port == 0 {
            return "0".to_owned();
        }
        if let Some((letter, _)) = self.letters.iter().find(|(_, number)| *number == port) {
            return letter.clone();
        }
        let mut chosen = self.chosen.borrow_mut();
        let known = chosen.iter().position(|it| *it == port);
        let index = known.unwrap_or_else(|| {
            chosen.push(port);
            chosen.len() - 1
        });
        format!("p{index}")
    }

    /// An address with its port's name, and with flow and scope where it has them.
    pub fn show(&self, address: IpSocketAddress) -> String {
        let port = self.name(read(address).port());
        match read(address) {
            SocketAddr::V4(v4) => format!("{}:{port}", v4.ip()),
            SocketAddr::V6(v6) if v6.flowinfo() == 0 && v6.scope_id() == 0 => {
                format!("[{}]:{port}", v6.ip())
            }
            SocketAddr::V6(v6) => {
                format!("[{}]:{port}/{}/{}", v6.ip(), v6.flowinfo(), v6.scope_id())
            }
        }
    }
}
