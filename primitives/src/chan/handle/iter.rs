//! Receiving as iteration: with waiting until the channel is closed, or as far as values are there.

use crate::chan::algorithm::chan::Chan;
use crate::chan::error::{RecvError, TryRecvError};
use crate::chan::handle::receiver::Receiver;
use core::fmt;
use core::iter::FusedIterator;

/// Receives until the channel is empty and closed; made by [`Receiver::iter`].
///
/// ```
/// let (tx, rx) = selvedge::chan::unbounded();
/// tx.send(1).unwrap();
/// let mut values = rx.iter();
/// assert_eq!(values.next(), Some(1));
/// drop(tx);
/// assert_eq!(values.next(), None);
/// ```
pub struct Iter<'a, T>(pub(in crate::chan) &'a Receiver<T>);

/// Receives what is there, without waiting; made by [`Receiver::try_iter`].
///
/// ```
/// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
/// assert_eq!(rx.try_iter().next(), None);
/// ```
pub struct TryIter<'a, T>(pub(in crate::chan) &'a Receiver<T>);

/// Receives what was in the channel at one moment, without waiting; made by [`Receiver::drain`].
///
/// ```
/// let (tx, rx) = selvedge::chan::unbounded();
/// tx.send(1).unwrap();
/// let mut values = rx.drain();
/// tx.send(2).unwrap();
/// assert_eq!((values.next(), values.next()), (Some(1), None));
/// ```
pub struct Drain<'a, T> {
    pub(in crate::chan) receiver: &'a Receiver<T>,
    /// How many values it may still receive.
    pub(in crate::chan) left: usize,
}

/// Receives until the channel is empty and closed; owns its receiver.
///
/// ```
/// let (tx, rx) = selvedge::chan::unbounded();
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!(rx.into_iter().collect::<Vec<i32>>(), [1]);
/// ```
pub struct IntoIter<T>(pub(in crate::chan) Receiver<T>);

impl<T> Receiver<T> {
    /// Receives until the channel is empty and closed.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// assert_eq!(rx.iter().sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Receives what is there, without waiting.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::unbounded();
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// assert_eq!(rx.try_iter().sum::<i32>(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Receives what is in the channel now, without waiting: at most as many values as were in the buffer and waited
    /// to be sent when `drain` was called, so that it ends beside senders that never stop.
    ///
    /// ```
    /// let (tx, rx) = selvedge::chan::bounded(3);
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// assert_eq!(rx.drain().collect::<Vec<i32>>(), [0, 1, 2]);
    /// ```
    pub fn drain(&self) -> Drain<'_, T> {
        let left = self.chan().map_or_else(|| self.len(), Chan::under_way);
        Drain { receiver: self, left }
    }

    /// Appends to `values` what [`drain`](Self::drain) receives, and returns how many values that are.
    ///
    /// # Errors
    /// If there are none and the channel is closed.
    ///
    /// ```
    /// use selvedge::chan::{RecvError, bounded};
    /// let (tx, rx) = bounded(3);
    /// (0..3).for_each(|n| tx.send(n).unwrap());
    /// let mut values = Vec::new();
    /// assert_eq!((rx.drain_into(&mut values), rx.drain_into(&mut values)), (Ok(3), Ok(0)));
    /// drop(tx);
    /// assert_eq!((rx.drain_into(&mut values), values), (Err(RecvError), vec![0, 1, 2]));
    /// ```
    pub fn drain_into(&self, values: &mut Vec<T>) -> Result<usize, RecvError> {
        let before = values.len();
        values.extend(self.drain());
        if values.len() > before {
            return Ok(values.len() - before);
        }
        match self.try_recv() {
            Ok(value) => {
                values.push(value);
                Ok(1)
            }
            Err(TryRecvError::Empty) => Ok(0),
            Err(TryRecvError::Disconnected) => Err(RecvError),
        }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

// A closed and empty channel stays so.
impl<T> FusedIterator for Iter<'_, T> {}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let value = self.receiver.try_recv().ok();
        if value.is_none() {
            self.left = 0;
        }
        value
    }
}

// Once it has found nothing, nothing is left.
impl<T> FusedIterator for Drain<'_, T> {}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> FusedIterator for IntoIter<T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Iter { .. }")
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("TryIter { .. }")
    }
}

impl<T> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("IntoIter { .. }")
    }
}
