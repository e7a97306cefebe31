//! How operations fail.

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident,)*) => {
        /// The `error-code` of `wasi:sockets/network@0.2`, in its order: `as u8` is the
        /// discriminant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ErrorCode {
            $($(#[$doc])* $code,)*
        }

        impl ErrorCode {
            /// All of them, in order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$code),*];
        }
    };
}

codes! {
    /// Something that has no code of its own.
    Unknown,
    /// The policy, or the kernel, does not let this happen.
    AccessDenied,
    /// The operation is not supported.
    NotSupported,
    /// One of the arguments is invalid.
    InvalidArgument,
    /// There is no memory left for it.
    OutOfMemory,
    /// The operation took too long. No clock is in here, so nothing ends with it.
    Timeout,
    /// Another operation on the same socket has begun and is not finished.
    ConcurrencyConflict,
    /// A `finish` without its `start`.
    NotInProgress,
    /// The operation has to wait.
    WouldBlock,
    /// The socket is in no state for it.
    InvalidState,
    /// No socket can be created any more.
    NewSocketLimit,
    /// The address is none of this network.
    AddressNotBindable,
    /// Another socket has the address, or no port is left.
    AddressInUse,
    /// No way leads there.
    RemoteUnreachable,
    /// Nobody listens there.
    ConnectionRefused,
    /// The other side gave the connection up.
    ConnectionReset,
    /// The connection was given up on this side.
    ConnectionAborted,
    /// A datagram is longer than any can be.
    DatagramTooLarge,
    /// The name has no address.
    NameUnresolvable,
    /// The lookup failed, and may not when tried again.
    TemporaryResolverFailure,
    /// The lookup failed for good.
    PermanentResolverFailure,
}

impl ErrorCode {
    /// The code with a discriminant.
    pub fn of(discriminant: u8) -> Option<Self> {
        Self::ALL.get(usize::from(discriminant)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_in_its_place() {
        for (discriminant, code) in (0..).zip(ErrorCode::ALL) {
            assert_eq!(*code as u8, discriminant);
            assert_eq!(ErrorCode::of(discriminant), Some(*code));
        }
    }
}
