//! How a denied operation ends.

use crate::Operation;
use core::fmt;
use core::str::FromStr;

/// What the guest sees of a denied operation.
///
/// All but [`Trap`](Denial::Trap) and [`Drop`](Denial::Drop) are cases of an `error-code` type of
/// `wasi:sockets`, under the name that they have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denial {
    /// `access-denied`: what hosts answer to what they do not permit (POSIX `EACCES`).
    AccessDenied,
    /// The component traps. For tests that want to find every use of the network.
    Trap,
    /// `connection-refused`, as where no listener is (`ECONNREFUSED`).
    ConnectionRefused,
    /// `remote-unreachable`, as where no route is (`EHOSTUNREACH`).
    RemoteUnreachable,
    /// `timeout` (`ETIMEDOUT`). It is answered at once.
    Timeout,
    /// `connection-reset` (`ECONNRESET`).
    ConnectionReset,
    /// `address-not-bindable` (`EADDRNOTAVAIL`).
    AddressNotBindable,
    /// `address-in-use` (`EADDRINUSE`).
    AddressInUse,
    /// `name-unresolvable`: the name does not exist.
    NameUnresolvable,
    /// `temporary-resolver-failure`: asking again later might help.
    TemporaryResolverFailure,
    /// `permanent-resolver-failure`: asking again will not help.
    PermanentResolverFailure,
    /// The datagram is lost, and the sender is told that it was sent.
    Drop,
}

impl Denial {
    /// Every denial there is.
    pub const ALL: [Denial; 12] = [
        Denial::AccessDenied,
        Denial::Trap,
        Denial::ConnectionRefused,
        Denial::RemoteUnreachable,
        Denial::Timeout,
        Denial::ConnectionReset,
        Denial::AddressNotBindable,
        Denial::AddressInUse,
        Denial::NameUnresolvable,
        Denial::TemporaryResolverFailure,
        Denial::PermanentResolverFailure,
        Denial::Drop,
    ];

    /// The name that policy files and flags use, and WIT where it is an error code there.
    pub const fn name(self) -> &'static str {
        match self {
            Denial::AccessDenied => "access-denied",
            Denial::Trap => "trap",
            Denial::ConnectionRefused => "connection-refused",
            Denial::RemoteUnreachable => "remote-unreachable",
            Denial::Timeout => "timeout",
            Denial::ConnectionReset => "connection-reset",
            Denial::AddressNotBindable => "address-not-bindable",
            Denial::AddressInUse => "address-in-use",
            Denial::NameUnresolvable => "name-unresolvable",
            Denial::TemporaryResolverFailure => "temporary-resolver-failure",
            Denial::PermanentResolverFailure => "permanent-resolver-failure",
            Denial::Drop => "drop",
        }
    }

    /// Whether `operation` can end like this.
    ///
    /// `access-denied` and `trap` fit every operation; the others fit those whose WIT
    /// documentation names the code.
    pub const fn fits(self, operation: Operation) -> bool {
        match self {
            Denial::AccessDenied | Denial::Trap => true,
            Denial::ConnectionRefused
            | Denial::RemoteUnreachable
            | Denial::Timeout
            | Denial::ConnectionReset => matches!(operation, Operation::Connect),
            Denial::AddressNotBindable | Denial::AddressInUse => {
                matches!(operation, Operation::Bind | Operation::Listen)
            }
            Denial::NameUnresolvable
            | Denial::TemporaryResolverFailure
            | Denial::PermanentResolverFailure => matches!(operation, Operation::Resolve),
            Denial::Drop => matches!(operation, Operation::Send),
        }
    }

    /// The denials that fit `operation`.
    pub fn fitting(operation: Operation) -> impl Iterator<Item = Denial> {
        Denial::ALL
            .into_iter()
            .filter(move |denial| denial.fits(operation))
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Denial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDenial;

impl fmt::Display for UnknownDenial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a way to deny; there are ")?;
        for (i, denial) in Denial::ALL.into_iter().enumerate() {
            write!(f, "{}`{denial}`", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownDenial {}

impl FromStr for Denial {
    type Err = UnknownDenial;

    fn from_str(name: &str) -> Result<Self, UnknownDenial> {
        Denial::ALL
            .into_iter()
            .find(|denial| denial.name() == name)
            .ok_or(UnknownDenial)
    }
}
