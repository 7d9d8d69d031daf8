//! Channels of instants: no thread stands behind them, whoever receives looks at the clock.

use super::claim::Claim;
use super::core::{Capacity, Chan, Patience};
use super::receiver::Receiver;
use super::select::handle::{Handle, Hold, Look, Slot};
use super::watch::Watchers;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::time::now;
use ::core::fmt;
use std::error::Error;
use std::time::{Duration, Instant};

/// An instant that is too far away to be told in nanoseconds, or does not come.
const NEVER: u64 = u64::MAX;

/// What the receivers of a timer share.
pub(super) struct Alarm {
    base: Instant,
    /// When the next instant is due, in nanoseconds after `base`; [`NEVER`]: none is. Whoever exchanges it has
    /// received it.
    next: AtomicU64,
    /// How long after an instant the next one is due, in nanoseconds; 0: there is one instant.
    period: AtomicU64,
    /// Wakes who waits when the alarm is set anew; not there if it never is. By itself, since it is large.
    bell: Option<Box<Chan<()>>>,
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(NEVER)
}

impl Alarm {
    fn new(base: Instant, first: Duration, period: Duration, bell: bool) -> Alarm {
        Alarm {
            base,
            next: AtomicU64::new(nanos(first)),
            period: AtomicU64::new(nanos(period)),
            bell: bell.then(|| Box::new(Chan::new(Capacity::Rendezvous, 2))),
        }
    }

    fn receiver(self) -> Receiver<Instant> {
        Receiver::alarm(Arc::new(self), |instant| instant)
    }

    fn due(&self) -> Option<Instant> {
        // SeqCst: who sets it anew rings the bell after it, and who waits reads it after it waits for the bell.
        let next = self.next.load(SeqCst);
        (next != NEVER).then(|| self.base.checked_add(Duration::from_nanos(next))).flatten()
    }

    /// Takes the instant that is due by now.
    pub(super) fn take(&self) -> Option<Instant> {
        // Acquire, here and on failure: pairs with the Release in `set`: the period belongs to the instant.
        // Audit: in no model does an alarm get another period while somebody receives.
        let mut next = self.next.load(Acquire);
        loop {
            let passed = nanos(now().saturating_duration_since(self.base));
            if next > passed || next == NEVER {
                return None;
            }
            // Relaxed: a period that is newer than the instant does no harm, since the exchange fails soon.
            let after = match self.period.load(Relaxed) {
                0 => NEVER,
                // Instants that nobody received in time are dropped.
                period => next.saturating_add(period.saturating_mul(1 + (passed - next) / period)),
            };
            // Relaxed: an instant brings nothing with it. Audit: as above.
            // site: take-instant
            match self.next.compare_exchange(next, after, Relaxed, Acquire) {
                Ok(_) => return self.base.checked_add(Duration::from_nanos(next)),
                Err(found) => next = found,
            }
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.due().is_some_and(|due| due <= now())
    }

    /// Sets the alarm anew; whether an instant was still to be received.
    fn set(&self, first: Option<Duration>, period: Duration) -> bool {
        self.period.store(nanos(period), Relaxed); // Relaxed: published below.
        let next = first.map_or(NEVER, |first| {
            nanos(now().saturating_duration_since(self.base)).saturating_add(nanos(first))
        });
        // SeqCst: see `due`. Release, by that: see `take`.
        let before = self.next.swap(next, SeqCst);
        if let Some(bell) = &self.bell {
            // Those who come later see the new instant.
            let waiting = bell.received();
            while bell.sent().ticket() < waiting {
                let _under_way = bell.send((), Patience::None);
            }
            bell.watchers.notify();
        }
        before != NEVER
    }
}

impl Handle for Alarm {
    fn identity(&self) -> (usize, bool) {
        (::core::ptr::from_ref(self).addr(), false)
    }

    fn attempt(&self, slot: &mut Slot) -> bool {
        let Some(instant) = self.take() else { return false };
        // The slot may still have the cell in which it waits for the bell.
        self.withdraw(slot);
        slot.set(nanos(instant.saturating_duration_since(self.base)), Hold::Happened);
        true
    }

    fn register(&self, slot: &mut Slot, claim: &Arc<Claim>, case: usize) -> bool {
        match &self.bell {
            // A bell's channel stays open, and nobody sends without a receiver that waits.
            Some(bell) => bell.register_recv(slot, claim, case),
            None => {
                slot.hold = Hold::Waiting;
                false
            }
        }
    }

    fn look(&self, slot: &mut Slot) -> Look {
        self.bell.as_ref().map_or(Look::Waits, |bell| bell.look_recv(slot))
    }

    fn chosen(&self, slot: &mut Slot, closed: bool) -> bool {
        if let Some(bell) = &self.bell {
            bell.chosen_recv(slot, closed);
            let _rung = bell.finish_recv(slot);
        }
        self.attempt(slot)
    }

    fn withdraw(&self, slot: &mut Slot) {
        if let (Some(bell), Hold::Waiting) = (&self.bell, slot.hold) {
            bell.withdraw_recv(slot);
        }
        // An instant that has been taken counts as received: once the alarm has been set anew it must not come back.
        slot.hold = Hold::Nothing;
    }

    fn deadline(&self) -> Option<Instant> {
        self.due()
    }

    fn is_ready(&self, _own: u64) -> bool {
        self.is_due()
    }

    fn watchers(&self) -> Option<&Watchers> {
        self.bell.as_ref().map(|bell| &bell.watchers)
    }
}

impl Alarm {
    /// The instant that a case has received.
    pub(super) fn finish(&self, slot: &mut Slot) -> Instant {
        debug_assert!(slot.hold == Hold::Happened, "a timer's channel is never closed");
        slot.hold = Hold::Nothing;
        self.base + Duration::from_nanos(slot.ticket)
    }
}

/// A channel that delivers one instant: the one at which `duration` has passed.
///
/// Nothing runs meanwhile: whoever receives looks at the clock. Of several receivers one gets the instant; the
/// others wait for ever.
///
/// ```
/// use selvedge::chan::{after, never, select};
/// use std::time::Duration;
/// let slow = never::<i32>();
/// select! {
///     recv(slow) -> _ => unreachable!(),
///     recv(after(Duration::from_millis(1))) -> instant => assert!(instant.is_ok()),
/// }
/// ```
pub fn after(duration: Duration) -> Receiver<Instant> {
    Alarm::new(now(), duration, Duration::ZERO, false).receiver()
}

/// A channel that delivers one instant: this one, when it has come.
///
/// ```
/// use selvedge::chan::at;
/// use std::time::{Duration, Instant};
/// let soon = Instant::now() + Duration::from_millis(1);
/// assert_eq!(at(soon).recv(), Ok(soon));
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    let base = when.min(now());
    Alarm::new(base, when - base, Duration::ZERO, false).receiver()
}

/// A channel that delivers an instant every `period`. Those that nobody receives before the next one is due are
/// dropped.
///
/// # Panics
/// If the period is zero.
///
/// ```
/// use selvedge::chan::tick;
/// use std::time::Duration;
/// let ticks = tick(Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(second - first >= Duration::from_millis(1));
/// ```
#[track_caller]
pub fn tick(period: Duration) -> Receiver<Instant> {
    assert!(!period.is_zero(), "{PeriodError}");
    Alarm::new(now(), period, period, false).receiver()
}

/// A channel on which nothing ever comes and that is never closed: Go's nil channel. In a select it stands for a
/// case that is switched off.
///
/// ```
/// use selvedge::chan::{TryRecvError, never};
/// assert_eq!(never::<i32>().try_recv(), Err(TryRecvError::Empty));
/// ```
pub fn never<T>() -> Receiver<T> {
    Receiver::never()
}

/// A ticker's period was zero.
///
/// ```
/// use selvedge::chan::{PeriodError, Ticker};
/// use std::time::Duration;
/// assert_eq!(Ticker::new(Duration::ZERO).unwrap_err(), PeriodError);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodError;

impl fmt::Display for PeriodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the period of ticks must be longer than zero")
    }
}

impl Error for PeriodError {}

/// A [`Receiver`] of one instant that can be stopped and set anew, as Go's `Timer` since Go 1.23: once
/// [`stop`](Self::stop) or [`reset`](Self::reset) has returned, no instant of before is received.
///
/// ```
/// use selvedge::chan::{Timer, TryRecvError};
/// use std::time::Duration;
/// let timer = Timer::new(Duration::ZERO);
/// assert!(timer.stop(), "nobody has received its instant");
/// assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
/// assert!(!timer.reset(Duration::from_millis(1)));
/// assert!(timer.receiver().recv().is_ok());
/// ```
pub struct Timer(Arc<Alarm>, Receiver<Instant>);

impl Timer {
    /// A timer that goes off once `duration` has passed.
    ///
    /// ```
    /// use selvedge::chan::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::new(Duration::from_millis(1));
    /// assert!(timer.receiver().recv().is_ok());
    /// ```
    pub fn new(duration: Duration) -> Timer {
        let alarm = Arc::new(Alarm::new(now(), duration, Duration::ZERO, true));
        Timer(Arc::clone(&alarm), Receiver::alarm(alarm, |instant| instant))
    }

    /// Where its instant is received.
    ///
    /// ```
    /// use selvedge::chan::Timer;
    /// use std::time::Duration;
    /// let receiver = Timer::new(Duration::ZERO).receiver().clone();
    /// assert!(receiver.try_recv().is_ok());
    /// ```
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.1
    }

    /// Stops it; whether its instant was still to be received.
    ///
    /// ```
    /// use selvedge::chan::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::new(Duration::ZERO);
    /// assert!(timer.stop() && !timer.stop());
    /// assert!(timer.receiver().try_recv().is_err());
    /// ```
    pub fn stop(&self) -> bool {
        self.0.set(None, Duration::ZERO)
    }

    /// Sets it anew, to go off once `duration` has passed from now; whether its instant was still to be
    /// received.
    ///
    /// ```
    /// use selvedge::chan::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::new(Duration::from_secs(60));
    /// assert!(timer.reset(Duration::ZERO), "its instant was still to come");
    /// assert!(timer.receiver().try_recv().is_ok());
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        self.0.set(Some(duration), Duration::ZERO)
    }
}

/// A [`Receiver`] of regular instants that can be stopped and set anew, as Go's `Ticker` since Go 1.23.
///
/// ```
/// use selvedge::chan::{PeriodError, Ticker};
/// use std::time::Duration;
/// assert_eq!(Ticker::new(Duration::ZERO).unwrap_err(), PeriodError);
/// let ticker = Ticker::new(Duration::from_millis(1)).unwrap();
/// assert!(ticker.receiver().recv().is_ok());
/// ticker.stop();
/// ```
pub struct Ticker(Arc<Alarm>, Receiver<Instant>);

impl Ticker {
    /// A ticker with this period. Instants that nobody receives before the next one is due are dropped.
    ///
    /// # Errors
    /// If the period is zero.
    ///
    /// ```
    /// use selvedge::chan::Ticker;
    /// use std::time::Duration;
    /// assert!(Ticker::new(Duration::from_secs(1)).is_ok() && Ticker::new(Duration::ZERO).is_err());
    /// ```
    pub fn new(period: Duration) -> Result<Ticker, PeriodError> {
        if period.is_zero() {
            return Err(PeriodError);
        }
        let alarm = Arc::new(Alarm::new(now(), period, period, true));
        Ok(Ticker(Arc::clone(&alarm), Receiver::alarm(alarm, |instant| instant)))
    }

    /// Where its instants are received.
    ///
    /// ```
    /// use selvedge::chan::Ticker;
    /// use std::time::Duration;
    /// let ticker = Ticker::new(Duration::from_millis(1)).unwrap();
    /// assert!(ticker.receiver().recv().unwrap() < ticker.receiver().recv().unwrap());
    /// ```
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.1
    }

    /// Stops it: no more instants come. Its channel stays open.
    ///
    /// ```
    /// use selvedge::chan::Ticker;
    /// use std::time::Duration;
    /// let ticker = Ticker::new(Duration::from_nanos(1)).unwrap();
    /// ticker.stop();
    /// assert!(ticker.receiver().try_recv().is_err() && !ticker.receiver().is_closed());
    /// ```
    pub fn stop(&self) {
        self.0.set(None, Duration::ZERO);
    }

    /// Sets it anew: the next instant comes once `period` has passed from now.
    ///
    /// # Errors
    /// If the period is zero; then it goes on as before.
    ///
    /// ```
    /// use selvedge::chan::Ticker;
    /// use std::time::Duration;
    /// let ticker = Ticker::new(Duration::from_secs(60)).unwrap();
    /// ticker.reset(Duration::from_millis(1)).unwrap();
    /// assert!(ticker.receiver().recv().is_ok());
    /// ```
    pub fn reset(&self, period: Duration) -> Result<(), PeriodError> {
        if period.is_zero() {
            return Err(PeriodError);
        }
        self.0.set(Some(period), period);
        Ok(())
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Timer { .. }")
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Ticker { .. }")
    }
}
