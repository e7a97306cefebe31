//! `ip-socket-address` and `ip-address`, in core values and in memory.

use crate::contract::{Packed, V6};
use crate::memory::{load8, load16, load32, store8, store16, store32};

/// An `ip-socket-address` as it is passed in core values: the case, the port, then four octets, or
/// the flow info, eight segments and the scope id.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Address(pub(crate) [u32; 12]);

impl Address {
    /// `[::ffff:0.0.0.0]:0`, which is invalid for every use of every socket: it is of the wrong
    /// family for IPv4 sockets and IPv4-mapped for the others. A host that is asked to use it says
    /// what is wrong with the socket, if something is, or that the argument is invalid. Nothing
    /// else can come of it.
    pub(crate) const NOWHERE: Address = Address([1, 0, 0, 0, 0, 0, 0, 0, 0xffff, 0, 0, 0]);

    pub(crate) const fn is_v6(self) -> bool {
        self.0[0] != 0
    }

    pub(crate) const fn port(self) -> u32 {
        self.0[1]
    }

    /// What of the words is the IP address.
    fn ip(&self) -> &[u32] {
        let [_, _, rest @ ..] = &self.0;
        match (self.is_v6(), rest) {
            (false, [v4 @ .., _, _, _, _, _, _]) => v4,
            (true, [_, v6 @ .., _]) => v6,
        }
    }

    /// As the policy takes it.
    pub(crate) fn pack(&self) -> Packed {
        let parts = self.ip();
        Packed::of(self.is_v6(), self.port(), |i| word(parts, i))
    }

    pub(crate) fn is_unspecified(&self) -> bool {
        self.ip().iter().all(|word| *word == 0)
    }

    pub(crate) fn has_ip_of(&self, other: Address) -> bool {
        self.ip() == other.ip()
    }

    /// The address at `at`: a tag, and 4 bytes behind it the fields.
    pub(crate) fn load(at: u32) -> Self {
        let mut words = [0; 12];
        words[0] = load8(at);
        words[1] = load16(at + 4);
        if words[0] == 0 {
            for i in 0..4 {
                words[2 + i] = load8(at + 6 + i as u32);
            }
        } else {
            words[2] = load32(at + 8);
            for i in 0..8 {
                words[3 + i] = load16(at + 12 + 2 * i as u32);
            }
            words[11] = load32(at + 28);
        }
        Address(words)
    }

    pub(crate) fn store(self, at: u32) {
        let words = self.0;
        store8(at, words[0]);
        store16(at + 4, words[1]);
        if words[0] == 0 {
            for i in 0..4 {
                store8(at + 6 + i as u32, words[2 + i]);
            }
        } else {
            store32(at + 8, words[2]);
            for i in 0..8 {
                store16(at + 12 + 2 * i as u32, words[3 + i]);
            }
            store32(at + 28, words[11]);
        }
    }
}

/// An `ip-address` in core values: the case, then four octets or eight segments.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Ip(pub(crate) [u32; 9]);

impl Ip {
    /// The address at `at`: a tag, and 2 bytes behind it the fields.
    pub(crate) fn load(at: u32) -> Self {
        let mut words = [0; 9];
        words[0] = load8(at);
        for i in 0..8 {
            let field = at + 2;
            words[1 + i] = match words[0] {
                0 if i > 3 => 0,
                0 => load8(field + i as u32),
                _ => load16(field + 2 * i as u32),
            };
        }
        Ip(words)
    }

    pub(crate) fn store(self, at: u32) {
        let words = self.0;
        store8(at, words[0]);
        for i in 0..8 {
            let field = at + 2;
            match words[0] {
                0 if i > 3 => {}
                0 => store8(field + i as u32, words[1 + i]),
                _ => store16(field + 2 * i as u32, words[1 + i]),
            }
        }
    }
}

impl Ip {
    /// As the policy takes it.
    pub(crate) fn pack(&self) -> Packed {
        let [case, v6 @ ..] = &self.0;
        let [v4 @ .., _, _, _, _] = v6;
        let is_v6 = *case != 0;
        let parts = if is_v6 { &v6[..] } else { v4 };
        Packed::of(is_v6, 0, |i| word(parts, i))
    }
}

fn word(words: &[u32], i: u32) -> u32 {
    words.get(i as usize).copied().unwrap_or(0)
}

/// The bits of an octet, or of a segment.
const fn width(is_v6: bool) -> u32 {
    if is_v6 { 16 } else { 8 }
}

impl Packed {
    /// Of octets or segments, by their places.
    fn of(is_v6: bool, port: u32, part: impl Fn(u32) -> u32) -> Self {
        let (width, count) = (width(is_v6), if is_v6 { 8 } else { 4 });
        let (mut high, mut low) = (0, 0);
        for i in 0..count {
            high = high << width | low >> (64 - width);
            low = low << width | u64::from(part(i));
        }
        let tag = port | if is_v6 { V6 } else { 0 };
        Packed { tag, high, low }
    }

    /// The socket address at `at`.
    pub(crate) fn load(at: u32) -> Self {
        let is_v6 = load8(at) != 0;
        Packed::of(is_v6, load16(at + 4), |i| match is_v6 {
            true => load16(at + 12 + 2 * i),
            false => load8(at + 6 + i),
        })
    }

    fn is_v6(self) -> bool {
        self.tag & V6 != 0
    }

    /// Writes the octets or the segments.
    fn unpack(self, parts: &mut [u32]) {
        let width = width(self.is_v6());
        let Packed {
            mut high, mut low, ..
        } = self;
        for part in parts.iter_mut().rev() {
            *part = low as u32 & ((1 << width) - 1);
            low = low >> width | high << (64 - width);
            high >>= width;
        }
    }

    /// As a socket address. It has no scope and no flow.
    #[cfg(feature = "names")]
    pub(crate) fn address(self) -> Address {
        let mut words = [0; 12];
        let [case, port, rest @ ..] = &mut words;
        *case = self.is_v6().into();
        *port = self.tag & 0xffff;
        match (self.is_v6(), rest) {
            (false, [v4 @ .., _, _, _, _, _, _]) => self.unpack(v4),
            (true, [_, v6 @ .., _]) => self.unpack(v6),
        }
        Address(words)
    }

    /// As an IP address.
    pub(crate) fn ip(self) -> Ip {
        let mut words = [0; 9];
        let [case, v6 @ ..] = &mut words;
        *case = self.is_v6().into();
        match (self.is_v6(), v6) {
            (false, [v4 @ .., _, _, _, _]) => self.unpack(v4),
            (true, v6) => self.unpack(v6),
        }
        Ip(words)
    }
}

/// Defines a function that is exported, whose last parameter is an `ip-socket-address`.
macro_rules! export_with_address {
    ($(#[$doc:meta])* $export:literal $name:ident($($param:ident),*; $address:ident) $body:block) => {
        $(#[$doc])*
        #[unsafe(export_name = $export)]
        #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
        extern "C" fn $name(
            $($param: u32,)*
            a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
            a6: u32, a7: u32, a8: u32, a9: u32, a10: u32, a11: u32,
        ) -> u32 {
            let $address = $crate::address::Address(
                [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11]
            );
            $body
        }
    };
}

/// Calls an import, with an address where it says `@address`.
macro_rules! pass_address {
    ($function:ident($($before:expr),*; $address:expr; $($after:expr),*)) => {{
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11] = $address.0;
        $function(
            $($before,)* a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, $($after),*
        )
    }};
}

/// Declares imports that take an address, where it says `address`.
macro_rules! import_with_address {
    ($module:literal $($link:literal $name:ident($($before:ident),*; address; $($after:ident),*) $(-> $result:ty)?;)*) => {
        #[link(wasm_import_module = $module)]
        #[allow(clippy::too_many_arguments, reason = "addresses are passed flat")]
        unsafe extern "C" {
            $(
                #[link_name = $link]
                safe fn $name(
                    $($before: u32,)*
                    a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
                    a6: u32, a7: u32, a8: u32, a9: u32, a10: u32, a11: u32,
                    $($after: u32),*
                ) $(-> $result)?;
            )*
        }
    };
}

pub(crate) use {export_with_address, import_with_address, pass_address};
