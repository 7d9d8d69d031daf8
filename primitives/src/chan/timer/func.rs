//! Closures that run at an instant: [`after_func`] and [`FuncTimer`].

use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use crate::rt::timer::Timer;
use core::fmt;
use std::time::{Duration, Instant};

/// The longest duration of a timer: 146 years.
const LONGEST: Duration = Duration::from_nanos(1 << 62);

/// Runs `f` once `duration` has passed; Go's `time.AfterFunc`.
///
/// `f` runs on a goroutine of its own if the caller is one, and on a thread of its own otherwise. It runs again each time
/// that the timer is [set anew](FuncTimer::reset), possibly while it still runs, so it is a `Fn`. The setting happens
/// before `f` runs. A timer costs no thread and no goroutine while it waits: the runtime waits for its goroutines'
/// timers, and one thread, which begins with the first timer, for all others. Timers start their closures in the order
/// of their instants; those of equal instants in no promised order. A duration of more than 146 years counts as 146
/// years.
///
/// Dropping the [`FuncTimer`] stops nothing. A timer of a run of goroutines that has ended does not run `f`.
///
/// # Panics
/// If the operating system cannot make the thread that waits. If it cannot make one for `f` when `f` is due, `f` runs
/// as soon as it can.
///
/// ```
/// use selvedge::chan::{after_func, bounded};
/// use std::time::Duration;
/// let (tx, rx) = bounded(1);
/// let timer = after_func(Duration::from_millis(1), move || tx.send("late").unwrap());
/// assert_eq!(rx.recv(), Ok("late"));
/// assert!(!timer.stop(), "it has run");
/// ```
#[doc(alias = "AfterFunc")]
#[track_caller]
pub fn after_func(duration: Duration, f: impl Fn() + Send + Sync + 'static) -> FuncTimer {
    let _entry = enter();
    let timer = Timer::new(Box::new(f));
    Timer::set(&timer, Some(after(duration)));
    FuncTimer(timer)
}

/// Returns the instant at which a timer is due.
fn after(duration: Duration) -> Instant {
    now() + duration.min(LONGEST)
}

/// A closure that runs at an instant, and can be stopped and set anew; made by [`after_func`].
///
/// Dropping it stops nothing. If it is stopped and dropped, its closure is dropped.
pub struct FuncTimer(Arc<Timer>);

impl FuncTimer {
    /// Stops the timer, and returns whether that came in time: then the closure does not run. If not, the timer was
    /// stopped before, or the closure has started or is about to; this does not wait for its end.
    ///
    /// ```
    /// use selvedge::chan::after_func;
    /// use std::time::Duration;
    /// let timer = after_func(Duration::from_secs(60), || unreachable!("it is stopped"));
    /// assert!(timer.stop() && !timer.stop());
    /// ```
    #[track_caller]
    pub fn stop(&self) -> bool {
        let _entry = enter();
        Timer::set(&self.0, None)
    }

    /// Sets the timer anew, to run the closure once `duration` has passed from now, and returns whether it was still to
    /// run.
    ///
    /// If it was, it runs once, at the new instant. If not, it runs once more. This does not wait for the end of an
    /// earlier run.
    ///
    /// ```
    /// use selvedge::chan::{after_func, bounded};
    /// use std::time::Duration;
    /// let (tx, rx) = bounded(1);
    /// let timer = after_func(Duration::from_secs(60), move || tx.send(1).unwrap());
    /// assert!(timer.reset(Duration::ZERO), "it was still to run");
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert!(!timer.reset(Duration::ZERO), "it runs again");
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn reset(&self, duration: Duration) -> bool {
        let _entry = enter();
        Timer::set(&self.0, Some(after(duration)))
    }
}

impl fmt::Debug for FuncTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("FuncTimer { .. }")
    }
}

// A timer settles its own state before its closure runs, which runs elsewhere.
impl core::panic::UnwindSafe for FuncTimer {}
impl core::panic::RefUnwindSafe for FuncTimer {}
