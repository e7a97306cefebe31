//! The Canonical ABI: results as bytes where the caller wants them, and addresses.

use crate::guest::Guest;
use crate::handles::{Handle, Resource};
use crate::layout::network::{
    ip_address, ip_address_family, ip_socket_address, ipv4_socket_address, ipv6_socket_address,
};
use crate::layout::streams::stream_error;
use crate::memory::trap;
use crate::state::State;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use sockvirt_netstack::{ErrorCode, Family, StreamEnd};

/// Where a `result` has what, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) size: usize,
    pub(crate) payload: usize,
}

/// The layout of a function's result.
macro_rules! layout {
    ($interface:ident $function:ident) => {
        $crate::lower::Layout {
            size: $crate::layout::$interface::$function::SIZE,
            payload: $crate::layout::$interface::$function::PAYLOAD,
        }
    };
}
pub(crate) use layout;

/// No result takes more room.
const LARGEST: usize = 40;

/// A value that a result can hold.
pub(crate) trait Value {
    fn put(self, at: &mut Bytes<'_>);
}

/// Bytes that a value is written to.
pub(crate) struct Bytes<'b>(&'b mut [u8]);

impl<'b> Bytes<'b> {
    pub(crate) fn new(bytes: &'b mut [u8]) -> Self {
        Bytes(bytes)
    }

    pub(crate) fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        match self.0.get_mut(at..at + N) {
            Some(place) => place.copy_from_slice(&bytes),
            None => trap(),
        }
    }

    pub(crate) fn from(&mut self, at: usize) -> Bytes<'_> {
        match self.0.get_mut(at..) {
            Some(rest) => Bytes(rest),
            None => trap(),
        }
    }
}

impl Value for () {
    fn put(self, _: &mut Bytes<'_>) {}
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl Value for $ty {
            fn put(self, at: &mut Bytes<'_>) {
                at.put(0, self.to_le_bytes());
            }
        }
    )*};
}
numbers! { u8 u32 u64 }

impl Value for bool {
    fn put(self, at: &mut Bytes<'_>) {
        u8::from(self).put(at);
    }
}

/// Numbers in a row: a list, or a tuple of handles.
impl<const N: usize> Value for [u32; N] {
    fn put(self, at: &mut Bytes<'_>) {
        for (i, number) in self.into_iter().enumerate() {
            at.put(i * 4, number.to_le_bytes());
        }
    }
}

impl Value for SocketAddr {
    fn put(self, at: &mut Bytes<'_>) {
        let payload = ip_socket_address::PAYLOAD;
        match self {
            SocketAddr::V4(address) => {
                at.put(0, [ip_socket_address::IPV4]);
                let mut at = at.from(payload);
                at.put(ipv4_socket_address::PORT, address.port().to_le_bytes());
                at.put(ipv4_socket_address::ADDRESS, address.ip().octets());
            }
            SocketAddr::V6(address) => {
                at.put(0, [ip_socket_address::IPV6]);
                let mut at = at.from(payload);
                at.put(ipv6_socket_address::PORT, address.port().to_le_bytes());
                at.put(
                    ipv6_socket_address::FLOW_INFO,
                    address.flowinfo().to_le_bytes(),
                );
                at.put(ipv6_socket_address::ADDRESS, segments(*address.ip()));
                at.put(
                    ipv6_socket_address::SCOPE_ID,
                    address.scope_id().to_le_bytes(),
                );
            }
        }
    }
}

/// The segments of an address, each in the byte order of memory.
fn segments(ip: Ipv6Addr) -> [u8; 16] {
    let mut bytes = ip.octets();
    for pair in bytes.chunks_exact_mut(2) {
        pair.reverse();
    }
    bytes
}

impl Value for IpAddr {
    fn put(self, at: &mut Bytes<'_>) {
        match self {
            IpAddr::V4(ip) => {
                at.put(0, [ip_address::IPV4]);
                at.put(ip_address::PAYLOAD, ip.octets());
            }
            IpAddr::V6(ip) => {
                at.put(0, [ip_address::IPV6]);
                at.put(ip_address::PAYLOAD, segments(ip));
            }
        }
    }
}

/// An option of what is aligned to `ALIGN`.
pub(crate) struct Aligned<const ALIGN: usize, T>(pub(crate) Option<T>);

impl<const ALIGN: usize, T: Value> Value for Aligned<ALIGN, T> {
    fn put(self, at: &mut Bytes<'_>) {
        match self.0 {
            None => at.put(0, [0]),
            Some(value) => {
                at.put(0, [1]);
                value.put(&mut at.from(ALIGN));
            }
        }
    }
}

impl Value for ErrorCode {
    fn put(self, at: &mut Bytes<'_>) {
        at.put(0, [self as u8]);
    }
}

/// A stream's error: how it failed, or that it is closed.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    Closed,
    Failed(Handle),
}

impl Ended {
    pub(crate) fn of(state: &mut State, end: StreamEnd) -> Self {
        match end {
            StreamEnd::Closed => Ended::Closed,
            StreamEnd::Failed(code) => Ended::Failed(state.handles.give(Resource::Error(code))),
        }
    }
}

impl Value for Ended {
    fn put(self, at: &mut Bytes<'_>) {
        match self {
            Ended::Closed => at.put(0, [stream_error::CLOSED]),
            Ended::Failed(error) => {
                at.put(0, [stream_error::LAST_OPERATION_FAILED]);
                at.put(stream_error::PAYLOAD, error.to_le_bytes());
            }
        }
    }
}

/// Writes a function's result where the caller wants it.
pub(crate) fn answer<T: Value, E: Value>(
    guest: Guest,
    to: u32,
    layout: Layout,
    result: Result<T, E>,
) {
    let mut bytes = [0; LARGEST];
    let mut all = Bytes(&mut bytes);
    let mut payload = all.from(layout.payload);
    let case = match result {
        Ok(value) => {
            value.put(&mut payload);
            0
        }
        Err(error) => {
            error.put(&mut payload);
            1
        }
    };
    all.put(0, [case]);
    match bytes.get(..layout.size) {
        Some(bytes) => guest.write(to, bytes),
        None => trap(),
    }
}

/// How many core values an `ip-socket-address` is passed as.
pub(crate) const FLAT: usize = 12;

/// An `ip-socket-address` that was passed as core values.
pub(crate) fn lift_address(flat: [u32; FLAT]) -> SocketAddr {
    let [case, port, rest @ ..] = flat;
    let port = port as u16;
    if case == u32::from(ip_socket_address::IPV4) {
        let [a, b, c, d, ..] = rest.map(|it| it as u8);
        return SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port).into();
    }
    if case != u32::from(ip_socket_address::IPV6) {
        trap();
    }
    let [flow, a, b, c, d, e, f, g, h, scope] = rest;
    let [a, b, c, d, e, f, g, h] = [a, b, c, d, e, f, g, h].map(|it| it as u16);
    let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
    SocketAddrV6::new(ip, port, flow, scope).into()
}

/// An `ip-socket-address` in memory.
pub(crate) fn load_address(bytes: &[u8]) -> SocketAddr {
    let get = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let half = |at: usize| u16::from_le_bytes([get(at), get(at + 1)]);
    let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
    let payload = ip_socket_address::PAYLOAD;
    match get(0) {
        ip_socket_address::IPV4 => {
            let at = payload + ipv4_socket_address::ADDRESS;
            let ip = Ipv4Addr::new(get(at), get(at + 1), get(at + 2), get(at + 3));
            SocketAddrV4::new(ip, half(payload + ipv4_socket_address::PORT)).into()
        }
        ip_socket_address::IPV6 => {
            let at = payload + ipv6_socket_address::ADDRESS;
            let [a, b, c, d, e, f, g, h] = [0, 2, 4, 6, 8, 10, 12, 14].map(|i| half(at + i));
            SocketAddrV6::new(
                Ipv6Addr::new(a, b, c, d, e, f, g, h),
                half(payload + ipv6_socket_address::PORT),
                word(payload + ipv6_socket_address::FLOW_INFO),
                word(payload + ipv6_socket_address::SCOPE_ID),
            )
            .into()
        }
        _ => trap(),
    }
}

/// An address family that was passed as a core value.
pub(crate) fn lift_family(case: u32) -> Family {
    const V4: u32 = ip_address_family::IPV4 as u32;
    const V6: u32 = ip_address_family::IPV6 as u32;
    match case {
        V4 => Family::V4,
        V6 => Family::V6,
        _ => trap(),
    }
}

/// An address family as a core value.
pub(crate) fn lower_family(family: Family) -> u32 {
    u32::from(match family {
        Family::V4 => ip_address_family::IPV4,
        Family::V6 => ip_address_family::IPV6,
    })
}
