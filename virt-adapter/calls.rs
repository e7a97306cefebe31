//! How a network is called that is in another component (`served.rs`): a module of both sides.
//!
//! A call is a block of eight numbers, the first of which says what is called, and so is its answer.
//! Longer things are handed over before a call, or fetched behind it, a block at a time. Nothing here
//! belongs to a version of WASI.

#![allow(dead_code, reason = "each side uses its part")]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{
    EndId, ErrorCode, Family, LookupId, Network, Shutdown, SocketOption, StreamEnd, TcpId, UdpId,
    WriteError,
};

/// What is passed at a time.
pub(crate) type Block = [u64; 8];
/// The bytes of a block.
pub(crate) const BLOCK: usize = size_of::<Block>();

/// No write, datagram or name is longer: the network permits no more.
pub(crate) const MOST: usize = 64 << 10;

/// Gives the table of all calls to a macro: those that are the network's methods, and those that the
/// hub has, whose bytes are handed over or fetched besides, or which are about a script's end.
macro_rules! calls {
    ($with:ident) => {
        $with! {
            network {
                tcp_create(family: Family) -> Result<TcpId, ErrorCode>;
                tcp_start_bind(id: TcpId, local: SocketAddr) -> Result<(), ErrorCode>;
                tcp_finish_bind(id: TcpId) -> Result<(), ErrorCode>;
                tcp_start_connect(id: TcpId, remote: SocketAddr) -> Result<(), ErrorCode>;
                tcp_withdraw_connect(id: TcpId) -> ();
                tcp_finish_connect(id: TcpId) -> Result<EndId, ErrorCode>;
                tcp_start_listen(id: TcpId) -> Result<(), ErrorCode>;
                tcp_finish_listen(id: TcpId) -> Result<(), ErrorCode>;
                tcp_accept(id: TcpId) -> Result<(TcpId, EndId), ErrorCode>;
                tcp_local_address(id: TcpId) -> Result<SocketAddr, ErrorCode>;
                tcp_remote_address(id: TcpId) -> Result<SocketAddr, ErrorCode>;
                tcp_is_listening(id: TcpId) -> bool;
                tcp_family(id: TcpId) -> Family;
                tcp_set_listen_backlog(id: TcpId, value: u64) -> Result<(), ErrorCode>;
                tcp_option(id: TcpId, option: SocketOption) -> Result<u64, ErrorCode>;
                tcp_chosen(id: TcpId, option: SocketOption) -> Option<u64>;
                tcp_chosen_backlog(id: TcpId) -> Option<u64>;
                tcp_set_option(id: TcpId, option: SocketOption, value: u64) -> Result<(), ErrorCode>;
                tcp_ready(id: TcpId) -> bool;
                tcp_shutdown(id: TcpId, how: Shutdown) -> Result<(), ErrorCode>;
                tcp_drop(id: TcpId) -> ();
                udp_create(family: Family) -> Result<UdpId, ErrorCode>;
                udp_start_bind(id: UdpId, local: SocketAddr) -> Result<(), ErrorCode>;
                udp_finish_bind(id: UdpId) -> Result<(), ErrorCode>;
                udp_stream(id: UdpId, remote: Option<SocketAddr>) -> Result<(), ErrorCode>;
                udp_local_address(id: UdpId) -> Result<SocketAddr, ErrorCode>;
                udp_remote_address(id: UdpId) -> Result<SocketAddr, ErrorCode>;
                udp_family(id: UdpId) -> Family;
                udp_option(id: UdpId, option: SocketOption) -> Result<u64, ErrorCode>;
                udp_chosen(id: UdpId, option: SocketOption) -> Option<u64>;
                udp_set_option(id: UdpId, option: SocketOption, value: u64) -> Result<(), ErrorCode>;
                udp_asked(id: UdpId) -> Option<SocketAddr>;
                udp_check_send(id: UdpId) -> Result<u64, ErrorCode>;
                udp_check_send_within(id: UdpId, most: u64) -> Result<u64, ErrorCode>;
                udp_begin_send(id: UdpId, count: u64) -> bool;
                udp_input_ready(id: UdpId) -> bool;
                udp_drop_input(id: UdpId) -> ();
                udp_drop(id: UdpId) -> ();
                input_ready(id: EndId) -> bool;
                readable(id: EndId, most: usize) -> Result<usize, StreamEnd>;
                skip(id: EndId, most: usize) -> usize;
                output_ready(id: EndId) -> bool;
                writable(id: EndId) -> Result<usize, StreamEnd>;
                splice(to: EndId, from: EndId, most: usize) -> Result<usize, StreamEnd>;
                flush(id: EndId) -> Result<(), StreamEnd>;
                next_address(id: LookupId) -> Result<Option<IpAddr>, ErrorCode>;
                drop_lookup(id: LookupId) -> ();
                #[cfg(feature = "script")]
                lookup_ready(id: LookupId) -> bool;
                #[cfg(feature = "script")]
                has_address(protocol: Protocol, address: SocketAddr) -> bool;
                #[cfg(feature = "script")]
                has_host_clock() -> bool;
                #[cfg(feature = "script")]
                now() -> u64;
                #[cfg(feature = "script")]
                set_now(now: u64) -> ();
                #[cfg(feature = "script")]
                next_moment() -> Option<u64>;
                #[cfg(feature = "script")]
                pass_to(moment: u64) -> bool;
                #[cfg(feature = "script")]
                is_to_end(until: Option<u64>) -> bool;
                #[cfg(feature = "script")]
                note_status(status: u32) -> ();
            }
            hub {
                read(id: EndId, most: usize) -> usize;
                write(id: EndId, count: usize) -> Result<(), WriteError>;
                send(id: UdpId, count: usize, to: Option<SocketAddr>) -> Result<(), ErrorCode>;
                receive(id: UdpId) -> Result<Option<(usize, SocketAddr)>, ErrorCode>;
                look_up(count: usize) -> Result<LookupId, ErrorCode>;
                catch_up() -> bool;
                #[cfg(feature = "script")]
                waits(count: usize) -> ();
                #[cfg(feature = "script")]
                note_hosted(any: bool) -> ();
                #[cfg(feature = "script")]
                take_turn() -> bool;
                #[cfg(feature = "script")]
                verdict() -> bool;
                #[cfg(feature = "script")]
                end() -> ();
            }
        }
    };
}
pub(crate) use calls;

macro_rules! numbers {
    (
        network { $($(#[$when:meta])* $method:ident($($a:ident: $at:ty),*) -> $r:ty;)* }
        hub { $($(#[$with:meta])* $own:ident($($b:ident: $bt:ty),*) -> $s:ty;)* }
    ) => {
        /// The number of each call.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "each is called as the function is")]
        pub(crate) enum Call {
            $($(#[$when])* $method,)*
            $($(#[$with])* $own,)*
        }
    };
}

calls!(numbers);

/// A block that is written or read number by number.
pub(crate) struct Numbers {
    pub(crate) block: Block,
    at: usize,
}

impl Numbers {
    pub(crate) fn of(block: Block) -> Self {
        Numbers { block, at: 0 }
    }

    pub(crate) fn put(&mut self, number: u64) {
        if let Some(place) = self.block.get_mut(self.at) {
            *place = number;
        }
        self.at += 1;
    }

    pub(crate) fn get(&mut self) -> u64 {
        let number = self.block.get(self.at).copied();
        self.at += 1;
        number.unwrap_or_default()
    }
}

/// What is passed as numbers. What no number stands for is read as something else, never as nothing.
pub(crate) trait Wire: Sized {
    fn put(self, to: &mut Numbers);
    fn get(from: &mut Numbers) -> Self;

    /// The end of a connection that it stands for.
    fn end(&self, _: &Network) -> Option<EndId> {
        None
    }
}

/// Types that are one number.
macro_rules! one_number {
    ($(
        $ty:ty: $value:ident => $number:expr, $from:ident => $back:expr
        $(, end of $id:ident on $network:ident => $end:expr)?;
    )*) => {$(
        impl Wire for $ty {
            fn put(self, to: &mut Numbers) {
                let $value = self;
                to.put($number);
            }

            fn get(from: &mut Numbers) -> Self {
                let $from = from.get();
                $back
            }
            $(
                fn end(&self, network: &Network) -> Option<EndId> {
                    let $id = *self;
                    let $network = network;
                    $end
                }
            )?
        }
    )*};
}

one_number! {
    u64: value => value, number => number;
    usize: value => value as u64, number => number as usize;
    bool: value => value.into(), number => number != 0;
    TcpId: id => id.number().into(), number => TcpId::from_number(number as u32),
        end of id on network => network.tcp_end(id);
    UdpId: id => id.number().into(), number => UdpId::from_number(number as u32);
    EndId: id => id.number().into(), number => EndId::from_number(number as u32),
        end of id on _network => Some(id);
    LookupId: id => id.number().into(), number => LookupId::from_number(number as u32);
    ErrorCode: code => code as u64, number => ErrorCode::of(number as u8).unwrap_or(ErrorCode::Unknown);
    Family: family => (family == Family::V6).into(), number => match number {
        0 => Family::V4,
        _ => Family::V6,
    };
    SocketOption: option => option as u64, number => {
        SocketOption::ALL.get(number as usize).copied().unwrap_or(SocketOption::KeepAlive)
    };
    Shutdown: how => how as u64, number => match number {
        0 => Shutdown::Receive,
        1 => Shutdown::Send,
        _ => Shutdown::Both,
    };
    // An error code, or the number behind all of them.
    StreamEnd: end => match end {
        StreamEnd::Failed(code) => code as u64,
        StreamEnd::Closed => CLOSED,
    }, number => match number {
        CLOSED => StreamEnd::Closed,
        code => StreamEnd::Failed(ErrorCode::of(code as u8).unwrap_or(ErrorCode::Unknown)),
    };
}

#[cfg(feature = "script")]
one_number! {
    u32: value => value.into(), number => number as u32;
    Protocol: protocol => (protocol == Protocol::Udp).into(), number => match number {
        0 => Protocol::Tcp,
        _ => Protocol::Udp,
    };
}

/// In the place of an error code: a stream that is closed.
const CLOSED: u64 = 255;

impl Wire for () {
    fn put(self, _: &mut Numbers) {}
    fn get(_: &mut Numbers) -> Self {}
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(self, to: &mut Numbers) {
        self.0.put(to);
        self.1.put(to);
    }

    fn get(from: &mut Numbers) -> Self {
        (A::get(from), B::get(from))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(self, to: &mut Numbers) {
        to.put(self.is_some().into());
        if let Some(it) = self {
            it.put(to);
        }
    }

    fn get(from: &mut Numbers) -> Self {
        match from.get() {
            0 => None,
            _ => Some(T::get(from)),
        }
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(self, to: &mut Numbers) {
        to.put(self.is_err().into());
        match self {
            Ok(it) => it.put(to),
            Err(e) => e.put(to),
        }
    }

    fn get(from: &mut Numbers) -> Self {
        match from.get() {
            0 => Ok(T::get(from)),
            _ => Err(E::get(from)),
        }
    }
}

impl Wire for WriteError {
    fn put(self, to: &mut Numbers) {
        let end = match self {
            WriteError::Ended(end) => Some(end),
            WriteError::NotPermitted => None,
        };
        end.put(to);
    }

    fn get(from: &mut Numbers) -> Self {
        Option::get(from).map_or(WriteError::NotPermitted, WriteError::Ended)
    }
}

impl Wire for IpAddr {
    fn put(self, to: &mut Numbers) {
        SocketAddr::new(self, 0).put(to);
    }

    fn get(from: &mut Numbers) -> Self {
        SocketAddr::get(from).ip()
    }
}

/// The family, the port and the flow in the first number, then the scope, then the address.
impl Wire for SocketAddr {
    fn put(self, to: &mut Numbers) {
        let first =
            |family: u64, flow: u32| family | u64::from(self.port()) << 8 | u64::from(flow) << 32;
        match self {
            SocketAddr::V4(address) => {
                to.put(first(0, 0));
                to.put(address.ip().to_bits().into());
            }
            SocketAddr::V6(address) => {
                let ip = address.ip().to_bits();
                to.put(first(1, address.flowinfo()));
                to.put(address.scope_id().into());
                to.put((ip >> 64) as u64);
                to.put(ip as u64);
            }
        }
    }

    fn get(from: &mut Numbers) -> Self {
        let first = from.get();
        let port = (first >> 8) as u16;
        if first & 1 == 0 {
            let ip = Ipv4Addr::from_bits(from.get() as u32);
            return SocketAddrV4::new(ip, port).into();
        }
        let scope = from.get() as u32;
        let [high, low] = [(); 2].map(|()| u128::from(from.get()));
        let ip = Ipv6Addr::from_bits(high << 64 | low);
        SocketAddrV6::new(ip, port, (first >> 32) as u32, scope).into()
    }
}

/// Bytes in whole blocks: what is behind the last byte means nothing.
#[derive(Default)]
pub(crate) struct Blocks {
    blocks: alloc::vec::Vec<Block>,
}

impl Blocks {
    pub(crate) const fn new() -> Self {
        Blocks {
            blocks: alloc::vec::Vec::new(),
        }
    }

    /// Room for so many bytes, which are 0.
    pub(crate) fn with_room(count: usize) -> Self {
        Blocks {
            blocks: alloc::vec![[0; 8]; count.div_ceil(BLOCK)],
        }
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn blocks_mut(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    pub(crate) fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }

    /// The first so many bytes, or as many as there are.
    pub(crate) fn bytes(&self, count: usize) -> &[u8] {
        let all = self.blocks.as_flattened();
        let length = size_of_val(all);
        // SAFETY: numbers are bytes, so many as their size says.
        let bytes = unsafe { core::slice::from_raw_parts(all.as_ptr().cast::<u8>(), length) };
        bytes.get(..count).unwrap_or(bytes)
    }

    /// The same, to be written to.
    pub(crate) fn bytes_mut(&mut self, count: usize) -> &mut [u8] {
        let all = self.blocks.as_flattened_mut();
        let length = size_of_val(all);
        // SAFETY: as above, and any bytes are numbers.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(all.as_mut_ptr().cast::<u8>(), length) };
        let count = count.min(length);
        &mut bytes[..count]
    }
}
