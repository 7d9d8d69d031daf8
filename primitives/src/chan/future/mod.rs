//! Sending and receiving as futures, streams and sinks.

pub(super) mod closed;
mod poll;
mod specified;
mod stage;

use crate::chan::algorithm::deferred::Mark;
use crate::chan::error::{RecvError, SendError};
use crate::chan::handle::receiver::{Receiver, Source};
use crate::chan::handle::sender::Sender;
use crate::chan::select::case::{Handle, Progress, Slot};
use core::borrow::Borrow;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use futures_core::{FusedFuture, FusedStream, Stream};
use futures_sink::Sink;
use stage::{Receiving, Sending};

/// The handle of a future.
enum Held<'a, H> {
    Borrowed(&'a H),
    Owned(H),
}

impl<H> Borrow<H> for Held<'_, H> {
    fn borrow(&self) -> &H {
        match self {
            Held::Borrowed(handle) => handle,
            Held::Owned(handle) => handle,
        }
    }
}

/// A receive as a future; made by [`Receiver::recv_async`] and [`Receiver::into_recv_async`].
///
/// It takes its place among the waiting receivers when it is first polled. It may be dropped at any time: a value that
/// has come for it goes to the next receiver, before all others. One that is forgotten while it waits takes a value
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
    receiver: Held<'a, Receiver<T>>,
    receiving: Receiving,
}

/// A send as a future; made by [`Sender::send_async`] and [`Sender::into_send_async`].
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
    sender: Held<'a, Sender<T>>,
    sending: Sending<T>,
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
    receiving: Receiving,
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
    sender: Sender<T>,
    sending: Sending<T>,
}

// The futures hold no pointers into themselves: values that wait lie in the channel's cells.
impl<T> Unpin for RecvFuture<'_, T> {}
impl<T> Unpin for SendFuture<'_, T> {}
impl<T> Unpin for RecvStream<T> {}
impl<T> Unpin for SendSink<T> {}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, receiving } = &mut *self;
        assert!(
            !receiving.has_ended(),
            "a `RecvFuture` is polled again, though it was ready: it receives one value"
        );
        let receiver: &Receiver<T> = (*receiver).borrow();
        receiver.poll(receiving, context.waker())
    }
}

impl<T> RecvFuture<'_, T> {
    /// Returns the future's receiver.
    ///
    /// ```
    /// let (_tx, rx) = selvedge::chan::bounded::<i32>(1);
    /// assert!(rx.recv_async().receiver().same_channel(&rx));
    /// ```
    pub fn receiver(&self) -> &Receiver<T> {
        self.receiver.borrow()
    }
}

impl<T> FusedFuture for RecvFuture<'_, T> {
    fn is_terminated(&self) -> bool {
        self.receiving.has_ended()
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let receiver: &Receiver<T> = self.receiver.borrow();
        receiver.cancel(&mut self.receiving);
    }
}

impl<T> Receiver<T> {
    #[inline]
    fn poll(&self, receiving: &mut Receiving, waker: &Waker) -> Poll<Result<T, RecvError>> {
        match &self.0 {
            Source::Channel(chan) => chan.poll_recv(receiving, waker),
            _ => self.poll_no_plain_channel(receiving, waker),
        }
    }

    #[cold]
    fn poll_no_plain_channel(&self, receiving: &mut Receiving, waker: &Waker) -> Poll<Result<T, RecvError>> {
        match &self.0 {
            Source::Channel(chan) => chan.poll_recv(receiving, waker),
            Source::Lapsing(lapsing) => lapsing.look_and_push().poll_recv(receiving, waker),
            Source::Alarm(alarm, _) => {
                let slot = receiving.slot();
                assert!(
                    alarm.attempt(slot, Mark::NOBODY) == Progress::Happened,
                    "a timer's channel cannot be awaited, since nothing runs there that could wake the task; use \
                     the timers of your runtime, or receive without `async`"
                );
                let received = self.finish(slot);
                *receiving = Receiving::Ended;
                Poll::Ready(received)
            }
            Source::Never => Poll::Pending,
        }
    }

    #[inline]
    fn cancel(&self, receiving: &mut Receiving) {
        if let Receiving::Begun(slot) = receiving {
            self.cancel_begun(slot);
        }
    }

    /// Not inlined, so that to drop a future that waits for nothing is a comparison.
    #[inline(never)]
    fn cancel_begun(&self, slot: &mut Slot) {
        if let Some(chan) = self.chan() {
            chan.cancel_recv(slot);
        }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sender, sending } = &mut *self;
        assert!(
            !sending.has_ended(),
            "a `SendFuture` is polled again, though it was ready: it sends one value"
        );
        let sender: &Sender<T> = (*sender).borrow();
        sender.0.poll_send(sending, context.waker())
    }
}

impl<T> SendFuture<'_, T> {
    /// Returns the future's sender.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::bounded(1);
    /// assert!(tx.send_async(1).sender().same_channel(&tx));
    /// ```
    pub fn sender(&self) -> &Sender<T> {
        self.sender.borrow()
    }
}

impl<T> FusedFuture for SendFuture<'_, T> {
    fn is_terminated(&self) -> bool {
        self.sending.has_ended()
    }
}

impl<T> Drop for SendFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let sender: &Sender<T> = self.sender.borrow();
        sender.0.cancel_send(&mut self.sending);
    }
}

impl<T> RecvStream<T> {
    /// Returns the stream's receiver, which tells lengths and closes the channel.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.into_stream().receiver().len(), 1);
    /// ```
    pub fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> Clone for RecvStream<T> {
    /// Returns a stream of the same channel, with a receiver of its own; each value goes to one of the two.
    fn clone(&self) -> Self {
        let receiving = if self.receiving.has_ended() { Receiving::Ended } else { Receiving::Fresh };
        RecvStream { receiver: self.receiver.clone(), receiving }
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, receiving } = &mut *self;
        if receiving.has_ended() {
            return Poll::Ready(None);
        }
        let value = ready!(receiver.poll(receiving, context.waker())).ok();
        if value.is_some() {
            *receiving = Receiving::Fresh;
        }
        Poll::Ready(value)
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.receiving.has_ended()
    }
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        self.receiver.cancel(&mut self.receiving);
    }
}

impl<T> SendSink<T> {
    /// Returns the sink's sender, which tells lengths and closes the channel.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::bounded::<i32>(1);
    /// assert_eq!(tx.into_sink().sender().capacity(), Some(1));
    /// ```
    pub fn sender(&self) -> &Sender<T> {
        &self.sender
    }

    fn poll_empty(&mut self, context: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        if self.sending.has_ended() {
            return Poll::Ready(Ok(()));
        }
        self.sender.0.poll_send(&mut self.sending, context.waker())
    }
}

impl<T> Clone for SendSink<T> {
    /// Returns a sink of the same channel, with a sender of its own, and without the value that this one may hold.
    fn clone(&self) -> Self {
        self.sender().clone().into_sink()
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_empty(context)
    }

    fn start_send(mut self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        assert!(self.sending.has_ended(), "`start_send` without `poll_ready`: the sink still holds a value");
        self.sending = Sending::Holds(value);
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
        self.sender.0.cancel_send(&mut self.sending);
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
        RecvFuture { receiver: Held::Borrowed(self), receiving: Receiving::Fresh }
    }

    /// Receives a value as a future that owns its receiver, for tasks that outlive the caller.
    ///
    /// # Errors
    /// If the channel is empty and closed.
    ///
    /// # Panics
    /// When polled on a timer's channel.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// let task: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(rx.into_recv_async());
    /// tx.send(1).unwrap();
    /// assert_eq!(task.await, Ok(1));
    /// # });
    /// ```
    pub fn into_recv_async<'a>(self) -> RecvFuture<'a, T> {
        RecvFuture { receiver: Held::Owned(self), receiving: Receiving::Fresh }
    }

    /// Returns the values as a stream that has a receiver of its own.
    ///
    /// A receiver itself is no stream: a stream that waits has its place among the receivers, and a value that comes
    /// for it would not be seen by the other receives of the same handle.
    ///
    /// ```
    /// use futures::StreamExt;
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// assert_eq!(rx.stream().take(2).collect::<Vec<i32>>().await, [0, 1]);
    /// assert_eq!(rx.recv(), Ok(2));
    /// # });
    /// ```
    pub fn stream(&self) -> RecvStream<T> {
        self.clone().into_stream()
    }

    /// Returns the values as a stream.
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
        RecvStream { receiver: self, receiving: Receiving::Fresh }
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
        SendFuture { sender: Held::Borrowed(self), sending: Sending::Holds(value) }
    }

    /// Sends a value as a future that owns its sender, for tasks that outlive the caller.
    ///
    /// # Errors
    /// If the channel is closed; the value comes back.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// let task: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(tx.into_send_async(1));
    /// task.await.unwrap();
    /// assert_eq!(rx.recv_async().await, Ok(1));
    /// # });
    /// ```
    pub fn into_send_async<'a>(self, value: T) -> SendFuture<'a, T> {
        SendFuture { sender: Held::Owned(self), sending: Sending::Holds(value) }
    }

    /// Returns the channel as a sink that has a sender of its own.
    ///
    /// ```
    /// use futures::SinkExt;
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// tx.sink().send(1).await.unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.drain().collect::<Vec<i32>>(), [1, 2]);
    /// # });
    /// ```
    pub fn sink(&self) -> SendSink<T> {
        self.clone().into_sink()
    }

    /// Returns the channel as a sink.
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
        SendSink { sender: self, sending: Sending::Ended }
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
