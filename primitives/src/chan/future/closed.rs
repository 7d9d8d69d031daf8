//! Waiting for the end of a channel, as a future.
//!
//! Tasks that wait for the close receive from a channel of their own, which is made when the first of them is polled.
//! Nobody sends there, and it is closed after the channel that it belongs to. So these tasks wait, are woken and give
//! up as tasks that receive.

use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::future::stage::Receiving;
use crate::chan::handle::sender::Sender;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures_core::FusedFuture;

/// The end of a channel as a future; made by [`Sender::closed`].
///
/// It may be polled again after it was ready, and dropped at any time.
///
/// ```
/// # futures::executor::block_on(async {
/// let (tx, rx) = selvedge::chan::bounded::<i32>(1);
/// drop(rx);
/// tx.closed().await;
/// # });
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct ClosedFuture<'a, T> {
    sender: &'a Sender<T>,
    waiting: Receiving,
}

impl Default for Chan<()> {
    fn default() -> Self {
        Chan::new(Capacity::Rendezvous, 2)
    }
}

impl<T> Chan<T> {
    /// Tells the tasks that wait for it that this channel is closed, which the counter of sends says by now.
    pub(in crate::chan) fn say_farewell(&self) {
        // `get` is SeqCst, and so are the closed bit and `make`: a task that makes the other channel after this looks
        // at the bit after that.
        if let Some(farewell) = self.farewell.get() {
            let _first = farewell.close();
        }
    }
}

impl<T> Sender<T> {
    /// Waits, as a future, until the channel is closed: by hand, or because its last receiver is gone. Values may still
    /// be in its buffer.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// tx.send(1).unwrap();
    /// rx.close().unwrap();
    /// tx.closed().await;
    /// assert_eq!(rx.recv(), Ok(1));
    /// # });
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture { sender: self, waiting: Receiving::Fresh }
    }
}

// The future holds no pointers into itself.
impl<T> Unpin for ClosedFuture<'_, T> {}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { sender, waiting } = &mut *self;
        if let Some(chan) = sender.0.spec.specified() {
            if !sender.0.poll_closed_specified(chan, waiting.slot(), context.waker()) {
                return Poll::Pending;
            }
        } else {
            let farewell = sender.0.farewell.make();
            if !sender.is_closed() {
                let _closed = ready!(farewell.poll_recv(waiting, context.waker()));
            }
        }
        *waiting = Receiving::Ended;
        Poll::Ready(())
    }
}

impl<T> FusedFuture for ClosedFuture<'_, T> {
    fn is_terminated(&self) -> bool {
        self.waiting.has_ended()
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        let Receiving::Begun(slot) = &mut self.waiting else { return };
        if let Some(chan) = self.sender.0.spec.specified() {
            return self.sender.0.cancel_closed_specified(chan, slot);
        }
        if let Some(farewell) = self.sender.0.farewell.get() {
            farewell.cancel_recv(slot);
        }
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ClosedFuture { .. }")
    }
}
