//! The receiving side of a channel, of a timer, or of nothing (`never`): a method on a channel is an operation of `Chan`
//! (`algorithm`), with the errors of the API.

use crate::chan::algorithm::cell::{Phase, RECEIVER};
use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::algorithm::deferred::Mark;
use crate::chan::algorithm::recv::NotReceived;
use crate::chan::error::{CloseError, RecvError, RecvTimeoutError, TryRecvError};
use crate::chan::handle::counted::{Receives, Share};
use crate::chan::handle::lapsing::{Lapse, Lapsing};
use crate::chan::select::case::{Handle, Hold, Identity, Look, Progress, Round, Slot, Stamp};
use crate::chan::select::observers::Observers;
use crate::chan::select::order::Order;
use crate::chan::select::run::{Case, run};
use crate::chan::select::specified::AsSteps;
use crate::chan::select::state::{Cause, SelectWait};
use crate::chan::timer::alarm::Alarm;
use crate::rt::bubble::Owner;
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// The receiving side of a channel. Clones share it, and each value goes to one of them; the last one
/// dropped closes the channel and drops what is in it.
///
/// ```
/// let (tx, rx) = selvedge::chan::unbounded();
/// (0..2).for_each(|n| tx.send(n).unwrap());
/// let another = rx.clone();
/// assert_eq!((rx.recv(), another.recv()), (Ok(0), Ok(1)));
/// ```
pub struct Receiver<T>(pub(in crate::chan) Source<T>);

/// Where values come from.
pub(in crate::chan) enum Source<T> {
    Channel(Share<T, Receives>),
    /// A timer, and how its instants become values; `T` is `Instant`.
    Alarm(Arc<Alarm>, fn(Instant) -> T),
    /// A channel that is closed at an instant. By itself, so that other receivers stay small.
    Lapsing(Box<Lapsing<T>>),
    Never,
}

impl<T> Receiver<T> {
    pub(in crate::chan) fn channel(share: Share<T, Receives>) -> Receiver<T> {
        Receiver(Source::Channel(share))
    }

    pub(in crate::chan) fn alarm(alarm: Arc<Alarm>, make: fn(Instant) -> T) -> Receiver<T> {
        Receiver(Source::Alarm(alarm, make))
    }

    pub(in crate::chan) fn lapsing(lapsing: Lapsing<T>) -> Receiver<T> {
        Receiver(Source::Lapsing(Box::new(lapsing)))
    }

    /// Returns this receiver of a channel, which `owner` closes at an instant.
    pub(crate) fn that_lapses(self, owner: Box<dyn Lapse>) -> Receiver<T> {
        match self.0 {
            Source::Channel(share) => Receiver::lapsing(Lapsing::new(share, owner)),
            other => Receiver(other),
        }
    }

    pub(in crate::chan) const fn never() -> Receiver<T> {
        Receiver(Source::Never)
    }

    pub(in crate::chan) fn chan(&self) -> Option<&Chan<T>> {
        match &self.0 {
            Source::Channel(share) => Some(share),
            Source::Lapsing(lapsing) => Some(lapsing.look()),
            Source::Alarm(..) | Source::Never => None,
        }
    }

    pub(in crate::chan) fn timer(&self) -> Option<&Alarm> {
        match &self.0 {
            Source::Alarm(alarm, _) => Some(alarm),
            _ => None,
        }
    }

    #[inline]
    fn receive(&self, blocking: Blocking) -> Result<T, NotReceived> {
        match &self.0 {
            Source::Channel(chan) => chan.recv(blocking),
            _ => self.receive_alone(blocking),
        }
    }

    /// A select with this one case.
    #[cold]
    fn receive_alone(&self, blocking: Blocking) -> Result<T, NotReceived> {
        let mut cases = [Case::new(self)];
        match (run(&mut cases, Order::Given, blocking), blocking) {
            (Some(_), _) => self.finish(&mut cases[0].slot).map_err(|_| NotReceived::Closed),
            (None, Blocking::Never) => Err(NotReceived::Empty),
            (None, Blocking::Until(_)) => Err(NotReceived::Timeout),
        }
    }

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
        self.receive(Blocking::FOREVER).map_err(|_| RecvError)
    }

    /// Receives a value if one is there, or (with capacity 0) if a sender waits. If the next value is that of a select
    /// which has chosen to send it, this waits until the value has been evaluated.
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
        let received = match &self.0 {
            Source::Channel(chan) => chan.try_recv(),
            _ => self.receive_alone(Blocking::Never),
        };
        received.map_err(|why| match why {
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
    /// If the deadline passes, or the channel is empty and closed. No value is lost by it.
    ///
    /// ```
    /// use selvedge::chan::{RecvTimeoutError, never};
    /// use std::time::Instant;
    /// assert_eq!(never::<i32>().recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    /// ```
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        let _entry = enter();
        self.recv_until(Some(deadline))
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        self.receive(Blocking::Until(deadline)).map_err(|why| match why {
            NotReceived::Timeout => RecvTimeoutError::Timeout,
            _ => RecvTimeoutError::Disconnected,
        })
    }

    /// Closes the channel, for all its handles; see [`Sender::close`](crate::chan::Sender::close).
    ///
    /// # Errors
    /// If the channel is closed already, or cannot be closed by a receiver: a timer's, a
    /// [context's](crate::context::Context::done), or [`never`](crate::chan::never)'s.
    ///
    /// ```
    /// use selvedge::chan::{RecvError, bounded};
    /// let (tx, rx) = bounded(1);
    /// tx.send(1).unwrap();
    /// rx.close().unwrap();
    /// assert!(tx.send(2).is_err());
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
    /// ```
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        let _entry = enter();
        match &self.0 {
            Source::Channel(chan) => chan.close(),
            _ => Err(CloseError),
        }
    }

    /// Closes the channel and drops what is in it.
    ///
    /// # Errors
    /// If the channel is closed already, or cannot be closed; what is in it is dropped all the same.
    ///
    /// ```
    /// use selvedge::chan::{RecvError, bounded};
    /// let (tx, rx) = bounded(1);
    /// tx.send(1).unwrap();
    /// rx.close_and_discard().unwrap();
    /// assert_eq!(rx.recv(), Err(RecvError));
    /// ```
    #[track_caller]
    pub fn close_and_discard(&self) -> Result<(), CloseError> {
        let _entry = enter();
        match &self.0 {
            Source::Channel(chan) => chan.discard(),
            _ => Err(CloseError),
        }
    }

    /// Returns whether a receiver waits with this ticket; tickets are handed out from 0. For models that have to
    /// know which thread blocked first.
    ///
    /// # Safety
    /// No operation with an earlier ticket ends meanwhile.
    #[doc(hidden)]
    pub unsafe fn waits_at(&self, ticket: u64) -> bool {
        // SAFETY: no operation with an earlier ticket ends meanwhile, by this function's contract.
        self.chan().is_some_and(|chan| unsafe {
            chan.waits_at(ticket, [Phase::ReceiverWaits, Phase::ReceiverSelects])
        })
    }

    /// Returns whether both receive from the same channel.
    ///
    /// ```
    /// let (_tx, rx) = selvedge::chan::unbounded::<i32>();
    /// assert!(rx.same_channel(&rx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.0, &other.0) {
            (Source::Channel(one), Source::Channel(other)) => one.is_same(other),
            (Source::Lapsing(one), Source::Lapsing(other)) => one.channel().is_same(other.channel()),
            (Source::Alarm(one, _), Source::Alarm(other, _)) => Arc::ptr_eq(one, other),
            (Source::Never, Source::Never) => true,
            _ => false,
        }
    }
}

impl<T> Receiver<T> {
    pub(in crate::chan) fn finish(&self, slot: &mut Slot) -> Result<T, RecvError> {
        match &self.0 {
            Source::Channel(chan) => chan.finish_recv(slot),
            Source::Lapsing(lapsing) => lapsing.channel().finish_recv(slot),
            Source::Alarm(alarm, make) => Ok(make(alarm.finish(slot))),
            Source::Never => Err(RecvError),
        }
    }
}

impl<T> Receiver<T> {
    /// Not inlined, so that an attempt on an empty channel saves no registers.
    #[inline(never)]
    fn attempt_another(&self, slot: &mut Slot, mark: Mark) -> Progress {
        match &self.0 {
            Source::Channel(chan) => chan.attempt_recv(slot),
            Source::Lapsing(lapsing) => lapsing.look().attempt_recv(slot),
            Source::Alarm(alarm, _) => alarm.attempt(slot, mark),
            Source::Never => Progress::NotYet,
        }
    }
}

impl<T> Receiver<T> {
    /// Returns the bubble in which the channel was made; `None`: nothing ever comes.
    pub(crate) fn bubble(&self) -> Option<Owner> {
        Handle::owner(self)
    }
}

impl<T> Handle for Receiver<T> {
    fn owner(&self) -> Option<Owner> {
        match &self.0 {
            Source::Channel(chan) => Some(chan.owner()),
            Source::Lapsing(lapsing) => Some(lapsing.channel().owner()),
            Source::Alarm(alarm, _) => alarm.owner(),
            Source::Never => None,
        }
    }

    fn attempt(&self, slot: &mut Slot, mark: Mark) -> Progress {
        match &self.0 {
            Source::Channel(chan) => chan.attempt_recv(slot),
            _ => self.attempt_another(slot, mark),
        }
    }

    fn register(&self, slot: &mut Slot, select: &SelectWait, case: usize) -> Progress {
        match &self.0 {
            Source::Channel(chan) => chan.register_recv(slot, select, case),
            Source::Lapsing(lapsing) => lapsing.channel().register_recv(slot, select, case),
            Source::Alarm(alarm, _) => alarm.register(slot, select, case),
            Source::Never => {
                slot.hold = Hold::Waiting;
                Progress::NotYet
            }
        }
    }

    fn look(&self, slot: &mut Slot, round: Round) -> Look {
        match &self.0 {
            Source::Channel(chan) => chan.look_recv(slot, round),
            Source::Lapsing(lapsing) => lapsing.channel().look_recv(slot, round),
            Source::Alarm(alarm, _) => alarm.look(slot, round),
            Source::Never => Look::Waits,
        }
    }

    fn is_promised(&self, slot: &Slot) -> bool {
        matches!(&self.0, Source::Channel(chan) if chan.is_promised(slot))
    }

    fn chosen(&self, slot: &mut Slot, cause: Cause) -> Progress {
        match &self.0 {
            Source::Channel(chan) => chan.chosen_recv(slot, cause),
            Source::Lapsing(lapsing) => lapsing.channel().chosen_recv(slot, cause),
            Source::Alarm(alarm, _) => alarm.chosen(slot, cause),
            Source::Never => unreachable!("nothing comes on a channel on which nothing comes"),
        }
    }

    fn withdraw(&self, slot: &mut Slot) {
        match &self.0 {
            Source::Channel(chan) => chan.withdraw_recv(slot),
            Source::Lapsing(lapsing) => lapsing.channel().withdraw_recv(slot),
            Source::Alarm(alarm, _) => alarm.withdraw(slot),
            Source::Never => slot.hold = Hold::Nothing,
        }
    }

    fn lend(&self, slot: &mut Slot) {
        match &self.0 {
            Source::Channel(chan) => chan.lend_recv(slot),
            Source::Lapsing(lapsing) => lapsing.channel().lend_recv(slot),
            Source::Alarm(..) | Source::Never => (),
        }
    }

    fn reserve(&self) -> Option<u64> {
        match &self.0 {
            Source::Alarm(alarm, _) => alarm.reserve(),
            Source::Lapsing(lapsing) => {
                // If its instant has come, the close reaches the cell in which the select waits.
                lapsing.next();
                None
            }
            Source::Channel(_) | Source::Never => None,
        }
    }

    fn confirm(&self, slot: &mut Slot, instant: u64) -> Progress {
        self.timer().map_or(Progress::NotYet, |alarm| alarm.confirm(slot, instant))
    }

    fn put_back(&self, instant: u64) {
        if let Some(alarm) = self.timer() {
            alarm.put_back(instant);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            Source::Alarm(alarm, _) => alarm.deadline(),
            Source::Lapsing(lapsing) => lapsing.deadline(),
            Source::Channel(_) | Source::Never => None,
        }
    }

    fn is_ready(&self, own: u64) -> bool {
        match &self.0 {
            Source::Channel(chan) => chan.is_ready_to_receive(),
            Source::Lapsing(lapsing) => lapsing.look().is_ready_to_receive(),
            Source::Alarm(alarm, _) => alarm.is_ready(own),
            Source::Never => false,
        }
    }

    fn stamp(&self) -> Stamp {
        match &self.0 {
            Source::Channel(chan) => chan.stamp(),
            Source::Lapsing(lapsing) => lapsing.channel().stamp(),
            Source::Alarm(alarm, _) => alarm.stamp(),
            Source::Never => [0; 7],
        }
    }

    fn observers(&self) -> Option<&Observers> {
        match &self.0 {
            Source::Channel(chan) => Some(&chan.observers),
            Source::Lapsing(lapsing) => Some(&lapsing.channel().observers),
            Source::Alarm(alarm, _) => alarm.observers(),
            Source::Never => None,
        }
    }

    fn identity(&self) -> Identity {
        match &self.0 {
            Source::Channel(share) => Identity { channel: share.address(), party: RECEIVER },
            Source::Lapsing(lapsing) => Identity { channel: lapsing.channel().address(), party: RECEIVER },
            Source::Alarm(alarm, _) => alarm.identity(),
            Source::Never => Identity { channel: 0, party: RECEIVER },
        }
    }

    fn steps(&self) -> Option<AsSteps<'_>> {
        Some(AsSteps(self))
    }

    fn rendezvous(&self) -> Option<Identity> {
        let channel = self.chan()?.rendezvous()?;
        Some(Identity { channel, party: RECEIVER })
    }
}

impl<T> Clone for Receiver<T> {
    /// One more receiver of the same channel.
    fn clone(&self) -> Self {
        Receiver(match &self.0 {
            Source::Channel(share) => Source::Channel(share.clone()),
            Source::Lapsing(lapsing) => Source::Lapsing(lapsing.clone()),
            Source::Alarm(alarm, make) => Source::Alarm(Arc::clone(alarm), *make),
            Source::Never => Source::Never,
        })
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

impl<T> core::panic::UnwindSafe for Receiver<T> {}
impl<T> core::panic::RefUnwindSafe for Receiver<T> {}
