//! The receiving side.

use super::cell::Phase;
use super::core::Patience;
use super::error::{CloseError, RecvError, RecvTimeoutError, TryRecvError};
use super::iter::{IntoIter, Iter, TryIter};
use super::recv::NotReceived;
use super::shared::Share;
use crate::rt::entry::enter;
use crate::rt::time::now;
use ::core::fmt;
use std::time::{Duration, Instant};

/// The receiving side of a channel. Clones share it, and each value goes to one of them; the last one
/// dropped closes the channel and drops what is in it.
pub struct Receiver<T>(pub(super) Share<T, false>);

impl<T> Receiver<T> {
    /// Receives a value, waiting as long as the channel is empty.
    ///
    /// Receivers that wait are served in the order in which they came.
    ///
    /// # Errors
    /// If the channel is empty and closed, also while waiting.
    ///
    /// ```
    /// use selvedge::chan::{RecvError, bounded};
    /// let (tx, rx) = bounded(1);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let _entry = enter();
        self.0.recv(Patience::Until(None)).map_err(|_| RecvError)
    }

    /// Receives a value if one is there, or (with capacity 0) if a sender waits.
    ///
    /// # Errors
    /// If the channel is empty, or empty and closed.
    ///
    /// ```
    /// use selvedge::chan::{TryRecvError, bounded};
    /// let (tx, rx) = bounded(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let _entry = enter();
        self.0.recv(Patience::None).map_err(|why| match why {
            NotReceived::Empty => TryRecvError::Empty,
            _ => TryRecvError::Disconnected,
        })
    }

    /// Receives a value, waiting for at most `timeout`.
    ///
    /// # Errors
    /// If time runs out, or the channel is empty and closed. No value is lost by it.
    ///
    /// ```
    /// use selvedge::chan::{RecvTimeoutError, bounded};
    /// use std::time::Duration;
    /// let (_tx, rx) = bounded::<i32>(1);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let _entry = enter();
        // A time too far away to be named is no limit.
        self.recv_until(now().checked_add(timeout))
    }

    /// Receives a value, waiting until `deadline` at most.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout).
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        let _entry = enter();
        self.recv_until(Some(deadline))
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        self.0.recv(Patience::Until(deadline)).map_err(|why| match why {
            NotReceived::Timeout => RecvTimeoutError::Timeout,
            _ => RecvTimeoutError::Disconnected,
        })
    }

    /// Closes the channel, for all its handles; see [`Sender::close`](super::Sender::close).
    ///
    /// # Errors
    /// If the channel is closed already.
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        let _entry = enter();
        self.0.close()
    }

    /// Receives until the channel is empty and closed.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Receives what is there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Whether a receiver waits with this ticket; tickets are handed out from 0. For models that have to
    /// know who blocked first.
    ///
    /// # Safety
    /// No operation with an earlier ticket ends meanwhile.
    #[doc(hidden)]
    pub unsafe fn waits_at(&self, ticket: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.0.waits_at(ticket, Phase::ReceiverWaits) }
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        self.0.is_same(&other.0)
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

super::shared_methods!(Receiver);
