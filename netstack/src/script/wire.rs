//! A script as bytes: what the tool writes into a component, and the network reads there.
//!
//! Numbers are in groups of seven bits, the least first, and all but the last have the highest bit
//! set. A list is its length and its items. A case is its number and what it has. What may be absent is
//! a list of at most one.

use crate::ErrorCode;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// Something that can be written, and read back.
pub(crate) trait Wire: Sized {
    fn put(&self, to: &mut Vec<u8>);
    /// `None` where the bytes are not what [`put`](Self::put) writes.
    fn take(from: &mut Reader<'_>) -> Option<Self>;
}

/// Bytes that were not read yet.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Defines a type together with how it is written: its fields in order, or the number of a case and what it
/// has.
macro_rules! wire {
    (
        $(#[$attr:meta])*
        pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident: $ty:ty,)* }
    ) => {
        $(#[$attr])*
        pub struct $name { $($(#[$doc])* pub $field: $ty,)* }

        impl $crate::script::wire::Wire for $name {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                $($crate::script::wire::Wire::put(&self.$field, to);)*
            }

            fn take(from: &mut $crate::script::wire::Reader<'_>) -> Option<Self> {
                Some($name { $($field: $crate::script::wire::Wire::take(from)?,)* })
            }
        }
    };
    (
        $(#[$attr:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $case:ident $(($ty:ty))?,)* }
    ) => {
        $(#[$attr])*
        pub enum $name { $($(#[$doc])* $case $(($ty))?,)* }

        impl $crate::script::wire::Wire for $name {
            fn put(&self, to: &mut alloc::vec::Vec<u8>) {
                enum Number { $($case,)* }
                match self {
                    $($crate::script::wire::wire!(@pattern $name $case it $($ty)?) => {
                        to.push(Number::$case as u8);
                        $(<$ty as $crate::script::wire::Wire>::put(it, to);)?
                    })*
                }
            }

            fn take(from: &mut $crate::script::wire::Reader<'_>) -> Option<Self> {
                enum Number { $($case,)* }
                let number = <u8 as $crate::script::wire::Wire>::take(from)?;
                $(if number == Number::$case as u8 {
                    return Some($name::$case $((<$ty as $crate::script::wire::Wire>::take(from)?))?);
                })*
                None
            }
        }
    };
    (@pattern $name:ident $case:ident $it:ident) => { $name::$case };
    (@pattern $name:ident $case:ident $it:ident $ty:ty) => { $name::$case($it) };
}
pub(crate) use wire;

impl Wire for u64 {
    fn put(&self, to: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = u8::take(from)?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

macro_rules! smaller {
    ($($ty:ident)*) => {$(
        impl Wire for $ty {
            fn put(&self, to: &mut Vec<u8>) {
                u64::from(*self).put(to);
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                $ty::try_from(u64::take(from)?).ok()
            }
        }
    )*};
}

smaller!(u16 u32);

impl Wire for u8 {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.bytes(1)?.first().copied()
    }
}

impl Wire for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push((*self).into());
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        self.iter().for_each(|it| it.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = usize::try_from(u64::take(from)?).ok()?;
        // It may say that there are more than there are bytes.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::take(from)?);
        }
        Some(items)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        if let Some(it) = self {
            it.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match bool::take(from)? {
            true => Some(Some(T::take(from)?)),
            false => Some(None),
        }
    }
}

impl Wire for String {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        to.extend(self.as_bytes());
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = usize::try_from(u64::take(from)?).ok()?;
        let text = core::str::from_utf8(from.bytes(count)?).ok()?;
        Some(text.into())
    }
}

impl Wire for IpAddr {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            IpAddr::V4(ip) => {
                to.push(4);
                to.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                to.push(16);
                to.extend(ip.octets());
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = u8::take(from)?;
        let octets = from.bytes(count.into())?;
        if let Ok(octets) = <[u8; 4]>::try_from(octets) {
            return Some(octets.into());
        }
        Some(<[u8; 16]>::try_from(octets).ok()?.into())
    }
}

impl Wire for SocketAddr {
    fn put(&self, to: &mut Vec<u8>) {
        self.ip().put(to);
        self.port().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(SocketAddr::new(IpAddr::take(from)?, u16::take(from)?))
    }
}

impl Wire for ErrorCode {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self as u8);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        ErrorCode::of(u8::take(from)?)
    }
}

impl super::Script {
    /// The script as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let script = Self::take(&mut reader)?;
        reader.0.is_empty().then_some(script)
    }
}
