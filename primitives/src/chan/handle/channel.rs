//! [`Channel`]: both sides of a channel in one handle, as Go has it.

use crate::chan::error::{CloseError, SendError};
use crate::chan::handle::iter::{IntoIter, Iter};
use crate::chan::handle::make::{bounded, unbounded};
use crate::chan::handle::receiver::Receiver;
use crate::chan::handle::sender::Sender;
use core::fmt;

/// Both sides of a channel in one handle, for programs that come from Go.
///
/// A clone is another handle of the same channel. Since each handle can send, the channel does not close when handles
/// are dropped: only [`close`](Self::close) closes it. As in Go, sending on a closed channel and closing it twice
/// panic, and a nil channel never has a value nor room. [`sender`](Self::sender) and [`receiver`](Self::receiver) have
/// everything else, and stand in a [`select!`](crate::select).
///
/// | Go | here |
/// | --- | --- |
/// | `make(chan T, n)` | [`Channel::new`]`(n)` |
/// | `var c chan T` | [`Channel::nil`]`()` |
/// | `c <- v` | `c.`[`send`](Self::send)`(v)` |
/// | `v, ok := <-c` | `c.`[`recv`](Self::recv)`()`, an `Option` |
/// | `for v := range c` | `for v in &c` |
/// | `close(c)` | `c.`[`close`](Self::close)`()` |
/// | `len(c)`, `cap(c)` | `c.`[`len`](Self::len)`()`, `c.`[`capacity`](Self::capacity)`()` |
/// | `case c <- v:` | `send(c.sender(), v) -> _ =>` |
/// | `case v, ok := <-c:` | `recv(c.receiver()) -> v =>` |
///
/// ```
/// use selvedge::chan::Channel;
/// use selvedge::rt::thread;
///
/// let numbers = Channel::new(0);
/// let theirs = numbers.clone();
/// thread::spawn(move || {
///     (0..3).for_each(|n| theirs.send(n));
///     theirs.close();
/// });
/// assert_eq!((&numbers).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
/// assert_eq!(numbers.recv(), None, "closed and empty");
/// ```
pub struct Channel<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    /// The other side of a nil channel's sender, from which nobody receives.
    nil: Option<Receiver<T>>,
}

impl<T> Channel<T> {
    /// Returns a channel that holds up to `capacity` values; with 0, a send returns once its value is received.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::new(1);
    /// channel.send('a');
    /// assert_eq!(channel.recv(), Some('a'));
    /// ```
    pub fn new(capacity: usize) -> Channel<T> {
        Channel::from(bounded(capacity))
    }

    /// Returns a channel that holds any number of values.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::unbounded();
    /// (0..100).for_each(|n| channel.send(n));
    /// assert_eq!(channel.len(), 100);
    /// ```
    pub fn unbounded() -> Channel<T> {
        Channel::from(unbounded())
    }

    /// Returns a nil channel: sends and receives wait for ever, and so their cases of a select never happen.
    ///
    /// ```
    /// use selvedge::chan::{Channel, select};
    /// let nil = Channel::<i32>::nil();
    /// select! {
    ///     recv(nil.receiver()) -> _ => unreachable!("nothing comes"),
    ///     send(nil.sender(), 1) -> _ => unreachable!("nothing goes"),
    ///     default => (),
    /// }
    /// ```
    pub fn nil() -> Channel<T> {
        let (sender, other_side) = bounded(0);
        Channel { sender, receiver: Receiver::never(), nil: Some(other_side) }
    }

    /// Sends a value, blocking while the channel is full.
    ///
    /// # Panics
    /// If the channel is closed, also while the send waits. [`sender`](Self::sender)`().send` returns an error
    /// instead.
    ///
    /// ```should_panic
    /// let channel = selvedge::chan::Channel::new(1);
    /// channel.close();
    /// channel.send(1);
    /// ```
    #[track_caller]
    pub fn send(&self, value: T) {
        if let Err(SendError(_value)) = self.sender.send(value) {
            panic!(
                "send on a closed channel: close it after the last send, or use `sender().send`, which returns an error"
            );
        }
    }

    /// Receives a value, blocking while the channel is empty; `None`: it is empty and closed.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::new(1);
    /// channel.send(1);
    /// channel.close();
    /// assert_eq!((channel.recv(), channel.recv()), (Some(1), None));
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        self.receiver.recv().ok()
    }

    /// Closes the channel: what is in it can still be received.
    ///
    /// # Panics
    /// If the channel is closed already, or nil. [`sender`](Self::sender)`().close` returns an error instead.
    ///
    /// ```should_panic
    /// let channel = selvedge::chan::Channel::<i32>::new(1);
    /// channel.close();
    /// channel.close();
    /// ```
    #[track_caller]
    pub fn close(&self) {
        assert!(self.nil.is_none(), "close of a nil channel");
        if let Err(CloseError) = self.sender.close() {
            panic!(
                "close of a closed channel: let one handle close it, or use `sender().close`, which returns an error"
            );
        }
    }

    /// Returns the number of values in the buffer, at some moment.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::new(2);
    /// channel.send(1);
    /// assert_eq!(channel.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Returns whether the buffer is empty, at some moment.
    ///
    /// ```
    /// assert!(selvedge::chan::Channel::<i32>::new(2).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Returns the number of values that the buffer holds; `None`: any number.
    ///
    /// ```
    /// assert_eq!(selvedge::chan::Channel::<i32>::new(2).capacity(), Some(2));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.receiver.capacity()
    }

    /// Returns the sending side.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::new(1);
    /// channel.close();
    /// assert!(channel.sender().send(1).is_err());
    /// ```
    pub fn sender(&self) -> &Sender<T> {
        &self.sender
    }

    /// Returns the receiving side.
    ///
    /// ```
    /// let channel = selvedge::chan::Channel::<i32>::new(1);
    /// assert!(channel.receiver().try_recv().is_err());
    /// ```
    pub fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> From<(Sender<T>, Receiver<T>)> for Channel<T> {
    /// Returns both sides in one handle. They need not belong to the same channel.
    fn from((sender, receiver): (Sender<T>, Receiver<T>)) -> Self {
        Channel { sender, receiver, nil: None }
    }
}

impl<T> Clone for Channel<T> {
    /// Returns one more handle of the same channel.
    fn clone(&self) -> Self {
        let Channel { sender, receiver, nil } = self;
        Channel { sender: sender.clone(), receiver: receiver.clone(), nil: nil.clone() }
    }
}

impl<'a, T> IntoIterator for &'a Channel<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.receiver.iter()
    }
}

impl<T> IntoIterator for Channel<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    /// Receives until the channel is closed and empty. This handle's sending side is dropped, so a channel that nobody
    /// closes ends with its last other handle.
    fn into_iter(self) -> IntoIter<T> {
        self.receiver.into_iter()
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Channel { .. }")
    }
}
