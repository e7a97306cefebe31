//! The Canonical ABI: addresses, results and error codes.

use crate::layout::types::{
    error_code, ip_address, ip_address_family, ip_socket_address, ipv4_socket_address,
    ipv6_socket_address, tcp_socket_bind,
};
use crate::memory::trap;
use core::cell::UnsafeCell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use sockvirt_netstack::{ErrorCode, Family};

/// A case of `error-code` of `wasi:sockets/types@0.3`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Code(match code {
            ErrorCode::AccessDenied => error_code::ACCESS_DENIED,
            ErrorCode::NotSupported => error_code::NOT_SUPPORTED,
            ErrorCode::InvalidArgument => error_code::INVALID_ARGUMENT,
            // 0.3 has no code of its own for a limit of sockets.
            ErrorCode::OutOfMemory | ErrorCode::NewSocketLimit => error_code::OUT_OF_MEMORY,
            ErrorCode::Timeout => error_code::TIMEOUT,
            ErrorCode::InvalidState
            | ErrorCode::ConcurrencyConflict
            | ErrorCode::NotInProgress
            | ErrorCode::WouldBlock => error_code::INVALID_STATE,
            ErrorCode::AddressNotBindable => error_code::ADDRESS_NOT_BINDABLE,
            ErrorCode::AddressInUse => error_code::ADDRESS_IN_USE,
            ErrorCode::RemoteUnreachable => error_code::REMOTE_UNREACHABLE,
            ErrorCode::ConnectionRefused => error_code::CONNECTION_REFUSED,
            ErrorCode::ConnectionReset => error_code::CONNECTION_RESET,
            ErrorCode::ConnectionAborted => error_code::CONNECTION_ABORTED,
            ErrorCode::DatagramTooLarge => error_code::DATAGRAM_TOO_LARGE,
            ErrorCode::Unknown
            | ErrorCode::NameUnresolvable
            | ErrorCode::TemporaryResolverFailure
            | ErrorCode::PermanentResolverFailure => error_code::OTHER,
        })
    }
}

/// A `result<_, error-code>`.
type Outcome = [u8; tcp_socket_bind::SIZE];

#[repr(C, align(4))]
struct Outcomes([Outcome; error_code::OTHER as usize + 2]);

/// All that there are, for futures to be written from: success, and an error for each code.
static OUTCOMES: Outcomes = {
    let mut outcomes = [[0; tcp_socket_bind::SIZE]; error_code::OTHER as usize + 2];
    let mut code = 0;
    while code < outcomes.len() - 1 {
        outcomes[code + 1][0] = 1;
        outcomes[code + 1][tcp_socket_bind::PAYLOAD] = code as u8;
        code += 1;
    }
    Outcomes(outcomes)
};

/// Where a result is, which stays there.
pub(crate) fn outcome(result: Result<(), Code>) -> *const u8 {
    let place = result.map_or_else(|code| usize::from(code.0) + 1, |()| 0);
    match OUTCOMES.0.get(place) {
        Some(outcome) => outcome.as_ptr(),
        None => trap(),
    }
}

/// A result in core values: whether it is an error, and its code. What follows is nothing.
pub(crate) fn flat(result: Result<(), Code>) -> [u32; 2] {
    match result {
        Ok(()) => [0, 0],
        Err(code) => [1, code.0.into()],
    }
}

/// A value that a result can hold.
pub(crate) trait Value {
    fn put(self, to: &mut [u8]);
}

/// Writes bytes at a place.
pub(crate) fn put<const N: usize>(to: &mut [u8], at: usize, bytes: [u8; N]) {
    match to.get_mut(at..at + N) {
        Some(place) => place.copy_from_slice(&bytes),
        None => trap(),
    }
}

impl Value for () {
    fn put(self, _: &mut [u8]) {}
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl Value for $ty {
            fn put(self, to: &mut [u8]) {
                put(to, 0, self.to_le_bytes());
            }
        }
    )*};
}
numbers! { u8 u32 u64 }

impl Value for bool {
    fn put(self, to: &mut [u8]) {
        u8::from(self).put(to);
    }
}

/// Handles in a row, as a tuple of them.
impl Value for [u32; 2] {
    fn put(self, to: &mut [u8]) {
        let [first, second] = self;
        put(to, 0, first.to_le_bytes());
        put(to, 4, second.to_le_bytes());
    }
}

impl Value for SocketAddr {
    fn put(self, to: &mut [u8]) {
        let payload = ip_socket_address::PAYLOAD;
        match self {
            SocketAddr::V4(address) => {
                put(to, 0, [ip_socket_address::IPV4]);
                let (port, ip) = (address.port().to_le_bytes(), address.ip().octets());
                put(to, payload + ipv4_socket_address::PORT, port);
                put(to, payload + ipv4_socket_address::ADDRESS, ip);
            }
            SocketAddr::V6(address) => {
                put(to, 0, [ip_socket_address::IPV6]);
                let numbers = [
                    (ipv6_socket_address::FLOW_INFO, address.flowinfo()),
                    (ipv6_socket_address::SCOPE_ID, address.scope_id()),
                ];
                for (at, number) in numbers {
                    put(to, payload + at, number.to_le_bytes());
                }
                let port = address.port().to_le_bytes();
                put(to, payload + ipv6_socket_address::PORT, port);
                let ip = segments(*address.ip());
                put(to, payload + ipv6_socket_address::ADDRESS, ip);
            }
        }
    }
}

impl Value for IpAddr {
    fn put(self, to: &mut [u8]) {
        match self {
            IpAddr::V4(ip) => {
                put(to, 0, [ip_address::IPV4]);
                put(to, ip_address::PAYLOAD, ip.octets());
            }
            IpAddr::V6(ip) => {
                put(to, 0, [ip_address::IPV6]);
                put(to, ip_address::PAYLOAD, segments(ip));
            }
        }
    }
}

/// The segments of an address, each with its least byte first.
fn segments(ip: Ipv6Addr) -> [u8; 16] {
    let mut bytes = ip.octets();
    for segment in bytes.chunks_exact_mut(2) {
        segment.reverse();
    }
    bytes
}

/// An `ip-socket-address` in core values: the case, the port, then four octets, or the flow info,
/// eight segments and the scope id.
pub(crate) fn lift_address(words: [u32; 12]) -> SocketAddr {
    let [case, port, a, b, c, d, rest @ ..] = words;
    let port = port as u16;
    if case as u8 == ip_socket_address::IPV4 {
        let ip = Ipv4Addr::from([a, b, c, d].map(|octet| octet as u8));
        return SocketAddrV4::new(ip, port).into();
    }
    let [e, f, g, h, i, scope] = rest;
    let ip = Ipv6Addr::from([b, c, d, e, f, g, h, i].map(|segment| segment as u16));
    SocketAddrV6::new(ip, port, a, scope).into()
}

/// The same, the other way.
pub(crate) fn lower_address(address: SocketAddr) -> [u32; 12] {
    let mut words = [0; 12];
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets().map(u32::from);
            words = [
                ip_socket_address::IPV4.into(),
                address.port().into(),
                a,
                b,
                c,
                d,
                0,
                0,
                0,
                0,
                0,
                0,
            ];
        }
        SocketAddr::V6(address) => {
            let [case, port, flow, ip @ .., scope] = &mut words;
            *case = ip_socket_address::IPV6.into();
            *port = address.port().into();
            *flow = address.flowinfo();
            *scope = address.scope_id();
            for (word, segment) in ip.iter_mut().zip(address.ip().segments()) {
                *word = segment.into();
            }
        }
    }
    words
}

/// An `ip-socket-address` in memory.
#[cfg(feature = "host")]
pub(crate) fn read_address(from: &[u8]) -> SocketAddr {
    fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
        let bytes = from.get(ip_socket_address::PAYLOAD + at..);
        bytes
            .and_then(|it| it.first_chunk())
            .copied()
            .unwrap_or_else(|| trap())
    }
    if from.first() == Some(&ip_socket_address::IPV4) {
        let ip: [u8; 4] = bytes(from, ipv4_socket_address::ADDRESS);
        let port = u16::from_le_bytes(bytes(from, ipv4_socket_address::PORT));
        return SocketAddrV4::new(ip.into(), port).into();
    }
    let [flow, scope] = [
        ipv6_socket_address::FLOW_INFO,
        ipv6_socket_address::SCOPE_ID,
    ]
    .map(|at| u32::from_le_bytes(bytes(from, at)));
    let port = u16::from_le_bytes(bytes(from, ipv6_socket_address::PORT));
    let ip = Ipv6Addr::from(bytes::<16>(from, ipv6_socket_address::ADDRESS));
    // Segments have their least byte first, and so it is exchanged.
    SocketAddrV6::new(segments(ip).into(), port, flow, scope).into()
}

/// Room for the largest result, of which there is one at a time: a function that returns in memory
/// writes it last, and its caller reads it first.
#[repr(C, align(8))]
pub(crate) struct Room(pub(crate) [u8; 64]);

struct Area(UnsafeCell<Room>);

// SAFETY: the module has one thread.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new(Room([0; 64])));

/// Writes a value where its reader looks for it.
pub(crate) fn give(value: impl Value) -> *const u8 {
    // SAFETY: the module has one thread, and writing calls nobody.
    let Room(area) = unsafe { &mut *AREA.0.get() };
    *area = [0; 64];
    value.put(area);
    area.as_ptr()
}

/// Has a result of the host's written where its reader looks for it.
#[cfg(feature = "host")]
pub(crate) fn pass(write: impl FnOnce(&mut Room)) -> *const u8 {
    // SAFETY: the module has one thread, and the host writes there and calls nobody but `realloc`.
    let area = unsafe { &mut *AREA.0.get() };
    *area = Room([0; 64]);
    write(area);
    area.0.as_ptr()
}

/// A result whose payload is that far behind its start.
pub(crate) struct Answer<T> {
    pub(crate) payload: usize,
    pub(crate) result: Result<T, Code>,
}

impl<T: Value> Value for Answer<T> {
    fn put(self, to: &mut [u8]) {
        let Some((first, payload)) = to.split_at_mut_checked(self.payload) else {
            trap();
        };
        match self.result {
            Ok(value) => value.put(payload),
            Err(code) => {
                put(first, 0, [1]);
                put(payload, 0, [code.0]);
            }
        }
    }
}

/// Answers with a function's result, as its layout has it.
macro_rules! answer {
    ($function:ident, $result:expr) => {
        $crate::lower::give($crate::lower::Answer {
            payload: $crate::layout::types::$function::PAYLOAD,
            result: $result.map_err($crate::lower::Code::from),
        })
    };
}
pub(crate) use answer;

/// An `ip-address-family`.
pub(crate) fn lift_family(case: u32) -> Family {
    match case as u8 {
        ip_address_family::IPV4 => Family::V4,
        _ => Family::V6,
    }
}

pub(crate) fn lower_family(family: Family) -> u32 {
    match family {
        Family::V4 => ip_address_family::IPV4.into(),
        Family::V6 => ip_address_family::IPV6.into(),
    }
}

/// Defines a function whose last parameter is an `ip-socket-address`, in core values.
macro_rules! with_address {
    ($(#[$doc:meta])* $export:literal $name:ident($($param:ident),*; $address:ident) -> $result:ty $body:block) => {
        $(#[$doc])*
        #[unsafe(export_name = $export)]
        #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
        extern "C" fn $name(
            $($param: u32,)*
            a: u32, b: u32, c: u32, d: u32, e: u32, f: u32,
            g: u32, h: u32, i: u32, j: u32, k: u32, l: u32,
        ) -> $result {
            let $address = $crate::lower::lift_address([a, b, c, d, e, f, g, h, i, j, k, l]);
            $body
        }
    };
}
pub(crate) use with_address;

/// Ends a function whose socket is the host's with the host's answer.
macro_rules! forward {
    ($state:ident $protocol:ident $of:ident $id:expr;
     $function:ident($($param:expr),*) $layout:ident) => {
        #[cfg(feature = "host")]
        if let Some(socket) = $state.hosted.$of($id) {
            let payload = $crate::layout::types::$layout::PAYLOAD;
            return $state.hosted.answer(payload, |result| {
                $crate::host::$protocol::$function(socket, $($param,)* result);
            });
        }
    };
}
pub(crate) use forward;

/// Options of sockets: how to read each, and how to set it, by these methods of the network, or on what
/// of the socket is the host's. `$core` is what its value is passed as.
macro_rules! options {
    ($protocol:ident $set_on:ident $get_by:ident $set_by:ident;
     $($option:ident $core:ty, |$value:ident| $lowered:expr,
       $get:literal $getter:ident $get_layout:ident,
       $set:literal $setter:ident $set_layout:ident;)*) => {$(
        #[unsafe(export_name = $get)]
        extern "C" fn $getter(this: u32) -> *const u8 {
            let state = state();
            forward!(state $protocol $protocol id(this); $getter() $get_layout);
            let value = state.network.$get_by(id(this), SocketOption::$option);
            answer!($get_layout, value.map(|$value| $lowered))
        }

        #[unsafe(export_name = $set)]
        extern "C" fn $setter(this: u32, value: $core) -> *const u8 {
            let state = state();
            let option = SocketOption::$option;
            let result = state.network.$set_by(id(this), option, value.into());
            if result.is_ok() {
                forward!(state $protocol $set_on id(this); $setter(value) $set_layout);
            }
            answer!($set_layout, result)
        }
    )*};
}
pub(crate) use options;
