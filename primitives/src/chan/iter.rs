//! Receiving as iteration.

use super::receiver::Receiver;
use ::core::fmt;
use ::core::iter::FusedIterator;

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
pub struct Iter<'a, T>(pub(super) &'a Receiver<T>);

/// Receives what is there, without waiting; made by [`Receiver::try_iter`].
///
/// ```
/// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
/// assert_eq!(rx.try_iter().next(), None);
/// ```
pub struct TryIter<'a, T>(pub(super) &'a Receiver<T>);

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
    pub(super) receiver: &'a Receiver<T>,
    /// How many values it may still receive.
    pub(super) left: usize,
}

/// Receives until the channel is empty and closed; owns its receiver.
///
/// ```
/// let (tx, rx) = selvedge::chan::unbounded();
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!(rx.into_iter().collect::<Vec<i32>>(), [1]);
/// ```
pub struct IntoIter<T>(pub(super) Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

// A closed and empty channel stays so.
impl<T> FusedIterator for Iter<'_, T> {}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

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
