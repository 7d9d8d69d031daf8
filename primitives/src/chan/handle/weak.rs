//! Handles that keep neither side of a channel open: [`WeakSender`] and [`WeakReceiver`].

use crate::chan::algorithm::cell::{RECEIVER, SENDER};
use crate::chan::handle::counted::{Receives, Sends, WeakShare};
use crate::chan::handle::lapsing::WeakLapsing;
use crate::chan::handle::receiver::{Receiver, Source};
use crate::chan::handle::sender::Sender;
use crate::chan::timer::alarm::Alarm;
use crate::rt::sync::{Arc, Weak};
use core::fmt;
use std::time::Instant;

/// A sender that does not keep the channel open; made by [`Sender::downgrade`].
///
/// The channel closes when its last [`Sender`] is dropped, however many weak ones there are. A weak sender keeps the
/// channel's memory.
///
/// ```
/// use selvedge::chan::bounded;
/// let (tx, rx) = bounded(1);
/// let weak = tx.downgrade();
/// weak.upgrade().expect("`tx` is there").send(1).unwrap();
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [1]);
/// ```
pub struct WeakSender<T>(WeakShare<T, Sends>);

/// A receiver that does not keep the channel open; made by [`Receiver::downgrade`].
///
/// The channel closes, and what is in it is dropped, when its last [`Receiver`] is dropped, however many weak ones
/// there are. A weak receiver keeps the channel's memory.
///
/// ```
/// use selvedge::chan::{SendError, bounded};
/// let (tx, rx) = bounded(1);
/// let weak = rx.downgrade();
/// tx.send(1).unwrap();
/// assert_eq!(weak.upgrade().expect("`rx` is there").recv(), Ok(1));
/// drop(rx);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(tx.send(2), Err(SendError(2)));
/// ```
pub struct WeakReceiver<T>(WeakSource<T>);

enum WeakSource<T> {
    Channel(WeakShare<T, Receives>),
    Alarm(Weak<Alarm>, fn(Instant) -> T),
    Lapsing(Box<WeakLapsing<T>>),
    Never,
}

impl<T> Sender<T> {
    /// Returns a handle that does not keep the channel open.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::unbounded::<i32>();
    /// assert!(tx.downgrade().upgrade().unwrap().same_channel(&tx));
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender(self.0.downgrade())
    }

    /// Returns the number of senders of the channel, at some moment; weak ones do not count.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded::<i32>();
    /// let another = tx.clone();
    /// assert_eq!((tx.sender_count(), rx.sender_count(), rx.receiver_count()), (2, 2, 1));
    /// # drop(another);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.0.handles(SENDER)
    }

    /// Returns the number of receivers of the channel, at some moment; weak ones do not count.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded::<i32>();
    /// drop(rx);
    /// assert_eq!(tx.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.0.handles(RECEIVER)
    }
}

impl<T> Receiver<T> {
    /// Returns a handle that does not keep the channel open.
    ///
    /// ```
    /// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
    /// assert!(rx.downgrade().upgrade().unwrap().same_channel(&rx));
    /// ```
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver(match &self.0 {
            Source::Channel(share) => WeakSource::Channel(share.downgrade()),
            Source::Lapsing(lapsing) => WeakSource::Lapsing(Box::new(lapsing.downgrade())),
            Source::Alarm(alarm, make) => WeakSource::Alarm(Arc::downgrade(alarm), *make),
            Source::Never => WeakSource::Never,
        })
    }

    /// Returns the number of senders of the channel, at some moment; weak ones do not count. A timer's channel and
    /// [`never`](crate::chan::never)'s have none.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded::<i32>();
    /// assert_eq!(rx.sender_count(), 1);
    /// drop(tx);
    /// assert_eq!(rx.sender_count(), 0);
    /// ```
    pub fn sender_count(&self) -> usize {
        match &self.0 {
            Source::Channel(share) => share.handles(SENDER),
            Source::Lapsing(lapsing) => lapsing.channel().handles(SENDER),
            Source::Alarm(..) | Source::Never => 0,
        }
    }

    /// Returns the number of receivers of the channel, at some moment; weak ones do not count. The receivers of a
    /// timer count with the timer itself; each of [`never`](crate::chan::never)'s counts alone.
    ///
    /// ```
    /// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
    /// let another = rx.clone();
    /// assert_eq!(rx.receiver_count(), 2);
    /// # drop(another);
    /// ```
    pub fn receiver_count(&self) -> usize {
        match &self.0 {
            Source::Channel(share) => share.handles(RECEIVER),
            Source::Lapsing(lapsing) => lapsing.channel().handles(RECEIVER),
            Source::Alarm(alarm, _) => Arc::strong_count(alarm),
            Source::Never => 1,
        }
    }
}

impl<T> WeakSender<T> {
    /// Returns a sender, unless the last one of the channel is gone.
    ///
    /// A channel that was closed by hand still gives its senders, which then fail to send.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::unbounded::<i32>();
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.0.upgrade().map(Sender)
    }
}

impl<T> WeakReceiver<T> {
    /// Returns a receiver, unless the last one of the channel is gone.
    ///
    /// ```
    /// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
    /// let weak = rx.downgrade();
    /// drop(rx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        match &self.0 {
            WeakSource::Channel(share) => share.upgrade().map(Receiver::channel),
            WeakSource::Lapsing(lapsing) => lapsing.upgrade().map(Receiver::lapsing),
            WeakSource::Alarm(alarm, make) => alarm.upgrade().map(|alarm| Receiver::alarm(alarm, *make)),
            WeakSource::Never => Some(Receiver::never()),
        }
    }
}

impl<T> Clone for WeakSender<T> {
    /// Returns one more weak sender of the same channel.
    fn clone(&self) -> Self {
        WeakSender(self.0.clone())
    }
}

impl<T> Clone for WeakReceiver<T> {
    /// Returns one more weak receiver of the same channel.
    fn clone(&self) -> Self {
        WeakReceiver(match &self.0 {
            WeakSource::Channel(share) => WeakSource::Channel(share.clone()),
            WeakSource::Lapsing(lapsing) => WeakSource::Lapsing(lapsing.clone()),
            WeakSource::Alarm(alarm, make) => WeakSource::Alarm(alarm.clone(), *make),
            WeakSource::Never => WeakSource::Never,
        })
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WeakSender { .. }")
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WeakReceiver { .. }")
    }
}

impl<T> core::panic::UnwindSafe for WeakSender<T> {}
impl<T> core::panic::RefUnwindSafe for WeakSender<T> {}
impl<T> core::panic::UnwindSafe for WeakReceiver<T> {}
impl<T> core::panic::RefUnwindSafe for WeakReceiver<T> {}
