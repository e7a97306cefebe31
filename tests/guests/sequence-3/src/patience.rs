//! Waiting, but not for ever.

use core::future::Future;
use core::pin::Pin;
use core::task::Poll;
use futures_util::poll;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::wit_bindgen::rt::async_support::yield_async;

const MILLISECOND: u64 = 1_000_000;
/// How often a kernel that works in its own time gets a millisecond more.
const TRIES: u32 = 2_000;
/// How often it gets one where nothing is expected to come.
const FEW: u32 = 3;
/// How often everybody in the program gets their turn.
const TURNS: u32 = 40;

/// What a call gives that waits.
pub const WAITS: &str = "waits";

/// What a future gives, unless it waits. In memory there is nothing that is expected.
pub async fn soon<F: Future + ?Sized>(
    expected: Option<&str>,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let tries = match expected {
        None => TURNS,
        Some(WAITS) => FEW,
        Some(_) => TRIES,
    };
    for _ in 0..tries {
        if let Poll::Ready(output) = poll!(future.as_mut()) {
            return Some(output);
        }
        match expected {
            None => yield_async().await,
            Some(_) => wait_for(MILLISECOND).await,
        }
    }
    None
}

/// Lets everybody do what can be done now.
pub async fn settle(expected: Option<&str>) {
    match expected {
        None => {
            for _ in 0..TURNS {
                yield_async().await;
            }
        }
        Some(_) => wait_for(MILLISECOND / 5).await,
    }
}
