//! What several tests do.

#![allow(dead_code, reason = "each test uses a part of it")]

use sockvirt_netstack::{Config, EndId, ErrorCode, Family, Network, StreamEnd, TcpId, UdpId};
use sockvirt_netstack::{Usage, WriteError};
use std::net::SocketAddr;

/// An address.
pub(crate) fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// An address with another port.
pub(crate) fn with_port(address: &str, port: u16) -> SocketAddr {
    let mut address = at(address);
    address.set_port(port);
    address
}

fn family(address: SocketAddr) -> Family {
    match address {
        SocketAddr::V4(_) => Family::V4,
        SocketAddr::V6(_) => Family::V6,
    }
}

/// A network, and what tests do with it in one step.
pub(crate) struct Net(pub(crate) Network);

impl Net {
    pub(crate) fn new() -> Self {
        Net(Network::new(Config::default()))
    }

    /// A TCP socket bound to an address.
    pub(crate) fn bound(&mut self, address: &str) -> TcpId {
        self.try_bind(at(address)).unwrap()
    }

    pub(crate) fn try_bind(&mut self, address: SocketAddr) -> Result<TcpId, ErrorCode> {
        let id = self.0.tcp_create(family(address))?;
        let bound = self.0.tcp_start_bind(id, address);
        match bound.and_then(|()| self.0.tcp_finish_bind(id)) {
            Ok(()) => Ok(id),
            Err(code) => {
                self.0.tcp_drop(id);
                Err(code)
            }
        }
    }

    pub(crate) fn listen(&mut self, id: TcpId) -> Result<(), ErrorCode> {
        self.0.tcp_start_listen(id)?;
        self.0.tcp_finish_listen(id)
    }

    /// A listener at an address.
    pub(crate) fn listener(&mut self, address: &str) -> TcpId {
        let id = self.bound(address);
        self.listen(id).unwrap();
        id
    }

    /// Connects a socket.
    pub(crate) fn connect(&mut self, id: TcpId, remote: SocketAddr) -> Result<EndId, ErrorCode> {
        self.0.tcp_start_connect(id, remote)?;
        self.0.tcp_finish_connect(id)
    }

    /// A new socket that is connected to an address.
    pub(crate) fn connected(&mut self, remote: SocketAddr) -> Result<(TcpId, EndId), ErrorCode> {
        let id = self.0.tcp_create(family(remote))?;
        let connected = self.connect(id, remote);
        if connected.is_err() {
            self.0.tcp_drop(id);
        }
        Ok((id, connected?))
    }

    pub(crate) fn local(&self, id: TcpId) -> SocketAddr {
        self.0.tcp_local_address(id).unwrap()
    }

    /// Both sides of a connection, whose listener is gone.
    pub(crate) fn pair(&mut self) -> Pair {
        let listener = self.listener("127.0.0.1:0");
        let (client, near) = self.connected(self.local(listener)).unwrap();
        let (server, far) = self.0.tcp_accept(listener).unwrap();
        self.0.tcp_drop(listener);
        Pair {
            client,
            near,
            server,
            far,
        }
    }

    /// Writes bytes if that is permitted now.
    pub(crate) fn write(&mut self, end: EndId, bytes: &[u8]) -> Result<(), StreamEnd> {
        assert!(self.0.writable(end)? >= bytes.len(), "no room");
        let mut rest = bytes;
        let written = self.0.write_with(end, bytes.len(), |run| {
            let (front, back) = rest.split_at(run.len());
            run.copy_from_slice(front);
            rest = back;
        });
        written.map_err(|error| match error {
            WriteError::Ended(ended) => ended,
            WriteError::NotPermitted => panic!("it was permitted"),
        })
    }

    /// Reads what waits.
    pub(crate) fn read(&mut self, end: EndId) -> Result<Vec<u8>, StreamEnd> {
        let count = self.0.readable(end, usize::MAX)?;
        let mut bytes = Vec::new();
        let read = self.0.read_with(end, count, |run| bytes.extend(run));
        assert_eq!(read, count);
        assert_eq!(bytes.len(), count);
        Ok(bytes)
    }

    /// A UDP socket bound to an address.
    pub(crate) fn datagrams(&mut self, address: &str) -> UdpId {
        self.try_datagrams(at(address)).unwrap()
    }

    pub(crate) fn try_datagrams(&mut self, address: SocketAddr) -> Result<UdpId, ErrorCode> {
        let id = self.0.udp_create(family(address))?;
        let bound = self.0.udp_start_bind(id, address);
        match bound.and_then(|()| self.0.udp_finish_bind(id)) {
            Ok(()) => Ok(id),
            Err(code) => {
                self.0.udp_drop(id);
                Err(code)
            }
        }
    }

    /// Receives a datagram: its length and where it comes from.
    pub(crate) fn receive(
        &mut self,
        id: UdpId,
    ) -> Result<Option<(Vec<u8>, SocketAddr)>, ErrorCode> {
        let mut got = None;
        let received = self
            .0
            .udp_receive_with(id, |data, from| got = Some((data.to_vec(), from)));
        assert_eq!(received?, got.is_some());
        Ok(got)
    }

    /// Checks that nothing is left.
    pub(crate) fn is_empty(&self) {
        assert_eq!(self.0.usage(), Usage::default());
    }
}

/// Both sides of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) client: TcpId,
    pub(crate) near: EndId,
    pub(crate) server: TcpId,
    pub(crate) far: EndId,
}
