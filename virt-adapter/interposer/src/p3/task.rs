//! Async functions that call one of the host's.
//!
//! The Canonical ABI has them lifted with a callback: the function starts a call of the host and,
//! unless that is done at once, returns to wait for it; the callback goes on from there. What is
//! to be kept in between is a [`Task`].

use crate::memory::{load8, load32, trap};
use core::cell::{Cell, UnsafeCell};

#[link(wasm_import_module = "canon")]
unsafe extern "C" {
    #[link_name = "[subtask-cancel]"]
    safe fn subtask_cancel(subtask: u32) -> u32;
    #[link_name = "[subtask-drop]"]
    safe fn subtask_drop(subtask: u32);
    #[link_name = "[task-cancel]"]
    safe fn task_cancel();
    #[link_name = "[waitable-set-new]"]
    safe fn waitable_set_new() -> u32;
    #[link_name = "[waitable-set-drop]"]
    safe fn waitable_set_drop(set: u32);
    #[link_name = "[waitable-join]"]
    safe fn waitable_join(waitable: u32, set: u32);
    #[link_name = "[context-get-0]"]
    safe fn context_get() -> u32;
    #[link_name = "[context-set-0]"]
    safe fn context_set(value: u32);
    /// A stream of nothing.
    #[link_name = "[stream-new]wake"]
    safe fn new_wake() -> u64;
    #[link_name = "[stream-read]wake"]
    safe fn read_wake(stream: u32, to: u32, count: u32) -> u32;
    #[link_name = "[stream-write]wake"]
    safe fn write_wake(stream: u32, from: u32, count: u32) -> u32;
}

/// What a function or a callback returns: it is done.
pub(super) const EXIT: u32 = 0;
/// It waits, for the set in the upper bits.
const WAIT: u32 = 2;

/// The state of a call of the host, in the lower four bits of its status.
const RETURNED: u32 = 2;
const CANCELLED_BEFORE_START: u32 = 3;
const CANCELLED: u32 = 4;

/// Events that a callback is told.
const SUBTASK: u32 = 1;
const STREAM_READ: u32 = 2;
const CANCEL: u32 = 6;

/// A call of an async function that is not done. Its number is its place in the pool, from 1.
pub(super) struct Task {
    in_use: Cell<bool>,
    subtask: Cell<u32>,
    set: Cell<u32>,
    /// Words that the function keeps for itself.
    pub(super) kept: [Cell<u32>; 6],
    /// Parameters of the host's function.
    params: UnsafeCell<[u64; 8]>,
    /// Its result.
    result: UnsafeCell<[u64; 8]>,
}

/// So many calls can be in flight at a time.
const MOST: usize = 1024;

struct Pool([Task; MOST]);

// SAFETY: the module has one thread.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool(
    [const {
        Task {
            in_use: Cell::new(false),
            subtask: Cell::new(0),
            set: Cell::new(0),
            kept: [const { Cell::new(0) }; 6],
            params: UnsafeCell::new([0; 8]),
            result: UnsafeCell::new([0; 8]),
        }
    }; MOST],
);

/// How far a call has come.
pub(super) enum Progress {
    /// The host's function has returned; its result is there.
    Returned,
    /// Nobody wants the result any more.
    Cancelled,
    /// The word to return, to be called back.
    Waiting(u32),
}

impl Task {
    /// `None` where there are too many.
    pub(super) fn new() -> Option<&'static Task> {
        let task = POOL.0.iter().find(|task| !task.in_use.get())?;
        task.in_use.set(true);
        task.subtask.set(0);
        task.set.set(0);
        Some(task)
    }

    /// The task that is called back.
    fn current() -> &'static Task {
        match POOL.0.get((context_get() as usize).wrapping_sub(1)) {
            Some(task) => task,
            None => trap(),
        }
    }

    fn number(&self) -> u32 {
        let first = POOL.0.as_ptr() as usize;
        let place = (core::ptr::from_ref(self) as usize - first) / size_of::<Task>();
        place as u32 + 1
    }

    /// Where parameters are written: 64 bytes.
    pub(super) fn params(&self) -> u32 {
        self.params.get() as usize as u32
    }

    /// Where the result is: 64 bytes.
    pub(super) fn result(&self) -> u32 {
        self.result.get() as usize as u32
    }

    /// Goes on from the status that calling the host's function gave.
    pub(super) fn started(&self, status: u32) -> Progress {
        if status & 0xf == RETURNED {
            return Progress::Returned;
        }
        let subtask = status >> 4;
        self.subtask.set(subtask);
        if self.set.get() == 0 {
            self.set.set(waitable_set_new());
        }
        waitable_join(subtask, self.set.get());
        context_set(self.number());
        self.wait()
    }

    fn wait(&self) -> Progress {
        Progress::Waiting(WAIT | self.set.get() << 4)
    }

    /// Goes on from an event.
    fn progress(&self, event: u32, state: u32) -> Progress {
        let state = match event {
            SUBTASK => state,
            CANCEL => {
                // What waits in a set cannot be waited for otherwise.
                waitable_join(self.subtask.get(), 0);
                subtask_cancel(self.subtask.get()) & 0xf
            }
            _ => return self.wait(),
        };
        match state {
            RETURNED | CANCELLED_BEFORE_START | CANCELLED => {
                subtask_drop(self.subtask.replace(0));
                match state {
                    RETURNED => Progress::Returned,
                    _ => Progress::Cancelled,
                }
            }
            // It has started.
            _ => self.wait(),
        }
    }

    /// Gives back the task, whose function has ended.
    pub(super) fn end(&self) {
        match self.set.replace(0) {
            0 => {}
            set => waitable_set_drop(set),
        }
        self.in_use.set(false);
    }

    /// Ends the task without a result.
    pub(super) fn cancel(&self) -> u32 {
        self.end();
        task_cancel();
        EXIT
    }
}

/// What has functions called back at once: a stream that is read, and written to by one of them.
struct Wake {
    set: Cell<u32>,
    readable: Cell<u32>,
    writable: Cell<u32>,
    /// Whether it was written to, and that was not told yet.
    is_written: Cell<bool>,
}

// SAFETY: the module has one thread.
unsafe impl Sync for Wake {}

static WAKE: Wake = Wake {
    set: Cell::new(0),
    readable: Cell::new(0),
    writable: Cell::new(0),
    is_written: Cell::new(false),
};

/// What a function returns that may have been done at once: it ends when it is called back then.
/// wasmtime 48.0.8 keeps a task for ever that has ended before its caller knows of its result.
pub(super) fn begun(code: u32) -> u32 {
    if code != EXIT || WAKE.is_written.replace(true) {
        return code;
    }
    if WAKE.set.get() == 0 {
        let ends = new_wake();
        WAKE.readable.set(ends as u32);
        WAKE.writable.set((ends >> 32) as u32);
        WAKE.set.set(waitable_set_new());
        waitable_join(WAKE.readable.get(), WAKE.set.get());
    }
    read_wake(WAKE.readable.get(), 0, 1);
    write_wake(WAKE.writable.get(), 0, 1);
    WAIT | WAKE.set.get() << 4
}

/// Whether a function that was called back for an event had returned before.
pub(super) fn ended(event: u32) -> bool {
    let has_ended = event == STREAM_READ;
    if has_ended {
        WAKE.is_written.set(false);
    }
    has_ended
}

/// What a callback returns, which goes on by `go_on`.
pub(super) fn called_back(
    event: u32,
    state: u32,
    go_on: impl FnOnce(&Task, Progress) -> u32,
) -> u32 {
    if ended(event) {
        return EXIT;
    }
    let task = Task::current();
    go_on(task, task.progress(event, state))
}

/// A result that is an error or has no value, as core values.
pub(super) fn flat_error(at: u32) -> [u32; 5] {
    match load8(at) {
        0 => [0; 5],
        _ => {
            let (text, length) = super::text_of(at).unwrap_or_default();
            let given = load8(at + super::PAYLOAD + 4);
            [1, load8(at + super::PAYLOAD), given, text, length]
        }
    }
}

/// The first two words of a result that is a list.
pub(super) fn list_of(at: u32) -> (u32, u32) {
    (load32(at + super::PAYLOAD), load32(at + super::PAYLOAD + 4))
}
