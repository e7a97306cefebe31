//! What a policy says of the network in memory, as the bytes that it reads (`config.rs` of
//! `virt-adapter/p2`).

use super::Setup;
use super::binding::flags;
use super::hooks::{Given, Reach};
use super::hosted::Hosted;
use sockvirt_netstack::{ErrorCode, Network};
use sockvirt_policy::{Denial, Host, HostAnswer, OnDeadlock, Operation, Policy, Protocol};
use std::net::IpAddr;

/// In the place of a number of addresses: an error code follows.
const FAILS: u8 = 255;

/// The configuration.
pub(super) fn write(setup: Setup<'_>, reach: Reach, hosted: &Hosted) -> Vec<u8> {
    let mut bytes = head(setup.policy, reach, hosted);
    if let Some(Given { script, .. }) = setup.script {
        put_script(&mut bytes, &script.to_bytes());
    }
    put_names(&mut bytes, setup.policy, reach);
    bytes
}

/// The same for what has the handles alone, and calls a network elsewhere: that one has the names, and
/// the script.
pub(super) fn elsewhere(setup: Setup<'_>, reach: Reach, hosted: &Hosted) -> Vec<u8> {
    let mut bytes = head(setup.policy, reach, hosted);
    if setup.script.is_some() {
        put_script(&mut bytes, &[]);
    }
    bytes
}

fn put_script(bytes: &mut Vec<u8>, script: &[u8]) {
    bytes.extend((script.len() as u32).to_le_bytes());
    bytes.extend(script);
}

/// The flags, and how what is outside ends: [`HEAD`] bytes.
fn head(policy: &Policy, reach: Reach, hosted: &Hosted) -> Vec<u8> {
    let of = |operation, protocol| code(policy.denial(operation, protocol));
    let mut flags = 0;
    if policy.on_deadlock() == OnDeadlock::Hang {
        flags |= flags::HANG;
    }
    let known = [
        (hosted.reports, flags::REPORT),
        (hosted.exits, flags::EXIT),
        (hosted.host_time, flags::HOST_TIME),
        (reach.any(), flags::LEADS_OUT),
        (reach.tcp, flags::TCP_LEADS_OUT),
        (reach.udp, flags::UDP_LEADS_OUT),
        (reach.waits_on_host_clock(), flags::HOST_CLOCK),
    ];
    for (_, flag) in known.iter().filter(|(is, _)| *is) {
        flags |= flag;
    }
    vec![
        flags,
        of(Operation::Bind, Protocol::Tcp),
        of(Operation::Bind, Protocol::Udp),
        of(Operation::Connect, Protocol::Tcp),
        of(Operation::Connect, Protocol::Udp),
        of(Operation::Send, Protocol::Udp),
        match reach.any() {
            true => DROP,
            false => code(policy.resolve_denial()),
        },
    ]
}

/// What a network is configured with, of the data that its module has last: their length is before them.
pub(crate) fn configured(data: &[u8]) -> Option<&[u8]> {
    let (_, bytes) = length_of(data).filter(|(length, rest)| *length == rest.len())?;
    Some(bytes)
}

/// The bytes of the script in what a network is configured with.
pub(crate) fn script_of(bytes: &[u8]) -> Option<&[u8]> {
    let (length, bytes) = length_of(bytes.get(HEAD..)?)?;
    bytes.get(..length)
}

fn length_of(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*length) as usize, rest))
}

/// How many bytes are before the script.
const HEAD: usize = 7;

fn put_names(bytes: &mut Vec<u8>, policy: &Policy, reach: Reach) {
    // What leads to the host is answered by whoever stands before it, who remembers the answers.
    let stays = |host: &&Host| match host.answer() {
        HostAnswer::Fail(_) => true,
        HostAnswer::Addresses(ips) => ips.iter().all(|ip| Network::is_inside(*ip)),
    };
    for host in policy
        .hosts()
        .iter()
        .filter(|host| !reach.any() || stays(host))
    {
        put(bytes, host.name().as_bytes());
        match host.answer() {
            HostAnswer::Fail(denial) => bytes.extend([FAILS, code(*denial)]),
            HostAnswer::Addresses(ips) => {
                bytes.push(ips.len() as u8);
                for ip in ips {
                    match ip {
                        IpAddr::V4(ip) => put(bytes, &ip.octets()),
                        IpAddr::V6(ip) => put(bytes, &ip.octets()),
                    }
                }
            }
        }
    }
}

/// Names have 253 bytes at most, and answers 64 addresses.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(text.len() as u8);
    bytes.extend(text);
}

/// A denial as a number: an error code, or what stands for none.
fn code(denial: Denial) -> u8 {
    let code = match denial {
        Denial::Trap => return TRAP,
        Denial::Drop => return DROP,
        Denial::AccessDenied => ErrorCode::AccessDenied,
        Denial::ConnectionRefused => ErrorCode::ConnectionRefused,
        Denial::RemoteUnreachable => ErrorCode::RemoteUnreachable,
        Denial::Timeout => ErrorCode::Timeout,
        Denial::ConnectionReset => ErrorCode::ConnectionReset,
        Denial::AddressNotBindable => ErrorCode::AddressNotBindable,
        Denial::AddressInUse => ErrorCode::AddressInUse,
        Denial::NameUnresolvable => ErrorCode::NameUnresolvable,
        Denial::TemporaryResolverFailure => ErrorCode::TemporaryResolverFailure,
        Denial::PermanentResolverFailure => ErrorCode::PermanentResolverFailure,
    };
    code as u8
}

/// In the place of an error code: the guest ends.
const TRAP: u8 = 254;
/// In the place of an error code: a datagram is lost without a word; of a lookup, the host is asked.
const DROP: u8 = 253;
