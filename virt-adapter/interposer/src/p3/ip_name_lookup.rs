//! `wasi:sockets/ip-name-lookup@0.3`

use super::task::{self, EXIT, Progress, Task, begun, flat_error, list_of};
use super::{PAYLOAD, clear_error, text_of};
use crate::address::Ip;
use crate::codes::Code;
use crate::memory::{blocks, load8, move_block, store8, store32};
use crate::policy::{self, Denial, Lookup};

#[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.3")]
unsafe extern "C" {
    #[link_name = "[async-lower]resolve-addresses"]
    safe fn host_resolve_addresses(name: u32, length: u32, result: u32) -> u32;
}

#[link(wasm_import_module = "canon")]
unsafe extern "C" {
    #[link_name = "[task-return]resolve-addresses"]
    safe fn return_addresses(is_error: u32, first: u32, second: u32, third: u32, fourth: u32);
}

/// An `ip-address` in a list.
const SIZE: u32 = 18;
/// The most answers that a policy has itself for one name.
const INSIDE: u32 = 64;

/// What a lookup keeps: the policy's number for it, and the name.
mod kept {
    pub(super) const QUERY: usize = 0;
    pub(super) const NAME: usize = 1;
    pub(super) const LENGTH: usize = 2;
}

/// Looks up a name, if the policy has not the answers itself.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[async-lift]resolve-addresses")]
extern "C" fn resolve_addresses(name: u32, length: u32) -> u32 {
    let query = match policy::resolve(name, length) {
        Lookup::Ask(query) => query,
        decided => {
            blocks::free(name, length);
            return begun(answer_inside(decided));
        }
    };
    let Some(task) = Task::new() else {
        blocks::free(name, length);
        policy::end_lookup(query);
        return begun(fail(Code::OUT_OF_MEMORY));
    };
    task.kept[kept::QUERY].set(query);
    task.kept[kept::NAME].set(name);
    task.kept[kept::LENGTH].set(length);
    let canonical = crate::name::canonical(name, length);
    let status = host_resolve_addresses(name, canonical, task.result());
    begun(go_on(task, task.started(status)))
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[callback]resolve-addresses")]
extern "C" fn called_back(event: u32, _: u32, state: u32) -> u32 {
    task::called_back(event, state, go_on)
}

/// As [`resolve_addresses`], where the policy never asks the host.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[async-lift]resolve-addresses inside")]
extern "C" fn resolve_inside(name: u32, length: u32) -> u32 {
    let lookup = policy::resolve(name, length);
    blocks::free(name, length);
    begun(answer_inside(lookup))
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[callback]resolve-addresses inside")]
extern "C" fn called_back_inside(event: u32, _: u32, _: u32) -> u32 {
    task::ended(event);
    EXIT
}

/// As [`resolve_addresses`], where the policy has no rule for names: a literal is its own answer.
#[unsafe(export_name = "wasi:sockets/ip-name-lookup@0.3#[async-lift]resolve-addresses literal")]
extern "C" fn resolve_literal(name: u32, length: u32) -> u32 {
    let answer = policy::resolve_literal(name, length);
    blocks::free(name, length);
    begun(match answer {
        Ok(ip) => {
            let list = blocks::allocate(SIZE);
            ip.store(list);
            return_addresses(0, list, 1, 0, 0);
            blocks::free(list, SIZE);
            EXIT
        }
        Err(denial) => fail(denial.map_or(Code::INVALID_ARGUMENT, Denial::code)),
    })
}

fn fail(code: Code) -> u32 {
    return_addresses(1, code.number().into(), 0, 0, 0);
    EXIT
}

fn answer_inside(lookup: Lookup) -> u32 {
    match lookup {
        Lookup::Inside(query) => {
            let list = blocks::allocate(INSIDE * SIZE);
            let count = add_inside(query, list, 0, INSIDE);
            policy::end_lookup(query);
            return_addresses(0, list, count, 0, 0);
            blocks::free(list, INSIDE * SIZE);
            EXIT
        }
        Lookup::Deny(denial) => fail(denial.code()),
        _ => fail(Code::INVALID_ARGUMENT),
    }
}

/// Adds the policy's own answers to a list that has room for `most`, and gives its length.
fn add_inside(query: u32, list: u32, mut count: u32, most: u32) -> u32 {
    while count < most
        && let Some(ip) = policy::next_inside(query)
    {
        ip.store(list + count * SIZE);
        count += 1;
    }
    count
}

fn go_on(task: &Task, progress: Progress) -> u32 {
    let query = task.kept[kept::QUERY].get();
    if let Progress::Waiting(word) = progress {
        return word;
    }
    blocks::free(task.kept[kept::NAME].get(), task.kept[kept::LENGTH].get());
    if let Progress::Cancelled = progress {
        policy::end_lookup(query);
        return task.cancel();
    }
    let at = task.result();
    if load8(at) != 0 {
        policy::end_lookup(query);
        let [is_error, code, given, text, length] = flat_error(at);
        return_addresses(is_error, code, given, text, length);
        if let Some((text, length)) = text_of(at) {
            blocks::free(text, length);
        }
    } else {
        answer(query, at);
    }
    task.end();
    EXIT
}

/// Returns the answers of the host that the policy lets through, and those of the policy.
fn answer(query: u32, at: u32) {
    let (answers, count) = list_of(at);
    let mut kept = 0;
    for i in 0..count {
        let answer = answers + i * SIZE;
        if policy::answered(query, Ip::load(answer)) {
            move_block(answers + kept * SIZE, answer, SIZE);
            kept += 1;
        }
    }
    let most = kept + INSIDE;
    let list = blocks::allocate(most * SIZE);
    move_block(list, answers, kept * SIZE);
    blocks::free(answers, count * SIZE);
    let kept = add_inside(query, list, kept, most);
    policy::end_lookup(query);
    return_addresses(0, list, kept, 0, 0);
    blocks::free(list, most * SIZE);
    clear_error(at);
    store8(at, 0);
    store32(at + PAYLOAD, 0);
}
