//! The network as a whole.

use crate::end::End;
use crate::memory::Memory;
use crate::names::{Hosts, Lookup};
use crate::ports::Ports;
use crate::slab::Slab;
use crate::{Config, address, names, tcp, udp};
use core::net::IpAddr;

/// A network: its sockets, and what is on its way between them.
#[derive(Debug)]
pub struct Network {
    pub(crate) config: Config,
    pub(crate) hosts: Hosts,
    pub(crate) memory: Memory,
    pub(crate) ports: Ports,
    pub(crate) tcp: Slab<tcp::Socket>,
    pub(crate) ends: Slab<End>,
    pub(crate) udp: Slab<udp::Socket>,
    pub(crate) lookups: Slab<Lookup>,
    #[cfg(feature = "script")]
    pub(crate) play: Option<alloc::boxed::Box<crate::script::Play>>,
}

/// How much there is of everything. All of it is 0 again once everything was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// TCP sockets.
    pub tcp: usize,
    /// Ends of connections, those that wait to be accepted among them.
    pub ends: usize,
    /// UDP sockets.
    pub udp: usize,
    /// Lookups.
    pub lookups: usize,
    /// Addresses that someone has, and connections as each end sees them.
    pub ports: usize,
    /// Bytes of memory for what is on its way.
    pub buffered: usize,
}

impl Network {
    /// A network with nothing in it.
    pub fn new(mut config: Config) -> Self {
        Network {
            hosts: names::hosts(&mut config),
            memory: Memory::new(&config.limits),
            ports: Ports::new(),
            tcp: Slab::new(config.limits.tcp),
            ends: Slab::new(config.limits.tcp),
            udp: Slab::new(config.limits.udp),
            lookups: Slab::new(config.limits.lookups),
            #[cfg(feature = "script")]
            play: None,
            config,
        }
    }

    /// Whether an address is one of this network: 127.0.0.0/8, `::1`, or a wildcard to bind to.
    pub fn is_inside(ip: IpAddr) -> bool {
        address::is_inside(ip)
    }

    /// How much there is of everything.
    pub fn usage(&self) -> Usage {
        Usage {
            tcp: self.tcp.len(),
            ends: self.ends.len(),
            udp: self.udp.len(),
            lookups: self.lookups.len(),
            ports: self.ports.len(),
            buffered: self.memory.used(),
        }
    }
}
