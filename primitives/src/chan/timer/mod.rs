//! Channels of instants: no thread stands behind them, a receive looks at the clock.

pub(super) mod alarm;
mod func;

use crate::chan::handle::receiver::Receiver;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use alarm::{Alarm, Setting};
use core::fmt;
pub use func::{FuncTimer, after_func};
use std::error::Error;
use std::time::{Duration, Instant};

/// Returns a receiver of an alarm's instants.
fn receiver(alarm: Arc<Alarm>) -> Receiver<Instant> {
    Receiver::alarm(alarm, |instant| instant)
}

/// Returns a channel that delivers one instant: the one at which `duration` has passed.
///
/// Nothing runs meanwhile: a receive looks at the clock. Of several receivers one gets the instant; the
/// others wait for ever. If no [`Instant`] is so far away, the channel is [`never()`]'s.
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
    let base = now();
    match base.checked_add(duration) {
        Some(_) => receiver(Arc::new(Alarm::once(base, duration, Setting::Once))),
        None => never(),
    }
}

/// Returns a channel that delivers one instant: this one, when it has come.
///
/// ```
/// use selvedge::chan::at;
/// use std::time::{Duration, Instant};
/// let soon = Instant::now() + Duration::from_millis(1);
/// assert_eq!(at(soon).recv(), Ok(soon));
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    let base = when.min(now());
    receiver(Arc::new(Alarm::once(base, when - base, Setting::Once)))
}

/// Returns a channel that delivers an instant every `period`. Those that are not received before the next one is due are
/// dropped.
///
/// An instant that is received late does not shift the ones after it: they stay at multiples of the period after the
/// start, as with Go's tickers. (crossbeam-channel's next one comes a period after the late receive.) With a period of
/// zero an instant is always there. If no [`Instant`] is a period away, the channel is [`never()`]'s.
///
/// ```
/// use selvedge::chan::tick;
/// use std::time::Duration;
/// let ticks = tick(Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(second - first >= Duration::from_millis(1));
/// assert!(tick(Duration::ZERO).try_recv().is_ok());
/// ```
pub fn tick(period: Duration) -> Receiver<Instant> {
    match now().checked_add(period) {
        Some(_) => receiver(Arc::new(Alarm::ticks(period, Setting::Once))),
        None => never(),
    }
}

/// Returns a channel on which nothing ever comes and that is never closed: Go's nil channel. In a select it stands for a
/// case that is switched off.
///
/// ```
/// use selvedge::chan::{TryRecvError, never};
/// assert_eq!(never::<i32>().try_recv(), Err(TryRecvError::Empty));
/// ```
pub const fn never<T>() -> Receiver<T> {
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
    /// Returns a timer that goes off once `duration` has passed.
    ///
    /// ```
    /// use selvedge::chan::Timer;
    /// use std::time::Duration;
    /// let timer = Timer::new(Duration::from_millis(1));
    /// assert!(timer.receiver().recv().is_ok());
    /// ```
    pub fn new(duration: Duration) -> Timer {
        let alarm = Arc::new(Alarm::once(now(), duration, Setting::Anew));
        Timer(Arc::clone(&alarm), receiver(alarm))
    }

    /// Returns where its instant is received.
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
        self.0.stop()
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
        self.0.reset(duration)
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
    /// Returns a ticker with this period. Instants that are not received before the next one is due are dropped; one
    /// that is received late does not shift the ones after it.
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
        let alarm = Arc::new(Alarm::ticks(period, Setting::Anew));
        Ok(Ticker(Arc::clone(&alarm), receiver(alarm)))
    }

    /// Returns where its instants are received.
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
        self.0.stop();
    }

    /// Sets it anew: the next instant comes once `period` has passed from now. Of resets at the same time one counts,
    /// with its period.
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
        self.0.reset(period);
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
