//! What the composition was built with, as bytes behind the static data.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | how many bytes follow, the least first |
//! | 1 | flags, as in `binding.rs` |
//! | 6 | how binds of TCP and UDP, connects of both, datagrams and lookups end that are not inside |
//! | 4, and so many | with a script: how many bytes it has, the least first, and the script; none where the network is elsewhere |
//! | then for each host | the length of its name, the name, and its answer |
//!
//! An answer is the number of its addresses, each as its length and its octets; or [`FAILS`] and an
//! error code.

use crate::memory::trap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use sockvirt_netstack::{Answer, Config, ErrorCode, Host};

/// Where it begins: where static data ends, in the next multiple of 16, as the tool reckons.
fn start() -> usize {
    #[cfg(target_family = "wasm")]
    {
        unsafe extern "C" {
            static __heap_base: u8;
        }
        // Only the address is meant.
        (&raw const __heap_base)
            .expose_provenance()
            .next_multiple_of(16)
    }
    #[cfg(not(target_family = "wasm"))]
    0
}

/// The bytes behind their number.
fn bytes() -> &'static [u8] {
    let number: *const u32 = core::ptr::with_exposed_provenance(start());
    // SAFETY: the tool put it there, behind all static data and before what is allocated, and
    // nothing writes to it.
    unsafe { core::slice::from_raw_parts(number.add(1).cast(), number.read() as usize) }
}

/// In the place of a number of addresses: an error code follows.
const FAILS: u8 = 255;

/// Where the memory behind the configuration begins.
pub(crate) fn end() -> usize {
    start() + 4 + bytes().len()
}

/// What the network has no place for: how binding to what is not inside ends, for which it has one
/// code, and what becomes of a program that waits for ever.
#[derive(Clone, Copy)]
pub(crate) struct Outside {
    /// As in `binding.rs`.
    pub(crate) flags: u8,
    pub(crate) tcp_bind: ErrorCode,
    pub(crate) udp_bind: ErrorCode,
    pub(crate) udp_connect: ErrorCode,
}

/// In the place of an error code: the guest ends.
const TRAP: u8 = 254;
/// In the place of an error code: a datagram is lost without a word.
const DROP: u8 = 253;

/// What stands for the end of the guest among error codes. No operation that is denied ends so
/// otherwise.
pub(crate) const ENDS: ErrorCode = ErrorCode::Unknown;
/// What stands for a lost datagram, and for a lookup that the host is asked for.
pub(crate) const LOST: ErrorCode = ErrorCode::NotSupported;

/// All that is configured.
pub(crate) struct Configured {
    pub(crate) config: Config,
    pub(crate) outside: Outside,
    /// The bytes of the script that is played.
    #[cfg(feature = "script")]
    pub(crate) script: &'static [u8],
}

/// The configuration.
pub(crate) fn read() -> Configured {
    let mut reader = Reader(bytes());
    let flags = reader.byte();
    let codes = [0; 6].map(|_| reader.code());
    let [
        tcp_bind,
        udp_bind,
        outside_connect,
        udp_connect,
        outside_send,
        deny_resolve,
    ] = codes;
    let mut config = Config {
        outside_connect,
        outside_send,
        deny_resolve,
        ..Config::default()
    };
    #[cfg(feature = "script")]
    let script = reader.script();
    #[cfg(feature = "script")]
    {
        config.leads_out = flags & crate::binding::flags::LEADS_OUT != 0;
    }
    while !reader.0.is_empty() {
        config.hosts.push(reader.host());
    }
    let outside = Outside {
        flags,
        tcp_bind,
        udp_bind,
        udp_connect,
    };
    Configured {
        config,
        outside,
        #[cfg(feature = "script")]
        script,
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &'b [u8] {
        let Some((taken, rest)) = self.0.split_at_checked(count) else {
            trap();
        };
        self.0 = rest;
        taken
    }

    fn code(&mut self) -> ErrorCode {
        match self.byte() {
            TRAP => ENDS,
            DROP => LOST,
            code => ErrorCode::of(code).unwrap_or(ErrorCode::AccessDenied),
        }
    }

    #[cfg(feature = "script")]
    fn script(&mut self) -> &'b [u8] {
        let length = [0; 4].map(|_| self.byte());
        self.take(u32::from_le_bytes(length) as usize)
    }

    fn host(&mut self) -> Host {
        let length = self.byte();
        let name = self.take(length.into());
        // Names are ASCII.
        let name: String = name.iter().copied().map(char::from).collect();
        let answer = match self.byte() {
            FAILS => Answer::Fail(self.code()),
            count => Answer::Addresses((0..count).map(|_| self.address()).collect::<Vec<_>>()),
        };
        Host { name, answer }
    }

    fn address(&mut self) -> IpAddr {
        let length = self.byte();
        let octets = self.take(length.into());
        if let Ok(octets) = <[u8; 4]>::try_from(octets) {
            return IpAddr::from(octets);
        }
        match <[u8; 16]>::try_from(octets) {
            Ok(octets) => IpAddr::from(octets),
            Err(_) => trap(),
        }
    }
}

/// A code that the policy may have chosen, which may be the end of the guest.
pub(crate) fn denied(code: ErrorCode) -> ErrorCode {
    match code {
        ENDS => trap(),
        code => code,
    }
}
