//! Keeps bugs of others from becoming panics of this library.
//!
//! The validator of wasmparser 0.258 and the encoder of wit-component panic on some inputs, valid
//! and invalid ones. Whoever hands a file to this library gets an error instead. The process's
//! panic hook still hears of it.

use crate::error::Error;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`, and turns its panic into [`Error::Dependency`]. Nothing of what `work` was at
/// is used afterwards.
pub(crate) fn guard<T>(
    dependency: &'static str,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Error::Dependency {
            dependency,
            message: message(panic),
        })
    })
}

fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => match panic.downcast_ref::<&str>() {
            Some(message) => (*message).to_owned(),
            None => "it says no more".to_owned(),
        },
    }
}
