//! What a handle tells of its channel: length, capacity, whether the channel is closed.

use crate::chan::handle::receiver::{Receiver, Source};
use crate::chan::handle::sender::Sender;

impl<T> Sender<T> {
    /// Returns the number of values in the buffer, at some moment, which is 0 on capacity 0, and of those that came
    /// back from futures and operations that were dropped. A send that is under way may count already, though no
    /// receive finds its value yet.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::bounded(2);
    /// tx.send(1).unwrap();
    /// assert_eq!((tx.len(), tx.is_empty(), tx.is_full()), (1, false, false));
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether [`len`](Self::len) is 0, at some moment.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::bounded::<i32>(2);
    /// assert!(tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether [`len`](Self::len) has reached the capacity, at some moment; always on capacity 0.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::bounded::<i32>(0);
    /// assert!(tx.is_full(), "it has no room");
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// Returns the number of values that the buffer holds; `None`: any number.
    ///
    /// ```
    /// use selvedge::chan::{bounded, unbounded};
    /// assert_eq!(bounded::<i32>(2).0.capacity(), Some(2));
    /// assert_eq!(unbounded::<i32>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.0.capacity().limit()
    }

    /// Returns whether the channel is closed: another name for [`is_closed`](Self::is_closed).
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded::<i32>();
    /// drop(rx);
    /// assert!(tx.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        self.is_closed()
    }

    /// Returns whether the channel is closed; values may still be in its buffer.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::bounded::<i32>(2);
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl<T> Receiver<T> {
    /// Returns the number of values in the buffer, at some moment, which is 0 on capacity 0, and of those that came
    /// back from futures and operations that were dropped. A send that is under way may count already, though no
    /// receive finds its value yet. A timer's instant counts once it is due.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// tx.send(1).unwrap();
    /// assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (1, false, false));
    /// ```
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Channel(chan) => chan.len(),
            Source::Lapsing(lapsing) => lapsing.look().len(),
            Source::Alarm(alarm, _) => alarm.is_due() as usize,
            Source::Never => 0,
        }
    }

    /// Returns whether [`len`](Self::len) is 0, at some moment.
    ///
    /// ```
    /// assert!(selvedge::chan::never::<i32>().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether [`len`](Self::len) has reached the capacity, at some moment; always on capacity 0.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(rx.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// Returns the number of values that the buffer holds; `None`: any number. A timer's holds one.
    ///
    /// ```
    /// assert_eq!(selvedge::chan::bounded::<i32>(2).1.capacity(), Some(2));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Source::Channel(chan) => chan.capacity().limit(),
            Source::Alarm(..) => Some(1),
            Source::Lapsing(lapsing) => lapsing.channel().capacity().limit(),
            Source::Never => Some(0),
        }
    }

    /// Returns whether the channel is closed: another name for [`is_closed`](Self::is_closed).
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded::<i32>();
    /// drop(tx);
    /// assert!(rx.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        self.is_closed()
    }

    /// Returns whether the channel is closed; values may still be in its buffer.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::bounded(1);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// assert_eq!(rx.recv(), Ok(1), "what was sent before is received");
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().is_some_and(|chan| chan.is_closed())
    }
}
