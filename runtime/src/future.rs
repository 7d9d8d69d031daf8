//! Futures on goroutines.

#![allow(clippy::disallowed_types, reason = "std's wakers are made of std's `Arc`")]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use selvedge::rt::park::Token;
use std::sync::Arc;
use std::task::Wake;

/// Wakes the goroutine that waits for a future.
struct Waking(Token);

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.0.give();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.give();
    }
}

/// Waits for a future: the goroutine is parked while the future is pending. On a plain thread the thread is.
///
/// ```
/// let sum = selvedge_go::run(|| selvedge_go::block_on(async { 1 + 1 }));
/// assert_eq!(sum, 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waking = Arc::new(Waking(Token::new()));
    let waker = Arc::clone(&waking).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => waking.0.wait(),
        }
    }
}

/// Starts a goroutine that waits for a future.
///
/// # Panics
/// If this is called outside [`run`](crate::run), from a plain thread.
///
/// ```
/// use selvedge::chan::bounded;
/// selvedge_go::run(|| {
///     let (tx, rx) = bounded(1);
///     selvedge_go::go_future(async move { tx.send(1).expect("a receiver") });
///     assert_eq!(rx.recv(), Ok(1));
/// });
/// ```
#[track_caller]
pub fn go_future(future: impl Future<Output = ()> + Send + 'static) {
    crate::go(move || block_on(future));
}
