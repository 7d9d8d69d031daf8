//! Futures in a model.

#![allow(
    clippy::disallowed_types,
    reason = "std's `Wake` asks for its `Arc`, whose count is nothing that a model is about"
)]

mod atomic_waker;

pub use atomic_waker::AtomicWaker;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use selvedge::rt::choose;
use selvedge::rt::park::Token;
#[allow(
    clippy::disallowed_types,
    reason = "the count of a waker's owners is nothing that a model is about"
)]
use std::sync::Arc;
use std::task::Wake;

/// Wakes the thread that blocks on a future.
struct Wakes(Token);

impl Wake for Wakes {
    #[track_caller]
    fn wake(self: Arc<Self>) {
        self.0.give();
    }

    #[track_caller]
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.give();
    }
}

/// Polls a future until it is ready, and blocks this thread while its waker has not been woken.
///
/// Once, at any of its waits, the future is polled without a wake-up, as an executor may do. The clones and drops of the waker
/// are no operations of the model, so they make no executions.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let wakes = Arc::new(Wakes(Token::new()));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut may_poll_early = true;
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        if may_poll_early && choose(2) == 1 {
            may_poll_early = false;
        } else {
            wakes.0.wait();
        }
    }
}
