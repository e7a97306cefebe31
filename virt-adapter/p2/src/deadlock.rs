//! What becomes of a program that waits for what can never happen: nothing on a network in memory
//! changes unless its own program has it so.

use crate::binding::flags;
use crate::guest::Guest;
use crate::handles::{Handle, Resource};
use crate::memory::trap;
use crate::state::State;
use crate::text;
use alloc::string::String;

/// No report names more sockets.
const MOST: usize = 16;

/// Tells on standard error which sockets the program waits for, and ends it, or leaves it waiting.
pub(crate) fn deadlock(state: &mut State, guest: Guest, waiting: &[Handle]) -> ! {
    if !guest.is_bound() {
        trap();
    }
    #[cfg(feature = "script")]
    crate::script::stuck(state, &list(state, waiting));
    #[cfg(not(feature = "script"))]
    if state.outside.flags & flags::REPORT != 0 {
        let mut text = String::from("sockvirt: deadlock: nothing can happen any more on ");
        text.push_str(&list(state, waiting));
        text.push('\n');
        guest.report(&text);
    }
    if state.outside.flags & flags::HANG != 0 {
        guest.hang();
    }
    trap()
}

/// Everything that is waited for.
fn list(state: &State, waiting: &[Handle]) -> String {
    let mut text = String::new();
    for (i, handle) in waiting.iter().take(MOST).enumerate() {
        text.push_str(if i == 0 { "" } else { ", " });
        describe(state, *handle, &mut text);
    }
    if let Some(more @ 1..) = waiting.len().checked_sub(MOST) {
        text.push_str(" and ");
        text::number(&mut text, more as u32, 10);
        text.push_str(" more");
    }
    text
}

/// Writes what is waited for: the socket, and what it is to do.
fn describe(state: &State, handle: Handle, text: &mut String) {
    let network = &state.network;
    let mut handle = Some(handle);
    let mut does = None;
    while let Some(this) = handle {
        handle = state.handles.parent(this);
        match state.handles.get(this) {
            Resource::Input(_) => does = Some("reading"),
            Resource::Output(_) => does = Some("writing"),
            Resource::Incoming(_) => does = Some("receiving"),
            Resource::Tcp(id) => {
                let does = match network.tcp_is_listening(id) {
                    true => "accepting",
                    false => does.unwrap_or("connecting"),
                };
                text.push_str("tcp ");
                if let Ok(local) = network.tcp_local_address(id) {
                    text::address(text, local);
                    text.push(' ');
                }
                if let Ok(remote) = network.tcp_remote_address(id) {
                    text.push_str("-> ");
                    text::address(text, remote);
                    text.push(' ');
                }
                push_all(text, ["(", does, ")"]);
            }
            Resource::Udp(id) => {
                text.push_str("udp ");
                if let Ok(local) = network.udp_local_address(id) {
                    text::address(text, local);
                    text.push(' ');
                }
                push_all(text, ["(", does.unwrap_or("binding"), ")"]);
            }
            _ => {}
        }
    }
}

fn push_all(text: &mut String, parts: [&str; 3]) {
    for part in parts {
        text.push_str(part);
    }
}
