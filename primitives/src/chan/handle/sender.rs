//! The sending side of a channel: each method is an operation of `Chan` (`algorithm`), with the errors of the API.

use crate::chan::algorithm::cell::{Phase, SENDER};
use crate::chan::algorithm::chan::Blocking;
use crate::chan::algorithm::deferred::Mark;
use crate::chan::algorithm::send::NotSent;
use crate::chan::error::{CloseError, SendError, SendTimeoutError, TrySendError};
use crate::chan::handle::counted::{Sends, Share};
use crate::chan::select::case::{Handle, Identity, Look, Progress, Round, Slot, Stamp};
use crate::chan::select::observers::Observers;
use crate::chan::select::specified::AsSteps;
use crate::chan::select::state::{Cause, SelectWait};
use crate::rt::bubble::Owner;
use crate::rt::entry::enter;
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// The sending side of a channel. Clones share it; the last one dropped closes the channel.
///
/// ```
/// let (tx, rx) = selvedge::chan::bounded(2);
/// let another = tx.clone();
/// (tx.send(1).unwrap(), another.send(2).unwrap());
/// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Ok(2)));
/// ```
pub struct Sender<T>(pub(in crate::chan) Share<T, Sends>);

impl<T> Sender<T> {
    /// Sends a value, waiting as long as the channel is full.
    ///
    /// Senders that wait are served in the order in which they came. The send happens before the
    /// receive of its value.
    ///
    /// # Errors
    /// If the channel is closed, also while waiting; the value comes back.
    ///
    /// ```
    /// use selvedge::chan::{SendError, bounded};
    /// let (tx, rx) = bounded(1);
    /// assert_eq!(tx.send(1), Ok(()));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError(2)));
    /// ```
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let _entry = enter();
        self.0.send(value, Blocking::FOREVER).map_err(|(value, _)| SendError(value))
    }

    /// Sends a value if that need not wait.
    ///
    /// # Errors
    /// If the channel is full (with capacity 0: if no receiver waits) or closed; the value comes back. A
    /// send that is under way has its place already, even if a close makes it fail in the end.
    ///
    /// ```
    /// use selvedge::chan::{TrySendError, bounded};
    /// let (tx, _rx) = bounded(0);
    /// assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    /// ```
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let _entry = enter();
        self.0.send(value, Blocking::Never).map_err(|(value, why)| match why {
            NotSent::NoRoom => TrySendError::Full(value),
            _ => TrySendError::Disconnected(value),
        })
    }

    /// Sends a value, waiting for at most `timeout`.
    ///
    /// # Errors
    /// If time runs out or the channel is closed; the value comes back, and nobody receives it.
    ///
    /// ```
    /// use selvedge::chan::{SendTimeoutError, bounded};
    /// use std::time::Duration;
    /// let (tx, _rx) = bounded(0);
    /// assert_eq!(tx.send_timeout(1, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(1)));
    /// ```
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let _entry = enter();
        // A time too far away to be named is no limit.
        self.send_until(value, now().checked_add(timeout))
    }

    /// Sends a value, waiting until `deadline` at most.
    ///
    /// # Errors
    /// If the deadline passes or the channel is closed; the value comes back, and nobody receives it.
    ///
    /// ```
    /// use std::time::Instant;
    /// let (tx, _rx) = selvedge::chan::bounded(0);
    /// assert!(tx.send_deadline(1, Instant::now()).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        let _entry = enter();
        self.send_until(value, Some(deadline))
    }

    fn send_until(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        self.0.send(value, Blocking::Until(deadline)).map_err(|(value, why)| match why {
            NotSent::NoRoom => SendTimeoutError::Timeout(value),
            _ => SendTimeoutError::Disconnected(value),
        })
    }

    /// Sends values one after the other, each as [`send`](Self::send) does.
    ///
    /// # Errors
    /// If the channel is closed; the value that was not sent comes back, and those after it are still in the iterator.
    ///
    /// ```
    /// use selvedge::chan::{SendError, bounded};
    /// let (tx, rx) = bounded(3);
    /// let mut values = 0..4;
    /// assert_eq!(tx.send_many(values.by_ref().take(3)), Ok(()));
    /// assert_eq!(rx.drain().collect::<Vec<_>>(), [0, 1, 2]);
    /// drop(rx);
    /// assert_eq!(tx.send_many(values), Err(SendError(3)));
    /// ```
    #[track_caller]
    pub fn send_many(&self, values: impl IntoIterator<Item = T>) -> Result<(), SendError<T>> {
        values.into_iter().try_for_each(|value| self.send(value))
    }

    /// Sends a value at once; if the channel is full, the oldest value in its buffer is taken out and returned.
    ///
    /// The send keeps its turn among others: senders that wait get the place of the oldest value first, and until they
    /// have all been served the channel holds more than its capacity, by one value for each of them at most that a
    /// forced send let in. At the same time as other sends or receives the two steps are seen one after the other:
    /// first the value is there, then, if the channel holds more than its capacity by that, the oldest one goes. A
    /// value that came back from a dropped future or operation stays. On capacity 0, where nobody waits to receive, the
    /// value itself is returned.
    ///
    /// # Errors
    /// If the channel is closed; the value comes back.
    ///
    /// ```
    /// use selvedge::chan::{SendError, bounded};
    /// let (tx, rx) = bounded(2);
    /// assert_eq!((tx.force_send(1), tx.force_send(2)), (Ok(None), Ok(None)));
    /// assert_eq!(tx.force_send(3), Ok(Some(1)));
    /// assert_eq!(rx.drain().collect::<Vec<i32>>(), [2, 3]);
    /// drop(rx);
    /// assert_eq!(tx.force_send(4), Err(SendError(4)));
    /// ```
    #[track_caller]
    pub fn force_send(&self, value: T) -> Result<Option<T>, SendError<T>> {
        let _entry = enter();
        self.0.force_send(value).map_err(SendError)
    }

    /// Closes the channel, for all its handles.
    ///
    /// Values in the buffer can still be received. Closing happens before a receive that fails because of
    /// it. For senders that wait it is not one moment: while it is under way, one of them may already have
    /// its value back, and a receive may still let another one in.
    ///
    /// # Errors
    /// If the channel is closed already. Of several closers exactly one succeeds.
    ///
    /// ```
    /// use selvedge::chan::{CloseError, RecvError, bounded};
    /// let (tx, rx) = bounded(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.close(), Ok(()));
    /// assert_eq!(tx.close(), Err(CloseError));
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
    /// ```
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        let _entry = enter();
        self.0.close()
    }

    /// Returns whether a sender waits with this ticket; tickets are handed out from 0. For models that have to
    /// know which thread blocked first.
    ///
    /// # Safety
    /// No operation with an earlier ticket ends meanwhile.
    #[doc(hidden)]
    pub unsafe fn waits_at(&self, ticket: u64) -> bool {
        // SAFETY: no operation with an earlier ticket ends meanwhile, by this function's contract.
        unsafe { self.0.waits_at(ticket, [Phase::SenderWaits, Phase::SenderSelects]) }
    }

    /// Returns whether both send to the same channel.
    ///
    /// ```
    /// let (tx, _rx) = selvedge::chan::unbounded::<i32>();
    /// let (other, _) = selvedge::chan::unbounded::<i32>();
    /// assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        self.0.is_same(&other.0)
    }
}

impl<T> Sender<T> {
    pub(in crate::chan) fn finish_late(&self, slot: &mut Slot, value: T) -> Result<(), SendError<T>> {
        self.0.finish_late(slot, value)
    }
}

/// A send as a case of a select, whose value comes once the case has been chosen.
impl<T> Handle for Sender<T> {
    fn owner(&self) -> Option<Owner> {
        Some(self.0.owner())
    }

    fn attempt(&self, slot: &mut Slot, mark: Mark) -> Progress {
        self.0.case_send(slot, mark, None)
    }

    fn register(&self, slot: &mut Slot, select: &SelectWait, case: usize) -> Progress {
        self.0.case_send(slot, select.mark(), Some((select, case)))
    }

    fn look(&self, slot: &mut Slot, _round: Round) -> Look {
        self.0.look_send(slot)
    }

    fn settle_in_flight(&self, slot: &Slot) -> Look {
        self.0.settle_sends_before(slot)
    }

    fn chosen(&self, slot: &mut Slot, cause: Cause) -> Progress {
        self.0.chosen_send(slot, cause);
        Progress::Happened
    }

    fn withdraw(&self, slot: &mut Slot) {
        self.0.withdraw_case_send(slot);
    }

    fn is_ready(&self, own: u64) -> bool {
        self.0.is_ready_to_send(own)
    }

    fn stamp(&self) -> Stamp {
        self.0.stamp()
    }

    fn observers(&self) -> Option<&Observers> {
        Some(&self.0.observers)
    }

    fn identity(&self) -> Identity {
        Identity { channel: self.0.address(), party: SENDER }
    }

    fn steps(&self) -> Option<AsSteps<'_>> {
        Some(AsSteps(self))
    }

    fn rendezvous(&self) -> Option<Identity> {
        self.0.rendezvous().map(|channel| Identity { channel, party: SENDER })
    }
}

impl<T> Clone for Sender<T> {
    /// One more sender of the same channel.
    fn clone(&self) -> Self {
        Sender(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

impl<T> core::panic::UnwindSafe for Sender<T> {}
impl<T> core::panic::RefUnwindSafe for Sender<T> {}
