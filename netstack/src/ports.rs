//! Who has which address.

use crate::table::{Key, Table};
use crate::{ErrorCode, Family};
use core::net::SocketAddr;

/// The first ephemeral port, and the last: `net.ipv4.ip_local_port_range` as Linux has it.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// Addresses that do not conflict with those of another space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Tcp4,
    Tcp6,
    Udp4,
    Udp6,
}

impl Space {
    pub(crate) const fn tcp(family: Family) -> Self {
        match family {
            Family::V4 => Space::Tcp4,
            Family::V6 => Space::Tcp6,
        }
    }

    pub(crate) const fn udp(family: Family) -> Self {
        match family {
            Family::V4 => Space::Udp4,
            Family::V6 => Space::Udp6,
        }
    }
}

/// An address that a socket has, or the end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) space: Space,
    pub(crate) address: SocketAddr,
    /// Whether it has `SO_REUSEADDR`, as what was bound has, and what connected on its own has not.
    pub(crate) shared: bool,
    /// Whether the port was asked for by number. It stays bound to its socket then.
    pub(crate) by_number: bool,
}

/// Who has one address.
#[derive(Clone, Copy, Debug, Default)]
struct Users {
    /// Those that share it with others that share it.
    shared: u32,
    /// Those that do not.
    sole: u32,
    /// Who is reached there: a listener, which shares with nobody, or a UDP socket.
    reached: Option<u32>,
}

impl Users {
    fn conflict(&self, shared: bool) -> bool {
        self.sole > 0 || self.reached.is_some() || !shared && self.shared > 0
    }
}

/// Who has which address, in all spaces.
#[derive(Debug)]
pub(crate) struct Ports {
    /// Who has each address, and the connections, whose users are none.
    users: Table<Users>,
    /// The ephemeral port that is tried next.
    next: u16,
}

impl Ports {
    pub(crate) const fn new() -> Self {
        Ports {
            users: Table::new(),
            next: EPHEMERAL.0,
        }
    }

    /// How many addresses and connections there are.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Binds to an address; where its port is 0, to a free one.
    pub(crate) fn bind(
        &mut self,
        space: Space,
        mut address: SocketAddr,
        shared: bool,
    ) -> Result<Binding, ErrorCode> {
        let by_number = address.port() != 0;
        if !by_number {
            let port = self.ephemeral(space, address, None);
            address.set_port(port.ok_or(ErrorCode::AddressInUse)?);
        } else if self.conflict(space, address, shared) {
            return Err(ErrorCode::AddressInUse);
        }
        let binding = Binding {
            space,
            address,
            shared,
            by_number,
        };
        self.hold(&binding);
        Ok(binding)
    }

    /// Counts one more user of an address, whoever else has it.
    pub(crate) fn hold(&mut self, binding: &Binding) {
        let key = Key::new(binding.space, binding.address);
        if let Some(users) = self.users.entry(key) {
            match binding.shared {
                true => users.shared += 1,
                false => users.sole += 1,
            }
        }
    }

    /// Gives an address up.
    pub(crate) fn release(&mut self, binding: &Binding) {
        let key = Key::new(binding.space, binding.address);
        let Some(users) = self.users.get_mut(key) else {
            return;
        };
        match binding.shared {
            true => users.shared = users.shared.saturating_sub(1),
            false => users.sole = users.sole.saturating_sub(1),
        }
        if users.shared == 0 && users.sole == 0 {
            self.users.remove(key);
        }
    }

    /// Makes someone be reached at an address that he has, unless someone else already is.
    pub(crate) fn listen(&mut self, binding: &Binding, who: u32) -> Result<(), ErrorCode> {
        if self.conflict(binding.space, binding.address, true) {
            return Err(ErrorCode::AddressInUse);
        }
        self.reach(binding, Some(who));
        Ok(())
    }

    /// Says who is reached at an address.
    pub(crate) fn reach(&mut self, binding: &Binding, who: Option<u32>) {
        let key = Key::new(binding.space, binding.address);
        if let Some(users) = self.users.get_mut(key) {
            users.reached = who;
        }
    }

    /// Who is reached at an address: who has this very one, and who has the wildcard.
    pub(crate) fn reached(&self, space: Space, address: SocketAddr) -> [Option<u32>; 2] {
        let key = Key::new(space, address);
        [key, key.wildcard()].map(|key| self.users.get(key)?.reached)
    }

    /// Whether whoever has an address keeps another from binding to this one.
    fn conflict(&self, space: Space, address: SocketAddr, shared: bool) -> bool {
        let mut others = self.users.overlapping(Key::new(space, address));
        others.any(|users| users.conflict(shared))
    }

    /// A port that nobody has at an address, and that is not connected to `remote`.
    pub(crate) fn ephemeral(
        &mut self,
        space: Space,
        mut address: SocketAddr,
        remote: Option<SocketAddr>,
    ) -> Option<u16> {
        for _ in EPHEMERAL.0..=EPHEMERAL.1 {
            let port = self.next;
            self.next = match port {
                _ if port >= EPHEMERAL.1 => EPHEMERAL.0,
                _ => port + 1,
            };
            address.set_port(port);
            let connected = remote.is_some_and(|it| self.is_connected(space, address, it));
            if !connected && !self.conflict(space, address, false) {
                return Some(port);
            }
        }
        None
    }

    /// Notes a connection, as one of its ends sees it.
    pub(crate) fn connect(&mut self, space: Space, local: SocketAddr, remote: SocketAddr) {
        let key = Key::new(space, local).toward(remote);
        self.users.entry(key);
    }

    /// Forgets what [`connect`](Self::connect) noted.
    pub(crate) fn disconnect(&mut self, space: Space, local: SocketAddr, remote: SocketAddr) {
        self.users.remove(Key::new(space, local).toward(remote));
    }

    /// Whether two addresses are connected, as either of them sees it.
    pub(crate) fn is_connected(&self, space: Space, local: SocketAddr, remote: SocketAddr) -> bool {
        let there = Key::new(space, local).toward(remote);
        let back = Key::new(space, remote).toward(local);
        self.users.get(there).is_some() || self.users.get(back).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// What `bind(2)` says on Linux 6.18 to a second socket, if both have `SO_REUSEADDR`.
    #[test]
    fn bound_sockets_share_and_listeners_do_not() {
        let cases = [
            ("0.0.0.0:80", "127.0.0.1:80", false),
            ("127.0.0.1:80", "0.0.0.0:80", false),
            ("127.0.0.1:80", "127.0.0.1:80", false),
            ("0.0.0.0:80", "0.0.0.0:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", true),
        ];
        for (first, second, apart) in cases {
            let mut ports = Ports::new();
            let first = ports.bind(Space::Tcp4, at(first), true).unwrap();
            let second = ports.bind(Space::Tcp4, at(second), true).unwrap();
            ports.listen(&second, 7).unwrap();
            assert_eq!(
                ports.listen(&first, 8).is_ok(),
                apart,
                "{first:?} {second:?}"
            );
            let third = ports.bind(Space::Tcp4, first.address, true);
            assert!(third.is_err(), "{first:?}");
        }
    }

    #[test]
    fn who_does_not_share_keeps_others_away() {
        let mut ports = Ports::new();
        let sole = ports.bind(Space::Tcp4, at("127.0.0.1:80"), false).unwrap();
        for (address, free) in [
            ("127.0.0.1:80", false),
            ("0.0.0.0:80", false),
            ("127.0.0.2:80", true),
        ] {
            let bound = ports.bind(Space::Tcp4, at(address), true);
            assert_eq!(bound.is_ok(), free, "{address}");
        }
        ports.release(&sole);
        assert!(ports.bind(Space::Tcp4, at("127.0.0.1:80"), true).is_ok());
    }

    #[test]
    fn spaces_are_apart() {
        let mut ports = Ports::new();
        for (space, address) in [
            (Space::Tcp4, "0.0.0.0:80"),
            (Space::Udp4, "0.0.0.0:80"),
            (Space::Tcp6, "[::]:80"),
            (Space::Udp6, "[::]:80"),
        ] {
            assert!(ports.bind(space, at(address), false).is_ok());
            assert!(ports.bind(space, at(address), true).is_err());
        }
    }

    #[test]
    fn every_ephemeral_port_is_given_once() {
        let mut ports = Ports::new();
        let count = usize::from(EPHEMERAL.1 - EPHEMERAL.0) + 1;
        let mut bind = |address| ports.bind(Space::Udp4, at(address), false);
        let bindings: Vec<_> = (0..count).map(|_| bind("127.0.0.1:0").unwrap()).collect();
        assert_eq!(bind("127.0.0.1:0").err(), Some(ErrorCode::AddressInUse));
        assert_eq!(bind("0.0.0.0:0").err(), Some(ErrorCode::AddressInUse));
        assert!(bind("127.0.0.2:0").is_ok());
        let mut numbers: Vec<_> = bindings.iter().map(|it| it.address.port()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
        ports.release(&bindings[5]);
        let again = ports.bind(Space::Udp4, at("127.0.0.1:0"), false).unwrap();
        assert_eq!(again.address, bindings[5].address);
    }

    #[test]
    fn connections_are_seen_from_both_sides() {
        let mut ports = Ports::new();
        let (here, there) = (at("[::1]:1"), at("[::1]:2"));
        ports.connect(Space::Tcp6, here, there);
        assert!(ports.is_connected(Space::Tcp6, there, here));
        assert!(!ports.is_connected(Space::Tcp4, here, there));
        ports.disconnect(Space::Tcp6, here, there);
        assert_eq!(ports.len(), 0);
    }
}
