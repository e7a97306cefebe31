//! Options of sockets.

use crate::ErrorCode;

/// An option of a socket, as a number: durations in nanoseconds, whether as 0 or 1.
///
/// UDP sockets have the last three. The buffer of a UDP socket's received datagrams is as large as
/// it says; the other options are kept and read back, and change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// Whether an idle connection is probed.
    KeepAlive,
    /// How long a connection is idle before it is probed.
    KeepAliveIdle,
    /// How long probes are apart.
    KeepAliveInterval,
    /// How many probes go unanswered before the connection is given up.
    KeepAliveCount,
    /// How many routers a packet may pass.
    HopLimit,
    /// The size of the buffer for what is received.
    ReceiveBuffer,
    /// The size of the buffer for what is sent.
    SendBuffer,
}

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

impl SocketOption {
    /// All of them.
    pub const ALL: [SocketOption; 7] = [
        SocketOption::KeepAlive,
        SocketOption::KeepAliveIdle,
        SocketOption::KeepAliveInterval,
        SocketOption::KeepAliveCount,
        SocketOption::HopLimit,
        SocketOption::ReceiveBuffer,
        SocketOption::SendBuffer,
    ];
}

/// The options of one socket, each at the place of its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    values: [u64; 7],
    /// A bit for each that was set.
    set: u8,
}

impl Options {
    /// What Linux gives a new TCP socket, read through wasmtime: the kernel's own defaults of
    /// `net.ipv4.tcp_rmem` and `tcp_wmem`, halved.
    pub(crate) const TCP: Options =
        Options::of([0, 7_200 * SECOND, 75 * SECOND, 9, 64, 65_536, 8_192]);
    /// The same for UDP: `net.core.rmem_default` and `wmem_default`.
    pub(crate) const UDP: Options = Options::of([0, 0, 0, 0, 64, 106_496, 106_496]);

    const fn of(values: [u64; 7]) -> Self {
        Options { values, set: 0 }
    }

    pub(crate) fn get(&self, option: SocketOption) -> u64 {
        let value = self.values.get(option as usize);
        value.copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, option: SocketOption, value: u64) {
        if let Some(place) = self.values.get_mut(option as usize) {
            *place = option.settle(value);
            self.set |= 1 << option as u8;
        }
    }

    /// The value of an option that was set.
    pub(crate) fn chosen(&self, option: SocketOption) -> Option<u64> {
        (self.set & 1 << option as u8 != 0).then(|| self.get(option))
    }
}

impl SocketOption {
    /// Whether a UDP socket has it.
    pub(crate) fn is_of_udp(self) -> bool {
        use SocketOption::*;
        matches!(self, HopLimit | ReceiveBuffer | SendBuffer)
    }

    /// Checks a value before the socket is looked at, as wasmtime does for some options.
    pub(crate) fn check_early(self, value: u64) -> Result<(), ErrorCode> {
        use SocketOption::*;
        let early = matches!(self, KeepAliveIdle | KeepAliveInterval | KeepAliveCount);
        match early && value == 0 {
            true => Err(ErrorCode::InvalidArgument),
            false => Ok(()),
        }
    }

    /// Checks a value once the socket is known to be there.
    pub(crate) fn check_late(self, value: u64) -> Result<(), ErrorCode> {
        match self.is_of_udp() && value == 0 {
            true => Err(ErrorCode::InvalidArgument),
            false => Ok(()),
        }
    }

    /// What is read back after a value was set. Linux clamps buffer sizes to `SOCK_MIN_RCVBUF` and
    /// `SOCK_MIN_SNDBUF`, and to `net.core.rmem_max` and `wmem_max`; wasmtime clamps the rest.
    fn settle(self, value: u64) -> u64 {
        match self {
            SocketOption::KeepAlive => value.min(1),
            SocketOption::KeepAliveIdle | SocketOption::KeepAliveInterval => {
                // The kernel counts in whole seconds.
                let seconds = value.div_ceil(SECOND);
                seconds.clamp(1, i16::MAX as u64) * SECOND
            }
            SocketOption::KeepAliveCount => value.clamp(1, i8::MAX as u64),
            SocketOption::HopLimit => value.clamp(1, u64::from(u8::MAX)),
            SocketOption::ReceiveBuffer => value.clamp(1_152, 212_992),
            SocketOption::SendBuffer => value.clamp(2_304, 212_992),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_clamped_and_read_back() {
        use SocketOption::*;
        for (option, value, expected) in [
            (KeepAlive, 1, 1),
            (KeepAliveIdle, 1, SECOND),
            (KeepAliveIdle, SECOND + 1, 2 * SECOND),
            (KeepAliveIdle, u64::MAX, 32_767 * SECOND),
            (KeepAliveInterval, 3 * SECOND, 3 * SECOND),
            (KeepAliveCount, 1_000, 127),
            (HopLimit, 255, 255),
            (ReceiveBuffer, 1, 1_152),
            (ReceiveBuffer, 1 << 40, 212_992),
            (SendBuffer, 1, 2_304),
            (SendBuffer, 10_000, 10_000),
        ] {
            let mut options = Options::TCP;
            options.set(option, value);
            assert_eq!(options.get(option), expected, "{option:?} {value}");
        }
    }
}
