//! Waiting until somebody says that something has changed.

use crate::queue::{LazyWaiters, Wake};
use crate::rt::entry::enter;
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// A condition that threads wait for, with the lock that guards it: Go's `Cond`.
///
/// Unlocking and beginning to wait are one step: who changes the condition under the lock, and then signals,
/// misses nobody. [`signal`](Self::signal) wakes the one that has waited longest,
/// [`broadcast`](Self::broadcast) all that wait then; nobody who comes later takes a signal away. There are
/// no spurious wake-ups, but others may have been faster to take the lock: look at the condition again.
///
/// What happens before a signal happens before the wait that it ends returns.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::{Cond, Mutex};
/// let (ready, changed) = (Mutex::new(false), Cond::new());
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock() = true;
///         changed.signal();
///     });
///     let mut ready = ready.lock();
///     while !*ready {
///         changed.wait(&mut ready);
///     }
/// });
/// ```
pub struct Cond(LazyWaiters);

impl Cond {
    constructor! {
        /// A condition for which nobody waits.
        ///
        /// ```
        /// selvedge::sync::Cond::new().broadcast(); // nobody is there
        /// ```
        pub fn new() -> Cond {
            Cond(LazyWaiters::new())
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// use selvedge::sync::Cond;
    /// static CHANGED: Cond = Cond::const_new();
    /// CHANGED.signal();
    /// ```
    pub const fn const_new() -> Cond {
        Cond(LazyWaiters::const_new())
    }

    /// Unlocks, waits for a signal, and locks again.
    ///
    /// ```
    /// # use selvedge::{rt::thread, sync::{Cond, Mutex}};
    /// let (turn, changed) = (Mutex::new(0), Cond::new());
    /// thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *turn.lock() += 1;
    ///         changed.broadcast();
    ///     });
    ///     let mut turn = turn.lock();
    ///     while *turn == 0 {
    ///         changed.wait(&mut turn);
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn wait<R: lock_api::RawMutex, T: ?Sized>(&self, guard: &mut lock_api::MutexGuard<'_, R, T>) {
        let _entry = enter();
        self.wait_for(guard, None);
    }

    /// The same, for at most `timeout`; whether there was a signal.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let lock = Mutex::new(());
    /// assert!(!Cond::new().wait_timeout(&mut lock.lock(), Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout<R: lock_api::RawMutex, T: ?Sized>(
        &self,
        guard: &mut lock_api::MutexGuard<'_, R, T>,
        timeout: Duration,
    ) -> bool {
        let _entry = enter();
        self.wait_for(guard, now().checked_add(timeout))
    }

    /// The same, until `deadline` at most; whether there was a signal.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Instant;
    /// let lock = Mutex::new(());
    /// assert!(!Cond::new().wait_deadline(&mut lock.lock(), Instant::now()));
    /// ```
    #[track_caller]
    pub fn wait_deadline<R: lock_api::RawMutex, T: ?Sized>(
        &self,
        guard: &mut lock_api::MutexGuard<'_, R, T>,
        deadline: Instant,
    ) -> bool {
        let _entry = enter();
        self.wait_for(guard, Some(deadline))
    }

    fn wait_for<R: lock_api::RawMutex, T: ?Sized>(
        &self,
        guard: &mut lock_api::MutexGuard<'_, R, T>,
        deadline: Option<Instant>,
    ) -> bool {
        // Under the lock: whoever has it after us finds us in the queue.
        let ticket = self.0.make().enter();
        lock_api::MutexGuard::unlocked(guard, || ticket.wait(deadline).is_some())
    }

    /// Wakes the one that has waited longest; whether anybody waited.
    ///
    /// ```
    /// assert!(!selvedge::sync::Cond::new().signal());
    /// ```
    #[track_caller]
    pub fn signal(&self) -> bool {
        self.0.get().is_some_and(|queue| queue.wake_one(Wake::Woken))
    }

    /// Wakes all that wait now.
    ///
    /// ```
    /// selvedge::sync::Cond::new().broadcast();
    /// ```
    #[track_caller]
    pub fn broadcast(&self) {
        if let Some(queue) = self.0.get() {
            queue.wake_all();
        }
    }
}

impl Default for Cond {
    fn default() -> Self {
        Cond::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}
