//! Sending and receiving as futures, streams and sinks.

use super::claim::{Claim, Outcome};
use super::deferred;
use super::error::{RecvError, SendError};
use super::receiver::Receiver;
use super::select::Sending;
use super::select::handle::{Handle, Hold, Look, Slot};
use super::sender::Sender;
use crate::rt::sync::Arc;
use ::core::borrow::Borrow;
use ::core::fmt;
use ::core::future::Future;
use ::core::pin::Pin;
use ::core::task::{Context, Poll, ready};
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

/// A select with one case, of a task. Between polls, whatever has panicked, the slot says what the case holds: a cell
/// in which it waits, by `claim`; what has happened, and has not been taken; or nothing.
struct Waiting {
    slot: Slot,
    claim: Option<Arc<Claim>>,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting { slot: Slot::EMPTY, claim: None }
    }

    /// Ready once the case has happened, and its slot says so. A panic comes out once all is settled: what has happened
    /// stays in the slot.
    fn poll(&mut self, handle: &dyn Handle, context: &Context<'_>) -> Poll<()> {
        let _held = deferred::hold();
        // A waker has panicked when it happened.
        if matches!(self.slot.hold, Hold::Happened | Hold::Returned | Hold::Closed) {
            return Poll::Ready(());
        }
        loop {
            let Some(claim) = &self.claim else {
                if handle.attempt(&mut self.slot) {
                    return Poll::Ready(());
                }
                assert!(
                    handle.deadline().is_none(),
                    "a timer's channel cannot be awaited, since nothing runs there that could wake the task; use the \
                     timers of your runtime, or receive without `async`"
                );
                let claim = Arc::new(Claim::of_task());
                if handle.register(&mut self.slot, &claim, 0) {
                    return Poll::Ready(());
                }
                // Only the owner decides a claim that tries. Audit: so it never fails.
                let _waits = claim.decide(Outcome::TRYING, Outcome::WAITING);
                self.claim = Some(claim);
                continue;
            };
            claim.set_task(context.waker());
            if let Some((_, closed)) = claim.outcome().case() {
                self.end_wait();
                if handle.chosen(&mut self.slot, closed) {
                    return Poll::Ready(());
                }
                continue;
            }
            let to = match handle.look(&mut self.slot) {
                Look::Waits => return Poll::Pending,
                Look::Ready => Outcome::chosen(0, false),
                Look::Closed => Outcome::chosen(0, true),
                Look::Over => Outcome::TRYING,
            };
            // Audit: `decide` is one for all; this is the owner's decision.
            if claim.decide(Outcome::WAITING, to).is_ok() && to == Outcome::TRYING {
                self.withdraw(handle);
            }
        }
    }

    /// The claim is decided: others that still see it have nobody to wake.
    fn end_wait(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.clear_task();
        }
    }

    fn withdraw(&mut self, handle: &dyn Handle) {
        self.end_wait();
        handle.withdraw(&mut self.slot);
    }

    /// The task does not wait any longer: what has come goes back.
    fn cancel(&mut self, handle: &dyn Handle) {
        let _held = deferred::hold();
        // Audit: as in `poll`.
        if let Some(claim) = &self.claim
            && let Err(decided) = claim.decide(Outcome::WAITING, Outcome::TRYING)
            && let Some((_, closed)) = decided.case()
        {
            handle.chosen(&mut self.slot, closed);
        }
        self.withdraw(handle);
    }
}

/// A receive as a future; made by [`Receiver::recv_async`].
///
/// It takes its place among the waiting receivers when it is first polled. It may be dropped at any time: a value
/// that has come for it goes to the next receiver, before all others. One that is forgotten while it waits takes a value
/// with it.
///
/// # Panics
/// When polled again after it was ready.
///
/// ```
/// # futures::executor::block_on(async {
/// let (tx, rx) = selvedge::chan::bounded(1);
/// let future = rx.recv_async();
/// tx.send(1).unwrap();
/// assert_eq!(future.await, Ok(1));
/// # });
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct RecvFuture<'a, T> {
    receiver: &'a Receiver<T>,
    waiting: Waiting,
    /// It was ready.
    ended: bool,
}

/// A send as a future; made by [`Sender::send_async`].
///
/// It takes its place among the waiting senders when it is first polled. If it is dropped before it is ready, its
/// value has either been received, or is in the buffer, or is dropped with it and leaves no trace.
///
/// # Panics
/// When polled again after it was ready.
///
/// ```
/// # futures::executor::block_on(async {
/// let (tx, rx) = selvedge::chan::bounded(1);
/// drop(tx.send_async(0)); // never polled
/// assert_eq!(tx.send_async(1).await, Ok(()));
/// assert_eq!(rx.recv(), Ok(1));
/// # });
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct SendFuture<'a, T> {
    sending: Sending<&'a Sender<T>, T>,
    waiting: Waiting,
    /// It was ready.
    ended: bool,
}

/// The values of a channel as a stream, which ends when the channel is empty and closed; made by
/// [`Receiver::into_stream`].
///
/// ```
/// use futures::StreamExt;
/// # futures::executor::block_on(async {
/// let (tx, rx) = selvedge::chan::bounded(1);
/// let mut stream = rx.into_stream();
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!((stream.next().await, stream.next().await), (Some(1), None));
/// # });
/// ```
pub struct RecvStream<T> {
    receiver: Receiver<T>,
    waiting: Waiting,
    ended: bool,
}

/// A channel as a sink; made by [`Sender::into_sink`]. It holds one value more than the channel, until it is
/// flushed. Closing it flushes it; the channel closes with its last sender.
///
/// ```
/// use futures::SinkExt;
/// # futures::executor::block_on(async {
/// let (tx, rx) = selvedge::chan::bounded(1);
/// let mut sink = tx.into_sink();
/// sink.feed(1).await.unwrap();
/// sink.flush().await.unwrap();
/// assert_eq!(rx.recv(), Ok(1));
/// # });
/// ```
pub struct SendSink<T> {
    sending: Sending<Sender<T>, T>,
    waiting: Waiting,
}

// The futures hold no pointers into themselves: values that wait lie in the channel's cells.
impl<T> Unpin for RecvFuture<'_, T> {}
impl<T> Unpin for SendFuture<'_, T> {}
impl<T> Unpin for RecvStream<T> {}
impl<T> Unpin for SendSink<T> {}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, waiting, ended } = &mut *self;
        assert!(!*ended, "a `RecvFuture` is polled again, though it was ready: it receives one value");
        ready!(waiting.poll(*receiver, context));
        *ended = true;
        Poll::Ready(receiver.finish(&mut waiting.slot))
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.waiting.cancel(self.receiver);
    }
}

impl<S: Borrow<Sender<T>>, T> Sending<S, T> {
    fn poll(&self, waiting: &mut Waiting, context: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        ready!(waiting.poll(self, context));
        Poll::Ready(self.finish(&mut waiting.slot))
    }

    /// The task does not wait any longer: the value is dropped, unless it has been sent.
    fn cancel(&self, waiting: &mut Waiting) {
        let _held = deferred::hold();
        waiting.cancel(self);
        deferred::protect(|| self.empty_out());
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sending, waiting, ended } = &mut *self;
        assert!(!*ended, "a `SendFuture` is polled again, though it was ready: it sends one value");
        let result = ready!(sending.poll(waiting, context));
        *ended = true;
        Poll::Ready(result)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        self.sending.cancel(&mut self.waiting);
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, waiting, ended } = &mut *self;
        if *ended {
            return Poll::Ready(None);
        }
        ready!(waiting.poll(receiver, context));
        let value = receiver.finish(&mut waiting.slot).ok();
        *ended = value.is_none();
        Poll::Ready(value)
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        self.waiting.cancel(&self.receiver);
    }
}

impl<T> SendSink<T> {
    fn poll_empty(&mut self, context: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        if self.waiting.slot.hold == Hold::Nothing && self.sending.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let Self { sending, waiting } = self;
        sending.poll(waiting, context)
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_empty(context)
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        let holds_none = self.sending.is_empty() && self.waiting.slot.hold == Hold::Nothing;
        assert!(holds_none, "`start_send` without `poll_ready`: the sink still holds a value");
        self.sending.fill(value);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_empty(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_empty(context)
    }
}

impl<T> Drop for SendSink<T> {
    fn drop(&mut self) {
        self.sending.cancel(&mut self.waiting);
    }
}

impl<T> Receiver<T> {
    /// Receives a value as a future; blocking receivers and futures wait in one queue.
    ///
    /// # Errors
    /// If the channel is empty and closed.
    ///
    /// # Panics
    /// When polled on a timer's channel: nothing runs there that could wake the task. Use the timers of your
    /// runtime.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// let (sent, received) = futures::join!(tx.send_async(1), rx.recv_async());
    /// assert_eq!((sent, received), (Ok(()), Ok(1)));
    /// # });
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture { receiver: self, waiting: Waiting::new(), ended: false }
    }

    /// The values as a stream.
    ///
    /// ```
    /// use futures::StreamExt;
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// assert_eq!(rx.into_stream().collect::<Vec<i32>>().await, [0, 1, 2]);
    /// # });
    /// ```
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream { receiver: self, waiting: Waiting::new(), ended: false }
    }
}

impl<T> Sender<T> {
    /// Sends a value as a future; blocking senders and futures wait in one queue.
    ///
    /// # Errors
    /// If the channel is closed; the value comes back.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// tx.send_async(1).await.unwrap();
    /// assert_eq!(rx.recv_async().await, Ok(1));
    /// # });
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture { sending: Sending::new(self, value), waiting: Waiting::new(), ended: false }
    }

    /// The channel as a sink.
    ///
    /// ```
    /// use futures::SinkExt;
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// let mut sink = tx.into_sink();
    /// sink.send(1).await.unwrap();
    /// drop(sink);
    /// assert_eq!(rx.iter().collect::<Vec<i32>>(), [1]);
    /// # });
    /// ```
    pub fn into_sink(self) -> SendSink<T> {
        SendSink { sending: Sending::empty(self), waiting: Waiting::new() }
    }
}

macro_rules! opaque {
    ($($type:ident $(<$lifetime:lifetime>)?;)*) => {
        $(
            impl<T> fmt::Debug for $type<$($lifetime,)? T> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(concat!(stringify!($type), " { .. }"))
                }
            }
        )*
    };
}

opaque! {
    RecvFuture<'_>;
    SendFuture<'_>;
    RecvStream;
    SendSink;
}
