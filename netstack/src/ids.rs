//! What things are called by those who call.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// The number behind it, which is small: numbers are used again.
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The id with a number that [`number`](Self::number) gave.
            pub const fn from_number(number: u32) -> Self {
                $name(number)
            }
        }
    };
}

id! {
    /// A TCP socket.
    TcpId
}
id! {
    /// One end of a TCP connection, which streams refer to.
    EndId
}
id! {
    /// A UDP socket.
    UdpId
}
id! {
    /// A lookup of a name.
    LookupId
}
