//! Addresses as text. What `core` has for it is several KB, with padding and precision.

use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Appends a number.
pub(crate) fn number(text: &mut String, number: u32, radix: u32) {
    if number >= radix {
        self::number(text, number / radix, radix);
    }
    text.extend(char::from_digit(number % radix, radix));
}

/// Appends `127.0.0.1:80` or `[::1]:80`.
pub(crate) fn address(text: &mut String, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            for (i, octet) in ip.octets().into_iter().enumerate() {
                if i > 0 {
                    text.push('.');
                }
                number(text, octet.into(), 10);
            }
        }
        IpAddr::V6(ip) => v6(text, ip),
    }
    text.push(':');
    number(text, address.port().into(), 10);
}

/// In brackets. The first longest run of zeros is left out, as RFC 5952 has it.
fn v6(text: &mut String, ip: Ipv6Addr) {
    let segments = ip.segments();
    let zeros = |from: usize| {
        segments
            .iter()
            .skip(from)
            .take_while(|it| **it == 0)
            .count()
    };
    let mut longest = 0;
    for from in 1..segments.len() {
        if zeros(from) > zeros(longest) {
            longest = from;
        }
    }
    let left_out = match zeros(longest) {
        0 | 1 => 0..0,
        count => longest..longest + count,
    };
    text.push('[');
    for (i, segment) in segments.into_iter().enumerate() {
        if i == left_out.start && !left_out.is_empty() {
            text.push_str("::");
        }
        if left_out.contains(&i) {
            continue;
        }
        if i > 0 && i != left_out.end {
            text.push(':');
        }
        number(text, segment.into(), 16);
    }
    text.push(']');
}
